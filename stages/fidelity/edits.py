"""What every corruption is built from: a reference with its source, edits that move spans along, the word lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from stages.core.files import read_bytes
from stages.records.record import Extraction, Record, occurrences

WORDS = Path(__file__).with_name("words.yaml")
Edit = tuple[int, int, str]  # text[start:end] becomes the string


@dataclass(frozen=True)
class Pair:
    """A true reference with its source, and all references to the same text (its views), which know more of its spans."""

    source: Record
    reference: Record
    views: Sequence[Record]
    aligned: Sequence[tuple[str, int, int]]  # source span, and the extraction and span of its translation


Choice = tuple[str, Record]  # what was done, the corrupted record
Rule = tuple[re.Pattern[str], re.Pattern[str], tuple[str, ...]]  # only, match, with


@cache
def words() -> dict[str, Any]:
    """The word lists of `words.yaml`."""
    value: dict[str, Any] = yaml.safe_load(read_bytes(WORDS))
    return value


@cache
def rules(section: str, lang: str, kind: str) -> tuple[Rule, ...]:
    """The rules of a section and language, and of a kind of name where there are kinds."""
    table = words()[section].get(lang, [])
    rows = table.get(kind, []) if kind else table
    return tuple((re.compile(row.get("only", "")), re.compile(row["match"]), tuple(row["with"])) for row in rows)


def edited(record: Record, edits: Sequence[Edit], *, drop: bool = False) -> Record | None:
    """The record with parts of its text replaced and its spans moved along.

    Edits do not overlap. A span that holds an edit changes with it; one that an edit cuts or swallows makes the result
    None, or with `drop` is looked for elsewhere in the new text and else loses its extraction (of an event: its role).
    """
    text = record["text"]
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    if text == record["text"] or not text.strip():
        return None
    extractions: list[Extraction] = []
    for extraction in record["extractions"]:
        spans = []
        for span in extraction["spans"]:
            moved = _moved(span, edits)
            if moved is None and drop and span["text"] in text:
                moved = {**span, "start": text.find(span["text"])}
            if moved is None and not drop:
                return None
            spans.append(moved)
        kept = [span for span in spans if span is not None]
        if len(kept) == len(spans) or (extraction["label"] is None and kept):
            extractions.append({"label": extraction["label"], "spans": kept})
    return {**record, "text": text, "extractions": extractions}


def _moved(span: dict[str, Any], edits: Sequence[Edit]) -> dict[str, Any] | None:
    low, part = span["start"], span["text"]
    if low is None:
        return None
    high, shift = low + len(part), 0
    for start, end, new in sorted(edits, reverse=True):
        if end <= low:
            shift += len(new) - (end - start)
        elif low <= start and end <= high:
            part = part[: start - low] + new + part[end - low :]
        elif start < high:
            return None
    return {**span, "text": part, "start": low + shift} if part.strip() else None


def replaced(record: Record, edits: Sequence[Edit], what: str) -> Iterator[Choice]:
    result = edited(record, edits)
    if result is not None:
        yield what, result


def names(pair: Pair) -> dict[str, str]:
    """The person, place and organisation names of a text, by the labels of all its views, with their kind."""
    kinds = {label: kind for kind, labels in words()["kinds"].items() for label in labels}
    found: dict[str, str] = {}
    for view in pair.views:
        for extraction in view["extractions"]:
            label, spans = extraction["label"], extraction["spans"]
            if view["task"] == "RE":
                for kind, span in zip(words()["relations"].get(label, (None, None)), spans, strict=True):
                    if kind:
                        found[span["text"]] = kind
            elif label in kinds:
                found[spans[0]["text"]] = kinds[label]
    return found


def places(text: str, name: str, lang: str, inside: Sequence[str]) -> list[int]:
    """Where `name` stands as a whole, not inside a longer name."""
    covered = [
        (start, start + len(other))
        for other in inside
        if name != other and name in other
        for start in occurrences(text, other)
    ]
    found = []
    for start in occurrences(text, name):
        end = start + len(name)
        whole = lang != "en" or not (text[start - 1 : start].isalpha() or text[end : end + 1].isalpha())
        if whole and not any(low <= start and end <= high for low, high in covered):
            found.append(start)
    return found


def slots(record: Record) -> list[tuple[int, int]]:
    """(extraction, span) of every span."""
    return [(n, k) for n, item in enumerate(record["extractions"]) for k in range(len(item["spans"]))]


def with_span(record: Record, n: int, k: int, part: str, start: int) -> Record:
    """The record with one span another phrase."""
    extractions = list(record["extractions"])
    changed = list(extractions[n]["spans"])
    changed[k] = {**changed[k], "text": part, "start": start}
    extractions[n] = {**extractions[n], "spans": changed}
    return {**record, "extractions": extractions}
