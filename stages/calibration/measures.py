"""Measures of agreement: Cohen's kappa, Krippendorff's alpha (nominal), F1 between two annotators, with bootstrap intervals.

Every measure is a function of sums over texts, so that an interval is got by drawing texts, not items: what stands in one text
is not independent. Values are in [-1, 1] or [0, 1]; None where a measure has no value, as kappa where both give one label only.

Cohen, J. (1960), Educational and Psychological Measurement 20(1). Krippendorff, K. (2011), Computing Krippendorff's
Alpha-Reliability.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from stages.records.record import Extraction

Array = NDArray[np.float64]


def kappa(tables: Array) -> Array:
    """Cohen's kappa of confusion tables [..., K, K]; NaN where chance agreement is 1 or nothing was counted."""
    total = tables.sum(axis=(-1, -2))
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.trace(tables, axis1=-2, axis2=-1) / total
        chance = (tables.sum(-1) * tables.sum(-2)).sum(-1) / total**2
        return np.asarray((observed - chance) / np.where(chance == 1, np.nan, 1 - chance))


def alpha(coincidences: Array) -> Array:
    """Krippendorff's nominal alpha of coincidence matrices [..., K, K]; NaN where only one value occurs."""
    counts = coincidences.sum(-1)
    total = counts.sum(-1)
    unlike = total - np.trace(coincidences, axis1=-2, axis2=-1)
    expected = total**2 - (counts**2).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 - (total - 1) * unlike / np.where(expected == 0, np.nan, expected))


def coincidences(units: Sequence[Sequence[Hashable]], values: Sequence[Hashable]) -> Array:
    """The coincidence matrix [K, K] of units, each the values that annotators gave it; a unit with one value counts nothing."""
    index, result = {value: n for n, value in enumerate(values)}, np.zeros((len(values), len(values)))
    for unit in units:
        if len(unit) < 2:
            continue
        counts = np.zeros(len(values))
        for value in unit:
            counts[index[value]] += 1
        result += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    return result


def f1(sums: Array) -> Array:
    """F1 of [..., 3]: credit of the matched pairs, extractions of the one, of the other; NaN where neither has any."""
    both = sums[..., 1] + sums[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(2 * sums[..., 0] / np.where(both == 0, np.nan, both))


def interval(
    statistics: Array, measure: Callable[[Array], Array], resamples: int, seed: int
) -> dict[str, float | None]:
    """A measure of the sum of per-text statistics [texts, ...], with its 95 % percentile interval over drawn texts.

    Draws of which the measure has no value are left out; the interval is None where that is more than half of them.
    """
    value = float(measure(statistics.sum(0)))
    result: dict[str, float | None] = {"value": None if np.isnan(value) else round(value, 4), "low": None, "high": None}
    if result["value"] is None or len(statistics) < 2:
        return result
    rng, n = np.random.default_rng(seed), len(statistics)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=resamples)
    drawn = measure(np.tensordot(weights, statistics, axes=1))
    drawn = drawn[~np.isnan(drawn)]
    if 2 * len(drawn) > resamples:
        low, high = np.percentile(drawn, [2.5, 97.5])
        result |= {"low": round(float(low), 4), "high": round(float(high), 4)}
    return result


def _spans(item: Extraction) -> dict[Any, set[int]]:
    """The code points of an extraction by role, or by number for mentions and relations."""
    return {
        span.get("role", n): set(range(span["start"], span["start"] + len(span["text"])))
        if span["start"] is not None
        else set()
        for n, span in enumerate(item["spans"])
    }


def overlap(one: Extraction, other: Extraction) -> float:
    """How much of two extractions is the same, in [0, 1]: 0 under different labels, else the mean over their spans of twice
    the code points that they share, over all of both."""
    if one == other or one["label"] != other["label"]:
        return float(one == other)
    left, right = _spans(one), _spans(other)
    parts = list[float]()
    for role in left.keys() | right.keys():
        a, b = left.get(role, set()), right.get(role, set())
        parts.append(2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0)
    return sum(parts) / len(parts)


def matched(ones: Sequence[Extraction], others: Sequence[Extraction]) -> tuple[float, float]:
    """(how many extractions are the same in label and places, the sum of overlaps under the one-to-one pairing of the
    two lists that makes it largest)."""
    if not ones or not others:
        return 0.0, 0.0
    rest, same = list(others), 0
    for one in ones:
        if one in rest:
            rest.remove(one)
            same += 1
    credit = np.array([[overlap(one, other) for other in others] for one in ones])
    rows, columns = linear_sum_assignment(credit, maximize=True)
    return float(same), float(credit[rows, columns].sum())
