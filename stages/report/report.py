"""Writes the report that a person reads, and the alarms that `make repro` ends with.

    python -m stages.report.report --translation metrics/translation.json --mix metrics/mix.json --train metrics/train.json \\
        --evaluation metrics/evaluation.json --translated metrics/evaluation_translated.json \\
        --baseline metrics/baseline.json --intervals metrics/evaluation_intervals.json --defects metrics/evaluation_defects.json \\
        --labels metrics/evaluation_labels.json --errors metrics/errors.json --worst data/errors/worst.jsonl \\
        --published stages/report/published.yaml \\
        --report metrics/report.md --alarms metrics/alarms.json

    python -m stages.report.report --show metrics/alarms.json      # prints the alarms, exit code 0

Alarms are the paper's signs of failure, with thresholds in params: much lost in translation, a label never got right,
outputs that cannot be read, a sub-dataset that a cheap baseline does better on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.core import config
from stages.core.config import Share
from stages.core.files import read_json, write_bytes
from stages.core.run import run
from stages.core.schema import read_checked, read_checked_json, write_checked_json
from stages.records.tasks import LEVELS, SUBSETS
from stages.report import published
from stages.report.error_tables import (
    extractions_table,
    lost_labels_table,
    text_labels_table,
    training_table,
    worst_table,
)
from stages.report.systems import (
    comparison_table,
    data_table,
    defects_table,
    published_table,
    systems_table,
)


@dataclass(frozen=True)
class Alarms:
    """Section `alarms`: what `make repro` ends with."""

    retention_below: Share
    format_defects_above: Share
    below_baseline: bool
    class_with_zero_f1: bool


# The metrics that the report is made from, by option, with their schemas.
INPUTS = {
    "translation": "translation_metrics",
    "mix": "mix_metrics",
    "train": "train_metrics",
    "evaluation": "evaluation_metrics",
    "translated": "evaluation_metrics",
    "baseline": "evaluation_metrics",
    "intervals": "interval_metrics",
    "defects": "defect_metrics",
    "labels": "label_metrics",
    "errors": "error_metrics",
    "constrained": "evaluation_metrics",
    "constrained-defects": "defect_metrics",
    "constrained-compared": "comparison",
    "data-checks": "data_checks",
    "classes": "class_metrics",
}
Metrics = dict[str, Any]


def table(frame: pd.DataFrame) -> str:
    """A Markdown table; missing values are empty, numbers have the digits they came with."""
    if frame.empty:
        return "none"
    return str(frame.astype(object).where(frame.notna(), "").to_markdown(index=False, disable_numparse=True))


def interval(bounds: Metrics) -> str:
    """An interval as it is printed."""
    return f"[{bounds['low']}, {bounds['high']}]"


def cells(metrics: Metrics) -> Iterator[tuple[str, str, Metrics]]:
    """(language, sub-dataset, scores) of each cell that is one, in the order of the 21."""
    for lang, row in metrics.items():
        if lang != "all":
            for name in SUBSETS:
                if name in row:
                    yield lang, name, row[name]


def find_alarms(
    translation: Metrics, evaluation: Metrics, baseline: Metrics, defects: Metrics, labels: Metrics, limits: Alarms
) -> list[dict[str, Any]]:
    """Every alarm as {kind, place, value, bound}, in a fixed order."""
    found = []
    for lang, row in translation.items():
        if "all" in row and row["all"]["retention"] < limits.retention_below:
            found.append(("retention", lang, row["all"]["retention"], limits.retention_below))
    for lang, name, cell in cells(defects):
        share = round(cell["format"]["records"] / cell["n"], 4)
        if share > limits.format_defects_above:
            found.append(("format_defects", f"{lang}.{name}", share, limits.format_defects_above))
    if limits.class_with_zero_f1:
        for lang, name, cell in cells(labels):
            found += [("zero_f1", f"{lang}.{name}: {label}", 0.0, 0.0) for label, f1 in cell.items() if f1 == 0]
    if limits.below_baseline:
        for lang, name, cell in cells(evaluation):
            for level in LEVELS:
                if level in cell and cell[level] < baseline[lang][name][level]:
                    found.append(("below_baseline", f"{lang}.{name}.{level}", cell[level], baseline[lang][name][level]))
    return [dict(zip(("kind", "place", "value", "bound"), alarm, strict=True)) for alarm in found]


def alarms_table(alarms: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a kind and language, the places of its alarms beside each other."""
    told: dict[tuple[str, str], dict[str, list[str]]] = {}
    for alarm in alarms:
        lang, _, rest = alarm["place"].partition(".")
        place, _, label = rest.partition(": ")
        value = f"{alarm['value']} (baseline {alarm['bound']})" if alarm["kind"] == "below_baseline" else alarm["value"]
        told.setdefault((alarm["kind"], lang), {}).setdefault(place, []).append(label or str(value))
    return pd.DataFrame(
        [
            {
                "kind": kind,
                "lang": lang,
                "alarms": sum(map(len, places.values())),
                "where": "; ".join(
                    f"{place}: {', '.join(values)}".removeprefix(": ") for place, values in places.items()
                ),
            }
            for (kind, lang), places in told.items()
        ]
    )


def verdict(evaluation: Metrics, baseline: Metrics, intervals: Metrics) -> str:
    """The first lines: whether the model beats the cheap baseline, overall and in how many cells."""
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


def scores_table(evaluation: Metrics, baseline: Metrics, intervals: Metrics) -> pd.DataFrame:
    """One row a cell: model with interval, baseline."""
    rows = []
    for lang, name, cell in cells(evaluation):
        row: dict[str, Any] = {"lang": lang, "sub-dataset": name, "n": cell["n"]}
        for level in LEVELS:
            if level in cell:
                row[level] = f"{cell[level]} {interval(intervals[lang][name][level])}"
        for level in LEVELS:
            if level in cell:
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
                    f"{what} kept / all": f"{cell[what]} / {cell[what + '_all']}"
                    for what in ("chrf", "span_f1", "label_f1")
                    if what in cell
                }
                counts = {key: cell[key] for key in ("source", "kept", "repaired", "quarantined", "retention")}
                rows.append({"lang": lang, "sub-dataset": name, **counts, **pairs})
        reasons += [{"lang": lang, "reason": reason, "records": n} for reason, n in row["reasons"].items()]
    return pd.DataFrame(rows), pd.DataFrame(reasons)


def mix_table(mix: Metrics) -> pd.DataFrame:
    """Examples by part, language and sub-dataset."""
    rows = []
    for part in ("train", "test", "test_translated"):
        for lang, row in mix[part].items():
            if isinstance(row, dict):
                rows.append({"part": part, "lang": lang, **{name: row.get(name, 0) for name in SUBSETS}})
    return pd.DataFrame(rows)


def provenance(translation: Metrics) -> str:
    """Which model, in which form, under which prompt made the translations."""
    told = set()
    for row in translation.values():
        usage, card = row["usage"], row["usage"]["card"]
        form = ", ".join(str(value) for value in (card["name"], card["quantisation"], card["server"]) if value)
        prompt = f"prompt {usage['prompt']} (SHA-256 {usage['prompt_sha256'][:12]})"
        told |= {f"{model}{f' ({form})' if form else ''}, {prompt}" for model in usage["models"]}
    return "; ".join(sorted(told)) or "no model"


def render(given: Metrics, worst: list[Metrics], told: list[Metrics], alarms: list[dict[str, Any]]) -> str:
    """The whole report."""
    evaluation, baseline, intervals = given["evaluation"], given["baseline"], given["intervals"]["intervals"]
    systems = {
        "model": evaluation,
        "constrained": given["constrained"],
        "cheap baseline": baseline,
    }
    quality, reasons = translation_tables(given["translation"])
    models = sorted({model for row in given["translation"].values() for model in row["usage"]["models"]})
    train = pd.DataFrame([{"figure": key, "value": value} for key, value in given["train"].items()])
    translated = "\n\n".join(
        f"{level}:\n\n{table(pivot(given['translated'], level))}"
        for level in LEVELS
        if level in given["translated"]["all"]
    )
    return f"""# Report

Made by `python -m stages.report.report` from the files of `metrics/`; do not edit.

{verdict(evaluation, baseline, intervals)}

## Alarms

Thresholds: `alarms` in `params.yaml`; a row a kind and language, each alarm by itself in `metrics/alarms.json`.

{table(alarms_table(alarms))}

## Scores on the frozen test set

F1 in percent with 95 % bootstrap intervals over texts (`docs/scoring.md`).

{table(scores_table(evaluation, baseline, intervals))}

### Beside other systems

TL / WL / ALL on the same records.

{table(systems_table(systems))}

### Constrained decoding

The same model, with only well-formed answers, labels of the tables and spans of the text to choose from
(`docs/constrained.md`). Left: what free and constrained outputs show; then the paired difference, A free, B constrained
(`docs/compare.md`).

{table(defects_table({"free": given["defects"], "constrained": given["constrained-defects"]}))}

{table(comparison_table(given["constrained-compared"]))}

### Published

{published.NOTE}

{table(published_table(told, [(lang, name) for lang, name, _ in cells(evaluation)]))}

## Where the errors are

Each extraction of gold is right or has one of the errors word label, boundary (too long, too short, overlap), format or
missing; each predicted one is right or has one of word label, boundary, grounding or spurious. Unreadable entries of an
output are no extractions. The classes are defined in `docs/scoring.md`; label by label they are in `metrics/errors.json`.

{table(extractions_table(given["errors"]))}

Text labels (unknown: in no table of the language; `metrics/confusion.csv` is the matrix):

{table(text_labels_table(given["errors"]))}

Extractions of gold found, by whether training examples of the same task and language hold them:

{table(training_table(given["errors"]))}

The word labels with most extractions not found:

{table(lost_labels_table(given["errors"]))}

The worst records, one of a text, cut; those of each cell, whole, are in `data/errors/worst.jsonl`:

{table(worst_table(worst))}

## Scores on machine-translated test records

The same groups, as far as their translations were kept; translated by {", ".join(models) or "no model"}.

{translated}

## Translation

By {provenance(given["translation"])}. Quality against the hand-made references; "all" counts a lost record as zero.

{table(quality)}

Why records were lost (a record may have several reasons):

{table(reasons)}

## Mix

Checks before training (`metrics/data_checks.json`):

{table(data_table(given["data-checks"]))}

The LLM's text classes beside the sample's own: accuracy {given["classes"]["accuracy"]} %, kappa {given["classes"]["kappa"]} on
{given["classes"]["texts"]} texts.

{table(mix_table(given["mix"]))}

Left out: {", ".join(f"{reason} {n}" for reason, n in given["mix"]["left_out"].items())}.

## Training

{table(train)}
"""


def show(path: str) -> None:
    """Prints the alarms, a line each."""
    alarms = read_json(path)["alarms"]
    print(f"{len(alarms)} alarms (thresholds: alarms in params.yaml; report: metrics/report.md)")
    for alarm in alarms:
        print(f"  {alarm['kind']}: {alarm['place']} is {alarm['value']}, bound {alarm['bound']}")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.report.report", description=__doc__.split("\n")[0])
    parser.add_argument("--show", help="only print the alarms of this file")
    for option in (*INPUTS, "worst", "published", "report", "alarms"):
        parser.add_argument(f"--{option}", required="--show" not in arguments)
    options = parser.parse_args(arguments)
    if options.show:
        show(options.show)
        return
    given = {
        name: read_checked_json(getattr(options, name.replace("-", "_")), schema) for name, schema in INPUTS.items()
    }
    alarms = find_alarms(
        given["translation"],
        given["evaluation"],
        given["baseline"],
        given["defects"],
        given["labels"],
        config.read("alarms", Alarms),
    )
    write_checked_json(options.alarms, {"alarms": alarms}, "alarms")
    worst = read_checked(options.worst, "worst")
    write_bytes(options.report, render(given, worst, published.load(options.published), alarms).encode())
    print(f"{len(alarms)} alarms")


if __name__ == "__main__":
    run(main)
