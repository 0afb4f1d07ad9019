"""Tables of docs/fidelity.md: the aims of the checks (`check_aims.yaml`) beside what metrics/checks.json says, and what a model's likelihood finds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd

from stages.checks import Checks, of_risk
from stages.checks.negation import evidence
from stages.checks.risk import assess, model
from stages.core import config
from stages.core.files import read_json
from stages.fidelity.genres import share
from stages.scoring.tables import MISSING

AIMS = Path(__file__).with_suffix(".yaml")
LIKELIHOOD = "data/fidelity/likelihood.json"  # margins of a one-off run
GENRES = "unseen_genres."


def aims(metrics: dict[str, Any]) -> pd.DataFrame:
    """A row an aim: its bound, the figure with its exact 95 % interval, the same of the genres whose refusals nobody read,
    whether figure and interval are on the right side of the bound, and the key of the figure."""
    rows = []
    for aim in config.parse_yaml(AIMS.read_text(encoding="utf-8"), str(AIMS)):
        key, counts = aim["key"], aim.get("counts", ["count"])
        found = _figure(metrics, key, counts)
        unread = _figure(metrics, key.replace(GENRES, f"{GENRES}unread."), counts) if GENRES in key else None
        rows.append(
            {
                "aim": aim["what"],
                "bound": _bound(aim),
                "figure": _told(found),
                "genres nobody read": _told(unread),
                "met": _met(aim, found),
                "key in metrics/checks.json": f"`{key}`" + (f": {' + '.join(counts)}" if "counts" in aim else ""),
            }
        )
    return pd.DataFrame(rows)


def _figure(metrics: dict[str, Any], key: str, counts: Sequence[str]) -> Any:
    """A count of cases with its interval, a bare figure, or None where it was not measured."""
    cell = reduce(lambda part, name: part and part[name], key.split("."), metrics)
    return share(sum(cell[name] for name in counts), cell["n"]) if isinstance(cell, dict) else cell


def _bound(aim: dict[str, Any]) -> str:
    word, bound = ("at least", aim["at_least"]) if "at_least" in aim else ("at most", aim["at_most"])
    return f"{word} {bound:.2%}".replace(".00", "") if bound <= 1 else f"{word} {bound:,}"


def _told(found: Any) -> str:
    if isinstance(found, dict) and found["n"]:
        return f"{found['count']} of {found['n']} ({found['count'] / found['n']:.1%}), {found['low']:.1%} to {found['high']:.1%}"
    return MISSING if found is None or isinstance(found, dict) else f"{found:,}"


def _met(aim: dict[str, Any], found: Any) -> str:
    """`yes`, `yes, not by the whole interval`, `no`, or a dash where there is no figure."""
    if found is None or (isinstance(found, dict) and not found["n"]):
        return MISSING
    value = found["count"] / found["n"] if isinstance(found, dict) else found
    low, high = (found["low"], found["high"]) if isinstance(found, dict) else (value, value)
    lowest, highest = aim.get("at_least", 0.0), aim.get("at_most", float("inf"))
    if not round(lowest, 4) <= round(value, 4) <= highest:
        return "no"
    return "yes" if lowest <= low and high <= highest else "yes, not by the whole interval"


def likelihood() -> pd.DataFrame:
    """A row a direction of data/fidelity/likelihood.json, and one for all: how many translations the evidence of
    `stages.translation.likelihood` would alone be a warning of, of those with a negation dropped and of the true ones."""
    switches = config.read("checks", Checks)
    found: dict[str, list[tuple[bool, bool]]] = {"all": []}
    for item in read_json(LIKELIHOOD)["texts"]:
        lines = [[{"start": 0, "end": 0, "margin": value} for value in values] for values in item["margins"].values()]
        true, dropped = (bool(of_risk(assess(evidence({"negations": own}), model()), switches).warned) for own in lines)
        for row in ("all", f"{item['from']} to {item['id'].rpartition('/')[2]}"):
            found.setdefault(row, []).append((dropped, true))
    return pd.DataFrame(
        {
            "": name,
            "negation dropped: warned of": _told(share(sum(dropped for dropped, _ in rows), len(rows))),
            "true references: warned of": _told(share(sum(true for _, true in rows), len(rows))),
        }
        for name, rows in sorted(found.items())
    )
