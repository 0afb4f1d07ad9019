"""Which name of a translation is which of its source: scores of pairs and the best assignment, then a search of the whole text.

A pair is scored by what the languages share: Han folded to one shape, Japanese readings, pinyin, and the sound of a
transliteration. What was translated by its meaning has none of these, and its score is None: it cannot be told.

The assignment (`match`) is one to one, over the spans that are annotated. From Japanese into English that is not all: a name
may stand in the English text where no span is, and a strange name in place of one that has none. So there the text is searched as
well (`same_in_english`, `strays_in_english`); the assignment alone finds 72 of 100 names that were replaced, both 82. All
thresholds of both are in `tables/names.yaml`.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

import numpy as np
import regex
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from stages.checks.exonyms import called_otherwise, exonym
from stages.checks.kinds import Name, spans_of
from stages.checks.latin import COMMON, ROMAJI, capitalised, commonness, is_compound, latin_words, phrases
from stages.checks.sinograms import (
    KOREAN,
    by_pinyin,
    is_korean_in_han,
    is_pinyin,
    is_vietnamese,
    korean_surname,
    may_be_read_otherwise,
    speaks_of_korea,
)
from stages.checks.tables import table
from stages.checks.unsupported_names import in_japanese, is_other_surname, is_surname, name_readings
from stages.records.record import Record
from stages.records.tasks import subset
from stages.text.phonetics import han_sounds, kana_sound, latin_sound, latin_sounds, likeliest, likeness
from stages.text.readings import HAN, fold_han, is_common_noun, kana_key, latin_key, letters, reads_as

_TABLE = table("names")  # which says what each of these is, and the measurement that set it
ALIKE: dict[str, float] = _TABLE["alike"]
OTHER_KIND, NO_KIND = _TABLE["other_kind"], _TABLE["no_kind"]
WITHIN, KNOWN, FAR, LONG, UNTOLD = (float(_TABLE[name]) for name in ("within", "known", "far", "long", "untold"))
ALIKE_ANYWHERE, WITHIN_ANYWHERE = _TABLE["anywhere"]["alike"], _TABLE["anywhere"]["within"]
_NOT_NAMES = {letters(word) for word in (*calendar.month_name, *calendar.day_name, *_TABLE["not_names"])}
KATAKANA = regex.compile(r"\p{Script=Katakana}[\p{Script=Katakana}ー・＝=]+")
HAN_RUN = regex.compile(rf"[{HAN}]+")
DOT = regex.compile("[・＝=]")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_HAN_AND_KANA = regex.compile(rf"[{HAN}]{{2,3}}[ぁ-のは-ん]{{2,4}}")
QUOTES = regex.compile('[「」『』《》“”‘’"]')
_JAPANESE = regex.compile(rf"[{HAN}\p{{Hiragana}}\p{{Katakana}}ー]+")
_LISTS = {name: "|".join(_TABLE["of_a_kind"][name]) for name in ("words", "characters")}
_GENERIC = regex.compile(rf"(?:^|(?<=..))(?:{_LISTS['words']}|(?<=..)[{_LISTS['characters'].replace('|', '')}])$")
_AREA = regex.compile(rf"(?<=.)[{_TABLE['areas']}]$")
_INSTITUTION = regex.compile(rf"(?:{'|'.join(_TABLE['institutions'])})$")
_HIRAGANA = regex.compile(r"\p{Hiragana}")


class Match(NamedTuple):
    """How the names go together, each used once; `untold`: pairs of which one may be the other's translation."""

    pairs: list[tuple[Name, Name]]
    untold: list[tuple[Name, Name]]
    strangers: list[tuple[Name, Name]]  # of one kind, left over on both sides, and nothing alike
    lost: list[Name]  # of the source
    new: list[Name]  # of the target


def stem(name: str) -> str:
    """The Han of a name, folded, without the word for its kind."""
    return _GENERIC.sub("", fold_han("".join(HAN_RUN.findall(name))))


def pieces(run: str) -> list[str]:
    """A katakana name, and its parts at the dots."""
    return list(dict.fromkeys((run, *DOT.split(run))))


def _sound(sounds: Iterable[str], span: str, lang: str, kind: str) -> float:
    """How like one of the sounds the span is, or a stretch of it."""
    if lang == "zh":
        heard = ["".join(han_sounds(text)) for text in {span, _AREA.sub("", span)}]
    else:
        heard = [kana_sound(part) for run in KATAKANA.findall(span) for part in pieces(run)]
    every = tuple(sorted(set(sounds)))
    return _likeliest(every, tuple(sound for sound in every if len(sound) > (6 if kind == "person" else 4)), heard)


def _likeliest(sounds: tuple[str, ...], long: tuple[str, ...], heard: Iterable[str]) -> float:
    """How like one of the sounds, or of the long ones a stretch of it, is to one of those heard; 0 for none."""
    best = 0.0
    for other in heard if sounds else ():
        best = max(best, likeliest(sounds, other))
        if long:
            best = max(best, likeliest(long, other, within=True) - WITHIN)
    return best


def _from_japanese(name: Name, span: str) -> float | None:
    """The score of a Japanese name and a Chinese span."""
    own, other = stem(name.text), stem(span)
    kana = _KANA.search(name.text) is not None
    best = 0.0
    if own and other:
        best = sum(char in other for char in own) / (len(own) if kana else max(len(own), len(other)))
        if not kana and not any(char in other for char in own[:2]):
            best /= 2  # 東邦車輌, 相泽车辆: what they share is the word for their kind
    runs = KATAKANA.findall(name.text)
    parts = {part for run in runs for part in (pieces(run) if name.kind != "person" else [run])}
    best = max(best, _sound(map(kana_sound, parts), span, "zh", name.kind))
    if len(runs) == 1 and "·" in span:
        best = max(best, _by_parts(DOT.split(runs[0]), span.split("·")))
    if best >= ALIKE[name.kind]:
        return best
    if any(is_common_noun(run) for run in runs) or (kana and not runs and len(own) < 2):
        return None
    if name.kind != "other" or _is_of_a_japanese_place(name.text, span):
        return best
    if _HAN_AND_KANA.fullmatch(name.text) and not any(char in other for char in own):
        return best  # the Han of a Japanese name is kept: 梶原ともえ is 梶原友惠
    return None  # translated, or called by another word that shares a character: 最高裁, 最高法院


def _is_of_a_japanese_place(name: str, span: str) -> bool:
    """Is the Chinese span a university, station … of a Japanese name that the name's own kana or Latin letters cannot be?"""
    kind, proper = _INSTITUTION.search(span), stem(span)
    found = name_readings(proper, ("地名", "姓")) if kind is not None and len(proper) > 1 else frozenset()
    keys = {kana_key(run) for run in KATAKANA.findall(name)} | {latin_key(word) for word in latin_words(name)}
    return bool(found) and not any(key in word or word in key for key in found for word in keys if len(word) > 2)


def _by_parts(words: list[str], parts: list[str]) -> float:
    """How like the katakana words the parts are, one by one; a Japanese name is read: ミヤシロ, 宫城."""
    if len(words) != len(parts):
        return 0.0
    fits = [
        1.0 if is_read(part, [word], ("ja", "zh")) else likeness("".join(han_sounds(part)), kana_sound(word))
        for word, part in zip(words, parts, strict=True)
    ]
    return sum(fits) / len(fits)


def _from_english(name: Name, span: str, lang: str, elsewhere: bool) -> float | None:
    """The score of an English name and a Chinese or Japanese span."""
    words = [word for word in latin_words(name.text) if word[:1].isupper()]
    if not words:
        return None
    if is_vietnamese(name.text):
        return None
    if surname := korean_surname(name.text):
        written = fold_han(span)
        return (
            1.0
            if KATAKANA.search(span) or any(written.startswith(han) for han in KOREAN if surname in KOREAN[han].split())
            else 0.0
        )
    pinyin = is_pinyin(" ".join(words))
    spelt = [word for word in words if by_pinyin(word, span)]
    if spelt and (pinyin or name.kind != "person"):
        return len(spelt) / len(words) if name.kind == "person" else 1.0
    runs = _JAPANESE.findall(in_japanese(span) if lang == "zh" else span)
    read = [
        word for word in words if len(word) > 2 and any(reads_as(run, latin_key(word), whole=False) for run in runs)
    ]
    if read:
        return max(0.5, len(read) / len(words)) if name.kind == "person" else 1.0
    sounds = {sound for part in _parts(name, words) for sound in latin_sounds(part)}
    best = _sound(sounds, span, lang, name.kind)
    if best >= ALIKE[name.kind]:
        return best
    if name.kind != "person" and len(words) > 1 and all(commonness(word.lower()) >= COMMON for word in words):
        return None  # South Island
    romaji = any(ROMAJI.fullmatch(letters(word)) for word in words)
    if not KATAKANA.search(span) and (elsewhere or (lang == "ja" and not romaji and not pinyin)):
        other = not elsewhere and _is_of_a_japanese_place(name.text, span)
        return 0.0 if other else None  # of another language that Han writes: Palgong, 八公
    return None if name.kind == "other" and not _is_of_a_japanese_place(name.text, span) else best


def _to_english(name: Name, span: str, elsewhere: bool) -> float | None:
    """The score of a Japanese name and an English span."""
    words = [word for part in latin_words(span) for word in part.split("-") if word[:1].isupper()]
    japanese, person = "".join(_JAPANESE.findall(name.text)), name.kind == "person"
    shortest = 2 if person else 3  # Go Henmi
    read = [word for word in words if len(word) >= shortest and reads_as(japanese, latin_key(word), whole=False)]
    if read or any(by_pinyin(word, name.text) for word in words):
        return max(0.5, len(read) / len(words)) if person else 1.0
    keys = [latin_key(span), latin_key("".join(reversed(words)))]
    if any(reads_as(japanese, key, whole=True, budget=1) for key in keys if 2 < len(key) < 20):
        return 1.0
    if is_korean_in_han(name.text) and korean_surname(span):
        return 1.0
    runs = KATAKANA.findall(name.text)
    parts = {part for run in runs for part in (pieces(run) if not person else [run])}
    sounds = {sound for part in _parts(Name(span, name.kind), words) for sound in latin_sounds(part)}
    best = 0.0
    for part in parts:
        heard = kana_sound(part)
        for sound in sounds:
            best = max(best, likeness(heard, sound))
            if not person and min(len(heard), len(sound)) > 4:
                best = max(best, likeness(heard, sound, within=True) - WITHIN)
    if best >= ALIKE[name.kind] or person:
        return best
    translated = all(commonness(word.lower()) >= COMMON for word in words)  # West Lake
    told = name.kind == "place" and not translated and not (elsewhere and not runs)
    return best if told and not any(map(is_common_noun, runs)) else None


def _parts(name: Name, words: list[str]) -> list[str]:
    return [" ".join(words), *(words if name.kind != "person" else [])]


@lru_cache(maxsize=1 << 15)
def score(name: Name, span: Name, direction: tuple[str, str], elsewhere: bool = False) -> float | None:
    """0 to 1: how surely the span is the name's translation; None if neither sound nor reading tells.

    Args:
        elsewhere: the source speaks of a country whose names Han writes and nothing here reads so.
    """
    name, span = (Name(QUOTES.sub("", text), kind) for text, kind in (name, span))
    apart = 0.0 if name.kind == span.kind else OTHER_KIND if name.kind and span.kind else NO_KIND
    latin = {word.lower() for word in latin_words(span.text) if len(word) > 1}
    if exonym(name.text, span.text, direction) or any(word.lower() in latin for word in latin_words(name.text)):
        return 1.0 - apart
    if direction[1] == "en":
        found = _to_english(name, span.text, elsewhere)
    elif direction[0] == "ja":
        found = _from_japanese(name, span.text)
    else:
        found = _from_english(name, span.text, direction[1], elsewhere)
    back = direction[1], direction[0]
    known = called_otherwise(name.text, span.text, direction) or called_otherwise(span.text, name.text, back)
    if known and (found is None or found < KNOWN):
        return 0.0  # Niger is not バルセロナ, however it sounds
    if found is None:
        return None if name.kind == span.kind else 0.0
    return max(0.0, found - apart)


def _dotted(span: Name) -> bool:
    return span.kind == "person" and ("·" in span.text or "・" in span.text)


def _alike(name: Name, span: Name) -> float:
    return LONG if _dotted(span) else ALIKE[name.kind]


def _far(name: Name, span: Name) -> float:
    return LONG if _dotted(span) and name.kind == "person" else FAR


def match(source: Record, target: Record) -> Match:
    """Each name of the source with the span of the target that can be its translation; the whole scores as much as may be."""
    direction = source["lang"], target["lang"]
    home = subset(source["subset"]).source_lang
    ours, theirs = spans_of(source, home), spans_of(target, home)
    elsewhere = (may_be_read_otherwise if direction[1] == "en" else speaks_of_korea)(source["text"])
    table = [[score(name, span, direction, elsewhere) for span in theirs] for name in ours]
    result, left, right = Match([], [], [], [], []), set(range(len(ours))), set(range(len(theirs)))
    if ours and theirs:
        values = np.array(
            [
                [
                    UNTOLD if value is None else value * (value >= _alike(name, span))
                    for span, value in zip(theirs, row, strict=True)
                ]
                for name, row in zip(ours, table, strict=True)
            ]
        )
        for n, k in zip(*linear_sum_assignment(values, maximize=True), strict=True):
            value = table[n][k]
            if value is None:
                result.untold.append((ours[n], theirs[k]))
            elif value >= _alike(ours[n], theirs[k]):
                result.pairs.append((ours[n], theirs[k]))
            else:
                continue
            left.discard(n)
            right.discard(k)
    for n in left:
        for k in right:
            value = table[n][k]
            if ours[n].kind == theirs[k].kind != "" and value is not None and value < _far(ours[n], theirs[k]):
                result.strangers.append((ours[n], theirs[k]))
    result.lost.extend(ours[n] for n in sorted(left) if ours[n].kind)
    result.new.extend(theirs[n] for n in sorted(right) if theirs[n].kind)
    return result


def is_read(part: str, words: list[str], direction: tuple[str, str]) -> bool:
    """Is the Han how a Japanese name in kana or Latin letters is written: 宫城 of アルベルト・ミヤシロ?"""
    if not HAN_RUN.fullmatch(part):
        return False
    keys = [kana_key(word) if direction[0] == "ja" else latin_key(word) for word in words]
    return any(reads_as(in_japanese(part), key, whole=True) for key in keys)


def _key(words: tuple[str, ...] | list[str]) -> str:
    return "".join(latin_key(word) for word in words)


def same_in_english(name: Name, text: str) -> bool:
    """Is there Latin for the name in the English text, by reading or by sound?"""
    words = capitalised(text)
    if (kept := latin_kept(name, text)) is not None:
        return kept
    japanese = "".join(_JAPANESE.findall(name.text))
    for run in KATAKANA.findall(name.text):
        for part in {run, *DOT.split(run)} if name.kind != "person" else {run}:
            sound = kana_sound(part)
            if any(likeness(sound, latin_sound(other)) >= ALIKE_ANYWHERE for other in phrases(text)):
                return True
    if not HAN_RUN.search(name.text) and not _HIRAGANA.search(name.text):
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


def strays_in_english(source: Record, target: Record) -> list[str]:
    """Name-like words of the English text that nothing in the source text sounds like."""
    text, found = source["text"], []
    latin = {word.lower() for word in latin_words(text)}
    runs = [(run, part) for run in KATAKANA.findall(text) for part in {run, *DOT.split(run)}]
    japanese = _JAPANESE.findall(text)
    before, known = "", False  # the word before, if it may be part of the same name, and whether the source has it
    for word in latin_words(target["text"], hyphen=True):
        plain = letters(word)
        if not word[0].isupper() or word.lower() in latin or word.isupper() or plain in _NOT_NAMES:
            before, known = "", False
            continue
        romaji, common = bool(ROMAJI.fullmatch(plain)), commonness(word.lower())
        if (
            common >= COMMON
            or (not romaji and (common or is_compound(word.lower())))
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
            or any(likeness(latin_sound(word), kana_sound(run), within=True) >= WITHIN_ANYWHERE for run, _ in runs)
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
