"""Writes records in the format of another tool: a file for each language, sub-dataset and task.

    python -m stages.exports.export --format conll --out exported data/calibrated/en.jsonl

Prints each file with its records, and what the format cannot carry of them; docs/formats.md has the formats. Records of a task
that a format does not take at all, such as relations in CoNLL columns, are counted and not written.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from stages.core.errors import UserError
from stages.core.run import run
from stages.exports.formats import FORMATS
from stages.exports.json_forms import kind_of
from stages.records.record import Record
from stages.records.rules import read_records


def cell_of(record: Record) -> tuple[str, str, str]:
    """Where a record is written."""
    return record["lang"], record["subset"], record["task"]


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.exports.export", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", metavar="FILE", help="unified records")
    parser.add_argument("--format", required=True, choices=sorted(FORMATS))
    parser.add_argument("--out", required=True, metavar="FOLDER")
    options = parser.parse_args(arguments)
    form, out = FORMATS[options.format], Path(options.out)
    records = [record for path in options.files for record in read_records(path)]
    if not records:
        raise UserError(options.files[0], "holds no record", "name files of records, as data/calibrated/en.jsonl")
    left = Counter[str]()
    for cell, group in groupby(sorted(records, key=lambda record: (*cell_of(record), record["id"])), key=cell_of):
        own = list(group)
        if kind_of(own[0]) not in form.kinds:
            left[kind_of(own[0])] += len(own)
            continue
        out.mkdir(parents=True, exist_ok=True)
        path = out / f"{'.'.join(cell)}.{form.suffix}"
        form.write(own, path)
        print(f"{path}: {len(own)} records")
    print(f"{form.says} cannot carry: {', '.join(form.cannot)}")
    if left:
        told = ", ".join(f"{number} of {kind}s" for kind, number in sorted(left.items()))
        print(f"records left out, whose task this format does not take: {told}")


if __name__ == "__main__":
    run(main)
