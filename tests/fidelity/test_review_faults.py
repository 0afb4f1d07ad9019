"""The benchmark of the review page: its tasks are as drawn, valid and apart; its score counts what is known."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.review_faults import counted, main, make, verdicts
from stages.calibration.patches import Line
from stages.core.errors import UserError
from stages.core.files import iter_jsonl
from stages.core.schema import read_checked_json
from stages.records.record import unaligned
from stages.records.rules import read_records
from stages.sources import sample
from stages.sources.common import Source
from tests.support.pipeline import ROOT


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import argparse

    monkeypatch.chdir(ROOT)
    source = Source("sample", "sample", "data/sample", None, None)
    options = argparse.Namespace(out=tmp_path / "tasks", records=40, faults=16, seed=3)
    make(sample.records(source), sample.references(source), options)
    return tmp_path / "tasks"


def line(name: str, op: str, seconds: float | None) -> Line:
    patch = {"record_id": name, "op": op, "seconds": seconds, "annotator": "kei"}
    return Line(f"kei.jsonl:{name}{op}", patch)


def test_two_halves_alike_with_every_kind_and_no_text_twice(tasks: Path) -> None:
    key = list(iter_jsonl(tasks / "key.jsonl"))
    assert Counter((row["arm"], bool(row["kind"])) for row in key) == {
        ("shown", True): 8,
        ("hidden", True): 8,
        ("shown", False): 12,
        ("hidden", False): 12,
    }
    assert set(Counter(row["kind"] for row in key if row["kind"]).values()) == {2}
    shown = [
        record
        for arm in ("shown", "hidden")
        for lang in ("ja", "en", "zh")
        for record in read_records(tasks / arm / f"filtered/{lang}.jsonl")
    ]
    assert sorted(record["id"] for record in shown) == [row["id"] for row in key]
    assert len({(record["group"], record["lang"]) for record in shown}) == 40
    assert not [record["id"] for record in shown if unaligned(record)]


def test_the_score_counts_found_missed_and_false_alarms(tasks: Path, tmp_path: Path) -> None:
    key = list(iter_jsonl(tasks / "key.jsonl"))
    for arm, folder in (("shown", "calibration"), ("hidden", "blind")):
        (tasks / arm / folder).mkdir()
        own = [row for row in key if row["arm"] == arm]
        wrong = [row["id"] for row in own if row["kind"]][:6] + [row["id"] for row in own if not row["kind"]][:1]
        patches = [
            {
                "record_id": row["id"],
                "base_hash": "0" * 64,
                "op": "reject" if row["id"] in wrong else "accept",
                "before": None,
                "after": None,
                "annotator": "kei",
                "time": "2026-01-01",
                "reason": "read",
                "seconds": 4,
            }
            for row in own
        ]
        lines = "".join(json.dumps(patch) + "\n" for patch in patches)
        (tasks / arm / folder / "kei.jsonl").write_text(lines, encoding="utf-8")
    words = ["score", "--tasks", str(tasks), "--reviewer", "a test", "--metrics", str(tmp_path / "m.json")]
    main(words)
    found = read_checked_json(tmp_path / "m.json", "review_benchmark")["arms"]
    for arm in found.values():
        assert (arm["found"], arm["missed"], arm["false_alarms"], arm["median_seconds"]) == (6, 2, 1, 4)
        assert arm["percent_found"]["value"] == 75
    (tasks / "shown/calibration/kei.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="not decided"):
        main(words)


def test_an_edit_with_its_acceptance_says_wrong_and_a_later_decision_counts() -> None:
    said = verdicts(
        [line("a", "text", 5), line("a", "accept", None), line("b", "reject", 2), line("b", "accept", 3), line("c", "accept", 1)]
    )  # fmt: skip
    assert said == {"a": (True, 5.0), "b": (False, 5.0), "c": (False, 1.0)}
    with pytest.raises(UserError, match="taken back"):
        verdicts([line("a", "withdraw", None)])
    rows: list[dict[str, Any]] = [{"id": "a", "kind": "name"}, {"id": "b", "kind": None}]
    assert counted(rows, {"a": True, "b": False})["percent_false"]["low"] == 0
