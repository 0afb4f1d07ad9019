"""The translate stage, run against a real loopback endpoint, then replayed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.files import read_json, write_json
from stages.core.schema import file_faults
from stages.llm import archive, prompt
from stages.llm.request import Llm
from stages.translation.listed import Listed, read_answer
from stages.translation.source_text import by_text
from tests.support.openai_server import NEWS, OPEN, RECORDS, REVIEW, ROOT, TWICE, OpenAIServer, image, record
from tests.support.pipeline import here
from tests.support.project import Project

LLM = Llm("m", "json_object_schema", 0.0, 0, 600, 4, 300.0, 4, None, None, 600.0, 0, {})
V1 = prompt.load(ROOT / "stages" / "prompts" / "translate" / "v1.yaml")
IDS = {f"{r['id'].rsplit('/', 1)[0]}/zh" for r in RECORDS}
NEWS_IDS = {"TCREE/RE/own/news/zh", "TCREE/EE/own/news/zh"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpenAIServer]:
    with OpenAIServer(tmp_path / "answered.jsonl") as server:
        yield server


def spans_of(record: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(span["text"], span["start"]) for item in record["extractions"] for span in item["spans"]]


# --- the request -----------------------------------------------------------------------------------------------------


def test_prompt_v1_is_frozen() -> None:
    # Every later prompt is measured against v1, and the recorded responses are its: this key must never change.
    text = "白鳥号は盛岡市に着いた。"
    views = [record("SCNM", "NER", "1", text, "社会", [("製品名", "白鳥号"), ("地名", "盛岡市")])]
    request = Listed("en", V1, LLM).request(*by_text(views, "en"))
    assert request.key == "51720c67242dd0966558a5968b1a0641923d361b6507ec41110112eecf53b632"
    assert [turn["role"] for turn in request.body["messages"]] == ["system", "user", "assistant", "user"]
    assert (
        request.body["messages"][-1]["content"] == '{"text": "白鳥号は盛岡市に着いた。", "spans": ["白鳥号","盛岡市"]}'
    )
    assert request.body["response_format"]["schema"]["properties"]["spans"]["minItems"] == 2


def test_one_call_asks_for_the_distinct_spans_of_all_views_in_text_order() -> None:
    spans = {source.text: source.span_texts for source in by_text(RECORDS, "en")}
    assert spans[REVIEW] == ["画面", "美しい", "電池", "音", "弱い"]
    assert spans[TWICE] == ["灘区", "記念館", "神戸市"]


def test_the_request_of_a_text_does_not_depend_on_the_order_of_its_views() -> None:
    views = [r for r in RECORDS if r["text"] == NEWS]
    (source,), (turned,) = by_text(views, "en"), by_text(views[::-1], "en")
    assert Listed("en", V1, LLM).request(source).key == Listed("en", V1, LLM).request(turned).key


def test_an_added_record_changes_only_the_request_of_its_own_text() -> None:
    more = [
        *RECORDS,
        record("SCNM", "NER", "new", TWICE, "社会", [("施設名", "館")]),
        record("SCNM", "NER", "x", "新。", "社会", []),
    ]
    form = Listed("zh", V1, LLM)
    old, new = ({form.request(source).key for source in by_text(records, "zh")} for records in (RECORDS, more))
    assert len(old - new) == 1
    assert len(new - old) == 2


def test_braces_in_a_text_reach_the_model_untouched() -> None:
    request = Listed("ja", V1, LLM).request(*by_text([r for r in RECORDS if r["text"] == OPEN], "ja"))
    assert OPEN in request.body["messages"][-1]["content"]


def test_records_of_the_target_language_are_not_translated() -> None:
    assert {source.lang for source in by_text(RECORDS, "en")} == {"ja"}
    assert [view["id"] for source in by_text(RECORDS, "ja") for view in source.views] == ["TCONER/NER/own/open/en"]


def test_two_records_that_would_get_one_id_are_refused_before_anything_is_paid() -> None:
    twin = record("SCNM", "NER", "none", "特になし。", "自然", [], lang="zh")
    with pytest.raises(UserError, match="SCNM/NER/own/none"):
        by_text([*RECORDS, twin], "en")
    with pytest.raises(UserError, match="SCNM/NER/own/none/zh"):
        by_text([*RECORDS, twin], "zh")


# --- the answer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason", "failure"),
    [
        ('{"text": "a", "spans": ["a", "b"]}', "stop", None),
        ('{"text": " a\\n", "spans": ["a ", " b"]}', "stop", None),
        ('{"text": "a", "spans": ["a", "b"]}', "length", "truncated"),
        ('{"text": "a", "spans": ["a", "b"]}', "content_filter", "filtered"),
        ('{"text": "a", "spans": ["a"', "stop", "not_json"),
        ('```json\n{"text": "a", "spans": ["a", "b"]}\n```', "stop", None),
        ("", "stop", "not_json"),
        ("[]", "stop", "wrong_shape"),
        ("null", "stop", "wrong_shape"),
        ('{"text": "a"}', "stop", "wrong_shape"),
        ('{"text": null, "spans": ["a", "b"]}', "stop", "wrong_shape"),
        ('{"text": "a", "spans": "ab"}', "stop", "wrong_shape"),
        ('{"text": "a", "spans": ["a", null]}', "stop", "wrong_shape"),
        ('{"text": "a", "spans": ["a"]}', "stop", "span_count"),
        ('{"text": "a", "spans": ["a", "b", "c"]}', "stop", "span_count"),
        ('{"text": "　", "spans": ["a", "b"]}', "stop", "empty_text"),
        ('{"text": "a", "spans": ["a", " "]}', "stop", "empty_span"),
    ],
)
def test_an_answer_is_read_or_its_failure_named(content: str, reason: str, failure: str | None) -> None:
    answer = {"content": content, "finish_reason": reason, "refusal": None}
    expected = ("", {}, failure, 0) if failure else ("a", {"x": "a", "y": "b"}, None, 0)
    (source,) = by_text([record("SCNM", "NER", "1", "xと、y。", "社会", [("人名", "x"), ("地名", "y")])], "en")
    assert read_answer(answer, source) == expected


# --- the stage -------------------------------------------------------------------------------------------------------


def test_every_text_is_asked_once_and_every_view_gets_its_own_spans_back(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.here(monkeypatch, "translate", "zh", server.url)
    assert sorted(Counter(server.answered).values()) == [1] * 5  # five texts, seven records
    result = project.translations("zh")
    assert result.keys() == IDS
    assert list(result) == sorted(IDS)
    for source in RECORDS:
        value = result[source["id"].rsplit("/", 1)[0] + "/zh"]
        target = value["record"]
        assert (value["source_id"], value["failure"], target["text"]) == (source["id"], None, image(source["text"]))
        # The server maps character by character, so every span must stand where its source stood.
        assert spans_of(target) == [(image(text), start) for text, start in spans_of(source)]
        assert [[span.get("role") for span in item["spans"]] for item in target["extractions"]] == [
            [span.get("role") for span in item["spans"]] for item in source["extractions"]
        ]
        assert (target["group"], target["lang"], target["split"]) == (source["group"], "zh", None)
    assert result["SCPOS-RW/RW/own/review/zh"]["response"] == result["SCPOS-N/N/own/review/zh"]["response"]
    labels = {key: [item["label"] for item in value["record"]["extractions"]] for key, value in result.items()}
    assert labels["SCPOS-N/N/own/review/zh"] == ["正面", "负面", "负面"]
    assert labels["TCREE/EE/own/news/zh"] == [None]
    assert labels["TCONER/NER/own/open/zh"] == [image("drug"), image("city")]  # by the glossary
    assert result["TCREE/RE/own/news/zh"]["record"]["text_label"] == "政治"
    assert list(file_faults(project.folder / "usage" / "translate-zh.json", "usage")) == []
    usage = project.usage("translate-zh")
    assert (usage["calls"], usage["prompt_tokens"], usage["models"]) == (5, 500, ["loopback-1"])
    assert usage["responses"] == sorted(server.answered)


def test_one_word_at_two_places_is_asked_once_and_found_at_both(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.here(monkeypatch, "translate", "en", server.url)
    found = spans_of(project.translations()["SCNM/NER/own/twice/en"]["record"])
    assert [start for text, start in found if text == image("灘区")] == [0, TWICE.index("灘区", 1)]


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ("cut_whole", "truncated"),
        ("cut", "truncated"),
        ("refusal", "refused"),
        ("content_filter", "filtered"),
        ("empty", "not_json"),
        ("not_json", "not_json"),
        ("wrong_shape", "wrong_shape"),
        ("no_text", "wrong_shape"),
        ("span_number", "wrong_shape"),
        ("span_count", "span_count"),
        ("empty_text", "empty_text"),
        ("empty_span", "empty_span"),
    ],
)
def test_an_unusable_answer_is_named_in_every_record_of_its_text_and_not_asked_again(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, fault: str, failure: str
) -> None:
    server.faults["蛯名"] = [fault]
    project.here(monkeypatch, "translate", "zh", server.url)
    result = project.translations("zh")
    assert {key for key, value in result.items() if value["failure"]} == NEWS_IDS
    assert {result[key]["failure"] for key in NEWS_IDS} == {failure}
    assert [result[key]["record"] for key in NEWS_IDS] == [None, None]
    before = project.outputs()
    project.here(monkeypatch, "translate", "zh")
    assert project.outputs() == before
    assert len(server.received) == 5


# --- replay ----------------------------------------------------------------------------------------------------------


def test_a_miss_in_replay_is_one_line_that_says_what_to_set_and_nothing_is_written(
    project: Project, server: OpenAIServer
) -> None:
    # The endpoint and a key are there: only LLM_MODE=online may use them.
    process = subprocess.run(
        [sys.executable, "-m", "stages.translation.translate", *project.arguments("translate", "en")],
        cwd=project.folder,
        env=project.environment(OPENAI_BASE_URL=server.url, OPENAI_API_KEY="any"),
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.count("\n") == 1
    assert "4 of 4 requests have no recorded response" in process.stderr
    assert "dvc pull data/responses.jsonl.gz" in process.stderr
    assert "LLM_MODE=online" in process.stderr
    assert project.outputs() == {}
    assert server.received == []


@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode != 0,
    reason="no network namespaces here",
)
def test_replay_runs_where_there_is_no_network_at_all_and_gives_the_same_bytes(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.here(monkeypatch, "translate", "en", server.url)
    online, asked = project.outputs(), len(server.received)
    for path in online:
        (project.folder / path).unlink()
    subprocess.run(
        ["unshare", "-rn", sys.executable, "-m", "stages.translation.translate", *project.arguments("translate", "en")],
        cwd=project.folder,
        env=project.environment(PYTHONHASHSEED="7", TZ="Asia/Tokyo", LC_ALL="C"),
        check=True,
    )
    assert project.outputs() == online
    assert len(server.received) == asked


def test_replay_from_a_packed_archive_gives_the_same_without_any_cache(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lang in ("en", "zh"):
        project.here(monkeypatch, "translate", lang, server.url)
    online = project.outputs()
    card = {"model": "loopback-1", "quantisation": "none", "settings": {"temperature": 0.0}}
    write_json(project.folder / "card.json", card)
    archive.main(["--card", "card.json", "--usage", "usage", "--out", "responses.jsonl.gz"])
    packed = (project.folder / "responses.jsonl.gz").read_bytes()
    shutil.rmtree(project.folder / "cache")
    for lang in ("en", "zh"):
        project.here(monkeypatch, "translate", lang)
    assert not (project.folder / "cache").exists()
    replayed = project.outputs()
    assert {k: v for k, v in replayed.items() if k.startswith("out-")} == {
        k: v for k, v in online.items() if k.startswith("out-")
    }
    told = {**card, "prompts": {V1.path: V1.sha256}}
    for lang in ("en", "zh"):
        usage = project.usage(f"translate-{lang}")
        assert usage["card"] == told  # who answered goes with what shows the answers
        assert json.loads(online[f"usage/translate-{lang}.json"]) == {**usage, "card": {}}
    # Packing again, from the archive alone, changes nothing.
    archive.main(["--card", "card.json", "--usage", "usage", "--out", "responses.jsonl.gz"])
    assert (project.folder / "responses.jsonl.gz").read_bytes() == packed


# --- bad input and surroundings --------------------------------------------------------------------------------------


def refusal(project: Project, url: str | None = None, **options: Any) -> str:
    """The one line with which the stage ends; nothing is written."""
    command = ["stages.translation.translate", *project.arguments("translate", "en", **options)]
    done = here(command, project.folder, **project.environment(url))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert project.outputs() == {}
    return done.stderr


def test_no_key_is_one_line(project: Project, server: OpenAIServer) -> None:
    command = ["stages.translation.translate", *project.arguments("translate", "en")]
    done = here(command, project.folder, **project.environment(LLM_MODE="online", OPENAI_BASE_URL=server.url))
    assert (done.returncode, done.stdout, project.outputs()) == (1, "", {})
    assert done.stderr.startswith("OPENAI_API_KEY: is not set (")
    assert done.stderr.count("\n") == 1
    assert server.received == []


def test_an_endpoint_out_of_reach_is_one_line_with_the_remedy(project: Project, server: OpenAIServer) -> None:
    project.params(retries=0)
    with OpenAIServer(project.folder / "log") as closed:
        url = closed.url
    line = refusal(project, url)
    assert "APIConnectionError" in line
    assert url in line
    assert "check OPENAI_BASE_URL" in line


def test_a_wrong_model_is_one_line_and_not_retried(project: Project, server: OpenAIServer) -> None:
    project.params(model="loopback-2", concurrency=1)
    line = refusal(project, server.url)
    assert "NotFoundError" in line
    assert "loopback-2" in line
    assert "llm.model" in line
    assert len(server.received) == 1


def test_answers_so_far_are_kept_when_the_endpoint_fails_and_not_asked_again(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.params(concurrency=1, retries=0)
    server.faults["記念館"] = ["payment"]
    with pytest.raises(UserError, match="of 4 answers are kept"):
        project.here(monkeypatch, "translate", "en", server.url)
    assert project.outputs() == {}
    assert project.cached() == set(server.answered)
    project.here(monkeypatch, "translate", "en", server.url)
    assert Counter(server.answered).most_common(1)[0][1] == 1
    assert len(server.answered) == 4


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"lang": "fr"}, "unknown language 'fr'"),
        ({"records": "none.jsonl"}, "no such file"),
        ({"glossary": "params.yaml"}, "params.yaml"),
        ({"glossary": "none.json"}, "no such file"),
        ({"prompt": "records.jsonl"}, "records.jsonl"),
        ({"responses": "records.jsonl"}, "broken archive"),
    ],
)
def test_bad_input_is_refused_with_its_place(
    project: Project, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], told: str
) -> None:
    with pytest.raises(UserError, match=told):
        project.here(monkeypatch, "translate", **{"lang": "en", **options})
    assert project.outputs() == {}


def test_an_open_label_that_the_glossary_lacks_is_named(
    project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    glossary = read_json(project.folder / "glossary-ja.json")
    del glossary["labels"]["drug"]
    write_json(project.folder / "glossary-ja.json", glossary)
    with pytest.raises(UserError, match="TCONER/NER/own/open/en: no glossary entry for 'drug'"):
        project.here(monkeypatch, "translate", "ja", server.url)
    assert project.outputs() == {}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("language_names", "names", "language_names: has no 'ja'"),
        ("  zh:\n", "  xx:\n", "example: has no 'zh'"),
        ("assistant:", "helper:", "assistant: has no such turn"),
        ("user: '{{", "user: '{", "user: has no such turn or a wrong placeholder"),
        ("{spans}}}'", "{spans}}'", "user: has no such turn or a wrong placeholder"),
        ("system:", "sys:", "has no 'system'"),
        ("version: v1", "version: [", "broken YAML"),
    ],
)
def test_a_broken_prompt_is_refused_by_its_part(
    project: Project, monkeypatch: pytest.MonkeyPatch, old: str, new: str, told: str
) -> None:
    text = Path(V1.path).read_text(encoding="utf-8")
    assert old in text
    (project.folder / "prompt.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=told) as caught:
        project.here(monkeypatch, "translate", "zh", prompt="prompt.yaml")
    assert caught.value.place.startswith("prompt.yaml")
    assert caught.value.remedy
