"""The rules of docs/scoring.md a second time, as plainly as they can be written: nothing here is shared with stages/.

An output is read character by character, extractions are counted one by one, figures are fractions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

Fields = tuple[str, ...]
WIDTH = {"span": 2, "relation": 3, "event": 4}
LABEL = {"span": 0, "relation": 1, "event": None}


class Read(NamedTuple):
    """What an output says."""

    label: str | None
    found: list[Fields]
    defects: set[str]


def entries_of(items: str) -> list[list[str]]:
    """Entries and their fields, escapes undone; what stands before the first colon is an entry too."""
    entries, place = [[""]], 0
    while place < len(items):
        character, following = items[place], items[place + 1 : place + 2]
        if character == "\\" and following and following in ":;\\":
            entries[-1][-1] += following
            place += 1
        elif character == ":":
            entries.append([""])
        elif character == ";":
            entries[-1].append("")
        else:
            entries[-1][-1] += character
        place += 1
    return entries


def read(output: str, kind: str, word: str, labels: Sequence[str], words: Sequence[str] | None) -> Read:
    """An output of a task; `words` is None where every word label may stand."""
    if "/" not in output:
        listed = ":" in output or ";" in output
        label = None if listed or not output else output
        return Read(
            label, [], {"missing_instruct_word"} | ({"unknown_text_label"} if label not in (None, *labels) else set())
        )
    label, said = output[: output.index("/")], output[output.index("/") + 1 :]
    found, defects = list[Fields](), set[str]()
    if label and label not in labels:
        defects.add("unknown_text_label")
    if "/" not in said:
        defects.add("missing_list")
        items = ""
    else:
        said, items = said[: said.index("/")], said[said.index("/") + 1 :]
    if said != word:
        defects.add("wrong_instruct_word")
    if items:
        first, *entries = entries_of(items)
        if first != [""]:
            defects.add("list_start")
        closed = bool(entries) and entries[-1] == [""]
        if kind == "span" and closed:
            defects.add("trailing_delimiter")
        if kind != "span" and not closed:
            defects.add("not_closed")
        for entry in entries[:-1] if closed else entries:
            empty = [field for field in entry if field == ""]
            if len(entry) != WIDTH[kind]:
                defects.add("field_count")
            elif len(empty) == len(entry) or (empty and kind != "event"):
                defects.add("empty_field")
            else:
                found.append(tuple(entry))
    at = LABEL[kind]
    if words is not None and at is not None and any(fields[at] not in words for fields in found):
        defects.add("unknown_label")
    return Read(label or None, found, defects)


def spans(found: Sequence[Fields], kind: str) -> list[str]:
    """The spans of the extractions, one by one."""
    return [part for fields in found for place, part in enumerate(fields) if place != LABEL[kind] and part]


def right_ones(found: Sequence[Fields], gold: Sequence[Fields]) -> int:
    """Size of the multiset intersection."""
    return (Counter(found) & Counter(gold)).total()


def f1(right: int, found: int, gold: int) -> Fraction:
    """In percent, from precision and recall; 100 where there is nothing on either side."""
    if found == gold == 0:
        return Fraction(100)
    if right == 0:
        return Fraction(0)
    precision, recall = Fraction(right, found), Fraction(right, gold)
    return 100 * 2 * precision * recall / (precision + recall)
