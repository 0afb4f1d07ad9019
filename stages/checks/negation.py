"""A source text without one of its negations, and the evidence of a translation that a model finds likelier after that.

No check of `CHECKS`: a model has to be asked (stages/translation/likelihood.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import regex

from stages.checks.finding import Finding
from stages.checks.tables import table

Rule = tuple[regex.Pattern[str], str | None]


@cache
def rules(lang: str) -> tuple[Rule, ...]:
    """The rules of a language, none where the table has none."""
    return tuple(
        (regex.compile(pattern, regex.I if lang == "en" else 0), new)
        for pattern, new in table("negation").get(lang, [])
    )


def without_negation(text: str, lang: str) -> Iterator[tuple[tuple[int, int], str]]:
    """For each negation of a text where it stands, and the text without it, in the order of the text."""
    taken: list[tuple[int, int]] = []
    found = []
    for pattern, new in rules(lang):
        for match in pattern.finditer(text):
            if any(low < match.end() and match.start() < high for low, high in taken):
                continue
            taken.append(match.span())
            if new is not None:
                found.append((match.span(), text[: match.start()] + match.expandf(new) + text[match.end() :]))
    yield from sorted(found)


def evidence(line: Mapping[str, Any] | None) -> list[Finding]:
    """Of a line of data/likelihood: the negations without which the translation is likelier. Its strength is the share by which the
    likelihood falls with the negation there, 1 - p(translation | source) / p(translation | source without it)."""
    return [
        Finding("negation_unlikely", 1 - math.exp(item["margin"]), source=(item["start"], item["end"]))
        for item in (line or {"negations": []})["negations"]
        if item["margin"] < 0
    ]
