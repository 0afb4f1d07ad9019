"""The schemas: the fast verdict and the slow messages say the same; files are written whole or not at all."""

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
from stages.records.rules import record_faults
from stages.records.tasks import ROLES

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


def test_a_value_is_refused_exactly_when_there_is_something_to_say(some_broken: list[Record]) -> None:
    reached = {True: 0, False: 0}
    for record in some_broken:
        found = faults(record, "record")
        assert bool(found) == (not compiled("record")(record)), record
        reached[bool(found)] += 1
        for pointer, message in found:
            assert pointer.startswith("/")
            assert message
    assert min(reached.values()) > 300, f"too few of one kind: {reached}"


def test_no_broken_record_goes_unnoticed_in_a_file(some_broken: list[Record], tmp_path: Path) -> None:
    some = some_broken[:2000]
    path = tmp_path / "records.jsonl"
    write_jsonl(path, some)
    lines = {
        int(place.rsplit(":", 1)[1])
        for place, _, message in file_faults(path, "record", record_faults)
        if "duplicate" not in message
    }
    assert lines == {n for n, record in enumerate(some, 1) if faults(record, "record", record_faults)}


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
    closed = ("additionalProperties", "unevaluatedProperties", "oneOf", "anyOf", "$ref", "items")
    assert any(key in schema for key in closed)


def test_an_unknown_schema_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"unknown schema \(one of .*usage"):
        contents("recrod")


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"lang": 3}, {"text": "\ud800"}, {"group": "\ud800"}, {"extra": 1}, {"text": b""}])
def test_nothing_is_written_when_one_value_is_wrong(
    fault: dict[str, Any], sample: list[Record], tmp_path: Path
) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("what was there before\n", encoding="utf-8")
    good = copy.deepcopy(sample[0])
    with pytest.raises(UserError) as caught:
        write_checked(path, [good, {**good, **fault}], "record")
    assert caught.value.place.startswith(f"{path}: {good['id']}")
    with pytest.raises(UserError) as caught:
        write_checked_json(path, {**good, **fault}, "record")
    assert caught.value.place.startswith(str(path))
    assert path.read_text(encoding="utf-8") == "what was there before\n"
    assert [file.name for file in tmp_path.iterdir()] == ["records.jsonl"]


def test_blank_lines_are_passed_over_and_counted(sample: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_jsonl(path, sample[:2])
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"\n\r\n" + second + b"{\n")
    assert [place for place, _, _ in file_faults(path, "record")] == [f"{path}:5"]
    path.write_bytes(first + b"\n\r\n" + second)
    assert list(iter_jsonl(path)) == sample[:2]
