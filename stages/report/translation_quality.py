"""How good a translation is beside its hand-made reference: figures of records, and their intervals.

- chrf: mean sentence chrF of the texts (Popović 2015; sacrebleu's default: characters, order 6, beta 2), 0 to 100.
- span_f1: micro F1 of the multisets of span texts a record. label_f1: the same of whole extractions, label and spans.

Where there is no record there is no figure. Intervals and differences are those of `stages.scoring.bootstrap`: texts are
drawn, each with all its views and languages, and the intervals of few texts are widened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from sacrebleu.metrics.chrf import CHRF

from stages.records.record import Record, fields_of
from stages.records.tasks import task_of
from stages.scoring.bootstrap import Array, collect, draws, span
from stages.scoring.score import Cell, nest

FIGURES = ("chrf", "span_f1", "label_f1")


class Measured(NamedTuple):
    """One reference and what became of its record: sums that figures are made of.

    chrf is the sentence's, 0 where the record was lost; each triple is (right, translated, reference).
    """

    group: str
    cell: Cell
    kept: int
    chrf: float
    spans: tuple[int, int, int]
    labels: tuple[int, int, int]


def spans(record: Record) -> Counter[str]:
    """Multiset of span texts."""
    return Counter(span["text"] for item in record["extractions"] for span in item["spans"])


def extractions(record: Record) -> Counter[tuple[str, ...]]:
    """Multiset of extractions as field tuples."""
    task = task_of(record["subset"], record["task"])
    return Counter(fields_of(item, task) for item in record["extractions"])


@cache
def sentence_chrf(text: str, reference: str) -> float:
    """chrF of one text; the views of a text ask for it again."""
    return float(CHRF().sentence_score(text, [reference]).score)


def _counts(
    left: Counter[str] | Counter[tuple[str, ...]], right: Counter[str] | Counter[tuple[str, ...]]
) -> tuple[int, int, int]:
    return (left & right).total(), left.total(), right.total()  # type: ignore[operator]


def measure(record: Record | None, reference: Record) -> Measured:
    """A translation beside its reference; None is a lost one."""
    empty: Record = {**reference, "extractions": []}
    return Measured(
        reference["group"],
        (reference["lang"], reference["subset"]),
        int(record is not None),
        sentence_chrf(record["text"], reference["text"]) if record else 0.0,
        _counts(spans(record or empty), spans(reference)),
        _counts(extractions(record or empty), extractions(reference)),
    )


def counts(item: Measured) -> tuple[float, ...]:
    """What a record adds to the sums: chrf and the two triples; the last column, its number, `collect` adds."""
    return (item.chrf, *item.spans, *item.labels)


def figures(sums: Array) -> dict[str, Array]:
    """chrf, span_f1, label_f1 of sums whose last axis is `counts` and the number of records, NaN where that is 0.

    Where there is nothing to find and nothing was found, F1 is 100.
    """
    n = sums[..., -1]
    none = np.where(n > 0, 0.0, np.nan)

    def f1(right: Array, left: Array, reference: Array) -> Array:
        both = left + reference
        value: Array = np.where(both > 0, 200 * right / np.maximum(both, 1), 100.0) + none
        return value

    return {
        "chrf": sums[..., 0] / np.maximum(n, 1) + none,
        "span_f1": f1(*np.moveaxis(sums[..., 1:4], -1, 0)),
        "label_f1": f1(*np.moveaxis(sums[..., 4:7], -1, 0)),
    }


def summary(measured: Sequence[Measured]) -> dict[str, float]:
    """The figures of some records, with 2 digits; none of no record."""
    if not measured:
        return {}
    sums = np.array([(*counts(item), 1.0) for item in measured]).sum(axis=0)
    return {name: round(float(value), 2) for name, value in figures(sums).items()}


def intervals(measured: Sequence[Measured], resamples: int, seed: int) -> dict[str, Any]:
    """The interval of each figure, nested {lang: {SUBSET: {figure: {low, high}}, "all": …}, "all": …}; {} of no record."""
    if not measured:
        return {}
    table = collect((item.group, item.cell, counts(item)) for item in measured)
    drawn = draws(table, resamples, seed)

    def own(cells: list[int]) -> dict[str, dict[str, float]]:
        groups = len(table.by_group(cells))
        return {name: span(values, groups) for name, values in figures(drawn[:, cells].sum(axis=1)).items()}

    return nest({cell: n for n, cell in enumerate(table.cells)}, own)


def differences(
    left: Sequence[Measured],
    right: Sequence[Measured],
    resamples: int,
    seed: int,
    names: Sequence[str] = FIGURES,
) -> dict[str, Any]:
    """right minus left on the same references, paired: {figure: {difference, low, high}}, nested like `intervals`."""
    if not left:
        return {}
    table = collect((a.group, a.cell, (*counts(a), *counts(b))) for a, b in zip(left, right, strict=True))
    observed, drawn = table.observed(), draws(table, resamples, seed)
    width = len(counts(left[0]))

    def minus(sums: Array) -> dict[str, Array]:
        ours, theirs = figures(sums[..., width:]), figures(sums[..., [*range(width), -1]])
        return {name: ours[name] - theirs[name] for name in names}

    def own(cells: list[int]) -> dict[str, dict[str, float]]:
        groups, others = len(table.by_group(cells)), minus(drawn[:, cells].sum(axis=1))
        found = minus(observed[cells].sum(axis=0))
        return {
            name: {"difference": round(float(value), 2), **span(others[name], groups)} for name, value in found.items()
        }

    return nest({cell: n for n, cell in enumerate(table.cells)}, own)
