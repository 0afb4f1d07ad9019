"""Runs stages as dvc.yaml writes them, in a folder of the test's own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
DATA_STAGES = ("raw", "tconer", "glossary", "translate", "filter", "quality", "calibrate", "mix")


def new_folder(folder: Path, **changes: Any) -> Path:
    """A working folder with the project's params (sections changed key by key), its sample, prompts and recorded responses."""
    knobs = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for section, values in changes.items():
        knobs[section].update(values)
    (folder / "data").mkdir(parents=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs, allow_unicode=True), encoding="utf-8")
    for place in ("stages", "data/sample", "data/corpus", "data/second", "data/calibration", "data/responses.jsonl.gz"):
        (folder / place).symlink_to(ROOT / place)
    return folder


def commands(stage: str, folder: Path) -> list[list[str]]:
    """The command of a stage, once for each language if it is a matrix."""
    knobs = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    text = STAGES[stage]["cmd"].replace("${translate.prompt}", knobs["translate"]["prompt"])
    items = knobs["languages"] if "matrix" in STAGES[stage] else [None]
    return [shlex.split(text.replace("${item.lang}", item or "")) for item in items]


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command in the folder, with the project's code; `python` is this one."""
    if command[0] == "python":
        command = [sys.executable, *command[1:]]
    full = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run(command, cwd=folder, env=full, capture_output=True, text=True, check=False)


def run_stage(stage: str, folder: Path, **environment: str) -> None:
    """A whole stage; the test fails with what it printed if it does."""
    for command in commands(stage, folder):
        done = run(command, folder, **environment)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
