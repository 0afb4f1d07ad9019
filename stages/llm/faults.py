"""What a request can end with but an answer: faults that may pass, that are the request's own, and that concern every request."""

from __future__ import annotations

import time

import aiohttp
import httpx2
import openai

from stages.core.errors import UserError
from stages.llm.limits import retry_after
from stages.llm.reply import brief, words_of


class NoAnswer(Exception):
    """A body that is no chat completion: a proxy's web page, an error under HTTP 200."""


class NoLogprobs(UserError):
    """The endpoint gives no log-probabilities of a text that it is sent."""

    def __init__(self, place: str) -> None:
        remedy = "ask one that does (vLLM; llama-cpp-python with logits_all), or set checks.likelihood to false"
        super().__init__(place, "gives no log-probabilities of the text it is sent (echo and logprobs)", remedy)


class Late(Exception):
    """The whole answer was not there in time, however steadily it dripped."""


# ValueError: a key that fits no header, an address that is none.
FAULTS = (openai.OpenAIError, aiohttp.ClientError, NoAnswer, Late, UserError, ValueError)
# Of every request: the key, the account's money, the address or the model, the method.
_OF_EVERY_REQUEST = (401, 402, 404, 405)


def may_pass(error: Exception) -> bool:
    """Whether the same request may be answered at another time."""
    if isinstance(error, openai.APIStatusError):
        return not _no_money(error) and (error.status_code in (408, 409, 429) or error.status_code >= 500)
    return isinstance(error, (openai.APIConnectionError, aiohttp.ClientError, NoAnswer, Late))


def concerns_all(error: Exception) -> bool:
    """Whether every other request would fail with this, too. Of what else fails for good, nobody can say it before another
    request is answered: a 400 may be one prompt's, or that of a parameter which each request has."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code in _OF_EVERY_REQUEST or _no_money(error)
    return not may_pass(error)


def _no_money(error: openai.APIStatusError) -> bool:
    """An account without money answers 429, too, and will go on to."""
    return error.code in ("insufficient_quota", "billing_hard_limit_reached") or error.type == "insufficient_quota"


def unreached(error: Exception) -> bool:
    """Whether no connection came about: refused, no such host, no way there."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
            return True
        cause = cause.__cause__
    return False


def words(error: Exception) -> str:
    """The endpoint's own words, in a line."""
    if isinstance(error, openai.APIStatusError):
        return words_of(error.body or error.message, error.status_code)
    return told(error)


def told(error: Exception) -> str:
    """What a fault is; openai's aiohttp transport calls a refused or reset connection a timeout, its cause does not."""
    cause = error.__cause__ and error.__cause__.__cause__
    if isinstance(cause, aiohttp.ClientConnectionError) and not isinstance(cause, TimeoutError):
        return brief(f"APIConnectionError: {cause}")
    if isinstance(error.__cause__, httpx2.ReadTimeout) and str(error.__cause__):
        return brief(f"{type(error).__name__}: {error.__cause__}")
    if isinstance(error, openai.APIStatusError):
        return brief(f"{type(error).__name__}: {words(error)}")
    return brief(f"{type(error).__name__}: {error}")


def asked_wait(error: Exception) -> float:
    """Seconds that a fault asks to wait; 0 where it does not say."""
    headers = error.response.headers if isinstance(error, openai.APIStatusError) else {}
    return retry_after(headers, time.time()) or 0.0
