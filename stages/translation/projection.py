"""The free steps of span projection: where the words of a part stand in a translation that lost its tag.

Cheapest and surest first: `exact`, then `folded` (width, case, variants of the middle dot, Japanese and traditional
shapes of Chinese characters, through a folded copy with a map of places) and `copied` (the source's own words, folded);
then for English `inflected` (article, plural, verb ending) and `fuzzy` (an edit or two), for Chinese and Japanese `near` (as many characters, two thirds of them in the same place: 盛冈駅 and 盛冈站; an edit distance would match nonsense
there). A place that another span holds already is not taken: two phrases do not stand in one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

from stages.text.writing_systems import KANA, outside_gb2312, simplified
from stages.translation.markup import Place


@dataclass(frozen=True)
class Projection:
    """Section `translate.projection`: the steps that are taken for a span that lost its tag, cheapest first."""

    shapes: bool
    exact: bool
    folded: bool
    copied: bool
    inflected: bool
    fuzzy: bool
    near: bool
    ask_span: bool
    stronger_model: str | None


STEPS = ("exact", "folded", "copied", "inflected", "fuzzy", "near")
NEAR = 2 / 3  # share of equal characters, place by place, from which two Chinese or Japanese phrases count as one
FUZZY = 0.85  # similarity of two English phrases, from 0 to 1, from which they count as one
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_DOTS = str.maketrans("・‧•∙", "····", "")
_MARKS = frozenset("，。、；：！？《》「」『』（）()…—,.;:!?")
_VOICED = "\u3099\u309a"
_ENDINGS = re.compile(r"(?:'s|’s|ily|ly|ies|es|s|ied|ed|d|ing|e|y)$")


def simplify(text: str) -> str:
    """A Chinese text with Japanese and traditional shapes made simplified; its length in code points stays.

    Only characters outside GB2312 change: 乾 and 著 have their place in simplified text.
    """
    return "".join(simplified().get(old, old) if outside_gb2312(old) else old for old in text)


def fold(text: str) -> tuple[str, list[int]]:
    """A folded copy for matching, and for each of its characters the place in `text` that it comes from.

    It is decomposed, so that a half-width ｶﾞ and a ガ agree; the marks of kana stay, the accents of letters do not.
    """
    folded, places = [], []
    for place, character in enumerate(text):
        for new in unicodedata.normalize("NFKD", character).casefold().translate(_DOTS):
            if not new.isspace() and (new in _VOICED or not unicodedata.combining(new)):
                folded.append(simplified().get(new, new))
                places.append(place)
    return "".join(folded), places


def _all(text: str, part: str) -> Iterator[int]:
    start = text.find(part)
    while start >= 0:
        yield start
        start = text.find(part, start + 1)


def _words(lang: str, text: str, place: Place) -> bool:
    """Whether a place begins and ends at a word's edge, which a match inside an English word does not."""
    start, end = place
    return lang != "en" or not (
        (start > 0 and text[start - 1].isalnum() and text[start].isalnum())
        or (end < len(text) and text[end].isalnum() and text[end - 1].isalnum())
    )


def _exact(text: str, part: str, lang: str) -> Iterator[Place]:
    return (place for start in _all(text, part) if _words(lang, text, place := (start, start + len(part))))


def _folded(text: str, part: str, lang: str) -> Iterator[Place]:
    inside, places = fold(text)
    wanted, _ = fold(part)
    if wanted:
        for start in _all(inside, wanted):
            place = places[start], places[start + len(wanted) - 1] + 1
            if inside[start + len(wanted) :][:1] in tuple(_VOICED):
                continue  # half of a character: カ in ガ
            if _words(lang, text, place):
                yield place


@cache
def stem(word: str) -> str:
    """An English word without its ending: plural, past, -ing; and a doubled last consonant made single."""
    word = word.casefold()
    base = _ENDINGS.sub("", word) if len(word) > 3 else word
    return base[:-1] if len(base) > 3 and base[-1] == base[-2] else base


def _windows(text: str, sizes: Sequence[int]) -> Iterator[tuple[list[str], Place]]:
    words = list(_WORD.finditer(text))
    for size in sizes:
        for n in range(len(words) - size + 1):
            chosen = words[n : n + size]
            yield [match.group() for match in chosen], (chosen[0].start(), chosen[-1].end())


def _wanted(part: str) -> list[str]:
    words = _WORD.findall(part)
    return words[1:] if len(words) > 1 and words[0].casefold() in ("the", "a", "an") else words


def _inflected(text: str, part: str, lang: str) -> Iterator[Place]:
    wanted = [stem(word) for word in _wanted(part)] if lang == "en" else []
    if wanted:
        for words, place in _windows(text, [len(wanted)]):
            if [stem(word) for word in words] == wanted:
                yield place


def _fuzzy(text: str, part: str, lang: str) -> Iterator[Place]:
    wanted = " ".join(_wanted(part)).casefold() if lang == "en" else ""
    if len(wanted) > 4:
        size = wanted.count(" ") + 1
        scored = [
            (SequenceMatcher(None, " ".join(words).casefold(), wanted).ratio(), place)
            for words, place in _windows(text, [n for n in (size, size - 1, size + 1) if n > 0])
        ]
        yield from (place for score, place in sorted(scored, key=lambda pair: -pair[0]) if score >= FUZZY)


def _near(text: str, part: str, lang: str) -> Iterator[Place]:
    inside, places = fold(text)
    wanted, _ = fold(part)
    size = len(wanted)
    if lang != "en" and size > 2:
        scored = []
        for start in range(len(inside) - size + 1):
            window = inside[start : start + size]
            same = sum(left == right for left, right in zip(window, wanted, strict=True))
            if same >= NEAR * size and not _MARKS.intersection(window):
                scored.append((-same, places[start], places[start + size - 1] + 1))
        yield from ((start, end) for _, start, end in sorted(scored))


_FINDERS = {"exact": _exact, "folded": _folded, "inflected": _inflected, "fuzzy": _fuzzy, "near": _near}


def find(
    text: str, part: str, lang: str, taken: Sequence[Place], steps: Sequence[str], source: str = ""
) -> tuple[str, Place] | None:
    """(step, place) of the first step of `steps` that finds the part at a place which overlaps none of `taken`, or None.

    `source` are the words that the part translates: step `copied` looks for them, folded, since Chinese writes a Japanese
    name in its own shapes, and any language keeps Latin words and figures. They hold no kana.
    """
    for step in STEPS:
        if step not in steps:
            continue
        words, finder = (source, _folded) if step == "copied" else (part, _FINDERS[step])
        if not words or (step == "copied" and (len(words) < 2 or KANA.search(words))):
            continue
        for place in finder(text, words, lang):
            if all(place[1] <= start or end <= place[0] for start, end in taken):
                return step, place
    return None
