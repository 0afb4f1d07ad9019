"""Label Studio there and back, by a real server: records out as tasks, annotated by its API as its page would, exported, and back as patches."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.calibration.desk import open_desk
from stages.calibration.patch import main
from stages.core.files import write_jsonl
from stages.records.record import Record
from stages.records.rules import write_records
from tests.support.label_studio import INSTALLED, LabelStudio
from tests.support.records import scnm_record

LANGUAGES = ["ja", "en", "zh"]
FAMILY = "👩‍👩‍👧"  # five code points, eight UTF-16 units
HARD = f"{FAMILY}在𠮷野看到了🎉新潟的𠮷野。"
HARD_SPANS = [("地名", "𠮷野", 6), ("地名", "新潟", 12), ("人名", "𠮷野", 15)]
Annotations = list[dict[str, Any]]
Act = Callable[[Record, Annotations], dict[str, Any]]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudio]:
    if not INSTALLED.exists():
        pytest.skip("no Label Studio here: `make label-studio` installs it from PyPI")
    with LabelStudio(tmp_path_factory.mktemp("studio") / "data") as running:
        yield running


def hard(native: str, lang: str) -> Record:
    text = HARD if lang == "zh" else f"{FAMILY}は𠮷野で🎉新潟の𠮷野を見た。"
    return scnm_record(native, lang, text, HARD_SPANS if lang == "zh" else [], "社会")


@pytest.fixture
def project(tmp_path: Path, sample: list[Record], monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    """A folder with records of three kinds, translated into Chinese: those that a tool gets, in the order of their ids."""
    natives = {f"{n:04d}" for n in range(1, 7)}
    own = [
        record for record in sample if record["subset"] in ("SCNM", "TCREE") and record["id"].split("/")[3] in natives
    ]
    own += [hard(f"hard{n}", lang) for n in range(1, 5) for lang in ("ja", "zh")]
    write_records(tmp_path / "data/tconer/records.jsonl", [record for record in own if record["lang"] == "ja"])
    for lang in LANGUAGES:
        kept = [record for record in own if record["lang"] == lang] if lang == "zh" else []
        write_records(tmp_path / f"data/filtered/{lang}.jsonl", kept)
        write_jsonl(tmp_path / f"data/quarantine/{lang}.jsonl", [])
    (tmp_path / "data/calibration").mkdir()
    (tmp_path / "params.yaml").write_text(f"languages: {json.dumps(LANGUAGES)}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return sorted((record for record in own if record["lang"] == "zh"), key=lambda record: record["id"])


def sent(studio: LabelStudio, task: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Sends the records of a task; the project's number, and the server's tasks by record id."""
    main(
        ["to", "label-studio", "--lang", "zh", "--task", task, "--all", "--out", "tasks.json", "--config", "labels.xml"]
    )
    tasks = json.loads(Path("tasks.json").read_bytes())
    number = studio.project(task, Path("labels.xml").read_text(encoding="utf-8"), tasks)
    there = {row["data"]["record_id"]: row for row in studio.tasks(number)}
    assert len(there) == len(tasks)
    for row in tasks:
        (prediction,) = there[row["data"]["record_id"]]["predictions"]
        assert there[row["data"]["record_id"]]["data"] == row["data"]
        assert prediction["result"] == row["predictions"][0]["result"], "the server changed what it was given"
    return number, there


def annotated(
    studio: LabelStudio, there: dict[str, dict[str, Any]], records: dict[str, Record], acts: dict[str, Act]
) -> None:
    """Submits an annotation for each record of `acts`, begun from its prediction as the page begins one."""
    for name, act in acts.items():
        row = there[name]
        begun = copy.deepcopy(row["predictions"][0]["result"])
        body = act(records[name], begun)
        studio.call("POST", f"/api/tasks/{row['id']}/annotations/", {"lead_time": 12.5, **body})


def taken_back(studio: LabelStudio, number: int, kind: str = "JSON") -> tuple[dict[str, Record], dict[str, list[str]]]:
    """Exports, makes patches, and applies them: (the records now, by id the operations of their patches)."""
    exported = studio.call("GET", f"/api/projects/{number}/export?exportType={kind}")
    Path("export.json").write_text(json.dumps(exported), encoding="utf-8")
    for old in Path("data/calibration").glob("*.jsonl"):
        old.unlink()
    main(["from", "label-studio", "export.json"])
    desk, made = open_desk("data", LANGUAGES), dict[str, list[str]]()
    for line in desk.lines:
        assert line.patch, line.fault
        assert line.patch["annotator"] == "label-studio-1", "the export names people by the server's number"
        assert line.patch["seconds"] is None or line.patch["seconds"] > 0
        made.setdefault(line.patch["record_id"], []).append(line.patch["op"])
    assert {row["outcome"] for row in desk.report} <= {"applied"}
    return {name: case.record for name, case in desk.cases.items() if case.status == "in"}, made


def region(record: Record, name: str, label: str, words: str, start: int) -> dict[str, Any]:
    """A region as Label Studio's page makes one of a selection: in code points."""
    text = record["text"]
    assert text[start : start + len(words)] == words
    value = {"start": start, "end": start + len(words), "text": words, "labels": [label]}
    return {"id": name, "from_name": "label", "to_name": "text", "type": "labels", "origin": "manual", "value": value}


def choice(control: str, value: str) -> dict[str, Any]:
    return {"id": control, "from_name": control, "to_name": "text", "type": "choices", "value": {"choices": [value]}}


def submitted(record: Record, result: Annotations) -> dict[str, Any]:
    return {"result": result}


def flat(record: Record) -> list[tuple[str, str, int]]:
    return [(item["label"], item["spans"][0]["text"], item["spans"][0]["start"]) for item in record["extractions"]]


def test_entities_with_emoji_and_astral_characters(studio: LabelStudio, project: list[Record]) -> None:
    number, there = sent(studio, "SCNM/NER")
    records = {record["id"]: record for record in project if record["task"] == "NER"}
    assert there.keys() == records.keys()
    plain = [name for name in records if "/own/" not in name]
    first, second, third, fourth = (f"SCNM/NER/own/hard{n}/zh" for n in range(1, 5))

    def moved(record: Record, result: Annotations) -> dict[str, Any]:
        last = next(item for item in result if item["id"] == "r2-0")
        last["value"] = region(record, "", "人名", "的𠮷野", 14)["value"]
        return {"result": result}

    def deleted_and_added(record: Record, result: Annotations) -> dict[str, Any]:
        kept = [item for item in result if item["id"] not in ("r0-0", "class")]
        return {"result": [*kept, region(record, "new", "人名", FAMILY, 0), choice("class", "自然")]}

    def corrected(record: Record, result: Annotations) -> dict[str, Any]:
        said = {"text": [record["text"].replace("看到", "遇见")]}
        return {
            "result": [
                *result,
                {"id": "c", "from_name": "correction", "to_name": "text", "type": "textarea", "value": said},
            ]
        }

    def rejected(record: Record, result: Annotations) -> dict[str, Any]:
        return {"result": [*result, choice("decision", "reject")]}

    def skipped(record: Record, result: Annotations) -> dict[str, Any]:
        return {"result": [], "was_cancelled": True}

    acts = {first: submitted, second: moved, third: deleted_and_added, fourth: corrected, plain[0]: rejected}
    annotated(studio, there, records, {**acts, plain[1]: skipped})
    # One is corrected after it was submitted, one is deleted again; the rest nobody looked at.
    for name in plain[2:4]:
        annotated(studio, there, records, {name: submitted})
    late = {row["data"]["record_id"]: row["annotations"] for row in studio.tasks(number)}
    shorter = [item for item in late[plain[2]][0]["result"] if item["type"] != "labels"]
    studio.call("PATCH", f"/api/annotations/{late[plain[2]][0]['id']}/", {"result": shorter})
    studio.call("DELETE", f"/api/annotations/{late[plain[3]][0]['id']}/")

    for kind in ("JSON", "JSON_MIN"):
        now, made = taken_back(studio, number, kind)
        assert made.keys() == {*acts, plain[2]}, kind
        assert now[first]["extractions"] == records[first]["extractions"]
        assert flat(now[second]) == [HARD_SPANS[0], HARD_SPANS[1], ("人名", "的𠮷野", 14)]
        assert flat(now[third]) == [("人名", FAMILY, 0), *HARD_SPANS[1:]]
        assert now[third]["text_label"] == "自然"
        assert now[fourth]["text"] == HARD.replace("看到", "遇见")
        assert flat(now[fourth]) == HARD_SPANS
        assert plain[0] not in now
        assert now[plain[2]]["extractions"] == []
        assert now[plain[3]] == records[plain[3]]
    assert made[first] == ["accept"]


def test_relations(studio: LabelStudio, project: list[Record]) -> None:
    number, there = sent(studio, "TCREE/RE")
    records = {record["id"]: record for record in project if record["task"] == "RE"}
    two = [name for name, record in records.items() if len(record["extractions"]) >= 2]
    untouched, relabelled, dropped, turned = two[:4]

    def other_label(record: Record, result: Annotations) -> dict[str, Any]:
        arrow = next(item for item in result if item["type"] == "relation")
        arrow["labels"] = ["所属"]
        return {"result": result}

    def without_last(record: Record, result: Annotations) -> dict[str, Any]:
        arrows = [item for item in result if item["type"] == "relation"][:-1]
        ends = {item[key] for item in arrows for key in ("from_id", "to_id")}
        return {
            "result": arrows
            + [item for item in result if item["type"] != "relation" and item["id"] in {*ends, "class"}]
        }

    def from_right_to_left(record: Record, result: Annotations) -> dict[str, Any]:
        arrow = next(item for item in result if item["type"] == "relation")
        arrow |= {"from_id": arrow["to_id"], "to_id": arrow["from_id"], "direction": "left"}
        return {"result": result}

    acts = {untouched: submitted, relabelled: other_label, dropped: without_last, turned: from_right_to_left}
    annotated(studio, there, records, acts)
    now, made = taken_back(studio, number)
    assert made.keys() == acts.keys()
    assert made[untouched] == made[turned] == ["accept"], "the same relations, whichever way an arrow was drawn"
    assert now[untouched]["extractions"] == records[untouched]["extractions"]
    old, new = records[relabelled]["extractions"], now[relabelled]["extractions"]
    assert [item["spans"] for item in new] == [item["spans"] for item in old]
    assert sorted(item["label"] for item in new) == sorted(["所属", *(item["label"] for item in old[1:])])
    assert now[dropped]["extractions"] == records[dropped]["extractions"][:-1]


def test_events(studio: LabelStudio, project: list[Record]) -> None:
    number, there = sent(studio, "TCREE/EE")
    records = {record["id"]: record for record in project if record["task"] == "EE" and record["extractions"]}
    untouched, shorter, moved = list(records)[:3]

    def without_time(record: Record, result: Annotations) -> dict[str, Any]:
        gone = {item["id"] for item in result if item.get("value", {}).get("labels") == ["time"]}
        return {"result": [item for item in result if not {item.get("id"), item.get("to_id")} & gone]}

    def trigger_begins_later(record: Record, result: Annotations) -> dict[str, Any]:
        value = next(item["value"] for item in result if item.get("value", {}).get("labels") == ["trigger"])
        value |= {"start": value["start"] + 1, "text": value["text"][1:]}
        return {"result": result}

    acts = {untouched: submitted, shorter: without_time, moved: trigger_begins_later}
    annotated(studio, there, records, acts)
    now, made = taken_back(studio, number)
    assert made.keys() == acts.keys()
    assert made[untouched] == ["accept"]
    assert now[shorter]["extractions"] == [
        {**item, "spans": [span for span in item["spans"] if span["role"] != "time"]}
        for item in records[shorter]["extractions"]
    ]
    assert now[shorter] != records[shorter]
    trigger = next(span for span in records[moved]["extractions"][0]["spans"] if span["role"] == "trigger")
    after = next(span for span in now[moved]["extractions"][0]["spans"] if span["role"] == "trigger")
    assert after == {**trigger, "text": trigger["text"][1:], "start": trigger["start"] + 1}
