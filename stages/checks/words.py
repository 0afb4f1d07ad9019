"""What the words of two languages mean alike, by a small dictionary of common words: Japanese and Chinese ones with the stems
of their English meanings. Japanese and Chinese meet in a character (folded), or in a meaning.

A dictionary of common words knows half to nine tenths of the counterparts in a good translation: a word that has one says
much, a word that has none says little by itself. Names and numbers are not its matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

import regex
from sudachipy import SplitMode, Tokenizer  # type: ignore[import-untyped]

from stages.checks.tables import TABLES, table
from stages.checks.unsupported_names import chinese_words
from stages.text.readings import HAN, fold_han
from stages.text.readings import dictionary as sudachi

CUT = 6  # letters of a stem: planter, plants and planting are one, as with Snowball's stemmer, which did no better
_ENGLISH = regex.compile(r"\p{Latin}[\p{Latin}\p{M}'’]*")
_HAN = regex.compile(rf"[{HAN}]")
_ENDINGS = (
    ("ies", 5, "y"),
    ("ing", 6, ""),
    ("ed", 5, ""),
    ("es", 5, ""),
    ("s", 4, ""),
    ("ly", 5, ""),
)  # with the least letters
_CONTENT = frozenset({"動詞", "形容詞", "形状詞", "副詞"})


class Word(NamedTuple):
    """A content word: how it stands in the text and where, the stems of what it means, its folded Han."""

    text: str
    start: int
    stems: frozenset[str]
    han: frozenset[str]


class Meaning(NamedTuple):
    """Content words, in order, and all their stems and Han together."""

    lang: str
    words: tuple[Word, ...]
    stems: frozenset[str]
    han: frozenset[str]


def meaning_of(lang: str, words: Iterable[Word]) -> Meaning:
    own = tuple(words)
    return Meaning(lang, own, frozenset().union(*(w.stems for w in own)), frozenset().union(*(w.han for w in own)))


@cache
def _grammar(lang: str) -> frozenset[str]:
    return frozenset(table("words")[lang].split())


@cache
def _irregular() -> dict[str, str]:
    return {form: base for base, forms in table("words")["irregular"].items() for form in forms.split()}


@cache
def dictionary(lang: str) -> dict[str, frozenset[str]]:
    """Word -> stems of its English meanings, of `ja` or `zh`."""
    lines = (TABLES / "words" / f"{lang}.txt").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {word: frozenset(stems.split()) for word, stems in rows}


@cache
def _known() -> frozenset[str]:
    """The stems that some meaning has."""
    return frozenset(stem for lang in ("ja", "zh") for stems in dictionary(lang).values() for stem in stems)


@lru_cache(maxsize=1 << 15)
def stem(word: str) -> str:
    """What the forms of an English word share: its base form without its ending, cut after six letters."""
    word = word.lower().replace("’", "'").partition("'")[0]
    word = _irregular().get(word, word)
    for ending, least, instead in _ENDINGS:
        if word.endswith(ending) and len(word) >= least and not word.endswith("ss"):
            word = word.removesuffix(ending) + instead
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sle":
        word = word[:-1]
    if len(word) > 3 and word[-1] in "ey":
        word = word[:-1] + ("i" if word[-1] == "y" else "")
    return word[:CUT]


@lru_cache(maxsize=1 << 14)
def meaning(text: str, lang: str) -> Meaning:
    """The content words of a text in `en`, `ja` or `zh`."""
    if lang == "en":
        return meaning_of(lang, (word for word in english(text) if not word.stems.isdisjoint(_known())))
    found = _japanese(text) if lang == "ja" else _chinese(text)
    return meaning_of(
        lang, (Word(said, at, stems, frozenset(_HAN.findall(fold_han(said)))) for said, at, stems in found)
    )


def english(text: str) -> Iterator[Word]:
    """The content words of an English text, known or not."""
    for match in _ENGLISH.finditer(text):
        if len(match[0]) > 1 and match[0].lower() not in _grammar("en"):
            yield Word(match[0], match.start(), frozenset({stem(match[0])}), frozenset())


Found = tuple[str, int, frozenset[str]]  # word, start, stems


def _japanese(text: str) -> Iterator[Found]:
    """The words as the analyser cuts them; of one that the dictionary does not know, the words that it is made of."""
    for token in _analyser().tokenize(text):
        if _is_content(token):
            stems, made_of = _stems(token), token.split(SplitMode.A)
            if stems is not None or len(made_of) < 2:
                yield token.surface(), token.begin(), stems or frozenset()
            else:
                for part in filter(_is_content, made_of):
                    yield part.surface(), part.begin(), _stems(part) or frozenset()


@cache
def _analyser() -> Tokenizer:
    return sudachi().create(mode=SplitMode.C)


def _forms(token: Any) -> tuple[str, str, str]:
    """As it stands, uninflected, and in its usual spelling."""
    return token.surface(), token.dictionary_form(), token.normalized_form()


def _is_content(token: Any) -> bool:
    part = token.part_of_speech()
    noun = part[0] == "名詞" and part[1] == "普通名詞"
    return (noun or part[0] in _CONTENT) and _grammar("ja").isdisjoint(_forms(token))


def _stems(token: Any) -> frozenset[str] | None:
    own = dictionary("ja")
    return next((own[form] for form in _forms(token) if form in own), None)


def _chinese(text: str) -> Iterator[Found]:
    own, light, at = dictionary("zh"), _grammar("zh"), 0
    for word in chinese_words().lcut(text, HMM=False):
        start, at = at, at + len(word)
        if word in light or not _HAN.match(word):
            continue
        if word in own or len(word) < 3:
            yield word, start, own.get(word, frozenset())
            continue
        place = 0
        while place < len(word):  # a longer word than the dictionary's, by its parts
            ends = range(min(len(word), place + 3), place + 1, -1)
            part = next((word[place:end] for end in ends if word[place:end] in own), "")
            if part:
                yield part, start + place, own[part]
            place += len(part) or 1


def answered(ours: Meaning, theirs: Meaning) -> tuple[list[Word], list[Word]]:
    """The different words of one text that have a counterpart in the other, and those that have none though they might."""
    found, missing = list[Word](), list[Word]()
    for word in {word.text: word for word in ours.words}.values():
        if word.stems or (word.han and theirs.lang != "en"):
            meets = not word.stems.isdisjoint(theirs.stems) or not word.han.isdisjoint(theirs.han)
            (found if meets else missing).append(word)
    return found, missing


@lru_cache(maxsize=1 << 15)
def share(one: str, one_lang: str, other: str, other_lang: str) -> float:
    """0 to 1: how many content words of the phrase that has fewer have a counterpart in the other; 0 if one has none."""
    sides = meaning(one, one_lang), meaning(other, other_lang)
    rates = [
        (len(found) + len(missing), len(found))
        for found, missing in (answered(*sides), answered(*reversed(sides)))
        if found or missing
    ]
    if len(rates) < 2:
        return 0.0
    size, hits = min(rates)
    return hits / size
