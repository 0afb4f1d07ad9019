"""People's corrections of the glossary, against a loopback endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.schema import file_faults
from stages.llm.request import Request
from stages.translation.glossary import entries_of, read_review
from tests.support.openai_server import OpenAIServer, image, record
from tests.support.project import Project

RECORDS = [
    record(
        "TCONER", "NER", "1", "Aspirin came to Porto.", "Health", [("drug", "Aspirin"), ("city", "Porto")], lang="en"
    ),
]
HEAD = "label,translation,reviewer,note\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpenAIServer]:
    with OpenAIServer(tmp_path / "answered.jsonl") as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project", RECORDS)
    (project.folder / "review").mkdir()
    return project


def labels(project: Project) -> dict[str, Any]:
    path = project.folder / "out-glossary-ja.json"
    assert list(file_faults(path, "glossary")) == []
    found: dict[str, Any] = read_json(path)["labels"]
    return found


def write(project: Project, text: str) -> Path:
    path = project.folder / "review" / "ja.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_last_correction_of_a_label_stands_and_names_its_reviewer_without_another_question(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.here(monkeypatch, "glossary", "ja", server.url, review="review")
    plain = labels(project)
    assert all("reviewer" not in entry for entry in plain.values())
    write(project, "\ufeff" + HEAD + 'drug,薬,A,\ndrug,薬剤,B,"not 薬, too colloquial"\n')
    project.here(monkeypatch, "glossary", "ja", review="review")  # offline: no request has changed
    assert labels(project) == {**plain, "drug": {**plain["drug"], "label": "薬剤", "reviewer": "B"}}
    assert plain["city"]["label"] == image("city")
    assert capsys.readouterr().out.splitlines()[-1] == "ja: 2 labels, 1 by people"


def test_a_person_can_name_what_the_llm_could_not(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults["drug"] = ["refusal"]
    write(project, HEAD + "drug,薬剤,B,\n")
    project.here(monkeypatch, "glossary", "ja", server.url, review="review")
    entry = labels(project)["drug"]
    assert (entry["label"], entry["kept"], entry["reviewer"]) == ("薬剤", None, "B")


def test_a_correction_for_a_label_that_does_not_exist_is_one_line_and_changes_nothing(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, HEAD + "drugs,薬剤,B,\n")
    project.here(monkeypatch, "glossary", "ja", server.url, review="review")
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert lines == ["review/ja.csv:2: not applied: the data has no label 'drugs' to translate"]
    assert set(labels(project)) == {"drug", "city"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("label,translation\n", ":1"),
        ("", ":1"),
        (HEAD + "drug,,B,\n", ":2"),
        (HEAD + "drug,薬,,\n", ":2"),
        (HEAD + "drug,薬,B,\ndrug,薬;剤,B,\n", ":3"),
        (HEAD + "drug,薬,B\n", ":2"),
        (HEAD + 'drug,"薬,B,\n', "ja.csv"),
    ],
)
def test_a_broken_row_is_refused_by_its_line(project: Project, text: str, place: str) -> None:
    with pytest.raises(UserError) as caught:
        read_review(write(project, text))
    assert caught.value.place.endswith(place)
    assert caught.value.remedy


def test_one_label_with_two_translations_is_refused_rather_than_overwritten() -> None:
    requests = [Request({"n": 1}), Request({"n": 2})]
    answers = [
        {"content": f'{{"label": "{word}"}}', "finish_reason": "stop", "refusal": None} for word in ("medicine", "drug")
    ]
    with pytest.raises(UserError, match="medicine"):
        entries_of([("ja", "薬"), ("zh", "薬")], requests, answers, "en")
    same = entries_of([("ja", "薬"), ("zh", "薬")], requests, [answers[0]] * 2, "en")
    assert same["薬"]["label"] == "medicine"
