"""Keeps or quarantines each translated record, by rule, with reasons; the ledger says what became of every source record.

    python -m stages.filter --lang en --records data/tconer/records.jsonl --translated data/translated/en.jsonl \\
        --kept data/filtered/en.jsonl --quarantine data/quarantine/en.jsonl --ledger data/ledger/en.jsonl

The rules are the paper's two, each with a switch in params: `untranslated` (characters of the source language left) and
`unaligned` (a span that is not in the text). A record without an answer is quarantined under the code of its failure. The
stage fails if the ledger does not balance: one line for each source record of another language, no more, no fewer.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import regex

from stages import params
from stages.errors import UserError
from stages.params import Filter
from stages.record import Record, unaligned, with_lang
from stages.run import run
from stages.schema import read_checked, read_records, write_checked, write_records

# Script properties, not blocks: ・ and ー stand in the Katakana block but are common to scripts, and good Chinese has ・.
KANA = regex.compile(r"[\p{Script=Hiragana}\p{Script=Katakana}]")
HAN = regex.compile(r"\p{Script=Han}")
JAPANESE = regex.compile(r"[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]")
# Script=Han holds these too; they are marks and numerals that stand in good text of any language.
NOT_LETTERS = frozenset("々〇〻")


@cache
def outside_gb2312(character: str) -> bool:
    """Whether a Han character is none of mainland China's basic set, as Japanese and traditional shapes are."""
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return character not in NOT_LETTERS
    return False


def untranslated(record: Record) -> Iterator[str]:
    """Codes of what is left of the source language in the text or a span.

    en: any kana or Han character. zh: kana (`untranslated_kana`), or Han outside GB2312 (`untranslated_han`). ja, from
    English: a text without one Japanese character.
    """
    parts = [record["text"], *(span["text"] for item in record["extractions"] for span in item["spans"])]
    if record["lang"] == "ja":
        if not JAPANESE.search(record["text"]):
            yield "untranslated_text"
    elif record["lang"] == "zh":
        if any(KANA.search(part) for part in parts):
            yield "untranslated_kana"
        if any(outside_gb2312(character) for part in parts for character in HAN.findall(part)):
            yield "untranslated_han"
    elif any(JAPANESE.search(part) for part in parts):
        yield "untranslated_japanese"


def reasons(translation: dict[str, Any], rules: Filter) -> list[str]:
    """Why a translation is not kept; empty if it is."""
    if translation["failure"]:
        return ["no_answer_" + translation["failure"]]
    record, found = translation["record"], list[str]()
    if rules.untranslated:
        found += untranslated(record)
    if rules.unaligned and unaligned(record):
        found.append("unaligned")
    return found


def filter_records(
    records: Sequence[Record], translations: Sequence[dict[str, Any]], lang: str, rules: Filter
) -> tuple[list[Record], list[dict[str, Any]], list[dict[str, Any]]]:
    """(kept records, quarantined translations with reasons, ledger); UserError if a source record has not one fate."""
    expected = {with_lang(record["id"], lang): record for record in records if record["lang"] != lang}
    kept, quarantine, ledger = list[Record](), list[dict[str, Any]](), list[dict[str, Any]]()
    for translation in translations:
        source = expected.pop(translation["id"], None)
        if source is None:
            raise UserError(translation["id"], "translated twice, or from no source record", "run translate again")
        found = reasons(translation, rules)
        if found:
            quarantine.append({**translation, "reasons": found})
        else:
            kept.append(translation["record"])
        ledger.append(
            {
                "id": translation["id"],
                "source_id": translation["source_id"],
                "subset": source["subset"],
                "lang": lang,
                "outcome": "quarantined" if found else "kept",
                "reasons": found,
            }
        )
    if expected:
        raise UserError(min(expected), f"{len(expected)} source records have no translation", "run translate again")
    return kept, quarantine, ledger


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.filter", description=__doc__.split("\n")[0])
    for option in ("lang", "records", "translated", "kept", "quarantine", "ledger"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    kept, quarantine, ledger = filter_records(
        read_records(options.records),
        read_checked(options.translated, "translation"),
        options.lang,
        params.read("filter"),
    )
    write_records(options.kept, kept)
    write_checked(options.quarantine, quarantine, "translation")
    write_checked(options.ledger, ledger, "ledger")
    print(f"{options.lang}: {len(ledger)} source records = {len(kept)} kept + {len(quarantine)} quarantined")


if __name__ == "__main__":
    run(main)
