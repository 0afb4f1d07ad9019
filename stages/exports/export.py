"""Writes records in the format of another tool: a file for each language, sub-dataset and task.

    python -m stages.exports.export --format conll --out exported data/calibrated/en.jsonl
    python -m stages.exports.export --format conll --out exported data/calibrated    # a folder of one file a language

Prints each file with its records, and what the format cannot carry of them; docs/formats.md has the formats. Records of a task
that a format does not take at all, such as relations in CoNLL columns, are counted and not written.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.joins import by_language
from stages.core.run import run
from stages.exports.formats import FORMATS
from stages.exports.json_forms import kind_of
from stages.records.record import Record
from stages.records.rules import read_records


def cell_of(record: Record) -> tuple[str, str, str]:
    """Where a record is written."""
    return record["lang"], record["subset"], record["task"]


def files_of(names: Sequence[str]) -> list[Path]:
    """The files that are named, and of a folder those of its languages."""
    found = list[Path]()
    for path in map(Path, names):
        found += by_language(path, config.read("languages", Languages)).values() if path.is_dir() else [path]
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.exports.export", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", metavar="FILE", help="unified records, or a folder of a file a language")
    parser.add_argument("--format", required=True, choices=sorted(FORMATS))
    parser.add_argument("--out", required=True, metavar="FOLDER")
    options = parser.parse_args(arguments)
    form, out = FORMATS[options.format], Path(options.out)
    records = [record for path in files_of(options.files) for record in read_records(path)]
    if not records:
        raise UserError(options.files[0], "holds no record", "name files of records, as data/calibrated/en.jsonl")
    left = Counter[str]()
    out.mkdir(parents=True, exist_ok=True)
    for cell, group in groupby(sorted(records, key=lambda record: (*cell_of(record), record["id"])), key=cell_of):
        own = list(group)
        if kind_of(own[0]) not in form.kinds:
            left[kind_of(own[0])] += len(own)
            continue
        path = out / f"{'.'.join(cell)}.{form.suffix}"
        form.write(own, path)
        print(f"{path}: {len(own)} records")
    print(f"{form.says} cannot carry: {', '.join(form.cannot)}")
    if left:
        told = ", ".join(f"{number} of {kind}s" for kind, number in sorted(left.items()))
        print(f"records left out, whose task this format does not take: {told}")


if __name__ == "__main__":
    run(main)
