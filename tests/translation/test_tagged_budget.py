"""What a translation may cost: budgets, estimates, and requests that stay the same."""

from __future__ import annotations

from typing import Any

import pytest

from stages.core.errors import UserError
from stages.llm.cost import cost_usd, prompt_tokens_bound
from stages.llm.request import Llm
from stages.translation.source_text import by_text
from stages.translation.tagged import Tagged
from tests.support.openai_server import record
from tests.support.tagged import FREE, GOOD, ONE, SPEC, Stage

TEXTS = [record("SCNM", "NER", f"t{n}", f"{n}番目の京都。", "社会", [("地名", "京都")]) for n in range(4)]


def test_a_budget_stops_before_it_is_passed_and_what_was_answered_is_not_paid_for_again(stage: Stage) -> None:
    llm = Llm("gpt-6-luna", "json_object_schema", 0.0, 0, 600, 1, 30.0, 0, None, None, 600.0, 0, {})
    form = Tagged("en", SPEC, llm, FREE)
    bound = max(prompt_tokens_bound(form.request(source).body) for source in by_text(TEXTS, "en"))
    most = cost_usd("gpt-6-luna", bound, 600)
    assert most is not None
    # Every call costs all that it can: two fit into two and a half.
    budget, tokens = float(most) * 2.5, (bound, 600)
    with pytest.raises(UserError, match=r"translate\.budget_usd: the next request could pass the budget"):
        stage(TEXTS, lambda body: GOOD, budget=budget, tokens=tokens, llm={"model": "gpt-6-luna"})
    assert len(stage.bodies) == 2
    assert not (stage.folder / "out-translate-en.jsonl").exists()
    lines = stage(TEXTS, lambda body: GOOD, budget=2 * budget, tokens=tokens, llm={"model": "gpt-6-luna"})
    assert len(stage.bodies) == 2
    assert [line["failure"] for line in lines.values()] == [None] * 4


def test_a_budget_is_refused_where_the_stronger_model_has_no_price(stage: Stage) -> None:
    with pytest.raises(UserError, match="no price for model 'unheard-of'"):
        stage(ONE, lambda body: GOOD, budget=1.0, stronger_model="unheard-of", llm={"model": "gpt-6-luna"})
    assert stage.bodies == []


def test_the_budget_is_one_for_all_stages_and_languages(stage: Stage) -> None:
    llm = Llm("gpt-6-luna", "json_object_schema", 0.0, 0, 600, 1, 30.0, 0, None, None, 600.0, 0, {})
    form = Tagged("en", SPEC, llm, FREE)
    bound = max(prompt_tokens_bound(form.request(source).body) for source in by_text(TEXTS, "en"))
    most = cost_usd("gpt-6-luna", bound, 600)
    assert most is not None
    spend: dict[str, Any] = {"budget": float(most) * 5.5, "tokens": (bound, 600), "llm": {"model": "gpt-6-luna"}}
    stage(TEXTS, lambda body: GOOD, **spend)
    assert len(stage.bodies) == 4
    with pytest.raises(UserError, match="could pass the budget"):
        stage(TEXTS, lambda body: GOOD, "zh", **spend)
    assert len(stage.bodies) == 1
    stage(TEXTS, lambda body: GOOD, **spend)  # what was paid for is not counted twice
    assert stage.bodies == []


def test_an_estimate_sends_and_writes_nothing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage(TEXTS, lambda body: GOOD, "en", "--estimate", llm={"model": "gpt-6-luna"})
    assert stage.bodies == []
    header, row = capsys.readouterr().out.splitlines()
    assert row.split()[:4] == ["en", "4", "0", "4"]
    assert not (stage.folder / "out-translate-en.jsonl").exists()
    assert not (stage.folder / "usage").exists()
