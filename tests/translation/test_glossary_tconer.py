"""The glossary and tconer stages, run against a real loopback endpoint, then replayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.files import read_json, write_json
from stages.core.schema import file_faults
from stages.llm import archive
from stages.records.record import Record
from stages.records.rules import read_records
from stages.records.tasks import subset
from stages.translation.glossary import open_labels
from tests.support.openai_server import RECORDS, OpenAIServer, image, record
from tests.support.project import Project

PLAIN = "A plain sentence about rain."
OPEN = [
    record(
        "TCONER", "NER", "1", "Aspirin came to Porto.", "Health", [("drug", "Aspirin"), ("city", "Porto")], lang="en"
    ),
    record("TCONER", "NER", "2", "Ibuprofen, too.", "Health", [("drug", "Ibuprofen")], lang="en"),
    record("TCONER", "NER", "3", "Iron ore: 3 t", None, [("mineral", "Iron ore")], lang="en"),
    record("TCONER", "NER", "4", PLAIN, None, [], lang="en"),
    record("SCNM", "NER", "5", "灘区の記念館。", None, [("地名", "灘区")]),
    record("SCPOS-RW", "RW", "6", "画面は美しい。", None, [("ポジティブ", "美しい")]),
    record("SCPOS-N", "N", "6", "画面は美しい。", None, [("ポジティブ", "画面")]),
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project", OPEN)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpenAIServer]:
    with OpenAIServer(tmp_path / "answered.jsonl") as server:
        yield server


# --- glossary --------------------------------------------------------------------------------------------------------


def glossary(project: Project, lang: str = "ja") -> dict[str, Any]:
    path = project.folder / f"out-glossary-{lang}.json"
    assert list(file_faults(path, "glossary")) == []
    labels: dict[str, Any] = read_json(path)["labels"]
    return labels


def test_only_open_labels_of_other_languages_are_asked_for_each_once() -> None:
    assert open_labels(OPEN, "ja") == [("en", "city"), ("en", "drug"), ("en", "mineral")]
    assert open_labels(OPEN, "en") == []


def test_each_label_is_translated_by_one_call(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.here(monkeypatch, "glossary", "ja", server.url)
    assert {name: (entry["label"], entry["kept"]) for name, entry in glossary(project).items()} == {
        name: (image(name), None) for name in ("city", "drug", "mineral")
    }
    assert {entry["response"] for entry in glossary(project).values()} == set(server.answered)
    assert len(server.answered) == 3
    assert project.usage("glossary-ja")["calls"] == 3
    assert list(file_faults(project.folder / "usage" / "glossary-ja.json", "usage")) == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("cut_whole", "truncated"),
        ("refusal", "refused"),
        ("content_filter", "filtered"),
        ("not_json", "not_json"),
        ("wrong_shape", "wrong_shape"),
        ("no_text", "wrong_shape"),
        ("empty_label", "empty"),
        ("delimiter", "delimiter"),
    ],
)
def test_a_label_without_a_usable_translation_stays_and_says_why(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, fault: str, reason: str
) -> None:
    server.faults["drug"] = [fault]
    project.here(monkeypatch, "glossary", "zh", server.url)
    labels = glossary(project, "zh")
    assert (labels["drug"]["label"], labels["drug"]["kept"]) == ("drug", reason)
    assert [labels[name]["kept"] for name in ("city", "mineral")] == [None, None]


def test_a_language_with_nothing_to_name_makes_no_call(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.here(monkeypatch, "glossary", "en")
    assert glossary(project, "en") == {}
    usage = project.usage("glossary-en")
    assert (usage["calls"], usage["responses"], usage["models"]) == (0, [], [])


def test_a_new_label_pays_only_for_itself(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.here(monkeypatch, "glossary", "ja", server.url)
    more = record("TCONER", "NER", "9", "A kiln.", "Culture", [("tool", "kiln")], lang="en")
    Project(project.folder, [*OPEN, more]).here(monkeypatch, "glossary", "ja", server.url)
    assert glossary(project)["tool"]["label"] == image("tool")
    assert len(server.received) == 4


def test_the_glossary_feeds_the_translation(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.here(monkeypatch, "glossary", "ja", server.url)
    project.here(monkeypatch, "translate", "ja", server.url, glossary="out-glossary-ja.json")
    labels = {item["label"] for v in project.translations("ja").values() for item in v["record"]["extractions"]}
    assert labels == {image(name) for name in ("city", "drug", "mineral")}


# --- tconer ----------------------------------------------------------------------------------------------------------


def by_id(project: Project) -> dict[str, Record]:
    return {r["id"]: r for r in read_records(project.folder / "out-tconer-en.jsonl")}


def test_a_text_without_a_class_gets_one_of_its_closed_set_and_the_rest_pass_unchanged(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.here(monkeypatch, "tconer", url=server.url)
    result = by_id(project)
    assert result.keys() == {r["id"] for r in OPEN}
    for source in OPEN:
        made = result[source["id"]]
        if source["text_label"] is None:
            assert made["text_label"] in subset(source["subset"]).text_labels[source["lang"]]
            assert made["text_label_origin"] == "llm"
            made = {**made, "text_label": None, "text_label_origin": None}
        assert made == source
    assert len(server.answered) == 4  # the two views of one review with the same closed set share a call
    assert max(Counter(server.answered).values()) == 1
    assert list(file_faults(project.folder / "usage" / "tconer-en.json", "usage")) == []


@pytest.mark.parametrize("fault", ["other_class", "class_list", "cut_whole", "refusal", "not_json", "wrong_shape"])
def test_an_answer_that_is_no_class_of_the_set_leaves_null(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    server.faults[PLAIN] = [fault]
    project.here(monkeypatch, "tconer", url=server.url)
    assert [(r["id"], r["text_label_origin"]) for r in by_id(project).values() if r["text_label"] is None] == [
        ("TCONER/NER/own/4/en", None)
    ]


def test_with_nothing_to_classify_no_call_is_made_and_no_key_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path / "labelled", RECORDS)
    project.here(monkeypatch, "tconer")
    assert (project.folder / "out-tconer-en.jsonl").read_bytes() == (project.folder / "records.jsonl").read_bytes()
    assert project.usage("tconer-en")["calls"] == 0
    assert not (project.folder / "cache").exists()


# --- both ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["glossary", "tconer"])
def test_a_miss_in_replay_writes_nothing(project: Project, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    with pytest.raises(UserError, match="have no recorded response") as caught:
        project.here(monkeypatch, stage, "ja")
    assert "LLM_MODE=online" in caught.value.remedy
    assert project.outputs() == {}


@pytest.mark.parametrize("stage", ["glossary", "tconer"])
def test_replay_from_an_archive_gives_the_same_bytes(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    project.here(monkeypatch, stage, "ja", server.url)
    made = project.folder / ("out-glossary-ja.json" if stage == "glossary" else "out-tconer-ja.jsonl")
    online = made.read_bytes()
    write_json(project.folder / "card.json", {"model": "loopback-1"})
    archive.main(["--card", "card.json", "--usage", "usage", "--out", "responses.jsonl.gz"])
    made.unlink()
    for path in (project.folder / "cache").iterdir():
        path.unlink()
    project.here(monkeypatch, stage, "ja")
    assert made.read_bytes() == online
    assert project.usage(f"{stage}-ja")["card"]["model"] == "loopback-1"
