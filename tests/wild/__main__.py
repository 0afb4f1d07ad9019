"""Tries every case of `tests/wild/cases` and writes how many held.

    python -m tests.wild [KIND …] [--metrics metrics/wild.json]

Prints what fell and why; exit code 1 if anything did. To add a case, write it into a `case.yaml` (`tests/wild/frame.py` says
how) and run this with its kind.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import Any

from stages.core.run import run
from stages.core.schema import write_checked_json
from tests.wild.frame import Case, cases, faults


def metrics_of(results: Sequence[tuple[Case, list[str]]]) -> dict[str, Any]:
    """The figures of metrics/wild.json."""
    tried = Counter(case.kind for case, _ in results)
    held = Counter(case.kind for case, found in results if not found)
    return {
        "tried": tried.total(),
        "held": held.total(),
        "fallen": [case.name for case, found in results if found],
        "kinds": {kind: {"tried": tried[kind], "held": held[kind]} for kind in sorted(tried)},
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wild", description=__doc__.split("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--metrics", help="where to write the figures, of all kinds")
    options = parser.parse_args(arguments)
    results = [(case, faults(case)) for case in cases() if not options.kinds or case.kind in options.kinds]
    for case, found in results:
        for fault in found:
            print(f"{case.name}: {fault}")
    metrics = metrics_of(results)
    print(f"{metrics['held']} of {metrics['tried']} cases of {len(metrics['kinds'])} kinds held")
    if options.metrics and not options.kinds:
        write_checked_json(options.metrics, metrics, "wild_metrics")
    return int(bool(metrics["fallen"]))


if __name__ == "__main__":
    run(main)
