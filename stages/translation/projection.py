"""The free steps of span projection: where the words of a part stand in a translation that lost its tag.

Cheapest and surest first: `exact`, then `folded` (width, case, composed and decomposed letters, variants of the middle dot,
Japanese and traditional shapes of Chinese characters, through a folded copy with a map of places) and `copied` (the source's
own words, folded); then for English `inflected` (article, plural, verb ending) and `fuzzy` (an edit or two), for Chinese and
Japanese `near` (as many characters, two thirds of them in the same place: 盛冈駅 and 盛冈站; an edit distance would match
nonsense there). A place that another span holds already is not taken: two phrases do not stand in one.

What a search needs of a text is made once and kept (`Index`), and the dear comparison of `fuzzy` sees only what a bound lets
through, so that a long text with many lost spans costs little more than reading it (`benchmarks/projection.py`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, cached_property, lru_cache

import numpy as np

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


@cache
def stem(word: str) -> str:
    """An English word without its ending: plural, past, -ing; and a doubled last consonant made single."""
    word = word.casefold()
    base = _ENDINGS.sub("", word) if len(word) > 3 else word
    return base[:-1] if len(base) > 3 and base[-1] == base[-2] else base


_BAGS = 64  # buckets in which characters are counted; two in one bucket make the bound looser, never wrong


def _bag(text: str) -> np.ndarray:
    return np.bincount([ord(character) % _BAGS for character in text], minlength=_BAGS)


class Index:
    """A text with what the steps look it up by, each made when it is first needed."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def folded(self) -> tuple[str, list[int]]:
        """The folded copy, and the place of each of its characters."""
        return fold(self.text)

    @cached_property
    def characters(self) -> dict[str, list[int]]:
        """Where each character stands in the folded copy."""
        result = defaultdict[str, list[int]](list)
        for place, character in enumerate(self.folded[0]):
            result[character].append(place)
        return result

    @cached_property
    def words(self) -> list[tuple[str, Place]]:
        """The words, and where they stand."""
        return [(match.group(), match.span()) for match in _WORD.finditer(self.text)]

    @cached_property
    def stems(self) -> list[str]:
        """The words without their endings."""
        return [stem(word) for word, _ in self.words]

    @cached_property
    def stem_places(self) -> dict[str, list[int]]:
        """Which words have a stem."""
        result = defaultdict[str, list[int]](list)
        for n, word in enumerate(self.stems):
            result[word].append(n)
        return result

    @cached_property
    def bags(self) -> np.ndarray:
        """How often each character (by bucket) comes in the words before the nth, case folded; words + 1 by buckets."""
        rows = [np.zeros(_BAGS, int), *(_bag(word.casefold()) for word, _ in self.words)]
        return np.cumsum(np.array(rows), axis=0)

    def window(self, first: int, size: int) -> Place:
        """The place of so many words from the first."""
        return self.words[first][1][0], self.words[first + size - 1][1][1]


index = lru_cache(maxsize=8)(Index)


def _all(text: str, part: str) -> Iterator[int]:
    start = text.find(part)
    while start >= 0:
        yield start
        start = text.find(part, start + 1)


def _whole(lang: str, text: str, place: Place) -> bool:
    """Whether a place ends no character in its middle, and in English no word: a decomposed é is one character."""
    start, end = place
    if unicodedata.combining(text[start]) or (end < len(text) and unicodedata.combining(text[end])):
        return False
    return lang != "en" or not (
        (start > 0 and text[start - 1].isalnum() and text[start].isalnum())
        or (end < len(text) and text[end].isalnum() and text[end - 1].isalnum())
    )


def _exact(inside: Index, part: str, lang: str) -> Iterator[Place]:
    text = inside.text
    return (place for start in _all(text, part) if _whole(lang, text, place := (start, start + len(part))))


def _folded(inside: Index, part: str, lang: str) -> Iterator[Place]:
    text, (folded, places) = inside.text, inside.folded
    wanted, _ = fold(part)
    if wanted:
        for start in _all(folded, wanted):
            low, high = places[start], places[start + len(wanted) - 1] + 1
            if folded[start + len(wanted) :][:1] in tuple(_VOICED):
                continue  # half of a character: カ in ガ
            while high < len(text) and unicodedata.combining(text[high]):
                high += 1  # the accent of a decomposed letter, which folding leaves out
            if _whole(lang, text, (low, high)):
                yield low, high


def _wanted(part: str) -> list[str]:
    words = _WORD.findall(part)
    return words[1:] if len(words) > 1 and words[0].casefold() in ("the", "a", "an") else words


def _inflected(inside: Index, part: str, lang: str) -> Iterator[Place]:
    wanted = [stem(word) for word in _wanted(part)] if lang == "en" else []
    if wanted:
        for first in inside.stem_places.get(wanted[0], []):
            if inside.stems[first : first + len(wanted)] == wanted:
                yield inside.window(first, len(wanted))


def _fuzzy(inside: Index, part: str, lang: str) -> Iterator[Place]:
    wanted = " ".join(_wanted(part)).casefold() if lang == "en" else ""
    if len(wanted) <= 4:
        return
    size, bag, scored = wanted.count(" ") + 1, _bag(wanted), []
    for words in (size, size - 1, size + 1):
        if not 0 < words <= len(inside.words):
            continue
        bags = inside.bags[words:] - inside.bags[:-words]
        bags[:, ord(" ") % _BAGS] += words - 1
        # No two texts have more in common than their characters in any order.
        most = 2 * np.minimum(bags, bag).sum(axis=1) / (bags.sum(axis=1) + len(wanted))
        for first in np.flatnonzero(most >= FUZZY).tolist():
            text = " ".join(word for word, _ in inside.words[first : first + words]).casefold()
            scored.append((SequenceMatcher(None, text, wanted).ratio(), inside.window(first, words)))
    yield from (place for score, place in sorted(scored, key=lambda pair: -pair[0]) if score >= FUZZY)


def _near(inside: Index, part: str, lang: str) -> Iterator[Place]:
    folded, places = inside.folded
    wanted, _ = fold(part)
    size = len(wanted)
    if lang != "en" and size > 2:
        same = Counter(
            place - offset for offset, character in enumerate(wanted) for place in inside.characters.get(character, ())
        )
        scored = [
            (-count, places[start], places[start + size - 1] + 1)
            for start, count in same.items()
            if count >= NEAR * size
            and 0 <= start <= len(folded) - size
            and not _MARKS.intersection(folded[start : start + size])
        ]
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
        for place in finder(index(text), words, lang):
            if all(place[1] <= start or end <= place[0] for start, end in taken):
                return step, place
    return None
