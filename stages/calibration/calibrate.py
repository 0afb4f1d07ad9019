"""Applies people's corrections to the records of one language: append-only patches, each guarded by a hash.

    python -m stages.calibration.calibrate --lang en --records data/tconer/records.jsonl --filtered data/filtered/en.jsonl \\
        --patches data/calibration --out data/calibrated/en.jsonl --report data/calibrated/en.report.jsonl

Reads the source records of the language and the kept translations into it; together they are what the mix sees. A patch
(`schemas/patch.schema.json`) names its record and the hash of the record as its author saw it: if the record has changed
since (another prompt, an earlier patch), the patch is refused and reported, and the record stays as it is. Files are
applied in the order of their names, lines in theirs. A patch to a source record does not translate it again.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.files import dumps
from stages.core.run import run
from stages.core.schema import read_checked, write_checked
from stages.records.record import Record, canonical, locate
from stages.records.rules import read_records, record_faults, write_records
from stages.records.tasks import task_of

Patch = dict[str, Any]


def record_hash(record: Record) -> str:
    """Hex SHA-256 of the record's canonical JSON: the guard of its patches."""
    return hashlib.sha256(dumps(canonical(record))).hexdigest()


def apply(record: Record, patch: Patch) -> Record | None:
    """The corrected record, or None where the patch drops it.

    Ops replace one field by `after`: text (spans are located again), text_label (its origin becomes human), extractions.
    """
    if patch["op"] == "drop":
        return None
    new = {**record, patch["op"]: patch["after"]}
    if patch["op"] == "text_label":
        new["text_label_origin"] = "human"
    if patch["op"] == "text":
        task = task_of(record["subset"], record["task"])
        new["extractions"] = locate(patch["after"], task.kind, record["extractions"])
    new = canonical(new)
    for pointer, message in record_faults(new):
        raise UserError(f"patch of {record['id']}: {pointer}", message, "correct the patch with a new one")
    return new


def calibrate(records: Sequence[Record], patches: Sequence[Patch]) -> tuple[list[Record], list[dict[str, Any]]]:
    """(records after all patches that hold, the fate of each patch: applied, refused, unknown_record)."""
    state: dict[str, Record] = {record["id"]: record for record in records}
    report = []
    for patch in patches:
        record, outcome = state.get(patch["record_id"]), "applied"
        if record is None:
            outcome = "unknown_record"
        elif record_hash(record) != patch["base_hash"] or (
            patch["op"] != "drop" and record[patch["op"]] != patch["before"]
        ):
            outcome = "refused"
        elif (new := apply(record, patch)) is None:
            del state[record["id"]]
        else:
            state[record["id"]] = new
        report.append({"record_id": patch["record_id"], "op": patch["op"], "time": patch["time"], "outcome": outcome})
    return list(state.values()), report


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.calibration.calibrate", description=__doc__.split("\n")[0])
    for option in ("lang", "records", "filtered", "patches", "out", "report"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    records = [record for record in read_records(options.records) if record["lang"] == options.lang]
    records += read_records(options.filtered)
    patches = [
        patch
        for path in sorted(Path(options.patches).glob("*.jsonl"))
        for patch in read_checked(path, "patch")
        if patch["record_id"].endswith("/" + options.lang)
    ]
    result, report = calibrate(records, patches)
    write_records(options.out, result)
    write_checked(options.report, report, "patch_report")
    applied = sum(line["outcome"] == "applied" for line in report)
    print(f"{options.lang}: {len(result)} records, {applied} of {len(report)} patches applied")
    for line in report:
        if line["outcome"] != "applied":
            print(f"{line['record_id']}: patch of {line['time']} {line['outcome']}: its record changed or is gone")


if __name__ == "__main__":
    run(main)
