"""The alarms: the paper's signs of failure, with thresholds in params.

Much lost in translation, a label never got right, outputs that cannot be read, a sub-dataset that a cheap baseline does
better on.

    python -m stages.report.alarms metrics/alarms.json      # prints them, as `make repro` ends; exit code 0
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.config import Share
from stages.core.files import read_json
from stages.core.run import run
from stages.records.tasks import LEVELS, SUBSETS

Metrics = dict[str, Any]


@dataclass(frozen=True)
class Alarms:
    """Section `alarms`: what `make repro` ends with."""

    retention_below: Share
    format_defects_above: Share
    below_baseline: bool
    class_with_zero_f1: bool


def cells(metrics: Metrics) -> Iterator[tuple[str, str, Metrics]]:
    """(language, sub-dataset, scores) of each cell that is one, in the order of the 21."""
    for lang, row in metrics.items():
        if lang != "all":
            for name in SUBSETS:
                if name in row:
                    yield lang, name, row[name]


def find_alarms(
    translation: Metrics | None,
    evaluation: Metrics | None,
    baseline: Metrics | None,
    defects: Metrics | None,
    labels: Metrics | None,
    limits: Alarms,
) -> list[dict[str, Any]]:
    """Every alarm as {kind, place, value, bound}, in a fixed order; nothing is said of metrics that there are not."""
    found = []
    for lang, row in (translation or {}).items():
        if "all" in row and row["all"]["retention"] < limits.retention_below:
            found.append(("retention", lang, row["all"]["retention"], limits.retention_below))
    for lang, name, cell in cells(defects or {}):
        share = round(cell["format"]["records"] / cell["n"], 4)
        if share > limits.format_defects_above:
            found.append(("format_defects", f"{lang}.{name}", share, limits.format_defects_above))
    if limits.class_with_zero_f1:
        for lang, name, cell in cells(labels or {}):
            found += [("zero_f1", f"{lang}.{name}: {label}", 0.0, 0.0) for label, f1 in cell.items() if f1 == 0]
    if limits.below_baseline and evaluation and baseline:
        for lang, name, cell in cells(evaluation):
            for level in LEVELS:
                if level in cell and cell[level] < baseline[lang][name][level]:
                    found.append(("below_baseline", f"{lang}.{name}.{level}", cell[level], baseline[lang][name][level]))
    return [dict(zip(("kind", "place", "value", "bound"), alarm, strict=True)) for alarm in found]


def alarm_rows(alarms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a kind and language, the places of its alarms beside each other."""
    told: dict[tuple[str, str], dict[str, list[str]]] = {}
    for alarm in alarms:
        lang, _, rest = alarm["place"].partition(".")
        place, _, label = rest.partition(": ")
        value = f"{alarm['value']} (baseline {alarm['bound']})" if alarm["kind"] == "below_baseline" else alarm["value"]
        told.setdefault((alarm["kind"], lang), {}).setdefault(place, []).append(label or str(value))
    return [
        {
            "kind": kind,
            "lang": lang,
            "alarms": sum(map(len, places.values())),
            "where": "; ".join(f"{place}: {', '.join(values)}".removeprefix(": ") for place, values in places.items()),
        }
        for (kind, lang), places in told.items()
    ]


def show(path: str, most: int = 8) -> None:
    """Prints at most ten lines: how many alarms, a line a kind and language, and where the rest is."""
    rows = alarm_rows(read_json(path)["alarms"])
    print(f"{sum(row['alarms'] for row in rows)} alarms (each in {path}; thresholds: alarms in params.yaml)")
    for row in rows[:most]:
        where = row["where"] if len(row["where"]) <= 90 else row["where"][:89] + "…"
        print(f"  {row['kind']} {row['lang']}: {row['alarms']}, {where}")
    if len(rows) > most:
        print(f"  … and {len(rows) - most} more kinds and languages")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.report.alarms", description=__doc__.split("\n")[0])
    parser.add_argument("alarms", metavar="FILE")
    show(parser.parse_args(arguments).alarms)


if __name__ == "__main__":
    run(main)
