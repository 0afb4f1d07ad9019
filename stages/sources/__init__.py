"""Stage `raw`: one adapter for each form of data set, each a module with `records(source)`, and what they share in `common`.
An adapter reads a file of one stated form and gives unified records, or refuses the file by name; it never guesses and never
drops an annotation without counting it. A new data set is a new module, its name in `Source.adapter`, and a line in `raw`.
"""
