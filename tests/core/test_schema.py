"""The schemas: the fast verdict and the slow messages say the same, and files are written whole or not at all."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from referencing import Registry, Resource

from stages.core.errors import UserError
from stages.core.files import iter_jsonl, write_jsonl
from stages.core.schema import (
    compiled,
    contents,
    faults,
    file_faults,
    names,
    schema_faults,
    write_checked,
    write_checked_json,
)
from stages.records.record import Record
from stages.records.rules import read_records, record_faults, record_is_sound, write_records
from stages.records.tasks import ROLES, subsets

REGISTRY: Registry[Any] = Registry().with_resources(
    [(f"{name}.schema.json", Resource.from_contents(contents(name))) for name in names()]
)
# Values that stand where others should: wrong types, strings that look right, numbers that are not indices.
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 3, 0.0, 2.0, 1.5, 10**6, 1e300, "", " ", "x", "ja", "en", "zh", "fr", "EN", "ja\n", "人名",
    "Person", "a:b", "a;b", "a/b", "a\\b", "a\nb", "NER", "RE", "EE", "SCNM", "TCREE", "source", "train", "\u2028", "🎵",
    [], {}, [[]], ["x"], {"text": "x", "start": None}, *ROLES, [{"text": "x", "start": 0, "role": "subject"}],
]  # fmt: skip


# --- breaking a record in one place ----------------------------------------------------------------------------------


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *places(value[key])]]


def shift(container: Any, key: Any, chance: random.Random) -> None:
    if isinstance(container[key], int):
        container[key] += chance.choice([-1, 1, 1000])
    else:
        container[key] = chance.choice(VALUES)


def replace(container: Any, key: Any, chance: random.Random) -> None:
    container[key] = chance.choice(VALUES)


def remove(container: Any, key: Any, chance: random.Random) -> None:
    del container[key]


def add(container: Any, key: Any, chance: random.Random) -> None:
    """One more key or item: the same twice, or a role where there was none."""
    if isinstance(container, list):
        container.insert(key, copy.deepcopy(container[key]))
    else:
        container[chance.choice(["role", "extra"])] = chance.choice(ROLES)


def turn(container: Any, key: Any, chance: random.Random) -> None:
    """A list turned round, a string with one more character."""
    if isinstance(container, list):
        container.reverse()
    elif isinstance(container[key], str):
        container[key] = chance.choice(["", "x"]) + container[key] + chance.choice(["", "x", "\n", "/", "/ja"])


CHANGES: list[Callable[[Any, Any, random.Random], None]] = [shift, replace, remove, add, turn]


def broken(record: Record, chance: random.Random) -> Record:
    """The record changed in one random place: most often, but not always, a wrong one."""
    result = copy.deepcopy(record)
    container, key = chance.choice(places(result))
    chance.choice(CHANGES)(container, key, chance)
    return result


@pytest.fixture(scope="module")
def some_broken(sample: list[Record]) -> list[Record]:
    chance = random.Random(3)
    return [broken(chance.choice(sample), chance) for _ in range(6_000)]


def test_every_record_of_the_sample_is_sound(sample: list[Record]) -> None:
    for record in sample:
        assert schema_faults(record, "record") == []
        assert record_is_sound(record)
        assert list(record_faults(record)) == []


def test_the_fast_verdict_and_the_messages_agree_on_broken_records(some_broken: list[Record]) -> None:
    reached = {True: 0, False: 0}
    for record in some_broken:
        if schema_faults(record, "record"):
            continue
        sound = record_is_sound(record)
        assert sound == (not list(record_faults(record))), record
        reached[sound] += 1
    assert min(reached.values()) > 300, f"too few of one kind to compare: {reached}"


def test_a_value_is_refused_exactly_when_there_is_something_to_say(some_broken: list[Record]) -> None:
    for record in some_broken:
        found = faults(record, "record")
        assert bool(found) == (not compiled("record")(record) or not record_is_sound(record)), record
        for pointer, message in found:
            assert pointer.startswith("/")
            assert message


def test_no_broken_record_goes_unnoticed_in_a_file(some_broken: list[Record], tmp_path: Path) -> None:
    some = some_broken[:2000]
    path = tmp_path / "records.jsonl"
    write_jsonl(path, some)
    lines = {
        int(place.rsplit(":", 1)[1]) for place, _, message in file_faults(path, "record") if "duplicate" not in message
    }
    assert lines == {n for n, record in enumerate(some, 1) if faults(record, "record")}


# --- the two validators ----------------------------------------------------------------------------------------------


def both(value: Any, name: str) -> tuple[bool, bool]:
    slow = jsonschema.Draft202012Validator(contents(name), registry=REGISTRY)
    return compiled(name)(value), slow.is_valid(value)


def ends_a_string_with_a_line_break(value: Any) -> bool:
    return any(isinstance(part[key], str) and part[key].endswith("\n") for part, key in places(value))


def test_jsonschema_and_the_compiled_validator_agree(some_broken: list[Record]) -> None:
    for record in some_broken[:3000]:
        fast, slow = both(record, "record")
        if not ends_a_string_with_a_line_break(record):
            assert fast == slow, record
        assert slow or not fast, record


JSON = st.recursive(
    st.sampled_from(VALUES[:30]) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "start", "id", "x"]), inner),
    max_leaves=8,
)


@given(JSON, st.sampled_from(names()))
def test_they_agree_on_any_value_under_any_schema(value: Any, name: str) -> None:
    fast, slow = both(value, name)
    assert fast == slow
    assert bool(schema_faults(value, name)) == (not fast)


def test_where_they_differ_the_verdict_has_a_message_all_the_same(sample: list[Record]) -> None:
    """Python's `$` matches before a final line break; a group with one is wrong and must be said to be."""
    record = {**sample[0], "group": sample[0]["group"] + "\n"}
    assert both(record, "record") == (False, True)
    ((pointer, message),) = faults(record, "record")
    assert pointer == "/group"
    assert "does not match" in message


@pytest.mark.parametrize("name", names())
def test_each_schema_is_a_schema_with_its_own_name_and_refuses_unknown_keys(name: str) -> None:
    schema = contents(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"{name}.schema.json"
    assert "additionalProperties" in schema or any(key in schema for key in ("oneOf", "anyOf", "$ref", "items"))


def test_an_unknown_schema_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"unknown schema \(one of .*record"):
        contents("recrod")


# --- what a schema cannot say ----------------------------------------------------------------------------------------


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
    ("a role on a mention", record_of("SCNM", "NER", span(role="time")), "/extractions/0/spans", "only events"),
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
    assert not record_is_sound(record)
    ((found, said),) = faults(record, "record")
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
                    assert faults(record_of(name, task, *extractions, lang=lang, **keys), "record") == []


def test_a_record_inside_a_translation_is_checked_in_full() -> None:
    line = {"id": "a", "source_id": "b", "response": "0" * 64, "failure": None, "rung": "first", "steps": {}}
    assert faults({**line, "record": record_of("SCNM", "NER", span())}, "translation") == []
    found = faults({**line, "record": record_of("SCNM", "NER", span("神名"), span(start=1))}, "translation")
    assert [pointer for pointer, _ in found] == ["/record/extractions/0/label", "/record/extractions/1/spans/0/start"]
    found = faults({**line, "record": record_of("SCNM", "NER", text=3)}, "translation")
    assert found == [("/record/text", "3 is not of type 'string'")]


def test_faults_come_in_the_order_of_their_places() -> None:
    record = record_of("SCNM", "NER", *(span(start=-1) for _ in range(11)))
    assert [pointer for pointer, _ in faults(record, "record")] == [
        f"/extractions/{n}/spans/0/start" for n in range(11)
    ]


# --- files -----------------------------------------------------------------------------------------------------------


def test_written_records_are_read_back_sorted(sample: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_records(path, list(reversed(sample)))
    assert read_records(path) == sorted(sample, key=lambda record: str(record["id"]))


@pytest.mark.parametrize(
    "fault", [{"lang": "fr"}, {"text": "\ud800"}, {"group": "\ud800"}, {"extra": 1}, {"text": b""}]
)
def test_nothing_is_written_when_one_value_is_wrong(fault: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("what was there before\n", encoding="utf-8")
    good = record_of("SCNM", "NER")
    with pytest.raises(UserError) as caught:
        write_checked(path, [good, {**good, **fault}], "record")
    assert caught.value.place.startswith(f"{path}: SCNM/NER/own/1/ja")
    with pytest.raises(UserError) as caught:
        write_checked_json(path, {**good, **fault}, "record")
    assert caught.value.place.startswith(str(path))
    assert path.read_text(encoding="utf-8") == "what was there before\n"
    assert [file.name for file in tmp_path.iterdir()] == ["records.jsonl"]


def test_reading_names_the_first_fault_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_jsonl(path, [record_of("SCNM", "NER"), record_of("SCNM", "NER", span("神名"), id="SCNM/NER/own/2/ja")])
    with pytest.raises(UserError) as caught:
        read_records(path)
    assert caught.value.place == f"{path}:2: /extractions/0/label"
    assert "stages.records.validate" in caught.value.remedy


def test_blank_lines_are_passed_over_and_counted(sample: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_jsonl(path, sample[:2])
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"\n\r\n" + second + b"{\n")
    assert [place for place, _, _ in file_faults(path, "record")] == [f"{path}:5"]
    path.write_bytes(first + b"\n\r\n" + second)
    assert list(iter_jsonl(path)) == sample[:2]
