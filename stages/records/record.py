"""The unified record: one text, one text-level label, its extractions, the same between all data stages.

A record is a plain dict with the keys of `schemas/records/record.schema.json`, in that order. `start` counts Unicode code
points; `text[start:start+len(span)] == span` holds wherever it is not null.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from stages.core.errors import UserError
from stages.records.tasks import ROLES, Task

Record = dict[str, Any]
Extraction = dict[str, Any]
KEYS = (
    "id",
    "group",
    "subset",
    "task",
    "source",
    "lang",
    "split",
    "text",
    "text_label",
    "text_label_origin",
    "extractions",
)


def normalise(text: str) -> str:
    """The text by which groups are told apart: NFKC, white space folded to one space, ends trimmed."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip()


def group_of(text: str) -> str:
    """16 hex digits: the hash of the normalised source text."""
    return hashlib.sha256(normalise(text).encode()).hexdigest()[:16]


def record_id(subset: str, task: str, source: str, native: str, lang: str) -> str:
    """`<subset>/<task>/<source>/<native id>/<lang>`; a slash or space in the native id becomes `_`."""
    native = re.sub(r"[/\s]", "_", native)
    return f"{subset}/{task}/{source}/{native}/{lang}"


def with_lang(identifier: str, lang: str) -> str:
    """The id of the same record in another language."""
    return identifier.rsplit("/", 1)[0] + "/" + lang


def canonical(record: Record) -> Record:
    """The record with its keys, and those of its spans, in the fixed order."""
    result = {key: record[key] for key in KEYS}
    result["extractions"] = [
        {
            "label": extraction["label"],
            "spans": [
                {key: span[key] for key in ("text", "start", "role") if key in span} for span in extraction["spans"]
            ],
        }
        for extraction in record["extractions"]
    ]
    return result


def sort_records(records: Iterable[Record]) -> list[Record]:
    """Canonical records by id; UserError on an id that comes twice."""
    ordered = sorted((canonical(record) for record in records), key=lambda record: str(record["id"]))
    for left, right in zip(ordered, ordered[1:], strict=False):
        if left["id"] == right["id"]:
            raise UserError(left["id"], "duplicate id", "give each record its own native id")
    return ordered


def occurrences(text: str, part: str) -> list[int]:
    """Every start of `part` in `text`, overlapping ones too."""
    found, start = [], text.find(part)
    while start >= 0:
        found.append(start)
        start = text.find(part, start + 1)
    return found


def locate(text: str, kind: str, extractions: Sequence[Extraction]) -> list[Extraction]:
    """The extractions with a `start` for each span, null where it is not in the text.

    Spans of a `span` task are mentions: the nth mention of a word gets its nth place that no earlier mention covers, and
    longer words choose first, so that 東京 is not looked for inside 東京大学. A mention for which no such place is left is
    nested in another, or crosses it: it gets its first place that no mention of the same words covers. Spans of relations and
    events are arguments, which may share a place: each gets the first.
    """
    starts: dict[tuple[int, int], int | None] = {}
    if kind == "span":
        taken: list[tuple[int, int]] = []
        order = sorted(range(len(extractions)), key=lambda n: -len(extractions[n]["spans"][0]["text"]))
        for n in order:
            part = extractions[n]["spans"][0]["text"]
            places = [(start, start + len(part)) for start in occurrences(text, part)]
            apart = (start for start, end in places if all(end <= low or start >= high for low, high in taken))
            same = [place for place in taken if text[place[0] : place[1]] == part]
            inside = (start for start, end in places if all(end <= low or start >= high for low, high in same))
            place = next(apart, next(inside, None))
            if place is not None:
                taken.append((place, place + len(part)))
            starts[n, 0] = place
    else:
        for n, extraction in enumerate(extractions):
            for k, span in enumerate(extraction["spans"]):
                place = text.find(span["text"])
                starts[n, k] = place if place >= 0 else None
    return [
        {
            "label": extraction["label"],
            "spans": [{**span, "start": starts[n, k]} for k, span in enumerate(extraction["spans"])],
        }
        for n, extraction in enumerate(extractions)
    ]


def unaligned(record: Record) -> list[str]:
    """The spans of a record that are not in its text."""
    return [span["text"] for item in record["extractions"] for span in item["spans"] if span["start"] is None]


def fields_of(extraction: Extraction, task: Task) -> tuple[str, ...]:
    """The extraction as the linear format orders it: (label, span), (head, label, tail), or the four roles ("" if missing)."""
    spans = extraction["spans"]
    if task.kind == "span":
        return (extraction["label"], spans[0]["text"])
    if task.kind == "relation":
        return (spans[0]["text"], extraction["label"], spans[1]["text"])
    roles = {span["role"]: span["text"] for span in spans}
    return tuple(roles.get(role, "") for role in ROLES)


def from_fields(fields: tuple[str, ...], task: Task) -> Extraction:
    """The inverse of `fields_of`, with every start null."""
    if task.kind == "span":
        return {"label": fields[0], "spans": [{"text": fields[1], "start": None}]}
    if task.kind == "relation":
        return {
            "label": fields[1],
            "spans": [{"text": fields[0], "start": None}, {"text": fields[2], "start": None}],
        }
    return {
        "label": None,
        "spans": [
            {"text": text, "start": None, "role": role} for role, text in zip(ROLES, fields, strict=True) if text
        ],
    }
