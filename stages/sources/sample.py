"""The sample that this project wrote: `data/sample/`, one line a text, with every view of it (see its SOURCE.md).

`records` gives the source texts (Japanese; English for TCONER), `references` the hand-made translations.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.schema import read_checked
from stages.records.record import Record, group_of
from stages.sources.common import Source, make_record, present

FILES = ("SCNM", "SCPOS", "TCREE", "TCONER")


def _views(file: str, row: dict[str, Any], name: str, group: str) -> Iterator[Record]:
    for task, extractions in row["views"].items():
        yield make_record(
            subset_name=f"SCPOS-{task}" if file == "SCPOS" else file,
            task=task,
            source=name,
            native=row["id"],
            lang=row["lang"],
            text=row["text"],
            text_label=row["text_label"],
            extractions=extractions,
            split=row["split"],
            group=group,
        )


def records(source: Source) -> list[Record]:
    """Every view of every source text of the sample."""
    folder, result = Path(source.path), list[Record]()
    for file in FILES:
        for row in read_checked(present(source, folder / f"{file}.jsonl"), "sample")[: source.limit]:
            result += _views(file, row, source.name, group_of(row["text"]))
    return result


def references(source: Source) -> list[Record]:
    """The same views in the other languages, made by hand, in the groups of their source texts."""
    folder, result = Path(source.path), list[Record]()
    for file in FILES:
        groups = {
            row["id"]: group_of(row["text"]) for row in read_checked(folder / f"{file}.jsonl", "sample")[: source.limit]
        }
        for path in sorted((folder / "references").glob(f"{file}.*.jsonl")):
            for row in read_checked(path, "sample"):
                if row["id"] in groups:
                    result += _views(file, row, source.name, groups[row["id"]])
                elif source.limit is None:
                    raise UserError(f"{path}: {row['id']}", "no source text has this id", "remove it, or add the text")
    return result
