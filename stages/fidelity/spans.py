"""Spans that are wrong in a right text: wrong offsets, or the phrase of another label."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from stages.core.files import dumps
from stages.fidelity.edits import Choice, Pair, slots, with_span, words
from stages.records.record import Extraction
from stages.records.tasks import task_of

# What may not be taken in by a span: the function words after or before it. What may go without loss: no cut there.
FUNCTION = {
    "en": frozenset(
        [
            "is",
            "was",
            "are",
            "were",
            "has",
            "had",
            "of",
            "in",
            "on",
            "at",
            "to",
            "from",
            "for",
            "by",
            "with",
            "and",
            "or",
            "but",
            "that",
            "which",
            "who",
            "it",
        ]
    ),
    "zh": frozenset("，。、；：的了是在于和与为从被将而但也都就对把向由"),
    "ja": frozenset("、。をがはにでともへやの"),
}
SUFFIX = frozenset("市县省国州町村人者们的等年月日号个名次队省県町村町人氏さん")


def offsets(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """A span that is no longer the phrase: `shift` (start alone), `move` (a window beside it), `cut`, `extend`."""
    text, lang = pair.reference["text"], pair.reference["lang"]
    variants: list[tuple[str, Callable[[str, str, int, str], Iterator[tuple[str, int]]]]] = [
        ("shift", _shift), ("move", _move), ("cut", _cut), ("extend", _extend)
    ]  # fmt: skip
    for n, k in slots(pair.reference):
        span = pair.reference["extractions"][n]["spans"][k]
        if span["start"] is None:
            continue
        for variant, change in rng.sample(variants, len(variants)):
            found = [item for item in change(text, lang, span["start"], span["text"]) if item[0].strip()]
            if found:
                part, start = rng.choice(found)
                yield f"{variant}: {span['text']} -> {part} at {start}", with_span(pair.reference, n, k, part, start)


def _shift(text: str, lang: str, start: int, part: str) -> Iterator[tuple[str, int]]:
    for by in (-2, -1, 1, 2):
        at = start + by
        if 0 <= at <= len(text) and text[at : at + len(part)] != part:
            yield part, at


def _move(text: str, lang: str, start: int, part: str) -> Iterator[tuple[str, int]]:
    for by in (-2, -1, 1, 2):
        at = start + by
        if at >= 0 and at + len(part) <= len(text) and text[at : at + len(part)] not in ("", part):
            yield text[at : at + len(part)], at


def _cut(text: str, lang: str, start: int, part: str) -> Iterator[tuple[str, int]]:
    if lang == "en":
        if len(part) > 3 and part[:2].isalpha() and part[-2:].isalpha():
            yield part[1:], start + 1
            yield part[:-1].rstrip(), start
        return
    if len(part) > 1 and part[0] not in FUNCTION[lang] and not part[0].isdigit():
        yield part[1:], start + 1
    if len(part) > 1 and part[-1] not in SUFFIX and part[-1] not in FUNCTION[lang]:
        yield part[:-1], start


def _extend(text: str, lang: str, start: int, part: str) -> Iterator[tuple[str, int]]:
    end = start + len(part)
    if lang == "en":
        after, before = re.match(r" (\w+)\b", text[end:]), re.search(r"\b(\w+) $", text[:start])
        if after and after[1].lower() in FUNCTION[lang]:
            yield text[start : end + len(after[0])], start
        if before and before[1].lower() in FUNCTION[lang]:
            yield text[start - len(before[0]) : end], start - len(before[0])
        return
    if text[end : end + 1] in FUNCTION[lang]:
        yield text[start : end + 1], start
    if start and text[start - 1] in FUNCTION[lang]:
        yield text[start - 1 : end], start - 1


def label(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """Two phrases of the same text that change places, or a phrase of another view of it in the place of the right one."""
    record = pair.reference
    items, kind = record["extractions"], task_of(record["subset"], record["task"]).kind
    facts = {dumps(_facts(item)) for item in items}
    own = slots(record)
    moves = []
    for place, (n, k) in enumerate(own):
        here = items[n]["spans"][k]
        for m, j in own[place + 1 :]:
            there = items[m]["spans"][j]
            if (n == m and items[n]["label"] in words()["symmetric"]) or (kind == "relation" and k == j):
                continue  # a relation read the other way round is wrong, heads that two relations share are often not
            moves.append((f"{here['text']} <-> {there['text']}", [(n, k, there), (m, j, here)]))
        for view in pair.views:
            for m, j in slots(view) if kind == "span" else []:
                other = view["extractions"][m]["spans"][j]
                if all(_apart(other, items[a]["spans"][b]) for a, b in own):
                    moves.append((f"{here['text']} => {other['text']}", [(n, k, other)]))
    for what, changes in rng.sample(moves, len(moves)):
        result = record
        for n, k, span in changes:
            if span["start"] is not None:
                result = with_span(result, n, k, span["text"], span["start"])
        if any(dumps(_facts(item)) not in facts for item in result["extractions"]):
            yield what, result


def _apart(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return bool(
        left["start"] + len(left["text"]) <= right["start"] or right["start"] + len(right["text"]) <= left["start"]
    )


def _facts(item: Extraction) -> list[Any]:
    return [item["label"], *([span["text"], span.get("role")] for span in item["spans"])]
