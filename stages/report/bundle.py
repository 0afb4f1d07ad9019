"""A bundle of results: metrics, every record's answer and what it is worth, params, lock and versions in one archive.

`make bundle` writes it (`stages/release/bundle.py`), `python -m stages.report.verify BUNDLE` reads it on another machine. It is a
tar.gz with `manifest.json` (schema `bundle`) first, which has the SHA-256 of all other members: `params.yaml`, `dvc.lock`, the files
of `metrics/`, and for each system `records/<system>.jsonl` (schema `bundle_record`). The gold itself is in it only by hash.
"""

from __future__ import annotations

import hashlib
import platform
import re
import tarfile
import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stages.core.config import parse_yaml
from stages.core.errors import UserError
from stages.core.files import loads, read_bytes
from stages.core.schema import faults
from stages.scoring.predictions import by_id, checked
from stages.scoring.score import NO_DEFECTS, Cells, Counts, Judged, judge_each, scores, tally

FORMAT = 1
MANIFEST = "manifest.json"
LARGEST = 1 << 30  # bytes of all members together: an archive that unpacks to more is none of ours
REMEDY = "make it again with `make bundle`, and copy it whole"


def metrics_of(system: str) -> str:
    """The file of a system's scores."""
    return f"metrics/{system}.json"


def intervals_of(system: str) -> str:
    """The file of their intervals."""
    return f"metrics/{system}_intervals.json"


def records_of(system: str) -> str:
    """The member with a system's records."""
    return f"records/{system}.jsonl"


def systems() -> dict[str, dict[str, str]]:
    """The files of predictions and gold of every system that the pipeline evaluates, from `dvc.yaml`."""
    found = parse_yaml(read_bytes("dvc.yaml").decode(), "dvc.yaml")["stages"]["evaluate"]["foreach"]
    return {
        name: {"predictions": f"data/predictions/{item['predictions']}.jsonl", "gold": f"data/mix/{item['gold']}.jsonl"}
        for name, item in found.items()
    }


def _processor() -> str:
    """The processor's name, as far as the system tells it."""
    path = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", path.read_text(encoding="utf-8")) if path.exists() else None
    return found[1].strip() if found else platform.processor() or "unknown"


def versions() -> dict[str, str | None]:
    """What computes here: Python, system, processor, each package that pyproject.toml names for the pipeline (None: absent)."""
    found: dict[str, str | None] = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
    }
    project = tomllib.loads(read_bytes("pyproject.toml").decode())["project"]
    parts = project["optional-dependencies"]
    lines = {*project["dependencies"], *parts["data"], *parts["model"], *parts["train"]}
    for line in sorted(lines, key=str.lower):
        name = re.match(r"[\w.-]+", line)
        if name and name[0] != project["name"]:
            try:
                found[name[0]] = version(name[0])
            except PackageNotFoundError:
                found[name[0]] = None
    return found


def sha256(text: str) -> str:
    """Hex SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def record_lines(predictions: str, gold: str) -> Iterator[dict[str, Any]]:
    """A line for each example of two files: its answer, by hash and in words, and what it is worth beside its gold."""
    answers = by_id(checked(predictions, "prediction"))
    for example, _, judged in judge_each(checked(gold, "example"), answers):
        output, finished = answers.get(example["id"], (None, False))
        yield {
            "id": example["id"],
            "cell": [example["lang"], example["subset"]],
            "gold_sha256": sha256(f"{example['input']}\n{example['output']}"),
            "output_sha256": None if output is None else sha256(f"{finished}\n{output}"),
            "output": output,
            "counts": list(judged.counts),
        }


def _members(path: str) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each plain file of an archive; UserError on anything else in it, and on one too large."""
    size = 0
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            size += member.size
            file = archive.extractfile(member) if member.isreg() else None
            if file is None or size > LARGEST:
                raise UserError(path, f"its member {member.name!r} is no file of a bundle", REMEDY)
            yield member.name, file.read()


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory: the manifest, and the content of every other member by name. Nothing of it is written to disk."""

    manifest: dict[str, Any]
    files: dict[str, bytes]

    @staticmethod
    def read(path: str) -> Bundle:
        """The bundle of a file.

        Raises:
            UserError: it is no such archive, a member is not what the manifest says, or scores are not those of the records.
        """
        files = dict[str, bytes]()
        try:
            for name, content in _members(path):
                if name in files:
                    raise UserError(path, f"has two members {name!r}", REMEDY)
                files[name] = content
        except FileNotFoundError as error:
            raise UserError(path, "no such file", "name a bundle of `make bundle`") from error
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise UserError(path, f"is no whole tar.gz: {error}", REMEDY) from error
        if MANIFEST not in files:
            raise UserError(path, f"has no {MANIFEST}", REMEDY)
        manifest = loads(files.pop(MANIFEST), f"{path}: {MANIFEST}")
        for pointer, message in faults(manifest, "bundle"):
            raise UserError(f"{path}: {MANIFEST}: {pointer}", message, REMEDY)
        for name in sorted(files.keys() | manifest["files"].keys()):
            if name not in files or hashlib.sha256(files[name]).hexdigest() != manifest["files"].get(name):
                raise UserError(f"{path}: {name}", "is not what the manifest says", REMEDY)
        bundle = Bundle(manifest, files)
        for system in manifest["systems"]:
            for needed in (metrics_of(system), records_of(system)):
                if needed not in files:
                    raise UserError(f"{path}: {needed}", "is missing", REMEDY)
            if bundle.scores(system) != loads(files[metrics_of(system)], metrics_of(system)):
                raise UserError(f"{path}: {metrics_of(system)}", "are not the scores of its records", REMEDY)
        return bundle

    def records(self, system: str) -> list[dict[str, Any]]:
        """The lines of a system's records, as `record_lines` gives them."""
        name = records_of(system)
        lines = [loads(line, f"{name}:{n}") for n, line in enumerate(self.files[name].splitlines(), 1)]
        for n, line in enumerate(lines, 1):
            for pointer, message in faults(line, "bundle_record"):
                raise UserError(f"{name}:{n}: {pointer}", message, REMEDY)
        return lines

    def scores(self, system: str) -> dict[str, Any]:
        """The scores that a system's records add up to, as `evaluate` computes them."""
        cells: Cells = {}
        for line in self.records(system):
            judged = Judged(Counts(*line["counts"]), NO_DEFECTS, 0, 0, (None, None))
            cells.setdefault(tuple(line["cell"]), []).append(judged)
        return scores(tally(cells))
