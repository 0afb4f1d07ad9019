"""Writes the bundle of results, which another machine checks score by score and record by record.

    make bundle                                   # python -m stages.release.bundle --out results.tar.gz
    python -m stages.report.verify results.tar.gz # there, after `make repro`

`stages/report/bundle.py` says what is in it. The same tree gives the same bytes. The words of an answer are left out, and only their
hash kept, where the source of its text may not be passed on (`sources/licences.yaml`) or states no licence: an answer quotes its text.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import dumps, loads, read_bytes, replacing
from stages.core.run import run
from stages.core.schema import faults
from stages.release.card import source_of
from stages.report.bundle import FORMAT, MANIFEST, metrics_of, record_lines, records_of, systems, versions
from stages.sources.licences import of_source
from stages.sources.raw import Raw


def quotable() -> set[str]:
    """The names of the sources whose texts may be passed on."""
    found = set()
    for source in config.read("raw", Raw).everything():
        try:
            part = of_source(source)
        except UserError:  # no licence is stated: nothing is passed on
            continue
        if "passing_on" in part.licence.allows:
            found.add(source.name)
    return found


def git(*words: str) -> str | None:
    """What git prints, None where there is no repository."""
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout.strip()


def members(allowed: set[str]) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """(every member but the manifest by name, files of the systems that are built)."""
    metrics = sorted(path for path in Path("metrics").rglob("*") if path.suffix in (".json", ".csv"))
    files = {str(path): read_bytes(path) for path in [Path("params.yaml"), Path("dvc.lock"), *metrics] if path.exists()}
    built = {}
    for name, own in systems().items():
        scored = files.get(path := metrics_of(name)) and loads(files[path], path)  # {}: a test set without examples
        if scored and all(Path(path).is_file() for path in own.values()):
            lines = record_lines(**own)
            kept = (line if source_of(line["id"]) in allowed else {**line, "output": None} for line in lines)
            files[records_of(name)] = b"".join(checked_line(line) for line in kept)
            built[name] = own
    if not built:
        raise UserError("metrics", "no system is evaluated here", "run `make repro` first")
    return files, built


def checked_line(line: dict[str, Any]) -> bytes:
    """One record as a line, once its schema accepts it."""
    for pointer, message in faults(line, "bundle_record"):
        raise UserError(f"{line['id']}: {pointer}", message, "this is a fault of bundle: report it")
    return dumps(line, place=line["id"]) + b"\n"


def write(path: str, files: dict[str, bytes]) -> None:
    """A tar.gz of these members, sorted, the manifest first, that says nothing of who wrote it and when."""
    with replacing(path) as file, tarfile.open(fileobj=file, mode="w") as archive:
        for name in sorted(files, key=lambda name: (name != MANIFEST, name)):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o644
            archive.addfile(member, io.BytesIO(files[name]))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.release.bundle", description=__doc__.split("\n")[0])
    parser.add_argument("--out", default="results.tar.gz", metavar="FILE")
    given = parser.parse_args(arguments)
    if not given.out.endswith(".tar.gz"):
        raise UserError(given.out, "is no name of a bundle", "let it end in .tar.gz")
    allowed = quotable()
    files, built = members(allowed)
    manifest = {
        "format": FORMAT,
        "commit": git("rev-parse", "HEAD"),
        "open": bool(git("status", "--porcelain", "--untracked-files=no")),
        "versions": versions(),
        "systems": built,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    for pointer, message in faults(manifest, "bundle"):
        raise UserError(f"{MANIFEST}: {pointer}", message, "this is a fault of bundle: report it")
    write(given.out, {MANIFEST: dumps(manifest, indent=True) + b"\n", **files})
    print(
        f"{given.out}: {len(built)} systems, {len(files)} files; check it elsewhere: python -m stages.report.verify BUNDLE"
    )


if __name__ == "__main__":
    run(main)
