"""The names of an English text, wherever they stand in it: is a name of the Japanese source there, and has another come?

From Japanese into English the one-to-one match of spans (`pairing`) is not all: a name may stand in the English text where no span is,
and a strange name in place of one that has none. The assignment alone finds 72 of 100 names that were replaced, both 82.
"""

from __future__ import annotations

import calendar
from functools import lru_cache
from itertools import permutations
from typing import Literal, NamedTuple

import regex

from stages.checks.exonyms import exonym
from stages.checks.kinds import Name, span_texts
from stages.checks.latin import COMMON, ROMAJI, capitalised, commonness, is_compound, latin_words, phrases
from stages.checks.name_score import DOT, HAN_RUN, JAPANESE, KATAKANA
from stages.checks.sinograms import by_pinyin, may_be_read_otherwise
from stages.checks.tables import table
from stages.checks.unsupported_names import is_other_surname, is_surname
from stages.records.record import Record
from stages.text.phonetics import kana_sound, latin_sound, latin_sounds, likenesses
from stages.text.readings import reads_as
from stages.text.spelling import latin_key, letters

_TABLE = table("names")
FAR = float(_TABLE["far"])
ALIKE_ANYWHERE, WITHIN_ANYWHERE = _TABLE["anywhere"]["alike"], _TABLE["anywhere"]["within"]
_NOT_NAMES = {letters(word) for word in (*calendar.month_name, *calendar.day_name, *_TABLE["not_names"])}
_HIRAGANA = regex.compile(r"\p{Hiragana}")


class _Text(NamedTuple):
    """What is asked of an English text for each Japanese name."""

    keys: tuple[str, ...]  # of the words with a capital
    pairs: tuple[str, ...]  # of each two of them that are neighbours, both ways round


@lru_cache(maxsize=1 << 10)
def _text(text: str) -> _Text:
    words = capitalised(text)
    capitals = [latin_key(word) for word in words if 1 < len(word) < 12]
    pairs = [one + two for both in zip(capitals, capitals[1:], strict=False) for one, two in permutations(both)]
    return _Text(tuple(dict.fromkeys(map(latin_key, words))), tuple(dict.fromkeys(pairs)))


@lru_cache(maxsize=1 << 10)
def _sounds(text: str) -> tuple[str, ...]:
    """How what a foreign name can be in an English text sounds."""
    return tuple(dict.fromkeys(map(latin_sound, phrases(text))))


def same_in_english(name: Name, text: str) -> bool:
    """Is there Latin for the name in the English text, by reading or by sound?"""
    if (kept := latin_kept(name, text)) is not None:
        return kept
    japanese, there = "".join(JAPANESE.findall(name.text)), _text(text)
    runs = KATAKANA.findall(name.text)
    sounds = {
        kana_sound(part) for run in runs for part in ((run,) if name.kind == "person" else (run, *DOT.split(run)))
    }
    asked = [(sound, other) for sound in sounds for other in _sounds(text)]
    if any(whole >= ALIKE_ANYWHERE for whole, _ in likenesses(asked)):
        return True
    if not HAN_RUN.search(name.text) and not _HIRAGANA.search(name.text):
        return any(reads_as(japanese, key, whole=True, budget=0) for key in there.keys) if japanese else False
    for key in there.keys:
        place = reads_as(japanese, key, whole=False) if len(key) > 1 else None
        if place and (len(key) > 2 or place == (0, len(japanese)) or (name.kind == "person" and len(japanese) > 2)):
            return True
    return any(reads_as(japanese, key, whole=True, budget=1) for key in there.pairs)


def strays_in_english(source: Record, target: Record) -> list[str]:
    """Name-like words of the English spans that nothing in the source text sounds like; no others than may be Japanese, which
    may be translations (Median Line)."""
    text, found = source["text"], []
    latin, spans = {word.lower() for word in latin_words(text)}, span_texts(target)
    words = [(word, _standing(word, latin)) for word in latin_words(target["text"], hyphen=True)]
    names = dict.fromkeys(word for word, standing in words if standing == "name")
    asked = [word for word in names if ROMAJI.fullmatch(letters(word)) and any(word in span for span in spans)]
    explained = _explained(asked, source) if asked else set()
    strange = {word for word in asked if word not in explained and not exonym(word, text, ("en", "ja"))}
    if not strange:
        return []
    after = zip(words, words[1:], strict=False)
    beside = dict.fromkeys(word for (word, _), (other, _) in after if word in names and other in strange)
    explained |= _explained([word for word in beside if word not in asked], source)
    before, known = "", False  # the word before, if it may be part of the same name, and whether the source has it
    for word, standing in words:
        if word in strange:
            characters = _beside(JAPANESE.findall(text), latin_key(before)) if before else ""
            if not (known or characters) or is_other_surname(word, characters):
                found.append(word)
        known = word in explained
        before = word if known or standing == "beside" else ""
    return found


Standing = Literal["name", "beside", "apart"]


def _standing(word: str, latin: set[str]) -> Standing:
    """Is a word of the English text name-like, one that may stand beside a name (Go Henmi), or one that parts names?"""
    return "apart" if word.lower() in latin else _by_itself(word)


@lru_cache(maxsize=1 << 14)
def _by_itself(word: str) -> Standing:
    plain, lower = letters(word), word.lower()
    if not word[0].isupper() or word.isupper() or plain in _NOT_NAMES:
        return "apart"
    common = commonness(lower)
    if (
        common >= COMMON
        or (not ROMAJI.fullmatch(plain) and (common or is_compound(lower)))
        or any(commonness(part) for part in lower.split("-")[1:])
        or len(plain) < 3
    ):
        return "beside"
    return "name"


def _explained(words: list[str], source: Record) -> set[str]:
    """Those of the words that the Japanese text has by reading (of a span, of the rest), by pinyin or by sound; what is dear
    to ask comes last."""
    text = source["text"]
    spans = [span for span in span_texts(source) if span in text]
    within, japanese = ([run for part in parts for run in JAPANESE.findall(part)] for parts in (spans, [text]))
    otherwise = may_be_read_otherwise(text)
    parts = {word: list(dict.fromkeys((word, word.split("-")[0]))) for word in words}

    def read(word: str, runs: list[str], edits: bool = False) -> bool:
        return any(
            reads_as(run, latin_key(part), whole=False, budget=len(part) // 8 if edits else 0)
            for part in parts[word]
            for run in runs
            if len(part) > 7 or not edits
        )

    def foreign(word: str) -> bool:
        return otherwise and not (ROMAJI.fullmatch(letters(word)) and is_surname(latin_key(word)))

    found = {
        word for word in words if read(word, within) or foreign(word) or by_pinyin(word, text) or read(word, japanese)
    }
    left = [word for word in words if word not in found]
    found |= _heard(left, KATAKANA.findall(text))
    return found | {word for word in left if word not in found and read(word, japanese, edits=True)}


def _heard(words: list[str], runs: list[str]) -> set[str]:
    """Those of the words that sound like a katakana run, a part of one, or a stretch of one."""
    pieces = list(dict.fromkeys(kana_sound(part) for run in runs for part in (run, *DOT.split(run))))
    whole = list(dict.fromkeys(map(kana_sound, runs)))
    found = set[str]()
    for word in words if runs else ():
        like = [(sound, other) for sound in pieces for other in latin_sounds(word)]
        inside = [(latin_sound(word), sound) for sound in whole]
        compared = likenesses([*like, *inside])
        if any(fit >= FAR for fit, _ in compared[: len(like)]) or any(
            fit >= WITHIN_ANYWHERE for _, fit in compared[len(like) :]
        ):
            found.add(word)
    return found


def _beside(runs: list[str], key: str) -> str:
    """The characters of the runs beside what reads as the key: where a given name is read, the surname's."""
    places = [(run, place) for run in runs if (place := reads_as(run, key, whole=False))]
    return "".join(run[max(0, start - 3) : start] + run[end : end + 3] for run, (start, end) in places)


def latin_kept(name: Name, text: str) -> bool | None:
    """Are the name's Latin words in the text as they stand? None if it has none; FC and NPO may be spelt out."""
    words = [word.lower() for word in latin_words(name.text) if len(word) > 3]
    return all(word in text.lower() for word in words) if words else None
