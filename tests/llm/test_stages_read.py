"""Every stage reads what models wrap around their JSON, and says how many answers could not be used."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from stages.core.files import read_json
from stages.records.record import Record
from stages.records.rules import read_records
from tests.support.chat_server import chat_server
from tests.support.openai_server import record
from tests.support.project import Project

DRESSES = {
    "fence": "```json\n%s\n```",
    "thoughts": "<think>Is it {a} or {b}? It is {}.</think>\n\n%s",
    "prose": "Of course! Here it is: %s\nLet me know {if} you need more.",
    "comma": "%s",
}
TEXTS = ["Snow fell in Bergen on Friday.", "Ivo tuned the cello in Ghent."]
RECORDS: list[Record] = [
    record("TCONER", "NER", f"t{n}", text, None, [("city", text.split()[3 if n == 0 else 5].strip("."))], lang="en")
    for n, text in enumerate(TEXTS)
]


def dressed(value: Any, kind: str) -> str:
    plain = json.dumps(value)
    return DRESSES[kind] % (plain[:-1] + ", }" if kind == "comma" else plain)


@pytest.mark.parametrize("kind", sorted(DRESSES))
def test_classes_and_labels_are_read_in_any_dress(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(body: dict[str, Any]) -> str:
        asked = body["messages"][-1]["content"]
        return dressed({"label": "都市"} if "type" in asked and "text" not in asked else {"class": "Society"}, kind)

    project = Project(tmp_path, RECORDS, structured="none")
    with chat_server(answer) as server:
        project.here(monkeypatch, "tconer", "en", server.url)
        assert f"2 of 2 classified by loopback-1; 2 answers mended (2 {kind})" in capsys.readouterr().out
        project.here(monkeypatch, "glossary", "ja", server.url)
    assert {item["text_label"] for item in read_records(project.folder / "out-tconer-en.jsonl")} == {"Society"}
    assert read_json(project.folder / "out-glossary-ja.json")["labels"]["city"]["label"] == "都市"


def test_what_could_not_be_used_is_counted_by_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(body: dict[str, Any]) -> str:
        asked = body["messages"][-1]["content"]
        return "Society" if TEXTS[0] in asked else '{"class": "Society"} or {"class": "Sports"}'

    project = Project(tmp_path, RECORDS, structured="none")
    with chat_server(answer) as server:
        project.here(monkeypatch, "tconer", "en", server.url)
    told = capsys.readouterr().out
    assert "0 of 2 classified by loopback-1; 2 could not be used (1 not_json, 1 several_answers)" in told


@pytest.mark.parametrize("kind", sorted(DRESSES))
def test_translations_of_either_form_are_read_in_any_dress(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "詩人は京都で生まれた。"
    own = record("SCNM", "NER", "one", text, "社会", [("地名", "京都")])

    def answer(body: dict[str, Any]) -> str:
        if "<e1>" in body["messages"][-1]["content"]:
            return dressed({"text": "The poet was born in <e1>Kyoto</e1>.", "parts": {"e1": "Kyoto"}}, kind)
        return dressed({"text": "The poet was born in Kyoto.", "spans": ["Kyoto"]}, kind)

    for name in ("v1", "v2"):
        project = Project(tmp_path / name, [own], structured="none")
        prompt = Path(importlib.import_module("stages").__path__[0]) / "prompts" / "translate" / f"{name}.yaml"
        with chat_server(answer) as server:
            project.here(monkeypatch, "translate", "en", server.url, prompt=prompt)
        (line,) = project.translations().values()
        assert line["failure"] is None
        assert line["record"]["extractions"][0]["spans"] == [{"text": "Kyoto", "start": 21}]
