"""How long translations are, by the classes of characters of their sources, and how many of the source's words have a counterpart:
the tables of `stages/checks/clause.py`.

    python -m benchmarks.lengths

Least squares of the natural logarithm of a translation's length, over the references of the sample and of
`data/fidelity/tuning_*.jsonl`, one a text. The held-out texts are left out. Writes `benchmarks/results/lengths.json`: for each
pair of languages the code points for one of each class, the deviation, and the texts; the table in the code was set by hand
after a run on fewer texts, and is not read from there.
"""

from __future__ import annotations

import sys
from collections import defaultdict

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]

from benchmarks.common import print_table, write_results
from stages.checks.clause import ANSWERED, LENGTH, asked, classes
from stages.core.errors import UserError
from stages.fidelity.corruptions import pairs
from stages.records.record import Record
from stages.records.rules import read_records
from stages.records.tasks import subset

TEXTS = ("data/fidelity/tuning_en.jsonl", "data/fidelity/tuning_ja.jsonl")


def fit(counts: list[list[int]], lengths: list[int]) -> tuple[list[float], float]:
    """(code points for one of each class, deviation of the logarithm); the coefficients are positive."""
    table, wanted = np.array(counts, float), np.log(np.array(lengths, float))

    def loss(logarithms: np.ndarray) -> float:
        return float(np.mean((np.log(np.maximum(table @ np.exp(logarithms), 1e-6)) - wanted) ** 2))

    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-6, "fatol": 1e-10}
    found = minimize(loss, np.full(table.shape[1], np.log(0.8)), method="Nelder-Mead", options=options)
    return [round(float(value), 3) for value in np.exp(found.x)], round(float(np.sqrt(found.fun)), 4)


def main() -> None:
    fresh = [record for path in TEXTS for record in read_records(path)]
    written: list[Record] = [record for record in fresh if record["lang"] == subset(record["subset"]).source_lang]
    ids = {record["id"] for record in written}
    sources = [*read_records("data/raw/records.jsonl"), *written]
    references = [*read_records("data/raw/references.jsonl"), *(record for record in fresh if record["id"] not in ids)]
    rows: dict[tuple[str, str], dict[str, tuple[list[int], int]]] = defaultdict(dict)
    words: dict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
    for pair in pairs(references, sources):
        source, target = pair.source, pair.reference
        counts = classes(source["text"], source["lang"])
        rows[source["lang"], target["lang"]].setdefault(source["group"], (counts, len(target["text"])))
        words[source["lang"], target["lang"]].setdefault(source["group"], asked(source, target))
    results = {}
    for (left, right), by_group in sorted(rows.items()):
        found, missing = (sum(row[n] for row in words[left, right].values()) for n in (0, 1))
        lengths, deviation = fit([row[0] for row in by_group.values()], [row[1] for row in by_group.values()])
        results[f"{left}-{right}"] = {
            "texts": len(by_group),
            "lengths": lengths,
            "deviation": deviation,
            "in_the_code": [*LENGTH[left, right][0], LENGTH[left, right][1]],
            "words_answered": round(found / (found + missing), 3),
            "answered_in_the_code": ANSWERED[left, right],
        }
    head = [
        "pair",
        "texts",
        "code points for one of each class",
        "deviation",
        "in the code",
        "words answered",
        "in the code",
    ]
    print_table(head, [[name, *row.values()] for name, row in results.items()])
    write_results("lengths", results)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
