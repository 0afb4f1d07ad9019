"""What calls cost: the table of prices, tokens without a tokenizer, and a budget that is never passed.

Money is `decimal.Decimal` in USD throughout. The prices stand in `stages/llm/prices.yaml`, dated, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import orjson
import regex
import yaml

from stages.core.errors import UserError
from stages.core.schema import faults
from stages.llm.answer import REFUSED
from stages.llm.request import Request

PRICES = Path(__file__).with_name("prices.yaml")
WHERE = "stages/llm/prices.yaml"
MILLION = Decimal(1_000_000)

# Tokens per match, and per message: a non-negative least-squares fit of relative errors on 618 recorded calls of five
# prompts to a Qwen2.5 tokenizer. Each prompt's sum is within 5 %; held out of the fit, within 7 %, but for the short
# glossary prompt (17 % low). `tests/llm/test_cost.py` holds the error on the recording. White space costs nothing of its own:
# tokenizers join it to what follows. Latin words are cut into pieces of six letters, symbols count by their runs.
TOKENS_PER_MATCH = {
    "Han": (regex.compile(r"\p{Han}"), 0.875),
    "kana": (regex.compile(r"[\p{Hiragana}\p{Katakana}ー]"), 0.862),
    "Latin": (regex.compile(r"\p{Latin}{1,6}"), 1.03),
    "number": (regex.compile(r"\p{N}"), 1.477),
    "symbols": (regex.compile(r"[^\p{Han}\p{Hiragana}\p{Katakana}ー\p{Latin}\p{N}\s]+"), 0.66),
}
TOKENS_PER_MESSAGE = 5.9
# An upper bound for what a chat template puts around one message: role, markers, line ends, a name.
BOUND_PER_MESSAGE = 16


@dataclass(frozen=True)
class Price:
    """USD per million tokens; `batch` is the factor of the Batch API's price, None where none is known."""

    input: Decimal
    output: Decimal
    batch: Decimal | None


def read_prices(path: Path = PRICES) -> dict[str, Price]:
    """The prices by model; UserError names what is wrong with the table."""
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(str(path), "not readable: " + " ".join(str(error).split()), "take it from git") from error
    for pointer, message in faults(table, "prices"):
        raise UserError(f"{path}: {pointer}", message, "prices are decimal strings, see schemas/llm/prices.schema.json")
    result: dict[str, Price] = {}
    for row in table["prices"]:
        if row["model"] in result:
            raise UserError(str(path), f"two prices for {row['model']!r}", "keep one")
        batch = None if row["batch"] is None else Decimal(row["batch"])
        result[row["model"]] = Price(Decimal(row["input"]), Decimal(row["output"]), batch)
    return result


@cache
def prices() -> dict[str, Price]:
    """The project's prices by model."""
    return read_prices()


def cost_usd(model: str, prompt_tokens: int, completion_tokens: int, batch: bool = False) -> Decimal | None:
    """USD of one call, or of many whose tokens are summed; None where the table has no (Batch) price of the model."""
    price = prices().get(model)
    if price is None or (batch and price.batch is None):
        return None
    online = (prompt_tokens * price.input + completion_tokens * price.output) / MILLION
    return online * price.batch if batch and price.batch is not None else online


@lru_cache(maxsize=1024)  # instruction and example are the same in every call
def text_tokens(text: str) -> float:
    """Tokens of a text, estimated from its characters by script."""
    return sum(rate * len(pattern.findall(text)) for pattern, rate in TOKENS_PER_MATCH.values())


def _schema(body: dict[str, Any]) -> bytes:
    """The schema that OpenAI's json_schema puts into the prompt; the other forms only guide the decoding."""
    form = body.get("response_format") or {}
    return orjson.dumps(form["json_schema"]) if form.get("type") == "json_schema" else b""


def _texts(body: dict[str, Any]) -> list[str]:
    """The texts of a request body: its messages, or the one text that is measured."""
    return [body["prompt"]] if "prompt" in body else [message["content"] for message in body["messages"]]


def prompt_tokens(body: dict[str, Any]) -> int:
    """Prompt tokens of a request body, estimated."""
    texts = sum(text_tokens(text) + TOKENS_PER_MESSAGE for text in _texts(body))
    return round(texts + text_tokens(_schema(body).decode()))


def prompt_tokens_bound(body: dict[str, Any]) -> int:
    """More prompt tokens than the request can have: a byte-level tokenizer makes at most one token of a byte."""
    texts = sum(len(text.encode()) + BOUND_PER_MESSAGE for text in _texts(body))
    return texts + len(_schema(body))


def completion_tokens_bound(body: dict[str, Any]) -> int:
    """The most tokens that the request lets the model write."""
    return int(body.get("max_completion_tokens") or body["max_tokens"])


def tokens_of(response: dict[str, Any], body: dict[str, Any] | None) -> tuple[int, int, bool]:
    """(prompt tokens, completion tokens, whether one is estimated) of an answer.

    An endpoint that says none (no `usage`, or zero where there is text) is not taken at its word; without the body only
    the completion can be estimated.
    """
    usage = response["usage"]
    prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
    if response.get("finish_reason") == REFUSED:
        return prompt, completion, False
    silent = not prompt and body is not None, not completion and bool(response["content"].strip())
    if silent[0] and body is not None:
        prompt = prompt_tokens(body)
    if silent[1]:
        completion = max(1, round(text_tokens(response["content"])))
    return prompt, completion, any(silent)


class Budget:
    """A sum in USD that is never passed: what a request can cost at most is set aside before it goes out.

    A request goes out after `may_send`, and comes back by `spent` (an answer with usage) or `refused` (no answer, and
    none will be charged: an HTTP 4xx or 5xx). Where neither can be said, as after a timeout, nothing is called: the sum
    stays set aside, since the endpoint may charge it. Without a limit nothing is refused; `total` counts all the same.
    A request to another model than `model` counts at that one's price. `elsewhere` are the keys of answers that other stages
    paid for, with what they cost: the sum is one for all of them, and an answer that two stages use is paid for once.

    Raises:
        UserError: there is a limit and the table has no price for the model.
    """

    def __init__(
        self,
        limit: Decimal | None,
        model: str,
        batch: bool = False,
        elsewhere: Mapping[str, Decimal] | None = None,
    ) -> None:
        self.limit, self.model, self.batch, self.elsewhere = limit, model, batch, elsewhere or {}
        self._total, self._reserved = sum(self.elsewhere.values(), Decimal(0)), Decimal(0)
        self.priced = self._usd(0, 0, model) is not None
        if limit is not None:
            self.check(model)

    def check(self, model: str) -> None:
        """UserError where the table has no price for a model, so that no budget can be kept."""
        if self._usd(0, 0, model) is None:
            kind = "no Batch price" if model in prices() else "no price"
            fault = f"{kind} for model {model!r}, so no budget can be kept"
            raise UserError(WHERE, fault, "add its price there with source and date, or set the budget to null")

    @property
    def total(self) -> Decimal | None:
        """USD spent so far; None where the model has no price."""
        return self._total if self.priced else None

    def _usd(self, prompt: int, completion: int, model: str) -> Decimal | None:
        return cost_usd(model, prompt, completion, self.batch)

    def _bound(self, body: dict[str, Any]) -> Decimal:
        return self._usd(prompt_tokens_bound(body), completion_tokens_bound(body), body["model"]) or Decimal(0)

    def may_send(self, request_body: dict[str, Any]) -> bool:
        """Whether this request fits beside what is spent and under way; if so, its bound is set aside."""
        if self.limit is None:
            return True
        self.check(request_body["model"])
        bound = self._bound(request_body)
        if self._total + self._reserved + bound > self.limit:
            return False
        self._reserved += bound
        return True

    def sent(self, request_body: dict[str, Any]) -> None:
        """A request that another process sent and whose answer is still to come, as in a batch: its bound is set aside."""
        if self.limit is not None:
            self._reserved += self._bound(request_body)

    def refused(self, request_body: dict[str, Any]) -> None:
        """The endpoint did not take the request: what was set aside is free again."""
        if self.limit is not None:
            self._reserved -= self._bound(request_body)

    def spent(self, response: dict[str, Any], request_body: dict[str, Any]) -> None:
        """An answer came: its usage takes the place of what was set aside."""
        self.refused(request_body)
        self.paid(response, request_body)

    def paid(self, response: dict[str, Any], request_body: dict[str, Any] | None = None) -> None:
        """An answer that an earlier run paid for counts too: so a budget is not passed by starting again. Where the
        endpoint does not say its tokens, their estimate counts."""
        if request_body is not None and self.elsewhere and Request(request_body).key in self.elsewhere:
            return
        prompt, completion, _ = tokens_of(response, request_body)
        model = self.model if request_body is None else request_body["model"]
        self._total += self._usd(prompt, completion, model) or Decimal(0)

    def stop(self, waiting: int) -> UserError:
        """The one line with which a run ends that `may_send` refused to go on with `waiting` requests."""
        fault = f"the next request could pass the budget of {self.limit} USD; {self._total:.6f} USD are spent"
        return UserError(
            "translate.budget_usd", fault, f"answers so far are kept, {waiting} are open: raise it and run again"
        )
