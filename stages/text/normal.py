"""One form for texts that differ in their code points alone, with the way back: が in one code point or two, ｶﾞ in half
width, ＡＢＣ１２３ in full width. What is compared is the normalised form; the text itself stays as it is.

Punctuation of full width, exponents, fractions and squared units keep their code points, since they mean something: ！ ends a
Chinese sentence, 5² is no 52.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import regex

_FOLDED = regex.compile(r"[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff61-\uffdc]")  # digits, letters, half-width forms


@dataclass(frozen=True)
class Normal:
    """A normalised text; `starts` has for each of its code points, and for its end, the place in the text it was made from
    (None where nothing changed)."""

    text: str
    starts: tuple[int, ...] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where a stretch of the normalised text stands in the text it was made from."""
        return (start, end) if self.starts is None else (self.starts[start], self.starts[end])

    def find(self, at: int) -> int:
        """The place in the normalised text of a place in the text it was made from; of a middle, what begins after it."""
        if self.starts is None:
            return at
        return next((n for n, start in enumerate(self.starts) if start >= at), len(self.text))


def normalised(text: str) -> Normal:
    """NFC, with letters, digits and half-width forms at their usual width.

    >>> normalised("ｶﾞｷﾞ１").text, normalised("ｶﾞｷﾞ１").place(1, 3)
    ('ガギ1', (2, 5))
    """
    return _normal(text, _FOLDED)


def composed(text: str) -> Normal:
    """NFC and nothing else: what Unicode calls the same text."""
    return _normal(text, None)


def _normal(text: str, folded: regex.Pattern[str] | None) -> Normal:
    if unicodedata.is_normalized("NFC", text) and not (folded and folded.search(text)):
        return Normal(text)
    parts, starts = list[str](), list[int]()
    for match in regex.finditer(r"\X", text):
        part = unicodedata.normalize("NFC", match[0])
        if folded and folded.search(part):
            part = unicodedata.normalize("NFKC", part)
        parts.append(part)
        starts += [match.start()] * len(part)
    return Normal("".join(parts), (*starts, len(text)))
