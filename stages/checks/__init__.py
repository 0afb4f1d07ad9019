"""Checks of a translation against its source, one a file, without weights: each is a function of two records that yields
findings (`finding.py`), and has a switch in the section `checks`. `CHECKS` is the list that the filter runs, on texts in
normalised form (`stages/text/normal.py`). Who changes a check measures it with `dvc repro checks`, and looks at no held-out
text.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal, NamedTuple

from stages.checks.clause import clause_lost
from stages.checks.finding import Finding
from stages.checks.language import table_of, wrong_language
from stages.checks.names import name_changed
from stages.checks.numbers import numbers
from stages.checks.risk import Assessment, assess, model
from stages.checks.shape import RATIO, commentary, cut_off, length, repetition
from stages.checks.spans import span_boundary, span_offset, span_swapped
from stages.checks.untranslated import residue
from stages.core.config import Share
from stages.core.errors import UserError
from stages.records.record import Record
from stages.text.normal import Normal, normalised


@dataclass(frozen=True)
class Checks:
    """Section `checks`: from which risk on a translation is refused or a warning, and one switch for each check of `CHECKS`."""

    refuse: Share
    warn: Share
    warned: Literal["keep", "quarantine"]

    length: bool
    repetition: bool
    cut_off: bool
    commentary: bool
    language: bool
    residue: bool
    numbers: bool
    names: bool
    span_offset: bool
    span_boundary: bool
    span_swapped: bool
    clause: bool

    # No check of this list: evidence that an endpoint gives, stages/translation/likelihood.py. May be left out.
    likelihood: bool = False


Check = Callable[[Record, Record], Iterator[Finding]]

# Characters of a text that checks read: names are compared each with each, which takes seconds here, and minutes at 100,000.
LONGEST = 30_000

# In the order in which they run, by their switch in params.yaml: a code of an earlier one stands first.
CHECKS: dict[str, Check] = {
    "length": length,
    "repetition": repetition,
    "cut_off": cut_off,
    "commentary": commentary,
    "language": wrong_language,
    "residue": residue,
    "numbers": numbers,
    "names": name_changed,
    "span_offset": span_offset,
    "span_boundary": span_boundary,
    "span_swapped": span_swapped,
    "clause": clause_lost,
}


def findings(source: Record, target: Record, names: list[str]) -> dict[str, list[Finding]]:
    """What each of the named checks finds of a translation, with places in the texts as they stand.

    A check that throws finds `check_failed`, as it does of a text over `LONGEST`: the record is one for people, and the stage
    goes on.
    """
    settle()
    (before, ours), (after, theirs) = _normalised(source), _normalised(target)
    return {name: [found.placed(before, after) for found in _run(name, ours, theirs)] for name in names}


SETTLED = 1 << 6  # records after which what is alive is put aside
SWEPT = 1 << 14  # records after which all of it is looked through
_asked = count(1)


def settle() -> None:
    """Keeps Python's search for garbage away from what the caches hold, which is none and most of what there is.

    What is alive is put aside where that search does not go; memory that is let go is given back as ever. What becomes garbage in
    a cycle of references later waits for the next sweep.
    """
    asked = next(_asked)
    if asked % SETTLED == 0:
        if asked % SWEPT == 0:
            gc.unfreeze()
            gc.collect()
        else:
            gc.collect(1)
        gc.freeze()


def _run(name: str, source: Record, target: Record) -> list[Finding]:
    try:
        if max(len(source["text"]), len(target["text"])) > LONGEST:
            raise ValueError("too long to be compared name by name")
        return list(CHECKS[name](source, target))
    except UserError:
        raise  # says what to mend, of the project and not of the record
    except Exception as error:
        return [Finding("check_failed", what=f"{name}: {type(error).__name__}")]


def _normalised(record: Record) -> tuple[Normal, Record]:
    """The normalised text of a record, and the record on it; a span that is not where it says keeps what it says."""
    text = record["text"]
    normal = normalised(text)
    if normal.starts is None and all(  # what stands in a normalised text is normalised
        span["text"] in text or normalised(span["text"]).starts is None
        for item in record["extractions"]
        for span in item["spans"]
    ):
        return normal, record
    extractions = [
        {**item, "spans": [_moved(span, record["text"], normal) for span in item["spans"]]}
        for item in record["extractions"]
    ]
    return normal, {**record, "text": normal.text, "extractions": extractions}


def _moved(span: dict[str, object], text: str, normal: Normal) -> dict[str, object]:
    part, start = str(span["text"]), span["start"]
    if not isinstance(start, int) or start < 0 or not text.startswith(part, start):
        return {**span, "text": normalised(part).text, "start": -1 if isinstance(start, int) else None}
    low, high = normal.find(start), normal.find(start + len(part))
    return {**span, "text": normal.text[low:high], "start": low}


# What holds for a text of any language; the other checks have tables of the languages that `RATIO` names, and
# `language` asks the table of the target's own.
ANY_LANGUAGE = ("repetition", "cut_off", "commentary", "language", "span_offset")


def without_table(source: str, target: str) -> list[str]:
    """The checks that cannot be made of a translation from one language into the other: they have no table of it."""
    pair = [] if (source, target) in RATIO else [name for name in CHECKS if name not in ANY_LANGUAGE]
    return pair if table_of(target) else [*pair, "language"]


class Verdict(NamedTuple):
    """What becomes of a translation: its risk, and why it is refused or warned of; at most one of the lists has codes."""

    risk: float
    refused: list[str]
    warned: list[str]


def verdict(source: Record, target: Record, switches: Checks, more: Sequence[Finding] = ()) -> Verdict:
    """What the checks that are switched on, and know the languages, make of a translation, with `more` that others found."""
    unknown = without_table(source["lang"], target["lang"])
    found = findings(source, target, [name for name in CHECKS if getattr(switches, name) and name not in unknown])
    return of_risk(assess([*(item for items in found.values() for item in items), *more], model()), switches)


def of_risk(assessed: Assessment, switches: Checks) -> Verdict:
    """A verdict by the thresholds."""
    refused, warned = assessed.risk >= switches.refuse, assessed.risk >= switches.warn
    return Verdict(
        round(assessed.risk, 4), assessed.codes if refused else [], assessed.codes if warned and not refused else []
    )


def faults(source: Record, target: Record, switches: Checks) -> list[str]:
    """The reason codes for which a translation is refused."""
    return verdict(source, target, switches).refused
