"""Responses for requests: from the archive, else the cache, else the endpoint, each paid for once.

The endpoint is asked only under `LLM_MODE=online` or `batch` (`stages/llm/batch.py`): the default, replay, never opens a
connection.

The endpoint is any that speaks OpenAI's chat completions: `OPENAI_BASE_URL` and `OPENAI_API_KEY` in the environment,
never in a file. At most `llm.concurrency` requests are under way, and no more go out than the limits a minute let. What
may pass is tried again, after a wait that the endpoint asks for or that grows by full jitter: connection errors, timeouts,
bodies that are no chat completion, 408, 409, 429 and 5xx. After failures in a row all workers pause, and one request at a
time probes the endpoint. A request is under way until its answer is in the cache, so what a killed run asks again is at
most what was under way.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

import aiohttp
import httpx2
import openai
import orjson
from tqdm import tqdm

from stages.core.errors import UserError
from stages.llm.archive import Archive
from stages.llm.batch import ask_batch
from stages.llm.batch_file import response_of, write_requests
from stages.llm.cache import Cache
from stages.llm.cost import Budget, completion_tokens_bound, prompt_tokens
from stages.llm.limits import Circuit, Pace, backoff, retry_after
from stages.llm.request import Llm, Request

# A response as it is kept: {content, finish_reason, refusal, model, usage: {prompt_tokens, completion_tokens}}.
Response = dict[str, Any]


def responses(requests: Sequence[Request], llm: Llm, archive: Archive, budget: Budget | None = None) -> list[Response]:
    """One response for each request, in their order.

    Raises:
        UserError: a response is not recorded and the mode is replay; no key; the endpoint cannot be used; the budget is
            used up. What was answered is kept.
    """
    with _Asking(llm, archive, budget) as asking:
        return asking.answers(requests)


class _Asking(AbstractContextManager["_Asking"]):
    """The cache and, once it is needed, the event loop with its connections."""

    def __init__(self, llm: Llm, archive: Archive, budget: Budget | None) -> None:
        self.llm, self.archive = llm, archive
        self.budget = budget or Budget(None, llm.model)
        self.mode = os.environ.get("LLM_MODE", "replay")
        self.cache: Cache | None = None
        self.runner = asyncio.Runner()
        self.endpoint: _Endpoint | None = None

    def __exit__(self, *_: object) -> None:
        try:
            if self.endpoint:
                self.runner.run(self.endpoint.client.close())
        finally:
            self.runner.close()
            if self.cache:
                self.cache.close()

    def answers(self, requests: Sequence[Request]) -> list[Response]:
        """One response for each request, in their order."""
        found: dict[str, Response] = {}
        todo: dict[str, Request] = {}
        for request in requests:
            key = request.key
            if key in found or key in todo:
                continue
            if (response := self.archive.get(key)) is None:
                self.cache = self.cache or Cache()
                if (response := self.cache.get(key)) is not None:
                    self.budget.paid(response)
            if response is None:
                todo[key] = request
            else:
                found[key] = response
        if todo:
            found |= self.ask(list(todo.values()), len(found))
        return [found[request.key] for request in requests]

    def ask(self, todo: Sequence[Request], known: int) -> dict[str, Response]:
        """The answers to requests that are not recorded, by key, however the mode says."""
        assert self.cache
        if self.mode == "batch":
            return ask_batch(todo, self.llm, self.cache, self.budget)
        if self.mode == "write":
            raise write_requests(todo)
        if self.mode != "online":
            raise UserError(
                "llm",
                f"{len(todo)} of {known + len(todo)} requests have no recorded response",
                "`dvc pull data/responses.jsonl.gz`, or ask a model: LLM_MODE=online OPENAI_BASE_URL=… OPENAI_API_KEY=…",
            )
        return self.runner.run(self.online(todo, self.cache))

    async def online(self, todo: Sequence[Request], cache: Cache) -> dict[str, Response]:
        """The same from the endpoint; a coroutine, since a client belongs to a running loop."""
        self.endpoint = self.endpoint or _Endpoint(self.llm, cache, self.budget)
        return await self.endpoint.ask_all(todo)


class _Stopped(Exception):
    """The run is ending: no new request goes out."""


class _NoAnswer(Exception):
    """A body that is no chat completion, such as a proxy's web page or an error under HTTP 200."""


# What a request can end with but an answer. ValueError: a key that fits no header, an address that is none.
FAULTS = (openai.OpenAIError, aiohttp.ClientError, _NoAnswer, UserError, ValueError)


def _may_pass(error: Exception) -> bool:
    """Whether the same request may be answered at another time."""
    if isinstance(error, openai.APIStatusError):
        # An account without money answers 429, too, and will go on to.
        return error.code != "insufficient_quota" and (error.status_code in (408, 409, 429) or error.status_code >= 500)
    return isinstance(error, (openai.APIConnectionError, aiohttp.ClientError, _NoAnswer))


def _read(body: bytes, request: Request) -> Response:
    """The response in a reply's body; what is paid for is kept as it is, truncated or refused."""
    try:
        completion = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            completion = json.loads(body)  # half a character, which orjson refuses
        except (ValueError, RecursionError) as error:
            raise _NoAnswer(f"broken JSON: {error}") from error
    response = response_of(completion, request.body["model"])
    if response is None:
        raise _NoAnswer("answered with something else than a chat completion")
    return response


class _Endpoint:
    """The workers that ask, and what they share: connections, limits, circuit, budget, and the commits to the cache."""

    def __init__(self, llm: Llm, cache: Cache, budget: Budget) -> None:
        if not os.environ.get("OPENAI_API_KEY"):
            raise UserError("OPENAI_API_KEY", "is not set", "set it (any word will do for a local server)")
        rates = (llm.requests_per_minute, llm.tokens_per_minute)
        if llm.concurrency < 1 or llm.retries < 0 or llm.timeout_s <= 0 or any(r is not None and r < 1 for r in rates):
            fault = f"concurrency {llm.concurrency}, retries {llm.retries}, timeout_s {llm.timeout_s}, a minute {rates}"
            remedy = "concurrency and what goes a minute from 1, retries from 0, timeout_s above 0"
            raise UserError("params.yaml: llm", fault, remedy)
        self.llm, self.cache, self.budget = llm, cache, budget
        limits = httpx2.Limits(max_connections=llm.concurrency, max_keepalive_connections=llm.concurrency)
        # Retries are ours: the SDK's would pass the limits, the circuit and the budget by.
        self.client = openai.AsyncOpenAI(
            http_client=openai.DefaultAioHttpClient(limits=limits, timeout=llm.timeout_s),
            timeout=llm.timeout_s,
            max_retries=0,
        )
        self.requests, self.tokens = Pace(llm.requests_per_minute), Pace(llm.tokens_per_minute)
        self.circuit, self.probing = Circuit(llm.give_up_s), asyncio.Lock()
        self.stop, self.errors, self.under_way = asyncio.Event(), list[Exception](), 0
        self.landed = asyncio.Event()
        self.arrived: list[tuple[Request, Response, asyncio.Future[Response]]] = []

    async def ask_all(self, todo: Sequence[Request]) -> dict[str, Response]:
        """The answers by key. After one failure no new request goes out, but what is under way is paid for: it arrives
        and is kept."""
        found: dict[str, Response] = {}
        queue = iter(todo)
        # None: only on a terminal, so that in a log a fault is one line.
        progress = tqdm(total=len(todo), desc="LLM", unit="call", disable=None)

        async def work() -> None:
            for request in queue:
                try:
                    found[request.key] = await self.answer(request)
                except _Stopped:
                    return
                except FAULTS as error:
                    self.errors.append(error)
                    self.stop.set()
                    return
                if not progress.disable and self.budget.total is not None:
                    progress.set_postfix_str(f"{self.budget.total:.4f} USD", refresh=False)
                progress.update()

        with progress:
            await asyncio.gather(*(work() for _ in range(min(self.llm.concurrency, len(todo)))))
        if self.errors:
            raise self.fault(self.errors[0], len(found), len(todo)) from self.errors[0]
        return found

    def fault(self, error: Exception, kept: int, total: int) -> UserError:
        """The one line with which a run ends."""
        if isinstance(error, _OverBudget):
            return self.budget.stop(total - kept)
        told = " ".join(_told(error).split())[:200]
        limit = f"llm.give_up_s ({self.llm.give_up_s:g} s)"
        if (wait := _asked_wait(error)) > self.llm.give_up_s:
            told = f"asks to wait for {wait:g} s, longer than {limit}: {told}"
        elif self.circuit.given_up:
            told = f"nothing but failures, and {limit} ends before the next try: {told}"
        remedy = f"{kept} of {total} answers are kept; check OPENAI_BASE_URL, the key and llm.model, run again"
        return UserError(str(self.client.base_url), told, remedy)

    async def pause(self, seconds: float) -> None:
        """Waits, but not past the end of the run."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), seconds)
        if self.stop.is_set():
            raise _Stopped

    async def answer(self, request: Request) -> Response:
        """The response as the cache keeps it, after as many tries as it takes: `llm.retries` more than one, where
        what fails while the circuit is open does not count, nor 429 until it has waited for `llm.give_up_s` in all."""
        failures, counted, waited = 0, 0, 0.0
        while True:
            await self.pause(0)
            try:
                return await self.keep(request, await self.turn(request))
            except FAULTS as error:
                failures += 1
                limited, wait = isinstance(error, openai.RateLimitError), _asked_wait(error)
                counted += not limited and not self.circuit.open
                over = self.circuit.given_up or counted > self.llm.retries or waited + wait > self.llm.give_up_s
                if over or not _may_pass(error):
                    raise
            if not self.circuit.open:
                wait += backoff(failures)
                waited += wait if limited else 0.0
                await self.pause(wait)

    async def turn(self, request: Request) -> Response:
        """One try, when circuit and limits let it go out."""
        while True:
            if self.circuit.open:
                async with self.probing:
                    if self.circuit.open:
                        await self.pause(self.circuit.probe_at - time.monotonic())
                        return await self.send(request, probe=True)
            now, tokens = time.monotonic(), 0
            if self.llm.tokens_per_minute is not None:
                tokens = prompt_tokens(request.body) + completion_tokens_bound(request.body)
            await self.pause(max(self.requests.place(1, now), self.tokens.place(tokens, now)))
            if not self.circuit.open:
                response = await self.send(request)
                self.tokens.give_back(tokens - sum(response["usage"].values()))
                return response

    async def send(self, request: Request, probe: bool = False) -> Response:
        """One request over the wire; circuit and budget learn how it went."""
        while not self.budget.may_send(request.body):
            # What is under way has more set aside than it will cost.
            if not self.under_way:
                raise _OverBudget
            self.landed.clear()
            await self.landed.wait()
            await self.pause(0)
        self.under_way += 1
        try:
            reply = await self.client.post(
                "/chat/completions", body=orjson.dumps(request.body), cast_to=httpx2.Response
            )
            response = _read(reply.content, request)
        except FAULTS as error:
            if isinstance(error, openai.APIStatusError):
                self.budget.refused(request.body)
            if _may_pass(error):
                self.circuit.failed(time.monotonic(), _asked_wait(error), probe)
            raise
        finally:
            self.under_way -= 1
            self.landed.set()
        self.budget.spent(response, request.body)
        self.circuit.worked()
        return response

    async def keep(self, request: Request, response: Response) -> Response:
        """What the cache keeps for the request, once it is there; answers that arrive together share a commit."""
        kept: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        if not self.arrived:
            asyncio.get_running_loop().call_soon(self.commit)
        self.arrived.append((request, response, kept))
        return await kept

    def commit(self) -> None:
        """Puts what has arrived into the cache and lets its workers go on."""
        arrived, self.arrived = self.arrived, []
        try:
            all_kept = self.cache.put_all([(request.key, request.body, response) for request, response, _ in arrived])
        except UserError as error:
            for _, _, future in arrived:
                future.set_exception(error)
        else:
            for (_, _, future), response in zip(arrived, all_kept, strict=True):
                if not future.cancelled():  # by Ctrl-C: its answer is kept all the same
                    future.set_result(response)


class _OverBudget(UserError):
    """The budget does not let a request go out."""

    def __init__(self) -> None:
        super().__init__("translate.budget_usd", "is used up")


def _told(error: Exception) -> str:
    """What a fault is; openai's aiohttp transport calls a refused or reset connection a timeout, its cause does not."""
    cause = error.__cause__ and error.__cause__.__cause__
    if isinstance(cause, aiohttp.ClientConnectionError) and not isinstance(cause, TimeoutError):
        return f"APIConnectionError: {cause}"
    return f"{type(error).__name__.lstrip('_')}: {error}"


def _asked_wait(error: Exception) -> float:
    """Seconds that a fault asks to wait; 0 where it does not say."""
    headers = error.response.headers if isinstance(error, openai.APIStatusError) else {}
    return retry_after(headers, time.time()) or 0.0
