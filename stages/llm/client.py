"""Responses for requests: from the archive, else the cache, else the endpoint, each paid for once.

The endpoint is asked only under `LLM_MODE=online`: the default, replay, never opens a connection.

The endpoint is any that speaks OpenAI's chat completions: `OPENAI_BASE_URL` and `OPENAI_API_KEY` in the environment,
never in a file. At most `llm.concurrency` requests are under way; the SDK retries connection errors, 408, 409, 429 and
5xx with back-off, honouring Retry-After, `llm.retries` times. A killed run starts again where it was: every answer is in
the cache before the next request goes out.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import openai
from tqdm import tqdm

from stages.errors import UserError
from stages.llm.archive import Archive
from stages.llm.cache import Cache
from stages.llm.request import Request
from stages.params import Llm
from stages.prompt import Prompt

# A response as it is kept: {content, finish_reason, refusal, model, usage: {prompt_tokens, completion_tokens}}.
Response = dict[str, Any]


def responses(requests: Sequence[Request], llm: Llm, archive: Archive) -> list[Response]:
    """One response for each request, in their order.

    Raises:
        UserError: a response is not recorded and the mode is replay; no key; the endpoint cannot be used.
    """
    found: dict[str, Response] = {}
    missing: dict[str, Request] = {}
    for request in requests:
        if (response := archive.get(request.key)) is not None:
            found[request.key] = response
        else:
            missing[request.key] = request
    if missing:
        cache = Cache()
        try:
            found |= {key: response for key in missing if (response := cache.get(key)) is not None}
            todo = [request for key, request in missing.items() if key not in found]
            if todo and os.environ.get("LLM_MODE", "replay") != "online":
                raise UserError(
                    "llm",
                    f"{len(todo)} of {len(found) + len(todo)} requests have no recorded response",
                    "`dvc pull data/responses.jsonl.gz`, or ask a model: LLM_MODE=online OPENAI_BASE_URL=… OPENAI_API_KEY=…",
                )
            if todo:
                found |= asyncio.run(_ask_all(todo, llm, cache))
        finally:
            cache.close()
    return [found[request.key] for request in requests]


async def _ask_all(todo: Sequence[Request], llm: Llm, cache: Cache) -> dict[str, Response]:
    if not os.environ.get("OPENAI_API_KEY"):
        raise UserError("OPENAI_API_KEY", "is not set", "set it (any word will do for a local server)")
    if llm.concurrency < 1 or llm.retries < 0 or llm.timeout_s <= 0:
        fault = f"concurrency {llm.concurrency}, retries {llm.retries}, timeout_s {llm.timeout_s}"
        raise UserError("params.yaml: llm", fault, "concurrency from 1, retries from 0, timeout_s above 0")
    found: dict[str, Response] = {}
    async with openai.AsyncOpenAI(timeout=llm.timeout_s, max_retries=llm.retries) as client:
        queue, failed = iter(todo), list[Exception]()
        # None: only on a terminal, so that in a log a fault is one line.
        progress = tqdm(total=len(todo), desc="LLM", unit="call", disable=None)

        async def work() -> None:
            # After one failure no new request goes out, but what is under way is paid for: it arrives and is kept.
            for request in queue:
                if failed:
                    return
                try:
                    response = await _ask(client, request)
                    found[request.key] = cache.put(request.key, request.body, response)
                # ValueError: a body that is not UTF-8 or JSON, a key that fits no header.
                except (openai.OpenAIError, UserError, ValueError) as error:
                    failed.append(error)
                    return
                progress.update()

        with progress:
            await asyncio.gather(*(work() for _ in range(min(llm.concurrency, len(todo)))))
        if failed:
            raise UserError(
                str(client.base_url),
                f"{type(failed[0]).__name__}: {' '.join(str(failed[0]).split())[:200]}",
                f"{len(found)} of {len(todo)} answers are kept; check OPENAI_BASE_URL, the key and llm.model, run again",
            ) from failed[0]
    return found


async def _ask(client: openai.AsyncOpenAI, request: Request) -> Response:
    completion = await client.chat.completions.create(**request.body)
    try:
        choice, usage = completion.choices[0], completion.usage
        return {
            "content": _storable(choice.message.content or ""),
            "finish_reason": choice.finish_reason,
            "refusal": _storable(choice.message.refusal or "") or None,
            "model": completion.model or request.body["model"],
            "usage": {
                "prompt_tokens": (usage and usage.prompt_tokens) or 0,
                "completion_tokens": (usage and usage.completion_tokens) or 0,
            },
        }
    except (AttributeError, LookupError, TypeError) as error:
        # The SDK takes any JSON, and even a web page, for a completion.
        raise UserError("endpoint", "answered with something else than a chat completion") from error


def _storable(text: str) -> str:
    """The text with U+FFFD for half a character, which a model can write and no UTF-8 can carry."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def usage(requests: Sequence[Request], answers: Sequence[Response], archive: Archive, spec: Prompt) -> dict[str, Any]:
    """The account of a stage's calls (`schemas/usage.schema.json`): who answered to which prompt, how many calls and
    tokens, and the keys of the responses. The archive's card stands in it where every response is the archive's."""
    distinct = {request.key: answer for request, answer in zip(requests, answers, strict=True)}
    return {
        "prompt": spec.path,
        "prompt_sha256": spec.sha256,
        "models": sorted({answer["model"] for answer in distinct.values()}),
        "card": archive.card if distinct.keys() <= archive.entries.keys() else {},
        "calls": len(distinct),
        "prompt_tokens": sum(answer["usage"]["prompt_tokens"] for answer in distinct.values()),
        "completion_tokens": sum(answer["usage"]["completion_tokens"] for answer in distinct.values()),
        "responses": sorted(distinct),
    }
