"""Numbers and dates of a translation against its source, compared as values, whatever the script, unit or era.

A value that must be stated (`Value.strong`) has to have a counterpart on the other side; there, any value that can mean
the same will do, an idiom's too. A translation may say once what the source repeats, but each value it states needs one of
its own in the source: 3-1 is not 3-3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from scipy.sparse.csgraph import maximum_bipartite_matching  # type: ignore[import-untyped]

from stages.checks import value_cjk, value_en
from stages.checks.finding import Finding, place_of
from stages.checks.value import TRIVIAL, Value, plain
from stages.records.record import Record

DOZEN = 12
SPELLED = 0.6  # strength of a change where neither number is one that tells by itself
LONE = 0.3  # and of such a number that one side has and the other lacks, with none in its place
REVERSED = 0.5  # a score the other way round: of 2,400 true references two have one, in "lost 3-1", 1-3で敗れた
SCORE = re.compile(r"(?<![\d.,:/―–—-])(\d{1,3})\s?[-‐–—―−:比対对]\s?(\d{1,3})(?![\d.,:/―–—-]?\d)")


@lru_cache(maxsize=1 << 12)
def read(text: str, lang: str) -> tuple[Value, ...]:
    """The values of a text in en, ja or zh."""
    return tuple(value_en.read(text) if lang == "en" else value_cjk.read(text, lang))


def partners(values: Sequence[Value], others: Sequence[Value]) -> set[int]:
    """Which of `values` get a partner of their own among `others`, when as many as possible do."""
    if not values or not others:
        return set()
    free = list(others)
    for value in values:  # where the first that fits will do for each, nothing is left to be assigned
        fitting = next((n for n, other in enumerate(free) if value.matches(other)), None)
        if fitting is None:
            break
        del free[fitting]
    else:
        return set(range(len(values)))
    left, right = list(dict.fromkeys(values)), list(dict.fromkeys(others))  # a table may repeat one number 1,000 times
    alike = np.array([[value.matches(other) for other in right] for value in left])
    rows, columns = ([own.index(item) for item in items] for own, items in ((left, values), (right, others)))
    found = maximum_bipartite_matching(csr_matrix(alike[np.ix_(rows, columns)]), perm_type="column")
    return {index for index, at in enumerate(found) if at >= 0}


def unanswered(values: Sequence[Value], others: Sequence[Value]) -> list[Value]:
    """The strong ones that none of the others matches."""
    return [value for value in values if value.strong and not any(value.matches(other) for other in others)]


def excess(values: Sequence[Value], others: Sequence[Value]) -> list[Value]:
    """The strong ones that are left when each of the others answers for one only; a date may be said twice, as in
    "Showa 29 (1954)"."""
    strong = [value for value in values if value.strong]
    found, new = partners(strong, others), unanswered(strong, others)
    return [value for index, value in enumerate(strong) if value in new or (index not in found and not value.date)]


def _ones(values: Sequence[Value], others: Sequence[Value]) -> list[Value]:
    """0 and 1 in digits that none of the others matches."""
    return [
        value
        for value in values
        if value.keys and value.keys <= TRIVIAL and not value.spelled and not any(map(value.matches, others))
    ]


def telling(value: Value) -> bool:
    """Does a value tell by itself, without another in its place: a date, or a number in digits of more than a dozen?"""
    large = (key for key in value.keys if isinstance(key, tuple) or key > DOZEN or key.denominator > 1)
    return not value.spelled and (value.date or any(large) or (bool(value.measures) and not value.keys))


def numbers(source: Record, target: Record) -> Iterator[Finding]:
    """Numbers and dates that differ.

    number_missing: the source states a value that the target does not. number_added: the reverse. number_changed: both.
    date_changed: both, and a year, month, day or weekday is among them. A number in words, or up to twelve, that only one
    side has ("the two countries", 八公病院, "bilobed") is as often a way of speaking or part of a name: it says less.
    score_reversed: the two numbers of a score or range stand the other way round, as a loser's do in another language.
    """
    before, after = read(source["text"], source["lang"]), read(target["text"], target["lang"])
    missing, added = unanswered(before, after), excess(after, before)
    if bool(missing) != bool(added):  # what a 1 in digits, that nobody asks for, has become
        missing, added = missing or _ones(before, after), added or _ones(after, before)
    clear = any(map(telling, missing)), any(telling(value) and not _glossed(value, target["text"]) for value in added)
    if missing and added:
        dates = any(value.date for value in (*missing, *added))
        strength = 1.0 if any(clear) else SPELLED
        yield _finding("date_changed" if dates else "number_changed", strength, source, target, missing[0], added[0])
    elif missing:
        yield _finding("number_missing", 1.0 if clear[0] else LONE, source, target, missing[0], None)
    elif added:
        yield _finding("number_added", 1.0 if clear[1] else LONE, source, target, None, added[0])
    elif (ours := _scores(source["text"])) and (theirs := _scores(target["text"])):
        for pair in sorted(ours - theirs):
            if pair[::-1] in theirs - ours:
                yield Finding("score_reversed", REVERSED, what=f"{pair[0]}-{pair[1]}")


def _glossed(value: Value, text: str) -> bool:
    """Does a text state the value in parentheses, as a translator's explanation: the Kan'ei era (1624-1644)?"""
    return re.search(rf"[(（][^()（）]*{re.escape(value.said)}[^()（）]*[)）]", text) is not None


def _finding(
    code: str, strength: float, source: Record, target: Record, gone: Value | None, come: Value | None
) -> Finding:
    before = place_of(gone.said, source["text"]) if gone else None
    after = place_of(come.said, target["text"]) if come else None
    said = " / ".join(value.said for value in (gone, come) if value is not None)
    return Finding(code, strength, before, after, said)


def _scores(text: str) -> set[tuple[int, int]]:
    """The pairs of different numbers that a text joins as a score or range."""
    return {(int(one), int(two)) for one, two in SCORE.findall(plain(text)) if int(one) != int(two)}
