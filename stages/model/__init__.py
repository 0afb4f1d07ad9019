"""The model: fetching a base, training on the mix, predicting, and the grammar that keeps predictions well-formed. A wrong
re-run costs most here, so the room is small and imports little: `base` and `train` know files and tokens, not records.
What is shared by the three (precision, the tokens of an example, folders that appear whole) stands in `common`.
"""
