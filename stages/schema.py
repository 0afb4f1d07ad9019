"""JSON Schemas of `schemas/`: a compiled validator gives the verdict, `jsonschema` the messages.

What a schema cannot say is checked here too: spans stand where `start` says, ids agree with their fields, labels are in
the table of their sub-dataset and language, span counts and roles fit the task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import orjson
from referencing import Registry, Resource

from stages.errors import UserError
from stages.files import dumps, iter_lines, loads, read_bytes, read_json, replacing
from stages.record import Record, sort_records
from stages.tasks import DELIMITERS, ROLES, SUBSETS, subset, subsets

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"
Fault = tuple[str, str]  # JSON pointer, what is wrong
SPANS = {"span": 1, "relation": 2}  # how many an extraction has
ROLE_ORDERS = frozenset(some for count in range(1, len(ROLES) + 1) for some in combinations(ROLES, count))


@cache
def names() -> tuple[str, ...]:
    """The known schemas: `schemas/<name>.schema.json`."""
    return tuple(sorted(path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.schema.json")))


@cache
def contents(name: str) -> dict[str, Any]:
    """The schema of that name; UserError names the known ones."""
    if name not in names():
        raise UserError(name, "unknown schema", f"one of {', '.join(names())}")
    schema: dict[str, Any] = read_json(SCHEMAS / f"{name}.schema.json")
    return schema


@cache
def _registry() -> Registry[Any]:
    pairs = [(f"{name}.schema.json", Resource.from_contents(contents(name))) for name in names()]
    return Registry().with_resources(pairs)


@cache
def _compiled(name: str) -> jsonschema_rs.Validator:
    resources = [(f"{other}.schema.json", contents(other)) for other in names()]
    return jsonschema_rs.validator_for(contents(name), registry=jsonschema_rs.Registry(resources))


def compiled(name: str) -> Callable[[Any], bool]:
    """The verdict: a fast predicate for one value."""
    return _compiled(name).is_valid


@cache
def _explainer(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(contents(name), registry=_registry())


def schema_faults(value: Any, name: str) -> list[Fault]:
    """Where and why a value breaks its schema, in the order of the paths; empty if it is valid."""
    if compiled(name)(value):
        return []
    errors = (jsonschema.exceptions.best_match([error]) for error in _explainer(name).iter_errors(value))
    found = [(list(error.absolute_path), error.message) for error in errors if error]
    if not found:  # Python's `$` lets a final line break pass, the compiled one does not, and the verdict is its
        found = [(list(error.instance_path), error.message) for error in _compiled(name).iter_errors(value)]
    return [
        ("/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path), message)
        for path, message in sorted(found, key=lambda fault: fault[0])
    ]


# Of one sub-dataset, task and language: spans of an extraction (0 for an event), text labels, word labels (None: open).
_Rule = tuple[int, frozenset[str], frozenset[str] | None]


@cache
def _rules() -> dict[tuple[str, str, str], _Rule]:
    rules: dict[tuple[str, str, str], _Rule] = {}
    for name, entry in subsets().items():
        for task, table in entry.word_labels.items():
            for lang, row in entry.text_labels.items():
                words = None if table is None else frozenset(table.get(lang, ()))
                rules[name, task, lang] = (SPANS.get(entry.tasks[task].kind, 0), frozenset(row), words)
    return rules


def record_is_sound(record: Record) -> bool:
    """The verdict of `record_faults` for a record that its schema accepts, as fast as it can be had."""
    name, task, lang, text = record["subset"], record["task"], record["lang"], record["text"]
    rule = _rules().get((name, task, lang))
    if rule is None:
        return False
    count, text_labels, word_labels = rule
    identifier, label = record["id"], record["text_label"]
    if not identifier.startswith(f"{name}/{task}/{record['source']}/") or not identifier.endswith("/" + lang):
        return False
    if (label is None) != (record["text_label_origin"] is None) or (label is not None and label not in text_labels):
        return False
    for extraction in record["extractions"]:
        spans, label = extraction["spans"], extraction["label"]
        if not count:
            if label is not None or tuple([span.get("role") for span in spans]) not in ROLE_ORDERS:
                return False
        elif len(spans) != count or label is None:
            return False
        elif word_labels is None:
            if not DELIMITERS.isdisjoint(label):
                return False
        elif label not in word_labels:
            return False
        for span in spans:
            start = span["start"]
            if start is not None and not (type(start) is int and text.startswith(span["text"], start)):
                return False
            if count and "role" in span:
                return False
    return True


def record_faults(record: Record) -> Iterator[Fault]:
    """What is wrong with a record that its schema accepts: ids, labels, spans."""
    name, task, lang = record["subset"], record["task"], record["lang"]
    entry = subset(name)
    if task not in entry.tasks:
        yield "/task", f"{task!r} is no task of {name}: one of {', '.join(entry.tasks)}"
        return
    prefix = f"{name}/{task}/{record['source']}/"
    if not record["id"].startswith(prefix) or not record["id"].endswith("/" + lang):
        yield "/id", f"{record['id']!r} does not read {prefix}…/{lang}"
    if lang not in entry.text_labels:
        yield "/lang", f"unknown language {lang!r} of {name}: one of {', '.join(entry.languages)}"
        return
    label = record["text_label"]
    if (label is None) != (record["text_label_origin"] is None):
        yield "/text_label_origin", "text_label and text_label_origin are null together or not at all"
    if label is not None and label not in entry.text_labels[lang]:
        yield "/text_label", f"unknown label {label!r}: one of {', '.join(entry.text_labels[lang])}"
    kind, table = entry.tasks[task].kind, entry.word_labels[task]
    for n, extraction in enumerate(record["extractions"]):
        at = f"/extractions/{n}"
        yield from _extraction_faults(extraction, at, kind, None if table is None else table.get(lang, ()))
        for k, span in enumerate(extraction["spans"]):
            start, part = span["start"], span["text"]
            if isinstance(start, float):  # 3.0 is an integer to JSON Schema, and no index to Python
                yield f"{at}/spans/{k}/start", f"{start!r} is no whole number: write it without a fraction or exponent"
            elif start is not None and record["text"][start : start + len(part)] != part:
                found = record["text"][start : start + len(part)]
                yield f"{at}/spans/{k}/start", f"the text has {found!r} at {start}, not {part!r}"


def _extraction_faults(item: dict[str, Any], at: str, kind: str, labels: tuple[str, ...] | None) -> Iterator[Fault]:
    roles = [span.get("role") for span in item["spans"]]
    if kind == "event":
        if item["label"] is not None:
            yield f"{at}/label", "an event's label is null"
        if tuple(roles) not in ROLE_ORDERS:
            yield f"{at}/spans", f"an event's roles are {', '.join(ROLES)}, in this order, each at most once"
        return
    count = SPANS[kind]
    if len(roles) != count:
        yield f"{at}/spans", f"{len(roles)} spans, a {kind} task has {count}"
    if any(roles):
        yield f"{at}/spans", "only events have roles"
    if item["label"] is None:
        yield f"{at}/label", "label is null, only an event's is"
    elif labels is not None and item["label"] not in labels:
        yield f"{at}/label", f"unknown label {item['label']!r}: one of {', '.join(labels)}"
    elif labels is None and not DELIMITERS.isdisjoint(item["label"]):
        yield f"{at}/label", f"label {item['label']!r} holds a delimiter of the linear format"


def faults(value: Any, name: str) -> list[Fault]:
    """Every fault of a value under the schema `name`; records, also those inside a translation, are checked in full."""
    found = schema_faults(value, name)
    if found:
        return found
    record, at = (
        (value, "") if name == "record" else (value.get("record"), "/record") if name == "translation" else (None, "")
    )
    if record is None or record_is_sound(record):
        return []
    return [(at + pointer, message) for pointer, message in record_faults(record)]


def file_faults(path: str | Path, name: str) -> Iterator[tuple[str, str, str]]:
    """(place, pointer, message) of every fault of a JSON or JSONL file, duplicate ids included; constant memory but for ids."""
    if Path(path).suffix == ".json":
        data = read_bytes(path)
        try:
            value = loads(data, str(path))
        except UserError as error:
            yield error.place, "/", error.fault
            return
        for pointer, message in faults(value, name):
            yield str(path), pointer, message
        return
    is_valid, is_record, seen = compiled(name), name == "record", set[str]()
    for number, line in iter_lines(path):
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield f"{path}:{number}", "/", f"broken JSON: {error}"
            continue
        if not (is_valid(value) and (not is_record or record_is_sound(value))) or not is_record:
            for pointer, message in faults(value, name):
                yield f"{path}:{number}", pointer, message
        if isinstance(value, dict) and isinstance(identifier := value.get("id"), str):
            if identifier in seen:
                yield f"{path}:{number}", "/id", f"duplicate id {identifier!r}"
            seen.add(identifier)


def read_checked(path: str | Path, name: str) -> list[Any]:
    """The values of a JSONL file that its schema accepts; UserError names the first fault."""
    for place, pointer, message in file_faults(path, name):
        raise UserError(f"{place}: {pointer}", message, f"see all faults with `python -m stages.validate {path}`")
    return [orjson.loads(line) for _, line in iter_lines(path)]


def read_checked_json(path: str | Path, name: str) -> Any:
    """The value of a JSON file that its schema accepts; UserError names the first fault."""
    value = read_json(path)
    for pointer, message in faults(value, name):
        raise UserError(f"{path}: {pointer}", message, "make it again with `make repro`")
    return value


def read_records(path: str | Path) -> list[Record]:
    """The records of a JSONL file."""
    return read_checked(path, "record")


def write_checked(path: str | Path, values: list[Any], name: str) -> None:
    """Writes a JSONL file, once every value has passed its schema; nothing is written otherwise."""
    with replacing(path) as file:
        for value in values:
            place = f"{path}: {value.get('id', '?')}"
            line = dumps(value, place=place)  # first: the compiled validator raises on a lone surrogate
            for pointer, message in faults(value, name):
                raise UserError(f"{place}: {pointer}", message, "this stage made a wrong value")
            file.write(line + b"\n")


def write_records(path: str | Path, records: list[Record]) -> None:
    """Writes records sorted by id, in canonical form."""
    write_checked(path, sort_records(records), "record")


def write_checked_json(path: str | Path, value: Any, name: str) -> None:
    """Writes one indented JSON value that its schema accepts."""
    data = dumps(value, indent=True, place=str(path))
    for pointer, message in faults(value, name):
        raise UserError(f"{path}: {pointer}", message, "this stage made a wrong value")
    with replacing(path) as file:
        file.write(data + b"\n")


assert tuple(contents("record")["properties"]["subset"]["enum"]) == SUBSETS, "record.schema.json and tasks.py disagree"
