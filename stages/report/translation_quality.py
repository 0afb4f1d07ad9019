"""How good a translation is beside its hand-made reference: figures of records, and intervals of their sums.

- chrf: mean sentence chrF of the texts (Popović 2015; sacrebleu's default: characters, order 6, beta 2), 0 to 100.
- span_f1: micro F1 of the multisets of span texts a record. label_f1: the same of whole extractions, label and spans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sacrebleu.metrics.chrf import CHRF

from stages.records.record import Record, fields_of
from stages.records.tasks import task_of

LEVEL = 95  # of the intervals, in percent
FIGURES = ("chrf", "span_f1", "label_f1")
Array = npt.NDArray[np.float64]


class Measured(NamedTuple):
    """One reference and what became of its record: sums that figures are made of.

    chrf is the sentence's, 0 where the record was lost; each triple is (right, translated, reference).
    """

    group: str
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
    none: Counter[str] = Counter()
    if record is None:
        return Measured(
            reference["group"], 0, 0.0, _counts(none, spans(reference)), _counts(none, extractions(reference))
        )
    return Measured(
        reference["group"],
        1,
        sentence_chrf(record["text"], reference["text"]),
        _counts(spans(record), spans(reference)),
        _counts(extractions(record), extractions(reference)),
    )


def rows(measured: Sequence[Measured]) -> Array:
    """One row a record: 1, chrf, and the two triples."""
    return np.array([(1.0, item.chrf, *item.spans, *item.labels) for item in measured], dtype=float).reshape(-1, 8)


def figures(sums: Array) -> dict[str, Array]:
    """chrf, span_f1, label_f1 from sums of `rows` over their last axis; no records give 0, nothing to find gives 100."""

    def f1(right: Array, left: Array, reference: Array) -> Array:
        both = left + reference
        return np.where(both > 0, 200 * right / np.maximum(both, 1), np.where(sums[..., 0] > 0, 100.0, 0.0))

    chrf = sums[..., 1] / np.maximum(sums[..., 0], 1)
    return {
        "chrf": chrf,
        "span_f1": f1(*np.moveaxis(sums[..., 2:5], -1, 0)),
        "label_f1": f1(*np.moveaxis(sums[..., 5:8], -1, 0)),
    }


def summary(measured: Sequence[Measured]) -> dict[str, float]:
    """The figures of some records, with 2 digits."""
    return {name: round(float(value), 2) for name, value in figures(rows(measured).sum(axis=0)).items()}


def by_group(values: Array, groups: Sequence[str]) -> Array:
    """Rows summed over the records of each group: groups x columns."""
    index = {group: n for n, group in enumerate(sorted(set(groups)))}
    sums = np.zeros((len(index), values.shape[1]))
    np.add.at(sums, [index[group] for group in groups], values)
    return sums


def resampled(sums: Array, resamples: int, seed: int) -> Array:
    """Bootstrap sums, resamples x columns: groups are drawn with replacement, since their records share a text."""
    generator = np.random.default_rng(seed)
    n = len(sums)
    return generator.multinomial(n, np.full(n, 1 / n), size=resamples) @ sums


def interval(values: Array) -> dict[str, float]:
    """The percentile interval of bootstrap values."""
    low, high = np.percentile(values, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return {"low": round(float(low), 2), "high": round(float(high), 2)}


def intervals(measured: Sequence[Measured], resamples: int, seed: int) -> dict[str, dict[str, float]]:
    """The interval of each figure."""
    if not measured:
        return {}
    sums = resampled(by_group(rows(measured), [item.group for item in measured]), resamples, seed)
    return {name: interval(values) for name, values in figures(sums).items()}


def difference(
    left: Sequence[Measured], right: Sequence[Measured], resamples: int, seed: int, names: Sequence[str] = FIGURES
) -> dict[str, dict[str, float]]:
    """right minus left on the same references, paired: the difference of each figure and its interval."""
    if not left:
        return {}
    groups = [item.group for item in left]
    both = np.hstack([rows(left), rows(right)])

    def minus(sums: Array) -> dict[str, Array]:
        ours, theirs = figures(sums[..., 8:]), figures(sums[..., :8])
        return {name: ours[name] - theirs[name] for name in names}

    drawn = minus(resampled(by_group(both, groups), resamples, seed))
    return {
        name: {"difference": round(float(value), 2), **interval(drawn[name])}
        for name, value in minus(both.sum(axis=0)).items()
    }
