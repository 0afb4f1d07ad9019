"""Is a rebuild the committed one? Compares the working tree with HEAD after `make repro`.

    python -m stages.report.verify

- Every stage's command, params and deps are those of the committed `dvc.lock`: a stage committed without having run, or run
  with other code, shows here. What is made by the model is left out, as its last digits are the processor's.
- The outputs of the data stages have the committed hashes.
- The scores of each language and of all lie within the committed 95 % intervals.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from stages.core.errors import UserError
from stages.core.files import loads, read_bytes, read_json
from stages.core.run import run

# Made by floating point: equal on one kind of processor, close on others.
NUMERIC = ("models/", "data/predictions/", "data/errors/", "metrics/")
# Figures of these stages that are made by counting alone.
COUNTED = ("metrics/translation.json", "metrics/mix.json")


def is_exact(path: str) -> bool:
    """Whether a file must come out the same, byte for byte, wherever it is made."""
    return path in COUNTED or not path.startswith(NUMERIC)


def committed(path: str) -> bytes:
    """The file as HEAD has it."""
    done = subprocess.run(["git", "show", f"HEAD:{path}"], capture_output=True, check=False)
    if done.returncode:
        raise UserError(path, "is not in HEAD", "commit it first")
    return done.stdout


def lock_differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """What differs between two dvc.lock contents, a line each, model-made files left out."""
    for name in sorted(old["stages"].keys() | new["stages"].keys()):
        if name not in old["stages"] or name not in new["stages"]:
            yield f"{name}: only in the {'rebuilt' if name in new['stages'] else 'committed'} dvc.lock"
            continue
        left, right = old["stages"][name], new["stages"][name]
        for key in ("cmd", "params"):
            if left.get(key) != right.get(key):
                yield f"{name}: {key} differs"
        for key in ("deps", "outs"):
            hashes = [{item["path"]: item.get("md5") for item in side.get(key, [])} for side in (left, right)]
            for path in sorted(hashes[0].keys() | hashes[1].keys()):
                if is_exact(path) and hashes[0].get(path) != hashes[1].get(path):
                    yield f"{name}: {key}: {path} differs"


def score_differences(intervals: dict[str, Any], scores: dict[str, Any]) -> Iterator[str]:
    """Scores of a language, or of all, outside the committed intervals, a line each.

    Single cells are left out: of 13 records, one that is right by another processor's rounding is outside.
    """
    pairs = {f"{lang}.all": (row["all"], scores[lang]["all"]) for lang, row in intervals.items() if lang != "all"}
    for place, (bounds, found) in {**pairs, "all": (intervals["all"], scores["all"])}.items():
        for level, bound in bounds.items():
            if not bound["low"] <= found[level] <= bound["high"]:
                yield (
                    f"{place}.{level}: {found[level]} is outside the committed interval {bound['low']} to {bound['high']}"
                )


def main(arguments: Sequence[str]) -> None:
    argparse.ArgumentParser(prog="python -m stages.report.verify", description=__doc__.split("\n")[0]).parse_args(
        arguments
    )
    if not Path("dvc.lock").exists():
        raise UserError("dvc.lock", "no such file", "run `make repro` first")
    found = list(lock_differences(yaml.safe_load(committed("dvc.lock")), yaml.safe_load(read_bytes("dvc.lock"))))
    intervals = loads(committed("metrics/evaluation_intervals.json"), "HEAD:metrics/evaluation_intervals.json")[
        "intervals"
    ]
    found += score_differences(intervals, read_json("metrics/evaluation.json"))
    for line in found:
        print(line)
    if found:
        raise UserError("verify", f"{len(found)} differences from HEAD", "run `make repro` and commit what it made")
    print("The rebuild is the committed one: data by hash, scores within the committed intervals.")


if __name__ == "__main__":
    run(main)
