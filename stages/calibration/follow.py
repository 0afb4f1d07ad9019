"""Spans follow an edit of their text: old and new text are aligned by a diff, and each span goes where its words went.

The diff is of words, and of single characters in scripts without blanks, so that a replaced word counts as replaced and not
as a few letters kept. A span whose words were changed in the middle, or replaced as a whole, takes the new words. One that
the diff cannot follow is looked for in the new text and taken if it stands there once; else it has no place.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

import regex

from stages.records.record import Extraction, occurrences

_TOKEN = regex.compile(r"(?:(?![\p{Han}\p{Hiragana}\p{Katakana}ー])[\p{L}\p{M}\p{Nd}])+|\X")


class Block(NamedTuple):
    """Code points [start, end) of the old text became [new_start, new_end) of the new one; `same` if they are equal."""

    same: bool
    start: int
    end: int
    new_start: int
    new_end: int


def _offsets(parts: Sequence[str]) -> list[int]:
    places = [0]
    for part in parts:
        places.append(places[-1] + len(part))
    return places


def _diff(old: Sequence[str], new: Sequence[str], at: int, new_at: int) -> list[Block]:
    """The blocks of two lists of tokens that begin at these offsets."""
    places, new_places = _offsets(old), _offsets(new)
    return [
        Block(tag == "equal", at + places[i], at + places[k], new_at + new_places[j], new_at + new_places[m])
        for tag, i, k, j, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    ]


def align(old: str, new: str) -> list[Block]:
    """The blocks of an edit, in order, over the whole of both texts."""
    return _diff(_TOKEN.findall(old), _TOKEN.findall(new), 0, 0)


def _edges(blocks: Sequence[Block], start: int, end: int) -> tuple[int, int] | None:
    """Where [start, end) went; None where an edit reaches over one of its edges, or nothing of it is left."""
    inside = [block for block in blocks if block.start < end and block.end > start]
    first, last = inside[0], inside[-1]
    if (not first.same and first.start < start) or (not last.same and last.end > end):
        return None
    left = first.new_start + (start - first.start if first.same else 0)
    right = last.new_end - (last.end - end if last.same else 0)
    return (left, right) if left < right else None


def follow(old: str, new: str, places: Sequence[tuple[int, int]]) -> list[tuple[int, int] | None]:
    """Where each place [start, end) of the old text stands in the new one, in code points; None where it stands nowhere
    or cannot be told."""
    blocks, fine = align(old, new), list[Block]()
    result = list[tuple[int, int] | None]()
    for start, end in places:
        found = _edges(blocks, start, end)
        if found is None:  # an edit over an edge: perhaps its letters tell where the span begins
            fine = fine or [
                part
                for b in blocks
                for part in (
                    [b] if b.same else _diff(old[b.start : b.end], new[b.new_start : b.new_end], b.start, b.new_start)
                )
            ]
            found = _edges(fine, start, end)
            if found and not any(b.same and b.start < end and b.end > start for b in fine):
                found = None
        if found:
            words = new[found[0] : found[1]]
            left = found[0] + len(words) - len(words.lstrip())
            found = (left, left + len(words.strip())) if words.strip() else None
        result.append(found)
    # Looked for last, so that no place is given twice.
    for n, (start, end) in enumerate(places):
        if result[n] is None:
            starts = occurrences(new, old[start:end])
            place = (starts[0], starts[0] + end - start) if len(starts) == 1 and old[start:end].strip() else None
            shared = [k for k, other in enumerate(places) if other == (start, end)]
            if place and all(result[k] != place for k in range(len(places)) if k not in shared):
                result[n] = place
    return result


def moved(old: str, new: str, extractions: Sequence[Extraction]) -> list[Extraction]:
    """The extractions after the edit: each span with its new place and words, or with its old words and `start` null.

    A span that had no place before gets one if it stands in the new text once.
    """
    places = sorted(
        {
            (s["start"], s["start"] + len(s["text"]))
            for item in extractions
            for s in item["spans"]
            if s["start"] is not None
        }
    )
    gone = dict(zip(places, follow(old, new, places), strict=True))

    def span_after(span: dict[str, object]) -> dict[str, object]:
        words, start = str(span["text"]), span["start"]
        if isinstance(start, int):
            place = gone[start, start + len(words)]
            return {**span, "text": new[place[0] : place[1]], "start": place[0]} if place else {**span, "start": None}
        return placed(new, span)

    return [{"label": item["label"], "spans": [span_after(span) for span in item["spans"]]} for item in extractions]


def placed(text: str, span: dict[str, object]) -> dict[str, object]:
    """The span with its place, where it has none and its words stand in the text once."""
    starts = occurrences(text, str(span["text"])) if span["start"] is None else []
    return {**span, "start": starts[0]} if len(starts) == 1 else span
