"""The risk grows with the evidence, some evidence needs no other, and the thresholds part refused, warned and kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.checks import Checks, of_risk
from stages.checks.finding import Finding
from stages.checks.risk import Model, assess, certain, model
from stages.core import config

MODEL = Model(-2.0, {"name_changed": 3.0, "clause_lost": 4.0, "name_unknown": 0.5, "idle": 0.0}, certain())
SWITCHES: Checks = config.read("checks", Checks)
FOUND = st.lists(
    st.builds(
        Finding, st.sampled_from(["name_changed", "clause_lost", "name_unknown", "idle", "new"]), st.floats(0, 1)
    ),
    max_size=6,
)


@given(FOUND, FOUND)
def test_more_evidence_never_lowers_the_risk(some: list[Finding], more: list[Finding]) -> None:
    assert assess([*some, *more], MODEL).risk >= assess(some, MODEL).risk
    assert assess([*some, *more], model()).risk >= assess(some, model()).risk


def test_what_breaks_a_rule_is_certain_and_stands_first() -> None:
    found = assess([Finding("name_changed", 0.7), Finding("span_offset")], MODEL)
    assert found == (1.0, ["span_offset", "name_changed"])


def test_codes_stand_by_what_they_say_and_those_that_say_nothing_are_left_out() -> None:
    found = [
        Finding("name_unknown", 1.0),
        Finding("idle", 1.0),
        Finding("clause_lost", 0.5),
        Finding("name_changed", 1.0),
    ]
    assert assess(found, MODEL).codes == ["name_changed", "clause_lost", "name_unknown"]


@pytest.mark.parametrize(
    ("strength", "refused", "warned"),
    [(1.0, ["name_changed"], []), (0.7, [], ["name_changed"]), (0.2, [], [])],
)
def test_thresholds_part_refused_warned_and_kept(strength: float, refused: list[str], warned: list[str]) -> None:
    switches = replace(SWITCHES, refuse=0.7, warn=0.5)
    judged = of_risk(assess([Finding("name_changed", strength)], MODEL), switches)
    assert (judged.refused, judged.warned) == (refused, warned)


def test_no_committed_weight_is_negative_and_nothing_found_is_kept() -> None:
    assert min(model().weights.values()) >= 0
    judged = of_risk(assess([], model()), SWITCHES)
    assert (judged.refused, judged.warned) == ([], [])


def test_a_code_that_was_never_measured_is_a_warning() -> None:
    judged = of_risk(assess([Finding("never_seen_before", 1.0)], model()), SWITCHES)
    assert (judged.refused, judged.warned) == ([], ["never_seen_before"])
