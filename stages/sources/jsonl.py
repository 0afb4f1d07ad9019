"""Unified records of one's own: a local file, one record a line or one JSON list, as `schemas/records/record.schema.json` says.

Records are taken as they are, after the full check of schema, labels, spans and groups. `group` may be left out: it is then the
hash of the text, and for a translation that of its source text, the record of the same id in the sub-dataset's source language.
The source's name must be the `source` of every record, which is part of its id. `source.limit` takes the first texts, each with
all its views and translations. The file may be gzip.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.files import iter_lines, loads, read_bytes
from stages.core.schema import faults
from stages.records.record import Record, group_of
from stages.records.rules import record_faults
from stages.records.tasks import SUBSETS, subset
from stages.sources.common import Source, pinned
from stages.sources.keys import repeated_keys


def _values(path: Path) -> Iterator[tuple[str, Any]]:
    """(place, value) of each record of the file."""
    data = read_bytes(path)
    if data.lstrip()[:1] == b"[":
        values = loads(data, str(path))
        twice = repeated_keys(data)
        for number, value in enumerate(values):
            yield _once(f"{path}[{number}]", twice.get(number)), value
    else:
        for number, line in iter_lines(path):
            value = loads(line, f"{path}:{number}")
            yield _once(f"{path}:{number}", repeated_keys(b"[" + line + b"]").get(0)), value


def _once(place: str, key: str | None) -> str:
    """The place, where no key stands twice in its row."""
    if key is not None:
        raise UserError(place, f"key {key!r} stands twice", "keep one of them")
    return place


def _key(identifier: Any) -> str:
    """What a record shares with its translations: its id without the language."""
    return str(identifier).rpartition("/")[0]


def _with_groups(values: list[tuple[str, Any]]) -> None:
    """Gives a group to each record that has none."""
    rows = [value for _, value in values if isinstance(value, dict) and isinstance(value.get("text"), str)]
    sources: dict[str, str] = {
        _key(row.get("id")): row["text"]
        for row in rows
        if row.get("subset") in SUBSETS and row.get("lang") == subset(row["subset"]).source_lang
    }
    for row in rows:
        if "group" not in row:
            row["group"] = group_of(sources.get(_key(row.get("id"))) or row["text"])


def references(source: Source) -> list[Record]:
    """The file's records as translations that others are measured by (adapter `references`); their `source` is that of what
    they translate."""
    return _read(source, None)


def records(source: Source) -> list[Record]:
    """The records of the file, of its first texts if there is a limit."""
    return _read(source, source.name)


def _read(source: Source, name: str | None) -> list[Record]:
    path, seen, result = pinned(source), set[str](), list[Record]()
    values = list(_values(path))
    _with_groups(values)
    for place, record in values:
        for pointer, message in faults(record, "record", record_faults):
            remedy = f"see all faults with `python -m stages.records.validate {path}`"
            raise UserError(f"{place}: {pointer}", message, remedy)
        if name is not None and record["source"] != name:
            remedy = f"name the source {record['source']!r} in raw.sources, or change `source` and `id` in the file"
            fault = f"its source is {record['source']!r}, not {name!r}"
            raise UserError(f"{place}: {record['id']}", fault, remedy)
        if record["id"] in seen:
            raise UserError(f"{place}: /id", f"duplicate id {record['id']!r}", "give each record its own native id")
        seen.add(record["id"])
        result.append(record)
    groups = set(list(dict.fromkeys(record["group"] for record in result))[: source.limit])
    return [record for record in result if record["group"] in groups]
