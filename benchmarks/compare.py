"""Whether `stages.scoring.compare` finds what is there and nothing else, and how long its draws take.

    python -m benchmarks.compare

Each simulated table is a test set of texts with one record in each language. What is right of a text is right in all its
languages: the extreme of what views and translations of one text do. Both systems are right on some texts, one of them
only on others. `planted`: the chance that only B is right exceeds the chance that only A is, by the difference that such a
table shows with a power of 80 %; counted is how often p < 0.05. `null`: both chances are equal. `null by record`: the same
tables with each record taken for a text of its own, as a bootstrap over records would. `speed`: 10,000 draws of two
systems' counts over 5,000 records of the 21 cells. Writes `benchmarks/results/compare.json`.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.common import RESULTS, print_table, seconds, write_results
from stages.core.files import read_json
from stages.records.tasks import SUBSETS
from stages.scoring.bootstrap import Row, collect, draws, widening
from stages.scoring.compare import DETECTABLE, POWER, Compared, compare
from stages.scoring.score import Counts

LANGS = ("en", "ja", "zh")
DISCORDANT = 0.5  # share of texts that just one of the systems has right
TEXTS = (13, 52, 200)  # a cell of the sample's test set, the whole of it, more
ALPHA = 0.05


def planted(texts: int) -> float:
    """The difference d (a share, not percent) that is `detectable`: d² = c² (DISCORDANT - d²) / texts, c standard errors."""
    errors = DETECTABLE * widening(texts) * math.sqrt((texts - 1) / texts)
    return errors * math.sqrt(DISCORDANT / (texts + errors**2))


def simulated(texts: int, difference: float, generator: np.random.Generator) -> list[Compared]:
    """A table whose true difference in TL and ALL is `difference`; WL differs as far as it follows them."""
    only = (DISCORDANT - difference) / 2, (DISCORDANT + difference) / 2
    outcomes = generator.choice(4, size=texts, p=[*only, (1 - DISCORDANT) / 2, (1 - DISCORDANT) / 2])
    spans = generator.binomial(3, 0.4, size=(texts, 2)).tolist()
    rows: list[Compared] = []
    for n, outcome in enumerate(outcomes.tolist()):
        both = []
        for side in (0, 1):
            right = int(outcome in (side, 2))
            both.append(Counts(right, 1, 1, 3 if right else spans[n][side], 3, 3, right))
        rows += [(f"{n:016x}", (lang, "SCNM"), *both) for lang in LANGS]  # type: ignore[misc]
    return rows


def by_record(rows: Sequence[Compared]) -> list[Compared]:
    """The same table, each record its own group."""
    return [(f"{n:016x}", *row[1:]) for n, row in enumerate(rows)]


def rates(tables: Iterator[list[Compared]], resamples: int) -> dict[str, float]:
    """How often p < 0.05 over all records, in percent, for WL and ALL, and the mean detectable difference of ALL."""
    found, detectable = {"WL": 0, "ALL": 0}, []
    for n, rows in enumerate(tables):
        scope = compare(rows, resamples, n)["all"]
        for level in found:
            found[level] += scope[level]["p"] < ALPHA
        detectable.append(scope["ALL"].get("detectable", 0.0))
    share = {level: round(100 * count / len(detectable), 1) for level, count in found.items()}
    return {**share, "detectable": round(float(np.mean(detectable)), 2)}


def records(count: int) -> list[Row]:
    """Counts of two systems on `count` records: texts in all languages, the reviews in all their views too."""
    generator = np.random.default_rng(0)
    rows: list[Row] = []
    for n in range(count):
        subset = SUBSETS[n % len(SUBSETS)]
        views = [name for name in SUBSETS if name.startswith("SCPOS")] if subset.startswith("SCPOS") else [subset]
        for lang in LANGS:
            for view in views:
                hits, spans = generator.integers(0, 2, size=4).tolist(), generator.integers(0, 8, size=6).tolist()
                a = hits[0], 1, 1, min(spans[:3]), *spans[1:3], hits[1]
                b = hits[2], 1, 1, min(spans[1:4]), spans[3], spans[2], hits[3]
                rows.append((f"{n:016x}", (lang, view), (*a, *b)))
    return rows[:count]


def power(tables: int, resamples: int) -> dict[str, Any]:
    """What is found in simulated tables of each kind and size."""
    generator = np.random.default_rng(0)
    results: dict[str, Any] = {"tables": tables, "resamples": resamples, "power": 100 * POWER}
    lines = []
    for texts in TEXTS:
        effect = planted(texts)
        kinds = {
            "planted": (simulated(texts, effect, generator) for _ in range(tables)),
            "null": (simulated(texts, 0.0, generator) for _ in range(tables)),
            "null by record": (by_record(simulated(texts, 0.0, generator)) for _ in range(tables)),
        }
        own = {kind: rates(simulations, resamples) for kind, simulations in kinds.items()}
        results[f"{texts} texts"] = {"planted_difference": round(100 * effect, 2), **own}
        lines += [[f"{texts} texts, {kind}", *row.values()] for kind, row in own.items()]
    print_table([f"p < {ALPHA}, % of {tables:,} tables", "WL", "ALL", "detectable"], lines)
    return results


def speed(rounds: int) -> dict[str, Any]:
    """The best of some rounds, for texts that share cells and for records without relatives."""
    shared = records(5000)
    single: list[Row] = [(f"{n:016x}", cell, counts) for n, (_, cell, counts) in enumerate(shared)]
    tables = {"texts in several cells": collect(shared), "each record its own text": collect(single)}
    taken = seconds({name: lambda t=t: draws(t, 10_000, 0) for name, t in tables.items()}, rounds)  # type: ignore[misc]
    print_table(["10,000 draws of 5,000 records", "seconds"], [[name, f"{value:.3f}"] for name, value in taken.items()])
    return {"seconds_10000_draws_of_5000_records": {name: round(value, 3) for name, value in taken.items()}}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__.split("\n")[0])
    parser.add_argument("--part", choices=("power", "speed"), help="only this one (default both)")
    parser.add_argument("--tables", type=int, default=1000, help="simulated of each kind (default 1000)")
    parser.add_argument("--resamples", type=int, default=1000, help="of each table (default 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="the best of so many counts for speed (default 5)")
    options = parser.parse_args(arguments)
    results = read_json(RESULTS / "compare.json") if options.part else {}
    if options.part != "speed":
        results |= power(options.tables, options.resamples)
    if options.part != "power":
        results |= speed(options.rounds)
    write_results("compare", results)


if __name__ == "__main__":
    main(sys.argv[1:])
