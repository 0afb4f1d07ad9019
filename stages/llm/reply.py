"""What an endpoint's reply becomes: a response to keep, the endpoint's refusal of one request, or a fault that may pass.

A response as it is kept: {content, finish_reason, refusal, model, usage: {prompt_tokens, completion_tokens}}, with `by` where
the endpoint said more of itself (`provider`, `system_fingerprint`). One that the endpoint refused has no content, the
finish_reason `endpoint_refused`, and the endpoint's words under `error`.
"""

from __future__ import annotations

from typing import Any

from stages.core.files import dumps
from stages.core.hidden import hidden
from stages.llm.answer import REFUSED, is_empty, read, storable

Response = dict[str, Any]
LEAST = -9999.0  # log-probability that is kept for one of minus infinity, as vLLM has it
MOST = 300  # characters of an endpoint's words that are kept
TOKENS = 2**53  # no usage is larger, and JSON carries no larger number


def may_keep(response: Response) -> bool:
    """What may be cached: whatever was paid for, also if it is cut, filtered, refused by the model, empty or no JSON, and
    the endpoint's refusal of a request that fails by itself. Not a gateway's failure under HTTP 200."""
    return response.get("finish_reason") != "error"


def reasons(response: Response) -> set[str]:
    """By what a kept response can be told to be forgotten: the code of `answer.read`, and `empty`."""
    failure = read(response).failure
    return ({failure} if failure else set()) | ({"empty"} if is_empty(response) else set())


def brief(text: Any) -> str:
    """An endpoint's words in one line of bounded length."""
    words = " ".join(hidden(storable(str(text))).split())
    return words if len(words) <= MOST else words[: MOST - 1] + "…"


def words_of(error: Any, status: int | None = None) -> str:
    """What an `error` of a body says: `HTTP 400 content_filter: The prompt was filtered`."""
    detail = error if isinstance(error, dict) else {"message": error}
    inner = detail.get("error")
    detail = inner if isinstance(inner, dict) else detail
    code = detail.get("code") or detail.get("type") or ""
    head = " ".join(filter(None, (f"HTTP {status}" if status else "", str(code) if code != status else "")))
    message = detail.get("message") or inner or (None if "code" in detail else detail) or "no reason given"
    return brief(f"{head}: {message}" if head else message)


def error_in(completion: Any) -> str | None:
    """The words of an error that came under HTTP 200, in the body or in its choice; None where there is none."""
    if not isinstance(completion, dict):
        return None
    choices = completion.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    if error := completion.get("error") or choice.get("error"):
        return words_of(error)
    if "choices" not in completion and (said := completion.get("message") or completion.get("detail")):
        return words_of({**completion, "message": said})  # the error alone, as vLLM and FastAPI write it
    return "finish_reason error" if choice.get("finish_reason") == "error" else None


def logprobs_of(choice: dict[str, Any]) -> str | None:
    """Of a text that was measured: its tokens and the log-probability of each (null for the first), as the JSON that is kept;
    None where the endpoint gives none of the text itself."""
    found = choice.get("logprobs") or {}
    tokens, values = found.get("tokens") or [], found.get("token_logprobs") or []
    # The last token is the one written after the text; an endpoint that echoes nothing has that alone.
    if len(tokens) != len(values) or len(values) < 3 or not all(isinstance(value, float | int) for value in values[1:]):
        return None
    finite = [value if value is None else max(value, LEAST) for value in values[:-1]]
    return dumps({"tokens": [storable(str(token)) for token in tokens[:-1]], "logprobs": finite}).decode()


def response_of(completion: Any, model: str) -> Response | None:
    """A completion (the JSON) as the cache keeps it; None if it is none. A missing finish_reason or usage is no fault. Of a text
    that was measured the content is what `logprobs_of` says, empty where that is nothing."""
    try:
        choice, usage = completion["choices"][0], completion.get("usage")
        chat = "message" in choice
        message = choice["message"] if chat else {"content": (choice["text"], logprobs_of(choice))[1]}
        response: Response = {
            "content": hidden(storable(_text(message.get("content")))),
            "finish_reason": _hidden(choice.get("finish_reason")) if chat else "stop",  # the text itself is whole
            "refusal": hidden(storable(message.get("refusal") or "")) or None,
            "model": _hidden(completion.get("model")) or model,
            "usage": {key: _count(usage, key) for key in ("prompt_tokens", "completion_tokens")},
        }
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        return None
    if not may_keep(response) or error_in(completion):
        return None
    by = {
        key: hidden(storable(completion[key]))
        for key in ("provider", "system_fingerprint")
        if _said(completion.get(key))
    }
    return {**response, "by": by} if by else response


def refused(model: str, words: str) -> Response:
    """The endpoint's refusal of a request that fails by itself, as an answer of its own kind; it costs nothing."""
    usage = {"prompt_tokens": 0, "completion_tokens": 0}
    return {"content": "", "finish_reason": REFUSED, "refusal": None, "model": model, "usage": usage, "error": words}


def _hidden(value: Any) -> str | None:
    """A word of the endpoint's, None where it says none; what is no text is told as JSON would be."""
    return None if value is None else hidden(storable(value if isinstance(value, str) else str(value)[:MOST]))


def _said(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _text(content: Any) -> str:
    """The text of a message's content: a string, none, or a list of parts, of which thoughts are not the answer."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise TypeError("no content of a message")
    texts = [part if isinstance(part, str) else _part(part) for part in content]
    return "".join(texts)


def _part(part: dict[str, Any]) -> str:
    return part.get("text") or "" if part.get("type", "text") in ("text", "output_text") else ""


def _count(usage: Any, key: str) -> int:
    """A number of tokens; 0 where the endpoint does not say one."""
    try:
        count = int(usage[key])
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0
    return count if 0 <= count < TOKENS else 0
