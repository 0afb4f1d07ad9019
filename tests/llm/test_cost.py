"""What calls cost: exact sums, a budget that is never passed, estimates whose error is known on the recording."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core import config
from stages.core.errors import UserError
from stages.llm import cost
from stages.llm.archive import Archive, Entry, pack
from stages.llm.cache import Cache
from stages.llm.cost import Budget, cost_usd, prices, prompt_tokens, prompt_tokens_bound, read_prices
from stages.llm.estimate import AT_MOST, Lengths, estimate, table
from stages.llm.request import Llm, Request, chat
from tests.conftest import ROOT

LLM = replace(config.read("llm", Llm, ROOT / "params.yaml"), model="gpt-6-luna", structured="none", max_tokens=600)
EXAMPLE = [{"role": "user", "content": "質問" * 10}, {"role": "assistant", "content": "答え" * 20}]


def ask(word: str, *before: dict[str, str], llm: Llm = LLM) -> Request:
    return chat(llm, [*before, {"role": "user", "content": word}], {"type": "object"})


def response(prompt: int, completion: int) -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    return {"content": "{}", "finish_reason": "stop", "refusal": None, "model": "served", "usage": usage}


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    cache = Cache(tmp_path / "cache")
    yield cache
    cache.close()


@pytest.fixture(scope="module")
def recording() -> list[Entry]:
    path = ROOT / "data" / "responses.jsonl.gz"
    if not path.exists():
        pytest.skip("no recording here: dvc pull data/responses.jsonl.gz")
    entries = Archive(path).entries
    own = "qwen2.5-coder-1.5b-instruct-q4_k_m"
    return [entries[key] for key in sorted(entries) if entries[key][0]["model"] == own]


# --- prices ----------------------------------------------------------------------------------------------------------


def test_a_cost_is_exact_to_the_last_decimal() -> None:
    assert cost_usd("gpt-6-luna", 123_457, 7) == Decimal("0.0123492")
    assert cost_usd("gpt-6-luna", 123_457, 7, batch=True) == Decimal("0.0061746")
    assert sum(filter(None, (cost_usd("gpt-6-luna", 1, 0) for _ in range(10**4)))) == Decimal("0.001")


def test_local_models_are_free_and_unknown_ones_have_no_price() -> None:
    assert cost_usd("qwen2.5-coder-1.5b-instruct-q4_k_m", 10**9, 10**9, batch=True) == 0
    assert cost_usd("unheard-of", 1, 1) is None
    assert cost_usd("deepseek-flash", 1, 1, batch=True) is None


@pytest.mark.parametrize("wrong", [0.1, "1e-1", "-1", "0.1 USD", None])
def test_a_price_that_is_no_decimal_string_is_refused(wrong: Any, tmp_path: Path) -> None:
    row = {"model": "m", "input": wrong, "output": "1", "batch": None, "source": "s", "date": "2026-01-01"}
    (tmp_path / "prices.yaml").write_text(yaml.safe_dump({"prices": [row]}), encoding="utf-8")
    with pytest.raises(UserError, match=r"prices\.yaml: /prices/0/input"):
        read_prices(tmp_path / "prices.yaml")


def test_a_model_has_one_price(tmp_path: Path) -> None:
    row = {"model": "m", "input": "1", "output": "1", "batch": None, "source": "s", "date": "2026-01-01"}
    (tmp_path / "prices.yaml").write_text(yaml.safe_dump({"prices": [row, row]}), encoding="utf-8")
    with pytest.raises(UserError, match="two prices for 'm'"):
        read_prices(tmp_path / "prices.yaml")


@pytest.mark.parametrize(("written", "read"), [("null", None), ("0.1", "0.1"), ('"2.50"', "2.50"), ("3", "3")])
def test_the_budget_of_params_is_a_decimal(written: str, read: str | None) -> None:
    values = config.build(config.parse_yaml(written, "x"), config.Money | None, "x")
    assert values == (None if read is None else Decimal(read))


@pytest.mark.parametrize("written", ["-1", "true", "much", ".nan", "[1]"])
def test_a_budget_that_is_no_sum_is_refused(written: str) -> None:
    with pytest.raises(UserError, match="a sum of money is a decimal from 0|no finite number"):
        config.build(config.parse_yaml(written, "x"), config.Money | None, "x")


# --- the budget ------------------------------------------------------------------------------------------------------


def test_a_budget_is_never_passed_whatever_order_answers_come_in() -> None:
    chance, limit = random.Random(0), Decimal("0.01")
    budget, under_way, refused = Budget(limit, LLM.model), list[Request](), 0
    for n in range(2000):
        request = ask("字" * chance.randrange(1, 400) + str(n))
        if budget.may_send(request.body):
            under_way.append(request)
        else:
            refused += 1
        while len(under_way) > 16 or (under_way and chance.random() < 0.5):
            body = under_way.pop(chance.randrange(len(under_way))).body
            most = prompt_tokens_bound(body)
            budget.spent(response(chance.randrange(most + 1), chance.randrange(601)), body)
        assert budget.total is not None
        assert budget.total <= limit
    assert refused
    assert budget.total is not None
    assert budget.total > limit * Decimal("0.9")


def test_what_is_set_aside_is_free_again_once_the_answer_is_there_or_was_refused() -> None:
    body = ask("word").body
    bound = Budget(None, LLM.model)._bound(body)
    budget = Budget(bound, LLM.model)
    assert budget.may_send(body)
    assert not budget.may_send(body)
    budget.refused(body)
    assert budget.total == 0
    assert budget.may_send(body)
    budget.spent({**response(0, 0), "finish_reason": "endpoint_refused"}, body)
    assert budget.may_send(body)
    budget.spent(response(1, 0), body)
    assert not budget.may_send(body)


def test_what_an_earlier_run_paid_or_has_under_way_counts() -> None:
    body = ask("word").body
    bound = Budget(None, LLM.model)._bound(body)
    resumed, waiting = Budget(bound, LLM.model), Budget(bound, LLM.model)
    resumed.paid(response(10, 0))
    waiting.sent(body)
    assert not resumed.may_send(body)
    assert not waiting.may_send(body)


def test_another_model_counts_at_its_own_price_and_what_another_stage_paid_counts_once() -> None:
    body = ask("word", llm=replace(LLM, model="gemini-3.1-flash-lite")).body
    budget = Budget(Decimal(1), LLM.model)
    assert budget.may_send(body)
    budget.spent(response(1000, 10), body)
    assert budget.total == cost_usd("gemini-3.1-flash-lite", 1000, 10)
    with pytest.raises(UserError, match="no price for model 'unheard-of'"):
        budget.may_send({**body, "model": "unheard-of"})
    own = ask("word")
    shared = Budget(Decimal(1), LLM.model, elsewhere={own.key: Decimal("0.25")})
    shared.paid(response(1000, 10), own.body)
    assert shared.total == Decimal("0.25")


def test_without_a_price_a_budget_names_the_table_and_no_budget_lets_all_through() -> None:
    with pytest.raises(UserError, match=r"stages/llm/prices.yaml: no price for model 'unheard-of'.*add its price"):
        Budget(Decimal(1), "unheard-of")
    with pytest.raises(UserError, match="no Batch price for model 'deepseek-flash'"):
        Budget(Decimal(1), "deepseek-flash", batch=True)
    free = Budget(None, "unheard-of")
    assert free.may_send(ask("word").body)
    assert free.total is None


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_prompt_tokens_of_the_recording_are_estimated_within_15_percent_each_and_6_in_all(
    recording: list[Entry],
) -> None:
    pairs = [(prompt_tokens(body), answer["usage"]["prompt_tokens"]) for body, answer in recording]
    assert max(abs(guess / true - 1) for guess, true in pairs) < 0.15
    assert abs(sum(guess for guess, _ in pairs) / sum(true for _, true in pairs) - 1) < 0.06


def test_no_prompt_of_the_recording_has_more_tokens_than_its_bound(recording: list[Entry]) -> None:
    assert all(prompt_tokens_bound(body) >= answer["usage"]["prompt_tokens"] for body, answer in recording)


@pytest.mark.parametrize("text", ["😀" * 9, "𠮷野家", "\u200b\u200d", "ㄅㄆㄇ", "한국어", "\x00\x01"])
def test_the_bound_is_above_the_estimate_in_any_script(text: str) -> None:
    assert prompt_tokens_bound(ask(text).body) > prompt_tokens(ask(text).body)


def test_a_schema_counts_only_where_it_is_put_into_the_prompt() -> None:
    plain, guided, prompted = (
        ask("word", llm=replace(LLM, structured="none")).body,
        ask("word", llm=replace(LLM, structured="json_object_schema")).body,
        ask("word", llm=replace(LLM, structured="json_schema")).body,
    )
    assert prompt_tokens(plain) == prompt_tokens(guided) < prompt_tokens(prompted)


def test_completion_tokens_of_half_of_the_recording_are_estimated_from_the_other_half(recording: list[Entry]) -> None:
    lengths, other = Lengths(recording[::2]), recording[1::2]
    true = sum(answer["usage"]["completion_tokens"] for _, answer in other)
    assert abs(sum(lengths.completion_tokens(body) for body, _ in other) / true - 1) < 0.12
    examples = Lengths([])
    assert abs(sum(examples.completion_tokens(body) for body, _ in other) / true - 1) < 0.2


# --- the estimate ----------------------------------------------------------------------------------------------------


def test_only_distinct_requests_without_a_response_are_estimated(cache: Cache, tmp_path: Path) -> None:
    archived, cached, open_ones = ask("a"), ask("b"), [ask("word " * n) for n in range(1, 9)]
    pack(tmp_path / "archive.gz", {}, {archived.key: (archived.body, response(9, 9))})
    cache.put(cached.key, cached.body, response(9, 9))
    row = estimate([archived, cached, *open_ones, *open_ones], LLM, Archive(tmp_path / "archive.gz"), cache)
    assert (row["calls"], row["cached"], row["open"]) == (10, 2, 8)
    assert row["prompt_tokens"] == sum(prompt_tokens(request.body) for request in open_ones)
    assert row["usd"] == cost_usd(LLM.model, row["prompt_tokens"], row["completion_tokens"])
    assert row["usd_batch"] == row["usd"] / 2
    assert row["usd"] < row["usd_bound"] == 2 * row["usd_batch_bound"]


def test_answers_are_estimated_from_the_worked_example_until_there_are_some(cache: Cache) -> None:
    new = ask("質問" * 50, *EXAMPLE)
    from_example = estimate([new], LLM, Archive(None), cache)["completion_tokens"]
    assert from_example == pytest.approx(cost.text_tokens("答え" * 100), abs=1)
    seen = ask("質問" * 10, *EXAMPLE)
    cache.put(seen.key, seen.body, response(0, 30))
    assert estimate([new, seen], LLM, Archive(None), cache)["completion_tokens"] == 150


def test_the_table_sums_up_and_marks_what_has_no_price(cache: Cache) -> None:
    rows = {lang: estimate([ask(lang)], LLM, Archive(None), cache) for lang in ("ja", "zh")}
    lines = table(rows).splitlines()
    assert [line.split()[0] for line in lines] == ["calls", "ja", "zh", "all"]
    assert lines[-1].split()[1:4] == ["2", "0", "2"]
    bound = {**rows, f"ja: lost spans{AT_MOST}": rows["ja"]}
    told = [re.split(r"  +", line)[:2] for line in table(bound).splitlines()]
    assert told[-2:] == [["all", "2"], ["all, at most", "3"]]
    unpriced = replace(LLM, model="unheard-of")
    rows["en"] = estimate([ask("x", llm=unpriced)], unpriced, Archive(None), cache)
    assert table(rows).splitlines()[-1].split()[-4:] == ["?"] * 4


def test_every_price_has_a_source_and_the_model_of_params_has_a_price() -> None:
    assert config.read("llm", Llm, ROOT / "params.yaml").model in prices()
    assert all(row["source"] for row in json.loads(json.dumps(yaml.safe_load(cost.PRICES.read_text())))["prices"])
