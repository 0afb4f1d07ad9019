"""How surely a span of a translation is a name's counterpart: by what the languages share, and by sound.

A pair is scored by Han folded to one shape, Japanese readings, pinyin, and the sound of a transliteration. What was translated
by its meaning has none of these, and its score is None: it cannot be told. To compare sounds is dear one by one, so a score is a
generator that asks for its sounds at most once, and those of a whole table (`scores`) are compared together. All thresholds are in
`tables/names.yaml`.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import lru_cache
from typing import NamedTuple

import regex

from stages.checks.exonyms import called_otherwise, exonym, holds_listed, is_listed
from stages.checks.kinds import Name
from stages.checks.latin import COMMON, ROMAJI, commonness, latin_words
from stages.checks.sinograms import (
    KOREAN,
    cuts_of,
    is_korean_in_han,
    is_pinyin,
    is_spelt,
    is_vietnamese,
    korean_surname,
)
from stages.checks.tables import table
from stages.checks.unsupported_names import in_japanese, name_readings
from stages.text.lexicon import HAN
from stages.text.phonetics import Likeness, han_sounds, kana_sound, latin_sounds, likenesses
from stages.text.readings import fold_han, is_common_noun, reads_as
from stages.text.spelling import kana_key, latin_key, letters, unlike_kana

_TABLE = table("names")  # which says what each of these is, and the measurement that set it
ALIKE: dict[str, float] = _TABLE["alike"]
OTHER_KIND, NO_KIND = _TABLE["other_kind"], _TABLE["no_kind"]
WITHIN, KNOWN = float(_TABLE["within"]), float(_TABLE["known"])
KATAKANA = regex.compile(r"\p{Script=Katakana}[\p{Script=Katakana}ー・＝=]+")
HAN_RUN = regex.compile(rf"[{HAN}]+")
DOT = regex.compile("[・＝=]")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_HAN_AND_KANA = regex.compile(rf"[{HAN}]{{2,3}}[ぁ-のは-ん]{{2,4}}")
QUOTES = regex.compile('[「」『』《》“”‘’"]')
JAPANESE = regex.compile(rf"[{HAN}\p{{Hiragana}}\p{{Katakana}}ー]+")
_LISTS = {name: "|".join(_TABLE["of_a_kind"][name]) for name in ("words", "characters")}
_GENERIC = regex.compile(rf"(?:^|(?<=..))(?:{_LISTS['words']}|(?<=..)[{_LISTS['characters'].replace('|', '')}])$")
_AREA = regex.compile(rf"(?<=.)[{_TABLE['areas']}]$")
_INSTITUTION = regex.compile(rf"(?:{'|'.join(_TABLE['institutions'])})$")
AT_ONCE = 1 << 12  # pairs of sounds to be compared, from which on a table is not waited for
Direction = tuple[str, str]  # languages of the source and of the target
Asked = list[tuple[str, str]]  # sounds to be compared
Scoring = Generator[Asked, list[Likeness], float | None]


@lru_cache(maxsize=1 << 14)
def stem(name: str) -> str:
    """The Han of a name, folded, without the word for its kind."""
    return _GENERIC.sub("", fold_han("".join(HAN_RUN.findall(name))))


def pieces(run: str) -> list[str]:
    """A katakana name, and its parts at the dots."""
    return list(dict.fromkeys((run, *DOT.split(run))))


@lru_cache(maxsize=1 << 14)
def _japanese_sounds(name: str, kind: str) -> tuple[str, ...]:
    """How the katakana of a name sounds; of no person's also its parts."""
    parts = {part for run in KATAKANA.findall(name) for part in (pieces(run) if kind != "person" else [run])}
    return tuple(sorted({kana_sound(part) for part in parts}))


@lru_cache(maxsize=1 << 14)
def _latin_sounds(words: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """How the words of a Latin name may sound together; of no person's also each."""
    parts = (" ".join(words), *(words if kind != "person" else ()))
    return tuple(sorted({sound for part in parts for sound in latin_sounds(part)}))


@lru_cache(maxsize=1 << 14)
def _heard(span: str, lang: str) -> tuple[str, ...]:
    """How a Chinese span, or the katakana of a Japanese one, sounds."""
    if lang == "zh":
        return tuple("".join(han_sounds(text)) for text in {span, _AREA.sub("", span)})
    return tuple(kana_sound(part) for run in KATAKANA.findall(span) for part in pieces(run))


def _likest(asked: Asked, found: list[Likeness], long: int) -> float:
    """The best likeness of what was asked for, 0 for none; sounds of more than `long` phonemes may stand inside the other."""
    best = 0.0
    for (sound, _), (whole, within) in zip(asked, found, strict=True):
        if whole > best:
            best = whole
        if within - WITHIN > best and len(sound) > long:
            best = within - WITHIN
    return best


def _long(kind: str) -> int:
    return 6 if kind == "person" else 4


def _from_japanese(name: Name, span: str) -> Scoring:
    """The score of a Japanese name and a Chinese span."""
    own, other = stem(name.text), stem(span)
    kana = _KANA.search(name.text) is not None
    best = 0.0
    if own and other:
        best = sum(char in other for char in own) / (len(own) if kana else max(len(own), len(other)))
        if not kana and not any(char in other for char in own[:2]):
            best /= 2  # 東邦車輌, 相泽车辆: what they share is the word for their kind
    runs: list[str] = KATAKANA.findall(name.text) if kana else []
    if runs and best < 1:
        asked = [(sound, heard) for heard in _heard(span, "zh") for sound in _japanese_sounds(name.text, name.kind)]
        dotted = list[tuple[str, str]]()
        if len(runs) == 1 and "·" in span:
            dotted = (
                list(zip(DOT.split(runs[0]), parts, strict=True))
                if len(parts := span.split("·")) == len(DOT.split(runs[0]))
                else []
            )
        found = yield [*asked, *(("".join(han_sounds(part)), kana_sound(word)) for word, part in dotted)]
        best = max(best, _likest(asked, found[: len(asked)], _long(name.kind)))
        if dotted:  # a Japanese name is read: ミヤシロ, 宫城
            fits = [
                1.0 if is_read(part, [word], ("ja", "zh")) else whole
                for (word, part), (whole, _) in zip(dotted, found[len(asked) :], strict=True)
            ]
            best = max(best, sum(fits) / len(fits))
    if best >= ALIKE[name.kind]:
        return best
    if any(map(is_common_noun, runs)) or (kana and not runs and len(own) < 2):
        return None
    if name.kind != "other" or _is_of_a_japanese_place(name.text, span):
        return best
    if _HAN_AND_KANA.fullmatch(name.text) and not any(char in other for char in own):
        return best  # the Han of a Japanese name is kept: 梶原ともえ is 梶原友惠
    return None  # translated, or called by another word that shares a character: 最高裁, 最高法院


@lru_cache(maxsize=1 << 13)
def _place_readings(span: str) -> frozenset[str]:
    """What the Japanese place or surname of a Chinese university, station … is read as."""
    proper = stem(span)
    return name_readings(proper, ("地名", "姓")) if len(proper) > 1 and _INSTITUTION.search(span) else frozenset()


def _is_of_a_japanese_place(name: str, span: str) -> bool:
    """Is the Chinese span a university, station … of a Japanese name that the name's own kana or Latin letters cannot be?"""
    found = _place_readings(span)
    if not found:
        return False
    keys = {kana_key(run) for run in KATAKANA.findall(name)} | {latin_key(word) for word in latin_words(name)}
    return not any(key in word or word in key for key in found for word in keys if len(word) > 2)


class _English(NamedTuple):
    """What is asked of an English name beside each span."""

    words: tuple[str, ...]  # with a capital
    vietnamese: bool
    korean: str | None  # surname
    pinyin: bool
    keys: tuple[str, ...]  # of the words of more than two letters that can be read in Japanese
    cuts: tuple[tuple[str, ...], ...]  # into syllables, of the words that are pinyin
    common: bool  # everyday words alone
    romaji: bool  # some word may be Japanese


@lru_cache(maxsize=1 << 14)
def _english(name: str) -> _English:
    words = tuple(word for word in latin_words(name) if word[:1].isupper())
    return _English(
        words,
        is_vietnamese(name),
        korean_surname(name),
        is_pinyin(" ".join(words)),
        tuple(key for word in words if len(word) > 2 and not unlike_kana(key := latin_key(word))),
        tuple(cuts for word in words if (cuts := cuts_of(word))),
        all(commonness(word.lower()) >= COMMON for word in words),
        any(ROMAJI.fullmatch(letters(word)) for word in words),
    )


@lru_cache(maxsize=1 << 14)
def _runs(span: str, lang: str) -> tuple[str, ...]:
    """The stretches of a Chinese or Japanese span that Japanese can read."""
    return tuple(JAPANESE.findall(in_japanese(span) if lang == "zh" else span))


def _from_english(name: Name, span: str, lang: str, elsewhere: bool) -> Scoring:
    """The score of an English name and a Chinese or Japanese span."""
    own = _english(name.text)
    if not own.words or own.vietnamese:
        return None
    if own.korean:
        written = fold_han(span)
        korean = any(written.startswith(han) for han in KOREAN if own.korean in KOREAN[han].split())
        return 1.0 if korean or KATAKANA.search(span) else 0.0
    if own.pinyin or name.kind != "person":
        spelt = sum(is_spelt(cuts, span) for cuts in own.cuts)
        if spelt:
            return spelt / len(own.words) if name.kind == "person" else 1.0
    runs = _runs(span, lang)
    read = sum(any(reads_as(run, key, whole=False) for run in runs) for key in own.keys)
    if read:
        return max(0.5, read / len(own.words)) if name.kind == "person" else 1.0
    best = 0.0
    if heard := _heard(span, lang):
        asked = [(sound, other) for other in heard for sound in _latin_sounds(own.words, name.kind)]
        best = _likest(asked, (yield asked), _long(name.kind))
    if best >= ALIKE[name.kind]:
        return best
    if name.kind != "person" and len(own.words) > 1 and own.common:
        return None  # South Island
    if not KATAKANA.search(span) and (elsewhere or (lang == "ja" and not own.romaji and not own.pinyin)):
        other = not elsewhere and _is_of_a_japanese_place(name.text, span)
        return 0.0 if other else None  # of another language that Han writes: Palgong, 八公
    return None if name.kind == "other" and not _is_of_a_japanese_place(name.text, span) else best


class _Span(NamedTuple):
    """What is asked of an English span beside each Japanese name."""

    words: tuple[str, ...]  # with a capital, hyphened ones apart
    read: tuple[tuple[int, str], ...]  # letters and key of the words that can be read in Japanese
    cuts: tuple[tuple[str, ...], ...]  # into syllables, of the words that are pinyin
    whole: tuple[str, ...]  # keys of the span, and of its words the other way round, that may be read but for one edit
    korean: str | None
    translated: bool  # everyday words alone: West Lake


@lru_cache(maxsize=1 << 14)
def _span(text: str) -> _Span:
    words = tuple(word for part in latin_words(text) for word in part.split("-") if word[:1].isupper())
    whole = (latin_key(text), latin_key("".join(reversed(words))))
    return _Span(
        words,
        tuple((len(word), key) for word in words if not unlike_kana(key := latin_key(word))),
        tuple(cuts for word in words if (cuts := cuts_of(word))),
        tuple(key for key in dict.fromkeys(whole) if 2 < len(key) < 20 and unlike_kana(key) < 2),
        korean_surname(text),
        all(commonness(word.lower()) >= COMMON for word in words),
    )


def _to_english(name: Name, span: str, elsewhere: bool) -> Scoring:
    """The score of a Japanese name and an English span."""
    other, person = _span(span), name.kind == "person"
    japanese = "".join(JAPANESE.findall(name.text))
    shortest = 2 if person else 3  # Go Henmi
    read = sum(size >= shortest and reads_as(japanese, key, whole=False) is not None for size, key in other.read)
    if read or any(is_spelt(cuts, name.text) for cuts in other.cuts):
        return max(0.5, read / len(other.words)) if person else 1.0
    if any(reads_as(japanese, key, whole=True, budget=1) for key in other.whole):
        return 1.0
    if other.korean and is_korean_in_han(name.text):
        return 1.0
    best, runs = 0.0, KATAKANA.findall(name.text)
    if runs:
        sounds = _latin_sounds(other.words, name.kind)
        asked = [(heard, sound) for heard in _japanese_sounds(name.text, name.kind) for sound in sounds]
        for (heard, sound), (whole, within) in zip(asked, (yield asked), strict=True):
            if whole > best:
                best = whole
            if within - WITHIN > best and not person and min(len(heard), len(sound)) > 4:
                best = within - WITHIN
    if best >= ALIKE[name.kind] or person:
        return best
    told = name.kind == "place" and not other.translated and not (elsewhere and not runs)
    return best if told and not any(map(is_common_noun, runs)) else None


class _Known(NamedTuple):
    """What is asked of a name or span beside every other, in its own language."""

    latin: frozenset[str]  # its words in Latin letters, of more than one
    part: bool  # a name that holds one of the tables of exonyms
    whole: bool  # it is one


@lru_cache(maxsize=1 << 14)
def _known(text: str, lang: str, name: bool) -> _Known:
    latin = frozenset(word.lower() for word in latin_words(text) if len(word.lower()) > 1)
    return _Known(latin, name and holds_listed(text, lang), is_listed(text, lang))


def _score(name: Name, span: Name, direction: Direction, elsewhere: bool) -> Scoring:
    apart = 0.0 if name.kind == span.kind else OTHER_KIND if name.kind and span.kind else NO_KIND
    own, other = _known(name.text, direction[0], True), _known(span.text, direction[1], False)
    if not own.latin.isdisjoint(other.latin) or (own.part and exonym(name.text, span.text, direction)):
        return 1.0 - apart
    if direction[1] == "en":
        found = yield from _to_english(name, span.text, elsewhere)
    elif direction[0] == "ja":
        found = yield from _from_japanese(name, span.text)
    else:
        found = yield from _from_english(name, span.text, direction[1], elsewhere)
    if (found is None or found < KNOWN) and (
        (own.whole and called_otherwise(name.text, span.text, direction))
        or (other.whole and called_otherwise(span.text, name.text, (direction[1], direction[0])))
    ):
        return 0.0  # Niger is not バルセロナ, however it sounds
    if found is None:
        return None if name.kind == span.kind else 0.0
    return max(0.0, found - apart)


@lru_cache(maxsize=1 << 12)
def scores(
    names: tuple[Name, ...], spans: tuple[Name, ...], direction: Direction, elsewhere: bool = False
) -> list[list[float | None]]:
    """0 to 1, by name and span: how surely the span is the name's translation; None if neither sound nor reading tells.

    Args:
        elsewhere: the source speaks of a country whose names Han writes and nothing here reads so.
    """
    plain_names, plain_spans = ([Name(QUOTES.sub("", text), kind) for text, kind in own] for own in (names, spans))
    result: list[list[float | None]] = [[None] * len(spans) for _ in names]
    waiting, asked = list[tuple[Scoring, int, int, int]](), Asked()

    def told() -> None:
        found, at = likenesses(asked), 0
        for scoring, n, k, size in waiting:
            try:
                scoring.send(found[at : at + size])
            except StopIteration as end:
                result[n][k] = end.value
            at += size
        waiting.clear()
        asked.clear()

    for n, name in enumerate(plain_names):
        for k, span in enumerate(plain_spans):
            scoring = _score(name, span, direction, elsewhere)
            try:
                own = next(scoring)
            except StopIteration as end:
                result[n][k] = end.value
            else:
                waiting.append((scoring, n, k, len(own)))
                asked += own
        if len(asked) > AT_ONCE:
            told()
    told()
    return result


def score(name: Name, span: Name, direction: Direction, elsewhere: bool = False) -> float | None:
    """The score of one pair alone."""
    return scores((name,), (span,), direction, elsewhere)[0][0]


def is_read(part: str, words: list[str], direction: Direction) -> bool:
    """Is the Han how a Japanese name in kana or Latin letters is written: 宫城 of アルベルト・ミヤシロ?"""
    if not HAN_RUN.fullmatch(part):
        return False
    keys = [kana_key(word) if direction[0] == "ja" else latin_key(word) for word in words]
    return any(reads_as(in_japanese(part), key, whole=True) for key in keys)
