"""What calls would cost that are not made yet: `python -m stages.translation.translate --estimate`, which sends nothing.

Prompt tokens are estimated from the characters (`stages.llm.cost`). Completion tokens: from recorded answers to the same
prompt (the messages before the last), as tokens of the answer for each token of the last message; where there is none,
from the prompt's own worked example; without an example, as many as the last message has. On 620 recorded calls of five
prompts the sums are 3 % low for prompts; for completions, one half estimated from the other is within 10 %, from worked
examples alone 5 % low (14 % on the 386 of the first release). The bound is what a budget sets aside: a token for each byte
of the prompt, and `max_tokens`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from stages.llm.archive import Archive
from stages.llm.cache import Cache
from stages.llm.cost import completion_tokens_bound, cost_usd, prompt_tokens, prompt_tokens_bound, text_tokens
from stages.llm.request import Llm, Request

Entry = tuple[dict[str, Any], dict[str, Any]]  # request body, response
HEADERS = ("", "calls", "cached", "open", "prompt tokens", "completion tokens")
AT_MOST = ", at most"  # ends the name of a row of calls that an answer may lead to
MONEY = ("USD", "USD by Batch", "at most", "by Batch at most")


def _head(body: dict[str, Any]) -> bytes:
    return orjson.dumps(body["messages"][:-1])


class Lengths:
    """Completion tokens by what was answered to the same prompt before."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._asked: dict[bytes, float] = defaultdict(float)
        self._answered: dict[bytes, int] = defaultdict(int)
        for body, response in entries:
            if "prompt" in body:
                continue  # a text that was measured: nothing is answered
            self._asked[_head(body)] += text_tokens(body["messages"][-1]["content"])
            self._answered[_head(body)] += response["usage"]["completion_tokens"]

    def completion_tokens(self, body: dict[str, Any]) -> float:
        """Completion tokens of a request, estimated; at most its `max_tokens`."""
        if "prompt" in body:
            return completion_tokens_bound(body)
        last, asked = text_tokens(body["messages"][-1]["content"]), self._asked.get(_head(body), 0)
        ratio = self._answered[_head(body)] / asked if asked else example_ratio(body)
        return min(last * ratio, completion_tokens_bound(body))


def example_ratio(body: dict[str, Any]) -> float:
    """Tokens of the worked example's answer for each of its question; 1 where the prompt shows none."""
    roles = [message["role"] for message in body["messages"]]
    if "assistant" not in roles[1:]:
        return 1.0
    place = roles.index("assistant", 1)
    question, shown = (text_tokens(body["messages"][n]["content"]) for n in (place - 1, place))
    return shown / max(question, 1.0)


def estimate(requests: Sequence[Request], llm: Llm, archive: Archive, cache: Cache) -> dict[str, Any]:
    """What asking `requests` would take, those without a response in archive or cache.

    Returns:
        calls, cached, open: distinct requests; prompt_tokens, completion_tokens: of the open ones; usd and usd_batch,
        with _bound for what they cannot pass: Decimal, or None where the model has no (Batch) price.
    """
    distinct = {request.key: request.body for request in requests}
    recorded, known = archive.entries, dict[str, Entry]()
    for key in distinct:
        if (entry := recorded.get(key) or cache.entry(key)) is not None:
            known[key] = entry
    lengths = Lengths({**recorded, **known}.values())
    todo = [body for key, body in distinct.items() if key not in known]
    prompt, completion = sum(map(prompt_tokens, todo)), round(sum(map(lengths.completion_tokens, todo)))
    most = sum(map(prompt_tokens_bound, todo)), sum(map(completion_tokens_bound, todo))
    usd = {
        name: Decimal(0) if not todo else cost_usd(llm.model, *tokens, batch=batch)
        for name, tokens, batch in (
            ("usd", (prompt, completion), False),
            ("usd_batch", (prompt, completion), True),
            ("usd_bound", most, False),
            ("usd_batch_bound", most, True),
        )
    }
    return {
        "calls": len(distinct),
        "cached": len(known),
        "open": len(todo),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        **usd,
    }


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The estimates of several languages, by name, with their sum, as a text table; `?` where there is no price.

    Rows of calls that an answer may lead to (`AT_MOST` in their names) are in a sum of their own, below that of the calls
    which are known.
    """
    keys = ("calls", "cached", "open", "prompt_tokens", "completion_tokens")
    money = ("usd", "usd_batch", "usd_bound", "usd_batch_bound")

    def total(of: Collection[Mapping[str, Any]]) -> dict[str, Any]:
        sums = {key: [row[key] for row in of] for key in money}
        return {key: sum(row[key] for row in of) for key in keys} | {
            key: None if None in values else sum(values, Decimal(0)) for key, values in sums.items()
        }

    known = [row for name, row in rows.items() if not name.endswith(AT_MOST)]
    totals = {"all": total(known)} if len(known) > 1 else {}
    if len(known) < len(rows) and len(rows) > 1:
        totals[f"all{AT_MOST}"] = total(rows.values())
    lines = [[*HEADERS, *MONEY]]
    for name, row in {**rows, **totals}.items():
        sums = [row[key] for key in money]
        lines.append(
            [name, *(f"{row[key]:,}" for key in keys), *("?" if usd is None else f"{usd:.4f}" for usd in sums)]
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *(map(str.rjust, line[1:], widths[1:]))]).rstrip() for line in lines
    )
