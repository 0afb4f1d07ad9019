"""What the words of two languages mean alike, by a small dictionary of common words: Japanese and Chinese ones with the stems
of their English meanings. Japanese and Chinese meet in a character (folded), or in a meaning.

A dictionary of common words knows half to nine tenths of the counterparts in a good translation: a word that has one says
much, a word that has none says little by itself. Names and numbers are not its matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import regex
from sudachipy import Morpheme, SplitMode  # type: ignore[import-untyped]

from stages.checks.tables import TABLES, table
from stages.checks.unsupported_names import cut
from stages.text.lexicon import HAN
from stages.text.lexicon import dictionary as sudachi
from stages.text.readings import analysed, fold_han

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

    def at(self, place: int) -> Word:
        """The same word so much further on."""
        return Word(self.text, place + self.start, self.stems, self.han) if place else self


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
def dictionary(lang: str) -> dict[str, str]:
    """Word -> stems of its English meanings, with spaces between them, of `ja` or `zh`. Strings, since Python's search for garbage
    would walk over 98,000 sets again and again: a sixth of the time of all checks."""
    lines = (TABLES / "words" / f"{lang}.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("#"))


@cache
def _known() -> frozenset[str]:
    """The stems that some meaning has."""
    return frozenset(stem for lang in ("ja", "zh") for stems in dictionary(lang).values() for stem in stems.split())


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
    return meaning_of(lang, (word.at(start) for start, words in found for word in words))


def _word(text: str, start: int, stems: str | None) -> Word:
    return Word(text, start, frozenset((stems or "").split()), frozenset(_HAN.findall(fold_han(text))))


def english(text: str) -> Iterator[Word]:
    """The content words of an English text, known or not."""
    for match in _ENGLISH.finditer(text):
        if stems := _english_stems(match[0]):
            yield Word(match[0], match.start(), stems, frozenset())


@lru_cache(maxsize=1 << 15)
def _english_stems(word: str) -> frozenset[str]:
    """The stem of a content word; none of another."""
    return frozenset({stem(word)} if len(word) > 1 and word.lower() not in _grammar("en") else ())


Found = tuple[int, tuple[Word, ...]]  # where a word of the analyser begins, and its content words by their place in it
_KEPT = 1 << 15
_seen: dict[tuple[str, int], tuple[Word, ...]] = {}  # by a Japanese word and its entry in the analyser's dictionary


def _japanese(text: str) -> Iterator[Found]:
    for token in analysed(text):
        key = token.surface(), token.word_id()
        if key not in _seen:
            if len(_seen) == _KEPT:
                _seen.clear()
            _seen[key] = tuple(_japanese_words(token))
        if words := _seen[key]:
            yield token.begin(), words


def _japanese_words(token: Morpheme) -> Iterator[Word]:
    """The word itself; if the dictionary does not know it, the words that it is made of; none if it is no content word."""
    for whole, stems in _content([token]):
        made_of = whole.split(SplitMode.A) if stems is None else ()
        for part, known in _content(made_of) if len(made_of) > 1 else ((whole, stems),):
            yield _word(part.surface(), part.begin() - token.begin(), known)


@cache
def _may_be_content() -> Callable[[Morpheme], bool]:
    matcher: Callable[[Morpheme], bool] = sudachi().pos_matcher(
        lambda part: part[0] in _CONTENT or part[:2] == ("名詞", "普通名詞")
    )
    return matcher


def _content(tokens: Iterable[Morpheme]) -> Iterator[tuple[Morpheme, str | None]]:
    """The content words among some, with the stems that the dictionary has of one as it stands, uninflected, or in its usual
    spelling; None: it has none of them."""
    own, light = dictionary("ja"), _grammar("ja")
    for token in filter(_may_be_content(), tokens):
        forms = token.surface(), token.dictionary_form(), token.normalized_form()
        if light.isdisjoint(forms):
            yield token, next((own[form] for form in forms if form in own), None)


def _chinese(text: str) -> Iterator[Found]:
    for word, start, _ in cut(text):
        if words := _chinese_words(word):
            yield start, words


@lru_cache(maxsize=_KEPT)
def _chinese_words(word: str) -> tuple[Word, ...]:
    """The word itself, or the parts that the dictionary knows of a longer one; none if it is no content word."""
    own = dictionary("zh")
    if word in _grammar("zh") or not _HAN.match(word):
        return ()
    if word in own or len(word) < 3:
        return (_word(word, 0, own.get(word)),)
    found, place = list[Word](), 0
    while place < len(word):
        ends = range(min(len(word), place + 3), place + 1, -1)
        part = next((word[place:end] for end in ends if word[place:end] in own), "")
        if part:
            found.append(_word(part, place, own[part]))
        place += len(part) or 1
    return tuple(found)


def answered(ours: Meaning, theirs: Meaning) -> tuple[list[Word], list[Word]]:
    """The different words of one text that have a counterpart in the other, and those that have none though they might."""
    found, missing = list[Word](), list[Word]()
    for word in {word.text: word for word in ours.words}.values():
        if word.stems or (word.han and theirs.lang != "en"):
            meets = not word.stems.isdisjoint(theirs.stems) or not word.han.isdisjoint(theirs.han)
            (found if meets else missing).append(word)
    return found, missing


@lru_cache(maxsize=1 << 15)
def share(one: str, other: str, pair: tuple[str, str]) -> float:
    """0 to 1: how many content words of the phrase that has fewer have a counterpart in the other; 0 if one has none.

    Args:
        pair: the languages of both.
    """
    theirs = meaning(other, pair[1])
    if not (theirs.stems or theirs.han):
        return 0.0  # and no analyser need see the first
    sides = ours, theirs = meaning(one, pair[0]), theirs
    if ours.stems.isdisjoint(theirs.stems) and ours.han.isdisjoint(theirs.han):
        return 0.0
    rates = [
        (len(found) + len(missing), len(found))
        for found, missing in (answered(*sides), answered(*reversed(sides)))
        if found or missing
    ]
    if len(rates) < 2:
        return 0.0
    size, hits = min(rates)
    return hits / size
