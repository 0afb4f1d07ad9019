"""Is a rebuild the committed one, or that of a bundle from another machine? Compares the working tree after `make repro`.

    python -m stages.report.verify                   # with HEAD
    python -m stages.report.verify results.tar.gz    # with a bundle of results (`make bundle`, docs/release.md)

One rule for both. Each score of a language and of all is *same bytes* (its whole file is), *same score*, *within the interval* of
the other side, or *not reproduced*, which ends the command with exit code 1.

- With HEAD, every stage's command, params and deps are also those of the committed `dvc.lock`, and the outputs of the data stages
  have the committed hashes: a stage committed without having run, or run with other code, shows here. What is made by the model
  is left out, as its last digits are the processor's.
- With a bundle, the same differences are told and decide nothing, and every record is compared: the same answer, another answer
  that is worth the same, or another score. A bundle whose files are not those of its manifest is refused.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from stages.core.errors import UserError
from stages.core.files import loads, read_bytes
from stages.core.run import run
from stages.report.bundle import Bundle, intervals_of, metrics_of, record_lines, systems, versions
from stages.scoring.score import totals

# Made by floating point: equal on one kind of processor, close on others.
NUMERIC = ("models/", "data/predictions/", "data/errors/", "metrics/")
# Figures of these stages that are made by counting alone.
COUNTED = ("metrics/translation.json", "metrics/mix.json")
LOCK = "dvc.lock"
BYTES, SAME, WITHIN, NOT = "same bytes", "same score", "within the interval", "not reproduced"
OTHER, MISSING, CHANGED = "another score", "not here", "another gold"  # of records


class Verdict(NamedTuple):
    """One score on both sides: where, which level, what it was, what it is here (None where there is none), and the verdict."""

    place: str
    level: str
    was: float
    now: float | None
    verdict: str

    def __str__(self) -> str:
        if self.verdict == SAME:
            return f"{self.level} {self.was} {SAME}"
        return f"{self.level} {self.was} → {'none' if self.now is None else self.now} {self.verdict}"


def is_exact(path: str) -> bool:
    """Whether a file must come out the same, byte for byte, wherever it is made."""
    return path in COUNTED or not path.startswith(NUMERIC)


def committed(path: str) -> bytes | None:
    """The file as HEAD has it, None where it has none."""
    done = subprocess.run(["git", "show", f"HEAD:{path}"], capture_output=True, check=False)
    return None if done.returncode else done.stdout


def here(path: str) -> bytes | None:
    """The file of the working tree, None where there is none."""
    return read_bytes(path) if Path(path).is_file() else None


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


def verdict(was: float, now: float | None, bound: Mapping[str, float] | None) -> str:
    """The rule for one score: equal, else within the other side's interval, else not reproduced."""
    if now == was:
        return SAME
    inside = now is not None and bound is not None and bound["low"] <= now <= bound["high"]
    return WITHIN if inside else NOT


def verdicts(then: dict[str, Any], now: dict[str, Any], intervals: dict[str, Any]) -> Iterator[Verdict]:
    """The scores of each language and of all, by `verdict`; `then` and `intervals` are the other side's.

    Single cells are left out: of 13 records, one that is right by another processor's rounding is outside.
    """
    for lang in then:
        was, found, bounds = (side.get(lang, {}) for side in (totals(then), totals(now), totals(intervals)))
        for level in (key for key in was if key != "n"):
            told = verdict(was[level], found.get(level), bounds.get(level))
            yield Verdict(lang, level, was[level], found.get(level), told)


def compare_scores(name: str, then: bytes, bounds: bytes | None, now: bytes | None) -> tuple[list[str], bool]:
    """(lines to print, whether it is reproduced) of one system's metrics."""
    if now is None:
        return [f"{name}: not built here: run `make repro`"], False
    if then == now:
        return [f"{name}: {BYTES}"], True
    limits = loads(bounds, f"{name}: intervals").get("intervals", {}) if bounds else {}
    found = list(verdicts(loads(then, name), loads(now, name), limits))
    rows: dict[str, list[str]] = {}
    for item in found:
        rows.setdefault(item.place, []).append(str(item))
    lines = [f"{name}: {place}: {', '.join(said)}" for place, said in rows.items()]
    return lines, all(item.verdict != NOT for item in found)


def record_verdict(then: dict[str, Any], now: dict[str, Any] | None) -> str:
    """The rule for one record of two bundles' lines: the same answer, one worth the same, or another score."""
    if now is None:
        return MISSING
    if now["gold_sha256"] != then["gold_sha256"]:
        return CHANGED
    if now["output_sha256"] == then["output_sha256"]:
        return BYTES
    return SAME if now["counts"] == then["counts"] else OTHER


def compare_records(then: Sequence[dict[str, Any]], now: Mapping[str, dict[str, Any]], shown: int) -> list[str]:
    """How many records have each verdict, and the ids of those that are not worth the same, so many at most."""
    kinds: dict[str, list[str]] = {}
    for line in then:
        kinds.setdefault(record_verdict(line, now.get(line["id"])), []).append(line["id"])
    order = [kind for kind in (BYTES, SAME, OTHER, CHANGED, MISSING) if kind in kinds]
    lines = ["records: " + ", ".join(f"{len(kinds[kind])} {kind}" for kind in order)]
    for kind in (kind for kind in order if kind not in (BYTES, SAME)):
        more = f" and {len(kinds[kind]) - shown} more (--records)" if len(kinds[kind]) > shown else ""
        lines.append(f"records: {kind}: {', '.join(kinds[kind][:shown])}{more}")
    return lines


def verify_head() -> list[str]:
    """Compares with HEAD; prints what is found, and returns what is not as it was."""
    locks = [side(LOCK) for side in (committed, here)]
    for lock, where in zip(locks, ("HEAD", "the working tree"), strict=True):
        if lock is None:
            raise UserError(LOCK, f"is not in {where}", "run `make repro`, and commit it")
    faults = list(lock_differences(*(yaml.safe_load(lock) for lock in locks if lock)))
    for line in faults:
        print(line)
    for name in systems():
        then = committed(metrics_of(name))
        if then is None:
            print(f"{name}: not in HEAD")
            continue
        lines, good = compare_scores(name, then, committed(intervals_of(name)), here(metrics_of(name)))
        print("\n".join(lines))
        faults += [] if good else [name]
    return faults


def verify_bundle(bundle: Bundle, shown: int) -> list[str]:
    """Compares with a bundle; prints what is found, and returns the systems that are not reproduced."""
    made, own = bundle.manifest["versions"], versions()
    print(
        f"made at {bundle.manifest['commit'] or 'no commit'}{' with open changes' if bundle.manifest['open'] else ''}"
    )
    for name in sorted(made.keys() | own.keys()):
        if made.get(name) != own.get(name):
            print(f"version: {name}: {made.get(name)} there, {own.get(name)} here")
    if (lock := here(LOCK)) is not None and LOCK in bundle.files:
        for line in lock_differences(yaml.safe_load(bundle.files[LOCK]), yaml.safe_load(lock)):
            print(f"lock: {line.replace('committed', 'bundled')}")
    faults = []
    for name, files in bundle.manifest["systems"].items():
        then, bounds = bundle.files[metrics_of(name)], bundle.files.get(intervals_of(name))
        lines, good = compare_scores(name, then, bounds, here(metrics_of(name)))
        print("\n".join(lines))
        faults += [] if good else [name]
        if all(Path(path).is_file() for path in files.values()):
            now = {line["id"]: line for line in record_lines(**files)}
            print("\n".join(f"{name}: {line}" for line in compare_records(bundle.records(name), now, shown)))
    return faults


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.report.verify", description=__doc__.split("\n")[0])
    parser.add_argument("bundle", nargs="?", metavar="BUNDLE", help="of `make bundle`; without one, HEAD")
    parser.add_argument("--records", type=int, default=5, help="ids to show of each verdict (default 5)")
    given = parser.parse_args(arguments)
    faults = verify_bundle(Bundle.read(given.bundle), given.records) if given.bundle else verify_head()
    if faults:
        place, other = ("bundle", "it") if given.bundle else ("verify", "HEAD")
        remedy = "see the lines above" if given.bundle else "run `make repro` and commit what it made"
        raise UserError(place, f"{len(faults)} differences from {other}, first {faults[0]}", remedy)
    print(
        "Every score is reproduced."
        if given.bundle
        else "The rebuild is the committed one: data by hash, scores within the committed intervals."
    )


if __name__ == "__main__":
    run(main)
