"""How likely a translation is wrong, given what the checks found: a logistic regression over the strengths of their findings.

`tables/risk.yaml` has the coefficients, one a reason code and none below zero, so that more evidence never lowers a risk;
`python -m stages.fidelity.fit` writes it. A finding of a code that is `certain` there (a span that is not in the text, another
writing system, a check that failed) is a risk of 1 by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from stages.checks.finding import Finding
from stages.checks.tables import table

SURE = 0.5  # strength above which a finding of a certain code is certain
UNMEASURED = 2.0  # the weight of a code that no fitted text had: alone it is a warning


class Model(NamedTuple):
    """The coefficients: risk is the logistic function of `intercept` plus the weight of each code by its strength; 0: it was measured and says nothing."""

    intercept: float
    weights: Mapping[str, float]
    certain: frozenset[str]


class Assessment(NamedTuple):
    """The risk of a translation, 0 to 1, and the codes that it comes from, those that say most first."""

    risk: float
    codes: list[str]


@cache
def model() -> Model:
    """The committed coefficients."""
    own = table("risk")
    return Model(float(own["intercept"]), {code: float(value) for code, value in own["weights"].items()}, certain())


@cache
def certain() -> frozenset[str]:
    """The codes that need no other evidence."""
    return frozenset(table("certain")["codes"])


def strengths(found: Iterable[Finding]) -> dict[str, float]:
    """The strongest finding of each code."""
    result: dict[str, float] = {}
    for item in found:
        result[item.code] = max(result.get(item.code, 0.0), item.strength)
    return result


def assess(found: Iterable[Finding], by: Model) -> Assessment:
    """The risk of a translation of which this was found."""
    own = strengths(found)
    parts = {
        code: by.weights.get(code, UNMEASURED) * strength for code, strength in own.items() if code not in by.certain
    }
    sure = [code for code, strength in own.items() if code in by.certain and strength > SURE]
    codes = sure + sorted(
        (code for code in parts if parts[code] > 0 and code not in sure), key=lambda code: -parts[code]
    )
    risk = 1.0 if sure else 1 / (1 + math.exp(-by.intercept - sum(parts.values())))
    return Assessment(risk, codes)
