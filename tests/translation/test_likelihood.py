"""A translation that a model finds likelier after its source without a negation is warned of, by an endpoint on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.checks.negation import evidence, without_negation
from stages.core import config
from stages.core.errors import UserError
from stages.core.files import iter_jsonl, read_json, write_bytes
from stages.llm import prompt
from stages.llm.cost import prompt_tokens, prompt_tokens_bound
from stages.llm.estimate import Lengths
from stages.llm.request import Llm, measured
from stages.records.record import with_lang
from stages.records.rules import write_records
from stages.translation import filter as filtering
from stages.translation.likelihood import log_probability, main, text_of
from stages.translation.lines import write_translations
from tests.support.openai_server import ROOT, OpenAIServer, record
from tests.support.params import write_params
from tests.support.project import Project

PROMPT = ROOT / "stages/prompts/likelihood/v1.yaml"
SOURCE = "The lid isn't red."
SOURCES = [
    record("TCONER", "NER", "bad", SOURCE, "Society", [("part", "lid")], lang="en"),
    record("TCONER", "NER", "good", SOURCE, "Society", [("part", "lid")], lang="en"),
    record("TCONER", "NER", "plain", "The lid is red.", "Society", [("part", "lid")], lang="en"),
]
# This endpoint finds a word likelier that stood in the text before.
TEXTS = {"bad": "蓋 is 赤。", "good": "蓋 isn't 赤。", "plain": "蓋 is 赤。"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Three translations as translate writes them, and the filter with checks that find nothing else of them."""
    made = Project(tmp_path, SOURCES, retries=0)
    made.values["checks"] |= {"likelihood": True}
    write_params(tmp_path, made.values)
    lines = []
    for source in SOURCES:
        name = source["id"].split("/")[3]
        target = record("TCONER", "NER", name, TEXTS[name], "社会", [("部品", "蓋")], lang="ja")
        line = {"id": with_lang(source["id"], "ja"), "source_id": source["id"], "response": "0" * 64, "failure": None}
        lines.append({**line, "model": "first", "steps": {}, "record": target})
    write_translations(tmp_path / "out-translate-ja.jsonl", lines)
    monkeypatch.chdir(tmp_path)
    return made


def arguments() -> list[str]:
    given = {"lang": "ja", "records": "records.jsonl", "translated": "out-translate-ja.jsonl", "prompt": PROMPT}
    given |= {"responses": "responses.jsonl.gz", "out": "likelihood-ja.jsonl", "usage": "usage/likelihood-ja.json"}
    return [str(word) for name, value in given.items() for word in (f"--{name}", value)]


def test_a_lost_negation_is_asked_about_once_and_becomes_a_warning(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenAIServer(project.folder / "log") as server:
        server.as_endpoint(monkeypatch, project.folder / "cache")
        main(arguments())
        assert len(server.bodies()) == 4  # a text without a negation asks nothing
        assert {body["max_tokens"] for body in server.bodies()} == {1}
        main(arguments())
        assert len(server.bodies()) == 4  # from the cache
    assert "2 translations of texts with a negation, 1 likelier without it" in capsys.readouterr().out
    lines = {line["id"].split("/")[3]: line for line in iter_jsonl("likelihood-ja.jsonl")}
    assert lines["bad"]["negations"] == [{"start": 8, "end": 13, "margin": -4.0}]
    assert lines["good"]["negations"] == [{"start": 8, "end": 13, "margin": 4.0}]
    assert read_json("usage/likelihood-ja.json")["calls"] == 4
    filtering.main([*project.filter_arguments("ja"), "--likelihood", "likelihood-ja.jsonl"])
    ledger = {line["id"].split("/")[3]: line["warnings"] for line in iter_jsonl("ledger-ja.jsonl")}
    assert ledger == {"bad": ["negation_unlikely"], "good": [], "plain": []}


def test_an_endpoint_without_log_probabilities_is_told_in_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIServer(project.folder / "log") as server:
        server.measures = False
        server.as_endpoint(monkeypatch, project.folder / "cache")
        with pytest.raises(UserError, match=r"gives no log-probabilities of the text .* \(ask one that does") as error:
            main(arguments())
        assert "\n" not in str(error.value)
        assert not Path("likelihood-ja.jsonl").exists()
        server.measures = True  # nothing of that was kept
        main(arguments())
    assert len(list(iter_jsonl("likelihood-ja.jsonl"))) == 2


@pytest.mark.parametrize("refused", ["蓋 is 赤", "isn't red.\nJapanese: 蓋 is 赤", "is red.\nJapanese: 蓋 is 赤"])
def test_a_text_that_the_endpoint_refuses_is_left_out_and_named(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], refused: str
) -> None:
    """Refused in both forms, as it stands, and without its negation."""
    with OpenAIServer(project.folder / "log") as server:
        server.always[refused] = "too_long"
        server.as_endpoint(monkeypatch, project.folder / "cache")
        main(arguments())
    assert [line["id"].split("/")[3] for line in iter_jsonl("likelihood-ja.jsonl")] == ["good"]
    assert f"refused by the endpoint: {with_lang(SOURCES[0]['id'], 'ja')} (HTTP 400" in capsys.readouterr().out


def test_of_a_text_with_many_negations_three_are_asked_about_and_of_a_failed_translation_none(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = "He can't sing, can't dance, can't cook and can't drive."
    sources = [
        record("TCONER", "NER", name, many, "Society", [("part", "sing")], lang="en") for name in ("many", "none")
    ]
    lines = []
    for source, failure in zip(sources, (None, "truncated"), strict=True):
        name = with_lang(source["id"], "ja")
        target = record("TCONER", "NER", "many", "彼は歌えない。", "社会", [("部品", "歌")], lang="ja")
        line = {"id": name, "source_id": source["id"], "response": "0" * 64, "failure": failure, "model": "first"}
        lines.append({**line, "steps": {}, "record": None if failure else target})
    write_records("records.jsonl", sources)
    write_translations("out-translate-ja.jsonl", lines)
    with OpenAIServer(project.folder / "log") as server:
        server.as_endpoint(monkeypatch, project.folder / "cache")
        main(arguments())
        asked = [body["prompt"].splitlines()[-2] for body in server.bodies()]
    assert len(asked) == 4
    assert sorted(text.count("can't") for text in asked) == [3, 3, 3, 4]
    (line,) = iter_jsonl("likelihood-ja.jsonl")
    places = [(item["start"], item["end"]) for item in line["negations"]]
    assert [many[start:end] for start, end in places] == ["can't"] * 3
    assert places == sorted(places)


def test_what_measuring_takes_is_estimated_beside_what_was_recorded(project: Project) -> None:
    llm = config.read("llm", Llm)
    request, usage = measured(llm, "Wort " * 20), {"prompt_tokens": 20, "completion_tokens": 1}
    lengths = Lengths([(request.body, {"usage": usage})])
    assert lengths.completion_tokens(request.body) == 1
    assert 20 <= prompt_tokens(request.body) <= prompt_tokens_bound(request.body)


def test_a_batch_measures_no_text(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_MODE", "batch")
    monkeypatch.setenv("LLM_CACHE", str(project.folder / "cache"))
    with pytest.raises(UserError, match="no text is measured"):
        main(arguments())


def test_the_filter_asks_for_the_file_if_the_switch_is_on_and_reads_none_if_it_is_off(project: Project) -> None:
    with pytest.raises(UserError, match="has no --likelihood file"):
        filtering.main(project.filter_arguments("ja"))
    del project.values["checks"]["likelihood"]
    write_params(project.folder, project.values)
    write_bytes("broken.jsonl", b"{")
    filtering.main([*project.filter_arguments("ja"), "--likelihood", "broken.jsonl"])
    assert [line["warnings"] for line in iter_jsonl("ledger-ja.jsonl")] == [[], [], []]


def test_a_source_that_is_not_there_is_named(project: Project) -> None:
    write_records("records.jsonl", SOURCES[1:])
    with pytest.raises(UserError, match="its source record is not in"):
        main(arguments())


def test_the_last_line_is_measured_without_the_name_of_its_language() -> None:
    spec = prompt.load(PROMPT)
    text = text_of(spec, "ja", "en", "改行\nのある文", "two\nlines")
    assert text.endswith("\n\nJapanese: 改行 のある文\nEnglish: two lines\n")
    for place, example in enumerate(spec.examples("ja", "en")):
        assert text.split("\n\n")[place] == f"Japanese: {example['ja']}\nEnglish: {example['en']}"
    for tokens in (
        ["x", "。\n", "English", ":", " two", " lines", "\n"],
        ["x", "\n", "Eng", "lish", ":", " two", " lines\n"],
    ):
        values = [None, *[-100.0] * (len(tokens) - 1)]
        start = tokens.index(" two")
        values[start:] = [-1.0] * (len(tokens) - start)
        assert log_probability({"tokens": tokens, "logprobs": values}, "English") == start - len(tokens)


@pytest.mark.parametrize(
    ("lang", "text", "without"),
    [
        ("en", "It will not rain.", ["It will rain."]),
        ("en", "Not only dogs; cats can't.", ["Not only dogs; cats can."]),
        ("ja", "雨が降らない。", ["雨が降る。"]),
        ("ja", "必ず行くかもしれない。", []),
        ("ja", "傷めません。", ["傷めます。"]),
        ("zh", "他不同意，没有去。", ["他同意，没有去。", "他不同意，有去。"]),
        ("zh", "不过很好。", []),
        ("ko", "가지 않는다.", []),
    ],
)
def test_a_text_is_read_without_each_of_its_negations(lang: str, text: str, without: list[str]) -> None:
    assert [found for _, found in without_negation(text, lang)] == without


def test_the_strength_is_what_the_likelihood_loses() -> None:
    line = {"id": "x", "negations": [{"start": 0, "end": 1, "margin": margin} for margin in (0.5, -0.1, -3.0)]}
    assert [round(found.strength, 2) for found in evidence(line)] == [0.1, 0.95]
    assert evidence(None) == []
