"""Is the translation in the language that it says: in its writing system, and within that in its own words?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache

import regex

from stages.checks.finding import Finding, place_of
from stages.checks.latin import COMMON, commonness
from stages.checks.untranslated import parts
from stages.records.record import Record
from stages.records.tasks import languages
from stages.text.language import Language, declared, language, likelihood

OWN = (
    0.5  # share of own letters, below which a text is not of its language; the lowest of 2,100 true references has 0.62
)
UNLIKELY = 0.05  # below it a text is of another language; the lowest of 1,010 true references has 0.66
WORDS = 4  # fewer words tell nothing
# Of the words in lower case, the everyday English ones from which on a text is English, so that no likelihood is asked: 2,520 English
# texts have 0.66 and more, sentences of seven other languages 0.43 and less.
EVERYDAY = 0.6
_WORD = regex.compile(r"[\p{Latin}\p{M}'’]+|[\p{L}--\p{Latin}]+", regex.V1)  # no space parts Han from Latin


@cache
def table_of(code: str) -> Language | None:
    """What a language is written in, by stages/text/languages or by the project's own table of it; None if neither has it."""
    own = languages().get(code, {}).get("script", [])
    return language(code) or (declared(tuple(own)) if own else None)


def wrong_language(source: Record, target: Record) -> Iterator[Finding]:
    """foreign_script: letters of a writing system that is neither the language's nor a usual guest's, and that the source
    does not have. other_language: too few letters of the language's own, or words of another one.

    A language without a table has no such check; `without_table` says so.
    """
    table = table_of(target["lang"])
    if table is None:
        return
    for text in parts(target):
        for match in table.foreign.finditer(text):
            if match[0] not in source["text"]:
                yield Finding("foreign_script", 1.0, None, place_of(match[0], target["text"]), match[0])
                break
    yield from _other(source["text"], target["text"], target["lang"], table)


def _other(source: str, text: str, code: str, table: Language) -> Iterator[Finding]:
    known = set(_WORD.findall(source))
    own = sum(map(len, table.own.findall(text)))
    words = [word for word in _WORD.findall(text) if word not in known]
    letters = own + sum(len(word) for word in words if not table.own.search(word))
    if (letters and own < OWN * letters) or (not letters and len(known) >= WORDS):
        yield Finding("other_language", what=f"{own} of {letters} letters")
    elif table.identify and len(words) >= WORDS and not _is_plain(text, code) and likelihood(text, code) < UNLIKELY:
        yield Finding("other_language", what=f"likelihood {likelihood(text, code):.3f}")


@lru_cache(maxsize=1 << 12)
def _is_plain(text: str, code: str) -> bool:
    """Is a text English by its everyday words alone? Other languages have no such list."""
    words = [word for word in _WORD.findall(text) if word.islower()]
    return code == "en" and sum(commonness(word) >= COMMON for word in words) > EVERYDAY * len(words)
