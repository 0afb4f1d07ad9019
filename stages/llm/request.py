"""A request to an LLM and its identity.

The body is what goes over the wire; its hash is the key of the response, so that whatever changes the answer (model,
messages, decoding settings, schema) changes the key, and nothing else does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from stages.core.config import Count, Seconds, Seed
from stages.core.errors import UserError


@dataclass(frozen=True)
class Parameters:
    """What the requests to one model have otherwise. All but the headers is part of a response's identity.

    A value `$NAME` of a header is read from the environment, so that no key stands in a file.
    """

    max_tokens_as: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    leave_out: list[Literal["temperature", "seed"]] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Llm:
    """Section `llm`: how the LLM is asked. The fields up to `max_tokens` are part of a response's identity, and
    `parameters` as far as they change a request."""

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
    empty_retries: Annotated[int, Field(ge=0)]
    parameters: dict[str, Parameters]  # by model; of each only what differs


@dataclass(frozen=True)
class Request:
    """One completion; `body` is the JSON sent to `path`, `schema` what the answer to a chat should be like, which not every
    endpoint is told."""

    body: dict[str, Any]
    schema: dict[str, Any] | None = field(default=None, compare=False, repr=False)

    @cached_property
    def key(self) -> str:
        """Hex SHA-256 of the body with sorted keys."""
        return hashlib.sha256(orjson.dumps(self.body, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def path(self) -> str:
        """Where it is sent to: a chat, or a text that is only measured (`measured`)."""
        return "/completions" if "prompt" in self.body else "/chat/completions"

    @property
    def wanted(self) -> list[str]:
        """The keys that the answer should have."""
        return list((self.schema or {}).get("required", []))


def measured(llm: Llm, text: str) -> Request:
    """A request for the log-probability of each token of a text. One token is written after it: servers take 0 for no limit
    (llama-cpp-python), or refuse it."""
    body = {"model": llm.model, "prompt": text, "echo": True, "logprobs": 1, "max_tokens": 1, "temperature": 0}
    return Request(body)


def response_format(structured: str, schema: dict[str, Any]) -> dict[str, Any] | None:
    """How an endpoint is told of the JSON Schema: OpenAI's json_schema, llama.cpp's json_object with a schema, or less."""
    if structured == "json_schema":
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    if structured == "json_object_schema":
        return {"type": "json_object", "schema": schema}
    return {"type": "json_object"} if structured == "json_object" else None


def chat(llm: Llm, messages: list[dict[str, str]], schema: dict[str, Any]) -> Request:
    """A request for a JSON answer of that schema."""
    own = llm.parameters.get(llm.model, Parameters())
    body: dict[str, Any] = {
        "model": llm.model,
        "messages": messages,
        "temperature": llm.temperature,
        "seed": llm.seed,
        own.max_tokens_as: llm.max_tokens,
    }
    for name in own.leave_out:
        del body[name]
    if (form := response_format(llm.structured, schema)) is not None:
        body["response_format"] = form
    if clash := sorted(own.body.keys() & {"model", "messages", "stream", "n"}):
        place = f"params.yaml: llm: parameters: {llm.model}: body"
        raise UserError(
            place, f"sets {', '.join(clash)}", "leave it out: every request sets its own, and has one answer"
        )
    return Request({**body, **own.body}, schema)
