"""Runs a project, in its folder: says what is still to be asked and what it costs, waits for a yes, and lets DVC do the rest.

    python -m stages.project.run              # --yes: does not wait; --estimate: ends after the price
    LLM_MODE=batch python -m stages.project.run --yes    # by the Batch API

Whatever was asked is kept outside the folder, so a killed run goes on where it was; with nothing to ask, nobody is asked.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.run import run
from stages.llm.cost import WHERE
from stages.llm.estimate import AT_MOST, table
from stages.llm.request import Llm
from stages.project.folder import environment
from stages.records.rules import read_records
from stages.report.price import price
from stages.translation.translate import Translate

RECORDS, NATURAL = "data/raw/records.jsonl", "data/raw/natural.jsonl"
UNSET = "your-model"  # what stands in llm.model of a study until there is one
HEADLINE, TRANSLATION = Path("metrics/headline/translation.json"), Path("metrics/translation.json")
SHOWN = 3  # reasons of a language, the most frequent; a record may have several


def in_project() -> bool:
    """Whether this folder is a project of one's own: the repository has no links."""
    return Path("dvc.yaml").exists() and Path("stages").is_symlink()


# `dvc repro` that says what its stages say and what fails, without its own lines about each: its `--quiet` hides faults too.
PLAINLY = """
import logging, sys
from dvc.exceptions import DvcException
from dvc.repo import Repo
logging.getLogger("dvc").setLevel(logging.ERROR)
try:
    with Repo() as repo:
        repo.reproduce(sys.argv[1:] or None)
except DvcException as error:
    sys.exit(f"dvc: {error}")
"""


def repro(*stages: str, **more: str) -> int:
    """`dvc repro`, its stages' output as it comes; its exit code."""
    return subprocess.call([sys.executable, "-c", PLAINLY, *stages], env=environment(**more))


def wanted(calls: int, most: int = 0) -> bool:
    """Whether a person says yes to so many calls, and as many as answers may lead to.

    Raises:
        UserError: there is nobody to ask.
    """
    told = f"{calls} calls" + (f", at most {most}," if most > calls else "")
    if not sys.stdin.isatty():
        raise UserError("stages.project", f"{told} wait for a yes", "add --yes, or run it in a terminal")
    try:
        return input(f"Ask for {told.removesuffix(',')}? [y/N] ").strip().casefold() in ("y", "yes")
    except EOFError:
        return False


def told() -> None:
    """What came out, a line a language with what most were refused for, and where it lies."""
    found = read_json(TRANSLATION)
    for lang, row in read_json(HEADLINE).items():
        reasons = Counter(found[lang]["reasons"]).most_common(SHOWN)
        why = ", ".join(f"{reason} {number}" for reason, number in reasons)
        print(f"{lang}: {row['kept']} of {row['source']} records kept" + (f"; refused for {why}" if why else ""))
    print("metrics/report.html: every record, source and translation; data/ledger/: what became of each, and why")
    print("sheets/reading.html: pairs drawn at random for you to judge; the saved sheet goes to data/reading/")
    print("exports/: a folder for each of export.formats")
    print("next: correct with python -m stages.calibration.page --annotator NAME, then dvc repro")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m stages.project.run", description=__doc__.split("\n")[0])
    parser.add_argument("--estimate", action="store_true", help="only say what would be asked and what it costs")
    parser.add_argument("--yes", action="store_true", help="do not wait for a yes")
    options = parser.parse_args(arguments)
    if not in_project():  # in the repository this would train, and ask a model for what `make repro` replays
        remedy = "run this in a project's folder; python -m stages.project.translate makes one (here: make repro)"
        raise UserError(str(Path.cwd()), "is no project of one's own", remedy)
    if code := repro("raw"):
        return code
    records, model = read_records(RECORDS), config.read("llm", Llm).model
    if not records and not read_records(NATURAL):
        remedy = "put files into data/external/ and name them there, as docs/own-data.md shows"
        raise UserError("params.yaml: raw: sources", "give no record", remedy)
    rows = price(records)
    most = sum(row["open"] for row in rows.values())
    calls = most - sum(row["open"] for name, row in rows.items() if name.endswith(AT_MOST))
    print(table(rows) if rows else "nothing is to be asked")
    if any(row["usd"] is None for row in rows.values()):
        print(f"?: no price of {model} in {WHERE}: add it there, or read the tokens")
    limit = config.read("translate", Translate).budget_usd
    print(f"translate.budget_usd, for all of it: {'no limit' if limit is None else f'{limit} USD'}", flush=True)
    if options.estimate:
        return 0
    if limit is not None and any(row["usd_bound"] is None for row in rows.values()):
        raise UserError(
            "translate.budget_usd",
            f"{model} has no price, so no budget can be kept",
            f"add its price to {WHERE}, or set the budget to null in params.yaml",
        )
    if most and model == UNSET:
        raise UserError(
            "params.yaml: llm: model", f"is still {UNSET!r}", "write who translates, as the endpoint calls it"
        )
    mode = os.environ.get("LLM_MODE", "online")
    if most and mode != "replay" and not options.yes and not wanted(calls, most):
        print("nothing was asked")
        return 1
    if code := repro(LLM_MODE=mode):
        return code
    told()
    return 0


if __name__ == "__main__":
    run(main)
