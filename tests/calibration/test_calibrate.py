"""The fates of patches: what applies, what conflicts, what changes nothing; every line and file has one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.calibration.apply import Case
from stages.calibration.calibrate import calibrate, main
from stages.calibration.patches import Line, append, content, make, patch_hash, read, record_hash
from stages.calibration.summary import summary
from stages.core.errors import UserError
from stages.core.files import iter_jsonl
from stages.core.schema import faults
from stages.records.record import Record, canonical
from tests.calibration.conftest import TEXT

Stage = Callable[[], tuple[list[Record], list[dict[str, Any]], str]]


def patch_of(record: Record, op: str, before: Any, after: Any, **changes: Any) -> dict[str, Any]:
    made = make(canonical(record), op, before, after, annotator="a", reason="test", seconds=4)
    return {**made, **changes}


def fates(record: Record, *patches: dict[str, Any], status: Any = "in") -> tuple[list[Record], list[dict[str, Any]]]:
    """The records that are in and the report, after these lines of one file."""
    lines = [Line(f"p.jsonl:{n}", patch) for n, patch in enumerate(patches, 1)]
    result, report = calibrate([Case(canonical(record), status)], lines)
    assert not [fault for line in report for fault in faults(line, "patch_report")]
    return result, report


def outcomes(*args: Any, **options: Any) -> list[str]:
    return [line["outcome"] for line in fates(*args, **options)[1]]


def test_patches_chain_by_hash_and_text_and_label_become_the_persons(kept: Record) -> None:
    first = patch_of(kept, "text", TEXT, "Indeed, t" + TEXT[1:])
    (once,), _ = fates(kept, first)
    second = patch_of(once, "text_label", "Society", "Nature")
    (twice,), report = fates(kept, second, first)  # the order of the file does not matter, the hashes do
    assert [line["outcome"] for line in report] == ["applied", "applied"]
    assert (twice["text_label"], twice["text_label_origin"]) == ("Nature", "human")
    assert twice["extractions"] == [{"label": "Location", "spans": [{"text": "Nada ward", "start": 39}]}]
    assert [line["changed"] for line in report] == [["text_label"], ["text", "extractions"]]


def test_a_label_that_is_taken_away_has_no_origin(kept: Record) -> None:
    (record,), _ = fates(kept, patch_of(kept, "text_label", "Society", None))
    assert (record["text_label"], record["text_label_origin"]) == (None, None)


def test_extractions_are_added_in_place_changed_and_removed(kept: Record) -> None:
    museum = {"label": "Facility", "spans": [{"text": "Nada ward museum", "start": 4}]}
    (one,), _ = fates(kept, patch_of(kept, "add", None, museum))
    assert [item["spans"][0]["start"] for item in one["extractions"]] == [4, 31]
    ward = kept["extractions"][0]
    (two,), _ = fates(one, patch_of(one, "change", ward, {**ward, "label": "Facility"}))
    assert [item["label"] for item in two["extractions"]] == ["Facility", "Facility"]
    (three,), _ = fates(two, patch_of(two, "remove", museum, None))
    assert len(three["extractions"]) == 1
    kobe = {"label": "Location", "spans": [{"text": "Kobe", "start": None}]}
    (four,), _ = fates(kept, patch_of(kept, "add", None, kobe))  # stands there once
    assert four["extractions"][1]["spans"][0]["start"] == 42


def test_text_and_spans_of_one_view_in_one_patch(kept: Record) -> None:
    after = {
        "text": "A museum in Kobe.",
        "extractions": [{"label": "Location", "spans": [{"text": "Kobe", "start": 12}]}],
    }
    before = {key: kept[key] for key in after}
    (record,), report = fates(kept, patch_of(kept, "edit", before, after))
    assert {key: record[key] for key in after} == after
    assert report[0]["changed"] == ["text", "extractions"]


def test_an_edit_that_takes_the_words_of_a_span_away_says_so(kept: Record) -> None:
    (record,), report = fates(kept, patch_of(kept, "text", TEXT, "The museum stands in Kobe."))
    assert record["extractions"][0]["spans"] == [{"text": "Nada ward", "start": None}]
    assert (report[0]["outcome"], report[0]["unplaced"]) == ("applied", 1)
    assert "Nada ward" in report[0]["message"]


def test_a_patch_whose_base_changed_is_a_conflict_with_both_versions(kept: Record) -> None:
    patches = [patch_of(kept, op, content(kept), None) for op in ("accept", "reject")]
    patches.append(patch_of(kept, "text", TEXT, "Mine."))
    now = {**kept, "text": TEXT + "!"}
    result, report = fates(now, *patches)
    assert result == [canonical(now)]
    assert [line["outcome"] for line in report] == ["conflict"] * 3
    for line, patch in zip(report, patches, strict=True):
        assert line["patch"] == patch
        assert line["now"] == {"status": "in", "hash": record_hash(now), **content(now)}


def test_what_changes_nothing_any_more_is_counted(kept: Record) -> None:
    mine, ward = "The museum of Nada ward, Kobe.", kept["extractions"][0]
    now = {**kept, "text": mine, "extractions": [{"label": "Location", "spans": [{"text": "Kobe", "start": 25}]}]}
    text = patch_of(kept, "text", TEXT, mine)
    gone = patch_of(kept, "remove", ward, None)
    same = patch_of(now, "text_label", "Society", "Society")
    assert outcomes(now, text, gone, same) == ["no_change"] * 3
    assert outcomes(now, patch_of(kept, "reject", None, None), status="rejected") == ["no_change"]


def test_the_second_of_two_people_does_not_overwrite_the_first(kept: Record) -> None:
    first = patch_of(kept, "text_label", "Society", "Nature", annotator="b", time="2026-11-30T10:00:00Z")
    second = patch_of(kept, "text_label", "Society", "Academia", time="2026-11-30T10:00:05+00:00")
    (record,), report = fates(kept, second, first)  # a.jsonl is read before b.jsonl
    assert record["text_label"] == "Nature"
    assert [line["outcome"] for line in report] == ["conflict", "applied"]


def test_a_third_person_withdraws_the_patch_that_lost(kept: Record) -> None:
    first, second = (patch_of(kept, "text_label", "Society", label) for label in ("Nature", "Academia"))
    withdraw = patch_of(kept, "withdraw", None, patch_hash(first), annotator="c")
    (record,), report = fates(kept, first, second, withdraw)
    assert record["text_label"] == "Academia"
    assert [line["outcome"] for line in report] == ["withdrawn", "applied", "applied"]
    assert outcomes(kept, second, withdraw) == ["applied", "invalid"]


def test_a_quarantined_record_is_restored_as_it_is_or_corrected(kept: Record) -> None:
    assert fates(kept, status="quarantined")[0] == []
    assert fates(kept, patch_of(kept, "restore", None, None), status="quarantined")[0] == [canonical(kept)]
    corrected = patch_of(kept, "restore", None, {"text": TEXT.replace("stands", "is")})
    (record,), report = fates(kept, corrected, status="quarantined")
    assert record["extractions"][0]["spans"][0]["start"] == 27
    # An edit alone does not bring it back; and what the filter keeps by now needs no restoring.
    edit = patch_of(kept, "text_label", "Society", "Nature")
    assert fates(kept, edit, status="quarantined")[1][0]["outcome"] == "quarantined"
    assert outcomes(kept, patch_of(kept, "restore", None, None)) == ["conflict"]
    assert outcomes(kept, patch_of(kept, "restore", None, {"text": TEXT})) == ["no_change"]


def test_what_was_accepted_and_is_quarantined_since_is_a_conflict(kept: Record) -> None:
    _, report = fates(kept, patch_of(kept, "accept", None, None), status="quarantined")
    assert (report[0]["outcome"], report[0]["message"]) == ("conflict", "its record is in quarantine now")


def test_a_rejected_record_is_out_and_can_be_restored(kept: Record) -> None:
    reject, restore = (patch_of(kept, op, None, None) for op in ("reject", "restore"))
    assert fates(kept, reject)[0] == []
    assert fates(kept, reject, restore)[0] == [canonical(kept)]
    assert outcomes(kept, reject, patch_of(kept, "accept", None, None)) == ["applied", "conflict"]


def test_a_renamed_source_keeps_its_patches(kept: Record) -> None:
    first = patch_of(kept, "text_label", "Society", "Nature")
    (once,), _ = fates(kept, first)
    second = patch_of(once, "reject", None, None)
    renamed = {**kept, "source": "mine", "id": kept["id"].replace("/own/", "/mine/")}
    assert outcomes(renamed, first, second) == ["applied", "applied"]
    assert outcomes({**renamed, "text": "Other."}, first) == ["conflict"]
    assert outcomes({**kept, "id": "SCNM/NER/own/9/en"}, first) == ["unknown_record"]


@pytest.mark.parametrize(
    ("op", "before", "after"),
    [
        ("text_label", "Society", "Politics"),
        ("text", "another before", "x"),
        ("add", None, {"label": "Planet", "spans": [{"text": "Kobe", "start": 42}]}),
        ("add", None, {"label": "Location", "spans": [{"text": "Kobe", "start": 41}]}),
        ("remove", {"label": "Location", "spans": [{"text": "Kobe", "start": 42}]}, None),
    ],
)
def test_a_patch_that_its_record_cannot_take_is_invalid_and_a_right_one_applies_after_it(
    kept: Record, op: str, before: Any, after: Any
) -> None:
    wrong, right = patch_of(kept, op, before, after), patch_of(kept, "text_label", "Society", "Nature")
    (record,), report = fates(kept, wrong, right)
    assert [line["outcome"] for line in report] == ["invalid" if op != "remove" else "no_change", "applied"]
    assert record["text_label"] == "Nature"


@pytest.fixture
def stage(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Stage:
    """Runs the stage for English with the pipeline's options: records, report, what it printed."""
    monkeypatch.chdir(project)
    options = (
        "--lang en --records data/tconer/records.jsonl --patches data/calibration --filtered data/filtered/en.jsonl "
        "--quarantine data/quarantine/en.jsonl --out out.jsonl --report report.jsonl"
    )

    def call() -> tuple[list[Record], list[dict[str, Any]], str]:
        main(options.split())
        return list(iter_jsonl("out.jsonl")), list(iter_jsonl("report.jsonl")), capsys.readouterr().out

    return call


def test_every_file_and_line_has_a_fate(project: Path, stage: Stage, kept: Record) -> None:
    good = json.dumps(patch_of(kept, "text_label", "Society", "Nature"))
    bad = json.dumps({**json.loads(good), "op": "drop"})
    other = json.dumps({**json.loads(good), "record_id": kept["id"].replace("/en", "/zh")})
    strange = json.dumps({**json.loads(good), "record_id": kept["id"].replace("/en", "/eng")})
    someday = json.dumps({**json.loads(good), "time": "2026-13-45"})
    folder = project / "data/calibration"
    lines = ["\ufeff" + bad, "", '{"record_id": "torn', strange, other, "[1]", '{"record_id": 3}', someday, good]
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "b.JSONL").write_text(good, encoding="utf-8")
    (folder / "c.jsonl").mkdir()
    (folder / "README.md").write_text("not a patch", encoding="utf-8")
    (folder / "d.jsonl").write_bytes(b'{"record_id": "\xff"}\n')
    records, report, said = stage()
    assert {line["place"]: line["outcome"] for line in report} == {
        **{f"a.jsonl:{n}": "invalid" for n in (1, 3, 6, 7, 8)},
        "a.jsonl:4": "unknown_language",
        "a.jsonl:9": "applied",
        "b.JSONL": "not_read",
        "c.jsonl": "not_read",
        "d.jsonl:1": "invalid",
    }
    assert [record["text_label"] for record in records if record["id"] == kept["id"]] == ["Nature"]
    assert "b.JSONL" in said
    assert "a.jsonl:3" in said


def test_a_translation_that_failed_can_be_written_by_hand(project: Path, stage: Stage) -> None:
    (before, _, _), text = stage(), "The Kamo is long, too."
    assert not [record for record in before if "/5/" in record["id"]]
    (source,) = [r for r in iter_jsonl(project / "data/tconer/records.jsonl") if "/5/" in r["id"]]
    base = {**source, "id": "SCNM/NER/own/5/en", "lang": "en", "text": "", "text_label": "Nature", "extractions": []}
    spans = [{"label": "Location", "spans": [{"text": "Kamo", "start": 4}]}]
    patch = patch_of(base, "restore", content(base), {"text": text, "extractions": spans})
    append(project / "data/calibration", "a", [patch])
    after, report, _ = stage()
    assert report[0]["outcome"] == "applied"
    assert [record["text"] for record in after if "/5/" in record["id"]] == [text]


def test_a_line_torn_by_a_kill_spoils_no_other_and_a_full_disk_is_told(tmp_path: Path, kept: Record) -> None:
    patch = patch_of(kept, "accept", None, None)
    append(tmp_path, "a", [patch])
    with open(tmp_path / "a.jsonl", "ab") as file:
        file.write(b'{"record_id": "half')
    append(tmp_path, "a", [patch])
    (tmp_path / "annotators.json").write_text("{}", encoding="utf-8")  # no file of patches, as README.md is none
    assert [bool(line.patch) for line in read(tmp_path)] == [True, False, True]
    (tmp_path / "b.jsonl").symlink_to("/dev/full")
    with pytest.raises(UserError, match="nothing was saved"):
        append(tmp_path, "b", [patch])
    with pytest.raises(UserError, match="after"):
        append(tmp_path, "c", [{**patch, "op": "add"}])


def test_the_summary_counts_records_once_and_shares_by_language(project: Path, kept: Record) -> None:
    ledger = [
        {
            "id": f"SCNM/NER/own/{n}/en",
            "source_id": "x",
            "subset": "SCNM",
            "lang": "en",
            "outcome": "kept",
            "reasons": [],
        }
        | {"model": "first", "steps": {}, "dropped": 0}
        for n in range(1, 6)
    ]
    first = patch_of(kept, "text_label", "Society", "Nature", seconds=2)
    (once,), _ = fates(kept, first)
    lines = [
        first,
        patch_of(once, "text_label", "Nature", "Academia", seconds=9),
        patch_of(kept, "accept", None, None, seconds=5),
    ]
    _, report = fates(kept, *lines)
    result = summary(report + copy.deepcopy(report[:0]), {"en": ledger})
    assert not faults(result, "calibration_metrics")
    assert (
        result["by_language"]["en"]["SCNM"] | {"records": 5, "edited": 1, "share_corrected": 0.2}
        == result["by_language"]["en"]["SCNM"]
    )
    assert (result["median_seconds"], result["conflicts"], result["outcomes"]) == (5, 1, {"applied": 2, "conflict": 1})
    assert result["annotators"] == {"a": {"patches": 3, "minutes": 0.3, "who": None}}
    known = summary(report, {"en": ledger}, {"a": "a model"})["annotators"]
    assert known["a"]["who"] == "a model"
