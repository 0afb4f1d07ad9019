"""The release store, a DVC remote in git: what is pushed there, and what it keeps.

    python -m stages.release.store             # what nothing released needs
    python -m stages.release.store --delete    # deletes it (`make release` does)

Only outputs whose `.dvc` file says `remote: release` are pushed there, and the report's page of the lock, which `make pull` shows: what
else a `.dvc` file names, such as data of one's own, never gets into git by a release. The store keeps what those files and the lock name
now, and what they named at the tags of versions; git has the rest.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from stages.core.config import parse_yaml
from stages.core.errors import UserError
from stages.core.files import loads, read_json
from stages.core.run import run

STORE, REMOTE = "release-store", "release"
PAGE = "metrics/report.html"
VERSION = re.compile(r"v\d+\.\d+\.\d+")


def said(*command: str) -> str:
    """What a command prints; UserError with its last line where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        fault = ((done.stderr or done.stdout).strip().splitlines() or ["it failed"])[-1]
        raise UserError(" ".join(command[:3]), fault, "mend it and release again")
    return done.stdout


def dvc(*words: str) -> str:
    """What a command of DVC prints."""
    return said(sys.executable, "-m", "dvc", *words)


def versions() -> list[str]:
    """The tags of releases."""
    return [tag for tag in said("git", "tag", "--list").split() if VERSION.fullmatch(tag)]


def _outs(text: str, place: str) -> Iterator[str]:
    """The hashes of the outputs of a `.dvc` file that belong into the store."""
    for out in parse_yaml(text, place).get("outs", []):
        if out.get("remote") == REMOTE and "md5" in out:
            yield out["md5"]


def page(lock: str) -> set[str]:
    """The hash of the report's page in the text of a `dvc.lock`; empty where it has none."""
    stages = parse_yaml(lock, "dvc.lock").get("stages", {}).values()
    return {out["md5"] for stage in stages for out in stage.get("outs", []) if out["path"] == PAGE}


def own_page() -> set[str]:
    lock = Path("dvc.lock")
    return page(lock.read_text(encoding="utf-8")) if lock.exists() else set()


def tracked() -> list[str]:
    """The `.dvc` files whose outputs belong into the store."""
    paths = sorted({*said("git", "ls-files", "*.dvc").split(), *map(str, Path("models").glob("*.dvc"))})
    return [path for path in paths if Path(path).exists() and any(_outs(Path(path).read_text(encoding="utf-8"), path))]


def stored() -> dict[str, Path]:
    """The files of the store, by hash."""
    return {f"{path.parent.name}{path.name}": path for path in sorted(Path(STORE).rglob("*")) if path.is_file()}


def needed() -> set[str]:
    """The hashes that the `.dvc` files and the lock name, of the working tree and of every released tag, and those in their folders."""
    found = {md5 for path in tracked() for md5 in _outs(Path(path).read_text(encoding="utf-8"), path)} | own_page()
    files = stored()
    listings = {md5: read_json(files[md5]) for md5 in found if md5.endswith(".dir") and md5 in files}
    for tag in versions():
        names = said("git", "ls-tree", "-r", "--name-only", tag).splitlines()
        own = {
            md5 for path in names if path.endswith(".dvc") for md5 in _outs(said("git", "show", f"{tag}:{path}"), path)
        }
        for name in names:
            # The listing of a folder from the tag itself: it is there even where a later store has lost it.
            md5 = "".join(Path(name).parts[-2:])
            if name.startswith(f"{STORE}/") and md5 in own and md5.endswith(".dir"):
                listings[md5] = loads(said("git", "show", f"{tag}:{name}"), name)
        found |= own | (page(said("git", "show", f"{tag}:dvc.lock")) if "dvc.lock" in names else set())
    return found | {entry["md5"] for listing in listings.values() for entry in listing}


def spare() -> list[Path]:
    """Files of the store that nothing released needs; UserError where git cannot know."""
    if said("git", "rev-parse", "--is-shallow-repository").strip() == "true":
        raise UserError(STORE, "a shallow clone does not have every tag", "git fetch --unshallow --tags, and try again")
    keep = needed()
    return [path for md5, path in stored().items() if md5 not in keep]


def prune() -> list[Path]:
    """Deletes what nothing released needs, and says what that was."""
    found = spare()
    for path in found:
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    return found


def push() -> None:
    """Pushes what belongs into the store, and all else to the project's default remote, if there is one.

    Raises:
        UserError: something is in no cache, or a file is not in the store afterwards.
    """
    dvc("push", "--quiet", "--remote", REMOTE, *tracked())
    if own_page():  # by itself: beside outputs that name their remote DVC passes over those that do not
        dvc("push", "--quiet", "--remote", REMOTE, PAGE)
    if subprocess.run(
        [sys.executable, "-m", "dvc", "config", "core.remote"], capture_output=True, check=False
    ).stdout.strip():
        dvc("push", "--quiet")
    if missing := sorted(
        ({md5 for path in tracked() for md5 in _outs(Path(path).read_text(encoding="utf-8"), path)} | own_page())
        - stored().keys()
    ):
        raise UserError(STORE, f"{missing[0]} is not in it", "see .dvc/config: the remote `release` is that folder")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.release.store", description=__doc__.split("\n")[0])
    parser.add_argument("--delete", action="store_true")
    given = parser.parse_args(arguments)
    for path in prune() if given.delete else spare():
        print(path)


if __name__ == "__main__":
    run(main)
