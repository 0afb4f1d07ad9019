"""What is no fault of a record and is seldom meant: `validate` warns of it, stage `raw` counts it.

A warning is (kind, pointer, what it is); the kinds are those of `KINDS`.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.records.record import Extraction, Record, normalise
from stages.records.tasks import subset, subsets

Warning = tuple[str, str, str]
KINDS = ("blank_text", "blank_end", "repeated", "labels_by_case", "labels_merged")
# Categories of Unicode without a shape: control and format characters (zero-width ones, byte order marks, bidi marks).
_SHAPELESS = ("Cc", "Cf")


# Characters that were looked at and are not blank: every record is looked at, so a look is to be cheap.
_shown = set[str]()


def blank(character: str) -> bool:
    """Whether a character shows nothing: white space, control and format characters."""
    if character in _shown:
        return False
    found = character.isspace() or unicodedata.category(character) in _SHAPELESS
    if not found:
        _shown.add(character)
    return found


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The place without the blank characters at its ends; start equals end where nothing is left."""
    while start < end and blank(text[start]):
        start += 1
    while start < end and blank(text[end - 1]):
        end -= 1
    return start, end


def record_warnings(record: Record) -> list[Warning]:
    """What is doubtful in one record that its schema accepts; every record passes through here, so the common case is short."""
    text, items = record["text"], record["extractions"]
    found: list[Warning] = []  # list[Warning]() would take a quarter of the time that all of this does
    if text[0] not in _shown and all(map(blank, text)):
        found.append(("blank_text", "/text", "the text is blank"))
    doubtful = False
    places: set[int | None] = set()
    for item in items:
        for span in item["spans"]:
            part = span["text"]
            if part[0] not in _shown or part[-1] not in _shown:
                doubtful = doubtful or blank(part[0]) or blank(part[-1])
        places.add(span["start"])  # of the last span: annotations that are alike are alike in it
    if doubtful:
        found += _blank_ends(items)
    if len(places) < len(items):
        found += _repeated(items)
    return found


def _blank_ends(items: Sequence[Extraction]) -> Iterator[Warning]:
    """The spans that begin or end with what shows nothing."""
    for n, item in enumerate(items):
        for k, span in enumerate(item["spans"]):
            if blank(span["text"][0]) or blank(span["text"][-1]):
                said = f"{span['text']!r} has a blank or invisible end"
                yield "blank_end", f"/extractions/{n}/spans/{k}/text", said


def _repeated(items: Sequence[Extraction]) -> Iterator[Warning]:
    """The annotations that stand there before."""
    seen = set[tuple[Any, ...]]()
    for n, item in enumerate(items):
        spans = item["spans"]
        key = (item["label"], *((span["text"], span["start"], span.get("role")) for span in spans))
        if key in seen:
            said = f"the same annotation stands before it: {item['label'] or 'event'}, {spans[0]['text']!r}"
            yield "repeated", f"/extractions/{n}", said
        seen.add(key)


def glossary_warnings(glossary: Mapping[str, Any]) -> Iterator[Warning]:
    """Labels of a glossary that become one in its language."""
    sources = defaultdict[str, list[str]](list)
    for label, entry in glossary["labels"].items():
        sources[normalise(entry["label"])].append(label)
    for target, labels in sources.items():
        if len(labels) > 1:
            yield "labels_merged", "/labels", f"{', '.join(map(repr, labels))} all become {target!r}"


class Spellings:
    """Open labels as they are met over many records, to find those that differ only in case or width."""

    def __init__(self) -> None:
        self._names = {name for name, entry in subsets().items() if None in entry.word_labels.values()}
        self._open = {(name, task) for name, entry in subsets().items() for task, row in entry.word_labels.items() if row is None}  # fmt: skip
        self._met = defaultdict[tuple[str, str, str], dict[str, None]](dict)

    def add(self, record: Record) -> None:
        """Takes note of a record's labels."""
        if record["subset"] not in self._names:
            return
        if (record["subset"], record["task"]) in self._open and record["extractions"]:
            met = self._met[record["subset"], record["task"], record["lang"]]
            for item in record["extractions"]:
                met[item["label"]] = None

    def warnings(self) -> Iterator[Warning]:
        """Each group of labels that are one but for case and width."""
        for (name, _, lang), labels in self._met.items():
            groups = defaultdict[str, list[str]](list)
            for label in labels:
                groups[normalise(label).casefold()].append(label)
            for group in groups.values():
                if len(group) > 1:
                    said = f"labels of {subset(name).name} in {lang} that differ only in case: {', '.join(map(repr, group))}"
                    yield "labels_by_case", "/extractions", said
