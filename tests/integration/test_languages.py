"""A language is one table and one word in `languages`: Korean added, Chinese taken away, by DVC against a loopback server."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.chat_server import chat_server
from tests.support.pipeline import ROOT, STAGES

KO = Path(__file__).parent / "ko.json"
JOINS = ["mix", "quality", "prompts", "calibration"]


def answer(body: dict[str, Any]) -> str:
    """A translation character by character, tags and listed parts with it, into the language that the prompt asks for."""
    system, question = body["messages"][0]["content"], body["messages"][-1]["content"]

    def image(text: str) -> str:
        if "into Korean" in system:
            return "".join(chr(0xAC00 + ord(c) * 37 % 11_172) if c.isalnum() else "." if c == "。" else c for c in text)
        return "".join(chr(97 + ord(c) % 26) if c.isalnum() else c for c in text)

    if '"label"' in question:
        return json.dumps({"label": image(json.loads(question)["label"])})
    if "<e1>" not in question and '"spans"' in question:
        asked = json.loads(question)
        return json.dumps({"text": image(asked["text"]), "spans": [image(span) for span in asked["spans"]]})
    pieces = re.split(r"(</?e[0-9]+>)", question)
    text = "".join(piece if n % 2 else image(piece) for n, piece in enumerate(pieces))
    return json.dumps({"text": text, "parts": {}})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project's code, tables and prompts, with six texts of a source of its own, under DVC."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    own = [name for name in STAGES["raw"]["deps"] if name.startswith("data/")]
    for name in ("stages", "schemas", "data/calibration", "data/glossary-review", *own):
        (folder / name).mkdir(parents=True)
    for name in ("stages", "schemas", "data/sample", "data/calibration", "data/glossary-review"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored, dirs_exist_ok=True)
    for name in ("dvc.yaml", ".dvcignore", "params.yaml"):
        shutil.copy(ROOT / name, folder / name)
    with gzip.open(folder / "data/responses.jsonl.gz", "wb") as file:
        file.write(b'{"card":{}}\n')
    knobs = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    knobs["raw"]["sources"] = [
        {"name": "sample", "adapter": "sample", "path": "data/sample", "pin": None, "limit": 6}
    ]  # fmt: skip
    knobs["raw"]["second"] = None
    knobs["mix"] |= {"translations": "calibrated", "train_size": None}
    knobs["llm"] |= {"model": "loop-1", "retries": 0}
    knobs["evaluate"]["resamples"] = 100
    knobs["translate"]["projection"]["ask_span"] = False
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs, allow_unicode=True), encoding="utf-8")
    return folder


def repro(folder: Path, url: str, *stages: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {"LLM_MODE": "online", "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "any", "LLM_CACHE": str(folder / "cache")}
    environment = {**os.environ, **own, "PATH": paths, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    if not (folder / ".dvc").exists():
        subprocess.run(["dvc", "init", "--no-scm", "-q"], cwd=folder, env=environment, check=True)
    return subprocess.run(["dvc", "repro", *stages], cwd=folder, env=environment, capture_output=True, text=True)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def languages(folder: Path, old: str, new: str) -> None:
    """The one word."""
    text = (folder / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    (folder / "params.yaml").write_text(text.replace(old, new), encoding="utf-8")


def test_korean_is_carried_to_the_mix_by_one_table_and_one_word_and_taken_away_by_the_word(project: Path) -> None:
    (project / "schemas/labels/languages").mkdir(exist_ok=True)
    shutil.copy(KO, project / "schemas/labels/languages/ko.json")
    languages(project, "- zh\n", "- ko\n")
    with chat_server(answer) as server:
        done = repro(project, server.url, *JOINS)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        said = done.stdout + done.stderr
        assert said.count("no tables for the checks length") == 2  # ja and en to ko
        assert said.count("has no worked example in 'ko'") >= 1
        ledger = lines(project / "data/ledger/ko.jsonl")
        assert Counter(line["outcome"] for line in ledger)["kept"] > len(ledger) / 2
        examples = [line for part in ("train", "test_translated") for line in lines(project / f"data/mix/{part}.jsonl")]
        korean = [line for line in examples if line["lang"] == "ko"]
        assert {line["subset"] for line in korean} >= {"SCNM", "TCREE"}
        assert any("/NER/" in line["output"] and "지명" in line["output"] for line in korean)
        assert not (project / "data/filtered/zh.jsonl").exists()
        asked = len(server.bodies)

        languages(project, "- ko\n", "")  # two languages
        left = repro(project, server.url, *JOINS)
        assert left.returncode != 0
        assert "is left from 'ko'" in left.stderr + left.stdout
        subprocess.run(["find", "data", "-name", "ko.*", "-delete"], cwd=project, check=True)
        done = repro(project, server.url, *JOINS)
        assert done.returncode == 0, done.stdout + done.stderr
        assert {line["lang"] for line in lines(project / "data/mix/train.jsonl")} <= {"ja", "en"}
        assert len(server.bodies) == asked


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("인명", None), "/labels/SCNM: NER: 7 labels (8 are needed"),
        (('"Hangul"', '"Hangle"'), "/script: has an unknown script"),
        (('"ko"', '"kr"'), "/language: is not the file's name"),
    ],
)
def test_a_wrong_table_is_one_line_with_its_place(project: Path, change: tuple[str, str | None], told: str) -> None:
    (project / "schemas/labels/languages").mkdir(exist_ok=True)
    text, (old, new) = KO.read_text(encoding="utf-8"), change
    text = text.replace(old, new) if new else re.sub(rf'\s*"{old}",', "", text)
    (project / "schemas/labels/languages/ko.json").write_text(text, encoding="utf-8")
    languages(project, "- zh\n", "- ko\n")
    with chat_server(answer) as server:
        done = repro(project, server.url, "filter@ko")
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if "languages/ko.json" in line]
    assert told in line
