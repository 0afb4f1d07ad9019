"""Measures what the linear format loses: each record is written as the model would, read back, and compared.

    python -m stages.records.roundtrip data/raw/records.jsonl

Prints counts, exit code 1 if anything is lost. An extraction is lost if it does not come back, or comes back without a
place that it had; one too many counts as well. One that comes back at another mention of its word is moved: the format
does not tell places.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence

from stages.core.run import run
from stages.records.linear import encode, parse, split_input
from stages.records.record import Extraction, Record, fields_of, from_fields, locate
from stages.records.rules import read_records
from stages.records.tasks import Task, task_of


def back(record: Record) -> Record:
    """The record as it comes back from its input and output."""
    given, output = encode(record)
    text, task = split_input(given)
    parsed = parse(output, task)
    extractions = locate(text, task.kind, [from_fields(fields, task) for fields in parsed.extractions])
    return {**record, "text": text, "text_label": parsed.text_label, "extractions": extractions}


def _starts(item: Extraction) -> list[int | None]:
    return [span["start"] for span in item["spans"]]


def _counts(items: list[Extraction], task: Task) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]:
    """How often each extraction stands there, and how often with all its places."""
    placed = [item for item in items if None not in _starts(item)]
    return Counter(fields_of(item, task) for item in items), Counter(fields_of(item, task) for item in placed)


def compare(record: Record) -> Counter[str]:
    """Counts of one record, by the names that are printed."""
    after, task = back(record), task_of(record["subset"], record["task"])
    before, found = record["extractions"], after["extractions"]
    all_before, placed_before = _counts(before, task)
    all_after, placed_after = _counts(found, task)
    keys = all_before.keys() | all_after.keys()
    lost = sum(max(abs(all_before[key] - all_after[key]), placed_before[key] - placed_after[key]) for key in keys)
    moved = sum(_starts(old) != _starts(new) for old, new in zip(before, found, strict=True)) if not lost else 0
    changed = any(record[key] != after[key] for key in ("text", "text_label"))
    return Counter(
        {
            "records": 1,
            "extractions": len(before),
            "lost extractions": lost,
            "lost texts or labels": int(changed),
            "moved extractions": moved,
        }
    )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m stages.records.roundtrip", description=__doc__.split("\n")[0])
    parser.add_argument("file", help="JSONL of unified records")
    total = Counter[str]()
    for record in read_records(parser.parse_args(arguments).file):
        total.update(compare(record))
    for name in ("records", "extractions", "lost extractions", "lost texts or labels", "moved extractions"):
        print(f"{total[name]:>9} {name}")
    return int(total["lost extractions"] + total["lost texts or labels"] > 0)


if __name__ == "__main__":
    run(main)
