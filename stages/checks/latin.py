"""Words in Latin letters, as names are compared by them: what a text has with a capital, and what is an everyday English word."""

from __future__ import annotations

from functools import cache, lru_cache

import regex
from spellchecker import SpellChecker

from stages.checks.tables import table

COMMON: int = table("names")["common"]
ROMAJI = regex.compile(r"(?:(?:[kgsztdnhbpmr]y?|[yw]|sh|t?ch|ts|j|f|kk|ss|pp|tt)?[aiueo]|n|m(?=[bpm])|h)+")
_LATIN, _HYPHENED = regex.compile(r"\p{Latin}[\p{Latin}'’.]*"), regex.compile(r"\p{Latin}[\p{Latin}'’.\-]*")
_ENDING, _GENITIVE = regex.compile(r"['’]s$|[.'’\-]+$"), regex.compile(r"['’]s$")
_JOINED = regex.compile(r"\p{Lu}\p{L}+(?:-\p{L}+)+")
_PHRASE, _BETWEEN = regex.compile(r"\p{Lu}[\p{L}'’]*(?:[ \-]\p{L}+)*"), regex.compile(r"[ \-]")


@cache
def _words() -> SpellChecker:
    return SpellChecker(language="en")


@cache
def commonness(word: str) -> int:
    """How often SpellChecker's texts have a word in lower case; names stay below `COMMON`."""
    return int(max(_words().word_frequency[form] for form in (word, word.removesuffix("'s"))))


@cache
def is_compound(word: str) -> bool:
    """Reedbed: two English words."""
    return any(min(commonness(word[:n]), commonness(word[n:])) >= COMMON / 10 for n in range(3, len(word) - 2))


@lru_cache(maxsize=1 << 14)
def latin_words(text: str, *, hyphen: bool = False) -> tuple[str, ...]:
    """The words in Latin letters, without the genitive and marks at their end; `hyphen`: Bae Su-jin is two."""
    return tuple(_ENDING.sub("", word) for word in (_HYPHENED if hyphen else _LATIN).findall(text))


@lru_cache(maxsize=1 << 12)
def capitalised(text: str) -> tuple[str, ...]:
    """Words with a capital, hyphened ones also as one: Enso-ji."""
    words = (word for word in latin_words(text.replace("-", " ")) if word[:1].isupper())
    return (*words, *(word.replace("-", "") for word in _JOINED.findall(text)))


@lru_cache(maxsize=1 << 12)
def phrases(text: str) -> tuple[str, ...]:
    """Neighbouring capitalised words, up to three: what a foreign name can be."""
    result = []
    for phrase in _PHRASE.findall(text):
        parts = [_GENITIVE.sub("", part) for part in _BETWEEN.split(phrase)]
        result += [" ".join(parts[n : n + size]) for n in range(len(parts)) for size in (1, 2, 3)]
    return tuple(sorted(set(result)))
