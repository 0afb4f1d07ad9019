"""What a prompt changes: the figures of the arms, the paired differences, and a whole run against a loopback endpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.schema import faults, file_faults
from stages.records.record import Record
from stages.records.rules import write_records
from stages.report.compare_prompts import arm, main, paired, readable, table
from tests.support.chat_server import ChatServer, chat_server
from tests.support.openai_server import ROOT, record
from tests.support.project import Project

PROMPTS = [ROOT / "stages/prompts/translate" / f"{name}.yaml" for name in ("v1", "v2")]
N = 8
SOURCES = [
    record("SCNM", "NER", str(n), f"{2010 + n}年に京都に行った。", "社会", [("地名", "京都")]) for n in range(1, N + 1)
]
REFERENCES = [
    record("SCNM", "NER", str(n), text.format(2010 + n), label, [(place, found)], lang=lang)
    for n in range(1, N + 1)
    for lang, text, label, place, found in (
        ("en", "He went to Kyoto in {}.", "Society", "Location", "Kyoto"),
        ("zh", "{}年去了京都。", "社会", "地名", "京都"),
    )
]
BY_ID = {reference["id"]: reference for reference in REFERENCES}


def line(reference: Record) -> dict[str, Any]:
    return {"id": reference["id"]}


# --- figures ---------------------------------------------------------------------------------------------------------


def kept_of(lang: str, lost: set[int], text: str | None = None) -> dict[str, Record]:
    """The references as translations, without those that are lost."""
    own = [reference for reference in REFERENCES if reference["lang"] == lang]
    return {
        reference["id"]: {**reference, "text": text or reference["text"]}
        for n, reference in enumerate(own, 1)
        if n not in lost
    }


def test_an_arm_by_language_and_for_all() -> None:
    lines = {lang: [line(own) for own in REFERENCES if own["lang"] == lang] for lang in ("en", "zh")}
    kept = {"en": kept_of("en", {1, 2}), "zh": kept_of("zh", set())}
    whole = {"en": kept_of("en", {1, 2, 3, 4}), "zh": kept_of("zh", set())}
    result = arm(lines, kept, whole, BY_ID, {"en": 0.003, "zh": 0.005})
    en = {"source": 8, "kept": 6, "kept_with_all_spans": 4, "chrf": 100.0, "span_f1": 100.0}
    # 4 of 8 spans found, none wrong: 2 * 4 / (4 + 8).
    assert result["en"] == {**en, "chrf_all": 50.0, "span_f1_all": 66.67, "usd_per_1000_kept": 0.75}
    assert (result["all"]["source"], result["all"]["kept"], result["all"]["kept_with_all_spans"]) == (16, 14, 12)
    assert (result["all"]["chrf_all"], result["all"]["usd_per_1000_kept"]) == (75.0, 0.6667)


def test_a_price_that_is_not_known_and_an_arm_that_keeps_nothing_have_no_cost() -> None:
    lines = {"en": [line(own) for own in REFERENCES if own["lang"] == "en"]}
    kept = {"en": kept_of("en", set())}
    assert arm(lines, kept, kept, BY_ID, {"en": None})["en"]["usd_per_1000_kept"] is None
    nothing = arm(lines, {"en": {}}, {"en": {}}, BY_ID, {"en": 1.0})["all"]
    assert nothing == {
        "source": 8, "kept": 0, "kept_with_all_spans": 0, "chrf_all": 0, "span_f1_all": 0, "usd_per_1000_kept": None
    }  # fmt: skip


def test_without_references_an_arm_has_counts_and_no_figure() -> None:
    lines = {"en": [line(own) for own in REFERENCES if own["lang"] == "en"]}
    kept = {"en": kept_of("en", {1})}
    own = arm(lines, kept, kept, {}, {"en": 0.007})["en"]
    assert own == {"source": 8, "kept": 7, "kept_with_all_spans": 7, "usd_per_1000_kept": 1.0}
    metrics = {
        **dict.fromkeys(("v1", "v1_checked", "v2", "v2_checked"), {"en": own}),
        "paired": {},
        "paired_checked": {},
    }
    assert not faults(metrics, "prompt_metrics")
    assert "– / –" in table(metrics)


def test_side_by_side_a_change_that_leaves_out_zero_has_a_star() -> None:
    cell = {"source": 8, "kept": 8, "kept_with_all_spans": 6, "chrf": 50.0, "chrf_all": 37.5, "usd_per_1000_kept": None}
    metrics = {
        "a_checked": {"all": cell},
        "b_checked": {"all": {**cell, "kept_with_all_spans": 8, "chrf": 60.0}},
        "paired_checked": {"all": {"records": 6, "chrf": {"difference": 9.0, "low": 2.0, "high": 15.0}}},
    }
    lines = [" ".join(line.split()) for line in readable(metrics, "a", "b").splitlines()]
    assert lines[0] == "into figure a b change"
    assert "all kept of 8 6 (75.0 %) 8 (100.0 %)" in lines
    assert "all chrF of the kept 50.00 60.00 +9.00 (+2.00 to +15.00)*" in lines
    assert "all span F1 of the kept – – –" in lines
    assert "all USD per 1,000 kept – –" in lines


def test_only_what_both_keep_is_paired_and_the_better_side_shows() -> None:
    left = {"en": kept_of("en", {1, 2}, "He went to Kyoto."), "zh": kept_of("zh", set())}
    right = {"en": kept_of("en", {2, 3}), "zh": kept_of("zh", set())}
    found = paired(left, right, BY_ID, 200, 0)
    assert (found["en"]["records"], found["zh"]["records"], found["all"]["records"]) == (5, 8, 13)
    assert 0 < found["en"]["chrf"]["low"] <= found["en"]["chrf"]["difference"] <= found["en"]["chrf"]["high"]
    assert found["en"]["span_f1"] == found["zh"]["chrf"] == {"difference": 0.0, "low": 0.0, "high": 0.0}
    assert 0 < found["all"]["chrf"]["difference"] < found["en"]["chrf"]["difference"]
    assert paired({"en": {}}, right, BY_ID, 200, 0)["all"] == {"records": 0}


# --- a whole run -----------------------------------------------------------------------------------------------------


def answer(body: dict[str, Any]) -> str:
    """v1 inflects the spans of even numbers, so that they are not in the text; v2 has a wrong year in the fifth."""
    question = body["messages"][-1]["content"]
    match = re.search(r"(\d{4})年", question)
    assert match
    number, english = int(match[1]), "into English" in body["messages"][0]["content"]
    place = "Kyoto" if english else "京都"
    form = "In {0} he visited {1}." if english else "他{0}年去了{1}。"
    if '"spans"' in question:
        wrong = "Kyoto's" if english else "京都市"
        return json.dumps({"text": form.format(number, place), "spans": [place if number % 2 else wrong]})
    said = 1987 if number == 2015 else number
    return json.dumps({"text": form.format(said, f"<e1>{place}</e1>"), "parts": {"e1": place}})


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project", SOURCES, model="gpt-6-luna")
    write_records(project.folder / "references.jsonl", REFERENCES)
    (project.folder / "glossary").mkdir()
    for lang in ("ja", "en", "zh"):
        (project.folder / f"glossary-{lang}.json").rename(project.folder / "glossary" / f"{lang}.json")
    knobs = yaml.safe_load((project.folder / "params.yaml").read_text(encoding="utf-8"))
    knobs["prompts"]["ask"] = True
    knobs["evaluate"]["resamples"] = 100
    knobs["checks"] |= {"numbers": True, "warn": 0.01, "refuse": 0.01}  # one changed number is reason enough here
    (project.folder / "params.yaml").write_text(yaml.safe_dump(knobs, allow_unicode=True), encoding="utf-8")
    return project


def go(project: Project, patch: pytest.MonkeyPatch, server: ChatServer | None, *prompts: Path) -> None:
    patch.chdir(project.folder)
    for name, value in project.environment(server.url if server else None).items():
        patch.setenv(name, value)
    if not server:
        patch.setenv("LLM_MODE", "replay")
    files = ["--records", "records.jsonl", "--references", "references.jsonl", "--responses", "none.gz"]
    made = ["--metrics", "prompts.json", "--usage", "usage"]
    main(["--glossaries", "glossary", "--prompts", *map(str, prompts), *files, *made])


def test_a_run_has_every_arm_and_replays_to_the_same_bytes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_server(answer, (1000, 100)) as server:
        go(project, monkeypatch, server, *PROMPTS)
    assert len(server.bodies) == 2 * 2 * N
    assert list(file_faults(project.folder / "prompts.json", "prompt_metrics")) == []
    metrics = read_json("prompts.json")
    assert list(metrics) == ["v1", "v1_checked", "v2", "v2_checked", "paired", "paired_checked"]
    whole = {
        name: [metrics[name][lang]["kept_with_all_spans"] for lang in ("ja", "en", "zh", "all")]
        for name in metrics
        if name[0] == "v"
    }
    assert whole == {"v1": [0, 4, 4, 8], "v1_checked": [0, 4, 4, 8], "v2": [0, 8, 8, 16], "v2_checked": [0, 7, 7, 14]}
    for cells in (metrics[name] for name in whole):
        assert cells["all"]["source"] == 2 * N
        assert cells["all"]["chrf_all"] <= cells["all"]["chrf"]
    # With its span dropped, the record itself would be kept: the other reading of a lost span. Quality is of whole records.
    assert (metrics["v1"]["en"]["kept"], metrics["v1"]["en"]["span_f1"], metrics["v1"]["en"]["span_f1_all"]) == (
        8,
        100,
        66.67,
    )
    # 16 calls of 1,000 and 100 tokens at 0.10 and 0.50 USD a million, for 16 records.
    assert metrics["v2"]["all"]["usd_per_1000_kept"] == 0.15
    assert metrics["paired"]["all"]["records"] == 8
    assert metrics["paired_checked"]["all"]["records"] == 6
    assert sorted(path.name for path in (project.folder / "usage").iterdir()) == sorted(
        f"{name}-{lang}.json" for name in ("v1", "v2") for lang in ("ja", "en", "zh")
    )
    before = (project.folder / "prompts.json").read_bytes()
    go(project, monkeypatch, None, *PROMPTS)
    assert (project.folder / "prompts.json").read_bytes() == before
    text = re.sub(" {2,}", " ", table(metrics))
    assert "| v2 | en | 8 | 8 | 8 | 0 |" in text
    assert "| v1 | all | 16 | 16 | 8 | 8 |" in text
    assert "| v2 minus v1 | lost by v1 | lost by v2 | kept by both | chrF | span F1 |" in text
    assert "| v2_checked minus v1_checked |" in text
    rows = [row for row in text.splitlines() if row.startswith("| all | 8 | 0 | 8 |")]
    assert len(rows) == 1
    assert rows[0].endswith("+0.00 (+0.00 to +0.00) |")


def test_an_arm_that_is_not_recorded_is_asked_for_only_when_wanted(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    knobs = yaml.safe_load((project.folder / "params.yaml").read_text(encoding="utf-8"))
    knobs["prompts"]["ask"] = False
    (project.folder / "params.yaml").write_text(yaml.safe_dump(knobs, allow_unicode=True), encoding="utf-8")
    with chat_server(answer, (1000, 100)) as server:
        go(project, monkeypatch, server, *PROMPTS)
    assert server.bodies == []
    assert read_json("prompts.json") == {"paired": {}, "paired_checked": {}}
    assert list(file_faults(project.folder / "prompts.json", "prompt_metrics")) == []
    assert "not compared" in capsys.readouterr().err
    assert "prompts.ask" in table(read_json("prompts.json"))


def test_one_prompt_is_not_compared_with_itself(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_server(answer) as server, pytest.raises(UserError, match="are the same twice"):
        go(project, monkeypatch, server, PROMPTS[1], PROMPTS[1])
    assert not (project.folder / "prompts.json").exists()
