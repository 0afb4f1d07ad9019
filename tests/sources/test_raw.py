"""Stage `raw` as a whole: what it reads is what it depends on, and what it prints of doubtful records."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stages.core.files import write_jsonl
from stages.sources import raw
from stages.sources.common import Source
from tests.support.pipeline import ROOT, commands, here, new_folder

DOCCANO = {"name": "mine", "adapter": "doccano", "pin": None, "limit": None}


def test_the_folders_that_sources_may_lie_in_are_deps() -> None:
    deps = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["raw"]["deps"]
    assert set(raw.WATCHED) <= set(deps)
    assert all((ROOT / folder).is_dir() for folder in raw.WATCHED), "a dep that a fresh clone has not stops dvc"


@pytest.mark.parametrize(
    ("path", "watched"),
    [("data/external/a.jsonl", True), ("data/sample", True), ("./data/corpus", True), ("a.jsonl", False), ("/tmp/a", False),
     ("data/externals", False)],
)  # fmt: skip
def test_a_source_elsewhere_is_told(path: str, watched: bool) -> None:
    assert raw.unwatched([Source("a", "jsonl", path, None, None)]) == ([] if watched else [path])


def test_the_stage_warns_of_what_goes_unnoticed_and_of_doubtful_records(tmp_path: Path) -> None:
    folder = new_folder(tmp_path / "a", raw={"sources": [{**DOCCANO, "path": "own.jsonl"}]})
    write_jsonl(folder / "own.jsonl", [{"text": "In Kobe.", "label": [[3, 7, "city"], [3, 7, "city"]]}])
    (command,) = commands("raw", folder)
    done = here(command[2:], folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "warning: own.jsonl is no dep of this stage" in done.stdout
    assert "warnings: repeated 1; see them with python -m stages.records.validate" in done.stdout


def test_a_changed_pin_fails_and_a_watched_file_is_read_without_a_warning(tmp_path: Path) -> None:
    source = {**DOCCANO, "path": "data/external/own.jsonl"}
    folder = new_folder(tmp_path / "a", raw={"sources": [source]})
    write_jsonl(folder / "data/external/own.jsonl", [{"text": "In Kobe.", "label": [[3, 7, "city"]]}])
    (command,) = commands("raw", folder)
    assert here(command[2:], folder).returncode == 0
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["raw"]["sources"][0]["pin"] = "0" * 64
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    (command,) = commands("raw", folder)
    done = here(command[2:], folder)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "not the pinned one" in done.stderr


def test_a_table_without_a_language_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    source = {**DOCCANO, "path": "data/external/own.jsonl", "subset": "SCNM", "task": "NER", "lang": "ja"}
    folder = new_folder(tmp_path / "a", raw={"sources": [source]})
    write_jsonl(folder / "data/external/own.jsonl", [{"text": "神戸で。", "label": [[0, 2, "地名"]]}])
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    (folder / "params.yaml").write_text(yaml.safe_dump({**params, "languages": ["ja", "de", "en"]}), encoding="utf-8")
    (command,) = commands("raw", folder)
    done = here(command[2:], folder)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "schemas/labels/SCNM.json: text_labels: has no labels in de (add the column, or have it" in done.stderr
