"""The workers that ask an endpoint, each request until it is answered, refused, or the run ends.

What may pass is tried again, after a wait that the endpoint asks for or that grows by full jitter. After failures in a row of
more than one request all workers pause, and one request at a time probes the endpoint.

A request that fails for good, or each time, may be at fault itself: a filtered prompt, one that is too long, a text on which
the server breaks. It is set aside, and the others go on. It counts as refused once another request is answered; else one that
was answered before, or for a single request a plain question, is asked to tell: if that fails too, or if several
fail and none was ever answered, the fault is every request's and ends the run.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
import orjson
from tqdm import tqdm

from stages.core.errors import UserError
from stages.llm.address import check_address
from stages.llm.answer import is_empty
from stages.llm.cache import Cache
from stages.llm.cost import Budget, completion_tokens_bound, prompt_tokens, tokens_of
from stages.llm.faults import (
    FAULTS,
    Late,
    NoAnswer,
    NoLogprobs,
    asked_wait,
    concerns_all,
    may_pass,
    told,
    unreached,
    words,
)
from stages.llm.limits import IN_A_ROW, Circuit, Pace, backoff
from stages.llm.progress import bar
from stages.llm.reply import Response, error_in, refused, response_of
from stages.llm.request import Llm, Parameters, Request

CONNECT_S = 5.0  # to connect, at most; an answer may take `llm.timeout_s`
UNREACHED_S = 3.0  # of failures to connect, with nothing ever answered, end the run
TOLD_S = 5.0  # a longer wait is told
PLAIN = "Answer with the JSON object {}."


class Stopped(Exception):
    """The run is ending: no new request goes out."""


class OverBudget(UserError):
    """The budget does not let a request go out."""

    def __init__(self) -> None:
        super().__init__("translate.budget_usd", "is used up")


class Failing(Exception):
    """A request that fails by itself, or each time, with `fault`."""

    def __init__(self, fault: Exception) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass
class Suspect:
    """A request that was set aside, and how many answers had come by then."""

    request: Request
    error: Exception
    answered: int


def read_body(body: bytes, request: Request) -> Response:
    """The response in a reply's body; what is paid for is kept as it is, truncated or refused."""
    try:
        completion = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            completion = json.loads(body)  # half a character, which orjson refuses
        except (ValueError, RecursionError) as error:
            raise NoAnswer(f"broken JSON: {error}") from error
    if error_words := error_in(completion):
        raise NoAnswer(error_words)
    response = response_of(completion, request.body["model"])
    if response is None:
        raise NoAnswer("answered with something else than a chat completion")
    return response


def headers_of(llm: Llm, model: str) -> dict[str, str]:
    """The extra headers of a model's requests; UserError names a variable that is not set."""
    found = dict(llm.parameters.get(model, Parameters()).headers)
    for name, value in found.items():
        if value.startswith("$"):
            if value[1:] not in os.environ:
                place = f"params.yaml: llm: parameters: {model}: headers: {name}"
                raise UserError(place, f"{value} is not set in the environment", f"export {value[1:]}=…")
            found[name] = os.environ[value[1:]]
    return found


class Endpoint:
    """The workers, and what they share: connections, limits, circuit, budget, and the commits to the cache.

    `known` is a request of this model that was answered in an earlier run, if there is one."""

    def __init__(self, llm: Llm, cache: Cache, budget: Budget, known: Request | None) -> None:
        if not os.environ.get("OPENAI_API_KEY"):
            raise UserError("OPENAI_API_KEY", "is not set", "set it (any word will do for a local server)")
        check_address()
        rates = (llm.requests_per_minute, llm.tokens_per_minute)
        if llm.concurrency < 1 or llm.retries < 0 or llm.timeout_s <= 0 or any(r is not None and r < 1 for r in rates):
            fault = f"concurrency {llm.concurrency}, retries {llm.retries}, timeout_s {llm.timeout_s}, a minute {rates}"
            remedy = "concurrency and what goes a minute from 1, retries from 0, timeout_s above 0"
            raise UserError("params.yaml: llm", fault, remedy)
        self.llm, self.cache, self.budget, self.known = llm, cache, budget, known
        limits = httpx2.Limits(max_connections=llm.concurrency, max_keepalive_connections=llm.concurrency)
        timeout = httpx2.Timeout(llm.timeout_s, connect=min(llm.timeout_s, CONNECT_S))
        # Retries are ours: the SDK's would pass the limits, the circuit and the budget by.
        self.client = openai.AsyncOpenAI(
            http_client=openai.DefaultAioHttpClient(limits=limits, timeout=timeout), timeout=timeout, max_retries=0
        )
        self.requests, self.tokens = Pace(llm.requests_per_minute), Pace(llm.tokens_per_minute)
        self.circuit, self.probing, self.telling = Circuit(llm.give_up_s), asyncio.Lock(), asyncio.Lock()
        self.stop, self.errors, self.under_way = asyncio.Event(), list[Exception](), 0
        self.landed = asyncio.Event()
        self.arrived: list[tuple[Request, Response, asyncio.Future[Response]]] = []
        self.suspects, self.answered, self.in_row, self.last = list[Suspect](), 0, 0, known
        self.begun, self.said_at, self.why = time.monotonic(), 0.0, ""

    async def ask_all(self, todo: Sequence[Request], name: str) -> dict[str, Response]:
        """The answers by key. After a fault of every request no new one goes out, but what is under way is paid for: it
        arrives and is kept."""
        found: dict[str, Response] = {}
        queue = iter(todo)
        progress = bar(len(todo), name)

        async def work() -> None:
            for request in queue:
                try:
                    found[request.key] = await self.answer(request)
                except Stopped:
                    return
                except Failing as failing:
                    self.suspects.append(Suspect(request, failing.fault, self.answered))
                    if not await self.goes_on():
                        return
                except FAULTS as error:
                    self.end(error)
                    return
                if self.budget.total is not None:
                    progress.set_postfix_str(f"{self.budget.total:.4f} USD", refresh=False)
                progress.update()

        with progress:
            await asyncio.gather(*(work() for _ in range(min(self.llm.concurrency, len(todo)))))
            if not self.errors:
                found |= await self.settle()
        if self.errors:
            raise self.fault(self.errors[0], len(found), len(todo)) from self.errors[0]
        return found

    def end(self, error: Exception) -> None:
        """No new request goes out."""
        self.errors.append(error)
        self.stop.set()

    # --- who is at fault ---------------------------------------------------------------------------------------------

    async def goes_on(self) -> bool:
        """Whether the run does, after one more request was set aside."""
        self.in_row += 1
        async with self.telling:
            if self.in_row < IN_A_ROW:
                return True
            if not self.answered and self.known is None:
                self.end(self.suspects[0].error)
            elif await self.tells(self.suspects[-1]):
                self.in_row = 0
        return not self.stop.is_set()

    async def settle(self) -> dict[str, Response]:
        """What was set aside: answered at a last try, where it may have passed, or refused by the endpoint, once it is
        shown that others are answered."""
        found, left = dict[str, Response](), list[Suspect]()
        for suspect in self.suspects:
            if may_pass(suspect.error):
                try:
                    found[suspect.request.key] = await self.keep(suspect.request, await self.send(suspect.request))
                    continue
                except FAULTS as error:
                    if concerns_all(error):
                        self.end(error)
                        return found
                    suspect.error = error
            left.append(suspect)
        if len(left) > 1 and not self.answered and self.known is None:
            self.end(left[0].error)
            return found
        for suspect in left:
            shown = self.answered > suspect.answered if may_pass(suspect.error) else self.answered or self.known
            if not shown and not await self.tells(suspect):
                return found
        for suspect in left:
            response = refused(suspect.request.body["model"], words(suspect.error))
            found[suspect.request.key] = await self.keep(suspect.request, response)
        return found

    async def tells(self, suspect: Suspect) -> bool:
        """Whether a request that was answered before, or else a plain one with the same settings, is answered now; if it
        is not, the fault is every request's."""
        control = self.last or self.plain(suspect.request)
        try:
            await self.send(control)
        except FAULTS as error:
            self.end(error if isinstance(error, OverBudget) else suspect.error)
            return False
        return True

    def plain(self, request: Request) -> Request:
        """A question as short as can be, asked as that request is."""
        if "prompt" in request.body:
            return Request({**request.body, "prompt": PLAIN})
        body = {**request.body, "messages": [{"role": "user", "content": PLAIN}]}
        form = body.get("response_format") or {}
        if form.get("type") == "json_schema":
            body["response_format"] = {**form, "json_schema": {**form["json_schema"], "schema": _ANYTHING}}
        elif "schema" in form:
            body["response_format"] = {**form, "schema": _ANYTHING}
        return Request(body)

    def fault(self, error: Exception, kept: int, total: int) -> UserError:
        """The one line with which a run ends."""
        if isinstance(error, OverBudget):
            return self.budget.stop(total - kept)
        if isinstance(error, NoLogprobs):
            return error
        said = told(error)
        limit = f"llm.give_up_s ({self.llm.give_up_s:g} s)"
        if (wait := asked_wait(error)) > self.llm.give_up_s:
            said = f"asks to wait for {wait:g} s, longer than {limit}: {said}"
        elif self.circuit.given_up:
            said = f"nothing but failures, and {limit} ends before the next try: {said}"
        remedy = f"{kept} of {total} answers are kept; check OPENAI_BASE_URL, the key and llm.model, run again"
        return UserError(str(self.client.base_url), said, remedy)

    # --- one request -------------------------------------------------------------------------------------------------

    async def pause(self, seconds: float) -> None:
        """Waits, but not past the end of the run; a long wait is told, now and then."""
        now = time.monotonic()
        if seconds > TOLD_S and now - self.said_at > TOLD_S:
            self.said_at = now + seconds
            tqdm.write(f"LLM: waits for {seconds:.0f} s: {self.why or 'the limits a minute'}", file=sys.stderr)
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), seconds)
        if self.stop.is_set():
            raise Stopped

    async def answer(self, request: Request) -> Response:
        """The response as the cache keeps it, after as many tries as it takes: `llm.retries` more than one, where
        what fails while the circuit is open does not count, nor 429 until it has waited for `llm.give_up_s` in all. An
        empty answer is asked for `llm.empty_retries` times more.

        Raises:
            Failing: the request fails for good, or used up its tries; after which others may go on.
        """
        failures, counted, waited, empty, begun = 0, 0, 0.0, 0, time.monotonic()
        while True:
            await self.pause(0)
            try:
                response = await self.turn(request)
                if is_empty(response) and empty < self.llm.empty_retries:
                    empty += 1
                    continue
                return await self.keep(request, response)
            except FAULTS as error:
                if concerns_all(error):
                    raise
                if not may_pass(error):
                    raise Failing(error) from error
                failures += 1
                self.why, now = told(error), time.monotonic()
                limited, wait = isinstance(error, openai.RateLimitError), asked_wait(error)
                counted += not limited and not self.circuit.open
                never = not self.answered and unreached(error)
                if self.circuit.given_up or waited + wait > self.llm.give_up_s:
                    raise
                if never and (now - self.begun > UNREACHED_S or counted > self.llm.retries):
                    raise
                if counted > self.llm.retries or now - begun > self.llm.give_up_s:
                    raise Failing(error) from error
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
                self.tokens.give_back(tokens - sum(tokens_of(response, request.body)[:2]))
                return response

    async def send(self, request: Request, probe: bool = False) -> Response:
        """One request over the wire; circuit and budget learn how it went."""
        while not self.budget.may_send(request.body):
            # What is under way has more set aside than it will cost.
            if not self.under_way:
                raise OverBudget
            self.landed.clear()
            await self.landed.wait()
            await self.pause(0)
        self.under_way += 1
        try:
            response = read_body(await self.post(request), request)
            if "prompt" in request.body and not response["content"]:
                raise NoLogprobs(str(self.client.base_url))
        except FAULTS as error:
            if isinstance(error, openai.APIStatusError):
                self.budget.refused(request.body)
            if may_pass(error):
                self.circuit.failed(time.monotonic(), asked_wait(error), probe, request.key)
            raise
        finally:
            self.under_way -= 1
            self.landed.set()
        self.budget.spent(response, request.body)
        self.circuit.worked()
        self.answered, self.in_row, self.last = self.answered + 1, 0, request
        return response

    async def post(self, request: Request) -> bytes:
        """The body of the reply, whole within `llm.timeout_s`: the transport's own limit holds only between two bytes."""
        try:
            async with asyncio.timeout(self.llm.timeout_s):
                reply = await self.client.post(
                    request.path,
                    content=orjson.dumps(request.body),
                    options={
                        "headers": {"Content-Type": "application/json", **headers_of(self.llm, request.body["model"])}
                    },
                    cast_to=httpx2.Response,
                )
                return bytes(reply.content)
        except TimeoutError as error:
            raise Late(f"no whole answer within llm.timeout_s ({self.llm.timeout_s:g} s)") from error

    # --- the cache ---------------------------------------------------------------------------------------------------

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
        except Exception as error:  # whatever it is: a future that nobody sets would hold the run for ever
            for _, _, future in arrived:
                if not future.cancelled():
                    future.set_exception(error)
        else:
            for (_, _, future), response in zip(arrived, all_kept, strict=True):
                if not future.cancelled():  # by Ctrl-C: its answer is kept all the same
                    future.set_result(response)


_ANYTHING: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
