"""What people's corrections are worth: the reviewed records beside their hand-made references, before and after.

    python -m stages.report.calibrated_quality --calibrated data/calibrated --translated data/translated --filtered data/filtered \\
        --references data/raw/references.jsonl --metrics metrics/calibrated_quality.json

Three states of the same records: `translated` as the machine gave them, `filtered` as the filter kept them, `calibrated` as people left them; a
record that is lost in a state counts as zero there. Only records with a patch that holds and a reference count: the rest did not change.
Figures, intervals and paired differences are those of `stages/report/translation_quality.py`, over texts. References are the sample's one
translation of many that are right: chrF and spans tell how near a correction comes to it, not how good it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core import config
from stages.core.config import Languages
from stages.core.joins import by_language
from stages.core.run import run
from stages.core.schema import read_checked, write_checked_json
from stages.records.record import Record
from stages.records.rules import carried_faults, read_records
from stages.report.translation_quality import Measured, differences, intervals, measure, summary
from stages.scoring.bootstrap import LEVEL, Evaluate

States = Mapping[str, Mapping[str, Record]]  # by the name of the state and the record id


def compared(
    reviewed: Sequence[str], states: States, references: Mapping[str, Record], drawing: Evaluate
) -> dict[str, Any]:
    """Figures of each state by language, their intervals, and calibrated minus translated and minus filtered, paired."""
    names = [name for name in sorted(reviewed) if name in references]
    measured = {
        state: [measure(records.get(name), references[name]) for name in names] for state, records in states.items()
    }

    def figures(own: Sequence[Measured], lang: str | None) -> dict[str, float]:
        chosen = [item for item in own if lang in (None, item.cell[0])]
        return {"in": sum(item.kept for item in chosen), **summary(chosen)}

    langs: list[str | None] = [*sorted({references[name]["lang"] for name in names}), None]
    return {
        "records": {lang or "all": sum(lang in (None, references[name]["lang"]) for name in names) for lang in langs},
        "texts": len({references[name]["group"] for name in names}),
        "states": {
            state: {
                "figures": {lang or "all": figures(own, lang) for lang in langs},
                "intervals": intervals(own, drawing.resamples, drawing.seed),
            }
            for state, own in measured.items()
        },
        "differences": {
            state: differences(own, measured["calibrated"], drawing.resamples, drawing.seed)
            for state, own in measured.items()
            if state != "calibrated"
        },
        "resamples": drawing.resamples,
        "seed": drawing.seed,
        "level": LEVEL,
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.report.calibrated_quality", description=__doc__.split("\n")[0]
    )
    for option in ("calibrated", "translated", "filtered"):
        parser.add_argument(f"--{option}", required=True, help="folder of one file a language")
    for option in ("references", "metrics"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    languages, drawing = config.read("languages", Languages), config.read("evaluate", Evaluate)
    reports = by_language(options.calibrated, languages, ".report.jsonl")
    reviewed = {
        line["record_id"]
        for path in reports.values()
        for line in read_checked(path, "patch_report")
        if line["outcome"] in ("applied", "quarantined") and line["op"] != "withdraw"
    }
    translations = [
        item
        for path in by_language(options.translated, languages).values()
        for item in read_checked(path, "translation", carried_faults)
        if item["record"]
    ]
    states = {"translated": {item["id"]: item["record"] for item in translations}}
    for state, folder in (("filtered", options.filtered), ("calibrated", options.calibrated)):
        kept = [record for path in by_language(folder, languages).values() for record in read_records(path)]
        states[state] = {record["id"]: record for record in kept}
    references = {record["id"]: record for record in read_records(options.references)}
    metrics = compared(sorted(reviewed), states, references, drawing)
    write_checked_json(options.metrics, metrics, "calibrated_quality")
    print(f"{metrics['records']['all']} reviewed records have a reference")


if __name__ == "__main__":
    run(main)
