"""One record's life: every step with its file and line, taken from what is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.core.files import loads
from stages.records.rules import read_records
from stages.report.trace import main
from tests.support.pipeline import ROOT
from tests.support.reported import HOSTILE, project, recorded, write_lines


@pytest.fixture
def traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small project with the recorded answer to its first record, whose tag was lost."""
    folder = project(tmp_path / "project")
    (folder / "stages").symlink_to(ROOT / "stages")
    source = read_records(folder / "data/tconer/records.jsonl")[0]
    key = recorded(folder, source, {"text": "He went to Kyoto.", "parts": {"e1": "Kyoto"}})
    path = folder / "data/translated/en.jsonl"
    lines = [loads(line, "") for line in path.read_bytes().splitlines()]
    lines[0]["response"] = key
    write_lines(path, lines)
    monkeypatch.chdir(folder)
    return folder


def test_a_translated_record_from_source_to_score(traced: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["SCNM/NER/own/0001/en"])
    said = capsys.readouterr().out
    order = [
        "Source  (data/tconer/records.jsonl:1)",
        "Request  (data/responses.jsonl.gz:2)",
        "<e1>京都</e1>に行った。",
        "Response  (data/responses.jsonl.gz:2)",
        "e1 京都: Kyoto [11] by exact",
        "Translation  (data/translated/en.jsonl:1)",
        "Findings  (stages/checks)",
        "Filter  (data/ledger/en.jsonl:1)",
        "Patch  (data/calibration/a.jsonl:1)",
        "Example of test  (data/mix/test.jsonl:1)",
        "Prediction  (data/predictions/test.jsonl:1)",
        "all of it right",
        "Example of test_translated  (data/mix/test_translated.jsonl:1)",
    ]
    places = [said.find(part) for part in order]
    assert -1 not in places, [part for part, place in zip(order, places, strict=True) if place < 0]
    assert places == sorted(places)


def test_findings_stand_with_their_evidence(traced: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["SCNM/NER/own/0003/en"])
    said = capsys.readouterr().out
    assert "name_changed (names, strength" in said
    assert "source '京都' [0]" in said
    assert "quarantined: name_changed" in said


def test_natural_and_unanswered_records_have_the_steps_they_went_through(
    traced: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["SCNM/NER/corpus/00001/en"])
    said = capsys.readouterr().out
    assert "1. Natural record  (data/raw/natural.jsonl:2)" in said
    assert "2. Example of train  (data/mix/train.jsonl:2)" in said
    assert "Source" not in said
    main(["SCNM/NER/own/0004/en"])
    said = capsys.readouterr().out
    assert "no translation: truncated" in said
    assert "is not in this archive" in said


def test_an_unknown_id_names_the_nearest(traced: Path) -> None:
    with pytest.raises(UserError, match="the nearest is SCNM/NER/own/0003/en"):
        main(["SCNM/NER/own/03/en"])


def test_as_a_page_what_records_hold_is_text(traced: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["SCNM/NER/own/0002/en", "--html"])
    page = capsys.readouterr().out
    assert page.startswith("<!doctype html>")
    assert "<img" not in page
    assert "&lt;/script&gt;&lt;img src=x" in page
    assert HOSTILE.split("&")[0] not in page
