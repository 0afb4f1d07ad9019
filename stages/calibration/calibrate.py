"""Applies people's patches to the records of one language: append-only, each guarded by a hash, each with a fate.

    python -m stages.calibration.calibrate --lang en --records data/tconer/records.jsonl --filtered data/filtered/en.jsonl \\
        --quarantine data/quarantine/en.jsonl --patches data/calibration \\
        --out data/calibrated/en.jsonl --report data/calibrated/en.report.jsonl

Reads the source records of the language, the kept translations into it and the quarantined ones, which a patch can restore.
A patch (schema `patch`, docs/review.md) names its record and the hash of the record as its author saw it: if the record has
changed since (another prompt, another person's patch), the report has the patch and the record side by side as a conflict,
and the record stays. Every line of every file has one fate; one that is wrong stops no other. A patch to a source record does not
translate it again.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import Any

from stages.calibration.apply import Case, fate, settle
from stages.calibration.patches import Line, read, record_hash
from stages.core import config
from stages.core.config import Languages
from stages.core.run import run
from stages.core.schema import read_checked, write_checked
from stages.records.record import Record, with_lang
from stages.records.rules import carried_faults, read_records, write_records
from stages.records.tasks import subset

__all__ = ["calibrate", "cases_of", "record_hash"]


def without_text(source: Record, lang: str) -> Record:
    """What stands for a translation that failed: the source's record with the label of the language, no text, no spans."""
    label = source["text_label"]
    return {
        **source,
        "id": with_lang(source["id"], lang),
        "lang": lang,
        "text": "",
        "text_label": label and subset(source["subset"]).text_label(label, source["lang"], lang),
        "extractions": [],
    }


def cases_of(
    records: Sequence[Record], filtered: Sequence[Record], quarantine: Sequence[dict[str, Any]], lang: str
) -> list[Case]:
    """Every record of a language that a patch may name: its sources, kept translations and quarantined ones."""
    sources = {record["id"]: record for record in records}
    cases = [Case(record, "in") for record in records if record["lang"] == lang]
    cases += [Case(record, "in") for record in filtered]
    for item in quarantine:
        if record := item["record"] or (
            item["source_id"] in sources and without_text(sources[item["source_id"]], lang)
        ):
            cases.append(Case(record, "quarantined"))
    return cases


def of_language(lines: Sequence[Line], lang: str, languages: Sequence[str]) -> tuple[list[Line], list[Line]]:
    """(the lines that concern a language, those of them that name no language of the project). A line that does not tell
    its language concerns all."""
    own, strange = list[Line](), list[Line]()
    for line in lines:
        named = line.patch["record_id"] if line.patch else line.record_id
        code = named.rsplit("/", 1)[-1] if named else None
        if line.patch and code not in languages:
            strange.append(line)
        elif code == lang or code not in languages:
            own.append(line)
    return own, strange


def calibrate(cases: Sequence[Case], lines: Sequence[Line]) -> tuple[list[Record], list[dict[str, Any]]]:
    """(the records that are in after all patches that hold, the fate of each line)."""
    settled, report = settle(cases, lines)
    return [case.record for case in settled if case.status == "in"], report


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.calibration.calibrate", description=__doc__.split("\n")[0])
    for option in ("lang", "records", "filtered", "patches", "out", "report"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--quarantine", help="quarantined translations, which patches can restore")
    options = parser.parse_args(arguments)
    languages = config.read("languages", Languages)
    quarantine = read_checked(options.quarantine, "translation", carried_faults) if options.quarantine else []
    cases = cases_of(read_records(options.records), read_records(options.filtered), quarantine, options.lang)
    lines = read(options.patches)
    own, strange = of_language(lines, options.lang, languages)
    result, report = calibrate(cases, own)
    said = f"its id ends in none of {', '.join(languages)}"
    report += [fate(line, "unknown_language", said, patch=line.patch) for line in strange]
    order = {line.place: n for n, line in enumerate(lines)}
    report.sort(key=lambda line: order[line["place"]])
    write_records(options.out, result)
    write_checked(options.report, report, "patch_report")
    counts = Counter(line["outcome"] for line in report)
    print(f"{options.lang}: {len(result)} records, {counts['applied']} of {len(report)} patches applied")
    for line in report:
        if line["outcome"] != "applied" or line["message"]:
            named = f" {line['op']} of {line['record_id']}:" if line["op"] else ""
            print(f"{line['place']}:{named} {line['outcome']}: {line['message']}")


if __name__ == "__main__":
    run(main)
