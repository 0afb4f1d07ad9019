"""A study of one's own, as `make new` lays it out, run from raw to report: two sources, a mix, and a tiny real model that it trains."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core.files import read_json, write_json, write_jsonl
from stages.project import compose
from stages.project.new import main as new
from tests.support.chat_server import ChatServer, chat_server
from tests.support.tiny_llama import ONE_THREAD, write_tiny_llama

TABLE: dict[str, Any] = {
    "subset": "MED", "source_lang": "zh", "text_labels": {"zh": ["临床", "门诊"], "en": ["Clinical", "Outpatient"]},
    "tasks": {
        "NER": {"kind": "span", "word": "Medical NER", "labels": {"zh": ["医院", "疾病"], "en": ["Hospital", "Disease"]}},
        "RE": {"kind": "relation", "word": "Medical RE", "labels": {"zh": ["确诊于", "治疗于"], "en": ["found at", "treated at"]}},
    },
}  # fmt: skip
ILLS, PLACES = ("肺炎", "胃癌", "哮喘", "贫血", "流感"), ("协和医院", "瑞金医院", "华西医院", "湘雅医院")
NAMES = {"肺炎": "pneumonia", "胃癌": "cancer", "哮喘": "asthma", "贫血": "anaemia", "流感": "influenza",
         "协和医院": "the Union Hospital", "瑞金医院": "the Ruijin Hospital", "华西医院": "the Huaxi Hospital",
         "湘雅医院": "the Xiangya Hospital"}  # fmt: skip
NOTES = (
    ("aspirin", "migraine"),
    ("insulin", "diabetes"),
    ("iron", "anaemia"),
    ("codeine", "cough"),
)  # English, into Chinese
DRUGS = {"aspirin": "阿司匹林", "insulin": "胰岛素", "iron": "铁剂", "codeine": "可待因",
         "migraine": "偏头痛", "diabetes": "糖尿病", "anaemia": "贫血", "cough": "咳嗽"}  # fmt: skip
SEEN = {f"患者在{place}确诊为{ill}。": (place, ill) for place in PLACES for ill in ILLS}


def answer(body: dict[str, Any]) -> str:
    """The translation of a text of either source, its tags with it; a class; a label."""
    system, question = body["messages"][0]["content"], body["messages"][-1]["content"]
    if "into" not in system:
        label = {"Drug": "药物", "Disease": "疾病"}
        if '"type"' in question:
            return json.dumps({"label": label[json.loads(question)["type"]]}, ensure_ascii=False)
        known = re.search(r'"enum": \["([^"]+)"', json.dumps(body["response_format"], ensure_ascii=False))
        assert known
        return json.dumps({"class": known[1]}, ensure_ascii=False)
    words = {part: said for table in (NAMES, DRUGS) for part, said in table.items()}
    text = re.sub(r"[^<>/]+", lambda found: words.get(found[0], found[0]), question)
    if "into English" in system:
        place, ill = (re.search(rf"<(e\d)>({said})</\1>", text) for said in ("the [^<]+", "[a-z]+"))
        assert place
        assert ill
        return json.dumps({"text": f"The patient was found to have {ill[0]} at {place[0]}.", "parts": {}})
    text = text.replace("They took ", "他们用").replace(" for ", "治疗").replace(".", "。")
    return json.dumps({"text": text, "parts": {}}, ensure_ascii=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ChatServer, str]]:
    """The folder after its run, the endpoint, and what the run printed."""
    top = tmp_path_factory.mktemp("study")
    folder = top / "study"
    new([str(folder), "--languages", "zh", "en", "--model", "loop-1"])
    write_json(folder / "schemas/labels/MED.json", TABLE)
    rows = []
    for n, (text, (place, ill)) in enumerate(SEEN.items()):
        at = [{"id": m, "label": label, "start_offset": text.index(said), "end_offset": text.index(said) + len(said)}
              for m, (label, said) in enumerate((("医院", place), ("疾病", ill)))]  # fmt: skip
        link = {"id": 1, "from_id": 1, "to_id": 0, "type": "确诊于"}
        rows.append({"id": n, "text": text, "entities": at, "relations": [link], "cats": ["临床" if n % 3 else "门诊"]})
    write_jsonl(folder / "data/external/clinic.jsonl", rows)
    columns = [
        f"They\tO\r\ntook\tO\r\n{a}\tB-Drug\r\nfor\tO\r\n{b}\tB-Disease\r\n.\tO\r\n\r\n" for a, b in NOTES
    ]  # as Windows ends a line
    (folder / "data/external/notes.bio").write_text("".join(columns), encoding="utf-8", newline="")
    given = {"pin": None, "limit": None}
    clinic = {"adapter": "doccano", "path": "data/external/clinic.jsonl", **given, "subset": "MED", "lang": "zh"}
    values = {
        "raw.sources": [
            {"name": "clinic", **clinic, "task": "NER"},
            {"name": "clinic-relations", **clinic, "task": "RE"},
            {"name": "notes", "adapter": "conll", "path": "data/external/notes.bio", **given, "lang": "en"},
        ],
        "base.source": f"path:{write_tiny_llama(top / 'tiny')}",
        "base.sha256": None,
        "base.terms": [],
        "predict.max_new_tokens": 8,
        "evaluate.resamples": 100,
    }
    path = folder / "params.yaml"
    path.write_text(compose.with_values(path.read_text(encoding="utf-8"), values), encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "LLM_"))}
    with chat_server(answer) as server:
        own = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "any", "LLM_CACHE": str(top / "cache"), **ONE_THREAD}
        done = subprocess.run(
            [sys.executable, "-m", "stages.project.run", "--yes"], cwd=folder, env={**kept, **own}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        yield folder, server, done.stdout


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_text_of_two_tasks_is_asked_for_once_and_all_sources_are_in_the_mix(
    study: tuple[Path, ChatServer, str],
) -> None:
    folder, server, said = study
    assert "Traceback" not in said
    into = [body for body in server.bodies if "into" in body["messages"][0]["content"]]
    assert len(into) == len(SEEN) + len(NOTES)
    assert read_json(folder / "metrics/headline/translation.json")["en"]["kept"] == 2 * len(SEEN)
    examples = [
        line for part in ("train", "test", "test_translated") for line in lines(folder / f"data/mix/{part}.jsonl")
    ]
    cells = {(line["subset"], line["task"], line["lang"]) for line in examples}
    assert cells >= {("MED", "NER", "zh"), ("MED", "NER", "en"), ("MED", "RE", "zh"), ("MED", "RE", "en")}
    assert ("TCONER", "NER", "en") in cells
    train, test = ({line["group"] for line in lines(folder / f"data/mix/{part}.jsonl")} for part in ("train", "test"))
    assert train
    assert test
    assert not train & test


def test_the_model_is_trained_its_answers_are_scored_and_the_report_has_no_figure_of_the_sample(
    study: tuple[Path, ChatServer, str],
) -> None:
    folder, _, _ = study
    tested = lines(folder / "data/mix/test.jsonl")
    assert {line["id"] for line in lines(folder / "data/predictions/test.jsonl")} == {line["id"] for line in tested}
    assert read_json(folder / "metrics/train.json")["steps"] > 0
    for name in ("evaluation", "evaluation_translated", "baseline"):
        assert read_json(folder / f"metrics/{name}.json")["all"]["n"] > 0
    report = (folder / "metrics/report.md").read_text(encoding="utf-8")
    assert "| MED" in report
    assert "| SCNM" not in report
    assert "data/second" not in report
    assert "SCNM" not in report
    assert (folder / "metrics/report.html").stat().st_size > 10_000


def test_a_second_run_asks_and_makes_nothing(study: tuple[Path, ChatServer, str]) -> None:
    folder, server, _ = study
    asked = len(server.bodies)
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status"], cwd=folder, capture_output=True, text=True, check=True
    )
    assert "up to date" in done.stdout
    assert len(server.bodies) == asked
