"""Tokens for formats that have no offsets: words of spaced scripts, single characters of Han and kana, punctuation marks.

A token never crosses the edge of an annotation, so that every annotation is whole tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import regex

from stages.records.record import Extraction

_TOKEN = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}ー]|[\w\p{M}]+?(?=[\p{Han}\p{Hiragana}\p{Katakana}ー]|[^\w\p{M}]|$)|[^\s]"
)


class Span(NamedTuple):
    """A labelled place, [start, end) in code points or tokens."""

    start: int
    end: int
    label: str


def places(extractions: Iterable[Extraction]) -> list[Span]:
    """The annotations of a task of mentions that have a place, in the order of the text, longer ones first."""
    spans = [(item["label"], item["spans"][0]) for item in extractions]
    found = [Span(s["start"], s["start"] + len(s["text"]), label) for label, s in spans if s["start"] is not None]
    return sorted(set(found), key=lambda span: (span.start, -span.end, span.label))


def flat(spans: Sequence[Span]) -> list[Span]:
    """Those that overlap no longer one, nor an earlier one of the same length."""
    kept = list[Span]()
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)


def tokenise(text: str, spans: Iterable[Span]) -> list[tuple[int, int]]:
    """The place of each token."""
    edges = {edge for span in spans for edge in span[:2]}
    found = list[tuple[int, int]]()
    for match in _TOKEN.finditer(text):
        cuts = [match.start(), *sorted(edge for edge in edges if match.start() < edge < match.end()), match.end()]
        found += zip(cuts, cuts[1:], strict=False)
    # An annotation may hold or end in white space, which no token has; its edges are then those of its tokens.
    return found


def in_tokens(span: Span, tokens: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """(first token, last token) of an annotation, None where it has none."""
    inside = [n for n, (start, end) in enumerate(tokens) if span.start <= start and end <= span.end]
    return (inside[0], inside[-1]) if inside else None
