"""The page's charts as Vega-Lite specifications: data and encoding only, the page gives type and colours of its theme."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.records.tasks import SUBSETS
from stages.report.alarms import cells
from stages.scoring.score import totals

Spec = dict[str, Any]
Rows = list[dict[str, Any]]
LANG = {"field": "lang", "type": "nominal", "title": "language"}
GREY = {"symbolFillColor": "#888", "symbolStrokeColor": "#888"}  # seen on light and dark
# States of a reviewed record; seen on light and dark.
STATES = {"translated": "#d97a3d", "filtered": "#8a93b8", "calibrated": "#3a9a66"}
# Of the kinds of errors: right green, near misses yellow to orange, lost ones blue, too many red, unreadable grey.
KIND_COLOURS = [
    "#3a9a66",
    "#e5c04b",
    "#f0a868",
    "#ea8f4f",
    "#d97a3d",
    "#8a93b8",
    "#4f7fb5",
    "#c9687a",
    "#a8434f",
    "#9a9a9a",
]


def of(rows: Rows, **spec: Any) -> Spec:
    """A chart over rows, as wide as its place."""
    return {"data": {"values": rows}, "width": "container", "height": 260, **spec}


def quantity(field: str, title: str, **more: Any) -> Spec:
    return {"field": field, "type": "quantitative", "title": title, **more}


def read_csv(path: str) -> Rows:
    """The rows of a CSV file, figures as numbers; none where it is absent."""
    if not Path(path).exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return [{key: figure(value) for key, value in row.items()} for row in csv.DictReader(file)]


def figure(value: str) -> str | float | None:
    """A cell of a CSV file: a number where it is one, None where it is empty."""
    try:
        return float(value) if value else None
    except ValueError:
        return value


def retention_quality(translation: Spec) -> Spec | None:
    """A dot a cell: the share kept, and span F1 of what was kept beside the references."""
    rows: Rows = [
        {"lang": lang, "subset": name, "kept": 100 * cell["retention"], "source": cell["source"], "chrf": cell["chrf"], "span_f1": cell["span_f1"]}
        for lang, row in translation.items()
        for name in SUBSETS
        if (cell := row.get(name)) and "span_f1" in cell
    ]  # fmt: skip
    if not rows:
        return None
    place = {
        "x": quantity("kept", "records kept, %", scale={"domain": [0, 100]}),
        "y": quantity("span_f1", "span F1 of the kept"),
    }
    dots: Spec = {
        "mark": {"type": "point", "filled": True, "opacity": 0.85},
        "encoding": {
            **place,
            "color": LANG,
            "size": quantity("source", "source records", scale={"range": [60, 400]}, legend=None),
            "tooltip": [{"field": key} for key in ("subset", "lang", "kept", "span_f1", "chrf", "source")],
        },
    }
    names: Spec = {
        "mark": {"type": "text", "dy": -12, "fontSize": 10},
        "encoding": {**place, "text": {"field": "subset"}},
    }
    return of(rows, layer=[dots, names])


def reasons(translation: Spec) -> Spec | None:
    """Why records were lost, a bar a rule, by language."""
    rows: Rows = [
        {"lang": lang, "reason": reason, "records": n}
        for lang, row in translation.items()
        for reason, n in row["reasons"].items()
    ]
    if not rows:
        return None
    encoding = {
        "y": {"field": "reason", "type": "nominal", "sort": "-x", "title": None},
        "x": quantity("records", "records refused"),
        "color": LANG,
        "tooltip": [{"field": key} for key in ("reason", "lang", "records")],
    }
    return of(rows, mark={"type": "bar", "cornerRadiusEnd": 2}, encoding=encoding, height={"step": 20})


def filter_curve(rows: Rows) -> Spec | None:
    """Retention against quality: the curve of the rules one after the other, and each rule alone."""
    if not rows:
        return None
    place = {
        "x": quantity("kept", "records kept, %", scale={"zero": False}),
        "y": quantity("chrf", "chrF of the kept", scale={"zero": False}),
    }
    tips = [{"field": key} for key in ("rule", "path", "lang", "kept", "records", "chrf", "span_f1")]
    line: Spec = {
        "transform": [{"filter": "datum.path == 'one by one'"}],
        "mark": {"type": "line", "point": True, "strokeWidth": 2},
        "encoding": {**place, "color": LANG, "order": {"field": "kept"}, "tooltip": tips},
    }
    dots: Spec = {
        "transform": [{"filter": "datum.path == 'alone'"}],
        "mark": {"type": "point", "shape": "diamond", "opacity": 0.8},
        "encoding": {**place, "color": LANG, "tooltip": tips},
    }
    return of(rows, layer=[line, dots])


def checks_curve(rows: Rows) -> Spec | None:
    """Of the checks with a threshold: true references refused against corruptions caught."""
    if not rows:
        return None
    encoding = {
        "x": quantity("refused", "true references refused", axis={"format": "%"}),
        "y": quantity("caught", "planted faults caught", axis={"format": "%"}),
        "color": LANG,
        "order": {"field": "threshold"},
        "strokeDash": {"field": "kind", "type": "nominal", "title": "check"},
        "tooltip": [{"field": key} for key in ("kind", "lang", "threshold", "caught", "refused")],
    }
    return of(rows, mark={"type": "line", "interpolate": "step-after"}, encoding=encoding)


def prompts(metrics: Spec) -> Spec | None:
    """Prompt against prompt: retention and span F1 of each arm; a line joins a prompt without and with the checks."""
    rows: Rows = [
        {"arm": arm, "prompt": arm.removesuffix("_checked"), "lang": lang, "kept": round(100 * cell["kept_with_all_spans"] / cell["source"], 2), "span_f1": cell["span_f1"], "chrf": cell["chrf"]}
        for arm, own in metrics.items()
        if not arm.startswith("paired")
        for lang, cell in own.items()
        if cell["source"] and "span_f1" in cell
    ]  # fmt: skip
    if not rows:
        return None
    place = {
        "x": quantity("kept", "kept with all spans, %", scale={"domain": [0, 100]}),
        "y": quantity("span_f1", "span F1 of the kept"),
    }
    tips = [{"field": key} for key in ("arm", "lang", "kept", "span_f1", "chrf")]
    dots: Spec = {
        "mark": {"type": "point", "filled": True, "size": 90},
        "encoding": {
            **place,
            "color": LANG,
            "shape": {"field": "arm", "type": "nominal", "legend": GREY},
            "tooltip": tips,
        },
    }
    line: Spec = {
        "mark": {"type": "line", "opacity": 0.4},
        "encoding": {**place, "color": LANG, "detail": {"field": "prompt"}},
    }
    return of(rows, layer=[line, dots])


def calibrated(quality: Spec) -> Spec | None:
    """The reviewed records beside their references, a row a language and figure: as translated, as filtered, as people left
    them, each with its interval."""
    spans = {state: totals(own["intervals"]) for state, own in quality["states"].items()}
    rows: Rows = [
        {"row": f"{lang} {title}", "lang": lang, "figure": title, "state": state, "value": own["figures"][lang][figure], "records": n,
         **spans[state][lang][figure]}
        for lang, n in quality["records"].items()
        if n
        for figure, title in (("chrf", "chrF"), ("span_f1", "span F1"))
        for state, own in quality["states"].items()
    ]  # fmt: skip
    if not rows:
        return None
    shared = {
        "y": {"field": "row", "type": "nominal", "sort": None, "title": None},
        "yOffset": {"field": "state", "sort": list(STATES)},
        "color": {
            "field": "state",
            "type": "nominal",
            "title": None,
            "scale": {"domain": list(STATES), "range": list(STATES.values())},
            "legend": {"orient": "top"},
        },
        "tooltip": [{"field": key} for key in ("lang", "figure", "state", "value", "low", "high", "records")],
    }
    bounds: Spec = {
        "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.6},
        "encoding": {**shared, "x": quantity("low", "in percent, with 95 % interval"), "x2": {"field": "high"}},
    }
    dots: Spec = {
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
        "encoding": {**shared, "x": quantity("value", "in percent, with 95 % interval", scale={"domain": [0, 100]})},
    }
    return of(rows, layer=[bounds, dots], height={"step": 12})


def loss(rows: Rows) -> Spec | None:
    """Loss in training and on the held-out examples, by step."""
    long: Rows = [
        {"step": row["step"], "loss": row[key], "part": name}
        for row in rows
        for key, name in (("loss", "training"), ("validation_loss", "validation"))
        if row.get(key) is not None
    ]
    if not long:
        return None
    encoding = {
        "x": quantity("step", "step"),
        "y": quantity("loss", "loss"),
        "color": {"field": "part", "type": "nominal", "title": None},
        "tooltip": [{"field": key} for key in ("part", "step", "loss")],
    }
    return of(long, mark={"type": "line", "point": True}, encoding=encoding)


def error_kinds(rows: Rows, order: Sequence[str]) -> Spec | None:
    """Shares of the kinds of errors in each cell."""
    if not rows:
        return None
    encoding = {
        "y": {"field": "subset", "type": "nominal", "sort": list(SUBSETS), "title": None},
        "x": quantity("n", "share of extractions", stack="normalize", axis={"format": "%"}),
        "color": {
            "field": "class",
            "type": "nominal",
            "sort": list(order),
            "title": None,
            "scale": {"domain": list(order), "range": KIND_COLOURS},
        },
        "order": {"field": "rank"},
        "row": {"field": "lang", "type": "nominal", "title": None},
        "tooltip": [{"field": key} for key in ("class", "lang", "subset", "n")],
    }
    ranked = [{**row, "rank": order.index(str(row["class"]))} for row in rows if row["class"] in order]
    return of(ranked, mark="bar", encoding=encoding, width=800, height={"step": 18})  # the page fits it to its place


def heat(
    systems: dict[str, Spec], intervals: dict[str, Spec], published: Sequence[Spec], level: str
) -> list[dict[str, Any]]:
    """The heat map of a level: a row a cell and language, a column a system: value, interval where there is one, and n.

    Published systems stand in columns of their own, with the mark of their source.
    """
    first = next(iter(systems.values()), {})
    places = [(lang, name, cell["n"]) for lang, name, cell in cells(first)]
    places += [(lang, "all", row["n"]) for lang, row in totals(first).items() if lang != "all"]
    names = list(dict.fromkeys(entry["system"] for entry in published if level in entry))
    result = []
    for lang, name, n in sorted(places, key=lambda item: (item[0], (*SUBSETS, "all").index(item[1]))):
        row: dict[str, Any] = {"lang": lang, "subset": name, "n": n, "cells": []}
        for system, metrics in systems.items():
            value = metrics.get(lang, {}).get(name, {}).get(level)
            bounds = intervals.get(system, {}).get(lang, {}).get(name, {}).get(level)
            row["cells"].append({"system": system, "value": value, "bounds": bounds, "mark": None})
        for system in names:
            found = next((e for e in published if (e["system"], e["lang"], e["subset"]) == (system, lang, name)), {})
            row["cells"].append(
                {"system": system, "value": found.get(level), "mark": found.get("mark"), "bounds": None}
            )
        result.append(row)
    return result
