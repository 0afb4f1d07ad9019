"""Japanese names in an English translation: by every reading that the dictionary has of their characters, or by their sound."""

from __future__ import annotations

import calendar
from functools import cache, lru_cache
from itertools import permutations

import regex
from spellchecker import SpellChecker

from stages.checks.exonyms import exonym
from stages.checks.kinds import Name
from stages.checks.unsupported_names import is_other_surname, is_surname
from stages.records.record import Record
from stages.text.phonetics import kana_sound, latin_sound, latin_sounds, likeness
from stages.text.readings import HAN, latin_key, letters, proper_nouns, reads_as
from stages.text.sinograms import by_pinyin, may_be_read_otherwise

ALIKE = 0.42  # of whole names; true pairs reach 0.45 and more, chance pairs seldom 0.4
FAR = 0.35  # below it two names have nothing in common
ALIKE_WITHIN = 0.62  # of a name looked for anywhere in a text, where chance has many tries
COMMON = 1000  # an English word, to SpellChecker's counts; names stay below it

_KATAKANA = regex.compile(r"\p{Script=Katakana}[\p{Script=Katakana}ー・＝=]+")
_HAN = regex.compile(rf"[{HAN}]+")
_LATIN, _HYPHENED = regex.compile(r"\p{Latin}[\p{Latin}'’.]*"), regex.compile(r"\p{Latin}[\p{Latin}'’.\-]*")
_ENDING = regex.compile(r"['’]s$|[.'’\-]+$")
_GENITIVE = regex.compile(r"['’]s$")
_JOINED = regex.compile(r"\p{Lu}\p{L}+(?:-\p{L}+)+")
_PHRASE, _BETWEEN = regex.compile(r"\p{Lu}[\p{L}'’]*(?:[ \-]\p{L}+)*"), regex.compile(r"[ \-]")
_DOT = regex.compile("[・＝=]")
_HIRAGANA = regex.compile(r"\p{Hiragana}")
_JAPANESE_NAME = regex.compile(rf"[{HAN}\p{{Hiragana}}\p{{Katakana}}ー]+")
ROMAJI = regex.compile(r"(?:(?:[kgsztdnhbpmr]y?|[yw]|sh|t?ch|ts|j|f|kk|ss|pp|tt)?[aiueo]|n|m(?=[bpm])|h)+")
_NOT_NAMES = {letters(word) for word in (*calendar.month_name, *calendar.day_name, "Japan", "Japanese")}


@cache
def _words() -> SpellChecker:
    return SpellChecker(language="en")


@cache
def commonness(word: str) -> int:
    return int(max(_words().word_frequency[form] for form in (word, word.removesuffix("'s"))))


def _is_compound(word: str) -> bool:
    """Reedbed: two English words."""
    return any(min(commonness(word[:n]), commonness(word[n:])) >= COMMON / 10 for n in range(3, len(word) - 2))


@lru_cache(maxsize=1 << 14)
def latin_words(text: str, *, hyphen: bool = False) -> tuple[str, ...]:
    """The words in Latin letters, without the genitive and marks at their end; `hyphen`: Bae Su-jin is two."""
    return tuple(_ENDING.sub("", word) for word in (_HYPHENED if hyphen else _LATIN).findall(text))


@lru_cache(maxsize=1 << 12)
def _capitalised(text: str) -> tuple[str, ...]:
    """Words with a capital, hyphened ones also as one: Enso-ji."""
    words = (word for word in latin_words(text.replace("-", " ")) if word[:1].isupper())
    return (*words, *(word.replace("-", "") for word in _JOINED.findall(text)))


def _key(words: tuple[str, ...] | list[str]) -> str:
    return "".join(latin_key(word) for word in words)


@lru_cache(maxsize=1 << 12)
def _runs(text: str) -> list[str]:
    """Neighbouring capitalised words, up to three: what a foreign name can be."""
    result = []
    for phrase in _PHRASE.findall(text):
        parts = [_GENITIVE.sub("", part) for part in _BETWEEN.split(phrase)]
        result += [" ".join(parts[n : n + size]) for n in range(len(parts)) for size in (1, 2, 3)]
    return sorted(set(result))


def same_in_english(name: Name, text: str) -> bool:
    """Is there Latin for the name in the English text, by reading or by sound?"""
    words = _capitalised(text)
    if (kept := latin_kept(name, text)) is not None:
        return kept
    japanese = "".join(_JAPANESE_NAME.findall(name.text))
    for run in _KATAKANA.findall(name.text):
        for part in {run, *_DOT.split(run)} if name.kind != "person" else {run}:
            sound = kana_sound(part)
            if any(likeness(sound, latin_sound(other)) >= ALIKE for other in _runs(text)):
                return True
    if not _HAN.search(name.text) and not _HIRAGANA.search(name.text):
        return any(reads_as(japanese, latin_key(word), whole=True, budget=0) for word in words) if japanese else False
    for word in words:
        key = latin_key(word)
        place = reads_as(japanese, key, whole=False) if len(key) > 1 else None
        if place and (len(key) > 2 or place == (0, len(japanese)) or (name.kind == "person" and len(japanese) > 2)):
            return True
    capitals = [word for word in words if 1 < len(word) < 12]
    return any(
        reads_as(japanese, _key(pair), whole=True, budget=1)
        for one, two in zip(capitals, capitals[1:], strict=False)
        for pair in permutations((one, two))
    )


def begins_with_place(name: str) -> bool:
    """福岡工場: an organisation that is named after a place keeps it in every language."""
    return any(start == 0 and len(stretch) > 1 and part == "地名" for stretch, start, part in proper_nouns(name))


def strays_in_english(source: Record, target: Record) -> list[str]:
    """Name-like words of the English text that nothing in the source text sounds like."""
    text, found = source["text"], []
    latin = {word.lower() for word in latin_words(text)}
    runs = [(run, part) for run in _KATAKANA.findall(text) for part in {run, *_DOT.split(run)}]
    japanese = _JAPANESE_NAME.findall(text)
    before, known = "", False  # the word before, if it may be part of the same name, and whether the source has it
    for word in latin_words(target["text"], hyphen=True):
        plain = letters(word)
        if not word[0].isupper() or word.lower() in latin or word.isupper() or plain in _NOT_NAMES:
            before = ""
            continue
        romaji, common = bool(ROMAJI.fullmatch(plain)), commonness(word.lower())
        if (
            common >= COMMON
            or (not romaji and (common or _is_compound(word.lower())))
            or any(commonness(part) for part in word.lower().split("-")[1:])
        ):
            before, known = word, False  # Go Henmi
            continue
        key = latin_key(word)
        if len(plain) < 3:
            before, known = word, False
            continue
        parts = dict.fromkeys((word, word.split("-")[0]))
        explained = (  # what is dear to ask comes last
            any(reads_as(run, latin_key(part), whole=False) for part in parts for run in japanese)
            or by_pinyin(word, text)
            or (may_be_read_otherwise(text) and not (romaji and is_surname(key)))
            or any(likeness(kana_sound(part), sound) >= FAR for _, part in runs for sound in latin_sounds(word))
            or any(likeness(latin_sound(word), kana_sound(run), within=True) >= ALIKE_WITHIN for run, _ in runs)
            or any(
                reads_as(run, latin_key(part), whole=False, budget=len(part) // 8)
                for part in parts
                for run in japanese
                if len(part) > 7
            )
        )
        if not explained and not exonym(word, text, ("en", "ja")):
            beside = _beside(japanese, latin_key(before)) if before else ""
            if not (known or beside) or is_other_surname(word, beside):
                found.append(word)
        before, known = word if explained else "", explained
    return found


def _beside(runs: list[str], key: str) -> str:
    """The characters of the runs beside what reads as the key: where a given name is read, the surname's."""
    places = [(run, place) for run in runs if (place := reads_as(run, key, whole=False))]
    return "".join(run[max(0, start - 3) : start] + run[end : end + 3] for run, (start, end) in places)


def latin_kept(name: Name, text: str) -> bool | None:
    """Are the name's Latin words in the text as they stand? None if it has none; FC and NPO may be spelt out."""
    words = [word.lower() for word in latin_words(name.text) if len(word) > 3]
    return all(word in text.lower() for word in words) if words else None
