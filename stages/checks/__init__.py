"""Checks of a translation against its source, one a file, without weights: each is a function of two records that yields
reason codes, and has a switch in the section `checks`. `CHECKS` is the list that the filter runs. Negations are evidence for
the curves of docs/fidelity.md and no check: alone they refuse a quarter of true translations. Who changes a check measures
it with `dvc repro checks`, and looks at no held-out text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stages.checks.clause import clause_lost
from stages.checks.names import name_changed
from stages.checks.numbers import numbers
from stages.checks.shape import commentary, cut_off, length, repetition
from stages.checks.spans import span_boundary, span_offset, span_swapped
from stages.checks.untranslated import residue
from stages.records.record import Record


@dataclass(frozen=True)
class Checks:
    """Section `checks`: one switch for each check of `CHECKS`."""

    length: bool
    repetition: bool
    cut_off: bool
    commentary: bool
    residue: bool
    numbers: bool
    names: bool
    span_offset: bool
    span_boundary: bool
    span_swapped: bool
    clause: bool


Check = Callable[[Record, Record], Iterator[str]]

# In the order in which they run, by their switch in params.yaml: a code of an earlier one stands first.
CHECKS: dict[str, Check] = {
    "length": length,
    "repetition": repetition,
    "cut_off": cut_off,
    "commentary": commentary,
    "residue": residue,
    "numbers": numbers,
    "names": name_changed,
    "span_offset": span_offset,
    "span_boundary": span_boundary,
    "span_swapped": span_swapped,
    "clause": clause_lost,
}


def faults(source: Record, target: Record, switches: Checks) -> list[str]:
    """The reason codes of every check that is switched on, each once, in the order of `CHECKS`."""
    codes = (code for name, check in CHECKS.items() if getattr(switches, name) for code in check(source, target))
    return list(dict.fromkeys(codes))
