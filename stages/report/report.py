"""Writes the report that a person reads, and the alarms that `make repro` ends with.

    python -m stages.report.report --report metrics/report.md --alarms metrics/alarms.json --headline metrics/headline/scores.json

It is made from the files that `stages.report.inputs` names, as far as they are there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.core import config
from stages.core.files import write_bytes
from stages.core.run import run
from stages.core.schema import read_checked, write_checked_json
from stages.records.tasks import LEVELS
from stages.report import error_tables, published
from stages.report.alarms import Alarms, alarm_rows, cells, find_alarms
from stages.report.inputs import PUBLISHED, WORST, Metrics, read_metrics
from stages.report.score_tables import (
    annotators,
    calibrated_table,
    mix_table,
    pivot,
    provenance,
    scores_table,
    translation_tables,
    verdict,
)
from stages.report.systems import comparison_table, data_table, defects_table, published_table, systems_table
from stages.scoring.tables import markdown

TEMPLATES = Path(__file__).with_name("templates")
# The systems that the report sets side by side, by the names of their metrics.
SYSTEMS = {
    "released": "released model",
    "evaluation": "model",
    "free": "free decoding",
    "baseline": "linear model",
    "llm_0shot": "LLM, 0 examples",
    "llm_kshot": "LLM, k examples",
}

# Those that are measured on the second frozen test set too.
SECOND = {"second_released": "released model", "second": "model", "second_baseline": "linear model"}


def environment(**options: Any) -> Environment:
    """Where templates are found; what a template names and nobody gave is an error."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **options
    )
    found.filters["table"] = markdown
    return found


def errors_of(errors: Metrics | None, worst: Sequence[Metrics]) -> dict[str, pd.DataFrame] | None:
    """The tables of the error analysis."""
    if errors is None:
        return None
    return {
        "extractions": error_tables.extractions_table(errors),
        "text_labels": error_tables.text_labels_table(errors),
        "training": error_tables.training_table(errors),
        "lost_labels": error_tables.lost_labels_table(errors),
        "worst": error_tables.worst_table(worst),
    }


def render(
    given: dict[str, Metrics | None], worst: Sequence[Metrics], told: Sequence[Metrics], alarms: Sequence[Metrics]
) -> str:
    """The whole report in Markdown."""
    evaluation, baseline, translation = given["evaluation"], given["baseline"], given["translation"]
    bounds = given["evaluation_intervals"] and given["evaluation_intervals"]["intervals"]
    quality, reasons = translation_tables(translation) if translation else (None, None)
    models = sorted({model for row in (translation or {}).values() for model in row["usage"]["models"]})
    decoding = {"free": given["free_defects"], "constrained": given["defects"]}
    mix, translated, train, calibration = given["mix"], given["translated"], given["train"], given["calibration"]
    shown = {
        "verdict": verdict(evaluation, baseline, bounds),
        "alarms": pd.DataFrame(alarm_rows(list(alarms))),
        "evaluation": evaluation,
        "intervals": bounds,
        "scores": evaluation and bounds and scores_table(evaluation, baseline, bounds),
        "systems": systems_table({name: found for key, name in SYSTEMS.items() if (found := given[key])}),
        "second": systems_table({name: found for key, name in SECOND.items() if (found := given[key])}),
        "free": given["free"] and all(decoding.values()) and given["free_compared"],
        "decoding": defects_table({name: found for name, found in decoding.items() if found}),
        "compared": given["free_compared"] and comparison_table(given["free_compared"]),
        "published_note": published.NOTE,
        "published": published_table(told, [(lang, name) for lang, name, _ in cells(evaluation or {})]),
        "errors": errors_of(given["errors"], worst),
        "translated": translated
        and [(level, pivot(translated, level)) for level in LEVELS if level in translated["all"]],
        "models": ", ".join(models) or "no model",
        "quality": quality,
        "reasons": reasons,
        "provenance": translation and provenance(translation),
        "calibration": calibration if calibration and calibration["reviewed"] else None,
        "annotators": calibration and annotators(calibration),
        "calibrated": given["calibrated"] and calibrated_table(given["calibrated"]),
        "mix": mix and mix_table(mix),
        "left_out": mix and ", ".join(f"{reason} {n}" for reason, n in mix["left_out"].items()),
        "data_checks": given["data_checks"] and data_table(given["data_checks"]),
        "classes": given["classes"],
        "train": train and pd.DataFrame([{"figure": key, "value": value} for key, value in train.items()]),
    }
    return environment().get_template("report.md.j2").render(shown)


def headline(given: dict[str, Metrics | None], alarms: int) -> dict[str, Any]:
    """The few figures that DVC compares: each system's levels over all records, and how many alarms there are."""
    shown = {
        key: {level: found["all"][level] for level in LEVELS if level in found["all"]}
        for key in ("released", "evaluation", "free", "baseline", *SECOND)
        if (found := given[key])
    }
    return {**shown, "alarms": {"n": alarms}}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.report.report", description=__doc__.split("\n")[0])
    for option in ("report", "alarms", "headline"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    given = read_metrics()
    alarms = find_alarms(
        given["translation"],
        given["evaluation"],
        given["baseline"],
        given["defects"],
        given["labels"],
        config.read("alarms", Alarms),
    )
    write_checked_json(options.alarms, {"alarms": alarms}, "alarms")
    write_checked_json(options.headline, headline(given, len(alarms)), "headline")
    worst = read_checked(WORST, "worst") if Path(WORST).exists() else []
    write_bytes(options.report, render(given, worst, published.load(PUBLISHED), alarms).encode())
    print(f"{len(alarms)} alarms")


if __name__ == "__main__":
    run(main)
