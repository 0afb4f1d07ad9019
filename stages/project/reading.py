"""The reading sheet: pairs of source and translation drawn at random, judged by people who do not see what the checks said.

    python -m stages.project.reading --records data/tconer/records.jsonl --translated data/translated --ledger data/ledger \\
        --read data/reading --sheet sheets/reading.csv --page sheets/reading.html --metrics metrics/headline/reading.json

Of each language `reading.sample` translated texts, kept or refused alike; which ones depends on the seed and the ids alone, so
that a larger sample holds the smaller one. The page saves a filled-in sheet, which goes to `data/reading/`, as does a CSV
filled in elsewhere: `adequate` (does it say what the source says: yes, no) and `spans` (does each part stand for its own: yes,
no). A row counts if it is still drawn and the translation is still the one that was read; where several people read one, the
last file by name counts. Shares are in percent with Wilson's interval at 95 %.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.calibration.sheet import safe_cell, table_of
from stages.core import config
from stages.core.config import Count, Languages, Seed
from stages.core.errors import UserError
from stages.core.files import dumps, write_bytes
from stages.core.joins import by_language
from stages.core.run import run
from stages.core.schema import read_checked, write_checked_json
from stages.records.record import Record
from stages.records.rules import read_records
from stages.report.page import embedded, wilson
from stages.translation.lines import read_translations

COLUMNS = ("key", "lang", "source", "translation", "parts", "adequate", "spans", "note")
ANSWERS = {"yes": True, "no": False}
QUESTIONS = ("adequate", "spans")
TEMPLATES = Path(__file__).parent


@dataclass(frozen=True)
class Reading:
    """Section `reading`: how many texts of each language are drawn."""

    sample: Count
    seed: Seed


@dataclass(frozen=True)
class Pair:
    """A drawn text: `parts` are (label, words of the source, words of the translation or ""), `kept` whether the filter did."""

    lang: str
    source: str
    translation: str
    parts: tuple[tuple[str, str, str], ...]
    kept: bool

    @property
    def key(self) -> str:
        """By what a row is found again: of the texts and parts that were read, so that another translation is another pair."""
        said = dumps([self.lang, self.source, self.translation, self.parts])
        return hashlib.sha256(said).hexdigest()[:16]

    def row(self) -> dict[str, str]:
        """The pair as a row of the sheet, to be filled in."""
        parts = "\n".join(f"{label}: {words} → {found or '–'}" for label, words, found in self.parts)
        return {**dict.fromkeys(COLUMNS, ""), "key": self.key, "lang": self.lang, "source": self.source,
                "translation": self.translation, "parts": parts}  # fmt: skip


def parts_of(source: Record, target: Record) -> Iterator[tuple[str, str, str]]:
    """(label, words, words found) of each span of a record beside those of its translation."""
    for ours, theirs in zip(source["extractions"], target["extractions"], strict=True):
        for span, found in zip(ours["spans"], theirs["spans"], strict=True):
            label = ours["label"] or span.get("role", "")
            yield label, span["text"], "" if found["start"] is None else found["text"]


def draw(
    sources: Mapping[str, Record], lines: Sequence[dict[str, Any]], kept: Mapping[str, bool], lang: str, knobs: Reading
) -> list[Pair]:
    """The drawn pairs of one language; the views of a text are one pair, kept if any of them is."""
    texts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines:
        if line["record"] is not None:
            texts.setdefault((sources[line["source_id"]]["text"], line["record"]["text"]), []).append(line)

    def rank(text: tuple[str, str]) -> str:
        return hashlib.sha256(f"{knobs.seed}:{lang}:{text[0]}".encode()).hexdigest()

    found = []
    for text in sorted(texts, key=rank)[: knobs.sample]:
        views = sorted(texts[text], key=lambda line: str(line["id"]))
        parts = dict.fromkeys(part for view in views for part in parts_of(sources[view["source_id"]], view["record"]))
        found.append(Pair(lang, *text, tuple(parts), any(kept[view["id"]] for view in views)))
    return found


def read_sheets(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """(place, row) of every row that somebody filled in; UserError where a sheet is none, or an answer neither yes nor no."""
    for path in sorted(folder.glob("*.csv")):
        columns, rows = table_of(path)
        if not {"key", *QUESTIONS} <= columns:
            raise UserError(
                str(path), f"has no column {', '.join(QUESTIONS)} or key", "fill in a copy of sheets/reading.csv"
            )
        for place, row in rows:
            for question in QUESTIONS:
                answer = (row[question] or "").strip().casefold()
                if answer not in ("", *ANSWERS):
                    raise UserError(place, f"{question} is {answer!r}", "write yes or no, or leave it empty")
                row[question] = answer
            if any(row[question] for question in QUESTIONS):
                yield place, row


def shares(pairs: Sequence[Pair], answers: Mapping[str, Mapping[str, str]]) -> dict[str, float]:
    """The figures of one language: drawn, read, and of each question the share of yes with its interval; none without rows."""
    result: dict[str, float] = {"drawn": len(pairs), "read": sum(pair.key in answers for pair in pairs)}
    for question in QUESTIONS:
        said = [ANSWERS[answer] for pair in pairs if (answer := answers.get(pair.key, {}).get(question))]
        if said:
            low, high = wilson(sum(said), len(said))
            result |= {question: round(100 * sum(said) / len(said), 2)}
            result |= {f"{question}_low": round(low, 2), f"{question}_high": round(high, 2)}
    held = [ANSWERS[answer] for pair in pairs if pair.kept and (answer := answers.get(pair.key, {}).get("adequate"))]
    if held:
        result |= {"adequate_of_kept": round(100 * sum(held) / len(held), 2), "kept_read": len(held)}
    return result


def sheet(pairs: Sequence[Pair]) -> bytes:
    """The CSV to be filled in, with the mark by which spreadsheets know UTF-8."""
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, COLUMNS)
    table.writeheader()
    table.writerows({name: safe_cell(cell) for name, cell in pair.row().items()} for pair in pairs)
    return out.getvalue().encode("utf-8-sig")


def page(pairs: Sequence[Pair], figures: Mapping[str, Any]) -> str:
    """The sheet as a page that opens offline; it saves what was filled in as a CSV."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True, trim_blocks=True
    )
    shown = {"columns": COLUMNS, "rows": [pair.row() for pair in pairs]}
    return found.get_template("reading.html.j2").render(data=embedded(shown), figures=figures)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.project.reading", description=__doc__.split("\n")[0])
    for option in ("records", "translated", "ledger", "read", "sheet", "page", "metrics"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    languages, knobs = config.read("languages", Languages), config.read("reading", Reading)
    sources = {record["id"]: record for record in read_records(options.records)}
    translated, ledgers = by_language(options.translated, languages), by_language(options.ledger, languages)
    drawn: dict[str, list[Pair]] = {}
    for lang in languages:
        kept = {line["id"]: line["outcome"] != "quarantined" for line in read_checked(ledgers[lang], "ledger")}
        drawn[lang] = draw(sources, read_translations(translated[lang]), kept, lang, knobs)
    pairs = [pair for own in drawn.values() for pair in own]
    known, answers, stale = {pair.key for pair in pairs}, dict[str, dict[str, str]](), 0
    for _, row in read_sheets(Path(options.read)):
        if row["key"] in known:
            answers[row["key"]] = row
        else:
            stale += 1
    figures = {lang: shares(own, answers) for lang, own in drawn.items() if own}
    write_bytes(options.sheet, sheet(pairs))
    write_bytes(options.page, page(pairs, figures).encode())
    write_checked_json(options.metrics, figures, "headline")
    for lang, figure in figures.items():
        said = (
            f", {figure['adequate']} % adequate ({figure['adequate_low']} to {figure['adequate_high']})"
            if "adequate" in figure
            else ""
        )
        print(f"{lang}: {figure['read']} of {figure['drawn']} pairs read{said}")
    if stale:
        print(f"{stale} rows of {options.read} are of pairs that are no longer drawn, or whose translation changed")


if __name__ == "__main__":
    run(main)
