"""Writes the report as one page that opens offline: the figures as charts, and a browser of all records.

    python -m stages.report.page --out metrics/report.html

It is made from the metrics of `stages.report.inputs` and the records of `stages.report.artifacts`, as far as they are there;
what is absent has no section. Nothing is fetched: style, code, chart library (Vega-Lite, out of `vl-convert-python`) and data
stand in the file, and its content policy forbids any request. Records are hostile data: the template escapes them, and
the page's code writes them as text, never as HTML.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vl_convert
from markupsafe import Markup

from stages.checks import Checks
from stages.core import config
from stages.core.config import Languages
from stages.core.files import dumps, write_bytes
from stages.core.run import run
from stages.records.tasks import LEVELS
from stages.report import artifacts, browser, charts, published, sankey, story
from stages.report.artifacts import Artifacts
from stages.report.inputs import PUBLISHED, Metrics, read_metrics
from stages.report.report import SYSTEMS, TEMPLATES, environment
from stages.report.score_tables import provenance, verdict
from stages.scoring.bootstrap import Evaluate
from stages.scoring.error_analysis import KINDS
from stages.scoring.score import totals

CURVES = {"loss": "metrics/loss.csv", "classes": "metrics/error_classes.csv", "checks": "metrics/checks_curve.csv"}


def embedded(value: Any) -> Markup:
    """JSON that can stand in a script element: no `<` can end it."""
    text = dumps(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def library() -> Markup:
    """Vega, Vega-Lite and vega-embed as one script (BSD-3-Clause), out of the package."""
    bundle = vl_convert.javascript_bundle(None)  # type: ignore[arg-type]  # no snippet: the whole
    return Markup(bundle.replace("</script", "<\\/script"))


def headline(given: dict[str, Metrics | None], found: Artifacts, drawing: Evaluate) -> list[dict[str, Any]]:
    """The three numbers that matter, each {title, value, bounds, note}, of those that there are."""
    result = []
    kept = story.retention(found, drawing.resamples, drawing.seed)
    if kept:
        result.append(
            {
                "title": "of the translated records are kept",
                "value": f"{kept['percent']:.0f} %",
                "bounds": f"{kept['low']:.0f} to {kept['high']:.0f} %",
                "note": f"{kept['kept']} of {kept['source']}; the filter refuses the others by rule",
            }
        )
    read = ((given["checks"] or {}).get("reading") or {}).get("all")
    if read:
        good, bad = read["adequate"]["n"], read["inadequate"]["n"]
        low, high = wilson(good, good + bad)
        result.append(
            {
                "title": "of translations read were adequate",
                "value": f"{100 * good / (good + bad):.0f} %",
                "bounds": f"{low:.0f} to {high:.0f} %",
                "note": f"{good} of {good + bad} that the paper's filters keep; the checks find {read['inadequate']['found']} of the bad",
            }
        )
    # What is released is shown first, the model of this run beside it; where nothing is, this run's stands alone.
    released = bool(given["released"] and given["released_intervals"])
    shown, run_of_now = ("released", given["evaluation"]) if released else ("evaluation", None)
    scores, bounds = given[shown], given[f"{shown}_intervals"]
    if scores and bounds:
        level = next(level for level in ("WL", "TL", "ALL") if level in scores["all"])
        own = bounds["intervals"]["all"][level]
        others = {"this run's model": run_of_now, "a linear model": given["baseline"]}
        beside = [f"{name} has {other['all'][level]:.1f}" for name, other in others.items() if other]
        result.append(
            {
                "title": f"{level} of the {'released ' if released else ''}model on the frozen test set",
                "value": f"{scores['all'][level]:.1f}",
                "bounds": f"{own['low']:.1f} to {own['high']:.1f}",
                "note": "; ".join([f"{scores['all']['n']} records", *beside]),
            }
        )
    return result


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The interval of a share at 95 %, in percent (Wilson, JASA 22, 1927)."""
    z, share = 1.959964, part / whole
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * (share * (1 - share) / whole + z * z / (4 * whole * whole)) ** 0.5
    return 100 * (middle - half), 100 * (middle + half)


def specs(given: dict[str, Metrics | None], found: Artifacts, languages: Languages) -> dict[str, Any]:
    """The charts that there are data for, by their place in the page."""
    translation, prompts, calibrated = given["translation"], given["prompts"], given["calibrated"]
    made = {
        "quality": charts.retention_quality(translation) if translation else None,
        "reasons": charts.reasons(translation) if translation else None,
        "curve": charts.filter_curve(story.filter_curve(found, languages)),
        "checks": charts.checks_curve(charts.read_csv(CURVES["checks"])),
        "prompts": charts.prompts(prompts) if prompts else None,
        "calibrated": charts.calibrated(calibrated) if calibrated else None,
        "loss": charts.loss(charts.read_csv(CURVES["loss"])),
        "errors": charts.error_kinds(charts.read_csv(CURVES["classes"]), KINDS),
    }
    return {name: spec for name, spec in made.items() if spec}


def built(given: dict[str, Metrics | None], found: Artifacts) -> list[str]:
    """What was built from what, a line each."""
    lines = []
    if found.sources:
        kinds = sorted({record["source"] for record in [*found.sources.values(), *found.natural.values()]})
        lines.append(f"{len(found.sources):,} source and {len(found.natural):,} natural records, of {', '.join(kinds)}")
    if given["translation"]:
        lines.append(f"translated by {provenance(given['translation'])}")
    if given["mix"]:
        parts = {part: given["mix"][part]["examples"] for part in ("train", "test", "test_translated")}
        lines.append("mixed into " + ", ".join(f"{n:,} {part.replace('_', ' ')}" for part, n in parts.items()))
    if train := given["train"]:
        lines.append(f"trained by {train['method']}, {train['steps']:,} steps on {train['examples']:,} examples")
    return lines


def cost(translation: Metrics | None) -> list[dict[str, Any]]:
    """A row a language: who translated, calls, tokens, dollars."""
    keys = ("calls", "prompt_tokens", "completion_tokens", "priced_as", "usd", "usd_per_1000_kept")
    return [
        {"lang": lang, "models": ", ".join(row["usage"]["models"]), **{key: row["usage"][key] for key in keys}}
        for lang, row in (translation or {}).items()
    ]


def calibration(metrics: Metrics | None) -> dict[str, Any] | None:
    """Who corrected the translations, and a row a language of what they decided; None where nobody did."""
    if not metrics or not metrics["reviewed"]:
        return None
    counts = ("records", "reviewed", "edited", "accepted", "restored", "rejected")
    rows = [
        {"lang": lang, **{key: sum(cell[key] for cell in cells.values()) for key in counts}}
        for lang, cells in metrics["by_language"].items()
    ]
    rows.append({"lang": "all", **{key: metrics[key] for key in counts}})
    return {
        "people": metrics["annotators"],
        "rows": [row for row in rows if row["reviewed"]],
        "share": round(100 * metrics["share_corrected"], 1),
        "conflicts": metrics["conflicts"],
        "median": metrics["median_seconds"],
    }


def gained(quality: Metrics) -> list[dict[str, Any]]:
    """A row a language and figure: the reviewed records as translated and as corrected, and the paired difference."""
    changes = totals(quality["differences"]["translated"])
    return [
        {
            "lang": lang,
            "records": records,
            "figure": title,
            **{state: quality["states"][state]["figures"][lang][figure] for state in ("translated", "calibrated")},
            "change": changes[lang][figure],
        }
        for lang, records in quality["records"].items()
        if records
        for figure, title in (("chrf", "chrF"), ("span_f1", "span F1"), ("label_f1", "span and label F1"))
    ]


def scorers(metrics: Metrics | None) -> list[dict[str, Any]]:
    """A row a rule of counting: F1 of spans overall, of relations and events, None where it has none."""
    return [
        {
            "rule": name,
            "spans": row.get("spans", {}).get("all"),
            "relations": row.get("relations"),
            "events": row.get("events"),
        }
        for name, row in (metrics or {"rules": {}})["rules"].items()
    ]


def render(languages: Languages, drawing: Evaluate) -> str:
    """The whole page."""
    given, found = read_metrics(), artifacts.load(languages)
    evaluation = given["evaluation"]
    systems = {name: metrics for key, name in SYSTEMS.items() if (metrics := given[key])}
    told, bounds = (
        published.load(PUBLISHED),
        {name: own["intervals"] for key, name in SYSTEMS.items() if (own := given[f"{key}_intervals"])},
    )
    rows, drawings = browser.rows(found, config.read("checks", Checks)), specs(given, found, languages)
    shown = {
        "headline": headline(given, found, drawing),
        "built": built(given, found),
        "verdict": verdict(evaluation, given["baseline"], bounds.get(SYSTEMS["evaluation"])),
        "story": Markup(sankey.svg(story.COLUMNS, story.flows(found))),
        "languages": sorted({row["l"] for row in rows}),
        "charts": drawings,
        "heat": {
            level: charts.heat(systems, bounds, told, level)
            for level in LEVELS
            if evaluation and level in evaluation["all"]
        },
        "systems": list(systems),
        "published": {level: list(dict.fromkeys(e["system"] for e in told if level in e)) for level in LEVELS},
        "published_note": published.NOTE,
        "scorers": scorers(given["external_scorers"]),
        "cost": cost(given["translation"]),
        "translation": given["translation"],
        "prompts": given["prompts"],
        "calibration": calibration(given["calibration"]),
        "gained": given["calibrated"] and gained(given["calibrated"]),
        "records": len(rows),
        "data": embedded({"records": rows, "charts": drawings}),
        "style": Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
        "code": Markup((TEMPLATES / "page.js").read_text(encoding="utf-8")),
        "library": library(),
    }
    return environment(autoescape=True).get_template("page.html.j2").render(shown)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.report.page", description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    page = render(config.read("languages", Languages), config.read("evaluate", Evaluate))
    write_bytes(Path(options.out), page.encode("utf-8", "replace"))
    print(f"{options.out}: {len(page) / 1e6:.1f} MB")


if __name__ == "__main__":
    run(main)
