"""How far the scores move with the seed: the params' training run again under each of several seeds, scored on one test set.

    python -m stages.scoring.seeds --seeds 0 1 2                 # `make seeds`; some 20 minutes a seed by the default profile

Each seed has a folder under `--work` with its own params, in which train, predict and evaluate run as their stages do. Only the seed
of training differs; data, base and decoding are the same. What is done is not done again while data, base, params and code are what
they were, and a training run that was killed goes on from its checkpoint: run the same command again. Writes the scores of each
seed, their mean and their standard deviation (n − 1), by language and over all.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import dumps, read_json, sha256_file, write_bytes, write_json
from stages.core.run import code_state, run
from stages.core.schema import read_checked_json, write_checked_json
from stages.records.tasks import LEVELS
from stages.scoring.score import totals

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = ("train", "predict", "mix")  # the params that the three commands read
DONE = "done.json"  # in a seed's folder, when all of it is made: what of
SCORES = "evaluation.json"

Scores = dict[str, Any]


@dataclass(frozen=True)
class Files:
    """What all seeds share, as absolute paths."""

    base: str
    train: str
    test: str

    def commands(self) -> list[list[str]]:
        """The three stages' modules and arguments, for a seed's folder as the working directory."""
        return [
            ["stages.model.train", "--base", self.base, "--train", self.train]
            + ["--out", "adapter", "--metrics", "train.json", "--loss", "loss.csv"],
            ["stages.model.predict", "--base", self.base, "--adapter", "adapter"]
            + ["--examples", self.test, "--out", "predictions.jsonl"],
            ["stages.scoring.evaluate", "predictions.jsonl", self.test, "--metrics", SCORES],
        ]


def params_of(seed: int, params: Mapping[str, Any]) -> dict[str, Any]:
    """The params under a seed; the file of accelerate is named from anywhere."""
    train = {**params["train"], "seed": seed}
    if train.get("accelerate"):
        train["accelerate"] = str(Path(train["accelerate"]).resolve())
    return {**params, "train": train}


def state(files: Files, params: Mapping[str, Any]) -> str:
    """A hash of all that decides a seed's scores."""
    parts = [{name: params[name] for name in SECTIONS}, read_json(Path(files.base) / "BASE.json")]
    parts += [sha256_file(files.train), sha256_file(files.test)]
    parts += [code_state(command[0]) for command in files.commands()]
    return hashlib.sha256(dumps(parts)).hexdigest()


def run_seed(seed: int, files: Files, params: Mapping[str, Any], folder: Path) -> Scores:
    """Its scores, from the folder if it holds them already.

    Raises:
        UserError: a command failed; what it said has been printed.
    """
    own = params_of(seed, params)
    key = state(files, own)
    if (folder / DONE).exists() and read_json(folder / DONE) == key:
        print(f"seed {seed}: done before", flush=True)
        return dict(read_checked_json(folder / SCORES, "evaluation_metrics"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DONE).unlink(missing_ok=True)
    write_bytes(folder / config.PATH.name, dumps(own))  # JSON is YAML
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    for module, *arguments in files.commands():
        print(f"seed {seed}: {module}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": path}, check=False
        )
        if done.returncode:
            fault = f"{module} failed, exit code {done.returncode}"
            raise UserError(str(folder), fault, "see its line above; the same command goes on from here")
    write_json(folder / DONE, key)
    return dict(read_checked_json(folder / SCORES, "evaluation_metrics"))


def spread(each: Mapping[str, Scores]) -> dict[str, Any]:
    """{each, mean, sd}, each of them {language or all: {level: percent}}; no sd of one seed alone."""

    def cells(scores: Scores) -> dict[str, dict[str, float]]:
        return {lang: {level: row[level] for level in LEVELS if level in row} for lang, row in totals(scores).items()}

    own = {seed: cells(scores) for seed, scores in each.items()}
    first = next(iter(own.values()))
    values = {lang: {level: [row[lang][level] for row in own.values()] for level in row} for lang, row in first.items()}
    result: dict[str, Any] = {"n": next(iter(each.values()))["all"]["n"], "each": own}
    result["mean"] = {
        lang: {level: round(statistics.mean(found), 2) for level, found in row.items()} for lang, row in values.items()
    }
    if len(own) > 1:
        result["sd"] = {
            lang: {level: round(statistics.stdev(found), 2) for level, found in row.items()}
            for lang, row in values.items()
        }
    return result


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.scoring.seeds", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="(default 0 1 2)")
    parser.add_argument("--base", default="models/base")
    parser.add_argument("--train", default="data/mix/train.jsonl")
    parser.add_argument("--test", default="data/mix/test.jsonl")
    parser.add_argument("--work", default="models/seeds", help="a folder for each seed lies there")
    parser.add_argument("--metrics", default="metrics/seeds.json")
    given = parser.parse_args(arguments)
    seeds = sorted(set(given.seeds))
    if seeds[0] < 0:
        raise UserError("--seeds", f"{seeds[0]} is below 0", "give numbers from 0 on")
    for path in (given.base, given.train, given.test):
        if not Path(path).exists():
            raise UserError(path, "no such file or folder", "make it with `dvc repro mix base`")
    files = Files(*(str(Path(path).resolve()) for path in (given.base, given.train, given.test)))
    params = config.load()
    each = {str(seed): run_seed(seed, files, params, Path(given.work) / str(seed)) for seed in seeds}
    found = spread(each)
    write_checked_json(given.metrics, found, "seed_metrics")
    total = ", ".join(
        f"{level} {mean:.2f}" + (f" ± {found['sd']['all'][level]:.2f}" if "sd" in found else "")
        for level, mean in found["mean"]["all"].items()
    )
    print(f"{given.metrics}: {len(seeds)} seeds, all: {total}")


if __name__ == "__main__":
    run(main)
