"""Tables of the report that put systems side by side: the cheap baseline, constrained decoding, published scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from stages.records.tasks import LEVELS
from stages.report import published
from stages.scoring.score import totals

Metrics = dict[str, Any]


def systems_table(systems: Mapping[str, Metrics]) -> pd.DataFrame:
    """A row a language, a column a system: TL / WL / ALL of evaluation metrics on one test set."""
    rows: dict[str, dict[str, Any]] = {}
    for name, metrics in systems.items():
        for lang, scores in totals(metrics).items():
            row = rows.setdefault(lang, {"lang": lang, "records": scores["n"]})
            row[name] = " / ".join(f"{scores[level]:.2f}" for level in LEVELS if level in scores)
    return pd.DataFrame(list(rows.values()))


def defects_table(systems: Mapping[str, Metrics]) -> pd.DataFrame:
    """A row a system: records with format defects, of these only cut off, ended by a repetition, spans not in the text."""
    rows = []
    for name, metrics in systems.items():
        own = metrics["all"]
        rows.append(
            {
                "decoding": name,
                "records": own["n"],
                "with format defects": own["format"]["records"],
                "cut off": own["format"]["kinds"].get("not_finished", 0),
                "ended by a repetition": own.get("repetition", {}).get("records"),
                "spans": own["grounding"]["spans"],
                "spans not in the text": own["grounding"]["not_in_text"],
            }
        )
    return pd.DataFrame(rows)


def comparison_table(comparison: Metrics) -> pd.DataFrame:
    """A row a language and level: the difference of B and A with interval, p, and what could have been seen."""
    rows = []
    for lang, scope in totals(comparison["comparison"]).items():
        for level in LEVELS:
            if level in scope:
                own = scope[level]
                rows.append(
                    {
                        "lang": lang,
                        "level": level,
                        "A": own["a"],
                        "B": own["b"],
                        "B - A": own["difference"],
                        "95 % interval": f"[{own['low']}, {own['high']}]",
                        "p": own["p"],
                        "detectable": own.get("detectable"),
                    }
                )
    return pd.DataFrame(rows)


def published_table(entries: Sequence[dict[str, Any]], cells: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """One column a published system."""
    return pd.DataFrame(published.rows(entries, cells))


def data_table(data: Metrics) -> pd.DataFrame:
    """The alarms of the checks before training, a row a kind."""
    rows: dict[str, dict[str, Any]] = {}
    for alarm in data["alarms"]:
        row = rows.setdefault(alarm["kind"], {"kind": alarm["kind"], "places": 0, "where": []})
        row["places"] += 1
        row["where"].append(alarm["place"])
    return pd.DataFrame([{**row, "where": ", ".join(row["where"])} for row in rows.values()])
