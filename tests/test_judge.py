"""The judge: what it asks, what an answer is worth, its figures, and whole runs against a loopback endpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages import params, prompt
from stages.errors import UserError
from stages.files import read_json
from stages.judge import Graded, agreement, build_request, draw, main, rank_correlation, read_score, spread
from stages.record import Record
from stages.schema import file_faults, write_records
from tests.chat_server import ChatServer, chat_server

ROOT = Path(__file__).resolve().parents[1]
KNOBS = params.load(ROOT / "params.yaml")
SPEC = prompt.load(ROOT / "stages/prompts/judge/v1.yaml")
LANGUAGES = ("ja", "en", "zh")


def sides(sample: list[Record]) -> tuple[list[Record], dict[str, Record]]:
    sources = [record for record in sample if record["lang"] == ("en" if record["subset"] == "TCONER" else "ja")]
    return sources, {record["id"]: record for record in sample if record not in sources}


def translated(references: dict[str, Record], lang: str) -> list[Record]:
    """Kept records: the references, with a word of their own so that they can be told apart."""
    return [{**record, "text": record["text"] + " (MT)"} for record in references.values() if record["lang"] == lang]


# --- the draw --------------------------------------------------------------------------------------------------------


def test_the_draw_takes_each_text_once_and_the_same_texts_in_every_language(sample: list[Record]) -> None:
    sources, references = sides(sample)
    groups = {}
    for lang in ("en", "zh"):
        kept = [record for record in translated(references, lang) if record["subset"] != "TCONER"]
        trials = draw(sources, kept, references, lang, 20, 0)
        assert len({trial.source["text"] for trial in trials}) == len(trials) == 20
        assert draw(sources, kept[::-1], references, lang, 20, 0) == trials
        assert {trial.source["group"] for trial in draw(sources, kept, references, lang, 20, 1)} != {
            trial.source["group"] for trial in trials
        }
        groups[lang] = [trial.source["group"] for trial in trials]
        for source, own, reference in trials:
            assert source["group"] == own["group"]
            assert own["id"] == reference["id"] != source["id"]
    assert groups["en"] == groups["zh"]


def test_a_record_that_is_lost_changes_the_draw_by_one_text(sample: list[Record]) -> None:
    sources, references = sides(sample)
    kept = translated(references, "en")
    before = draw(sources, kept, references, "en", 12, 0)
    lost = before[3].source["group"]
    after = draw(sources, [record for record in kept if record["group"] != lost], references, "en", 12, 0)
    assert after[:11] == before[:3] + before[4:]
    assert [trial.source["group"] for trial in after][11] not in {trial.source["group"] for trial in before}


def test_a_kept_record_without_reference_is_not_drawn(sample: list[Record]) -> None:
    sources, references = sides(sample)
    assert draw(sources, translated(references, "en"), {}, "en", 12, 0) == []


# --- the call --------------------------------------------------------------------------------------------------------


def test_the_judge_does_not_see_which_side_it_grades_and_always_answers_at_temperature_0(sample: list[Record]) -> None:
    sources, references = sides(sample)
    trial = draw(sources, translated(references, "zh"), references, "zh", 1, 0)[0]
    llm = params.Llm(**{**vars(KNOBS.llm), "temperature": 0.7})
    bodies = [build_request(trial.source, side, SPEC, llm).body for side in (trial.translation, trial.reference)]
    assert [body["temperature"] for body in bodies] == [0.0, 0.0]
    own, other = (json.dumps(body, ensure_ascii=False) for body in bodies)
    assert own.replace(" (MT)", "") == other
    assert bodies[0]["messages"][0] == bodies[1]["messages"][0]
    assert json.dumps(trial.source["text"], ensure_ascii=False) in bodies[0]["messages"][1]["content"]


@pytest.mark.parametrize(
    ("content", "reason", "score"),
    [
        ('{"score": 4}', "stop", 4),
        ('```json\n{"score": 2}\n```', "stop", 2),
        ('{"score": 4}', "length", None),
        ('{"score": 0}', "stop", None),
        ('{"score": 6}', "stop", None),
        ('{"score": "4"}', "stop", None),
        ('{"score": true}', "stop", None),
        ('{"score": 4.5}', "stop", None),
        ("4", "stop", None),
        ("no", "stop", None),
    ],
)
def test_an_answer_is_a_score_of_the_rubric_or_none(content: str, reason: str, score: int | None) -> None:
    assert read_score({"content": content, "finish_reason": reason, "refusal": None}) == score


# --- the figures -----------------------------------------------------------------------------------------------------


def test_spread_of_known_scores() -> None:
    assert spread([5, 4, None, 4, 1]) == {
        "graded": 4,
        "no_score": 1,
        "mean": 3.5,
        "sd": 1.73,
        "scores": {"1": 1, "2": 0, "3": 0, "4": 2, "5": 1},
    }
    assert (spread([None])["mean"], spread([3])["sd"]) == (None, None)


def test_rank_correlation_of_known_ranks() -> None:
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 99]) == 1.0
    assert rank_correlation([1, 2, 3, 4], [9, 5, 2, 1]) == -1.0
    assert rank_correlation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]) == 0.8  # 1 - 6 * 4 / (5 * 24)
    assert rank_correlation([5, 5, 5], [1, 2, 3]) is None
    assert rank_correlation([1, 2], [1, 2]) is None


def test_ties_are_counted_apart_and_missing_scores_nowhere() -> None:
    cell = agreement([Graded(3, 5, 40.0), Graded(5, 5, 80.0), Graded(4, 2, 60.0), Graded(None, 5, 1.0)])
    assert (cell["texts"], cell["reference_above"], cell["tied"], cell["translation_above"]) == (4, 1, 1, 1)
    assert cell["rho_chrf"] == 1.0
    assert (cell["translations"]["no_score"], cell["references"]["no_score"]) == (1, 0)


# --- whole runs ------------------------------------------------------------------------------------------------------


def grade(body: dict[str, Any]) -> str:
    return '{"score": 2}' if "(MT)" in body["messages"][-1]["content"] else '{"score": 5}'


def go(folder: Path, patch: pytest.MonkeyPatch, server: ChatServer | None, **judge: Any) -> Any:
    knobs = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    knobs["judge"] = {"enabled": True, "sample": 3, "seed": 0, **judge}
    knobs["llm"] |= {"concurrency": 2, "retries": 0}
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs, allow_unicode=True), encoding="utf-8")
    patch.chdir(folder)
    patch.setenv("LLM_CACHE", str(folder / "cache"))
    patch.setenv("LLM_MODE", "online" if server else "replay")
    patch.setenv("OPENAI_API_KEY", "any")
    patch.setenv("OPENAI_BASE_URL", server.url if server else "http://127.0.0.1:1/v1")
    files = ["--records", "records.jsonl", "--references", "references.jsonl", "--responses", "none.gz"]
    filtered = [f"filtered/{lang}.jsonl" for lang in LANGUAGES]
    main(["--filtered", *filtered, *files, "--prompt", SPEC.path, "--metrics", "judge.json", "--usage", "usage.json"])
    assert [*file_faults(folder / "judge.json", "judge_metrics"), *file_faults(folder / "usage.json", "usage")] == []
    return read_json("judge.json")


@pytest.fixture
def folder(tmp_path: Path, sample: list[Record]) -> Path:
    sources, references = sides(sample)
    write_records(tmp_path / "records.jsonl", sources)
    write_records(tmp_path / "references.jsonl", list(references.values()))
    for lang in LANGUAGES:
        write_records(tmp_path / "filtered" / f"{lang}.jsonl", translated(references, lang))
    return tmp_path


def test_a_run_reports_both_sides_and_replays_to_the_same_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_server(grade) as server:
        result = go(folder, monkeypatch, server)
    assert len(server.bodies) == 3 * 3 * 2
    assert result["enabled"] is True
    assert list(result["languages"]) == [*LANGUAGES, "all"]
    cell = result["languages"]["all"]
    assert (cell["texts"], cell["translations"]["mean"], cell["references"]["mean"]) == (9, 2.0, 5.0)
    assert (cell["reference_above"], cell["tied"], cell["translation_above"], cell["rho_chrf"]) == (9, 0, 0, None)
    before = (folder / "judge.json").read_bytes(), (folder / "usage.json").read_bytes()
    go(folder, monkeypatch, None)
    assert ((folder / "judge.json").read_bytes(), (folder / "usage.json").read_bytes()) == before


def test_a_judge_that_is_off_asks_nothing_and_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_server(grade) as server:
        assert go(folder, monkeypatch, server, enabled=False) == {"enabled": False, "languages": {}}
    assert server.bodies == []
    assert read_json("usage.json")["calls"] == 0


def test_without_a_recording_the_run_ends_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="18 of 18 requests have no recorded response"):
        go(folder, monkeypatch, None)
    assert not (folder / "judge.json").exists()
