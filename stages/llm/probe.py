"""Which form of structured output does the endpoint really enforce?

    OPENAI_BASE_URL=… OPENAI_API_KEY=… python -m stages.llm.probe

Asks `llm.model` for a plain sentence, first by itself: where that is refused, with `max_completion_tokens`, without seed or
temperature, until it is taken. Then three times, each under another `response_format`, from the strictest: what a plain model
would not write, an odd word in JSON, shows that the form is enforced. Some servers ignore a form without an error, some answer
one with HTTP 500. A further request asks whether a `pattern` in a schema is honoured. Prints the lines for params.yaml; nothing
is cached or changed. Run it once for an endpoint: a run never guesses this from an error.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any, Final, Literal

import httpx2
import openai
import orjson

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import dumps
from stages.core.run import run
from stages.llm.address import check_address
from stages.llm.answer import read
from stages.llm.deadline import client as client_of
from stages.llm.endpoint import headers_of
from stages.llm.faults import told, words
from stages.llm.reply import error_in, response_of
from stages.llm.request import Llm, Parameters, chat

Form = Literal["json_schema", "json_object_schema", "json_object", "none"]
FORMS: tuple[Form, ...] = ("json_schema", "json_object_schema", "json_object")
# OpenAI refuses json_object unless the word JSON stands in a message.
QUESTION = "Name a colour of the sky in one plain English sentence. Do not write JSON."
ODD, PATTERN = "kx7q-zw", "^[qxz]{4}-7{3}$"
MAX_TOKENS, MORE_TOKENS = 100, 4000  # for a plain sentence; for a model that thinks first
MAX_TOKENS_AS: Final = "max_completion_tokens"


def schema(answer: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object whose one key, `answer`, is as given."""
    return {
        "type": "object",
        "properties": {"answer": answer},
        "required": ["answer"],
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Reply:
    """What an answer says, and whether it was cut at the limit of tokens; or the endpoint's words in refusing the request."""

    content: str = ""
    cut: bool = False
    refused: str | None = None
    status: int = 200


def ask(client: openai.OpenAI, llm: Llm, form: Form, answer: dict[str, Any], max_tokens: int = MAX_TOKENS) -> Reply:
    """The reply under that form; where it was cut, as by a model that thinks first, a second one with more room.

    Raises:
        UserError: a wrong key, an unknown model, or something else than a chat completion.
    """
    settings = replace(llm, structured=form, max_tokens=max_tokens)
    request = chat(settings, [{"role": "user", "content": QUESTION}], schema(answer))
    try:
        raw = client.post(
            "/chat/completions",
            content=orjson.dumps(request.body),
            options={"headers": {"Content-Type": "application/json", **headers_of(llm, llm.model)}},
            cast_to=httpx2.Response,
        )
    except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError):
        raise
    except openai.APIStatusError as error:
        return Reply(refused=words(error), status=error.status_code)
    try:
        completion = raw.json()
    except ValueError:
        completion = None
    if error_words := error_in(completion):
        return Reply(refused=error_words)
    response = response_of(completion, llm.model)
    if response is None:
        fault = "answered with something else than a chat completion"
        raise UserError(str(client.base_url), fault, "check OPENAI_BASE_URL, which ends in /v1")
    cut = read(response).failure == "truncated"
    if cut and max_tokens < MORE_TOKENS and not response["content"].lstrip().startswith("{"):
        return ask(client, llm, form, answer, MORE_TOKENS)
    return Reply(response["content"], cut)


def needs(client: openai.OpenAI, llm: Llm) -> Parameters:
    """What the model's requests need otherwise: the fewest changes with which a plain one is taken.

    Raises:
        UserError: none is, however it is asked; with the endpoint's words.
    """
    own = llm.parameters.get(llm.model, Parameters())
    first: Reply | None = None
    for names in sorted(_subsets((MAX_TOKENS_AS, "seed", "temperature")), key=len):
        left: Any = sorted({*own.leave_out, *(name for name in names if name != MAX_TOKENS_AS)})
        renamed: Any = MAX_TOKENS_AS if MAX_TOKENS_AS in names else own.max_tokens_as
        tried = replace(own, max_tokens_as=renamed, leave_out=left)
        reply = ask(client, with_parameters(llm, tried), "none", {})
        if reply.refused is None:
            return tried
        first = first or reply
        if reply.status not in (200, 400, 422):
            break  # nothing that a parameter could mend
    assert first is not None
    raise UserError(str(client.base_url), f"answers every request with {first.refused}", "see the endpoint's log")


def with_parameters(llm: Llm, own: Parameters) -> Llm:
    """The settings with these parameters of its model."""
    return replace(llm, parameters={**llm.parameters, llm.model: own})


def _subsets(items: Sequence[str]) -> list[tuple[str, ...]]:
    return [chosen for size in range(len(items) + 1) for chosen in combinations(items, size)]


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


def verdict(form: Form, reply: Reply) -> str:
    """enforced, ignored, refused with the endpoint's words, or not told by an answer that was cut."""
    if reply.refused is not None:
        return f"refused ({reply.refused})"
    enforced = is_object(reply.content) if form == "json_object" else answer_of(reply.content) == ODD
    if enforced:
        return "enforced"
    return f"not told: the answer was cut at {MORE_TOKENS} tokens" if reply.cut else "ignored"


def probe(client: openai.OpenAI, llm: Llm) -> tuple[Form, dict[str, str], Parameters]:
    """(the strictest form that is enforced, the verdict by form and for `pattern`, what the model needs).

    Raises:
        UserError: the endpoint answers no request at all.
    """
    own = needs(client, llm)
    llm = with_parameters(llm, own)
    found: dict[str, str] = {form: verdict(form, ask(client, llm, form, {"enum": [ODD]})) for form in FORMS}
    best: Form = next((form for form in FORMS if found[form] == "enforced"), "none")
    if best in ("json_schema", "json_object_schema"):
        reply = ask(client, llm, best, {"type": "string", "pattern": PATTERN})
        value = answer_of(reply.content)
        if isinstance(value, str) and re.fullmatch(PATTERN, value):
            found["pattern"] = "enforced"
        else:
            found["pattern"] = verdict(best, reply)
    return best, found, own


def main(arguments: Sequence[str]) -> None:
    argparse.ArgumentParser(prog="python -m stages.llm.probe", description=__doc__.split("\n")[0]).parse_args(arguments)
    if not os.environ.get("OPENAI_API_KEY"):
        raise UserError("OPENAI_API_KEY", "is not set", "set it (any word will do for a local server)")
    llm = config.read("llm", Llm)
    # No retries: an HTTP 500 is an answer here.
    check_address()
    with client_of(llm.timeout_s, 0) as client:
        try:
            best, found, own = probe(client, llm)
        except openai.OpenAIError as error:
            raise UserError(
                str(client.base_url), told(error), "check OPENAI_BASE_URL, the key and llm.model"
            ) from error
    for form, said in found.items():
        print(f"{form}: {said}")
    if own != llm.parameters.get(llm.model, Parameters()):
        changed = {key: value for key, value in asdict(own).items() if value != getattr(Parameters(), key)}
        print(f"params.yaml: llm: parameters: {dumps({llm.model: changed}).decode()}")
    print(f"params.yaml: llm: structured: {best}")


if __name__ == "__main__":
    run(main)
