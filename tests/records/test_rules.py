"""What a schema cannot say of a record, and how records are read and written."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.files import write_jsonl
from stages.core.schema import faults, schema_faults
from stages.records.record import Record
from stages.records.rules import carried_faults, read_records, record_faults, write_records
from stages.records.tasks import subsets


def event(*roles: str) -> dict[str, Any]:
    return {"label": None, "spans": [{"text": "x", "start": None, "role": role} for role in roles]}


def span(label: str | None = "人名", **keys: Any) -> dict[str, Any]:
    return {"label": label, "spans": [{"text": "夏目", "start": 0} | keys]}


def record_of(subset: str, task: str, *extractions: dict[str, Any], **keys: Any) -> Record:
    lang = keys.get("lang", "ja")
    return {
        "id": f"{subset}/{task}/own/1/{lang}",
        "group": "0" * 16,
        "subset": subset,
        "task": task,
        "source": "own",
        "lang": lang,
        "split": None,
        "text": "夏目が来た。",
        "text_label": None,
        "text_label_origin": None,
        "extractions": list(extractions),
    } | keys


FAULTY: list[tuple[str, Record, str, str]] = [
    ("task of another sub-dataset", record_of("SCNM", "RE"), "/task", "is no task of SCNM: one of NER"),
    ("unknown language", record_of("SCNM", "NER", lang="fr"), "/lang", "one of ja, en, zh"),
    ("id of another source", record_of("SCNM", "NER", source="other"), "/id", "SCNM/NER/other/…/ja"),
    ("id of another language", record_of("SCNM", "NER", id="SCNM/NER/own/1/en"), "/id", "SCNM/NER/own/…/ja"),
    (
        "label of another language",
        record_of("SCNM", "NER", text_label="Nature", text_label_origin="source"),
        "/text_label",
        "unknown label 'Nature'",
    ),
    ("label without origin", record_of("SCNM", "NER", text_label="自然"), "/text_label_origin", "null together"),
    ("origin without label", record_of("SCNM", "NER", text_label_origin="llm"), "/text_label_origin", "null together"),
    ("unknown word label", record_of("SCNM", "NER", span("神名")), "/extractions/0/label", "unknown label '神名'"),
    ("no word label", record_of("SCNM", "NER", span(None)), "/extractions/0/label", "label is null"),
    ("a slice that is not the span", record_of("SCNM", "NER", span(start=1)), "/extractions/0/spans/0/start", "'目が'"),
    ("a start past the end", record_of("SCNM", "NER", span(start=99)), "/extractions/0/spans/0/start", "has '' at 99"),
    ("a start with a fraction", record_of("SCNM", "NER", span(start=0.0)), "/extractions/0/spans/0/start", "0.0"),
    ("a role on a mention", record_of("SCNM", "NER", span(role="time")), "/extractions/0/spans/0/role", "only events"),
    ("a relation of one span", record_of("TCREE", "RE", span("所属")), "/extractions/0/spans", "1 spans"),
    ("a labelled event", record_of("TCREE", "EE", span("所属", role="time")), "/extractions/0/label", "is null"),
    ("an event without roles", record_of("TCREE", "EE", span(None)), "/extractions/0/spans", "each at most once"),
    ("a role twice", record_of("TCREE", "EE", event("time", "time")), "/extractions/0/spans", "each at most once"),
    ("roles in disorder", record_of("TCREE", "EE", event("time", "subject")), "/extractions/0/spans", "in this order"),
    (
        "a delimiter in an open label",
        record_of("TCONER", "NER", span("a:b"), lang="en"),
        "/extractions/0/label",
        "delimiter",
    ),
]


@pytest.mark.parametrize(("record", "pointer", "message"), [row[1:] for row in FAULTY], ids=[row[0] for row in FAULTY])
def test_what_a_schema_cannot_say_is_found(record: Record, pointer: str, message: str) -> None:
    assert schema_faults(record, "record") == []
    ((found, said),) = faults(record, "record", record_faults)
    assert found == pointer
    assert message in said


def test_every_task_in_every_language_takes_its_own_labels() -> None:
    for name, subset in subsets().items():
        for task, table in subset.word_labels.items():
            for lang, text_labels in subset.text_labels.items():
                words = ["free choice"] if table is None else table.get(lang, ())
                extractions: list[dict[str, Any]] = [span(label) for label in words]
                if subset.tasks[task].kind == "relation":
                    extractions = [{**item, "spans": item["spans"] * 2} for item in extractions]
                for label in text_labels:
                    keys = {"text_label": label, "text_label_origin": "human"}
                    assert faults(record_of(name, task, *extractions, lang=lang, **keys), "record", record_faults) == []


def test_a_record_inside_a_translation_is_checked_in_full() -> None:
    line = {"id": "a", "source_id": "b", "response": "0" * 64, "failure": None, "model": "first", "steps": {}}
    assert faults({**line, "record": record_of("SCNM", "NER", span())}, "translation", carried_faults) == []
    found = faults(
        {**line, "record": record_of("SCNM", "NER", span("神名"), span(start=1))}, "translation", carried_faults
    )
    assert [pointer for pointer, _ in found] == ["/record/extractions/0/label", "/record/extractions/1/spans/0/start"]
    found = faults({**line, "record": record_of("SCNM", "NER", text=3)}, "translation", carried_faults)
    assert found == [("/record/text", "3 is not of type 'string'")]


def test_faults_come_in_the_order_of_their_places() -> None:
    record = record_of("SCNM", "NER", *(span(start=-1) for _ in range(11)))
    assert [pointer for pointer, _ in faults(record, "record", record_faults)] == [
        f"/extractions/{n}/spans/0/start" for n in range(11)
    ]


def test_every_record_of_the_sample_is_sound(sample: list[Record]) -> None:
    assert [fault for record in sample for fault in faults(record, "record", record_faults)] == []


# Each makes a sound record wrong, whatever it holds.
WRONG: list[Callable[[Record], object]] = [
    lambda record: record.update(task="XX"),
    lambda record: record.update(id=record["id"] + "x"),
    lambda record: record.update(source=record["source"] + "x"),
    lambda record: record.update(text_label=None),
    lambda record: record.update(text_label="no label"),
    lambda record: record.update(text="…" + record["text"]),
    lambda record: record["extractions"][0].update(label="a:b"),
    lambda record: record["extractions"][0]["spans"].append({"text": "x", "start": None}),
    lambda record: record["extractions"][0]["spans"][0].update(role="time", text="x", start=10**6),
]


@pytest.mark.parametrize("n", range(len(WRONG)))
def test_a_sound_record_made_wrong_is_refused_with_a_place(sample: list[Record], n: int) -> None:
    chance = random.Random(n)
    for record in chance.sample([record for record in sample if record["extractions"]], 60):
        changed = {
            **record,
            "extractions": [{**e, "spans": [dict(s) for s in e["spans"]]} for e in record["extractions"]],
        }
        WRONG[n](changed)
        found = record_faults(changed)
        assert found, changed
        assert all(pointer.startswith("/") and message for pointer, message in found)


def test_written_records_are_read_back_sorted(sample: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_records(path, list(reversed(sample)))
    assert read_records(path) == sorted(sample, key=lambda record: str(record["id"]))


def test_reading_names_the_first_fault_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_jsonl(path, [record_of("SCNM", "NER"), record_of("SCNM", "NER", span("神名"), id="SCNM/NER/own/2/ja")])
    with pytest.raises(UserError) as caught:
        read_records(path)
    assert caught.value.place == f"{path}:2: /extractions/0/label"
    assert "stages.records.validate" in caught.value.remedy
