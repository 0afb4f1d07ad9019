"""Which name of a translation is which of its source: the best assignment by the scores of pairs (`name_score`), one to one, over the
spans that are annotated. All thresholds are in `tables/names.yaml`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from stages.checks.kinds import Name, spans_of
from stages.checks.name_score import ALIKE, scores
from stages.checks.sinograms import may_be_read_otherwise, speaks_of_korea
from stages.checks.tables import table
from stages.records.record import Record
from stages.records.tasks import subset

FAR, LONG, UNTOLD = (float(table("names")[name]) for name in ("far", "long", "untold"))


class Match(NamedTuple):
    """How the names go together, each used once; `untold`: pairs of which one may be the other's translation."""

    pairs: list[tuple[Name, Name]]
    untold: list[tuple[Name, Name]]
    strangers: list[tuple[Name, Name]]  # of one kind, left over on both sides, and nothing alike
    lost: list[Name]  # of the source
    new: list[Name]  # of the target


def _dotted(span: Name) -> bool:
    return span.kind == "person" and ("·" in span.text or "・" in span.text)


def _alike(name: Name, span: Name) -> float:
    return LONG if _dotted(span) else ALIKE[name.kind]


def _far(name: Name, span: Name) -> float:
    return LONG if _dotted(span) and name.kind == "person" else FAR


def match(source: Record, target: Record) -> Match:
    """Each name of the source with the span of the target that can be its translation; the whole scores as much as may be.

    Of two records without a name nothing is asked.
    """
    direction = source["lang"], target["lang"]
    home = subset(source["subset"]).source_lang
    ours, theirs = spans_of(source, home), spans_of(target, home)
    if not any(name.kind for name in (*ours, *theirs)):
        return Match([], [], [], [], [])  # the other spans are only what a name might be taken for
    elsewhere = (may_be_read_otherwise if direction[1] == "en" else speaks_of_korea)(source["text"])
    table = scores(tuple(ours), tuple(theirs), direction, elsewhere)
    result, left, right = Match([], [], [], [], []), set(range(len(ours))), set(range(len(theirs)))
    if ours and theirs:
        values = np.array(
            [
                [
                    UNTOLD if value is None else value * (value >= _alike(name, span))
                    for span, value in zip(theirs, row, strict=True)
                ]
                for name, row in zip(ours, table, strict=True)
            ]
        )
        for n, k in zip(*linear_sum_assignment(values, maximize=True), strict=True):
            value = table[n][k]
            if value is None:
                result.untold.append((ours[n], theirs[k]))
            elif value >= _alike(ours[n], theirs[k]):
                result.pairs.append((ours[n], theirs[k]))
            else:
                continue
            left.discard(n)
            right.discard(k)
    for n in left:
        for k in right:
            value = table[n][k]
            if ours[n].kind == theirs[k].kind != "" and value is not None and value < _far(ours[n], theirs[k]):
                result.strangers.append((ours[n], theirs[k]))
    result.lost.extend(ours[n] for n in sorted(left) if ours[n].kind)
    result.new.extend(theirs[n] for n in sorted(right) if theirs[n].kind)
    return result
