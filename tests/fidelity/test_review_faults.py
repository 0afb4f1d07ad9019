"""The benchmark of the review page: its tasks are as drawn, valid and apart; its score counts what is known."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks import near_faults
from benchmarks.review_faults import counted, longest, main, make, near, planted, verdicts
from stages.calibration.patches import Line
from stages.core.errors import UserError
from stages.core.files import iter_jsonl
from stages.core.schema import read_checked_json
from stages.fidelity.corruptions import pairs
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
    options = argparse.Namespace(out=tmp_path / "tasks", records=40, faults=16, seed=3, near=False)
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
    main([*words, "--near"])
    both = read_checked_json(tmp_path / "m.json", "review_benchmark")
    assert both["near"]["arms"] == both["arms"] == found
    main(words)
    assert read_checked_json(tmp_path / "m.json", "review_benchmark") == both, "a round leaves the other's figures"
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


def test_near_faults_are_valid_records_that_differ_by_as_little_as_they_say() -> None:
    source = Source("sample", "sample", "data/sample", None, None)
    joined = pairs(sample.references(source), sample.records(source))
    assert len(longest(joined)) == pytest.approx(len(joined) / 4, abs=3)
    made = near(joined, 5)
    assert made.keys() == near_faults.KINDS.keys()
    for kind, own in made.items():
        assert len(own) > 20, kind
        for item in own:
            old, new = item.reference, item.record
            assert (old["id"], old["text_label"]) == (new["id"], new["text_label"])
            assert not unaligned(new), item.what
            same_text, apart = old["text"] == new["text"], len(old["text"]) - len(new["text"])
            spans = [[one["text"] for one in entry["spans"]] for entry in old["extractions"]]
            spans_now = [[one["text"] for one in entry["spans"]] for entry in new["extractions"]]
            labels = [entry["label"] for entry in old["extractions"]]
            labels_now = [entry["label"] for entry in new["extractions"]]
            if kind == "boundary":
                assert same_text
                assert sum(one != other for one, other in zip(spans, spans_now, strict=True)) == 1
                assert labels == labels_now
            elif kind == "label":
                assert same_text
                assert spans == spans_now
                assert sum(one != other for one, other in zip(labels, labels_now, strict=True)) == 1
            elif kind == "modifier":
                assert 0 < apart < 15
                assert labels == labels_now
            elif kind == "change":
                assert all(name in text for name in item.what.split(" <-> ") for text in (old["text"], new["text"]))
                assert not same_text
            else:
                assert apart == 0
                before, after = item.what.split(" -> ")
                assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
                assert before not in new["text"] if kind == "name" else after in new["text"]


def test_how_many_near_faults_there_are_is_the_seeds_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    source = Source("sample", "sample", str(ROOT / "data/sample"), None, None)
    counts = set[int]()
    monkeypatch.chdir(ROOT)
    for seed in range(4):
        options = argparse.Namespace(out=tmp_path / str(seed), records=60, faults=0, seed=seed, near=True)
        make(sample.records(source), sample.references(source), options)
        rows = list(iter_jsonl(options.out / "key.jsonl"))
        assert len(rows) == 60
        counts.add(sum(bool(row["kind"]) for row in rows))
    assert len(counts) > 1
    assert all(6 <= count <= 30 for count in counts)
    assert "60 records, some of them wrong" in capsys.readouterr().out


def test_no_more_faults_than_there_are_places_for() -> None:
    with pytest.raises(UserError, match="only 0 can be planted"):
        planted({"digit": []}, 3, 0)
