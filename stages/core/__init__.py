"""What every room needs and what knows nothing of the field: errors told in one line, files written whole or not at all,
the loader of `params.yaml`, JSON Schema, how a stage runs, what a stage's code depends on. A change here makes every stage
stale, so a helper belongs here only when rooms that share nothing else need it. Nothing here may know a record, a label or
a language model.
"""
