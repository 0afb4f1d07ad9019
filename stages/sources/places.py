"""Where the words of an annotation stand in a text: the rules by which aligned annotations are given without offsets.

A span is written as its words, or as `words@@n` for the nth of all their occurrences. Without a number, equal words of a
flat view take their occurrences from left to right; an occurrence inside a longer annotated span, or inside a longer word
of Latin script or a number, is not one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import regex

from stages.records.record import occurrences

_EDGE = regex.compile(r"[\p{Latin}\p{Nd}]")
_NUMBERED = re.compile(r"(.*)@@([0-9]+)", re.S)


class Place(NamedTuple):
    """Words and where they start, in code points."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """One past the last code point."""
        return self.start + len(self.text)


def split_number(written: str) -> tuple[str, int | None]:
    """The words, and the number of the occurrence that they name, if they name one."""
    found = _NUMBERED.fullmatch(written)
    return (found[1], int(found[2])) if found else (written, None)


def inside_word(text: str, start: int, end: int) -> bool:
    """Whether a place cuts a word in Latin script or a number in two."""

    def joined(left: str, right: str) -> bool:
        return bool(_EDGE.match(left) and _EDGE.match(right)) and left.isdigit() == right.isdigit()

    return (start > 0 and joined(text[start - 1], text[start])) or (
        end < len(text) and joined(text[end - 1], text[end])
    )


def _contained(start: int, end: int, others: Sequence[Place]) -> bool:
    return any(o.start <= start and end <= o.end and o.end - o.start > end - start for o in others)


def _numbered(text: str, words: str, number: int) -> Place | str:
    starts = occurrences(text, words)
    if not 1 <= number <= len(starts):
        return f"{words!r} has {len(starts)} occurrences, no number {number}"
    return Place(words, starts[number - 1])


def assign(text: str, written: Sequence[str]) -> list[Place | str]:
    """The places of the spans of one flat view, in the order given, or for each what is wrong with it."""
    result: list[Place | str] = [""] * len(written)
    parsed, taken = [split_number(words) for words in written], list[Place]()
    for n, (words, number) in enumerate(parsed):
        if number is not None:
            result[n] = place = _numbered(text, words, number)
            if isinstance(place, Place):
                if place in taken:
                    result[n] = f"{written[n]!r} is named twice"
                taken.append(place)
    # Longer words choose first, so that 東京 is not looked for inside 東京大学.
    for n in sorted(range(len(written)), key=lambda n: (-len(parsed[n][0]), n)):
        words, number = parsed[n]
        if number is not None:
            continue
        starts = occurrences(text, words)
        free = (
            start
            for start in starts
            if not inside_word(text, start, start + len(words))
            and not _contained(start, start + len(words), taken)
            and not any(start < o.end and o.start < start + len(words) for o in taken if o.text == words)
        )
        start = next(free, None)
        if start is not None:
            result[n] = Place(words, start)
            taken.append(Place(words, start))
        elif starts:
            result[n] = f"{words!r}: none of its {len(starts)} occurrences is left (taken, or in a longer word or span)"
        else:
            result[n] = f"{words!r} is not in the text"
    return result


def argument(text: str, written: str, others: Sequence[str], nested: bool) -> Place | str:
    """The place of a span of a relation or event, or what is wrong with it: the first occurrence that stands alone.

    `others` are all spans of the view: inside a longer one of them words do not stand alone. With `nested` such a place is
    taken where no other is left, as the subject of one event may stand in the object of another.
    """
    words, number = split_number(written)
    if number is not None:
        return _numbered(text, words, number)
    starts = occurrences(text, words)
    whole = [start for start in starts if not inside_word(text, start, start + len(words))]
    longer = [
        Place(other, start)
        for other in {split_number(other)[0] for other in others}
        if words in other and other != words
        for start in occurrences(text, other)
    ]
    alone = [start for start in whole if not _contained(start, start + len(words), longer)]
    if alone or (nested and whole):
        return Place(words, (alone or whole)[0])
    if not starts:
        return f"{words!r} is not in the text"
    return (
        f"{words!r} stands only inside a longer {'span of the view: write @@n if that is meant' if whole else 'word'}"
    )
