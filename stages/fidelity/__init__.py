"""How good the checks are: wrong translations made from right ones by rule (a name, a number, a clause, a negation, an offset
changed), and the share of them that the checks find, beside the true references that they refuse. The corruptor knows nothing
of the checks, nor they of it; its word lists are in `words.yaml`.
"""
