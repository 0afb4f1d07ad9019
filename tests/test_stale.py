"""A new knob of one step makes that step stale and nothing else: shown by `dvc status` on a small copy of the pipeline."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from tests.support.pipeline import ROOT

# Stages without data of others before them, so that DVC's commit needs no run: their outputs are made by hand.
OWN = "data/external/own.jsonl"  # of a source
STAGES = ("raw", "base", "data_checks", "baseline")


def stale_in(folder: Path) -> set[str]:
    """The stages that `dvc status` names: DVC is asked in this process, whose start it would cost each time."""
    with contextlib.chdir(folder), Repo() as repo:
        return set(repo.status())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real stages with their real deps on code, schemas and params, and stand-ins for their data."""
    folder = tmp_path_factory.mktemp("stale")
    (folder / OWN).parent.mkdir(parents=True)
    (folder / OWN).write_text("{}\n", encoding="utf-8")
    for name in ("stages", "schemas"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, folder / name)
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    pipeline = {name: pipeline[name] for name in STAGES}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": pipeline}), encoding="utf-8")
    for entry in pipeline.values():
        for item in (*entry["deps"], *entry.get("outs", []), *entry.get("metrics", [])):
            path = folder / (item if isinstance(item, str) else next(iter(item)))
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("{}\n", encoding="utf-8")
    with contextlib.chdir(folder), Repo.init(no_scm=True) as repo:
        repo.commit(force=True)
    assert stale_in(folder) == set()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "stale"), [("data_checks", {"data_checks"}), ("base", {"base"}), ("evaluate", set()), ("mix", set())]
)
def test_a_new_knob_makes_its_own_step_stale_alone(project: Path, section: str, stale: set[str]) -> None:
    path = project / "params.yaml"
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(before.replace(f"\n{section}:", f"\n{section}:\n  new_knob: 1", 1), encoding="utf-8")
        found = stale_in(project)
    finally:
        path.write_text(before, encoding="utf-8")
    assert found == stale


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "line", "stale"),
    [("stages/dataset/mix.py", b"# edited\n", "data_checks"), (OWN, b"{}\n", "raw")],
    ids=["those that import its room and no model", "the reader of an own file"],
)
def test_a_changed_file_makes_those_stale_that_read_it(project: Path, name: str, line: bytes, stale: str) -> None:
    path = project / name
    before = path.read_bytes()
    try:
        path.write_bytes(before + line)
        found = stale_in(project)
    finally:
        path.write_bytes(before)
    assert found == {stale}
