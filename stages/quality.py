"""How much each translation kept and how good it is against the hand-made references.

    python -m stages.quality --filtered data/filtered/ja.jsonl … --ledger data/ledger/ja.jsonl … \\
        --usage data/usage/translate-ja.json … --references data/raw/references.jsonl --metrics metrics/translation.json

Every figure of quality stands twice, side by side: on the kept records, and (`…_all`) on all source records that have a
reference, a lost one counting as zero, so that keeping fewer records cannot look like better translation.

- chrf: mean sentence chrF of the texts (Popović 2015; sacrebleu's default: characters, order 6, beta 2), 0 to 100.
- span_f1: micro F1 of the multisets of span texts a record. label_f1: the same of whole extractions, label and spans.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sacrebleu.metrics.chrf import CHRF

from stages import params
from stages.joins import by_language
from stages.record import Record, fields_of
from stages.run import run
from stages.schema import read_checked, read_checked_json, read_records, write_checked_json
from stages.tasks import SUBSETS, task_of

Counts = Counter[Any]


def f1(pairs: Iterable[tuple[Counts, Counts]]) -> float:
    """Micro F1 in percent over (predicted, gold) multisets; 100 where there is nothing on either side."""
    hit = predicted = gold = 0
    for left, right in pairs:
        hit += (left & right).total()
        predicted += left.total()
        gold += right.total()
    return 100.0 if predicted + gold == 0 else 200.0 * hit / (predicted + gold)


def spans(record: Record) -> Counts:
    """Multiset of span texts."""
    return Counter(span["text"] for item in record["extractions"] for span in item["spans"])


def extractions(record: Record) -> Counts:
    """Multiset of extractions as field tuples."""
    task = task_of(record["subset"], record["task"])
    return Counter(fields_of(item, task) for item in record["extractions"])


def quality(ledger: Sequence[dict[str, Any]], kept: dict[str, Record], references: dict[str, Record]) -> dict[str, Any]:
    """The figures of one cell: counts from the ledger, quality where a reference exists (else null)."""
    outcomes = Counter(line["outcome"] for line in ledger)
    result: dict[str, Any] = {
        "source": len(ledger),
        "kept": outcomes["kept"] + outcomes["repaired"],
        "repaired": outcomes["repaired"],
        "quarantined": outcomes["quarantined"],
        "retention": round((outcomes["kept"] + outcomes["repaired"]) / len(ledger), 4),
    }
    measured = [references[line["id"]] for line in ledger if line["id"] in references]
    pairs = [(kept[reference["id"]], reference) for reference in measured if reference["id"] in kept]
    lost = [reference for reference in measured if reference["id"] not in kept]
    chrf = CHRF()
    scores = [chrf.sentence_score(record["text"], [reference["text"]]).score for record, reference in pairs]
    result["references"] = len(measured)
    if measured:
        result["chrf"] = round(sum(scores) / len(scores), 2) if scores else 0.0
        result["chrf_all"] = round(sum(scores) / len(measured), 2)
        for name, view in (("span_f1", spans), ("label_f1", extractions)):
            held = [(view(record), view(reference)) for record, reference in pairs]
            result[name] = round(f1(held), 2) if held else 0.0
            result[name + "_all"] = round(f1(held + [(Counter(), view(reference)) for reference in lost]), 2)
    return result


def account(usage: dict[str, Any]) -> dict[str, Any]:
    """Who translated, by which prompt, with how many calls and tokens; the card says how the model was served."""
    keys = ("models", "prompt", "prompt_sha256", "calls", "prompt_tokens", "completion_tokens")
    card = {key: usage["card"].get(key) for key in ("name", "quantisation", "weights_sha256", "server")}
    return {**{key: usage[key] for key in keys}, "card": card}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.quality", description=__doc__.split("\n")[0])
    for option in ("filtered", "ledger", "usage"):
        parser.add_argument(f"--{option}", nargs="+", required=True, help="one file a language")
    parser.add_argument("--references", required=True)
    parser.add_argument("--metrics", required=True)
    options = parser.parse_args(arguments)
    languages = params.read("languages")
    ledgers, filtered = by_language(options.ledger, languages), by_language(options.filtered, languages)
    usages = {path.rsplit("-", 1)[1].removesuffix(".json"): path for path in options.usage}
    references = {record["id"]: record for record in read_records(options.references)}
    metrics: dict[str, Any] = {}
    for lang in languages:
        ledger = read_checked(ledgers[lang], "ledger")
        kept = {record["id"]: record for record in read_records(filtered[lang])}
        cells = {name: [line for line in ledger if line["subset"] == name] for name in SUBSETS}
        metrics[lang] = {name: quality(lines, kept, references) for name, lines in cells.items() if lines}
        if ledger:
            metrics[lang]["all"] = quality(ledger, kept, references)
        metrics[lang]["reasons"] = dict(
            sorted(Counter(reason for line in ledger for reason in line["reasons"]).items())
        )
        metrics[lang]["usage"] = account(read_checked_json(usages[lang], "usage"))
    write_checked_json(options.metrics, metrics, "translation_metrics")
    for lang in languages:
        if "all" in metrics[lang]:
            cell = metrics[lang]["all"]
            print(
                f"{lang}: {cell['kept']} of {cell['source']} kept, chrF {cell.get('chrf')} on kept, {cell.get('chrf_all')} on all"
            )


if __name__ == "__main__":
    run(main)
