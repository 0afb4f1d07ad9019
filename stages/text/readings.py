"""How Japanese is read: every reading that a dictionary (SudachiDict core, Apache-2.0) gives a stretch of text, compared
with Latin letters under all common romanisations at once. The dictionary is loaded at the first question.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, cached_property, lru_cache
from typing import NamedTuple

import opencc  # type: ignore[import-untyped]
import regex
from rapidfuzz.distance import Levenshtein
from sudachipy import Morpheme, MorphemeList, SplitMode, Tokenizer  # type: ignore[import-untyped]

from stages.text.lexicon import HAN, dictionary, lexicon, spot
from stages.text.spelling import kana_key, unlike_kana
from stages.text.writing_systems import table

PIECE = 6  # characters of the longest dictionary word that is tried inside a name

_JAPANESE = regex.compile(rf"[{HAN}\p{{Hiragana}}\p{{Katakana}}ー]+")
_ONE_HAN, _SCRIPT_HAN = regex.compile(rf"[{HAN}]"), regex.compile(r"\p{Han}")


@cache
def _tokenizer() -> Tokenizer:
    return dictionary().tokenizer(SplitMode.C)


@lru_cache(maxsize=1 << 12)
def analysed(text: str) -> MorphemeList:
    """The words of a Japanese text as the analyser cuts it at the coarsest; of each, `split` gives a finer cut."""
    return _tokenizer().tokenize(text)


@cache
def _is_proper_noun() -> Callable[[Morpheme], bool]:
    """Whether a word is the name of a person or place."""
    matcher: Callable[[Morpheme], bool] = dictionary().pos_matcher(
        lambda part: part[1] == "固有名詞" and part[2] in ("人名", "地名")
    )
    return matcher


@lru_cache(maxsize=1 << 16)
def readings(piece: str) -> tuple[str, ...]:
    """The keys of every reading that the dictionary has of exactly this stretch; kana reads as itself."""
    if not _JAPANESE.fullmatch(piece):
        return ()
    if not _ONE_HAN.search(piece):
        return (kana_key(piece),)
    keys = {kana_key(entry.reading_form()) for entry in dictionary().lookup(piece)}
    if len(piece) == 1:
        keys |= lexicon().characters.get(piece, frozenset())
    if piece in ("ヶ", "ノ", "之"):
        keys |= {"ga", "ka", "no"}
    return tuple(sorted(keys - {""}))


_VOICED = str.maketrans("kstth", "gzddb")


def _voiced(key: str) -> tuple[str, ...]:
    """A word's forms inside a compound: 川 kawa, gawa; 原 hara, bara, para."""
    if key[:1] not in ("k", "s", "t", "h"):
        return (key,)
    return (key, key[0].translate(_VOICED) + key[1:], *(("p" + key[1:], "w" + key[1:]) if key[0] == "h" else ()))


Edge = tuple[int, str]  # where a stretch of a text ends, and one of its readings


@lru_cache(maxsize=1 << 16)
def _beginning(stretch: str) -> tuple[Edge, ...]:
    """Every reading of each word that a stretch of up to `PIECE` characters begins with."""
    beginnings = lexicon().beginnings
    kana = han.start() if (han := _ONE_HAN.search(stretch)) else len(stretch)
    ends = list(range(1, max(kana, 1) + 1))  # kana reads as itself
    if ends[-1] < len(stretch):
        begins = [beginnings[spot(stretch[:end])] for end in (2, 3)]
        ends += [end for end in range(ends[-1] + 1, len(stretch) + 1) if begins[end > 2]]
    return tuple((end, reading) for end in ends for reading in readings(stretch[:end]))


class Lattice:
    """Every reading of each stretch of a text of up to six characters that the dictionary can read.

    first: by start, the readings of a word that begins there.
    begun: the starts of each of those readings.
    """

    def __init__(self, text: str) -> None:
        self.first: list[list[Edge]] = []
        self.begun: dict[str, list[int]] = {}
        self._later: dict[int, list[Edge]] = {}
        self._by_letter: dict[int, dict[str, list[Edge]]] = {}
        for start in range(len(text)):
            edges = [(start + end, reading) for end, reading in _beginning(text[start : start + PIECE])]
            self.first.append(edges)
            for _, reading in edges:
                self.begun.setdefault(reading, []).append(start)
        self._letters = {reading[:1] for reading in self.begun}

    def later(self, start: int) -> list[Edge]:
        """The readings of a word that goes on inside a compound there."""
        if start not in self._later:
            self._later[start] = [(end, form) for end, reading in self.first[start] for form in _voiced(reading)]
        return self._later[start]

    def later_by_letter(self, start: int) -> dict[str, list[Edge]]:
        """The same by the letter with which they begin, "" for an empty one."""
        if start not in self._by_letter:
            found: dict[str, list[Edge]] = {}
            for edge in self.later(start):
                found.setdefault(edge[1][:1], []).append(edge)
            self._by_letter[start] = found
        return self._by_letter[start]

    def starts(self, key: str) -> list[int]:
        """Where a reading stands that the key begins with."""
        if key[:1] not in self._letters and "" not in self._letters:
            return []
        return sorted({start for end in range(len(key) + 1) for start in self.begun.get(key[:end], ())})

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """The fewest and the most letters as which all of the text can be read, with a の everywhere; (0, -9) if it cannot."""
        found = {0: (0, -2)}
        for start, edges in enumerate(self.first):
            if spot := found.get(start):
                low, high = spot
                for end, reading in edges:
                    size = len(reading)
                    least, most = found.get(end, (low + size, 0))
                    found[end] = min(least, low + size), max(most, high + size + 2)
        return found.get(len(self.first), (0, -9))


@lru_cache(maxsize=1 << 12)
def lattice(text: str) -> Lattice:
    """The readings of a Japanese text."""
    return Lattice(text)


@lru_cache(maxsize=1 << 16)
def reads_as(text: str, key: str, *, whole: bool, budget: int = 0) -> tuple[int, int] | None:
    """Where Japanese `text` can be read as the Latin `key` with at most `budget` edits: (start, end), or None.

    `whole` asks that all of the text be read so; otherwise the longest stretch of it is given. Words of up to six
    characters are tried at each place, voiced inside a compound, and a の or ヶ that is read and not written.
    """
    if unlike_kana(key) > budget:
        return None
    return _read_exactly(text, key, whole) if budget == 0 else _read_nearly(text, key, whole, budget)


def _read_exactly(text: str, key: str, whole: bool) -> tuple[int, int] | None:
    """`reads_as` without an edit: edges are looked up by what comes next in the key."""
    edges, best, size = lattice(text), None, len(key)
    for start in edges.starts(key):
        if whole and start > 0:
            break
        if best is not None and len(text) - start <= best[1] - best[0]:
            break
        reach: dict[int, set[int]] = {}  # by place in the text: places in the key
        for end, reading in edges.first[start]:
            if key.startswith(reading):
                reach.setdefault(end, set()).add(len(reading))
        last, at, far = (
            start,
            start + 1,
            max(reach),
        )  # the furthest place that the whole key reaches; this one; the furthest of all
        while at <= far and at < len(text):
            if spots := reach.get(at):
                spots |= {spot + 2 for spot in spots if key.startswith(("no", "ga"), spot)}
                if size in spots:
                    last = max(last, at)
                following = edges.later_by_letter(at)
                for spot in spots:
                    for letter in {key[spot : spot + 1], ""}:
                        for end, reading in following.get(letter, ()):
                            if key.startswith(reading, spot):
                                reach.setdefault(end, set()).add(spot + len(reading))
                                far = max(far, end)
            at += 1
        if size in reach.get(len(text), ()):
            last = len(text)
        if last > start and (best is None or last - start > best[1] - best[0]):
            best = start, last
    return best if not whole or best == (0, len(text)) else None


def _may_be_one_off(reading: str, key: str, at: int) -> bool:
    """Has the reading the key's next letter, or is it the key's from there on but for that letter?"""
    rest = reading[1:]
    return (
        reading[:1] == key[at : at + 1]
        or key.startswith(rest, at)
        or key.startswith(rest, at + 1)
        or key.startswith(reading, at + 1)
    )


def _read_nearly(text: str, key: str, whole: bool, budget: int) -> tuple[int, int] | None:
    edges, best = lattice(text), None
    if whole and not edges.sizes[0] - budget <= len(key) <= edges.sizes[1] + budget:
        return None
    for start in range(1 if whole else len(text)):
        reach: dict[int, dict[int, int]] = {start: {0: 0}}  # by place in the text: edits spent by place in the key
        for at in range(start, len(text)):
            if at not in reach:
                continue
            if at > start:
                for offset, spent in list(reach[at].items()):
                    if key.startswith(("no", "ga"), offset):
                        reach[at].setdefault(offset + 2, spent)
            for offset, spent in reach[at].items():
                left = budget - spent
                for end, reading in edges.later(at) if at > start else edges.first[at]:
                    if not left and not key.startswith(reading, offset):
                        continue
                    if left == 1 and not _may_be_one_off(reading, key, offset):
                        continue
                    for size in range(max(0, len(reading) - left), len(reading) + left + 1):
                        if offset + size > len(key):
                            break
                        part = key[offset : offset + size]
                        cost = spent + Levenshtein.distance(reading, part, score_cutoff=left)
                        if cost <= budget and cost < reach.setdefault(end, {}).get(offset + size, 9):
                            reach[end][offset + size] = cost
        ends = [end for end, spot in reach.items() if end > start and len(key) in spot]
        if ends and (best is None or max(ends) - start > best[1] - best[0]):
            best = start, max(ends)
    return best if not whole or best == (0, len(text)) else None


@lru_cache(maxsize=1 << 12)
def proper_nouns(text: str) -> tuple[tuple[str, int, str], ...]:
    """(stretch, start, kind) of the names of persons and places that the analyser sees; neighbours of a kind are one."""
    found: list[tuple[str, int, str]] = []
    for token in filter(_is_proper_noun(), analysed(text)):
        part, start = token.part_of_speech(), token.begin()
        if found and found[-1][1] + len(found[-1][0]) == start and found[-1][2] == part[2]:
            start = found[-1][1]
            found.pop()
        found.append((text[start : token.end()], start, part[2]))
    return tuple(found)


@lru_cache(maxsize=1 << 12)
def word_ends(text: str) -> frozenset[int]:
    """Every place where a word of the finest cut begins or ends."""
    tokens = [part for token in analysed(text) for part in (token.split(SplitMode.A) or [token])]
    return frozenset(place for token in tokens for place in (token.begin(), token.end()))


@lru_cache(maxsize=1 << 12)
def is_common_noun(word: str) -> bool:
    """Does the dictionary have it as a common noun, or also write it with Han: カワウソ, リュウグウ."""
    entries = dictionary().lookup(word)
    return any(
        entry.part_of_speech()[1] == "普通名詞" or _SCRIPT_HAN.search(entry.normalized_form()) for entry in entries
    )


class _Simplifying(NamedTuple):
    variants: dict[int, str]  # Japanese shapes, and the traditional ones that OpenCC knows them by
    characters: dict[int, str]
    phrases: re.Pattern[str]  # whose characters become others together
    converter: opencc.OpenCC


@cache
def _simplifying() -> _Simplifying:
    """OpenCC's tables. Its own walk over a text is slow, and needed only where there is a phrase."""
    variants = {
        ord(shape): traditional
        for traditional, shapes in table("JPVariants.txt")
        for shape in shapes
        if shape != traditional
    }
    variants |= {ord(shape): simple for shape, simple in zip("窓塚", "窗冢", strict=True)}  # missing there
    characters = {ord(left): right[0] for left, right in table("TSCharacters.txt")}
    phrases = "|".join(re.escape(left) for left, _ in table("TSPhrases.txt"))
    return _Simplifying(variants, characters, re.compile(phrases), opencc.OpenCC("t2s"))


@lru_cache(maxsize=1 << 14)
def fold_han(text: str) -> str:
    """Japanese or traditional Han as simplified, so that one name has one shape in both languages."""
    if text.isascii():
        return text
    own = _simplifying()
    plain = unicodedata.normalize("NFKC", text).translate(own.variants)
    folded: str = own.converter.convert(plain) if own.phrases.search(plain) else plain.translate(own.characters)
    return folded
