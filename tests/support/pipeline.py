"""Runs stages as dvc.yaml writes them, in a folder of the test's own."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from stages.core import config
from stages.core.run import exit_code
from tests.support.params import params, write_params

ROOT = Path(__file__).resolve().parents[2]
STAGES: dict[str, Any] = yaml.load((ROOT / "dvc.yaml").read_bytes(), Loader=yaml.CSafeLoader)["stages"]
DATA_STAGES = ("raw", "tconer", "glossary", "translate", "filter", "quality", "calibrate", "mix")


def new_folder(folder: Path, **changes: Any) -> Path:
    """A working folder with the project's params (sections changed key by key), its sample, prompts and recorded responses."""
    knobs = params()
    for section, values in changes.items():
        knobs[section].update(values)
    (folder / "data").mkdir(parents=True)
    write_params(folder, knobs)
    for place in ("stages", "data/sample", "data/corpus", "data/second", "data/calibration", "data/responses.jsonl.gz"):
        (folder / place).symlink_to(ROOT / place)
    return folder


def commands(stage: str, folder: Path) -> list[list[str]]:
    """The command of a stage, once for each language if it is a matrix."""
    knobs = config.load(folder / "params.yaml")
    text = STAGES[stage]["cmd"].replace("${translate.prompt}", knobs["translate"]["prompt"])
    items = knobs["languages"] if "matrix" in STAGES[stage] else [None]
    return [shlex.split(text.replace("${item.lang}", item or "")) for item in items]


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command in the folder, with the project's code; `python` is this one."""
    if command[0] == "python":
        command = [sys.executable, *command[1:]]
    full = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run(command, cwd=folder, env=full, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def surroundings(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """The folder as working folder, and the environment, until the block ends."""
    before, kept = os.getcwd(), dict(os.environ)
    os.chdir(folder)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(kept)


def here(words: Sequence[str | Path], folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m words…` in this process, which spares its start: for what a command says and does, not for how it is a process.

    Output goes through UTF-8 as strict as a terminal's; an exception that is no user's fault gets out.
    """
    command = [str(word) for word in words]
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors) for errors in ("strict", "backslashreplace"))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), surroundings(folder, environment):
        try:
            main = importlib.import_module(command[0]).main
            code = exit_code(lambda: main(command[1:]), command[0])
        except SystemExit as end:  # argparse, and commands that end so
            if isinstance(end.code, str):
                print(end.code, file=err)
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    told = []
    for stream in (out, err):
        stream.flush()
        told.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(command, code, *told)


def stage_here(stage: str, folder: Path, **environment: str) -> None:
    """A whole stage in this process."""
    for command in commands(stage, folder):
        done = here(command[2:], folder, **environment)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def run_stages(stages: Sequence[str], folder: Path, **environment: str) -> None:
    """Whole stages, one after the other in one process of their own; the test fails with what they printed if one does."""
    words = [command[2:] for stage in stages for command in commands(stage, folder)]
    code = (
        "import importlib, json, sys\nfor name, *words in json.loads(sys.argv[1]):\n"
        "    if importlib.import_module(name).main(words):\n        sys.exit(name)"
    )
    done = run(["python", "-c", code, json.dumps(words)], folder, **environment)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
