"""JSON Schemas of `schemas/<room>/`: `jsonschema_rs`, compiled, gives the verdict; `jsonschema` the messages.

What a schema cannot say is a rule: a function of a valid value that lists its faults, handed to whatever reads or writes
such values (`stages/records/rules.py` has the record's). A file is written whole, once every value has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import orjson
from referencing import Registry, Resource

from stages.core.errors import UserError
from stages.core.files import dumps, iter_lines, loads, read_bytes, read_json, reading, replacing

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
Fault = tuple[str, str]  # JSON pointer, what is wrong
IS_LIST = "is a JSON list, not one object a line: split it, as by jq -c '.[]'"
Rule = Callable[[Any], Sequence[Fault]]  # of a value that its schema accepts


def no_rule(value: Any) -> Sequence[Fault]:
    """Nothing beyond the schema."""
    return ()


@cache
def paths() -> dict[str, Path]:
    """The file of each schema by its name, which no two rooms share."""
    return {path.name.removesuffix(".schema.json"): path for path in SCHEMAS.glob("*/*.schema.json")}


@cache
def names() -> tuple[str, ...]:
    """The known schemas, each a `schemas/<room>/<name>.schema.json`."""
    return tuple(sorted(paths()))


@cache
def contents(name: str) -> dict[str, Any]:
    """The schema of that name; UserError names the known ones."""
    if name not in names():
        raise UserError(name, "unknown schema", f"one of {', '.join(names())}")
    schema: dict[str, Any] = read_json(paths()[name])
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


def faults(value: Any, name: str, rule: Rule = no_rule) -> list[Fault]:
    """Every fault of a value under the schema `name`, or, if it is valid, under the rule."""
    return schema_faults(value, name) or list(rule(value))


def is_one_value(path: str | Path) -> bool:
    """Whether a file is one JSON value, by its name: `.json` or `.json.gz`; any other has a value a line."""
    return str(path).removesuffix(".gz").endswith(".json")


def file_faults(path: str | Path, name: str, rule: Rule = no_rule) -> Iterator[tuple[str, str, str]]:
    """(place, pointer, message) of every fault of a JSON or JSONL file, duplicate ids included; constant memory but for ids."""
    if is_one_value(path):
        data = read_bytes(path)
        try:
            value = loads(data, str(path))
        except UserError as error:
            yield error.place, "/", error.fault
            return
        for pointer, message in faults(value, name, rule):
            yield str(path), pointer, message
        return
    is_valid, seen = compiled(name), set[str]()
    with reading(path) as file:
        for number, line in enumerate(file, 1):  # as `iter_lines` does, with nothing done to a line that is sound
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                if line := line.rstrip(b"\r\n"):
                    is_list = number == 1 and line.strip() == b"["
                    yield f"{path}:{number}", "/", IS_LIST if is_list else _json_fault(line)
                    if is_list:
                        return
                continue
            if isinstance(value, list):
                yield f"{path}:{number}", "/", IS_LIST if number == 1 else "a list, where one object a line stands"
                continue
            for pointer, message in rule(value) if is_valid(value) else schema_faults(value, name):
                yield f"{path}:{number}", pointer, message
            if isinstance(value, dict) and isinstance(identifier := value.get("id"), str):
                if identifier in seen:
                    yield f"{path}:{number}", "/id", f"duplicate id {identifier!r}"
                seen.add(identifier)


def _json_fault(line: bytes) -> str:
    """What is wrong with a line that is no JSON, with places that count from its start."""
    try:
        loads(line, "")
    except UserError as error:
        return error.fault
    return "broken JSON"


def read_checked(path: str | Path, name: str, rule: Rule = no_rule) -> list[Any]:
    """The values of a JSONL file that its schema and the rule accept; UserError names the first fault."""
    for place, pointer, message in file_faults(path, name, rule):
        remedy = f"see all faults with `python -m stages.records.validate {path}`"
        raise UserError(f"{place}: {pointer}", message, remedy)
    return [orjson.loads(line) for _, line in iter_lines(path)]


def read_checked_json(path: str | Path, name: str, remedy: str = "make it again with `make repro`") -> Any:
    """The value of a JSON file that its schema accepts; UserError names the first fault, and the remedy."""
    value = read_json(path)
    for pointer, message in schema_faults(value, name):
        raise UserError(f"{path}: {pointer}", message, remedy)
    return value


def write_checked(path: str | Path, values: Iterable[Any], name: str, rule: Rule = no_rule) -> None:
    """Writes a JSONL file, once every value has passed its schema and the rule; nothing is written otherwise."""
    with replacing(path) as file:
        for value in values:
            place = f"{path}: {value.get('id', '?')}"
            line = dumps(value, place=place)  # first: the compiled validator raises on a lone surrogate
            for pointer, message in faults(value, name, rule):
                raise UserError(f"{place}: {pointer}", message, "this stage made a wrong value")
            file.write(line + b"\n")


def write_checked_json(path: str | Path, value: Any, name: str) -> None:
    """Writes one indented JSON value that its schema accepts."""
    data = dumps(value, indent=True, place=str(path))
    for pointer, message in schema_faults(value, name):
        raise UserError(f"{path}: {pointer}", message, "this stage made a wrong value")
    with replacing(path) as file:
        file.write(data + b"\n")
