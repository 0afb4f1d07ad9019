"""A chat request and its identity.

The body is what goes over the wire; its hash is the key of the response, so that whatever changes the answer (model,
messages, decoding settings, schema) changes the key, and nothing else does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from stages.core.config import Count, Seconds, Seed


@dataclass(frozen=True)
class Llm:
    """Section `llm`: how the LLM is asked. The fields up to `max_tokens` are part of a response's identity."""

    model: str
    structured: Literal["json_schema", "json_object_schema", "json_object", "none"]
    temperature: Annotated[float, Field(ge=0)]
    seed: Seed
    max_tokens: Count
    concurrency: Count
    timeout_s: Seconds
    retries: Annotated[int, Field(ge=0)]
    requests_per_minute: Count | None
    tokens_per_minute: Count | None
    give_up_s: Seconds


@dataclass(frozen=True)
class Request:
    """One chat completion; `body` is the JSON sent to `/chat/completions`."""

    body: dict[str, Any]

    @cached_property
    def key(self) -> str:
        """Hex SHA-256 of the body with sorted keys."""
        return hashlib.sha256(orjson.dumps(self.body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def response_format(structured: str, schema: dict[str, Any]) -> dict[str, Any] | None:
    """How an endpoint is told of the JSON Schema: OpenAI's json_schema, llama.cpp's json_object with a schema, or less."""
    if structured == "json_schema":
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    if structured == "json_object_schema":
        return {"type": "json_object", "schema": schema}
    return {"type": "json_object"} if structured == "json_object" else None


def chat(llm: Llm, messages: list[dict[str, str]], schema: dict[str, Any]) -> Request:
    """A request for a JSON answer of that schema."""
    body: dict[str, Any] = {
        "model": llm.model,
        "messages": messages,
        "temperature": llm.temperature,
        "seed": llm.seed,
        "max_tokens": llm.max_tokens,
    }
    if (form := response_format(llm.structured, schema)) is not None:
        body["response_format"] = form
    return Request(body)
