"""Request files of the Batch API and of `vllm run-batch`, and their answers.

A request file has a line for each request, `custom_id` its key: answers are joined on it, in any order. An answer file
(output and error files alike) has a line `{custom_id, response: {status_code, body}, error}` for each.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from stages.core.errors import UserError
from stages.core.files import dumps, iter_lines, write_bytes
from stages.core.schema import faults
from stages.llm.cache import Cache, default_folder
from stages.llm.cost import Budget, prompt_tokens
from stages.llm.reply import Response, error_in, refused, response_of, words_of
from stages.llm.request import Request

URL: Final = "/v1/chat/completions"
MAX_REQUESTS, MAX_BYTES = 50_000, 200_000_000  # of one file, as the Batch API says
LATER = (408, 409, 429)  # and 5xx: such a line goes into the next batch, as one that expired does
OF_ALL = (401, 402, 403, 404)  # the key, the money, the model: not the request's own fault
Bodies = dict[str, dict[str, Any]]  # request bodies by key


def line_of(request: Request) -> bytes:
    """The request's line, its end included."""
    return dumps({"custom_id": request.key, "method": "POST", "url": URL, "body": request.body}) + b"\n"


def take(
    requests: Sequence[Request],
    room: int,
    budget: Budget | None = None,
    most: int = MAX_REQUESTS,
    size: int = MAX_BYTES,
) -> list[Request]:
    """The first of `requests` that go into one file: of one model, at most `most`, of `size` bytes and `room` prompt
    tokens, each within the budget, where its bound is set aside."""
    taken: list[Request] = []
    for request in requests:
        room, size = room - prompt_tokens(request.body), size - len(line_of(request))
        other_model = bool(taken) and request.body["model"] != taken[0].body["model"]
        if len(taken) == most or room < 0 or size < 0 or other_model or (budget and not budget.may_send(request.body)):
            break
        taken.append(request)
    return taken


def write_file(requests: Sequence[Request], folder: Path) -> Path:
    """Writes a request file, named by what it holds."""
    data = b"".join(map(line_of, requests))
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.jsonl"
    write_bytes(path, data)
    return path


def read_file(path: str | Path) -> Bodies:
    """The bodies of a request file by key; UserError names a line that is no request of this project."""
    bodies: Bodies = {}
    for number, line in iter_lines(path):
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise UserError(f"{path}:{number}", f"broken JSON: {error}", "write the request file anew") from error
        for pointer, message in faults(value, "batch_request"):
            raise UserError(f"{path}:{number}: {pointer}", message, "write the request file anew with LLM_MODE=write")
        if Request(value["body"]).key != value["custom_id"]:
            raise UserError(f"{path}:{number}", "custom_id is not the body's hash", "do not edit request files")
        bodies[value["custom_id"]] = value["body"]
    return bodies


def write_requests(requests: Sequence[Request]) -> UserError:
    """Writes all requests into files of the cache's folder; the line that names them and what to do with them."""
    paths, rest = [], list(requests)
    while rest:
        taken = take(rest, sys.maxsize)
        if not taken:
            raise UserError(rest[0].key, f"a request of more than {MAX_BYTES} bytes", "leave this text out")
        paths.append(str(write_file(taken, default_folder() / "requests")))
        rest = rest[len(taken) :]
    return UserError(
        "LLM_MODE=write",
        f"{len(requests)} requests are in {' '.join(paths)}",
        "`vllm run-batch -i FILE -o ANSWERS`, then `python -m stages.llm.batch join FILE ANSWERS`, then run again",
    )


@dataclass
class Joined:
    """What answer files say of a request file: by key answers, refusals, and why others are open; and how many lines fit
    nowhere."""

    answers: dict[str, Response] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)  # by itself and for good: the endpoint's words
    later: dict[str, str] = field(default_factory=dict)  # expired, cancelled, or an error that may pass
    faults: set[str] = field(default_factory=set)  # of `later`: errors of the request, as a 500, and not of the batch
    duplicate: int = 0
    unknown: int = 0
    broken: int = 0


def join(bodies: Bodies, lines: Iterable[bytes]) -> Joined:
    """Joins answer lines, of output and error files alike and in any order, with the requests of one file.

    Of several answers to one request the first is kept. A request that is neither answered nor failed is to be asked again.
    """
    result = Joined()
    for line in filter(None, map(bytes.strip, lines)):
        try:
            value = json.loads(line)  # not orjson, which refuses half a character
            key, error, reply = value["custom_id"], value.get("error"), value.get("response") or {}
            status, body = int(reply.get("status_code", 200)), reply.get("body")
            known = key in bodies
        except (ValueError, OverflowError, RecursionError, AttributeError, KeyError, TypeError):
            result.broken += 1
            continue
        if not known:
            result.unknown += 1
        elif key in result.answers:
            result.duplicate += 1
        elif status == 200 and (response := response_of(body, bodies[key]["model"])) is not None:
            result.answers[key] = response
        else:
            final = status != 200 and status not in (*LATER, *OF_ALL) and status < 500
            detail = error or (isinstance(body, dict) and body.get("error"))
            said = error_in(body) if status == 200 and not error else None
            told = said or words_of(detail or "no chat completion", None if error or status == 200 else status)
            (result.failed if final else result.later)[key] = told
            if not error and status not in (*LATER, *OF_ALL):
                result.faults.add(key)
    for key in result.answers:
        result.failed.pop(key, None)
        result.later.pop(key, None)
    return result


def keep(bodies: Bodies, joined: Joined, cache: Cache, source: str) -> dict[str, Response]:
    """Puts answers and refusals into the cache, says on stderr what fitted nowhere, and returns what the cache now holds.

    Raises:
        UserError: all of several requests are refused, and none answered: the fault is every request's, none is kept.
    """
    if len(joined.failed) > 1 and not joined.answers:
        said = next(iter(joined.failed.values()))
        raise UserError(
            source, f"all {len(joined.failed)} requests are refused, the first with: {said}", "mend this, run again"
        )
    answers = {**joined.answers, **{key: refused(bodies[key]["model"], told) for key, told in joined.failed.items()}}
    held = cache.put_all([(key, bodies[key], response) for key, response in answers.items()])
    counts = {"duplicate": joined.duplicate, "unknown": joined.unknown, "broken": joined.broken}
    if odd := ", ".join(f"{count} {name}" for name, count in counts.items() if count):
        print(f"{source}: {odd} lines passed over", file=sys.stderr)
    return dict(zip(answers, held, strict=True))
