"""A release: the trained adapter with its model card, in the release store, under a tag.

    make release VERSION=v1.0.0        # python -m stages.release.model v1.0.0

Refused, with nothing changed, unless git and DVC have nothing open, as what is released has to be what the committed lock says, and
unless the base's terms are known and allow it (`sources/licences.yaml`). The adapter (`models/adapter`) is copied to `models/oiellm` with a
README.md, the model card, made of the lock, the params and the metrics. What depends on it is made anew, so that lock, scores and docs
are those of the release; it is pushed to `release-store/`, which loses what no released tag needs (`stages.release.store`), committed and
tagged. A release that fails on the way leaves the tree as it was.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from stages.core import config
from stages.core.config import parse_yaml
from stages.core.errors import UserError
from stages.core.files import read_json, replacing_folder
from stages.core.run import run
from stages.core.schema import read_checked_json
from stages.model.common import ADAPTER, TERMS
from stages.release import store
from stages.release.card import CARD, environment
from stages.release.store import STORE, VERSION, dvc, said
from stages.sources.licences import USES, WHERE, Model, of_model, of_source
from stages.sources.raw import Raw

RELEASED, TRAINED = "models/oiellm", "models/adapter"
# Artifacts whose hashes the card names: what was trained on, what was tested on.
DATA = ("data/mix/train.jsonl", "data/mix/test.jsonl", TRAINED)


def check(version: str) -> None:
    """UserError unless the version is new and nothing is open."""
    if not VERSION.fullmatch(version):
        raise UserError("VERSION", f"{version!r} is no version", "write it like v1.2.3")
    if version in store.versions():
        raise UserError("VERSION", f"{version} is there already", "take the next one")
    if changed := said("git", "status", "--porcelain", "--untracked-files=no").strip():
        first = changed.splitlines()[0].split()[-1]
        raise UserError(first, "is not committed", "commit or restore it, so that the tag names what is released")
    if stale := [line for line in dvc("status").splitlines() if line and not line.startswith(("Data and", "\t", " "))]:
        raise UserError(stale[0].rstrip(":"), "is not what the lock says", "`make repro`, and commit dvc.lock")


def base_of(adapter: str = TRAINED) -> Model:
    """The base of the adapter in the table of licences; UserError where its terms are not known, forbid a release, or are not there."""
    name = read_checked_json(f"{adapter}/{ADAPTER}", "adapter")["base"]["source"]
    found = of_model(name)
    if found is None:
        raise UserError(f"{adapter}: base {name}", "its licence is not known", f"give it a row under models in {WHERE}")
    if barred := [said for use, said in USES.items() if use not in found.licence.allows]:
        raise UserError(
            f"{adapter}: base {name}", f"{found.licence.name} forbids {' and '.join(barred)}", "take another base"
        )
    if found.licence.terms and not any(Path(adapter).glob(f"{TERMS}*")):
        fault = f"{found.licence.name} asks that its terms pass on with it, and they do not lie there"
        raise UserError(adapter, fault, "name their file in base.terms, and train again")
    return found


def data_licences() -> list[tuple[str, str]]:
    """(source, licence) of what it was trained on."""
    found = []
    for source in config.read("raw", Raw).sources:
        try:
            found.append((source.name, of_source(source).licence.name))
        except UserError:
            found.append((source.name, "not stated"))
    return found


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


def header(base: Model, languages: Sequence[str], method: str) -> str:
    """The YAML header of Hugging Face."""
    value: dict[str, Any] = {"base_model": base.hub, "library_name": "transformers" if method == "full" else "peft"}
    value |= {"license": base.licence.hub, "language": list(languages), "pipeline_tag": "text-generation"}
    return yaml.safe_dump({key: word for key, word in value.items() if word}, sort_keys=False).strip()


def card(version: str) -> str:
    """The model card, from the template."""
    hashes, params, base = locked_hashes(), config.load(), base_of()
    bound = read_checked_json(f"{TRAINED}/{ADAPTER}", "adapter")
    return (
        environment()
        .get_template("model_card.md.j2")
        .render(
            header=header(base, params["languages"], bound["method"]),
            version=version,
            adapter=bound,
            sources=bound["base"]["source"].split(" + "),
            hashes={path: hashes[path] for path in DATA if path in hashes},
            params=params,
            trained=read_checked_json("metrics/train.json", "train_metrics"),
            mix=read_json("metrics/mix.json"),
            scores=scores(),
            level=read_json("metrics/evaluation_intervals.json")["level"],
            base=base,
            data=data_licences(),
            notice=Path(base.notice).read_text(encoding="utf-8").strip() if base.notice else "",
            terms=sorted(path.name for path in Path(TRAINED).glob(f"{TERMS}*")),
        )
    )


@contextmanager
def undone_on_failure() -> Iterator[None]:
    """Whatever ends the block early, the tree is as it was: nothing was open before, so git and DVC have it all."""
    there = set(store.stored().values())
    tracked_before = Path(f"{RELEASED}.dvc").exists()
    try:
        yield
    except BaseException:
        said("git", "reset", "--quiet")
        said("git", "checkout", "--quiet", "--", ".")
        for path in set(store.stored().values()) - there:
            path.unlink()
        if tracked_before:
            dvc("checkout", "--quiet", "--force")
        else:
            Path(f"{RELEASED}.dvc").unlink(missing_ok=True)
            shutil.rmtree(RELEASED, ignore_errors=True)
        raise


def publish(version: str) -> list[Path]:
    """Copies, makes anew what depends on it, pushes, prunes, commits and tags; what was pruned."""
    text = card(version)
    with replacing_folder(RELEASED) as folder:
        shutil.copytree(TRAINED, folder, dirs_exist_ok=True)
        (folder / CARD).write_text(text, encoding="utf-8")
    dvc("add", "--quiet", RELEASED)
    # `dvc add` keeps the remote that the file names; a new one has none yet.
    path = Path(f"{RELEASED}.dvc")
    if "remote:" not in (written := path.read_text(encoding="utf-8")):
        path.write_text(written.rstrip("\n") + f"\n  remote: {store.REMOTE}\n", encoding="utf-8")
    dvc("repro", "--quiet")
    said(sys.executable, "-m", "stages.report.docs")
    store.push()
    pruned = store.prune()
    said("git", "add", "--all", f"{RELEASED}.dvc", STORE)
    said("git", "add", "--update")
    said("git", "commit", "--quiet", "-m", f"Release {version}")
    said("git", "tag", "-a", version, "-m", f"Release {version}")
    return pruned


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.release.model", description=__doc__.split("\n")[0])
    parser.add_argument("version", help="such as v1.0.0")
    given = parser.parse_args(arguments)
    os.environ["PATH"] = (
        f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # whose `python` the stages run
    )
    check(given.version)
    base_of()
    with undone_on_failure():
        pruned = publish(given.version)
    print(f"{given.version}: {RELEASED} with its card is in {STORE}/; now `git push --follow-tags`")
    if pruned:
        print(f"{len(pruned)} files that no released tag needs are gone from {STORE}/; git still has them")


if __name__ == "__main__":
    run(main)
