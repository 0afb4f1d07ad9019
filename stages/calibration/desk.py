"""A reviewer's desk: every translated record as it stands after all patches, its source, why it was quarantined, and how a
decision about it becomes patches. The command line and the page sit at the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stages.calibration.apply import Case, Unfit, changed, settle
from stages.calibration.calibrate import cases_of, of_language
from stages.calibration.patches import FIELDS, Line, Patch, content, make, read
from stages.checks.finding import Finding
from stages.checks.negation import evidence
from stages.core.schema import read_checked
from stages.records.record import Extraction, Record, canonical, with_lang
from stages.records.rules import carried_faults, read_records
from stages.records.tasks import subset

Decision = Literal["", "accept", "reject", "restore"]


@dataclass
class Desk:
    """What lies on it, by record id: `cases` after all patches, `originals` before any, `sources` of the translations, the
    filter's `reasons` of quarantined ones and `warnings` of kept ones, how many of a record's spans did not come from their tags
    (`mended`), what a model finds of negations (`asked`, where `checks.likelihood` had it asked), and the fates of the patches in
    `report`."""

    folder: Path
    cases: dict[str, Case]
    originals: dict[str, Record]
    sources: dict[str, Record]
    reasons: dict[str, list[str]]
    mended: dict[str, int]
    report: list[dict[str, Any]]
    lines: list[Line]
    warnings: dict[str, list[str]] = field(default_factory=dict)
    asked: dict[str, list[Finding]] = field(default_factory=dict)


def open_desk(data: str | Path, languages: Sequence[str], patches: str | Path | None = None) -> Desk:
    """The desk of some languages, from `tconer`, `filtered` and `quarantine` in the folder of data, and `ledger` and `likelihood`
    where they are; `patches` is its `calibration` unless named. UserError where a file is missing or broken."""
    data = Path(data)
    folder = Path(patches) if patches else data / "calibration"
    records, lines = read_records(data / "tconer" / "records.jsonl"), read(folder)
    desk, by_id = Desk(folder, {}, {}, {}, {}, {}, [], lines), {record["id"]: record for record in records}
    for lang in languages:
        quarantine = read_checked(data / "quarantine" / f"{lang}.jsonl", "translation", carried_faults)
        filtered = read_records(data / "filtered" / f"{lang}.jsonl")
        ledger = data / "ledger" / f"{lang}.jsonl"
        for row in read_checked(ledger, "ledger") if ledger.exists() else ():
            desk.mended[row["id"]] = sum(n for step, n in row["steps"].items() if step != "tag")
            if row["outcome"] != "quarantined" and row.get("warnings"):
                desk.warnings[row["id"]] = row["warnings"]
        likelihood = data / "likelihood" / f"{lang}.jsonl"
        for row in read_checked(likelihood, "likelihood") if likelihood.exists() else ():
            desk.asked[row["id"]] = evidence(row)
        cases = cases_of(records, filtered, quarantine, lang)
        desk.originals |= {case.record["id"]: canonical(case.record) for case in cases}
        desk.reasons |= {item["id"]: item["reasons"] for item in quarantine}
        for name, record in ((case.record["id"], case.record) for case in cases):
            source = with_lang(name, subset(record["subset"]).source_lang)
            if source != name and source in by_id:
                desk.sources[name] = by_id[source]
        settled, report = settle(cases, of_language(lines, lang, languages)[0])
        desk.cases |= {case.record["id"]: case for case in settled}
        desk.report += report
    return desk


def decide(
    case: Case,
    fields: dict[str, Any],
    decision: Decision,
    *,
    annotator: str,
    reason: str,
    seconds: float | None = None,
    missing: Sequence[Extraction] | None = None,
) -> list[Patch]:
    """The patches of one decision: the fields that differ from the record, and whether it is accepted or not.

    To accept a quarantined record is to restore it. Empty where nothing is decided.

    Raises:
        Unfit: the record would break its rules, or what is decided contradicts itself.
        UserError: a patch breaks its schema.
    """
    who: dict[str, Any] = {"annotator": annotator, "reason": reason, "seconds": seconds, "missing": missing}
    seen = content(case.record)
    new = {key: value for key, value in fields.items() if value != seen[key]}
    before = {key: seen[key] for key in new}
    if decision == "reject":
        if new:
            raise Unfit("it is rejected and edited: undo one of the two")
        return [make(case.record, "reject", seen, None, **who)]
    if case.status != "in" and decision in ("accept", "restore"):
        return [fitting(case.record, make(case.record, "restore", {**seen, **before}, new or None, **who))]
    if decision == "restore":
        raise Unfit("it is not in quarantine: accept it, or leave the decision empty")
    if case.status == "rejected" and new:
        raise Unfit("it was rejected: restore it with the edit")
    made = list[Patch]()
    if len(new) == 1 and next(iter(new)) in FIELDS and seen["text"]:
        key = next(iter(new))
        made = [make(case.record, key, before[key], new[key], **who)]
    elif new:
        made = [make(case.record, "edit", before, new, **who)]
    record = case.record
    for patch in made:
        record = changed(record, fitting(record, patch))
    if decision == "accept":
        made.append(
            make(
                record, "accept", content(record), None, **({"annotator": annotator, "reason": reason} if made else who)
            )
        )
    return made


def fitting(record: Record, patch: Patch) -> Patch:
    """The patch, once its record can take it."""
    changed(record, patch)
    return patch
