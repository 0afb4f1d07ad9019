"""Tables of scores, translations and the mix, for the report and the docs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stages.records.tasks import LEVELS, SUBSETS
from stages.report.alarms import cells
from stages.report.translation_quality import FIGURES
from stages.scoring.score import totals
from stages.scoring.tables import MISSING

Metrics = dict[str, Any]


def interval(bounds: Metrics) -> str:
    """An interval as it is printed."""
    return f"[{bounds['low']}, {bounds['high']}]"


def verdict(evaluation: Metrics | None, baseline: Metrics | None, intervals: Metrics | None) -> str:
    """The first lines: whether the model beats the cheap baseline, overall and in how many cells."""
    if evaluation is None or baseline is None or intervals is None:
        return "No model was scored beside a baseline here."
    model, cheap = evaluation["all"], baseline["all"]
    levels = [level for level in LEVELS if level in model]
    lost = [level for level in levels if model[level] <= cheap[level]]
    overall = ", ".join(
        f"{level} {model[level]} {interval(intervals['all'][level])} against {cheap[level]}" for level in levels
    )
    better = {
        level: sum(cell[level] > baseline[lang][name][level] for lang, name, cell in cells(evaluation))
        for level in levels
    }
    total = sum(1 for _ in cells(evaluation))
    start = (
        f"**The model does not beat the cheap baseline on {', '.join(lost)}.**"
        if lost
        else "The model beats the cheap baseline."
    )
    return (
        f"{start} Overall on {model['n']} records of the frozen test set, model (95 % interval) against baseline: {overall}. "
        f"Cells in which the model is better: "
        + ", ".join(f"{level} {better[level]} of {total}" for level in levels)
        + "."
    )


def scores_table(evaluation: Metrics, baseline: Metrics | None, intervals: Metrics) -> pd.DataFrame:
    """One row a cell: model with interval, baseline."""
    rows = []
    for lang, name, cell in cells(evaluation):
        row: dict[str, Any] = {"lang": lang, "sub-dataset": name, "n": cell["n"]}
        for level in LEVELS:
            if level in cell:
                row[level] = f"{cell[level]} {interval(intervals[lang][name][level])}"
        for level in LEVELS:
            if baseline and level in cell:
                row[f"baseline {level}"] = baseline[lang][name][level]
        rows.append(row)
    return pd.DataFrame(rows)


def pivot(metrics: Metrics, level: str) -> pd.DataFrame:
    """Sub-datasets down, languages across."""
    rows = [
        {"sub-dataset": name, "lang": lang, "score": cell[level]}
        for lang, name, cell in cells(metrics)
        if level in cell
    ]
    if not rows:
        return pd.DataFrame()
    wide = pd.DataFrame(rows).pivot_table(index="sub-dataset", columns="lang", values="score", sort=False)
    return wide.reset_index()


def translation_tables(translation: Metrics) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(one row a cell with counts and quality on kept and on all, one row a reason of loss)."""
    rows, reasons = [], []
    for lang, row in translation.items():
        for name in (*SUBSETS, "all"):
            if name in row:
                cell = row[name]
                pairs = {
                    f"{what} kept / all": f"{cell.get(what, MISSING)} / {cell[what + '_all']}"
                    for what in ("chrf", "span_f1", "label_f1")
                    if what + "_all" in cell
                }
                counts = {key: cell[key] for key in ("source", "kept", "repaired", "quarantined", "retention")}
                rows.append({"lang": lang, "sub-dataset": name, **counts, **pairs})
        reasons += [{"lang": lang, "reason": reason, "records": n} for reason, n in row["reasons"].items()]
    return pd.DataFrame(rows), pd.DataFrame(reasons)


def mix_table(mix: Metrics) -> pd.DataFrame:
    """Examples by part, language and sub-dataset; parts and sub-datasets without any are left out."""
    rows = []
    for part in ("train", "test", "test_translated", "second"):
        own = {lang: row for lang, row in mix.get(part, {}).items() if isinstance(row, dict)}
        if any(row.get(name) for row in own.values() for name in SUBSETS):
            rows += [
                {"part": part, "lang": lang, **{name: row.get(name, 0) for name in SUBSETS}}
                for lang, row in own.items()
            ]
    found = pd.DataFrame(rows)
    return found.drop(columns=[name for name in SUBSETS if name in found and not found[name].any()])


def provenance(translation: Metrics) -> str:
    """Which model, in which form, under which prompt made the translations."""
    told = set()
    for row in translation.values():
        usage, card = row["usage"], row["usage"]["card"]
        form = ", ".join(str(value) for value in (card["name"], card["quantisation"], card["server"]) if value)
        prompt = f"prompt {usage['prompt']} (SHA-256 {usage['prompt_sha256'][:12]})"
        told |= {f"{model}{f' ({form})' if form else ''}, {prompt}" for model in usage["models"]}
    return "; ".join(sorted(told)) or "no model"


def calibrated_table(quality: Metrics) -> pd.DataFrame:
    """A row a language and figure: the reviewed records as translated, as filtered, as people left them, and what that changed."""
    rows = []
    states, gained = quality["states"], totals(quality["differences"]["translated"])
    bounds = {state: totals(own["intervals"]) for state, own in states.items()}
    for lang, records in quality["records"].items():
        for figure in FIGURES if records else ():
            row: dict[str, Any] = {"lang": lang, "records": records, "figure": figure}
            for state, own in states.items():
                row[state] = f"{own['figures'][lang][figure]} {interval(bounds[state][lang][figure])}"
            change = gained[lang][figure]
            row["calibrated - translated"] = f"{change['difference']} {interval(change)}"
            rows.append(row)
    return pd.DataFrame(rows)


def annotators(calibration: Metrics) -> str:
    """Who annotated, how much, and how long it took."""
    return "; ".join(
        f"{name} ({own['who'] or 'nobody says who that is'}): {own['patches']} patches in {own['minutes']} minutes"
        for name, own in calibration["annotators"].items()
    )
