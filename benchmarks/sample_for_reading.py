"""Draws kept translations at random, with their source side by side, for a reader to mark: adequate or not, and why.

    python -m benchmarks.sample_for_reading --records data/tconer/records.jsonl --out data/reading/v2.jsonl \\
        data/filtered/ja.jsonl data/filtered/en.jsonl data/filtered/zh.jsonl

The reader sees nothing of the checks, sets `adequate` and `reason` in each line, and the file is committed; then
`stages.fidelity.measure --reading` says what the checks find of it. At most one view of a text and language is drawn.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.run import run
from stages.core.schema import write_checked
from stages.records.record import Record, with_lang
from stages.records.rules import read_records
from stages.records.tasks import subset


def draw(kept: Sequence[Record], sources: Sequence[Record], per_language: int, seed: int) -> list[dict[str, Any]]:
    """`per_language` translations of each language (all, where there are fewer), unmarked, sorted by id."""
    by_id = {record["id"]: record for record in sources}
    chosen = []
    for lang in sorted({record["lang"] for record in kept}):
        views: dict[str, list[Record]] = {}
        for record in sorted(kept, key=lambda item: str(item["id"])):
            if record["lang"] == lang != subset(record["subset"]).source_lang:
                views.setdefault(record["group"], []).append(record)
        rng = random.Random(f"{seed}:{lang}")
        some = [rng.choice(records) for records in views.values()]
        chosen += rng.sample(some, min(per_language, len(some)))
    rows = []
    for record in sorted(chosen, key=lambda item: str(item["id"])):
        identifier = with_lang(record["id"], subset(record["subset"]).source_lang)
        if identifier not in by_id:
            raise UserError(record["id"], "its source is not among the records", "name the records it was made from")
        source = by_id[identifier]
        rows.append(
            {
                "id": record["id"],
                "source_text": source["text"],
                "source_extractions": source["extractions"],
                "text": record["text"],
                "extractions": record["extractions"],
                "adequate": None,
                "reason": None,
            }
        )
    return rows


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sample_for_reading", description=__doc__.split("\n")[0])
    parser.add_argument("kept", nargs="+", help="data/filtered/*.jsonl")
    parser.add_argument("--records", required=True, help="the source records")
    parser.add_argument("--out", required=True)
    parser.add_argument("--per-language", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if Path(options.out).exists():
        raise UserError(options.out, "is there already, perhaps with marks", "name another file, or remove it first")
    kept = [record for path in options.kept for record in read_records(path)]
    rows = draw(kept, read_records(options.records), options.per_language, options.seed)
    write_checked(options.out, rows, "reading")
    print(f"{options.out}: {len(rows)} translations to read")


if __name__ == "__main__":
    run(main)
