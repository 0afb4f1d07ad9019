"""A partial-span F1 beside the exact one: an extraction counts by the share of characters that its spans have right.

Two extractions are compared if their labels are the same. A pair of spans counts twice the code points that they share in the
text over the lengths of both (Dice), a relation or event the mean over its spans, and nothing where one of them shares
nothing. Gold and predicted extractions are paired one to one so that the sum is greatest; the sum takes the place of
the right ones in F1. Where all spans are exact or wrong, it is the exact score; it is never below it.

In the field's terms: partial credit by character overlap, and an optimal one-to-one alignment as in CEAF (Luo, 2005; Chen et al.,
2023, arXiv 2310.13793, have one frame for such scores). MUC and SemEval-2013 differ: their partial match gives one half to any
overlap. It is not MASSIE's LF1 (Le et al., ACL 2025), of which this project could read the abstract alone, not the formula.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from stages.records.record import occurrences

Fields = tuple[str, ...]


def shared(text: str, left: str, right: str) -> int:
    """The most code points that two spans share in the text, at any of their places; all of equal ones, in the text or not."""
    if left == right:
        return len(left)
    if not left or not right:
        return 0
    return max(
        (
            min(start + len(left), other + len(right)) - max(start, other)
            for start in occurrences(text, left)
            for other in occurrences(text, right)
        ),
        default=0,
    )


def similarity(text: str, left: Sequence[str], right: Sequence[str]) -> float:
    """0 to 1 of two extractions' spans, field by field; a field that both leave empty says nothing."""
    values = []
    for one, other in zip(left, right, strict=True):
        if one or other:
            both = max(shared(text, one, other), 0)
            if not both:
                return 0.0
            values.append(2 * both / (len(one) + len(other)))
    return sum(values) / len(values) if values else 1.0


def partial_matches(text: str, gold: Sequence[tuple[str, Fields]], predicted: Sequence[tuple[str, Fields]]) -> float:
    """The greatest sum of similarities of a one-to-one pairing of (label, spans); exact ones count 1 each."""
    if not gold or not predicted:
        return 0.0
    worth = np.zeros((len(predicted), len(gold)))
    for row, (label, spans) in enumerate(predicted):
        for column, (other, wanted) in enumerate(gold):
            if label == other:
                worth[row, column] = similarity(text, spans, wanted)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return float(worth[rows, columns].sum())
