"""Which name of a translation is which of its source: scores of pairs, and the best assignment.

A pair is scored by what the languages share: Han folded to one shape, Japanese readings, pinyin, and the sound of a
transliteration. What was translated by its meaning has none of these, and its score is None: it cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import regex
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from stages.checks.english import ROMAJI, commonness, latin_words
from stages.checks.exonyms import called_otherwise, exonym
from stages.checks.kinds import Name, spans_of
from stages.checks.unsupported_names import in_japanese, is_other_surname, name_readings
from stages.records.record import Record
from stages.records.tasks import subset
from stages.text.phonetics import han_sounds, kana_sound, latin_sounds, likeliest, likeness
from stages.text.readings import HAN, fold_han, is_common_noun, kana_key, latin_key, letters, reads_as
from stages.text.sinograms import (
    KOREAN,
    by_pinyin,
    is_korean_in_han,
    is_pinyin,
    is_vietnamese,
    korean_surname,
    may_be_read_otherwise,
    speaks_of_korea,
)
from stages.text.writing_systems import in_charset

# From here on two names sound alike: true pairs seldom fall below it (Gävle, イェヴレ), and 3 to 7 % of chance pairs
# of the same kind reach it.
ALIKE = {"person": 0.38, "place": 0.38, "other": 0.42, "": 0.42}
OTHER_KIND = 0.15  # what a pair of different kinds is worse
NO_KIND = 0.25  # and one of a name with a span that is not known to be one
WITHIN = 0.2  # what a sound inside a longer one is worse
KNOWN = 0.6  # of what the tables call otherwise, which may have another spelling: アディスアベバ
FAR = 0.35  # below it two names have nothing in common; between this and `ALIKE` nobody can tell
LONG = 0.42  # both for a dotted name, which tells more: of 150 true ones none was below 0.45
UNTOLD = 0.2  # what a pair that cannot be told counts as in the assignment: less than any that is alike
PART = 0.34  # of a part of a name and its counterpart
COMMON = 1000  # an English word, to SpellChecker's counts
_KATAKANA = regex.compile(r"\p{Script=Katakana}[\p{Script=Katakana}ー・＝=]+")
_HAN = regex.compile(rf"[{HAN}]+")
_DOT, _DOTS = regex.compile("[・＝=]"), regex.compile("[·・＝=-]")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_HAN_AND_KANA = regex.compile(rf"[{HAN}]{{2,3}}[ぁ-のは-ん]{{2,4}}")
_INSTITUTION = regex.compile(r"(?:大学|[站駅市州川河山岳湖島岛]|机场|空港)$")
_JAPANESE_ALONE = regex.compile(rf"(?=.*[{HAN}])[{HAN}\p{{Hiragana}}\p{{Katakana}}ー]+")
_REPEATED = regex.compile(r"(.)々")
_QUOTES = regex.compile('[「」『』《》“”‘’"]')
_JAPANESE = regex.compile(rf"[{HAN}\p{{Hiragana}}\p{{Katakana}}ー]+")
_AREA = regex.compile(r"(?<=.)[州省市县岛河江湖山镇村区国邦郡街路湾港峡谷]$")
_GENERIC = regex.compile(
    r"(?:^|(?<=..))(?:大学|大學|高校|高中|学校|公司|会社|銀行|银行|病院|医院|博物館|博物馆|美術館|美术馆|図書館|图书馆|協会|协会|学会|空港|机场"
    r"|新聞|政府|市役所|(?<=..)[市県县町村区區州府都道郡国川河江山岳岛島湖海駅站港橋桥城寺社院館馆党部省庁厅局線线])$"
)


class Match(NamedTuple):
    """How the names go together, each used once; `untold`: pairs of which one may be the other's translation."""

    pairs: list[tuple[Name, Name]]
    untold: list[tuple[Name, Name]]
    strangers: list[tuple[Name, Name]]  # of one kind, left over on both sides, and nothing alike
    lost: list[Name]  # of the source
    new: list[Name]  # of the target


def stem(name: str) -> str:
    """The Han of a name, folded, without the word for its kind."""
    return _GENERIC.sub("", fold_han("".join(_HAN.findall(name))))


def pieces(run: str) -> list[str]:
    """A katakana name, and its parts at the dots."""
    return list(dict.fromkeys((run, *_DOT.split(run))))


def _sound(sounds: Iterable[str], span: str, lang: str, kind: str) -> float:
    """How like one of the sounds the span is, or a stretch of it."""
    if lang == "zh":
        heard = ["".join(han_sounds(text)) for text in {span, _AREA.sub("", span)}]
    else:
        heard = [kana_sound(part) for run in _KATAKANA.findall(span) for part in pieces(run)]
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
    runs = _KATAKANA.findall(name.text)
    parts = {part for run in runs for part in (pieces(run) if name.kind != "person" else [run])}
    best = max(best, _sound(map(kana_sound, parts), span, "zh", name.kind))
    if len(runs) == 1 and "·" in span:
        best = max(best, _by_parts(_DOT.split(runs[0]), span.split("·")))
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
    keys = {kana_key(run) for run in _KATAKANA.findall(name)} | {latin_key(word) for word in latin_words(name)}
    return bool(found) and not any(key in word or word in key for key in found for word in keys if len(word) > 2)


def _by_parts(words: list[str], parts: list[str]) -> float:
    """How like the katakana words the parts are, one by one; a Japanese name is read: ミヤシロ, 宫城."""
    if len(words) != len(parts):
        return 0.0
    fits = [
        1.0 if _is_read(part, [word], ("ja", "zh")) else likeness("".join(han_sounds(part)), kana_sound(word))
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
            if _KATAKANA.search(span)
            or any(written.startswith(han) for han in KOREAN if surname in KOREAN[han].split())
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
    if not _KATAKANA.search(span) and (elsewhere or (lang == "ja" and not romaji and not pinyin)):
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
    runs = _KATAKANA.findall(name.text)
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
    name, span = (Name(_QUOTES.sub("", text), kind) for text, kind in (name, span))
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


def other_characters(name: Name, span: Name) -> str | None:
    """The characters of a Japanese person's name in Chinese that are not the source's (三宅一郎 for 三宅一生); None if all are.

    Han of persons' names is kept, in Chinese shapes. A character that no table folds into mainland China's basic set (榊, 薙)
    may have another in its place, and a surname alone may stand for the whole name.
    """
    own, other = (fold_han(_REPEATED.sub(r"\1\1", text)) for text in (name.text, span.text))
    if name.kind != "person" or not all(_HAN.fullmatch(text) and len(text) > 1 for text in (own, other)):
        return None
    if len(own) != len(other):
        return None if other in own or own in other else span.text
    changed = [b for a, b in zip(own, other, strict=True) if a != b and in_charset(a, "gb2312")]
    return "".join(changed) or None


def other_part(name: Name, span: Name, direction: tuple[str, str]) -> str | None:
    """The part of a person's name that is not the source's: characters of a Japanese one in Chinese, of a dotted one (モンテイロ,
    蒙泰罗) the part that sounds like no part of the source's; None if all may be."""
    if direction == ("ja", "zh") and (changed := other_characters(name, span)):
        return changed
    parts = _DOTS.split(_QUOTES.sub("", span.text))
    if (
        name.kind != "person"
        or is_vietnamese(name.text)
        or len(parts) < 2
        or any(not regex.fullmatch(rf"[{HAN}\p{{Katakana}}ー]+", part) for part in parts)
    ):
        return None
    if direction[0] == "en":
        words = _QUOTES.sub("", name.text).split()
        if len(words) != len(parts):
            words = [word for word in regex.split(r"[\s\-–]+", name.text) if word]
    else:
        words = [part for run in _KATAKANA.findall(name.text) for part in regex.split("[・＝=]", run)]
    if len(words) != len(parts):  # 范德默伦 is van der Meulen
        words += [" ".join(words[n : n + size]) for n in range(len(words)) for size in (2, 3, 4)]
    sounds = [latin_sounds(word) if direction[0] == "en" else frozenset({kana_sound(word)}) for word in words]
    for n, part in enumerate(parts):
        heard = "".join(han_sounds(part)) if direction[1] == "zh" else kana_sound(part)
        in_order = len(sounds) == len(parts) and not korean_surname(name.text)  # Dae-jung Ryu, リュ・デジュン
        beside = sounds[n] if in_order else frozenset[str]().union(*sounds)
        fit = max((likeness(heard, sound) for sound in beside), default=0.0)
        if len(heard) > 3 and fit < PART and not _is_read(part, words, direction):
            return part
    return None


def other_word(name: Name, span: Name) -> str | None:
    """The word of an English person's name that is none of the Japanese one's; None if all may be."""
    words = [word for word in latin_words(span.text) if word[:1].isupper() and len(word) > 3]
    parts = [part for run in _KATAKANA.findall(name.text) for part in _DOT.split(run)]
    if parts and _KATAKANA.fullmatch(name.text):
        places = words if len(parts) == len(words) else []
        for part, word in zip(parts, places, strict=False):
            if max(likeness(kana_sound(part), sound) for sound in latin_sounds(word)) < PART:
                return word
    elif _JAPANESE_ALONE.fullmatch(name.text) and not korean_surname(span.text):
        if any(by_pinyin(word, name.text) for word in words) or any("-" in word for word in words):
            return None
        foreign = next((word for word in words if not ROMAJI.fullmatch(letters(word))), None)
        return foreign or _other_half(name.text, latin_words(span.text))
    return None


def _other_half(japanese: str, words: Sequence[str]) -> str | None:
    """Of two words of a name, one of which is read, the other if the dictionary knows the rest of the name and not so."""
    places = [reads_as(japanese, latin_key(word), whole=False) for word in words]
    if len(words) != 2 or sum(place is not None for place in places) != 1:
        return None
    word, (start, end) = next((words[1 - n], place) for n, place in enumerate(places) if place is not None)
    rest = japanese[end:] if start == 0 else japanese[:start] if end == len(japanese) else ""
    if start > 0:  # a surname is left, whose readings the dictionary has not all: 逸見 is Henmi too
        return word if is_other_surname(word, rest) else None
    key = latin_key(word)
    known = name_readings(fold_han(rest)) if _HAN.fullmatch(rest) else {kana_key(rest)} if rest else set()
    if not known or any(_near(key, reading) for reading in known) or reads_as(rest, key, whole=True, budget=1):
        return None
    return word


def _near(left: str, right: str) -> bool:
    """The same reading but for a vowel or a voiced consonant."""
    return left == right or (left[:2] == right[:2] and abs(len(left) - len(right)) < 2 and left[-2:] == right[-2:])


def _is_read(part: str, words: list[str], direction: tuple[str, str]) -> bool:
    """Is the Han how a Japanese name in kana or Latin letters is written: 宫城 of アルベルト・ミヤシロ?"""
    if not _HAN.fullmatch(part):
        return False
    keys = [kana_key(word) if direction[0] == "ja" else latin_key(word) for word in words]
    return any(reads_as(in_japanese(part), key, whole=True) for key in keys)
