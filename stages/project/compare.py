"""Compares the translations of two runs, paired by source text: two prompts, two models, two filters.

    python -m stages.project.compare HEAD mine     # revisions or experiments of this folder's repository; . is the folder

By language: texts that both runs had, how many each kept (every record of the text passed the filter), those that only one
kept, and the exact two-sided p of McNemar's test on these. Where people read both translations of a text
(`data/reading/`, by sheets of both runs), the same for `adequate`. With few texts that differ, no p is small: none under
six of them can pass 5 %.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import binomtest  # type: ignore[import-untyped]

from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.files import write_bytes
from stages.core.run import run
from stages.core.schema import read_checked
from stages.project.reading import Reading, draw, read_sheets
from stages.records.rules import read_records
from stages.scoring.compare import read_at
from stages.scoring.tables import plain
from stages.translation.lines import read_translations

RECORDS, TRANSLATED, LEDGER = "data/tconer/records.jsonl", "data/translated/{}.jsonl", "data/ledger/{}.jsonl"
ALL = 10**9  # of texts: every one


@dataclass(frozen=True)
class Run:
    """One language of a run, by source text: whether it was kept, and the key of the pair on a reading sheet."""

    kept: Mapping[str, bool]
    keys: Mapping[str, str]


def load(name: str, lang: str) -> Run:
    """One language of a folder or a revision.

    Raises:
        UserError: it is neither, or lacks the files of a translation.
    """
    with tempfile.TemporaryDirectory() as folder:
        base = Path(name)
        if not base.is_dir():
            base = Path(folder)
            for path in (RECORDS, TRANSLATED.format(lang), LEDGER.format(lang)):
                write_bytes(base / path, read_at(name, path))
        sources = {record["id"]: record for record in read_records(base / RECORDS)}
        kept: dict[str, bool] = {}
        outcomes = {}
        for line in read_checked(base / LEDGER.format(lang), "ledger"):
            outcomes[line["id"]] = line["outcome"] != "quarantined"
            text = sources[line["source_id"]]["text"]
            kept[text] = kept.get(text, True) and outcomes[line["id"]]
        lines = read_translations(base / TRANSLATED.format(lang))
        pairs = draw(sources, lines, outcomes, lang, Reading(ALL, 0))
        return Run(kept, {pair.source: pair.key for pair in pairs})


def paired(left: Mapping[str, bool], right: Mapping[str, bool]) -> tuple[int, int, int, int, int, float]:
    """(texts in both, yes in A, yes in B, yes in A alone, in B alone, p)."""
    both = left.keys() & right.keys()
    a, b = {text for text in both if left[text]}, {text for text in both if right[text]}
    only = len(a - b), len(b - a)
    return len(both), len(a), len(b), *only, float(binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0


def judged(found: Run, answers: Mapping[str, bool]) -> dict[str, bool]:
    """What people said of the translations of a run, by source text."""
    return {text: answers[key] for text, key in found.keys.items() if key in answers}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.project.compare", description=__doc__.split("\n")[0])
    parser.add_argument("a", metavar="A", help="a revision, an experiment, or a folder")
    parser.add_argument("b", metavar="B", help="likewise")
    parser.add_argument("--read", default="data/reading", help="folder of filled-in reading sheets")
    options = parser.parse_args(arguments)
    answers = {row["key"]: row["adequate"] == "yes" for _, row in read_sheets(Path(options.read)) if row["adequate"]}
    rows = list[tuple[object, ...]]()
    for lang in config.read("languages", Languages):
        one, other = load(options.a, lang), load(options.b, lang)
        for what, left, right in (
            ("kept", one.kept, other.kept),
            ("adequate", judged(one, answers), judged(other, answers)),
        ):
            *counts, p = paired(left, right)
            if counts[0]:
                rows.append((lang, what, *counts, f"{p:.3f}"))
    if not rows:
        raise UserError(f"{options.a}, {options.b}", "have no text in common", "name two runs over the same sources")
    print(plain(rows, ["", "", "texts", "A", "B", "A alone", "B alone", "p"]))


if __name__ == "__main__":
    run(main)
