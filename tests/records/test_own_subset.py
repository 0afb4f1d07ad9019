"""A sub-dataset is a file: one's own table under `schemas/labels/` is known to every command, without a line of code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core.files import write_jsonl
from tests.support.params import params
from tests.support.pipeline import ROOT, STAGES

TABLE: dict[str, Any] = {
    "subset": "CARE",
    "source_lang": "ja",
    "text_labels": {"ja": ["医療", "介護"], "en": ["Medicine", "Care"], "zh": ["医疗", "护理"]},
    "tasks": {
        "NER": {"kind": "span", "word": "Care NER", "labels": {"ja": ["薬", "病"], "en": ["Drug", "Disease"], "zh": ["药", "病"]}},
        "RE2": {"kind": "relation", "word": "Care Relations", "labels": None},
    },
}  # fmt: skip
RECORD: dict[str, Any] = {
    "id": "CARE/NER/own/1/ja", "subset": "CARE", "task": "NER", "source": "own", "lang": "ja", "split": None, "text": "風邪に薬を飲む。",
    "text_label": "医療", "text_label_origin": "source", "extractions": [{"label": "病", "spans": [{"text": "風邪", "start": 0}]}],
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of code and schemas with one file more."""
    folder = tmp_path_factory.mktemp("own")
    for name in ("stages", "schemas"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "schemas" / "labels" / "CARE.json").write_text(json.dumps(TABLE), encoding="utf-8")
    knobs = params()
    knobs["raw"]["sources"] = [{"name": "own", "adapter": "jsonl", "path": "own.jsonl", "pin": None, "limit": None}]
    knobs["raw"]["second"] = None
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    return folder


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, check=False)


def test_records_of_an_own_sub_dataset_are_read_and_written(project: Path) -> None:
    relation = {"label": "treats", "spans": [{"text": "薬", "start": 3}, {"text": "風邪", "start": 0}]}
    other = {**RECORD, "id": "CARE/RE2/own/1/ja", "task": "RE2", "extractions": [relation]}
    write_jsonl(project / "own.jsonl", [RECORD, other])
    done = python(project, *STAGES["raw"]["cmd"].split()[2:])
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 records" in done.stdout
    done = python(project, "stages.records.roundtrip", "data/raw/records.jsonl")
    assert done.returncode == 0, done.stdout + done.stderr
    done = python(project, "stages.records.validate", "data/raw/records.jsonl", "schemas/labels/CARE.json")
    assert (done.returncode, done.stdout) == (0, "no fault in 2 files: 2 record, 1 labels\n")


def test_a_label_outside_the_own_table_is_refused_with_the_table(project: Path) -> None:
    write_jsonl(project / "own.jsonl", [{**RECORD, "text_label": "天気"}])
    done = python(project, *STAGES["raw"]["cmd"].split()[2:])
    assert done.returncode == 1
    assert "unknown label '天気': one of 医療, 介護" in done.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subset": "OTHER"}, "/subset: is 'OTHER', not the file's name"),
        ({"text_labels": {"ja": ["医療"]}}, "CARE.json: /text_labels/ja"),
        ({"tasks": {**TABLE["tasks"], "RW": {"kind": "relation", "word": "NER", "labels": None}}}, "instruct word 'NER' is that of another task"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_named(project: Path, change: dict[str, Any], said: str) -> None:
    path = project / "schemas" / "labels" / "CARE.json"
    write_jsonl(project / "own.jsonl", [{**RECORD, "group": "0" * 16}])
    try:
        path.write_text(json.dumps({**TABLE, **change}), encoding="utf-8")
        done = python(project, "stages.records.roundtrip", "own.jsonl")
    finally:
        path.write_text(json.dumps(TABLE), encoding="utf-8")
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
