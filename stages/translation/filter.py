"""Keeps or quarantines each translated record, by rule, with reasons; the ledger says what became of every source record.

    python -m stages.translation.filter --lang en --records data/tconer/records.jsonl --translated data/translated/en.jsonl \\
        --kept data/filtered/en.jsonl --quarantine data/quarantine/en.jsonl --ledger data/ledger/en.jsonl

The paper's two rules, each with a switch in params: `untranslated` (characters of the source language left) and `unaligned`
(a span that is not in the text: the record is lost, or only its extraction is). Then what is no text at all
(`stages/translation/debris.py`), and the checks against the source of `stages/checks/`, with the switches of the section
`checks`. A record without an answer is quarantined under the code of its
failure. With `checks.likelihood`, `--likelihood FILE` has what `stages.translation.likelihood` found. The stage fails if the ledger does not balance: one line for each source record of another language.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import regex

from stages import checks
from stages.checks import Checks
from stages.checks.finding import Finding
from stages.checks.negation import evidence
from stages.core import config
from stages.core.errors import UserError
from stages.core.run import run
from stages.core.schema import read_checked, write_checked
from stages.records.record import Record, unaligned, with_lang
from stages.records.rules import read_records, write_records
from stages.records.tasks import script_class
from stages.text.writing_systems import untranslated
from stages.translation.debris import debris
from stages.translation.lines import read_translations, write_translations


@dataclass(frozen=True)
class Filter:
    """Section `filter`: the paper's two rules."""

    untranslated: bool
    unaligned: Literal["record", "span", "keep"]


Translation = dict[str, Any]


def without_lost(record: Record) -> tuple[Record, int]:
    """(the record without the extractions that have a span outside its text, how many those were)."""
    held = [item for item in record["extractions"] if all(span["start"] is not None for span in item["spans"])]
    return {**record, "extractions": held}, len(record["extractions"]) - len(held)


def in_no_script(record: Record) -> list[str]:
    """untranslated_text: the text holds no letter of the scripts that the table of its language names."""
    letters = script_class(record["lang"])
    return ["untranslated_text"] if letters and not regex.search(letters, record["text"]) else []


def judge(
    translation: Translation, source: Record, rules: Filter, switches: Checks | None, more: Sequence[Finding] = ()
) -> tuple[Record | None, list[str], int, list[str]]:
    """(candidate or None, why it is not kept, how many of its extractions were dropped, what is a warning and no reason);
    `switches` None: only the paper's rules."""
    if translation["failure"]:
        return None, ["no_answer_" + translation["failure"]], 0, []
    record, dropped, found, warned = translation["record"], 0, list[str](), list[str]()
    if rules.unaligned == "span":
        record, dropped = without_lost(record)
    if rules.untranslated:
        spans = [span["text"] for item in record["extractions"] for span in item["spans"]]
        found += untranslated(record["lang"], [record["text"], *spans])
        found += in_no_script(record)
    if rules.unaligned == "record" and unaligned(record):
        found.append("unaligned")
    if switches is not None:
        found += debris(source, record)
        verdict = checks.verdict(source, record, switches, more)
        found += verdict.refused if switches.warned == "keep" else [*verdict.refused, *verdict.warned]
        warned = verdict.warned
    return record, list(dict.fromkeys(found)), dropped, warned


def filter_records(
    records: Sequence[Record],
    translations: Sequence[Translation],
    lang: str,
    rules: Filter,
    switches: Checks | None,
    likelihood: Mapping[str, dict[str, Any]] | None = None,
) -> tuple[list[Record], list[Translation], list[dict[str, Any]]]:
    """(kept records, quarantined translations with reasons, ledger); UserError if a source record has not one fate.
    `likelihood`: by id, what a model finds of negations."""
    expected = {with_lang(record["id"], lang): record for record in records if record["lang"] != lang}
    kept, quarantine, ledger = list[Record](), list[Translation](), list[dict[str, Any]]()
    for translation in translations:
        source = expected.pop(translation["id"], None)
        if source is None:
            raise UserError(translation["id"], "translated twice, or from no source record", "run translate again")
        record, found, dropped, warned = judge(
            translation, source, rules, switches, evidence((likelihood or {}).get(translation["id"]))
        )
        # Whatever is not the first answer as it came: another attempt, a span looked for, a character or a span changed.
        mended = translation["model"] != "first" or dropped or not translation["steps"].keys() <= {"tag"}
        if found or record is None:
            quarantine.append({**translation, "reasons": found})
        else:
            kept.append(record)
        said = {"endpoint": translation["endpoint"]} if "endpoint" in translation else {}
        ledger.append(
            {
                "id": translation["id"],
                "source_id": translation["source_id"],
                "subset": source["subset"],
                "lang": lang,
                "outcome": "quarantined" if found else "repaired" if mended else "kept",
                "reasons": found,
                "warnings": warned,
                "model": translation["model"],
                "steps": translation["steps"],
                "dropped": dropped,
                **said,
            }
        )
    if expected:
        raise UserError(min(expected), f"{len(expected)} source records have no translation", "run translate again")
    return kept, quarantine, ledger


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.translation.filter", description=__doc__.split("\n")[0])
    for option in ("lang", "records", "translated", "kept", "quarantine", "ledger"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--likelihood", help="what stages.translation.likelihood wrote, for checks.likelihood")
    options = parser.parse_args(arguments)
    switches = config.read("checks", Checks)
    if switches.likelihood and not options.likelihood:
        remedy = "add the stage of docs/fidelity.md to dvc.yaml, or set it to false"
        raise UserError("params.yaml: checks: likelihood", "is on, and the filter has no --likelihood file", remedy)
    asked = read_checked(options.likelihood, "likelihood") if switches.likelihood else []
    kept, quarantine, ledger = filter_records(
        read_records(options.records),
        read_translations(options.translated),
        options.lang,
        config.read("filter", Filter),
        switches,
        {line["id"]: line for line in asked},
    )
    write_records(options.kept, kept)
    write_translations(options.quarantine, quarantine)
    write_checked(options.ledger, ledger, "ledger")
    print(f"{options.lang}: {len(ledger)} source records = {len(kept)} kept + {len(quarantine)} quarantined")
    sources = sorted({line["source_id"].rsplit("/", 1)[1] for line in ledger})
    for source in sources:
        if unknown := checks.without_table(source, options.lang):
            print(f"{source} to {options.lang}: no tables for the checks {', '.join(unknown)}, so they are off")
    if failed := sum("check_failed" in line["reasons"] for line in ledger):
        print(f"{options.lang}: a check failed on {failed} records, now in quarantine as check_failed")


if __name__ == "__main__":
    run(main)
