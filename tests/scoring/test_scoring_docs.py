"""The table of examples in docs/scoring.md, row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.records.tasks import by_word
from stages.scoring.error_analysis import KINDS
from stages.scoring.score import judge, read_gold

TEXT = Path(__file__).resolve().parents[2].joinpath("docs", "scoring.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip().strip("`") for cell in line.strip("|").split("|")]
    for line in TEXT.split("| rule | gold |")[1].split("\n\n")[0].splitlines()[2:]
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_example(row: list[str]) -> None:
    _, gold, output, right, predicted, wanted, whole, defects = row
    task = by_word()[gold.split("/")[1]]
    subset = "SCNM" if task.kind == "span" else "TCREE"
    given = {"input": f"Rei saw Tokyo Tower in Tokyo/{task.word}", "output": gold}
    judged = judge(read_gold({"subset": subset, "task": task.name, "lang": "en", **given}, "docs"), output)
    counts = judged.counts
    assert (counts.tp, counts.n_pred, counts.n_gold) == (int(right), int(predicted), int(wanted))
    assert counts.exact == (whole == "yes")
    assert judged.defects == set(defects.split(", ") if defects else [])


def test_the_rules_named_have_a_row_each() -> None:
    told = " ".join(row[0] for row in ROWS)
    for rule in (
        "duplicate",
        "order",
        "case",
        "NFKC",
        "full-width",
        "empty against empty",
        "relation",
        "event",
        "prose",
    ):
        assert rule in told


def test_every_class_of_error_is_defined() -> None:
    assert [kind for kind in KINDS if f"`{kind}`" not in TEXT] == []
