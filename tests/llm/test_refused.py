"""A request that fails by itself is an answer of its own kind; a fault of every request ends the run."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.schema import read_checked
from stages.llm import cache as cache_module
from stages.llm.archive import Archive, pack
from stages.llm.cache import Cache
from stages.llm.client import responses
from stages.llm.cost import Budget, cost_usd, prompt_tokens, text_tokens
from stages.llm.endpoint import Endpoint
from stages.llm.reply import error_in, may_keep, reasons, response_of, words_of
from stages.llm.request import Llm, Parameters, chat
from tests.llm.test_llm import LLM, ask, response
from tests.support.faulty import faulty_records, marker
from tests.support.openai_server import OpenAIServer
from tests.support.project import Project

OWN = ["policy", "too_long", "flagged", "unprocessable"]  # fail for good
EACH_TIME = ["500", "error_body", "choice_error", "finish_error", "html", "reset"]  # fail as often as they are asked
WORDS = ["one", "two", "bad", "four"]


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """A server, as the endpoint of this process."""
    with OpenAIServer(tmp_path / "answered.jsonl") as server:
        server.as_endpoint(monkeypatch, tmp_path / "cache")
        yield server


def asked(words: list[str], llm: Llm = LLM) -> list[str]:
    return [answer["finish_reason"] for answer in responses([ask(word) for word in words], llm, Archive(None))]


QUICK = dataclasses.replace(LLM, concurrency=1, retries=1)


@pytest.mark.parametrize("fault", OWN + EACH_TIME)
@pytest.mark.parametrize("place", [0, 3])
def test_a_request_that_fails_by_itself_is_refused_and_not_asked_again(
    online: OpenAIServer, fault: str, place: int
) -> None:
    online.always["bad"] = fault
    words = ["one", "two", "four"]
    words.insert(place, "bad")
    expected = ["stop"] * 4
    expected[place] = "endpoint_refused"
    assert asked(words, QUICK) == expected
    kept = Cache().get(ask("bad").key) or {}
    assert (kept["content"], kept["refusal"], kept["usage"]) == ("", None, {"prompt_tokens": 0, "completion_tokens": 0})
    assert kept["error"]
    received = len(online.received)
    online.always.clear()
    assert asked(words, QUICK) == expected
    assert len(online.received) == received


@pytest.mark.parametrize("fault", ["policy", "flagged", "500", "finish_error"])
def test_alone_it_is_refused_where_a_plain_question_or_an_answered_one_is_answered(
    online: OpenAIServer, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    online.always["bad"] = fault
    assert asked(["one"]) == ["stop"]
    assert asked(["one", "bad"], QUICK) == ["stop", "endpoint_refused"]


@pytest.mark.parametrize("fault", ["unknown_parameter", "500", "error_body"])
@pytest.mark.parametrize("words", [["bad"], ["bad1", "bad2"], [f"bad{n}" for n in range(20)]])
def test_what_every_request_meets_ends_the_run_with_the_endpoints_words_and_nothing_is_kept(
    online: OpenAIServer, fault: str, words: list[str]
) -> None:
    online.always[""] = fault
    with pytest.raises(UserError, match="0 of .* answers are kept") as caught:
        asked(words, dataclasses.replace(QUICK, give_up_s=0.5))
    assert {"unknown_parameter": "max_tokens", "500": "later", "error_body": "Provider"}[fault] in str(caught.value)
    assert len(online.received) < 20
    assert not any(Cache().get(ask(word).key) for word in words)


@pytest.mark.parametrize("fault", ["payment", "no_money"])
def test_no_credit_ends_the_run_after_what_was_answered(online: OpenAIServer, fault: str) -> None:
    online.always["bad"] = fault
    with pytest.raises(UserError, match="2 of 4 answers are kept"):
        asked(WORDS, QUICK)


def test_a_key_that_is_revoked_on_the_way_refuses_nobody(online: OpenAIServer) -> None:
    words = [f"w{n}" for n in range(12)]
    online.latency = lambda body: 0.0 if len(online.answered) < 4 else (online.always.setdefault("", "flagged"), 0.0)[1]
    with pytest.raises(UserError, match="flagged"):
        asked(words, QUICK)
    assert len(online.received) < 12
    assert not any((Cache().get(ask(word).key) or {}).get("error") for word in words)


def test_through_the_stages_it_is_a_reason_code_with_the_endpoints_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = faulty_records(6)
    with OpenAIServer(tmp_path / "answered.jsonl") as server:
        server.always = {marker(2): "policy", marker(4): "500"}
        project = Project(tmp_path / "project", records, retries=1)
        project.here(monkeypatch, "translate", "en", server.url)
        told = capsys.readouterr().out
        project.here(monkeypatch, "translate", "en")  # replays
    lines = project.translations()
    failed = {name: line for name, line in lines.items() if line["failure"]}
    assert {line["failure"] for line in failed.values()} == {"endpoint_refused"}
    name = next(name for name, line in failed.items() if "filtered" in line["endpoint"])
    assert failed[name]["endpoint"] == "HTTP 400 content_filter: The prompt was filtered"
    assert f"refused by the endpoint: {name} (HTTP 400 content_filter: The prompt was filtered)" in told
    assert all(name in told for name in failed)
    importlib.import_module("stages.translation.filter").main(project.filter_arguments("en"))
    ledger = {line["id"]: line for line in read_checked(project.folder / "ledger-en.jsonl", "ledger")}
    assert ledger[name]["reasons"] == ["no_answer_endpoint_refused"]
    assert ledger[name]["endpoint"] == failed[name]["endpoint"]
    assert sum(line["outcome"] == "kept" for line in ledger.values()) == 4
    usage = project.usage("translate-en")
    assert (usage["calls"], usage["prompt_tokens"], usage["models"]) == (6, 400, ["loopback-1"])


# --- what is kept and what is forgotten ------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [response(""), response("x", "length"), response("", "stop", "no"), response("{")])
def test_what_was_paid_for_may_be_kept(answer: dict[str, Any]) -> None:
    assert may_keep(answer)


def test_a_gateways_failure_that_an_earlier_version_kept_is_asked_again(online: OpenAIServer) -> None:
    request = ask("one")
    Cache().put(request.key, request.body, response("", "error"))
    assert asked(["one"]) == ["stop"]
    assert Cache().get(request.key) != response("", "error")


def forget(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    cache_module.main(["forget", *arguments])
    return capsys.readouterr().out


def test_answers_are_forgotten_by_reason_or_id_and_then_asked_anew(
    online: OpenAIServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    online.always["bad"] = "policy"
    online.faults["one"], online.faults["two"] = ["empty"], ["cut"]
    assert asked(WORDS, QUICK) == ["stop", "length", "endpoint_refused", "stop"]
    assert forget(capsys, "--reason", "not_such").startswith("0 responses forgotten")
    assert forget(capsys, "--reason", "endpoint_refused", "empty", "truncated").startswith("3 responses forgotten")
    online.always.clear()
    assert asked(WORDS, QUICK) == ["stop"] * 4
    assert forget(capsys, "--id", ask("four").key).startswith("1 responses forgotten")
    assert Cache().get(ask("four").key) is None
    entries = {ask(word).key: (ask(word).body, response("" if word == "one" else "{}")) for word in WORDS}
    pack(tmp_path / "a.gz", {"model": "m"}, entries)
    assert "1 taken out of" in forget(capsys, "--reason", "empty", "--archive", str(tmp_path / "a.gz"))
    assert (Archive(tmp_path / "a.gz").entries.keys(), Archive(tmp_path / "a.gz").card) == (
        entries.keys() - {ask("one").key},
        {"model": "m"},
    )


def test_a_records_answers_are_forgotten_by_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = faulty_records(2)
    with OpenAIServer(tmp_path / "answered.jsonl") as server:
        project = Project(tmp_path / "project", records)
        (project.folder / "data" / "translated").mkdir(parents=True)
        project.here(monkeypatch, "translate", "en", server.url, out="data/translated/en.jsonl")
    assert forget(capsys, "--id", records[0]["id"]).endswith("responses.sqlite\n")
    assert len(project.cached()) == 1
    with pytest.raises(UserError, match="no key of a response, and no record"):
        forget(capsys, "--id", "SCNM/NER/own/none/ja")


@pytest.mark.parametrize("tries", [0, 1, 2])
def test_an_empty_answer_is_asked_for_as_often_as_params_say_and_then_kept(online: OpenAIServer, tries: int) -> None:
    online.faults["one"] = ["empty", "empty"]
    (answer,) = responses([ask("one")], dataclasses.replace(QUICK, empty_retries=tries), Archive(None))
    assert bool(answer["content"]) == (tries == 2)
    assert len(online.received) == tries + 1


# --- replies ---------------------------------------------------------------------------------------------------------


def completion(**changes: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "{}"}}
    return {"model": "served", "choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}, **changes}


def test_an_answer_in_other_dress_is_the_same_answer() -> None:
    plain = response_of(completion(), "m")
    assert plain is not None
    parts = [{"type": "thinking", "thinking": "…"}, {"type": "text", "text": "{"}, {"type": "text", "text": "}"}]
    dressed = completion(choices=[{"message": {"content": parts}}])
    assert response_of(dressed, "m") == {**plain, "finish_reason": None}
    bare = completion(usage={"prompt_tokens": 3, "completion_tokens": 2, "completion_tokens_details": None})
    assert response_of(bare, "m") == plain
    for usage in (None, {}, {"prompt_tokens": None}, {"prompt_tokens": "x"}, {"prompt_tokens": -1}, [], 7):
        read = response_of(completion(usage=usage), "m")
        assert read is not None
        assert read["usage"] == {"prompt_tokens": 0, "completion_tokens": 0}
    said = response_of(completion(provider="P", system_fingerprint="fp"), "m")
    assert said == {**plain, "by": {"provider": "P", "system_fingerprint": "fp"}}


@pytest.mark.parametrize(
    "odd",
    [None, [], {}, {"choices": []}, {"choices": [1]}, completion(choices=[{"message": 1}]),
     completion(choices=[{"message": {"content": {"text": "x"}}}]), completion(choices=[{"message": {"content": 5}}])],
)  # fmt: skip
def test_what_is_no_completion_is_none(odd: Any) -> None:
    assert response_of(odd, "m") is None


def test_what_is_kept_is_text_and_numbers_that_json_carries_whatever_the_endpoint_says() -> None:
    choice = {"message": {"content": "{}"}, "finish_reason": ["stop"]}
    usage = {"prompt_tokens": 10**30, "completion_tokens": 2}
    kept = response_of(completion(choices=[choice], usage=usage, model=5), "m")
    assert kept is not None
    assert (kept["finish_reason"], kept["model"]) == ("['stop']", "5")
    assert kept["usage"] == {"prompt_tokens": 0, "completion_tokens": 2}
    assert reasons(kept) == set()


def test_an_answer_that_cannot_be_kept_ends_the_run_and_does_not_hold_it(online: OpenAIServer, tmp_path: Path) -> None:
    async def wait() -> None:
        endpoint = Endpoint(LLM, Cache(tmp_path / "own"), Budget(None, LLM.model), None)
        try:
            await asyncio.wait_for(endpoint.keep(ask("one"), {"content": 10**30}), 30)
        finally:
            await endpoint.client.close()

    with pytest.raises(TypeError, match="64-bit"):
        asyncio.run(wait())


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        ({"message": "too long", "code": "context_length_exceeded"}, 400, "HTTP 400 context_length_exceeded: too long"),
        ({"error": {"message": "m", "type": "t"}}, 422, "HTTP 422 t: m"),
        ({"error": "plain words"}, None, "plain words"),
        ("a page", 403, "HTTP 403: a page"),
        ({"code": 7}, None, "7: no reason given"),
        (
            {"detail": [{"loc": ["body"], "msg": "field required"}]},
            422,
            "HTTP 422: {'detail': [{'loc': ['body'], 'msg'",
        ),
    ],
)
def test_the_endpoints_words_are_found_in_any_form(error: Any, status: int | None, told: str) -> None:
    assert words_of(error, status).startswith(told)
    assert len(words_of({"message": "x" * 9999}, status)) <= 320
    assert error_in({"error": error}) is not None


def test_reasons_name_what_is_wrong_with_an_answer() -> None:
    assert reasons(response("{}")) == set()
    assert reasons(response("")) == {"empty", "not_json"}
    assert reasons(response("", "length")) == {"truncated"}


# --- deadline, endpoint out of reach, parameters ---------------------------------------------------------------------


class Drip(BaseHTTPRequestHandler):
    """A blank each tenth of a second, and no end."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(200):
                self.wfile.write(b" ")
                time.sleep(0.1)
        except OSError:
            pass


def test_a_reply_that_drips_ends_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Drip) as server, OpenAIServer(tmp_path / "log") as other:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        other.as_endpoint(monkeypatch, tmp_path / "cache")
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        begun = time.monotonic()
        with pytest.raises(UserError, match=r"no whole answer within llm.timeout_s \(0.5 s\)"):
            asked(["one"], dataclasses.replace(QUICK, timeout_s=0.5, retries=0))
        assert time.monotonic() - begun < 8
        server.shutdown()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://no-such-host.invalid/v1"])
def test_an_endpoint_out_of_reach_is_one_line_within_seconds(
    online: OpenAIServer, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """However many requests are under way and are tried again; these runs wait beside each other."""
    monkeypatch.setenv("OPENAI_BASE_URL", url)

    def ended(concurrency: int, retries: int) -> tuple[str, float]:
        begun = time.monotonic()
        with pytest.raises(UserError, match="Cannot connect.*0 of 20 answers are kept") as caught:
            asked([f"w{n}" for n in range(20)], dataclasses.replace(LLM, concurrency=concurrency, retries=retries))
        return str(caught.value), time.monotonic() - begun

    with ThreadPoolExecutor() as pool:
        for said, seconds in pool.map(ended, (1, 4, 4), (100, 100, 0)):
            assert seconds < 20  # three at once, on a busy machine
            assert "\n" not in said


def test_a_long_wait_is_told(online: OpenAIServer, capsys: pytest.CaptureFixture[str]) -> None:
    online.faults["one"] = ["429:5.5"]
    assert asked(["one"]) == ["stop"]
    assert "LLM: waits for 6 s: RateLimitError: HTTP 429: later" in capsys.readouterr().err


def test_each_model_is_asked_as_it_needs(online: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Parameters("max_completion_tokens", ["temperature", "seed"], {"reasoning_effort": "low"}, {"X-Team": "$TEAM"})
    llm = dataclasses.replace(LLM, parameters={LLM.model: own, "other": Parameters()})
    request = chat(llm, [{"role": "user", "content": '{"type": "x"}'}], {"type": "object"})
    assert request.body == {
        "model": LLM.model,
        "messages": [{"role": "user", "content": '{"type": "x"}'}],
        "max_completion_tokens": LLM.max_tokens,
        "response_format": {"type": "json_object", "schema": {"type": "object"}},
        "reasoning_effort": "low",
    }
    with pytest.raises(UserError, match=r"headers: X-Team: \$TEAM is not set"):
        responses([request], llm, Archive(None))
    monkeypatch.setenv("TEAM", "blue")
    assert responses([request], llm, Archive(None))
    assert online.headers[-1]["x-team"] == "blue"
    other = chat(dataclasses.replace(llm, model="other"), request.body["messages"], {"type": "object"})
    assert other.body["max_tokens"] == LLM.max_tokens
    with pytest.raises(UserError, match="parameters: m: body: sets messages"):
        chat(dataclasses.replace(LLM, model="m", parameters={"m": Parameters(body={"messages": []})}), [], {})


def test_the_parameters_of_another_model_change_no_key() -> None:
    assert ask("a", dataclasses.replace(LLM, parameters={"x": Parameters(leave_out=["seed"])})).key == ask("a").key
    plain = dataclasses.replace(LLM, parameters={LLM.model: Parameters(headers={"X": "y"})})
    assert ask("a", plain).key == ask("a").key


# --- usage that is not said ------------------------------------------------------------------------------------------


def test_without_usage_the_estimate_counts_in_the_budget() -> None:
    model = "gpt-6-luna"
    request = ask("word", dataclasses.replace(LLM, model=model))
    said = {**response("twenty words or so"), "usage": {"prompt_tokens": 0, "completion_tokens": 0}}
    budget = Budget(Decimal(1), model)
    assert budget.may_send(request.body)
    budget.spent(said, request.body)
    expected = cost_usd(model, prompt_tokens(request.body), round(text_tokens("twenty words or so")))
    assert budget.total == expected
    assert expected


def test_a_run_says_how_many_answers_had_estimated_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenAIServer(tmp_path / "log") as server:
        server.usage = None
        project = Project(tmp_path / "project", faulty_records(3))
        project.here(monkeypatch, "translate", "en", server.url)
    assert "3 came without usage, so their tokens are estimated" in capsys.readouterr().out
    usage = project.usage("translate-en")
    assert usage["estimated"] == 3
    assert usage["prompt_tokens"] > 100
    assert usage["completion_tokens"] > 10
    assert Counter(server.answered).total() == 3
