"""A release: the trained adapter with its model card, in the release store, under a tag.

    make release VERSION=v1.0.0        # python -m stages.release.model v1.0.0

Refused, with nothing changed, unless git and DVC have nothing open: what is released has to be what the committed lock says.
The adapter (`models/adapter`) is copied to `models/oiellm` with a README.md, the model card, made of the lock, the params and
the metrics; it is pushed to `release-store/`, with whatever else a `.dvc` file of the repository names, and committed and
tagged. Files that no tag and no `.dvc` file of this commit names are told, and left.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.core import config
from stages.core.config import parse_yaml
from stages.core.errors import UserError
from stages.core.files import read_json, replacing_folder
from stages.core.run import run
from stages.core.schema import read_checked_json
from stages.model.common import ADAPTER, TERMS

VERSION = re.compile(r"v\d+\.\d+\.\d+")
STORE, RELEASED, TRAINED = "release-store", "models/oiellm", "models/adapter"
CARD = "README.md"
TEMPLATES = Path(__file__).parent / "templates"
# Artifacts whose hashes the card names: what was trained on, what was tested on.
DATA = ("data/mix/train.jsonl", "data/mix/test.jsonl", TRAINED)


def said(*command: str) -> str:
    """What a command prints; UserError with its last line where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        fault = ((done.stderr or done.stdout).strip().splitlines() or ["it failed"])[-1]
        raise UserError(" ".join(command[:3]), fault, "mend it and release again")
    return done.stdout


def dvc(*words: str) -> str:
    return said(sys.executable, "-m", "dvc", *words)


def check(version: str) -> None:
    """UserError unless the version is new and nothing is open."""
    if not VERSION.fullmatch(version):
        raise UserError("VERSION", f"{version!r} is no version", "write it like v1.2.3")
    if said("git", "tag", "--list", version).strip():
        raise UserError("VERSION", f"{version} is there already", "take the next one")
    if changed := said("git", "status", "--porcelain", "--untracked-files=no").strip():
        first = changed.splitlines()[0].split()[-1]
        raise UserError(first, "is not committed", "commit or restore it, so that the tag names what is released")
    if stale := [line for line in dvc("status").splitlines() if line and not line.startswith(("Data and", "\t", " "))]:
        raise UserError(stale[0].rstrip(":"), "is not what the lock says", "`make repro`, and commit dvc.lock")


def locked_hashes() -> dict[str, str]:
    """MD5 of the lock's outputs, by path."""
    lock = parse_yaml(Path("dvc.lock").read_text(encoding="utf-8"), "dvc.lock")
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}


def scores() -> list[dict[str, Any]]:
    """A row a language and one for all, each level with its interval where there is one."""
    found = read_checked_json("metrics/evaluation.json", "evaluation_metrics")
    limits = read_checked_json("metrics/evaluation_intervals.json", "interval_metrics")["intervals"]
    rows = []
    for lang, cells in found.items():
        row: dict[str, Any] = {"lang": lang}
        # A language's cells are summed up under "all" where the file has it; the whole set's stands at the top.
        whole = cells if lang == "all" else cells.get("all")
        if whole is None:
            continue
        interval = limits.get(lang, {}) if lang == "all" else limits.get(lang, {}).get("all", {})
        for level in ("TL", "WL", "ALL"):
            bounds = interval.get(level)
            row[level] = f"{whole[level]:.1f}" + (f" ({bounds['low']:.1f}–{bounds['high']:.1f})" if bounds else "")
        rows.append({**row, "n": whole["n"]})
    return rows


def card(version: str) -> str:
    """The model card, from the template."""
    hashes, params = locked_hashes(), config.load()
    found = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    bound = read_checked_json(f"{TRAINED}/{ADAPTER}", "adapter")
    return found.get_template("model_card.md.j2").render(
        version=version,
        adapter=bound,
        sources=bound["base"]["source"].split(" + "),
        hashes={path: hashes[path] for path in DATA if path in hashes},
        params=params,
        trained=read_checked_json("metrics/train.json", "train_metrics"),
        mix=read_json("metrics/mix.json"),
        scores=scores(),
        level=read_json("metrics/evaluation_intervals.json")["level"],
        notice=Path("models/NOTICE").read_text(encoding="utf-8").strip(),
        terms=sorted(path.name for path in Path(TRAINED).glob(f"{TERMS}*")),
    )


def unnamed() -> list[str]:
    """Files of the store that neither this commit nor a tag names, by the `.dvc` files of each."""
    named = set()
    for commit in ("HEAD", *said("git", "tag", "--list").split()):
        for path in said("git", "ls-tree", "-r", "--name-only", commit).splitlines():
            if path.endswith(".dvc"):
                for md5 in re.findall(r"md5: ([0-9a-f]{32}(?:\.dir)?)", said("git", "show", f"{commit}:{path}")):
                    named.add(md5)
    files = {path for path in Path(STORE).rglob("*") if path.is_file()}
    by_hash = {f"{path.parent.name}{path.name}": path for path in files}
    for md5 in [each for each in named if each.endswith(".dir") and each in by_hash]:
        named |= {entry["md5"] for entry in read_json(by_hash[md5])}
    return sorted(str(path) for md5, path in by_hash.items() if md5 not in named)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.release.model", description=__doc__.split("\n")[0])
    parser.add_argument("version", help="such as v1.0.0")
    given = parser.parse_args(arguments)
    check(given.version)
    text = card(given.version)
    with replacing_folder(RELEASED) as folder:
        shutil.copytree(TRAINED, folder, dirs_exist_ok=True)
        (folder / CARD).write_text(text, encoding="utf-8")
    dvc("add", "--quiet", RELEASED)
    # `dvc add` keeps the remote that the file names; a new one has none yet.
    path = Path(f"{RELEASED}.dvc")
    if "remote:" not in (written := path.read_text(encoding="utf-8")):
        path.write_text(written.rstrip("\n") + "\n  remote: release\n", encoding="utf-8")
    files = said("git", "ls-files", "*.dvc").split()
    dvc("push", "--quiet", "--remote", "release", *sorted({*files, f"{RELEASED}.dvc"}))
    said("git", "add", f"{RELEASED}.dvc", STORE)
    said("git", "commit", "--quiet", "-m", f"Release {given.version}")
    said("git", "tag", "-a", given.version, "-m", f"Release {given.version}")
    print(f"{given.version}: {RELEASED} with its card is in {STORE}/; now `git push --follow-tags`")
    if spare := unnamed():
        print(f"{len(spare)} files of {STORE}/ are named by no tag and no .dvc file, first {spare[0]}")


if __name__ == "__main__":
    run(main)
