"""Bootstrap by group: what becomes of sums over records when the test set is drawn anew, and intervals of the scores.

Records of one text are not independent: its views and its translations are right or wrong together. So groups are drawn,
each with all its records, in whatever cells, (language, sub-dataset), they lie (a cluster bootstrap: Field & Welsh,
J. R. Statist. Soc. B 69(3), 2007). Strata are the connected components of cells that share a group: for the sample
SCNM in all languages, the four views of SCPOS in all languages, TCREE, TCONER. Within one, as many groups are drawn, with
replacement, as it has; where every text of a stratum is in all its cells, each draw holds as many records of a cell as the
test set. Strata of groups with equal sets of cells would do the same there, but a text whose translation was lost would
then stand alone in a stratum, and a stratum of one varies by nothing. Records without relatives give each cell a stratum
of its own: the stratified bootstrap over records.

Draws from few texts vary too little, and a cell of the sample has 13: with them, a plain percentile interval of 95 %
misses in 8 to 9 %. So intervals are expanded (`widening`; measured in benchmarks/results/compare.json).

Two systems are drawn together: put the counts of both side by side, as `stages.scoring.compare` does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]
from scipy.special import ndtr, ndtri, stdtrit  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from stages.core.config import Count, Seed
from stages.core.errors import UserError
from stages.records.tasks import LEVELS
from stages.scoring.score import Cell, Counts, nest


@dataclass(frozen=True)
class Evaluate:
    """Section `evaluate`: how many times the test set is drawn anew for an interval."""

    resamples: Count
    seed: Seed


Array = npt.NDArray[np.float64]
Row = tuple[str, Cell, Sequence[float]]  # group, cell, what the record adds to each column

AT_ONCE = 1 << 19  # drawn indices held at a time: they and their counts stay in a core's cache
# A multinomial draw of one kind of group costs about as much as drawing so many groups one by one.
KIND_COST = 8
LEVEL = 95  # of the intervals, in percent
TAIL = (1 + LEVEL / 100) / 2
Z = float(ndtri(TAIL))


class Stratum(NamedTuple):
    """Cells that share groups: `cells` are indices into the table's, `sums` is groups x cells x columns."""

    cells: npt.NDArray[np.intp]
    sums: Array


class Table(NamedTuple):
    """Sums over the records of each group and cell; cells are sorted, and groups within a stratum."""

    cells: list[Cell]
    groups: int
    strata: list[Stratum]

    def observed(self) -> Array:
        """The sums as they are: cells x columns."""
        total = np.zeros((len(self.cells), self.strata[0].sums.shape[2]))
        for stratum in self.strata:
            total[stratum.cells] = stratum.sums.sum(axis=0)
        return total

    def by_group(self, cells: Sequence[int]) -> Array:
        """The sums over these cells of each group that has records in them: groups x columns."""
        rows = [stratum.sums[:, np.isin(stratum.cells, cells)].sum(axis=1) for stratum in self.strata]
        return np.vstack([own[own[:, -1] > 0] for own in rows])


def collect(rows: Iterable[Row]) -> Table:
    """The table of some records, in any order; a column with their number is added at the end.

    Raises:
        UserError: no record.
    """
    names, places, counts = [], [], []
    for name, cell, added in rows:
        names.append(name)
        places.append(cell)
        counts.append(added)
    if not counts:
        raise UserError("bootstrap", "there is no record to draw", "score against a test set that is not empty")
    cells = sorted(set(places))
    index = {cell: n for n, cell in enumerate(cells)}
    place = np.array([index[cell] for cell in places])
    number = {group: n for n, group in enumerate(sorted(set(names)))}
    group = np.array([number[name] for name in names])
    values = np.column_stack([np.array(counts, dtype=np.float64), np.ones(len(counts))])
    part_of = _components(group, place, len(cells))
    strata = []
    for part in np.unique(part_of):
        own = np.flatnonzero(part_of == part)
        inside = part_of[place] == part
        present, row = np.unique(group[inside], return_inverse=True)
        sums = np.zeros((len(present), len(own), values.shape[1]))
        np.add.at(sums, (row, np.searchsorted(own, place[inside])), values[inside])
        strata.append(Stratum(own, sums))
    return Table(cells, len(number), strata)


def _components(group: npt.NDArray[Any], place: npt.NDArray[Any], cells: int) -> npt.NDArray[np.intp]:
    """For each cell the number of the stratum that it falls in: cells are connected by the groups that they share."""
    nodes = int(group.max()) + 1 + cells  # groups, then cells
    edges = np.ones(len(group), dtype=bool), (group, place + nodes - cells)
    _, part_of = connected_components(coo_array(edges, shape=(nodes, nodes)), directed=False)
    found: npt.NDArray[np.intp] = part_of[nodes - cells :]
    return found


def draws(table: Table, resamples: int, seed: int) -> Array:
    """The sums of `resamples` drawn test sets: resamples x cells x columns.

    Each stratum has its own generator, so that what is drawn of it does not depend on which others there are.

    Raises:
        UserError: fewer than one resample.
    """
    if resamples < 1:
        raise UserError("evaluate: resamples", f"{resamples} is not enough", "1000 or more, in params.yaml")
    result = np.zeros((resamples, len(table.cells), table.strata[0].sums.shape[2]))
    for stratum in table.strata:
        name = ",".join(".".join(table.cells[cell]) for cell in stratum.cells)
        generator = np.random.default_rng([seed, *name.encode()])
        flat = stratum.sums.reshape(len(stratum.sums), -1)
        # Blocks are small: on a busy machine several threads wait for each other far longer than they work.
        with threadpool_limits(1, user_api="blas"):
            drawn = _drawn(flat, resamples, generator)
        result[:, stratum.cells] = drawn.reshape(resamples, *stratum.sums.shape[1:])
    return result


def _drawn(values: Array, resamples: int, generator: np.random.Generator) -> Array:
    """Sums of as many rows of `values` as it has, drawn with replacement, `resamples` times.

    How often each row is drawn, times the rows, a block of resamples at a time. Equal rows are alike to any sum: where
    there are few kinds, as in a test set of many short records, one multinomial draw says how often each kind comes. The
    distribution is the same, and the cost does not grow with the records.
    """
    n = len(values)
    kinds, times = np.unique(values, axis=0, return_counts=True)
    by_kind = len(kinds) * KIND_COST <= n
    rows = kinds if by_kind else values
    block = max(1, AT_ONCE // len(rows))
    result = np.empty((resamples, values.shape[1]))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        if by_kind:
            weights = generator.multinomial(n, times / n, size=size)
        else:
            index = generator.integers(0, n, size=(size, n), dtype=np.uint32 if n > 0xFFFF else np.uint16)
            places = index + np.arange(0, size * n, n)[:, None]
            weights = np.bincount(places.ravel(), minlength=size * n).reshape(size, n)
        np.matmul(weights.astype(np.float64), rows, out=result[start : start + size])
    return result


def figures(sums: Array) -> dict[str, Array]:
    """TL, WL and ALL in percent, by the formulas of `stages.scoring.score`, of sums whose last axis is Counts and the records.

    NaN where a draw holds no record of the cell, which only happens to a cell that not all texts of its stratum are in.
    """
    tl_hit, tl_pred, tl_gold, tp, n_pred, n_gold, exact, n = np.moveaxis(sums, -1, 0)
    none = np.where(n > 0, 0.0, np.nan)

    def f1(right: Array, both: Array) -> Array:
        value: Array = np.where(both > 0, 200 * right / np.maximum(both, 1), 100.0) + none
        return value

    return {
        "TL": f1(tl_hit, tl_pred + tl_gold),
        "WL": f1(tp, n_pred + n_gold),
        "ALL": 100 * exact / np.maximum(n, 1) + none,
    }


def asked(table: Table) -> tuple[str, ...]:
    """The levels that the gold asks for, as `score.asked` has it; the first columns must be Counts."""
    total = Counts(*table.observed().sum(axis=0)[: len(Counts._fields)])
    return tuple(
        level for level, present in zip(LEVELS, (total.tl_gold > 0, total.n_gold > 0, True), strict=True) if present
    )


def widening(groups: int) -> float:
    """By how much draws of so few groups vary too little: sqrt(n / (n - 1)) times Student's quantile over the normal one.

    The expanded percentile interval (Hesterberg, The American Statistician 69(4), 2015), at `LEVEL`. Of one group nothing
    can be said, and nothing is widened.
    """
    if groups < 2:
        return 1.0
    return math.sqrt(groups / (groups - 1)) * float(stdtrit(groups - 1, TAIL)) / Z


def span(values: Array, groups: int) -> dict[str, float]:
    """The expanded percentile interval of values drawn from so many groups, with 2 digits."""
    tail = 100 * float(ndtr(-Z * widening(groups)))
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return {"low": round(float(low), 2), "high": round(float(high), 2)}


def intervals(rows: Iterable[tuple[str, str, Cell, Counts]], resamples: int, seed: int) -> dict[str, Any]:
    """Expanded percentile intervals of the scores: {resamples, seed, level, intervals: nested {TL, WL, ALL}}.

    `rows` are (id, group, cell, counts), as `score.counts_by_id` gives them.

    Raises:
        UserError: no record, or fewer than one resample.
    """
    table = collect((group, cell, counts) for _, group, cell, counts in rows)
    levels, drawn = asked(table), draws(table, resamples, seed)

    def summary(own: list[int]) -> dict[str, dict[str, float]]:
        values, groups = figures(drawn[:, own].sum(axis=1)), len(table.by_group(own))
        return {level: span(values[level], groups) for level in levels}

    nested = nest({cell: n for n, cell in enumerate(table.cells)}, summary)
    return {"resamples": resamples, "seed": seed, "level": LEVEL, "intervals": nested}
