"""Are the artifacts of two checkouts the same? Run once for a change that must not change a byte, such as a move of modules.

    python -m benchmarks.compare_artifacts BEFORE AFTER

Compares every file of data/ (but the sources), metrics/ and models/adapter by content, JSON and JSONL also without regard to
order. Files that were renamed are compared under their new name. Exits 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

RENAMED = {
    "metrics/rivals.json": "metrics/external_scorers.json",
    "metrics/defects.json": "metrics/evaluation_defects.json",
    "metrics/intervals.json": "metrics/evaluation_intervals.json",
    "metrics/labels.json": "metrics/evaluation_labels.json",
}
FOLDERS = [
    "raw",
    "tconer",
    "glossary",
    "translated",
    "filtered",
    "quarantine",
    "ledger",
    "calibrated",
    "mix",
    "predictions",
    "errors",
    "usage",
    "usage-baseline",
]


def artifacts(root: Path) -> Iterator[str]:
    """Paths of the artifacts of a checkout."""
    for folder in (*(f"data/{name}" for name in FOLDERS), "metrics", "models/adapter"):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.name != ".gitignore":
                yield path.relative_to(root).as_posix()


def unordered(path: Path) -> Any:
    """The content without the order of its lines and keys."""
    data = path.read_bytes()
    if path.suffix == ".jsonl":
        return sorted(orjson.dumps(orjson.loads(line), option=orjson.OPT_SORT_KEYS) for line in data.splitlines())
    return orjson.loads(data) if path.suffix == ".json" else data


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare_artifacts", description=__doc__.split("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    given = parser.parse_args(arguments)
    for root in (given.before, given.after):
        if not (root / "data" / "raw" / "records.jsonl").exists():
            parser.error(
                f"{root}: no artifacts there (data/raw/records.jsonl is missing): run `make repro` in it first"
            )
    old = {RENAMED.get(path, path): given.before / path for path in artifacts(given.before)}
    new = {path: given.after / path for path in artifacts(given.after)}
    same, differ = 0, list[str]()
    for path in sorted(old.keys() | new.keys()):
        if path not in old or path not in new:
            differ.append(f"only {'before' if path in old else 'after'}: {path}")
        elif old[path].read_bytes() == new[path].read_bytes():
            same += 1
        else:
            differ.append(f"{'other order' if unordered(old[path]) == unordered(new[path]) else 'differs'}: {path}")
    print(*differ, f"{same} files are the same, {len(differ)} are not", sep="\n")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
