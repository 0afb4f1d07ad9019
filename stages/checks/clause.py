"""A clause lost: a translation shorter than the characters of its source foretell, or without what its words mean.

Tried beside it and left out, since they caught no more on the sample at the same share of refused references: the number of
clause marks, and the share of numbers, names, Latin words and shared Han that the translation lacks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import regex

from stages.checks.finding import Finding
from stages.checks.words import answered, meaning
from stages.records.record import Record

SHORT, LEAST, MOST = (
    3.0,
    1.0,
    5.0,
)  # deviations below the expected length: strength 0.5 (one true reference in 400), 0, 1
# Code points of a translation for one code point of each class of the source, and the deviation of the natural logarithm:
# least squares on 320 references a pair from Japanese and 226 from English (benchmarks/lengths.py).
CLASSES = {
    "ja": tuple(map(regex.compile, (r"\p{Han}+", r"\p{Hiragana}+", r"[\p{Katakana}ー]+"))),  # and the rest
    "en": (
        regex.compile(r"(?<!\p{L})\p{Ll}[\p{L}'’]*"),
        regex.compile(r"(?<!\p{L})\p{Lu}[\p{L}'’]*"),
    ),  # words without and with a capital, and the rest
}
LENGTH = {
    ("ja", "en"): ((4.17, 2.95, 1.55, 0.48), 0.102),
    ("ja", "zh"): ((0.92, 0.68, 0.58, 0.95), 0.084),
    ("en", "ja"): ((0.32, 0.40, 1.07), 0.135),
    ("en", "zh"): ((0.16, 0.30, 0.95), 0.130),
}
FEW = 25  # code points below which one word more or less is much: the deviation is taken as twice as wide

# The share of a source's content words that have a counterpart in a true translation, by the dictionary of words.py: all
# references of data/fidelity/tuning_*, one a text (benchmarks/lengths.py).
ANSWERED = {("ja", "en"): 0.68, ("ja", "zh"): 0.86, ("en", "ja"): 0.58, ("en", "zh"): 0.59}
FEWER, FEWEST = 1.0, 4.0  # deviations below: strength 0, 1
SPREAD = 1.0  # added to the variance of a binomial: words of a text come together


@lru_cache(maxsize=1 << 12)
def classes(text: str, lang: str) -> tuple[int, ...]:
    """How many code points of a source text are in each class of `CLASSES`, and how many in none."""
    counts = [sum(map(len, pattern.findall(text))) for pattern in CLASSES[lang]]
    return (*counts, len(text) - sum(counts))


def clause_score(source: Record, target: Record) -> float:
    """How many deviations the translation is shorter than expected; negative if longer, 0 for an unmeasured pair."""
    pair, text = (source["lang"], target["lang"]), source["text"]
    if pair not in LENGTH:
        return 0.0
    lengths, deviation = LENGTH[pair]
    expected = sum(length * count for length, count in zip(lengths, classes(text, pair[0]), strict=True))
    shortness = -math.log(max(len(target["text"]), 1) / max(expected, 1)) / deviation
    return shortness / 2 if len(text) < FEW else shortness


def asked(source: Record, target: Record) -> tuple[int, int]:
    """How many content words of the source have a counterpart in the target, and how many lack one; a word with a capital,
    which may be a name, is no lack."""
    found, missing = answered(meaning(source["text"], source["lang"]), meaning(target["text"], target["lang"]))
    return len(found), sum(not word.text[0].isupper() for word in missing)


def words_score(source: Record, target: Record) -> float:
    """How many deviations fewer of the source's content words have a counterpart than in true translations; 0 for an
    unmeasured pair."""
    pair = (source["lang"], target["lang"])
    if pair not in ANSWERED:
        return 0.0
    found, missing = asked(source, target)
    rate, n = ANSWERED[pair], found + missing
    return (rate * n - found) / math.sqrt(n * rate * (1 - rate) + SPREAD)


def clause_lost(source: Record, target: Record) -> Iterator[Finding]:
    """`clause_lost`, the stronger the further below its expected length the translation is; `words_lost`, the fewer of the
    source's words have a counterpart; `extractions_fewer`, by the share of the source's extractions that it lacks."""
    strength = (clause_score(source, target) - LEAST) / (MOST - LEAST)
    if strength > 0:
        yield Finding("clause_lost", min(1.0, strength))
    strength = (words_score(source, target) - FEWER) / (FEWEST - FEWER)
    if strength > 0:
        yield Finding("words_lost", min(1.0, strength))
    here, there = len(source["extractions"]), len(target["extractions"])
    if there < here:
        yield Finding("extractions_fewer", (here - there) / here)
