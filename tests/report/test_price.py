"""The price that is told beforehand, beside what a run then asks and pays."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core.files import read_json
from stages.llm.cost import cost_usd
from stages.records.rules import write_records
from stages.report.price import options_of, price
from tests.support.openai_server import ROOT, record
from tests.support.tagged import Stage, finds, says

RECORDS = [
    record("SCNM", "NER", f"p{n}", f"花子は{place}で電池を買った。", "社会", [("人名", "花子"), ("地名", place)])
    for n, place in enumerate(("京都", "奈良", "大津"))
]

DOCUMENTED = (ROOT / "docs/fidelity.md").read_text(encoding="utf-8")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A folder with this project's dvc.yaml and prompts, the records as `raw` writes them, and an empty cache."""
    (tmp_path / "stages").symlink_to(ROOT / "stages")
    (tmp_path / "dvc.yaml").symlink_to(ROOT / "dvc.yaml")
    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    write_records(raw / "records.jsonl", RECORDS)
    write_records(raw / "references.jsonl", [])
    monkeypatch.setenv("LLM_CACHE", str(tmp_path / "cache"))
    return Stage(tmp_path, monkeypatch)


def with_v2(stage: Stage, ask: bool = False) -> None:
    """The pipeline's prompt is v2, in the params that the stage wrote."""
    path = stage.folder / "params.yaml"
    knobs = yaml.safe_load(path.read_text(encoding="utf-8"))
    knobs["translate"]["prompt"], knobs["prompts"]["ask"] = "v2", ask
    path.write_text(yaml.safe_dump(knobs, allow_unicode=True), encoding="utf-8")


def answer(body: dict[str, Any]) -> str:
    if finds(body):
        return json.dumps({"花子": "Hanako"})
    return says("Hanako shopped in <e2>Kyoto</e2>.")


def test_what_a_run_asks_and_pays_lies_within_what_was_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    priced = {"llm": {"model": "gpt-6-luna"}}
    stage(RECORDS, answer, "en", "--estimate", **priced)  # writes the params
    monkeypatch.chdir(stage.folder)
    with_v2(stage)
    told = price(RECORDS)
    first, lost = told["translate en"], told["translate en: lost spans, at most"]
    assert (first["calls"], first["open"], lost["calls"]) == (3, 3, 3)
    assert not any(name.startswith("prompts") for name in told)

    stage(RECORDS, answer, tokens=(900, 40), **priced)
    usage = read_json(stage.folder / "usage" / "translate-en.json")
    assert first["calls"] <= usage["calls"] <= first["calls"] + lost["calls"]
    paid = cost_usd("gpt-6-luna", usage["prompt_tokens"], usage["completion_tokens"])
    assert paid is not None
    assert 0 < paid < first["usd_bound"] + lost["usd_bound"]

    with_v2(stage)
    after = price(RECORDS)["translate en"]  # what was asked is known, and nothing of it is open
    assert (after["calls"], after["open"], after["usd"]) == (usage["calls"], 0, 0)


def test_the_arms_of_the_comparison_and_the_stronger_model_count_where_they_are_wanted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(RECORDS, answer, "en", "--estimate", stronger_model="deepseek-flash", llm={"model": "gpt-6-luna"})
    monkeypatch.chdir(stage.folder)
    with_v2(stage, ask=True)
    told = price(RECORDS)
    assert told["translate en: deepseek-flash, at most"]["calls"] == 6
    assert told["prompts v1 en"]["open"] == 3
    assert "prompts v2 en" not in told  # the arm of the prompt that translates: its calls are in another row


def test_options_come_from_dvc_yaml() -> None:
    assert options_of("prompts", ROOT / "dvc.yaml")["prompts"] == [
        "stages/prompts/translate/v1.yaml",
        "stages/prompts/translate/v2.yaml",
    ]


def test_the_likelihood_check_has_a_row_where_the_pipeline_has_its_stage(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [
        record("SCNM", "NER", "not", "花子は京都で電池を買わなかった。", "社会", [("人名", "花子"), ("地名", "京都")]),
        RECORDS[0],
    ]
    stage(records, answer, "en", "--estimate", llm={"model": "gpt-6-luna"})
    monkeypatch.chdir(stage.folder)
    with_v2(stage)
    assert not any(name.startswith("likelihood") for name in price(records))
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    command = re.search(r"cmd: (python -m stages\.translation\.likelihood .*)", DOCUMENTED)
    assert command is not None
    pipeline["stages"]["likelihood"] = {"matrix": {"lang": "${languages}"}, "cmd": command[1]}
    Path("dvc.yaml").unlink()
    Path("dvc.yaml").write_text(yaml.safe_dump(pipeline), encoding="utf-8")
    told = price(records)
    bound = told["likelihood en, at most"]  # the text and, without its negation, once more; the other text has none
    assert (bound["calls"], bound["usd"]) == (2, 0)
    assert "likelihood ja" not in told

    stage(records, answer, tokens=(900, 40), llm={"model": "gpt-6-luna"})
    with_v2(stage)
    Path("data/translated").mkdir()
    shutil.copy("out-translate-en.jsonl", "data/translated/en.jsonl")
    after = price(records)["likelihood en"]
    assert after["open"] == 2
    assert 0 < after["usd"] < bound["usd_bound"]
