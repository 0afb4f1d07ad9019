"""How Mandarin reads Han, in pinyin without tones (pypinyin, MIT)."""

from __future__ import annotations

from functools import cache, lru_cache

import regex
from pypinyin import lazy_pinyin
from pypinyin.constants import PHRASES_DICT
from pypinyin.seg.mmseg import seg as phrases

_HAN = regex.compile(r"\p{Script=Han}+")


@cache
def _beginnings() -> frozenset[str]:
    return frozenset(phrase[:2] for phrase in PHRASES_DICT)


@cache
def alone(phrase: str) -> tuple[str, ...]:
    """The syllables of a character or phrase of pypinyin's by itself; none for what Mandarin does not read."""
    return tuple(lazy_pinyin(phrase, errors="ignore"))


@lru_cache(maxsize=1 << 15)
def _of_run(run: str) -> tuple[str, ...]:
    """Of Han alone. Where no phrase begins each character is read by itself, which pypinyin takes ten times as long to see."""
    begins = any(one + two in _beginnings() for one, two in zip(run, run[1:], strict=False))
    return tuple(syllable for phrase in (phrases.cut(run) if begins else run) for syllable in alone(phrase))


def pinyin(text: str) -> tuple[str, ...]:
    """The syllables of the Han of a text; other characters, and Han that Mandarin does not read, are passed over."""
    return tuple(syllable for run in _HAN.findall(text) for syllable in _of_run(run))
