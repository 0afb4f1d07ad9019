"""What a language is written in, by its own table in `languages/`, and whether a short text is of it.

A new language is a new file there. Within a script, py3langid (BSD, 4.6 MB, 140 languages) tells languages apart: of 1,010 English
texts of data/fidelity and the sample none was below 0.4 for English; French, German, Spanish, Portuguese and romanised
Japanese of five words are below 0.02.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import regex
from py3langid import langid  # type: ignore[import-untyped]

from stages.core.config import parse_yaml

FOLDER = Path(__file__).with_name("languages")
_LOWER = r"[\p{Latin}--\p{Lu}]"


class Language(NamedTuple):
    """The patterns of a run of a language's own letters, and of those that are neither its own nor its guests'."""

    own: regex.Pattern[str]
    foreign: regex.Pattern[str]
    identify: bool


@cache
def language(code: str) -> Language | None:
    """The table of a language; None if it has none."""
    path = FOLDER / f"{code}.yaml"
    if not path.is_file():
        return None
    table = parse_yaml(path.read_text(encoding="utf-8"), path.name)
    return declared(tuple(table["scripts"]), tuple(table["guests"]), tuple(table["symbols"]), table["identify"])


def declared(
    scripts: tuple[str, ...],
    guests: tuple[str, ...] = ("Latin",),
    symbols: tuple[str, ...] = ("Greek",),
    identify: bool = False,
) -> Language:
    """A language of which only the scripts are known: Latin may stand in it, and Greek as symbols."""
    own, others, letters = ("".join(rf"\p{{Script={name}}}" for name in names) for names in (scripts, guests, symbols))
    foreign = [rf"[\p{{L}}--[{own}{others}{letters}\p{{Script=Common}}\p{{Script=Inherited}}]]+"]
    if letters:
        foreign.append(rf"[{letters}]{{3,}}")
    if "Latin" in guests:  # a guest's names may be Vietnamese, but no words in lower case
        foreign.append(
            rf"(?<!\p{{Latin}}){_LOWER}*[\p{{InLatin_Extended_Additional}}--\p{{Lu}}]{_LOWER}*(?!\p{{Latin}})"
        )
    return Language(regex.compile(rf"[{own}]+"), regex.compile("|".join(foreign), regex.V1), identify)


_WORD = regex.compile(r"[\p{L}\p{M}'’]+")


@cache
def _identifier() -> langid.LanguageIdentifier:
    return langid.LanguageIdentifier.from_model_file("data/model.npz.xz", norm_probs=True)


@lru_cache(maxsize=1 << 12)
def likelihood(text: str, code: str) -> float:
    """0 to 1: how likely a text is of a language, by the words of it that are no names; 1 for a language it does not know."""
    words = " ".join(word for word in _WORD.findall(text) if word.islower()) or text
    return float(dict(_identifier().rank(words)).get(code, 1.0))
