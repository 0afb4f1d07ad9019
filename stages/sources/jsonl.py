"""Unified records of one's own: a local JSONL file, one record a line as `schemas/record.schema.json` says.

Records are taken as they are, after the full check of schema, labels and spans. The source's name must be the `source`
of every record, which is part of its id. `source.limit` takes the first texts, each with all its views and
translations.
"""

from __future__ import annotations

from stages.core.errors import UserError
from stages.core.files import iter_lines
from stages.records.record import Record
from stages.records.rules import read_records
from stages.sources.common import Source, pinned


def records(source: Source) -> list[Record]:
    """The records of the file, of its first texts if there is a limit."""
    result = read_records(pinned(source))
    for (number, _), record in zip(iter_lines(source.path), result, strict=True):
        if record["source"] != source.name:
            remedy = f"name the source {record['source']!r} in raw.sources, or change `source` and `id` in the file"
            fault = f"its source is {record['source']!r}, not {source.name!r}"
            raise UserError(f"{source.path}:{number}: {record['id']}", fault, remedy)
    groups = set(list(dict.fromkeys(record["group"] for record in result))[: source.limit])
    return [record for record in result if record["group"] in groups]
