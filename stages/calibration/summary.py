"""What people changed, counted: `metrics/calibration.json` from the fates of all patches and the ledgers.

    python -m stages.calibration.summary --reports data/calibrated --ledger data/ledger \\
        --annotators data/calibration/annotators.json --metrics metrics/calibration.json

A record counts once, however many patches it has; its last decision is what it is. Shares are of the translated records of a language and
sub-dataset; a correction of a source record counts in the totals of outcomes only.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from stages.core import config
from stages.core.config import Languages
from stages.core.joins import by_language
from stages.core.run import run
from stages.core.schema import read_checked, read_checked_json, write_checked_json

COUNTS = ("records", "reviewed", "edited", "accepted", "rejected", "restored")
DECISIONS = {"accept": "accepted", "reject": "rejected", "restore": "restored"}


def unique(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each line of a patch file once: those of no known language stand in every language's report."""
    return list({line["place"]: line for line in lines}.values())


def cell(lines: Sequence[dict[str, Any]], identifiers: set[str]) -> dict[str, Any]:
    """Counts of the records among `identifiers`, from the lines that hold, in the order of their times."""
    decided, edited, seen = dict[str, str](), set[str](), set[str]()
    for line in lines:
        if (name := line["record_id"]) in identifiers and line["op"] != "withdraw":
            seen.add(name)
            if line["changed"]:
                edited.add(name)
            if line["op"] in DECISIONS:
                decided[name] = DECISIONS[line["op"]]
    counts = Counter(decided.values())
    return {
        "records": len(identifiers),
        "reviewed": len(seen),
        "edited": len(edited),
        **{name: counts[name] for name in DECISIONS.values()},
        "share_corrected": round(len(edited) / len(identifiers), 4) if identifiers else None,
    }


def people(lines: Sequence[dict[str, Any]], who: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """By annotator: how many patches, the minutes they say they took, and who it is in words, if that is known."""
    own: dict[str, list[float]] = {}
    for line in lines:
        if line["annotator"]:
            own.setdefault(line["annotator"], []).append(line["seconds"] or 0.0)
    return {
        name: {"patches": len(seconds), "minutes": round(sum(seconds) / 60, 1), "who": who.get(name)}
        for name, seconds in sorted(own.items())
    }


def summary(
    lines: Sequence[dict[str, Any]], ledgers: dict[str, Sequence[dict[str, Any]]], who: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The metrics, from the fates of patches (each place once), the ledger of each language, and who the annotators are."""
    held = [line for line in lines if line["outcome"] in ("applied", "quarantined")]
    held.sort(key=lambda line: line["time"])
    outcomes = Counter(line["outcome"] for line in lines)
    seconds = [line["seconds"] for line in lines if line["seconds"] is not None]
    cells = dict[str, dict[str, Any]]()
    for lang, ledger in ledgers.items():
        ids: dict[str, set[str]] = {}
        for row in ledger:
            ids.setdefault(row["subset"], set()).add(row["id"])
        cells[lang] = {name: cell(held, own) for name, own in sorted(ids.items())}
    flat = [row for part in cells.values() for row in part.values()]
    total = {name: sum(row[name] for row in flat) for name in COUNTS}
    return {
        **total,
        "share_corrected": round(total["edited"] / total["records"], 4) if total["records"] else None,
        "conflicts": outcomes["conflict"],
        "outcomes": dict(sorted(outcomes.items())),
        "annotators": people(lines, who or {}),
        "median_seconds": median(seconds) if seconds else None,
        "by_language": cells,
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.calibration.summary", description=__doc__.split("\n")[0])
    for option in ("reports", "ledger"):
        parser.add_argument(f"--{option}", required=True, help="folder of one file a language")
    parser.add_argument("--annotators", help="who they are in words, by name")
    parser.add_argument("--metrics", required=True)
    options = parser.parse_args(arguments)
    languages = config.read("languages", Languages)
    ledgers = by_language(options.ledger, languages)
    lines = unique(
        line
        for path in by_language(options.reports, languages, ".report.jsonl").values()
        for line in read_checked(path, "patch_report")
    )
    who = read_checked_json(options.annotators, "annotators") if options.annotators else {}
    metrics = summary(lines, {lang: read_checked(path, "ledger") for lang, path in ledgers.items()}, who)
    write_checked_json(options.metrics, metrics, "calibration_metrics")
    print(f"{metrics['reviewed']} records reviewed, {metrics['edited']} edited, {metrics['conflicts']} conflicts")


if __name__ == "__main__":
    run(main)
