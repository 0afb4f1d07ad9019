"""What stages/llm/batch.py promises, through the real openai client against a server that speaks the Batch API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import read_json
from stages.llm import batch
from stages.llm.archive import Archive
from stages.llm.batch import ask_batch
from stages.llm.batch_file import join, line_of, read_file, take, write_requests
from stages.llm.cache import Cache
from stages.llm.client import responses
from stages.llm.cost import Budget, prompt_tokens
from stages.llm.request import Llm, Request, chat
from tests.conftest import ROOT
from tests.support.batch_server import COMPLETION_TOKENS, PROMPT_TOKENS, BatchServer, Plan, answer, line
from tests.support.params import params

LLM = replace(
    config.read("llm", Llm, ROOT / "params.yaml"), model="gpt-6-luna", structured="none", timeout_s=60.0, retries=2
)


def ask(word: str, **change: Any) -> Request:
    return Request(chat(LLM, [{"role": "user", "content": word}], {}).body | change)


REQUESTS = [ask(f"word {n}") for n in range(10)]
RIGHT = {request.key: answer(request.body) for request in REQUESTS}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cache]:
    """The cache of a folder with params.yaml, in which no pause is longer than 10 ms; the key is right."""
    values = params()
    values["batch"]["poll_s"] = 0.01
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "right")
    cache = Cache()
    yield cache
    cache.close()


def asked(
    server: BatchServer, cache: Cache, patch: pytest.MonkeyPatch, requests: list[Request] = REQUESTS, **options: Any
) -> dict[str, str]:
    """The contents that `ask_batch` returns, by key; each stands in the cache too, and nothing is left under way."""
    patch.setenv("OPENAI_BASE_URL", server.url)
    found = ask_batch(requests, LLM, cache, **options)
    assert all(cache.get(key) == response for key, response in found.items())
    assert under_way(cache) == []
    return {key: response["content"] for key, response in found.items()}


def under_way(cache: Cache) -> list[dict[str, Any]]:
    path = cache.path.parent / "batches.json"
    return read_json(path)["batches"] if path.exists() else []


def test_every_request_gets_its_own_answer_whatever_the_order(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    with BatchServer(Plan(polls=3)) as server:
        assert asked(server, cache, monkeypatch) == RIGHT
        assert server.made == 1


def test_the_first_of_two_answers_is_kept_and_strangers_are_passed_over_aloud(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with BatchServer(Plan(twice=True, foreign=True)) as server:
        assert asked(server, cache, monkeypatch) == RIGHT
    assert "batch_0: 10 duplicate, 1 unknown lines passed over" in capsys.readouterr().err


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_an_expired_batch_keeps_what_is_done_and_only_the_rest_is_asked_again(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    with BatchServer(Plan(status=status, answered=4), Plan(status=status, answered=3), Plan()) as server:
        assert asked(server, cache, monkeypatch) == RIGHT
        assert server.made == 3
        assert Counter(server.paid) == dict.fromkeys(RIGHT, 1)


def test_a_request_that_expires_again_and_again_ends_the_run_with_what_was_kept(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BatchServer(Plan(status="expired", answered=9), Plan(status="expired", answered=0)) as server:
        with pytest.raises(UserError, match="1 of 10 requests failed.*could not be executed in time.*9 answers are"):
            asked(server, cache, monkeypatch)
        assert server.made == 1 + LLM.retries
    assert sum(cache.get(key) is not None for key in RIGHT) == 9


def test_a_refused_line_is_an_answer_of_its_own_and_one_with_a_passing_error_is_asked_again(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BatchServer(Plan(lines={2: 400, 5: 500, 6: 429}), Plan()) as server:
        assert asked(server, cache, monkeypatch) == {**RIGHT, REQUESTS[2].key: ""}
        assert asked(server, cache, monkeypatch, REQUESTS[3:]) == dict(list(RIGHT.items())[3:])
        assert server.made == 3
    kept = cache.get(REQUESTS[2].key) or {}
    assert (kept["finish_reason"], kept["error"]) == (
        "endpoint_refused",
        "HTTP 400 invalid_request_error: refused with 400",
    )


def test_a_line_that_fails_in_every_batch_is_refused_and_does_not_stop_the_others(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BatchServer(Plan(lines={4: 500}), Plan(lines={0: 500})) as server:
        assert asked(server, cache, monkeypatch) == {**RIGHT, REQUESTS[4].key: ""}
        assert server.made == 1 + LLM.retries
    assert (cache.get(REQUESTS[4].key) or {})["error"] == "HTTP 500 invalid_request_error: refused with 500"


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_every_line_is_refused_for_ends_the_run_and_is_not_kept(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    told = f"10 (of 10 )?requests (are refused|failed), the first.*{status}"
    with BatchServer(Plan(lines=dict.fromkeys(range(10), status))) as server, pytest.raises(UserError, match=told):
        asked(server, cache, monkeypatch)
    assert all(cache.get(key) is None for key in RIGHT)
    assert under_way(cache) == []


def test_a_batch_refused_as_a_whole_ends_the_run_and_can_be_made_anew(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BatchServer(Plan(code="model_not_found"), Plan()) as server:
        with pytest.raises(UserError, match="model_not_found, says the server"):
            asked(server, cache, monkeypatch)
        assert asked(server, cache, monkeypatch) == RIGHT


def test_a_queue_that_is_full_is_waited_for(cache: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_tokens(tmp_path, 4)
    with BatchServer(Plan(polls=3), queue=6) as server:
        assert asked(server, cache, monkeypatch) == RIGHT
        assert Counter(server.paid) == dict.fromkeys(RIGHT, 1)


def test_a_queue_that_stays_full_ends_the_run(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    with BatchServer(queue=6) as server, pytest.raises(UserError, match="10 of 10 requests failed.*token_limit"):
        asked(server, cache, monkeypatch)


def set_tokens(folder: Path, requests: int) -> None:
    """Room in the queue for so many requests."""
    values = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    values["batch"]["enqueued_tokens"] = requests * prompt_tokens(REQUESTS[0].body)
    (folder / "params.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")


def test_no_more_tokens_are_enqueued_than_params_say(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_tokens(tmp_path, 3)
    with BatchServer(queue=3) as server:  # the server would refuse a fourth
        assert asked(server, cache, monkeypatch) == RIGHT
        assert len(server.batches) == 4
    with BatchServer() as server, pytest.raises(UserError, match="does not fit into a batch"):
        asked(server, cache, monkeypatch, [ask("longer " * 99)])


def test_a_file_ends_before_it_has_too_many_requests_bytes_or_tokens_or_a_second_model() -> None:
    size, tokens = len(line_of(REQUESTS[0])), prompt_tokens(REQUESTS[0].body)
    assert len(take(REQUESTS, 10**6, most=4)) == 4
    assert len(take(REQUESTS, 10**6, size=5 * size)) == 5
    assert len(take(REQUESTS, 10**6, size=5 * size - 1)) == 4
    assert len(take(REQUESTS, 6 * tokens)) == 6
    assert len(take([*REQUESTS[:2], ask("other", model="other")], 10**6)) == 2


@pytest.mark.slow
def test_a_file_has_at_most_50_000_requests() -> None:
    assert len(take([REQUESTS[0]] * 50_001, 10**9)) == 50_000


# --- killed runs -----------------------------------------------------------------------------------------------------


def submission(server: BatchServer, patch: pytest.MonkeyPatch, requests: list[Request]) -> list[str]:
    """Arguments that submit the requests to the server."""
    patch.setenv("OPENAI_BASE_URL", server.url)
    Path("file.jsonl").write_bytes(b"".join(map(line_of, requests)))
    return ["submit", "file.jsonl"]


def test_a_run_killed_before_it_learnt_of_its_batch_finds_it(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    with BatchServer(Plan(reply="hang"), Plan()) as server:
        command = [sys.executable, "-m", "stages.llm.batch", *submission(server, monkeypatch, REQUESTS)]
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert server.making.wait(120)
        process.kill()
        process.wait()
        assert [row["id"] for row in under_way(cache)] == [None]
        assert asked(server, cache, monkeypatch) == RIGHT
        assert server.made == 1


def test_a_batch_of_another_run_is_taken_in_whole_and_only_what_it_lacks_is_submitted(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with BatchServer() as server:
        for _ in range(2):  # the second time, all is under way
            batch.main(submission(server, monkeypatch, REQUESTS[:6]))
            assert capsys.readouterr().out == "batch_0 completed: 6 of 6 done\n"
        wanted = REQUESTS[4:]
        assert asked(server, cache, monkeypatch, wanted) == {r.key: RIGHT[r.key] for r in wanted}
        assert Counter(server.paid) == dict.fromkeys(RIGHT, 1)
    assert all(cache.get(key) is not None for key in RIGHT)  # the four that nobody asks for now were paid for too


def test_poll_takes_in_what_is_done(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with BatchServer(Plan(polls=3)) as server:
        batch.main(submission(server, monkeypatch, REQUESTS))
        batch.main(["poll"])
        assert len(under_way(cache)) == 1
        batch.main(["poll"])
    told = ["batch_0 in_progress: not counted yet"] * 2 + ["batch_0 completed: 10 of 10 answers joined"]
    assert capsys.readouterr().out.splitlines() == told
    assert under_way(cache) == []
    assert all(cache.get(key) is not None for key in RIGHT)


def test_two_runs_at_once_submit_no_request_twice(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[dict[str, Any]] = []

    def other_run(requests: list[Request]) -> None:
        own = Cache()
        found.append(ask_batch(requests, LLM, own))
        own.close()

    with BatchServer(Plan(polls=4)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        runs = [threading.Thread(target=other_run, args=(part,)) for part in (REQUESTS[:7], REQUESTS[3:], REQUESTS)]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        assert sorted(map(len, found)) == [7, 7, 10]
        assert Counter(server.paid) == dict.fromkeys(RIGHT, 1)
    assert under_way(cache) == []


def test_the_stages_ask_by_batch_and_replay_what_it_brought(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_MODE", "batch")
    with BatchServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        answers = responses(REQUESTS, LLM, Archive(None), Budget(Decimal(1), LLM.model, batch=True))
        assert [answer["content"] for answer in answers] == [RIGHT[request.key] for request in REQUESTS]
    monkeypatch.delenv("LLM_MODE")
    assert responses(REQUESTS, LLM, Archive(None)) == answers


def test_a_lost_reply_does_not_make_a_second_batch(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    with BatchServer(Plan(reply="lost"), Plan()) as server:
        assert asked(server, cache, monkeypatch) == RIGHT
        assert server.made == 1


def test_a_submission_that_is_refused_ends_the_run_and_does_not_stand_in_the_way_of_the_next(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BatchServer(Plan(reply="refused"), Plan()) as server:
        with pytest.raises(UserError, match="BadRequestError.*Billing hard limit"):
            asked(server, cache, monkeypatch)
        assert under_way(cache) == []
        assert asked(server, cache, monkeypatch) == RIGHT


def test_an_upload_that_is_tried_again_is_whole(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    with BatchServer(upload_faults=1) as server:
        assert asked(server, cache, monkeypatch) == RIGHT
        assert server.files["file_0"] == b"".join(map(line_of, REQUESTS))


def test_a_wrong_key_is_one_line(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    with BatchServer() as server, pytest.raises(UserError, match="AuthenticationError.*Incorrect API key.*run again"):
        asked(server, cache, monkeypatch)


# --- the budget ------------------------------------------------------------------------------------------------------


def test_a_budget_makes_smaller_batches_and_stops_before_it_is_passed(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = Budget(None, LLM.model, batch=True)._bound(REQUESTS[0].body)
    each = (PROMPT_TOKENS * Decimal("0.10") + COMPLETION_TOKENS * Decimal("0.50")) / 10**6 / 2
    assert bound / 2 < each < bound
    tight = Budget(10 * each, LLM.model, batch=True)
    with BatchServer() as server:
        with pytest.raises(UserError, match=r"could pass the budget of .* USD are spent \(answers .*, 1 are open"):
            asked(server, cache, monkeypatch, budget=tight)
        assert tight.total == 9 * each
        assert sum(cache.get(key) is not None for key in RIGHT) == 9
        assert server.made == 2
        raised = Budget(10 * each + bound, LLM.model, batch=True)
        assert asked(server, cache, monkeypatch, budget=raised) == RIGHT
        assert Counter(server.paid)[REQUESTS[9].key] == 1


# --- files for another program ---------------------------------------------------------------------------------------


def test_the_written_file_is_what_is_uploaded_and_foreign_answers_join_from_the_command_line(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = write_requests(REQUESTS)
    path = Path(told.fault.split()[-1])
    with BatchServer() as server:
        server_side = asked(server, cache, monkeypatch, [ask("elsewhere")])
        assert len(server_side) == 1
    assert read_file(path) == {request.key: request.body for request in REQUESTS}
    cut = '{"custom_id": "' + REQUESTS[0].key
    refused = line(REQUESTS[1].key, REQUESTS[1].body, status=400)
    half = line(REQUESTS[2].key, REQUESTS[2].body, content="half \ud83d")
    good = [line(request.key, request.body) for request in reversed(REQUESTS[3:])]
    (tmp_path / "answers.jsonl").write_text("\n".join([*good, half, refused, cut]), encoding="utf-8")
    assert batch.main(["join", str(path), str(tmp_path / "answers.jsonl")]) == 1
    out = capsys.readouterr()
    assert out.out.splitlines() == [
        "8 of 10 requests are answered, 1 refused, 1 open",
        f"{REQUESTS[0].key} open: no line",
        f"{REQUESTS[1].key} refused: HTTP 400 invalid_request_error: refused with 400",
    ]
    assert "1 broken lines passed over" in out.err
    good.append(line(REQUESTS[0].key, REQUESTS[0].body))
    (tmp_path / "answers.jsonl").write_text("\n".join([*good, half, refused]), encoding="utf-8")
    assert batch.main(["join", str(path), str(tmp_path / "answers.jsonl")]) == 0  # a refusal is no open request
    kept = cache.get(REQUESTS[2].key)
    assert kept is not None
    assert kept["content"] == "half \ufffd"


def test_a_request_file_that_was_edited_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    value = json.loads(line_of(REQUESTS[0]))
    value["body"]["seed"] = 7
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(UserError, match="custom_id is not the body's hash"):
        read_file(path)


def test_no_answer_line_breaks_the_join() -> None:
    bodies = {request.key: request.body for request in REQUESTS}
    key = REQUESTS[0].key
    odd = [b"[]", b"1", b"\xff", b"{}", b'{"custom_id": {}}', b'{"custom_id": []}', b"[" * 10**5]
    odd += [b'{"custom_id": "x", "response": {"status_code": Infinity}}']
    forms = [None, 1, "x", [], {"status_code": "200"}, {"status_code": 200, "body": []}, {"body": {"choices": [1]}}]
    odd += [json.dumps({"custom_id": key, "response": form, "error": 3}).encode() for form in forms]
    joined = join(bodies, odd)
    assert joined.answers == {}
    assert joined.failed == {}
    assert join(bodies, [*odd, line(key, bodies[key]).encode()]).answers.keys() == {key}
