"""Columns of a label table proposed by a model: only what lacks is asked for, and a person is told what is left to write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.files import read_json, write_json
from stages.project.labels import main, open_columns, proposed
from tests.support.chat_server import ChatServer, chat_server
from tests.support.pipeline import new_folder

TABLE: dict[str, Any] = {
    "subset": "CARE", "source_lang": "zh", "text_labels": {"zh": ["门诊", "护理"], "en": ["Outpatient", "Care"]},
    "tasks": {
        "NER": {"kind": "span", "word": "Care NER", "labels": {"zh": ["药", "病", "症"]}},
        "OPEN": {"kind": "span", "word": "Care open", "labels": None},
        "EE": {"kind": "event", "word": "Care EE", "labels": {}},
    },
}  # fmt: skip
SAID = {"药": "Drug", "病": "Disease", "症": "Disease", "门诊": "外来", "护理": "a:b"}


def answer(body: dict[str, Any]) -> str:
    return json.dumps({"label": SAID[json.loads(body["messages"][-1]["content"])["type"]]})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = new_folder(tmp_path / "here")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LLM_MODE", "online")
    write_json("CARE.json", TABLE)
    return folder


def asked(server: ChatServer, monkeypatch: pytest.MonkeyPatch, *to: str) -> int:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    before = len(server.bodies)
    assert main(["CARE.json", "--to", *to, "--model", "loop-1", "--yes"]) == 0
    return len(server.bodies) - before


def test_only_the_columns_that_lack_are_asked_for_and_what_is_left_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with chat_server(answer) as server:
        assert asked(server, monkeypatch, "en", "ja") == 3 + 3 + 2
        said = capsys.readouterr().out
        assert "en NER: 药 Drug" in said
        assert (
            "left as they are, write them yourself: ja text_labels 护理, en NER 病, en NER 症, ja NER 病, ja NER 症"
            in said
        )
        found = read_json("CARE.json")
        assert found["text_labels"]["en"] == ["Outpatient", "Care"]
        assert found["text_labels"]["ja"] == ["外来", "护理"]
        assert found["tasks"]["NER"]["labels"]["en"] == ["Drug", "病", "症"]
        assert found["tasks"]["OPEN"]["labels"] is None
        assert asked(server, monkeypatch, "en", "ja") == 0
    assert "has them all" in capsys.readouterr().out


def test_a_column_without_any_usable_answer_is_not_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    match = "no usable answer for any label of ja text_labels, ja NER"
    with chat_server(lambda _: json.dumps({"label": "same"})) as server, pytest.raises(UserError, match=match):
        asked(server, monkeypatch, "ja")
    assert read_json("CARE.json") == TABLE


def test_nothing_is_asked_without_a_yes_nor_of_nobody(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_server(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(UserError, match="--model: is missing"):
            main(["CARE.json", "--to", "en"])
        with pytest.raises(UserError, match="3 calls wait for a yes"):
            main(["CARE.json", "--to", "en", "--model", "loop-1"])
        assert not server.bodies
    assert read_json("CARE.json") == TABLE


def test_the_column_of_the_source_comes_first(here: Path) -> None:
    write_json("CARE.json", {**TABLE, "source_lang": "ja"})
    with pytest.raises(UserError, match="has no labels in 'ja', its source_lang"):
        main(["CARE.json", "--to", "ko", "--model", "loop-1"])


def test_open_labels_and_events_have_no_columns() -> None:
    assert [(name, lang) for name, _, lang in open_columns(TABLE, ["en", "ko"])] == [
        ("text_labels", "ko"), ("NER", "en"), ("NER", "ko"),
    ]  # fmt: skip
    assert proposed(["a", "b", "c"], ["x", "", "y"]) == (["x", "b", "y"], ["b"])
