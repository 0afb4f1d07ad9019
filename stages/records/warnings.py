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


class _Blank(dict[str, bool]):
    """Whether a character shows nothing, worked out once for each."""

    def __missing__(self, character: str) -> bool:
        found = self[character] = character.isspace() or unicodedata.category(character) in _SHAPELESS
        return found


_BLANK = _Blank()


def blank(character: str) -> bool:
    """Whether a character shows nothing: white space, control and format characters."""
    return _BLANK[character]


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The place without the blank characters at its ends; start equals end where nothing is left."""
    while start < end and blank(text[start]):
        start += 1
    while start < end and blank(text[end - 1]):
        end -= 1
    return start, end


def record_warnings(record: Record) -> list[Warning]:
    """What is doubtful in one record that its schema accepts; every record passes through here, so the common case is short."""
    text, items, found = record["text"], record["extractions"], list[Warning]()
    if _BLANK[text[0]] and all(map(blank, text)):
        found.append(("blank_text", "/text", "the text is blank"))
    for n, item in enumerate(items):
        for k, span in enumerate(item["spans"]):
            part = span["text"]
            if _BLANK[part[0]] or _BLANK[part[-1]]:
                said = f"{part!r} has a blank or invisible end"
                found.append(("blank_end", f"/extractions/{n}/spans/{k}/text", said))
    if len(items) > 1 and len({item["spans"][0]["start"] for item in items}) < len(items):
        found += _repeated(items)
    return found


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
        self._open = {(name, task) for name, entry in subsets().items() for task, row in entry.word_labels.items() if row is None}  # fmt: skip
        self._met = defaultdict[tuple[str, str, str], dict[str, None]](dict)

    def add(self, record: Record) -> None:
        """Takes note of a record's labels."""
        if (record["subset"], record["task"]) in self._open and record["extractions"]:
            met = self._met[record["subset"], record["task"], record["lang"]]
            met.update((item["label"], None) for item in record["extractions"])

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
