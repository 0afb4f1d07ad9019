"""Chinese and Korean names between Latin letters and Han: 周伟民 is Zhou Weimin by pinyin; 裵秀珍 is Bae Su-jin by a reading
that no package at hand has, so that a Korean name is known by its surname, and the rest of it is not judged."""

from __future__ import annotations

from functools import lru_cache

import regex

from stages.checks.tables import table
from stages.text.lexicon import HAN
from stages.text.mandarin import alone, pinyin
from stages.text.readings import fold_han
from stages.text.spelling import letters

_TABLE = table("sinograms")
KOREAN: dict[str, str] = _TABLE["korean"]
_SURNAMES = frozenset(latin for spellings in KOREAN.values() for latin in spellings.split())
_VIETNAMESE = frozenset(_TABLE["vietnamese"])
_HAN_RUN = regex.compile(rf"[[{HAN}]--[々〆ヶ]]+", regex.V1)  # what Mandarin reads
_FEW_HAN = regex.compile(rf"[{HAN}]{{2,4}}")
_KOREAN_NAME = regex.compile(r"\b(\p{Lu}\p{L}+) (\p{Lu}\p{L}+)-(\p{L}+)\b|\b(\p{Lu}\p{L}+)-(\p{L}+) (\p{Lu}\p{L}+)\b")
_KOREA, _HAN_READERS = (regex.compile("|".join(_TABLE[name])) for name in ("korea", "han_readers"))


@lru_cache(maxsize=1 << 12)
def speaks_of_korea(text: str) -> bool:
    """Does an English or Japanese text speak of Korea, so that a name in Han may be read as nothing here reads it?"""
    return _KOREA.search(text) is not None


@lru_cache(maxsize=1 << 12)
def may_be_read_otherwise(text: str) -> bool:
    """Does a text speak of a country that reads Han otherwise than Japan?"""
    return speaks_of_korea(text) or _HAN_READERS.search(text) is not None


@lru_cache(maxsize=1 << 13)
def _spelt(text: str) -> str:
    """The pinyin of the Han of a text, each syllable between spaces, and a mark between what stands apart."""
    return " | ".join(("", *(" ".join(pinyin(run)) for run in _HAN_RUN.findall(fold_han(text))), ""))


def by_pinyin(word: str, text: str) -> bool:
    """Is there Han in the text, of one to four characters, whose pinyin is the Latin word?"""
    return is_spelt(cuts_of(word), text)


def cuts_of(word: str) -> tuple[str, ...]:
    """The ways to cut a Latin word into syllables of pinyin; none if it is no pinyin."""
    plain = letters(word)
    return _as_syllables(plain) if len(plain) > 1 else ()


def is_spelt(cuts: tuple[str, ...], text: str) -> bool:
    """Is there Han in the text whose pinyin is one of the ways?"""
    return bool(cuts) and any(map(_spelt(text).__contains__, cuts))


@lru_cache(maxsize=1 << 14)
def _as_syllables(word: str) -> tuple[str, ...]:
    """A word cut into one to four syllables, each between spaces, in every way that there is."""
    return tuple(f" {' '.join(cut)} " for size in (1, 2, 3, 4) for cut in _cuts(word, size))


@lru_cache(maxsize=1 << 12)
def is_pinyin(name: str) -> bool:
    """Is every word of a Latin name a run of one to three pinyin syllables?"""
    words = [letters(word) for word in name.split()]
    return all(any(_cuts(word, size) for size in (1, 2, 3)) for word in words) if words else False


@lru_cache(maxsize=1 << 14)
def _cuts(word: str, size: int) -> tuple[tuple[str, ...], ...]:
    """The ways to cut a word into so many syllables; none is longer than six letters (zhuang)."""
    if size == 1:
        return ((word,),) if word in _all_syllables() else ()
    return tuple(
        (word[:n], *rest)
        for n in range(1, min(len(word), 7))
        if word[:n] in _all_syllables()
        for rest in _cuts(word[n:], size - 1)
    )


@lru_cache(maxsize=1)
def _all_syllables() -> frozenset[str]:
    return frozenset(syllable for code in range(0x4E00, 0x9FA6) for syllable in alone(chr(code)))


def korean_surname(name: str) -> str | None:
    """The surname, in plain letters, of a Korean name in Latin letters (Bae Su-jin, Su-jin Bae); None if it is no such name."""
    match = _KOREAN_NAME.search(name)
    if match is None:
        return None
    surname = letters(match[1] or match[6])
    return surname if surname in _SURNAMES else None


def is_vietnamese(name: str) -> bool:
    """Does a name in Latin letters begin or end with one of the commonest surnames of Vietnam, whose Han is read otherwise?"""
    words = [letters(word) for word in name.split()]
    return len(words) > 1 and (words[0] in _VIETNAMESE or words[-1] in _VIETNAMESE)


def is_korean_in_han(name: str) -> bool:
    """May a name in Han be a Korean's: two to four characters, the first a surname?"""
    folded = fold_han(name)
    return _FEW_HAN.fullmatch(name) is not None and (folded[0] in KOREAN or folded[:2] in KOREAN)
