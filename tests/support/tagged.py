"""Runs translate under the tagged prompt, v2, against a loopback endpoint, in a folder of the test's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stages.llm import prompt
from stages.records.record import Record
from stages.translation.projection import Projection
from stages.translation.translate import main
from tests.support.chat_server import Answer, chat_server
from tests.support.openai_server import ROOT, record
from tests.support.params import write_params
from tests.support.project import Project

V2 = ROOT / "stages" / "prompts" / "translate" / "v2.yaml"
SPEC = prompt.load(V2)
FREE = Projection(True, True, True, True, True, True, True, ask_span=False, stronger_model="big")
Lines = dict[str, dict[str, Any]]


class Stage:
    """Runs translate under v2 in a folder of its own; `bodies` are what it asked in the last run."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        self.bodies: list[dict[str, Any]] = []

    def __call__(
        self,
        records: Sequence[Record],
        answer: Answer,
        lang: str = "en",
        *more: str,
        tokens: tuple[int, int] = (5, 2),
        budget: float | None = None,
        llm: dict[str, Any] | None = None,
        **projection: Any,
    ) -> Lines:
        project = Project(self.folder, records, **{"concurrency": 1, "retries": 0, **(llm or {})})
        knobs = project.values
        knobs["translate"]["projection"] |= {"stronger_model": None, **projection}
        knobs["translate"]["budget_usd"] = budget
        write_params(self.folder, knobs)
        self.patch.chdir(self.folder)
        with chat_server(answer, tokens) as server:
            for name, value in project.environment(server.url).items():
                self.patch.setenv(name, value)
            self.bodies = server.bodies
            main([*project.arguments("translate", lang, prompt=V2), *more])
        if more:
            return {}
        lines = project.translations(lang)
        for line in lines.values():
            for item in line["record"]["extractions"] if line["record"] else []:
                for span in item["spans"]:
                    if span["start"] is not None:
                        assert line["record"]["text"][span["start"] :].startswith(span["text"])
        return lines


def says(text: str, **parts: str) -> str:
    return json.dumps({"text": text, "parts": parts}, ensure_ascii=False)


def finds(body: dict[str, Any]) -> bool:
    """Whether a request is for missing spans."""
    return bool(body["messages"][0]["content"].startswith("You are given"))


def spans(line: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(span["text"], span["start"]) for item in line["record"]["extractions"] for span in item["spans"]]


TEXT = "花子は京都で電池を買った。"
ONE = [record("SCNM", "NER", "one", TEXT, "社会", [("地名", "京都")])]
TWO = [record("SCNM", "NER", "one", TEXT, "社会", [("人名", "花子"), ("地名", "京都")])]


def only(lines: Lines) -> dict[str, Any]:
    (line,) = lines.values()
    return line


GOOD = says("Hanako shopped in <e1>Kyoto</e1>.")
