"""The client against an endpoint that fails: what is tried again, what is kept, when a run ends, and what it may cost."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.schema import read_checked
from stages.llm.archive import Archive
from stages.llm.cache import Cache
from stages.llm.client import responses
from stages.llm.cost import Budget
from stages.llm.limits import BASE_S, CAP_S, IN_A_ROW, Circuit, Pace, backoff, retry_after
from tests.llm.test_llm import LLM, ask, contents
from tests.support.faulty import LOST, answers_always, faulty_records, passing_faults
from tests.support.openai_server import CONTENT, ROOT, OpenAIServer
from tests.support.project import Project


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """A server, as the endpoint of this process."""
    with OpenAIServer(tmp_path / "answered.jsonl") as server:
        server.as_endpoint(monkeypatch, tmp_path / "cache")
        yield server


# --- when to ask -----------------------------------------------------------------------------------------------------


def test_no_minute_holds_more_than_the_limit_and_one_however_requests_come() -> None:
    pace, now, sent = Pace(60), 0.0, list[float]()
    for gap in itertools.islice(itertools.cycle([0.0] * 50 + [0.3] * 20 + [90.0]), 400):
        now += gap
        sent.append(now + pace.place(1, now))
    assert sent == sorted(sent)
    assert max(sum(start <= at < start + 60 for at in sent) for start in sent) <= 61
    assert Pace(None).place(1e9, 0.0) == 0.0


def test_tokens_that_were_not_used_are_given_back() -> None:
    pace = Pace(6000)
    assert pace.place(700, 0.0) == 0.0
    pace.give_back(600)
    assert pace.place(700, 0.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:16:50 GMT"}, 10.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, epoch=1000.0) == seconds


def test_a_wait_lies_anywhere_up_to_a_bound_that_doubles() -> None:
    for failures in (1, 2, 5, 50):
        bound = min(CAP_S, BASE_S * 2 ** (failures - 1))
        waits = [backoff(failures) for _ in range(200)]
        assert 0 <= min(waits) < bound / 4
        assert bound * 3 / 4 < max(waits) <= bound


def test_the_circuit_opens_after_failures_in_a_row_and_closes_with_an_answer() -> None:
    circuit = Circuit(give_up_s=60.0)
    for n in range(IN_A_ROW - 1):
        circuit.failed(10.0, 0.0, False, str(n))
    circuit.worked()
    for n in range(IN_A_ROW):
        assert not circuit.open
        circuit.failed(20.0, 3.0, False, str(n))
    assert circuit.open
    assert 23.0 <= circuit.probe_at <= 23.0 + BASE_S  # no probe before the time that the endpoint asks for
    circuit.failed(65.0, 0.0, True, "0")
    assert not circuit.given_up
    circuit.failed(65.0, 30.0, True, "0")
    assert circuit.given_up  # the next probe would come after 20 + 60
    circuit.worked()
    assert not circuit.open
    assert not circuit.given_up


def test_one_request_that_always_fails_does_not_open_the_circuit() -> None:
    circuit = Circuit(give_up_s=60.0)
    for _ in range(3 * IN_A_ROW):
        circuit.failed(0.0, 0.0, False, "one")
    assert not circuit.open
    circuit.failed(0.0, 0.0, False, "other")
    assert circuit.open


def test_a_burst_of_failures_does_not_make_the_pause_long() -> None:
    circuit = Circuit(give_up_s=60.0)
    for n in range(500):
        circuit.failed(0.0, 0.0, False, str(n))
    assert circuit.probe_at <= BASE_S


# --- what is tried again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [["500"], ["429"], ["reset"], ["half"], ["500", "reset"], ["html"], ["broken_body"], ["no_choices"], ["not_utf8"]],
    ids="+".join,
)
def test_a_passing_fault_is_retried_and_the_answer_kept(online: OpenAIServer, faults: list[str]) -> None:
    online.faults["one"] = list(faults)
    assert contents(["one", "two"]) == contents(["one", "two"])
    assert sorted(Counter(online.answered).values()) == [1, 1]
    assert len(online.received) == 2 + len(faults)
    if faults == ["429"]:
        first, second = (at for at, key in online.received if key == ask("one").key)
        assert second - first >= 1.0  # as Retry-After said; a first wait of our own is at most half a second


def test_a_hang_ends_at_the_timeout_and_is_retried(online: OpenAIServer) -> None:
    online.faults["one"] = ["hang"]
    assert len(contents(["one"], dataclasses.replace(LLM, timeout_s=0.5))) == 1
    assert len(online.received) == 2
    online.faults[""] = ["hang"] * 9
    with pytest.raises(UserError, match="(APITimeoutError|Late).*0 of 1 answers are kept"):
        contents(["two"], dataclasses.replace(LLM, timeout_s=0.3, retries=0))


def test_a_limit_is_no_fault_of_the_request(online: OpenAIServer) -> None:
    online.faults["one"] = ["429:0"] * 3
    assert len(contents(["one"], dataclasses.replace(LLM, retries=0))) == 1


@pytest.mark.parametrize("fault", ["html", "broken_body", "no_choices", "not_utf8", "500", "reset"])
def test_what_is_no_answer_ends_in_one_line_and_is_not_kept(online: OpenAIServer, fault: str) -> None:
    online.faults["bad"] = online.faults["good"] = [fault] * 9
    with pytest.raises(UserError, match="0 of 2 answers are kept; check OPENAI_BASE_URL") as caught:
        contents(["good", "bad"], dataclasses.replace(LLM, retries=0, concurrency=1))
    assert caught.value.place == online.url + "/"
    assert "\n" not in str(caught.value)
    assert Cache().get(ask("bad").key) is None
    online.faults.clear()
    assert contents(["good", "bad"])
    assert Counter(online.answered) == {ask("good").key: 1, ask("bad").key: 1}


@pytest.mark.parametrize(("fault", "told"), [("no_money", "no credit left"), ("429:3600", "asks to wait for 3600 s")])
def test_what_will_not_pass_soon_ends_the_run_at_once(online: OpenAIServer, fault: str, told: str) -> None:
    online.faults["w"] = [fault] * 100
    words = [f"w{n}" for n in range(20)]
    begun = time.monotonic()
    with pytest.raises(UserError, match="0 of 20 answers are kept") as caught:
        contents(words, dataclasses.replace(LLM, concurrency=IN_A_ROW))
    assert time.monotonic() - begun < 20
    assert len(online.received) <= IN_A_ROW
    assert told in str(caught.value)


def test_what_is_under_way_when_one_request_fails_arrives_and_is_kept_and_no_new_one_goes_out(
    online: OpenAIServer,
) -> None:
    failed = threading.Event()

    def latency(body: dict[str, Any]) -> float:
        content = body["messages"][-1]["content"]
        if "bad" in content:
            online.wait(lambda: len(online.received) == 2, 20)
            failed.set()
        elif "slow" in content:
            failed.wait(20)
            return 0.3
        return 0.0

    online.latency = latency
    online.faults["bad"] = ["payment"]
    with pytest.raises(UserError, match="1 of 4 answers are kept"):
        contents(["bad", "slow", "third", "fourth"], dataclasses.replace(LLM, concurrency=2, retries=0))
    assert Cache().get(ask("slow").key) is not None
    assert len(online.received) == 2


# The others are wrong only for a translation.
@pytest.mark.parametrize("fault", sorted(CONTENT.keys() - {"span_number", "span_count", "empty_text", "empty_span"}))
def test_what_is_paid_for_is_kept_as_it_came_and_never_asked_again(online: OpenAIServer, fault: str) -> None:
    online.faults["odd"] = [fault]
    first = responses([ask("odd")], LLM, Archive(None))
    assert responses([ask("odd")], LLM, Archive(None)) == first == [Cache().get(ask("odd").key)]
    assert len(online.answered) == len(online.received) == 1
    assert first[0]["usage"] == {"prompt_tokens": 100, "completion_tokens": 10}
    if fault == "lone_surrogate":  # half a character, which no file can carry
        assert first[0]["content"].startswith("\ufffd")


@pytest.mark.slow
def test_processes_that_ask_the_same_at_once_go_on_with_the_same_answer(tmp_path: Path, online: OpenAIServer) -> None:
    # Each answer is another, as from a sampling model; both runs must end with the one that is kept and will be packed.
    online.varying = True
    online.latency = lambda body: 0.0 if online.wait(lambda: len(online.received) >= 2, 20) else 0.0
    code = (
        "import json; from tests.llm.test_llm import *;"
        "print(json.loads(responses([ask('w')], LLM, Archive(None))[0]['content'])['text'])"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    told = [worker.communicate()[0] for worker in workers]
    assert len(online.answered) == 2
    kept = Cache().get(ask("w").key) or {}
    assert told == [json.loads(kept["content"])["text"] + "\n"] * 2


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OPENAI_API_KEY", "", "OPENAI_API_KEY: is not set"),
        ("OPENAI_API_KEY", "鍵", "check OPENAI_BASE_URL, the key"),
        ("OPENAI_BASE_URL", "127.0.0.1", "check OPENAI_BASE_URL"),
        ("OPENAI_BASE_URL", "http://[", "check OPENAI_BASE_URL"),
    ],
)
def test_an_unusable_key_or_address_is_one_line(
    online: OpenAIServer, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=told):
        contents(["a"], dataclasses.replace(LLM, retries=0))
    assert online.received == []


# --- the circuit -----------------------------------------------------------------------------------------------------


def test_after_failures_in_a_row_one_request_at_a_time_probes_until_one_is_answered(online: OpenAIServer) -> None:
    online.latency = lambda body: 0.0 if online.wait(lambda: online.busiest >= 8, 20) else 0.0
    online.faults[""] = ["500"] * 9  # all eight that go out together, and the first probe
    words = [f"w{n}" for n in range(12)]
    assert len(contents(words, dataclasses.replace(LLM, concurrency=8, retries=1))) == 12
    assert sorted(online.beside[:8]) == list(range(1, 9))
    assert online.beside[8:10] == [1, 1]
    assert Counter(online.answered) == {ask(word).key: 1 for word in words}


def test_a_run_gives_up_after_its_time_in_one_line_and_goes_on_when_the_endpoint_is_back(online: OpenAIServer) -> None:
    words = [f"w{n}" for n in range(7)]
    online.faults["w5"] = online.faults["w6"] = ["500"] * 1000
    llm = dataclasses.replace(LLM, concurrency=2, retries=1000, give_up_s=1.0)
    with pytest.raises(
        UserError, match=r"nothing but failures, and llm.give_up_s \(1 s\).*5 of 7 answers are kept"
    ) as caught:
        contents(words, llm)
    assert "\n" not in str(caught.value)
    online.faults.clear()
    assert len(contents(words, llm)) == 7
    assert Counter(online.answered) == {ask(word).key: 1 for word in words}


# --- rates and budget ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [{"requests_per_minute": 600}, {"tokens_per_minute": 360_000}])
def test_a_run_takes_as_long_as_its_limit_a_minute_asks(online: OpenAIServer, limit: dict[str, Any]) -> None:
    begun = time.monotonic()
    contents([f"w{n}" for n in range(6)], dataclasses.replace(LLM, concurrency=6, **limit))
    # Five places after the first: a tenth of a second each, as each is set down for 600 tokens and its prompt.
    assert time.monotonic() - begun >= 0.5


def test_a_budget_is_not_passed_all_that_was_answered_is_kept_and_a_higher_one_goes_on(online: OpenAIServer) -> None:
    model = "gpt-6-luna"
    online.models.add(model)
    online.latency = lambda body: 0.02
    llm = dataclasses.replace(LLM, model=model, concurrency=4)
    requests = [ask(f"w{n}", llm) for n in range(60)]
    # An answer costs 0.000015 USD; at most it could cost twenty times that, which is set aside while it is under way.
    limit = Decimal("0.0008")
    budget = Budget(limit, model)
    with pytest.raises(UserError, match="budget of 0.0008 USD; 0.000") as caught:
        responses(requests, llm, Archive(None), budget)
    assert "\n" not in str(caught.value)
    kept = {request.key for request in requests if Cache().get(request.key)}
    assert budget.total == len(kept) * Decimal("0.000015") <= limit
    # As far as it could go: one more might have passed it.
    assert len(kept) > 25
    assert set(online.answered) == kept

    again = Budget(limit, model)
    with pytest.raises(UserError, match="budget"):
        responses(requests, llm, Archive(None), again)
    assert again.total == budget.total  # what an earlier run paid counts
    assert len(online.answered) == len(kept)

    assert len(responses(requests, llm, Archive(None), Budget(Decimal(1), model))) == 60
    assert Counter(online.answered) == {request.key: 1 for request in requests}


# --- through the stages ----------------------------------------------------------------------------------------------


def test_under_every_fault_each_record_is_in_the_ledger_once_and_no_paid_answer_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = faulty_records(100)
    with OpenAIServer(tmp_path / "answered.jsonl") as server:
        server.faults, server.always = passing_faults(records), answers_always(records)
        project = Project(tmp_path / "project", records, concurrency=8, timeout_s=3.0, retries=3)
        project.here(monkeypatch, "translate", "en", server.url)
        assert all(not orders for orders in server.faults.values())
        assert len(server.received) == len(records) + sum(map(len, passing_faults(records).values()))
        assert Counter(server.answered) == Counter(project.cached())
    importlib.import_module("stages.translation.filter").main(project.filter_arguments("en"))
    ledger = read_checked(project.folder / "ledger-en.jsonl", "ledger")
    assert sorted(line["source_id"] for line in ledger) == sorted(record["id"] for record in records)
    reasons = Counter(reason for line in ledger for reason in line["reasons"])
    assert {reason: reasons[reason] for reason in LOST.values()} == dict.fromkeys(LOST.values(), 100 // 20)
    assert sum(line["outcome"] == "kept" for line in ledger) == 100 - len(LOST) * 100 // 20
