"""Fits the coefficients of the risk (stages/checks/risk.py) on true references and on wrong translations made from them.

    python -m stages.fidelity.fit data/fidelity/genres

On the genres alone: the rules were written on the tuning texts until hardly one was refused, so those teach a risk that is
too sure of itself (of 144 references in genres that nobody read it refused 12 instead of 3).
Writes stages/checks/tables/risk.yaml. Run by hand when a check changed, like a threshold; never on held-out texts.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from stages import checks
from stages.checks.risk import Model, certain, strengths
from stages.core import config
from stages.core.config import Count, Seed
from stages.core.errors import UserError
from stages.core.files import write_bytes
from stages.core.run import run
from stages.fidelity.corruptions import corruptions, genre, pairs
from stages.fidelity.edits import Pair
from stages.records.record import Record
from stages.records.rules import read_records
from stages.records.tasks import subset

OUT = Path("stages/checks/tables/risk.yaml")
PENALTY = 0.5  # scikit-learn's C: weights shrink, so that a rare code of a few texts does not rule
KINDS = (
    "name",
    "name_part",
    "number",
    "offsets",
    "label",
    "residue",
    "clause",
)  # a dropped negation leaves no trace that is asked for


@dataclass(frozen=True)
class Fidelity:
    """Section `fidelity`: how many wrong translations of a kind, language and half are made, and which."""

    seed: Seed
    limit: Count


class Row(NamedTuple):
    """One translation as the model sees it."""

    genre: str
    wrong: bool
    kind: str  # of what was done to it, "" for a true reference
    lang: str
    strengths: Mapping[str, float]


def rows(joined: Sequence[Pair], seed: int, limit: int, names: Sequence[str]) -> list[Row]:
    """The references, and wrong translations made from them."""

    def row(source: Record, target: Record, kind: str) -> Row:
        found = checks.findings(source, target, list(names))
        own = strengths(item for items in found.values() for item in items)
        return Row(genre(target), bool(kind), kind, target["lang"], own)

    true = [row(pair.source, pair.reference, "") for pair in joined]
    return true + [row(item.source, item.record, item.kind) for item in corruptions(joined, seed, limit)]


def fit(data: Sequence[Row]) -> Model:
    """The model of these rows: the two classes weigh alike; a code whose weight would be negative gets 0, and again."""
    used = [row for row in data if row.kind in ("", *KINDS) and not certain().intersection(row.strengths)]
    every = codes = sorted({code for row in used for code in row.strengths})
    wrong = np.array([row.wrong for row in used])
    while True:
        values = np.array([[row.strengths.get(code, 0.0) for code in codes] for row in used])
        fitted = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=1000).fit(values, wrong)
        weights = dict(zip(codes, fitted.coef_[0], strict=True))
        kept = [code for code in codes if weights[code] > 0]
        if kept == codes:
            found = dict.fromkeys(every, 0.0) | {code: float(weights[code]) for code in codes}
            return Model(float(fitted.intercept_[0]), found, certain())
        codes = kept


def written(model: Model, data: Sequence[Row]) -> str:
    """The table as YAML, with what it was fitted on."""
    wrong = sum(row.wrong for row in data)
    lines = [
        "# Coefficients of the risk of a translation (stages/checks/risk.py), by reason code, written by",
        "#     python -m stages.fidelity.fit data/fidelity/genres",
        f"# on {len(data) - wrong} true references and {wrong} wrong translations made from them.",
        f"intercept: {model.intercept:.3f}",
        "weights:",
        *(f"  {code}: {weight:.3f}" for code, weight in sorted(model.weights.items())),
    ]
    return "\n".join(lines) + "\n"


def files(folder: str) -> list[str]:
    """The files of a folder of texts; UserError if it has none."""
    found = sorted(map(str, Path(folder).glob("*.jsonl")))
    if not found:
        raise UserError(folder, "holds no *.jsonl", "give the folder of the genres, data/fidelity/genres")
    return found


def read_pairs(records: str | None, references: str | None, texts: Sequence[str]) -> list[Pair]:
    """Sources and references of the sample, if it is named, and of files that hold both."""
    fresh = [record for path in texts for record in read_records(path)]
    own = {record["id"] for record in fresh if record["lang"] == subset(record["subset"]).source_lang}
    sources = [*(read_records(records) if records else []), *(record for record in fresh if record["id"] in own)]
    there = [*(read_records(references) if references else []), *(r for r in fresh if r["id"] not in own)]
    return pairs(there, sources)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.fidelity.fit", description=__doc__.split("\n")[0])
    parser.add_argument("genres", help="a folder of texts, a file a genre")
    options = parser.parse_args(arguments)
    switches, knobs = config.read("checks", checks.Checks), config.read("fidelity", Fidelity)
    names = [name for name in checks.CHECKS if getattr(switches, name)]
    data = rows(read_pairs(None, None, files(options.genres)), knobs.seed, knobs.limit, names)
    model = fit(data)
    write_bytes(str(OUT), written(model, data).encode())
    print(written(model, data))


if __name__ == "__main__":
    run(main)
