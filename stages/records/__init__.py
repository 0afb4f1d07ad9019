"""The unified record and all that follows from its definition: the record and its ids, tasks and label tables, the linear
format that models read and write, the rules that JSON Schema cannot say, the command that validates files. Every data
artifact is made of these, so a change here changes published bytes: the format's tests pin it. Neither torch nor openai is
imported.
"""
