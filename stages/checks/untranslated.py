"""What is left of the source language in a translation, beyond the paper's rule (`untranslated` in stages/translation/filter.py).

Characters are told apart by script property and by what they should have become, not by Unicode block or GB2312 alone:
镕 and 堃 are simplified Chinese that GB2312 lacks, 浜 and 芸 are in GB2312 and yet Japanese where the source has them.
Word lists: `tables/untranslated.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import regex

from stages.checks.finding import Finding, place_of
from stages.checks.latin import COMMON, commonness
from stages.checks.tables import table
from stages.records.record import Record
from stages.text.writing_systems import HAN, JAPANESE, KANA, chinese_shape, in_charset, simplified

RUN = regex.compile(r"\p{Script=Han}{2,}")
LATIN_WORD = regex.compile(r"(?<![\p{Latin}\p{N}@./_`<-])\p{Latin}[\p{Latin}'’]*(?![\p{Latin}\p{N}@/_`>-])")

HALF = regex.compile(r"(?<=[\p{Script=Han}\p{Katakana}\p{Hiragana}ー])[a-z]{3,}(?![A-Za-z])")


class Words(NamedTuple):
    """The lists of the table."""

    shared: tuple[str, ...]
    lone: frozenset[str]
    kept_latin: frozenset[str]
    known: int


@cache
def words() -> Words:
    """The lists of `tables/untranslated.yaml`, which has what each is."""
    own = table("untranslated")
    shared = tuple(word for line in own["shared_words"].values() for word in line.split())
    kept = frozenset(word for line in own["kept_latin"] for word in line.split())
    return Words(shared, frozenset(own["lone"]), kept, own["known"])


def span_texts(record: Record) -> set[str]:
    return {span["text"] for item in record["extractions"] for span in item["spans"]}


def parts(record: Record) -> list[str]:
    """The text and the spans that are not in it."""
    return [record["text"], *sorted(span for span in span_texts(record) if span not in record["text"])]


def copied_shared(text: str, source: str) -> str | None:
    """A pair of characters copied from the source of which one is Japanese there and should have changed: 白浜."""
    for run in RUN.findall(text):
        for pair in (run[start : start + 2] for start in range(len(run) - 1)):
            if any(chinese_shape(character) == "shared" for character in pair) and pair in source:
                return str(pair)
    return None


def stands_free(word: str, record: Record) -> bool:
    """Whether a record has a word elsewhere than inside a longer span: the firm 大鹰映画 keeps its name in Chinese."""
    spans = sorted((span for span in span_texts(record) if word in span and span != word), key=len, reverse=True)
    texts = [part for part in parts(record) if part not in spans]
    for span in spans:
        texts = [text.replace(span, "\n") for text in texts]
    return any(word in text for text in texts)


def in_chinese(source: Record, target: Record) -> Iterator[tuple[str, str]]:
    """(code, what is left) of Japanese in a Chinese text."""
    texts = parts(target)
    if kana := _first(KANA, texts):
        yield "kana_left", kana
    han = dict.fromkeys(character for text in texts for character in HAN.findall(text))
    if left := next((character for character in han if chinese_shape(character) == "japanese"), None):
        yield "japanese_shape", left
    if source["lang"] == "ja":
        if any(chinese_shape(character) == "shared" for character in han) and (
            pair := next((pair for text in texts if (pair := copied_shared(text, source["text"]))), None)
        ):
            yield "copied_shape", pair
        kept = words().lone.intersection(span_texts(source), span_texts(target))
        shared = (word for word in words().shared if word in source["text"] and word in target["text"])
        if word := next(iter(sorted(kept)), None) or next((w for w in shared if stands_free(w, target)), None):
            yield "shared_word", word


def _first(pattern: regex.Pattern[str], texts: Sequence[str]) -> str | None:
    return next((match[0] for text in texts if (match := pattern.search(text))), None)


def english_left(text: str, source: Record) -> str | None:
    """A lowercase Latin word in a Chinese or Japanese text: brought in where a Japanese source has none, or an English word
    copied from an English source.

    Names have capitals, units are known; commands, nicknames and species, which no list of English words has, may stay. A
    rarer English word counts in a phrase or where the source has it in a span, since a command may be called by one.
    """
    there = {match[0] for match in LATIN_WORD.finditer(source["text"])}
    lower = dict.fromkeys(match[0] for match in LATIN_WORD.finditer(text) if match[0].islower() and len(match[0]) > 2)
    found = [word for word in lower if word not in words().kept_latin]
    if source["lang"] != "en":
        return next((word for word in found if word not in there), None)
    if half := half_word(text, source["text"]):
        return half
    phrases = regex.findall(r"[a-z'’]{2,}(?: [a-z'’]{2,})+", text) if found else []
    spans = {part for span in span_texts(source) for part in span.split()}
    for word in found:
        usual = words().known if word in spans or any(word in phrase for phrase in phrases) else COMMON
        if word in there and commonness(word) >= usual:
            return word
    return None


def half_word(text: str, source: str) -> str | None:
    """The end of a word of the source behind Han or kana, the rest of which was translated or lost: アミoxicillin, 现在ruz."""
    for match in HALF.finditer(text):
        if not regex.search(rf"(?<!\p{{Latin}}){match[0]}", source) and regex.search(rf"\p{{Latin}}{match[0]}", source):
            return str(match[0])
    return None


@cache
def simplified_shapes() -> frozenset[str]:
    return frozenset(simplified().values())


@cache
def simplified_only(character: str) -> bool:
    """Whether a character is a simplified shape that Japanese does not have: it is the simplified one of another, and in
    no Japanese set."""
    return not in_charset(character, "euc_jis_2004") and character in simplified_shapes()


def residue(source: Record, target: Record) -> Iterator[Finding]:
    """What is left of the source language in the text or a span.

    en: japanese_left (kana or Han). zh: kana_left; japanese_shape (発, 図, 國: a shape that is no simplified Chinese);
    copied_shape (浜 in 白浜, copied from the source); shared_word (会社, where the source has it). ja: chinese_shape (经,
    which no Japanese text has). zh and ja: english_left.
    """
    for code, what in _left(source, target):
        yield Finding(code, 1.0, place_of(what, source["text"]), place_of(what, target["text"]), what)


def _left(source: Record, target: Record) -> Iterator[tuple[str, str]]:
    texts = parts(target)
    if target["lang"] == "en":
        if japanese := _first(JAPANESE, texts):
            yield "japanese_left", japanese
        return
    if target["lang"] == "zh":
        yield from in_chinese(source, target)
    elif shape := next((char for text in texts for char in HAN.findall(text) if simplified_only(char)), None):
        yield "chinese_shape", shape
    if word := next((word for text in texts if (word := english_left(text, source))), None):
        yield "english_left", word
