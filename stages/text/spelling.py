"""Kana in Latin letters, and one key for all romanisations of a reading."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from operator import eq

_ROWS = {
    "": "アイウエオ",
    "k": "カキクケコ",
    "g": "ガギグゲゴ",
    "s": "サシスセソ",
    "z": "ザジズゼゾ",
    "t": "タチツテト",
    "d": "ダヂヅデド",
    "n": "ナニヌネノ",
    "h": "ハヒフヘホ",
    "b": "バビブベボ",
    "p": "パピプペポ",
    "m": "マミムメモ",
    "y": "ヤ　ユ　ヨ",
    "r": "ラリルレロ",
    "w": "ワヰ　ヱヲ",
}
_KANA = {kana: row + vowel for row, line in _ROWS.items() for kana, vowel in zip(line, "aiueo", strict=True)}
_KANA |= {"ン": "n", "ッ": "", "ヴ": "bu", "ー": "-"}
_SMALL = {"ァ": "a", "ィ": "i", "ゥ": "u", "ェ": "e", "ォ": "o", "ャ": "ya", "ュ": "yu", "ョ": "yo", "ヮ": "wa"}
_HIRAGANA = {code: code + 0x60 for code in range(ord("ぁ"), ord("ゖ") + 1)}


class _Spelt(dict[int, str]):
    """How each katakana is spelt, for `str.translate`; nothing for what is no kana."""

    def __missing__(self, code: int) -> str:
        return ""


_SPELT = _Spelt({ord(kana): spelt for kana, spelt in _KANA.items()})
Rules = tuple[
    tuple[str, re.Pattern[str] | None, str], ...
]  # what is written, how it is found if not as it stands, its sound


def rules(rows: Iterable[tuple[str, str]]) -> Rules:
    """What is written how, for `respelt`; what is letters alone is found without a pattern."""
    return tuple((written, None if written.isalpha() else re.compile(written), sound) for written, sound in rows)


def respelt(text: str, by: Rules) -> str:
    """A text after each rule in turn, with every doubled character once."""
    return _single(rewritten(text, by))


def rewritten(text: str, by: Rules) -> str:
    """A text after each rule in turn."""
    for written, pattern, sound in by:
        text = pattern.sub(sound, text) if pattern else text.replace(written, sound)
    return text


def _single(text: str) -> str:
    """A text with every doubled character once."""
    if any(map(eq, text, text[1:])):
        return "".join(character for character, _ in groupby(text))
    return text


_SPELLINGS = (  # any romanisation to the Kunrei letters of the table above
    (r"tch", "ch"),
    (r"sh", "sy"),
    (r"ch", "ty"),
    (r"dz|dj", "z"),
    (r"j", "zy"),
    (r"ts", "t"),
    (r"f", "h"),
    (r"v", "b"),
    (r"l", "r"),
    (r"(?<=[a-z])yi", "i"),
    (r"h(?![aiueoy])", ""),
    (r"m(?=[bpm])", "n"),
    (r"di", "zi"),
    (r"du", "zu"),
    (r"wo", "o"),
    (r"ou", "o"),
    (r"(?<=[sztd])yi", "i"),
)
_KEY = rules(_SPELLINGS)
_OF_KANA = (("-", ""), ("di", "zi"), ("du", "zu"), ("wo", "o"), ("ou", "o"))
_NOT_A_LETTER = re.compile("[^a-z]+")


def katakana(text: str) -> str:
    """The text with its hiragana as katakana, full width."""
    return unicodedata.normalize("NFKC", text).translate(_HIRAGANA)


@lru_cache(maxsize=1 << 16)
def letters(text: str) -> str:
    """Lower-case Latin letters alone, without their diacritics."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.replace("ø", "o").replace("ł", "l").replace("ß", "ss"))
    return _NOT_A_LETTER.sub("", text.lower())


def romaji(kana: str) -> str:
    """Kunrei letters of kana as they stand; `-` for a long vowel, other characters dropped."""
    plain = katakana(kana)
    if _SMALL.keys().isdisjoint(plain):
        return plain.translate(_SPELT)
    result = ""
    for char in plain:
        if char in _SMALL:
            small = _SMALL[char]
            takes_its_place = len(result) > 1 and result[-1] in "ueio"  # キャ: kya, ファ: fa, ティ: ti
            result = (result[:-1] if takes_its_place else result) + small
        else:
            result += _KANA.get(char, "")
    return result


@lru_cache(maxsize=1 << 16)
def latin_key(text: str) -> str:
    """What Hepburn, Kunrei and passport spellings of one reading share: no long vowels, no doubled consonants.

    >>> latin_key("Ōtani Shin'ichi") == latin_key("Ohtani Sin-iti") == latin_key("otanishinichi")
    True
    """
    return respelt(letters(text), _KEY)


_NO_KANA = re.compile("[^abdeghikmnoprstuwyz]|[bdghkmprstwyz](?:[^aiueoyw]|$)")


@lru_cache(maxsize=1 << 16)
def unlike_kana(key: str) -> int:
    """At least how many edits a key is from any key of kana: the places where a consonant stands without a vowel (Smith, Carla)."""
    return len(_NO_KANA.findall(key))


@lru_cache(maxsize=1 << 16)
def kana_key(kana: str) -> str:
    """The same key of a reading in kana."""
    spelt = romaji(kana)
    if "yi" in spelt:
        return latin_key(spelt)
    for written, sound in _OF_KANA:  # what the other rules respell is no kana's
        spelt = spelt.replace(written, sound)
    return _single(spelt)
