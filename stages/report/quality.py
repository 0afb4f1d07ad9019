"""How much each translation kept, what it cost, and how good it is against the hand-made references.

    python -m stages.report.quality --filtered data/filtered --ledger data/ledger \\
        --usage data/usage/translate --references data/raw/references.jsonl \\
        --metrics metrics/translation.json --intervals metrics/translation_intervals.json \\
        --headline metrics/headline/translation.json --reasons metrics/reasons.csv

Every figure of quality (`stages/report/translation_quality.py`) stands twice, side by side: on the kept records, and (`…_all`) on all source
records that have a reference, a lost one counting as zero, so that keeping fewer records cannot look like better
translation. Intervals are bootstrapped over groups, all languages and sub-datasets together (`stages/scoring/bootstrap.py`). `steps`
counts the spans that each step of span projection found, in the records that were kept; `by_model` the records by the model that
translated their text: the first, or the stronger one.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core import config
from stages.core.config import Languages
from stages.core.files import write_bytes
from stages.core.joins import by_language
from stages.core.run import run
from stages.core.schema import read_checked, read_checked_json, write_checked_json
from stages.llm.cost import cost_usd
from stages.records.record import Record
from stages.records.rules import read_records
from stages.records.tasks import SUBSETS
from stages.report.translation_quality import Measured, intervals, measure, summary
from stages.scoring.bootstrap import LEVEL, Evaluate
from stages.scoring.tables import csv

Line = dict[str, Any]


def measured_of(ledger: Sequence[Line], kept: dict[str, Record], references: dict[str, Record]) -> list[Measured]:
    """The records of a ledger that have a reference, measured."""
    return [measure(kept.get(line["id"]), references[line["id"]]) for line in ledger if line["id"] in references]


def quality(ledger: Sequence[Line], measured: Sequence[Measured]) -> dict[str, Any]:
    """The figures of one cell: counts from the ledger, quality where a reference exists."""
    outcomes = Counter(line["outcome"] for line in ledger)
    result: dict[str, Any] = {
        "source": len(ledger),
        "kept": outcomes["kept"] + outcomes["repaired"],
        "repaired": outcomes["repaired"],
        "quarantined": outcomes["quarantined"],
        "retention": round((outcomes["kept"] + outcomes["repaired"]) / len(ledger), 4),
        "references": len(measured),
    }
    if measured:
        held, over_all = summary([item for item in measured if item.kept]), summary(measured)
        for name, value in held.items():
            result[name], result[name + "_all"] = value, over_all[name]
    return result


def spread(measured: Sequence[Measured], languages: Sequence[str], resamples: int, seed: int) -> dict[str, Any]:
    """The intervals by language and sub-dataset: of each figure on the kept, and (`…_all`) on all."""
    held = intervals([item for item in measured if item.kept], resamples, seed)
    result: dict[str, Any] = {lang: {} for lang in languages}
    for lang, cells in intervals(measured, resamples, seed).items():
        if lang != "all":
            for name, cell in cells.items():
                on_all = {f"{figure}_all": bounds for figure, bounds in cell.items()}
                result[lang][name] = {**held.get(lang, {}).get(name, {}), **on_all}
    return result


def repairs(ledger: Sequence[Line]) -> dict[str, dict[str, int]]:
    """What span projection did for the records that were kept, and which model translated them."""
    held = [line for line in ledger if line["outcome"] != "quarantined"]
    steps, models = Counter[str](), Counter(line["model"] for line in held)
    for line in held:
        steps.update(line["steps"])
    return {"steps": dict(sorted(steps.items())), "by_model": dict(sorted(models.items()))}


def account(usage: dict[str, Any], kept: int, priced_as: str | None) -> dict[str, Any]:
    """Who translated, by which prompt, with how many calls and tokens, and for how much (`stages/llm/prices.yaml`).

    usd is of all calls, those of records that were lost too, at the model's own price; at that of `priced_as` where the own one
    is unknown or nothing, as a local model's is; null where neither has a price.
    """
    keys = ("models", "prompt", "prompt_sha256", "calls", "prompt_tokens", "completion_tokens")
    card = {key: usage["card"].get(key) for key in ("name", "quantisation", "weights_sha256", "server")}
    own = usage["models"][0] if len(usage["models"]) == 1 else ""
    model = own if cost_usd(own, 1, 1) else priced_as or own
    usd = cost_usd(model, usage["prompt_tokens"], usage["completion_tokens"])
    return {
        **{key: usage[key] for key in keys},
        "card": card,
        "priced_as": model,
        "usd": None if usd is None else round(float(usd), 6),
        "usd_per_1000_kept": None if usd is None or not kept else round(1000 * float(usd) / kept, 4),
    }


def headline(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The few figures of each language that DVC compares between prompts and experiments."""
    names = ("source", "kept", "retention", "chrf", "chrf_all", "span_f1", "span_f1_all")
    return {
        lang: {
            **{name: row["all"][name] for name in names if name in row["all"]},
            "usd_per_1000_kept": row["usage"]["usd_per_1000_kept"],
        }
        for lang, row in metrics.items()
        if "all" in row
    }


def of_language(
    ledger: Sequence[Line],
    kept: dict[str, Record],
    references: dict[str, Record],
    usage: dict[str, Any],
    priced_as: str | None,
) -> tuple[dict[str, Any], list[Measured]]:
    """(the figures of a language: a cell each sub-dataset, `all`, reasons, repairs, usage; its measured records, each once)."""
    cells = {name: [line for line in ledger if line["subset"] == name] for name in SUBSETS}
    cells = {name: lines for name, lines in cells.items() if lines}
    measured = {name: measured_of(lines, kept, references) for name, lines in cells.items()}
    whole = [item for own in measured.values() for item in own]
    row: dict[str, Any] = {name: quality(lines, measured[name]) for name, lines in cells.items()}
    if ledger:
        row["all"] = quality(ledger, measured_of(ledger, kept, references))
    row["reasons"] = dict(sorted(Counter(reason for line in ledger for reason in line["reasons"]).items()))
    return {**row, **repairs(ledger), "usage": account(usage, len(kept), priced_as)}, whole


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.report.quality", description=__doc__.split("\n")[0])
    for option in ("filtered", "ledger", "usage"):
        parser.add_argument(f"--{option}", required=True, help="folder of one file a language")
    for option in ("references", "metrics", "intervals", "headline", "reasons"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    languages, priced_as, drawing = (
        config.read("languages", Languages),
        config.read("translate.priced_as", str | None),
        config.read("evaluate", Evaluate),
    )
    ledgers, filtered = by_language(options.ledger, languages), by_language(options.filtered, languages)
    usages = by_language(options.usage, languages, ".json")
    references = {record["id"]: record for record in read_records(options.references)}
    metrics: dict[str, Any] = {}
    whole: list[Measured] = []
    for lang in languages:
        ledger = read_checked(ledgers[lang], "ledger")
        kept = {record["id"]: record for record in read_records(filtered[lang])}
        usage = read_checked_json(usages[lang], "usage")
        metrics[lang], measured = of_language(ledger, kept, references, usage, priced_as)
        whole += measured
    write_checked_json(options.metrics, metrics, "translation_metrics")
    write_checked_json(options.headline, headline(metrics), "headline")
    rows = [(reason, n, lang) for lang, row in metrics.items() for reason, n in row["reasons"].items()]
    write_bytes(options.reasons, csv(rows, ["reason", "records", "lang"]))
    write_checked_json(
        options.intervals,
        {
            "resamples": drawing.resamples,
            "seed": drawing.seed,
            "level": LEVEL,
            "intervals": spread(whole, languages, drawing.resamples, drawing.seed),
        },
        "translation_intervals",
    )
    for lang in languages:
        if "all" in metrics[lang]:
            cell = metrics[lang]["all"]
            measured_by = f", chrF {cell['chrf_all']} on all" if "chrf_all" in cell else ""
            on_kept = f", chrF {cell['chrf']} on kept" if "chrf" in cell else ""
            print(f"{lang}: {cell['kept']} of {cell['source']} kept{on_kept}{measured_by}")


if __name__ == "__main__":
    run(main)
