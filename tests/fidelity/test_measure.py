"""The measure of the checks: halves, counts, curve, reading, with the real checks on a part of the real references."""

from __future__ import annotations

import copy
import csv
from pathlib import Path
from typing import Any

import pytest

from benchmarks.sample_for_reading import draw
from stages.checks import CHECKS, Checks, faults
from stages.core import config
from stages.core.errors import UserError
from stages.core.files import write_jsonl
from stages.core.schema import faults as schema_faults
from stages.core.schema import read_checked
from stages.fidelity.corruptions import HELD_OUT, KINDS, half, pairs
from stages.fidelity.edits import Pair
from stages.fidelity.fit import Fidelity
from stages.fidelity.measure import csv_bytes, measure, reading_table, table
from stages.records.record import Record, with_lang
from stages.records.tasks import subset
from tests.support.pipeline import ROOT, here

Metrics = tuple[dict[str, Any], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def sides(sample: list[Record]) -> tuple[list[Record], list[Record]]:
    """(source records, references) of some texts of every sub-dataset."""
    groups = sorted({record["group"] for record in sample})[::8]
    some = [record for record in sample if record["group"] in groups]
    # Every second text stands for those that were written afterwards.
    held = set(groups[::2])
    some = [
        {**record, "source": HELD_OUT, "id": record["id"].replace("/sample/", f"/{HELD_OUT}/")}
        if record["group"] in held
        else record
        for record in some
    ]
    sources = [record for record in some if record["lang"] == subset(record["subset"]).source_lang]
    return sources, [record for record in some if record not in sources]


@pytest.fixture(scope="module")
def switches() -> Checks:
    return config.read("checks", Checks, ROOT / "params.yaml")


@pytest.fixture(scope="module")
def measured(sides: tuple[list[Record], list[Record]], switches: Checks) -> Metrics:
    return measure(pairs(sides[1], sides[0]), switches, Fidelity(seed=0, limit=6))


def test_the_metrics_fit_their_schema_and_count_every_reference(
    measured: Metrics, sides: tuple[list[Record], list[Record]]
) -> None:
    metrics, _ = measured
    assert schema_faults(metrics, "check_metrics") == []
    counted = sum(cell["n"] + cell["tuned"]["n"] for cell in metrics["references"].values())
    assert counted == len(sides[1])


def test_references_are_refused_just_when_the_filter_would_refuse_them(
    measured: Metrics, sides: tuple[list[Record], list[Record]], switches: Checks
) -> None:
    refused = [pair.reference for pair in pairs(sides[1], sides[0]) if faults(pair.source, pair.reference, switches)]
    for lang, cell in measured[0]["references"].items():
        assert cell["refused"] == sum(record["lang"] == lang and half(record) == 1 for record in refused)


def test_the_languages_of_a_kind_sum_to_the_kind(measured: Metrics) -> None:
    for cell in measured[0]["corruptions"].values():
        for side in (cell, cell["tuned"]):
            for key in ("n", "caught", "caught_new"):
                assert side[key] == sum(row[key] for row in side["by_lang"].values())
            assert side["caught_new"] <= side["caught"] <= side["n"]


def test_every_check_is_reported_alone(measured: Metrics, switches: Checks) -> None:
    by_check = measured[0]["by_check"]
    assert list(by_check) == list(CHECKS)
    for name, row in by_check.items():
        assert row["enabled"] == getattr(switches, name)
        assert set(row["caught_new"]) == set(KINDS)


def test_a_curve_falls_from_all_to_few(measured: Metrics) -> None:
    rows = measured[1]
    assert {row["kind"] for row in rows} == {"clause", "label", "risk"}
    for key in {(row["kind"], row["lang"]) for row in rows}:
        points = [row for row in rows if (row["kind"], row["lang"]) == key]
        assert [row["threshold"] for row in points] == sorted({row["threshold"] for row in points})
        for side in ("caught", "refused"):
            values = [row[side] for row in points]
            assert values == sorted(values, reverse=True)
            assert all(0 <= value <= 1 for value in values)
    lines = list(csv.DictReader(csv_bytes(rows).decode().splitlines()))
    assert [float(line["caught"]) for line in lines] == [row["caught"] for row in rows]


def test_the_table_says_what_the_metrics_say(measured: Metrics) -> None:
    text = table(measured[0])
    cell = measured[0]["corruptions"]["number"]
    assert f"{cell['caught']} of {cell['n']} " in next(
        line for line in text.splitlines() if line.startswith("| number")
    )
    assert all(f"| {name} |" in text for name in CHECKS)


def marks_of(joined: list[Pair]) -> list[dict[str, Any]]:
    """Every reference as an adequate mark, and the same with a name of the text and a number wrong as an inadequate one."""
    return [
        {
            "id": pair.reference["id"],
            "source_text": pair.source["text"],
            "source_extractions": pair.source["extractions"],
            "text": pair.reference["text"],
            "extractions": pair.reference["extractions"],
            "adequate": True,
            "reason": "as the source",
        }
        for pair in joined
    ]


def test_a_reading_says_what_the_checks_find_of_either_mark(
    sides: tuple[list[Record], list[Record]], switches: Checks
) -> None:
    joined = [pair for pair in pairs(sides[1], sides[0]) if pair.reference["lang"] == "en"]
    marks = marks_of(joined)
    clean = next(
        mark for mark, pair in zip(marks, joined, strict=True) if not faults(pair.source, pair.reference, switches)
    )
    clean |= {"text": clean["text"] + " 日本語のまま残った文です。", "adequate": False, "reason": "Japanese left in"}
    report = reading_table(marks, sides[0], switches)
    assert set(report) == {"all", "en"}
    assert report["all"]["inadequate"]["n"] == 1
    assert report["all"]["inadequate"]["found"] == 1
    assert sum(report["all"]["inadequate"]["by_check"].values()) >= 1
    assert report["en"]["adequate"]["n"] == len(marks) - 1


def test_a_reading_that_is_not_finished_is_refused(sides: tuple[list[Record], list[Record]], switches: Checks) -> None:
    marks = marks_of(pairs(sides[1], sides[0]))[:2]
    with pytest.raises(UserError, match="not marked"):
        reading_table([{**marks[0], "adequate": None}], sides[0], switches)
    with pytest.raises(UserError, match="source text"):
        reading_table([{**marks[0], "source_text": "another"}], sides[0], switches)


def test_a_sample_for_reading_is_drawn_evenly_and_unmarked(sides: tuple[list[Record], list[Record]]) -> None:
    sources, kept = sides
    rows = draw([*kept, *sources], sources, 3, 0)
    assert rows == draw([*kept[::-1], *sources], sources, 3, 0)
    assert rows != draw([*kept, *sources], sources, 3, 1)
    assert sorted(row["id"].rpartition("/")[2] for row in rows) == ["en"] * 3 + ["ja"] * 3 + ["zh"] * 3
    by_id = {record["id"]: record for record in sources}
    for row in rows:
        assert schema_faults(row, "reading") == []
        assert row["adequate"] is None
        name = row["id"].partition("/")[0]
        assert by_id[with_lang(row["id"], subset(name).source_lang)]["text"] == row["source_text"]
    groups = {record["id"]: record["group"] for record in kept}
    assert len({(groups[row["id"]], row["id"][-2:]) for row in rows}) == len(rows)


def test_a_sample_never_overwrites_marks(sides: tuple[list[Record], list[Record]], tmp_path: Path) -> None:
    records, kept, out = (tmp_path / name for name in ("records.jsonl", "kept.jsonl", "reading.jsonl"))
    write_jsonl(records, copy.deepcopy(sides[0]))
    write_jsonl(kept, copy.deepcopy(sides[1]))
    command = ["benchmarks.sample_for_reading", kept, "--records", records, "--out", out]
    first = here(command)
    assert first.returncode == 0, first.stderr
    assert read_checked(out, "reading")
    again = here(command)
    assert again.returncode == 1
    assert again.stderr.count("\n") == 1
    assert "there already" in again.stderr
