"""Numbers that stand so close together that they look like one which no rule reads as a whole: "thirty-four and a half
thousand", 三斤六. What it means is not known but for its order, and none of its parts is asked for. And ranges in English, whose two
numbers share a word of scale.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from stages.checks.tables import table

_TABLE, _ENGLISH = table("numbers_cjk"), table("numbers_en")
# What follows a kanji number that is meant as one. 三人 counts; 三菱 and 五十嵐 do not.
COUNTER = rf"(?:[{_TABLE['counter_characters']}]|{'|'.join(_TABLE['counter_words'])})"

Span = tuple[int, int]
# Between two numbers, and what follows the second: no counter of its own, and no Han that would make a name of it.
BARE = re.compile(rf"(?:{COUNTER})?([一二三四五六七八九]{{1,2}})(?!{COUNTER}|[一-鿿])")
AND_A = re.compile(r"\s+and\s+an?\s+")
SPACE, WORDS, COMPOUND = re.compile(r"[\s-]+"), re.compile(r"[a-z][^\d]*"), re.compile("-[a-z]")


def _english(text: str, one: Span, two: Span) -> bool:
    """ "and a" between them, or nothing between words, of which the second begins no compound ("two five-a-side pitches")."""
    between = one[1], two[0]
    if AND_A.fullmatch(text, *between):
        return True
    words = text[one[1] - 1].isalpha() and not text[one[0]].isupper() and WORDS.fullmatch(text, *two)
    return bool(words and SPACE.fullmatch(text, *between) and not COMPOUND.match(text, two[1]))


def _cjk(text: str, one: Span, two: Span) -> bool:
    """Digits without a counter behind a number and its unit."""
    match = BARE.match(text, one[1])
    return match is not None and match.span(1) == two


def chains(text: str, spans: Iterable[Span], lang: str) -> list[list[Span]]:
    """The stretches that were read as numbers and are parts of a longer one, those of each in their order."""
    found, joined = list[list[Span]](), _english if lang == "en" else _cjk
    for one, two in pairwise(sorted(spans)):
        if joined(text, one, two):
            if found and found[-1][-1] == one:
                found[-1].append(two)
            else:
                found.append([one, two])
    return found


# What follows the first number of a range whose unit of thousands or millions stands behind the second: 1.8 to 2 billion.
TO = re.compile(
    rf"\s?(?:to|or|and|[-–—~])\s?[$£€¥]?(?:\d+(?:\.\d+)?|{'|'.join(_ENGLISH['ones'])})[\s-]({'|'.join(_ENGLISH['scale'])})\b",
    re.IGNORECASE,
)


def shared_scale(match: re.Match[str]) -> str | None:
    """The word of scale of the number that an English range ends with, for the one it begins with; None for none."""
    later = TO.match(match.string, match.end(1) if match.re.groups else match.end())
    return later and later[1]
