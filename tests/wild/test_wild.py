"""Every case from the wild holds, and the committed figures are those of the cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.core.files import read_json
from tests.wild.frame import Case, cases, faults

ROOT = Path(__file__).resolve().parents[2]
CASES = cases()


def known(case: Case) -> list[pytest.MarkDecorator]:
    """A case that is known to fall may."""
    return [pytest.mark.xfail(reason=case.given["open"], strict=False)] if "open" in case.given else []


@pytest.mark.parametrize("case", [pytest.param(case, marks=known(case), id=case.name) for case in CASES])
def test_a_case_holds(case: Case) -> None:
    assert faults(case) == []


def test_the_committed_figures_are_of_these_cases() -> None:
    metrics = read_json(ROOT / "metrics" / "wild.json")
    assert metrics["tried"] == len(CASES)
    assert set(metrics["fallen"]) <= {case.name for case in CASES if "open" in case.given}
    assert set(metrics["kinds"]) == {case.kind for case in CASES}


def test_each_kind_says_what_it_is_and_has_three_instances() -> None:
    for kind in {case.kind for case in CASES}:
        own = [case for case in CASES if case.kind == kind]
        assert len(own) >= 3, kind
        assert own[0].given["what"]
