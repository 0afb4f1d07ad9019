"""Scores that others published, for columns of their own in the report: never mixed with what is measured here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from stages.core.errors import UserError
from stages.core.files import read_bytes
from stages.core.schema import faults
from stages.records.tasks import LEVELS, SUBSETS

NONE = "not found"  # not the same as unpublished: see NOTE
NOTE = (
    "Scores of other systems on their own test sets, by their own scorers, for orientation only. Marks: P the authors' "
    "own page, N a third party's note, I inferred; sources in `stages/report/published.yaml`. *not found*: not public in a form "
    "that this project could read; –: a level that the source does not give."
)


def load(path: str | Path) -> list[dict[str, Any]]:
    """The entries of a YAML file (`schemas/report/published.schema.json`).

    Raises:
        UserError: broken YAML, an entry that its schema refuses, or two scores of one system for one cell.
    """
    try:
        entries = yaml.safe_load(read_bytes(path))
    except yaml.YAMLError as error:
        raise UserError(str(path), "broken YAML: " + " ".join(str(error).split()), "fix this line") from error
    for pointer, message in faults(entries, "published"):
        raise UserError(f"{path}: {pointer}", message, "give each value its mark and source, see the file's head")
    seen = set()
    for n, entry in enumerate(entries):
        if entry["subset"] is not None and entry["subset"] not in SUBSETS:
            raise UserError(
                f"{path}: /{n}/subset", f"unknown sub-dataset {entry['subset']!r}", f"one of {', '.join(SUBSETS)}"
            )
        place = entry["system"], entry["lang"], entry["subset"]
        if place in seen:
            raise UserError(f"{path}: /{n}", f"a second entry of {entry['system']} for one cell", "keep one")
        seen.add(place)
    return list(entries)


def systems(entries: Iterable[dict[str, Any]]) -> list[str]:
    """Every system named, in the file's order."""
    return list(dict.fromkeys(entry["system"] for entry in entries))


def rows(entries: Sequence[dict[str, Any]], cells: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """One row for each (language, sub-dataset), one column a system: `TL/WL/ALL [mark]`, a level without a number as a
    dash; `NONE` where the system has no score for the cell."""
    known = {(entry["system"], entry["lang"], entry["subset"]): entry for entry in entries}
    names = systems(entries)
    result = []
    for lang, name in cells:
        row = {"lang": lang, "sub-dataset": name}
        for system in names:
            entry = known.get((system, lang, name))
            row[system] = (
                NONE
                if entry is None
                else "/".join(f"{entry[level]:.2f}" if level in entry else "–" for level in LEVELS)
                + f" [{entry['mark']}]"
            )
        result.append(row)
    return result
