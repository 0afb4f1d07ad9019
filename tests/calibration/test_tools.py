"""Annotation tools there and back: no annotation is moved or lost, in every shape their exports have."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from stages.calibration.apply import Case, Unfit
from stages.calibration.desk import Desk
from stages.calibration.patch import main
from stages.calibration.patches import append, content
from stages.calibration.tool_answers import (
    Given,
    answers,
    extractions_of,
    from_argilla,
    from_doccano,
    from_label_studio,
    mended,
    patches_of,
    point,
)
from stages.calibration.tools import WRITERS, argilla, doccano, label_studio, label_studio_config
from stages.core.errors import UserError
from stages.records.record import Record, canonical
from stages.records.tasks import task_of

KUME = "SCNM/NER/own/2/en"
EMOJI = {"text": "👩‍👩‍👧 and 𠮷野 saw 🎉 in 𠮷野.", "spans": [{"text": "𠮷野", "start": 20}]}


def desk_of(record: Record) -> Desk:
    """A desk on which one record lies."""
    name = record["id"]
    return Desk(Path("x"), {name: Case(canonical(record), "in")}, {name: canonical(record)}, {}, {}, {}, [], [])


def returned(task: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A task of Label Studio as its export has it after somebody pressed submit."""
    annotation = {
        "id": 7,
        "completed_by": {"id": 3, "email": "kei@example.org"},
        "result": task["predictions"][0]["result"],
    }
    return {
        "id": 1,
        "data": task["data"],
        "annotations": [{**annotation, "was_cancelled": False, "lead_time": 12.34, **more}],
    }


def same(ones: list[Any], others: list[Any]) -> bool:
    return sorted(map(json.dumps, ones)) == sorted(map(json.dumps, others))


def test_every_record_of_the_sample_comes_back_from_label_studio_and_doccano_as_it_went(sample: list[Record]) -> None:
    for record in sample:
        kind = task_of(record["subset"], record["task"]).kind
        (studio,) = from_label_studio(json.loads(json.dumps(returned(label_studio(record, None)))), None)
        (row,) = from_doccano(json.loads(json.dumps(doccano(record, None))), "kei")
        for given in (studio, row):
            assert same(extractions_of(given, kind), record["extractions"]), record["id"]
            assert given.text_label == record["text_label"]
        assert (studio.who, studio.seconds) == ("kei@example.org", 12.3)
        if kind == "span":
            (back,) = from_argilla(answered(argilla(record, None)), None)
            assert same(extractions_of(back, kind), record["extractions"])


def answered(row: dict[str, Any]) -> dict[str, Any]:
    """A record of Argilla whose suggestions somebody submitted."""
    responses = {
        name: [{"value": one["value"], "user_id": "u1", "status": "submitted"}]
        for name, one in row["suggestions"].items()
    }
    return {**row, "responses": responses}


def test_what_nobody_changed_is_accepted(sample: list[Record]) -> None:
    for record in (next(r for r in sample if r["task"] == task and r["extractions"]) for task in ("NER", "RE", "EE")):
        (given,) = from_label_studio(returned(label_studio(record, None)), None)
        (patch,) = patches_of(desk_of(record), given, "label-studio")
        assert (patch["op"], patch["annotator"]) == ("accept", "kei@example.org")


def units(text: str, point: int) -> int:
    """A place as JavaScript counts, and as Label Studio did until 2021."""
    return len(text[:point].encode("utf-16-le")) // 2


def test_places_are_code_points_out_and_either_back(sample: list[Record]) -> None:
    text = EMOJI["text"]
    start = text.rindex("𠮷野")
    record = {
        **sample[0],
        "text": text,
        "extractions": [{"label": "人名", "spans": [{"text": "𠮷野", "start": start}]}],
    }
    value = label_studio(record, None)["predictions"][0]["result"][0]["value"]
    assert (value["start"], value["end"], value["text"]) == (start, start + 2, "𠮷野")
    for place in range(len(text) + 1):
        assert point(text, units(text, place)) == place
    assert point(text, 1) is None  # in the middle of a character
    assert point(text, 999) is None


@pytest.mark.parametrize(
    ("start", "end", "said", "place"),
    [
        (units(EMOJI["text"], 10), units(EMOJI["text"], 12), "𠮷野", (10, 12)),  # as JavaScript counts
        (10, 12, "𠮷野", (10, 12)),  # code points
        (0, 3, "saw", (13, 16)),  # wrong, but the words stand there once
        (None, None, "saw", (13, 16)),
        (0, 3, "𠮷野", None),  # wrong, and they stand there twice
        (0, 999, None, None),
        ("0", "3", None, None),
        (3, 3, None, None),
    ],
)
def test_wrong_places_are_mended_or_told(start: Any, end: Any, said: str | None, place: tuple[int, int] | None) -> None:
    if place is None:
        with pytest.raises(Unfit, match="does not stand in the text"):
            mended(EMOJI["text"], start, end, said)
    else:
        assert mended(EMOJI["text"], start, end, said) == place


def result_of(record: Record, change: dict[str, Any]) -> dict[str, Any]:
    """The task of a record as it comes back with other results or keys."""
    return {**returned(label_studio(record, None)), **change}


def test_label_studio_in_every_shape_of_its_export(kept: Record) -> None:
    task = returned(label_studio(kept, None))
    results = task["annotations"][0]["result"]

    def given(row: dict[str, Any], annotator: str | None = None) -> Given:
        (found,) = from_label_studio(row, annotator)
        return found

    expected = kept["extractions"]
    old = {key: value for key, value in task.items() if key != "annotations"} | {"completions": task["annotations"]}
    hyper = copy.deepcopy(task)
    value = hyper["annotations"][0]["result"][0]["value"]
    hyper["annotations"][0]["result"][0]["type"] = "hypertextlabels"
    value |= {"hypertextlabels": value.pop("labels"), "globalOffsets": {"start": value["start"], "end": value["end"]}}
    value |= {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]"}
    more = [{"id": "z", "from_name": "stars", "type": "rating", "value": {"rating": 4}}, *results]
    other_controls = {**task, "annotations": [{**task["annotations"][0], "result": more}], "drafts": [], "meta": {}}
    small = {**task["data"], "id": 1, "annotator": 3, "annotation_id": 7, "lead_time": 3.0, "class": "Society"}
    small["label"] = [results[0]["value"]]
    for row in (task, old, hyper, other_controls, small):
        assert extractions_of(given(row), "span") == expected
        assert given(row).text_label == "Society"
    assert given(small).who == "label-studio-3"
    assert given({**small, "class": {"choices": ["Nature"]}}, "aya").text_label == "Nature"
    assert given(small, "aya").who == "aya"
    cancelled = {**task["annotations"][0], "was_cancelled": True}
    assert list(from_label_studio({**task, "annotations": [cancelled]}, None)) == []
    second = {**task["annotations"][0], "completed_by": {"email": "aya@example.org"}}
    assert [one.who for one in from_label_studio({**task, "annotations": [*task["annotations"], second]}, None)] == [
        "kei@example.org",
        "aya@example.org",
    ]
    two = copy.deepcopy(task)
    two["annotations"][0]["result"][0]["value"]["labels"] = ["Location", "Facility"]
    assert [item["label"] for item in extractions_of(given(two), "span")] == ["Location", "Facility"]


def test_two_classes_of_a_text_are_told_and_none_is_taken(kept: Record) -> None:
    task = returned(label_studio(kept, None))
    chosen = next(item for item in task["annotations"][0]["result"] if item["type"] == "choices")
    chosen["value"]["choices"] = ["Society", "Nature"]
    with pytest.raises(Unfit, match="a text has one class, not Nature, Society"):
        list(from_label_studio(task, None))
    row = {"text": kept["text"], "record_id": KUME, "base_hash": "", "annotator": "kei"}
    with pytest.raises(Unfit, match="a text has one class"):
        list(from_doccano({**row, "cats": ["Society", "Nature"]}, None))
    (given,) = from_doccano({**row, "cats": {"Society": 0.0, "Nature": 1.0}}, None)
    assert given.text_label == "Nature"


def test_decision_correction_and_reasons_come_back(kept: Record) -> None:
    task = returned(label_studio(kept, None))
    results = task["annotations"][0]["result"]
    said = [{"from_name": "decision", "type": "choices", "value": {"choices": ["reject"]}}]
    (given,) = from_label_studio({**task, "annotations": [{**task["annotations"][0], "result": results + said}]}, None)
    assert [patch["op"] for patch in patches_of(desk_of(kept), given, "label-studio")] == ["reject"]
    text = kept["text"].replace("stands", "is")
    said = [{"from_name": "correction", "type": "textarea", "value": {"text": [text]}}]
    (given,) = from_label_studio({**task, "annotations": [{**task["annotations"][0], "result": results + said}]}, None)
    made = patches_of(desk_of(kept), given, "label-studio")
    assert [(patch["op"], patch["seconds"]) for patch in made] == [("text", 12.3), ("accept", None)]
    assert made[0]["after"] == text


def test_a_relation_from_right_to_left_and_ends_that_hang_loose(sample: list[Record]) -> None:
    record = next(r for r in sample if r["task"] == "RE" and len(r["extractions"]) == 1)
    task = returned(label_studio(record, None))
    arrow = next(item for item in task["annotations"][0]["result"] if item["type"] == "relation")
    arrow |= {"from_id": arrow["to_id"], "to_id": arrow["from_id"], "direction": "left"}
    (given,) = from_label_studio(task, None)
    assert extractions_of(given, "relation") == record["extractions"]
    given.arrows = []
    with pytest.raises(Unfit, match="end of no relation"):
        extractions_of(given, "relation")
    given.arrows = [("r0-0", "", "r0-1")]
    with pytest.raises(Unfit, match="no label"):
        extractions_of(given, "relation")


def test_a_record_that_changed_since_it_was_sent_out_is_a_conflict_that_keeps_the_work(kept: Record) -> None:
    (given,) = from_label_studio(returned(label_studio(kept, None)), None)
    now = {**kept, "text": "Quite another text.", "extractions": []}
    (patch,) = patches_of(desk_of(now), given, "label-studio")
    assert (patch["op"], patch["base_hash"], patch["before"]) == ("edit", given.base_hash, {"text": kept["text"]})
    assert patch["after"]["extractions"] == kept["extractions"]


def test_the_configuration_is_xml_with_the_labels_of_the_table(sample: list[Record]) -> None:
    for task, kinds in (("NER", {"Labels"}), ("RE", {"Labels", "Relations"}), ("EE", {"Labels", "Relations"})):
        records = [record for record in sample if record["task"] == task and record["lang"] == "en"]
        tree = ElementTree.fromstring(label_studio_config(records))
        assert kinds <= {one.tag for one in tree}
        assert {one.get("name") for one in tree.iter("Text")} == {"source", "text"}
        used = {
            item["label"]
            for record in records
            if record["subset"] == records[0]["subset"]
            for item in record["extractions"]
        } - {None}
        known = {one.get("value") for one in [*tree.iter("Label"), *tree.iter("Relation")]}
        assert used <= known


def test_argilla_in_both_shapes_and_what_it_cannot_carry(sample: list[Record], kept: Record) -> None:
    row = answered(argilla(kept, None))
    spans = row["responses"]["spans"][0]["value"]
    server = {**row, "responses": [{"user_id": "u1", "status": "submitted", "values": {"spans": {"value": spans}}}]}
    for shape in (row, server):
        (given,) = from_argilla(shape, None)
        assert extractions_of(given, "span") == kept["extractions"]
    row["responses"]["spans"][0]["status"] = "discarded"
    row["responses"].pop("class")
    assert list(from_argilla(row, None)) == []
    with pytest.raises(Unfit, match="no question for relations"):
        argilla(next(record for record in sample if record["task"] == "RE"), None)


def test_there_and_back_by_command(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    for tool in WRITERS:
        main(["to", tool, "--lang", "en", "--task", "SCNM/NER", "--out", "tasks", "--all", "--config", "labels.xml"])
    main(["to", "label-studio", "--lang", "en", "--task", "SCNM/NER", "--out", "tasks.json", "--config", "labels.xml"])
    tasks = json.loads(Path("tasks.json").read_bytes())
    assert [task["data"]["record_id"].split("/")[3] for task in tasks] == ["2", "4"]
    exported = [returned(task) for task in tasks]
    extra = {"id": "n", "type": "labels", "value": {"start": 25, "end": 31, "text": "Matsue", "labels": ["Location"]}}
    exported[0]["annotations"][0]["result"].append(extra)
    Path("export.json").write_text(json.dumps(exported), encoding="utf-8")
    main(["from", "label-studio", "export.json", "--annotator", "kei"])
    assert "2 patches added" in capsys.readouterr().err
    lines = [json.loads(line) for line in Path("data/calibration/kei.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [patch["op"] for patch in lines] == ["restore", "restore"]
    assert [item["spans"][0]["text"] for item in lines[0]["after"]["extractions"]] == ["Kume", "Matsue"]
    with pytest.raises(UserError, match="no record of this task"):
        main(["to", "doccano", "--lang", "en", "--task", "TCREE/RE", "--out", "x"])


@pytest.mark.parametrize(
    "row",
    [
        None,
        3,
        {},
        {"data": {"text": 3}},
        {"data": {"text": "x"}, "annotations": []},
        {"data": {"text": "x", "record_id": "nobody"}, "annotations": [{"completed_by": 1, "result": []}]},
        {"data": {"text": "x", "record_id": KUME}, "annotations": [{"result": []}]},
        {"data": {"text": "x", "record_id": KUME}, "annotations": [{"completed_by": 1, "result": [7]}]},
        {
            "data": {"text": "x", "record_id": KUME},
            "annotations": [{"completed_by": 1, "result": [{"type": "labels", "value": {}}]}],
        },
    ],
)
def test_an_export_that_cannot_be_read_is_told_by_row(project: Path, row: Any, kept: Record) -> None:
    path = project / "export.json"
    path.write_text(json.dumps([returned(label_studio(kept, None)), row]), encoding="utf-8")
    desk = desk_of(kept)
    with pytest.raises(UserError, match="row 2"):
        answers(desk, path, "label-studio", None)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="neither JSON nor JSON lines"):
        answers(desk, path, "doccano", None)
    path.write_bytes(b"PK\x03\x04\x14\0")  # as doccano's export is saved
    with pytest.raises(UserError, match="is a zip archive"):
        answers(desk, path, "doccano", None)
    append(project / "data/calibration", "kei", [])
    assert content(kept)
