"""What the checks do on genres that nobody fitted them on: each genre is left out in turn, the risk fitted on the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scipy.stats import binomtest  # type: ignore[import-untyped]

from stages.checks import Checks, of_risk
from stages.checks.finding import Finding
from stages.checks.risk import Model, assess
from stages.fidelity.corruptions import KINDS
from stages.fidelity.fit import Row, fit

# Whose wrong refusals were read while rules were written; the others' never were.
READ = frozenset(
    {"sport", "recipes", "rulings", "releases", "railways", "folklore"}
    | {"weather", "obituaries", "schools", "jobs", "exhibitions", "incidents"}
)


def outcome(row: Row, model: Model, switches: Checks) -> str:
    """`refused`, `warned` or `kept`."""
    judged = of_risk(assess([Finding(code, strength) for code, strength in row.strengths.items()], model), switches)
    return "refused" if judged.refused else "warned" if judged.warned else "kept"


def left_out(data: Sequence[Row], switches: Checks) -> list[tuple[Row, str]]:
    """Every row with its outcome under the model that was fitted without its genre."""
    models = {name: fit([row for row in data if row.genre != name]) for name in {row.genre for row in data}}
    return [(row, outcome(row, models[row.genre], switches)) for row in data]


def share(part: int, whole: int) -> dict[str, Any]:
    """A count with its exact 95 % interval."""
    interval = binomtest(part, whole).proportion_ci() if whole else None
    return {
        "n": whole,
        "count": part,
        "low": round(float(interval.low), 4) if interval else None,
        "high": round(float(interval.high), 4) if interval else None,
    }


def unseen(judged: Sequence[tuple[Row, str]]) -> dict[str, Any]:
    """`unseen_genres` of metrics/checks.json."""
    return {**_cell(judged), "unread": _cell([item for item in judged if item[0].genre not in READ])}


def _cell(judged: Sequence[tuple[Row, str]]) -> dict[str, Any]:
    true = [(row, said) for row, said in judged if not row.wrong]
    caught = {}
    for kind in KINDS:
        of_kind = [said for row, said in judged if row.kind == kind]
        caught[kind] = share(sum(said != "kept" for said in of_kind), len(of_kind))
    langs = sorted({row.lang for row, _ in true})
    return {
        "genres": sorted({row.genre for row, _ in true}),
        "refused": share(sum(said == "refused" for _, said in true), len(true)),
        "warned": share(sum(said == "warned" for _, said in true), len(true)),
        "refused_by_lang": {
            lang: share(
                sum(said == "refused" for row, said in true if row.lang == lang),
                sum(row.lang == lang for row, _ in true),
            )
            for lang in langs
        },
        "caught": caught,
    }
