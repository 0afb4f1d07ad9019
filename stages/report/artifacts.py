"""Every artifact that holds something of a record, by id: what the page's browser and the trace show. Absent files are empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.core.schema import read_checked
from stages.records.record import Record
from stages.records.rules import read_records
from stages.scoring.predictions import by_id, checked
from stages.scoring.score import Prediction

Line = dict[str, Any]
# Files that are one for all languages, and those of which there is one a language.
SOURCES, NATURAL, REFERENCES = "data/tconer/records.jsonl", "data/raw/natural.jsonl", "data/raw/references.jsonl"
READING = "data/reading/v2.jsonl"
TRANSLATED, LEDGER = "data/translated/{}.jsonl", "data/ledger/{}.jsonl"
CALIBRATED, PATCHED = "data/calibrated/{}.jsonl", "data/calibrated/{}.report.jsonl"
PARTS = {part: f"data/mix/{part}.jsonl" for part in ("train", "test", "test_translated")}
PREDICTIONS = {part: f"data/predictions/{part}.jsonl" for part in ("test", "test_translated")}


@dataclass(frozen=True)
class Artifacts:
    """By id: source, natural and reference records, and what became of them.

    `translated` and `ledger` are lines of these stages, `calibrated` records after people's patches, `patched` the fates of
    patches by record, `parts` the examples of train, test and test_translated, `predictions` (output, finished) of the two
    test sets, `reading` the marks of readers.
    """

    sources: dict[str, Record] = field(default_factory=dict)
    natural: dict[str, Record] = field(default_factory=dict)
    references: dict[str, Record] = field(default_factory=dict)
    translated: dict[str, Line] = field(default_factory=dict)
    ledger: dict[str, Line] = field(default_factory=dict)
    calibrated: dict[str, Record] = field(default_factory=dict)
    patched: dict[str, list[Line]] = field(default_factory=dict)
    parts: dict[str, dict[str, Line]] = field(default_factory=dict)
    predictions: dict[str, dict[str, Prediction]] = field(default_factory=dict)
    reading: dict[str, Line] = field(default_factory=dict)


def paths() -> list[str]:
    """Every file that `load` reads, and the folder of those of which there is one a language."""
    each = sorted({str(Path(form).parent) for form in (TRANSLATED, LEDGER, CALIBRATED, PATCHED)})
    return [SOURCES, NATURAL, REFERENCES, READING, *each, *PARTS.values(), *PREDICTIONS.values()]


def load(languages: Sequence[str]) -> Artifacts:
    """What there is."""

    def records(*files: str) -> dict[str, Record]:
        return {item["id"]: item for path in files if Path(path).exists() for item in read_records(path)}

    def lines(schema: str, *files: str) -> dict[str, Line]:
        return {item["id"]: item for path in files if Path(path).exists() for item in read_checked(path, schema)}

    patched: dict[str, list[Line]] = {}
    for path in map(PATCHED.format, languages):
        for line in read_checked(path, "patch_report") if Path(path).exists() else []:
            if line["record_id"]:
                patched.setdefault(line["record_id"], []).append(line)
    return Artifacts(
        sources=records(SOURCES),
        natural=records(NATURAL),
        references=records(REFERENCES),
        translated=lines("translation", *map(TRANSLATED.format, languages)),
        ledger=lines("ledger", *map(LEDGER.format, languages)),
        calibrated=records(*map(CALIBRATED.format, languages)),
        patched=patched,
        parts={part: lines("example", path) for part, path in PARTS.items()},
        predictions={
            part: by_id(checked(path, "prediction")) if Path(path).exists() else {}
            for part, path in PREDICTIONS.items()
        },
        reading=lines("reading", READING),
    )
