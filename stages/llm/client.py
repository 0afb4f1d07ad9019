"""Responses for requests: from the archive, else the cache, else the endpoint, each paid for once.

The endpoint is asked only under `LLM_MODE=online` (`stages/llm/endpoint.py`) or `batch` (`stages/llm/batch.py`): the default,
replay, never opens a connection.

The endpoint is any that speaks OpenAI's chat completions: `OPENAI_BASE_URL` and `OPENAI_API_KEY` in the environment,
never in a file. At most `llm.concurrency` requests are under way, and no more go out than the limits a minute let. A request is
under way until its answer is in the cache, so what a killed run asks again is at most what was under way.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from stages.core.errors import UserError
from stages.llm.answer import REFUSED
from stages.llm.archive import Archive
from stages.llm.batch_file import write_requests
from stages.llm.cache import Cache
from stages.llm.cost import Budget
from stages.llm.reply import Response
from stages.llm.request import Llm, Request

if TYPE_CHECKING:
    from stages.llm.endpoint import Endpoint

__all__ = ["Response", "responses"]


def responses(
    requests: Sequence[Request],
    llm: Llm,
    archive: Archive,
    budget: Budget | None = None,
    name: str = "LLM",
    replay: bool = False,
) -> list[Response]:
    """One response for each request, in their order; `name` stands beside the bar of progress. With `replay` nothing is asked,
    whatever `LLM_MODE` says.

    Raises:
        NotRecorded: a response is not recorded and the mode is replay.
        UserError: no key; the endpoint cannot be used; the budget is
            used up. What was answered is kept.
    """
    with _Asking(llm, archive, budget, name, replay) as asking:
        return asking.answers(requests)


class NotRecorded(UserError):
    """Requests without a recorded response, where none may be asked."""


class _Asking(AbstractContextManager["_Asking"]):
    """The cache and, once it is needed, the event loop with its connections."""

    def __init__(self, llm: Llm, archive: Archive, budget: Budget | None, name: str, replay: bool) -> None:
        self.llm, self.archive, self.name = llm, archive, name
        self.budget = budget or Budget(None, llm.model)
        self.mode = "replay" if replay else os.environ.get("LLM_MODE", "replay")
        self.cache: Cache | None = None
        self.runner = asyncio.Runner()
        self.endpoint: Endpoint | None = None
        self.known: Request | None = None  # one that was answered before

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
                    self.budget.paid(response, request.body)
            if response is None:
                todo[key] = request
            else:
                found[key] = response
                if response["finish_reason"] != REFUSED and request.body["model"] == self.llm.model:
                    self.known = request
        if todo:
            found |= self.ask(list(todo.values()), len(found))
        return [found[request.key] for request in requests]

    def ask(self, todo: Sequence[Request], known: int) -> dict[str, Response]:
        """The answers to requests that are not recorded, by key, however the mode says."""
        assert self.cache
        if self.mode in ("batch", "write") and any("prompt" in request.body for request in todo):
            raise UserError(
                "LLM_MODE", f"is {self.mode}, in which no text is measured", "LLM_MODE=online for this stage"
            )
        if self.mode == "batch":
            # Here and below: openai's types take half a second to import, which a replay need not wait for.
            from stages.llm.batch import ask_batch

            return ask_batch(todo, self.llm, self.cache, self.budget)
        if self.mode == "write":
            raise write_requests(todo)
        if self.mode != "online":
            raise NotRecorded(
                "llm",
                f"{len(todo)} of {known + len(todo)} requests have no recorded response",
                "`dvc pull data/responses.jsonl.gz`, or ask a model: LLM_MODE=online OPENAI_BASE_URL=… OPENAI_API_KEY=…",
            )
        return self.runner.run(self.online(todo, self.cache))

    async def online(self, todo: Sequence[Request], cache: Cache) -> dict[str, Response]:
        """The same from the endpoint; a coroutine, since a client belongs to a running loop."""
        from stages.llm.endpoint import Endpoint

        self.endpoint = self.endpoint or Endpoint(self.llm, cache, self.budget, self.known)
        return await self.endpoint.ask_all(todo, self.name)
