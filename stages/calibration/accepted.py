"""Translations that a person vouches for, as references: what a project of one's own is tested against.

    python -m stages.calibration.accepted --out data/external/accepted.jsonl

A translation is taken once a person accepted, edited or restored it, as it stands after all patches, if all its spans are in its
text. What is in the file already stays as it is, whatever is translated or corrected since: it is frozen. Named in
`raw.sources` as `{name: accepted, adapter: references, path: data/external/accepted.jsonl, pin: null, limit: null}`, these records measure
every prompt's translations, and those of test groups are the frozen test set in their languages (`stages/dataset/mix.py`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from stages.calibration.desk import Desk, open_desk
from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.run import run
from stages.records.record import Record, unaligned
from stages.records.rules import read_records, write_records

VOUCHED = ("accept", "edit", "restore")  # the last decision on a record


def accepted(desk: Desk) -> dict[str, Record]:
    """The translations that a person vouches for, by id."""
    last = dict[str, str]()
    for line in sorted(desk.report, key=lambda line: line["time"] or ""):
        if line["outcome"] == "applied":
            last[line["record_id"]] = line["op"]
    return {
        name: case.record
        for name, case in desk.cases.items()
        if name in desk.sources and case.status == "in" and last.get(name) in VOUCHED and not unaligned(case.record)
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.calibration.accepted", description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="data", help="the folder of artifacts (default data)")
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    found = accepted(open_desk(options.data, config.read("languages", Languages)))
    held = {record["id"]: record for record in read_records(options.out)} if Path(options.out).exists() else {}
    if not found and not held:
        raise UserError(options.data, "has no translation that a person accepted", "review some first: docs/review.md")
    records = {**found, **held}
    write_records(options.out, [records[name] for name in sorted(records)])
    other = sum(found[name] != record for name, record in held.items() if name in found)
    told = f"; {other} differ from what was accepted since, and stay" if other else ""
    print(f"{options.out}: {len(records)} references, {len(found.keys() - held.keys())} new{told}")


if __name__ == "__main__":
    run(main)
