"""Which form of structured output does the endpoint really enforce?

    OPENAI_BASE_URL=… OPENAI_API_KEY=… python -m stages.llm.probe

Asks `llm.model` for a plain sentence three times, each time under another `response_format`, from the strictest: what a
plain model would not write, an odd word in JSON, shows that the form is enforced. Some servers ignore a form without an
error, some answer one with HTTP 500. A further request asks whether a `pattern` in a schema is honoured, or, where no
form is, whether the endpoint answers at all. Prints the line for params.yaml; nothing is cached or changed. Run it once
for an endpoint: a run never guesses this from an error.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import openai
import orjson

from stages.core import config
from stages.core.errors import UserError
from stages.core.run import run
from stages.llm.address import check_address
from stages.llm.request import Llm, chat

Form = Literal["json_schema", "json_object_schema", "json_object", "none"]
FORMS: tuple[Form, ...] = ("json_schema", "json_object_schema", "json_object")
# OpenAI refuses json_object unless the word JSON stands in a message.
QUESTION = "Name a colour of the sky in one plain English sentence. Do not write JSON."
ODD, PATTERN = "kx7q-zw", "^[qxz]{4}-7{3}$"
MAX_TOKENS = 100


def schema(answer: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object whose one key, `answer`, is as given."""
    return {
        "type": "object",
        "properties": {"answer": answer},
        "required": ["answer"],
        "additionalProperties": False,
    }


def ask(client: openai.OpenAI, llm: Llm, form: Form, answer: dict[str, Any]) -> str | int:
    """The content of the answer under that form, or the HTTP status with which the endpoint refuses it.

    Raises:
        UserError: a wrong key, an unknown model, or something else than a chat completion.
    """
    settings = replace(llm, structured=form, max_tokens=MAX_TOKENS)
    request = chat(settings, [{"role": "user", "content": QUESTION}], schema(answer))
    try:
        completion = client.chat.completions.create(**request.body)
        return completion.choices[0].message.content or ""
    except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError):
        raise
    except openai.APIStatusError as error:
        return error.status_code
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        fault = "answered with something else than a chat completion"
        raise UserError(str(client.base_url), fault, "check OPENAI_BASE_URL, which ends in /v1") from error


def is_object(content: str) -> bool:
    """Whether the content is a JSON object; one that was cut counts, since nobody asked for the brace it begins with."""
    try:
        return isinstance(orjson.loads(content), dict)
    except orjson.JSONDecodeError:
        return content.lstrip().startswith("{")


def answer_of(content: str) -> Any:
    """The value of `answer` if the content is just such an object."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return value["answer"] if isinstance(value, dict) and value.keys() == {"answer"} else None


def verdict(form: Form, reply: str | int) -> str:
    """enforced, ignored, or refused with its status."""
    if isinstance(reply, int):
        return f"refused (HTTP {reply})"
    enforced = is_object(reply) if form == "json_object" else answer_of(reply) == ODD
    return "enforced" if enforced else "ignored"


def probe(client: openai.OpenAI, llm: Llm) -> tuple[Form, dict[str, str]]:
    """(the strictest form that is enforced, the verdict by form and for `pattern`).

    Raises:
        UserError: the endpoint answers no request at all.
    """
    found: dict[str, str] = {form: verdict(form, ask(client, llm, form, {"enum": [ODD]})) for form in FORMS}
    best: Form = next((form for form in FORMS if found[form] == "enforced"), "none")
    if best in ("json_schema", "json_object_schema"):
        reply = ask(client, llm, best, {"type": "string", "pattern": PATTERN})
        value = None if isinstance(reply, int) else answer_of(reply)
        honoured = isinstance(value, str) and re.fullmatch(PATTERN, value)
        refused = isinstance(reply, int) and f"refused (HTTP {reply})"
        found["pattern"] = "enforced" if honoured else refused or "ignored"
    elif best == "none" and isinstance(status := ask(client, llm, "none", {}), int):
        raise UserError(str(client.base_url), f"answers every request with HTTP {status}", "see the endpoint's log")
    return best, found


def main(arguments: Sequence[str]) -> None:
    argparse.ArgumentParser(prog="python -m stages.llm.probe", description=__doc__.split("\n")[0]).parse_args(arguments)
    if not os.environ.get("OPENAI_API_KEY"):
        raise UserError("OPENAI_API_KEY", "is not set", "set it (any word will do for a local server)")
    llm = config.read("llm", Llm)
    # No retries: an HTTP 500 is an answer here.
    check_address()
    with openai.OpenAI(timeout=llm.timeout_s, max_retries=0) as client:
        try:
            best, found = probe(client, llm)
        except openai.OpenAIError as error:
            told = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise UserError(str(client.base_url), told, "check OPENAI_BASE_URL, the key and llm.model") from error
    for form, told in found.items():
        print(f"{form}: {told}")
    print(f"params.yaml: llm: structured: {best}")


if __name__ == "__main__":
    run(main)
