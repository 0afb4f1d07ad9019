"""The folder of a project: laid out whole or not at all, under git and DVC of its own, its code linked and its tables copied.

    stages, schemas/*        links to this repository's code and schemas, on this machine only: git ignores them
    schemas/labels/          the label tables, the project's own
    prompts/                 the prompts, the project's own
    data/external/           what its sources read
    data/calibration/        people's corrections; data/reading/: filled-in reading sheets; data/glossary-review/: terms
    dvc.yaml params.yaml     the pipeline and its knobs (`stages/project/compose.py`)

`linked` links a folder again that was cloned elsewhere, or whose code moved.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.graph import ROOT
from stages.project import compose

IGNORED = """# Links to the code, of this machine: python -m stages.project.new --link FOLDER, in the code's folder, makes them.
/stages
/schemas/*
!/schemas/labels/
/.venv
__pycache__/
*.tmp
"""
README = """# {name}

Made by `python -m stages.project.{command}` of {origin}.{begin}In the environment of that repository (`. .venv/bin/activate` there):

    dvc repro                                      # rebuilds what changed; asks nothing that is not recorded
    python -m stages.project.run                   # the same, and asks the model: says the price first
    python -m stages.calibration.page --annotator NAME   # correct translations in a browser
    dvc exp run -S translate.prompt=mine && dvc metrics diff      # another prompt, once it is asked for (LLM_MODE=online)

Out come `metrics/report.html` (every record), `data/ledger/` (what became of each), `sheets/reading.html` (pairs to judge; a
filled-in sheet goes to `data/reading/`), `exports/`. After a clone elsewhere: `python -m stages.project.new --link FOLDER`.
"""
# What a folder without data asks for first, by the command that made it.
BEGIN = {
    "new": """

To begin:

1. Files into `data/external/`, and a line for each in `raw.sources` of `params.yaml` (`docs/own-data.md` shows one; `docs/formats.md` has
   the adapters). Entities and relations of one file are two sources, one for each `task`.
2. Labels that no table of `schemas/labels/` has: a table of your own there; `python -m stages.project.labels` proposes its other languages.
3. `llm.model` in `params.yaml`; the endpoint as `OPENAI_BASE_URL` and `OPENAI_API_KEY`.
4. The base model and its training: `base` and `train` there (`docs/training.md`); `predict` and `evaluate` follow.

"""
}
PROMPTS = ("tconer", "glossary", "translate")


def done(command: Sequence[str], folder: Path) -> None:
    """Runs a command of the set-up; UserError with its last words where it fails."""
    try:
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise UserError(command[0], "is not installed", "install it") from error
    if result.returncode:
        said = (result.stderr or result.stdout).strip().splitlines() or ["no word"]
        raise UserError(f"{folder}: {' '.join(command)}", said[-1], "mend this, then run it again")


def dvc(*words: str) -> list[str]:
    """A command of this environment's DVC."""
    return [sys.executable, "-m", "dvc", *words]


def environment(**more: str) -> dict[str, str]:
    """In which `python` is this one, as the commands of dvc.yaml call it."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), **more}


def linked(folder: Path) -> None:
    """Links a project to this code: `stages`, and each folder of `schemas` but the label tables."""
    wanted = {folder / "stages": ROOT / "stages"}
    rooms = sorted(path for path in (ROOT / "schemas").iterdir() if path.is_dir() and path.name != "labels")
    wanted |= {folder / "schemas" / path.name: path for path in rooms}
    for link, target in wanted.items():
        if link.exists() and not link.is_symlink():
            raise UserError(str(link), "is no link", f"{folder} is no project of its own; take another folder")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _lay_out(folder: Path, names: Sequence[str], values: Mapping[str, Any], command: str, name: str) -> None:
    linked(folder)
    unwanted = shutil.ignore_patterns("__pycache__", "*.tmp")
    shutil.copytree(ROOT / "schemas/labels", folder / "schemas/labels", ignore=unwanted)
    for part in PROMPTS:
        shutil.copytree(ROOT / "stages/prompts" / part, folder / "prompts" / part, ignore=unwanted)
    for place in compose.GIVEN:
        if not place.endswith(".gz"):
            (folder / place).mkdir(parents=True)
            (folder / place / ".gitkeep").touch()
    (folder / "data/calibration/annotators.json").write_text("{}\n", encoding="utf-8")  # who they are in words, by name
    (folder / "data/responses.jsonl.gz").write_bytes(gzip.compress(b'{"card":{}}\n', mtime=0))
    (folder / "dvc.yaml").write_text(compose.pipeline(names), encoding="utf-8")
    (folder / "params.yaml").write_text(compose.knobs(names, values), encoding="utf-8")
    (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    (folder / "README.md").write_text(
        README.format(name=name, command=command, origin="MMM", begin=BEGIN.get(command, " ")), encoding="utf-8"
    )
    done(["git", "init", "--quiet", "--initial-branch", "main"], folder)
    done(dvc("init", "--quiet"), folder)
    shutil.copy(ROOT / ".dvcignore", folder / ".dvcignore")
    done(dvc("config", "core.analytics", "false"), folder)
    done(dvc("config", "core.autostage", "false"), folder)
    done(dvc("add", "--quiet", "data/responses.jsonl.gz"), folder)


def make(
    folder: Path,
    names: Sequence[str],
    values: Mapping[str, Any],
    *,
    command: str,
    files: Sequence[Path] = (),
    tables: Sequence[Path] = (),
) -> None:
    """Makes a project: `names` are its stages, `values` knobs that are set, `files` go to data/external, `tables` to the
    label tables.

    Raises:
        UserError: the folder is there already; git or DVC cannot be used. Nothing is left then.
    """
    folder = Path(os.path.normpath(folder))  # `x/..` is where it leads, also while there is no x
    if folder.exists():
        raise UserError(str(folder), "is there already", "name another folder")
    building = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        building.mkdir(parents=True)
        _lay_out(building, names, values, command, folder.name)
        for path in files:
            shutil.copy(path, building / "data/external" / path.name)
        for path in tables:
            shutil.copy(path, building / "schemas/labels" / path.name)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
