"""Checks of a translation against its source, without weights: each a function of two records that yields reason codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stages.checks.clause import clause_lost
from stages.checks.names import name_changed
from stages.checks.negation import negation_lost
from stages.checks.numbers import numbers
from stages.checks.residue import residue
from stages.checks.shape import commentary, cut_off, length, repetition
from stages.checks.spans import span_boundary, span_offset, span_swapped
from stages.params import Checks
from stages.record import Record

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
    "negation": negation_lost,
    "span_offset": span_offset,
    "span_boundary": span_boundary,
    "span_swapped": span_swapped,
    "clause": clause_lost,
}


def faults(source: Record, target: Record, switches: Checks) -> list[str]:
    """The reason codes of every check that is switched on, each once, in the order of `CHECKS`."""
    codes = (code for name, check in CHECKS.items() if getattr(switches, name) for code in check(source, target))
    return list(dict.fromkeys(codes))
