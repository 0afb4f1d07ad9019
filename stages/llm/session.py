"""A stage's talk with the LLM: it asks, keeps the account and writes the usage file."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from stages.core import config
from stages.core.config import Money
from stages.core.schema import read_checked_json, write_checked_json
from stages.llm import prompt
from stages.llm.answer import REFUSED, Answer, read
from stages.llm.archive import Archive
from stages.llm.cache import Cache
from stages.llm.client import responses
from stages.llm.cost import Budget, cost_usd, tokens_of
from stages.llm.prompt import Prompt
from stages.llm.reply import Response
from stages.llm.request import Llm, Request

SHOWN = 5  # refused requests that a summary names


@dataclass
class LlmSession:
    """One prompt, one model, and all that was asked of it; a request is answered and counted once."""

    llm: Llm
    spec: Prompt
    archive: Archive
    budget: Budget | None = None
    replay: bool = False  # only what is recorded, whatever LLM_MODE says
    answers: dict[str, Response] = field(default_factory=dict)  # by the request's key
    read: dict[str, Answer] = field(default_factory=dict)  # what they say, likewise
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)  # of the requests

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
        """The options of every stage that asks: --prompt, --responses, --usage."""
        parser.add_argument("--prompt", required=required, help="prompt file")
        parser.add_argument("--responses", required=required, help="archive of recorded responses")
        parser.add_argument("--usage", required=required, help="where the account of the calls goes")

    @classmethod
    def of(cls, options: argparse.Namespace, model: str | None = None) -> LlmSession:
        """The session of a stage's command line, with section `llm` of the params, and the budget that all stages share;
        `model` takes the place of `llm.model`."""
        llm: Llm = config.read("llm", Llm)
        llm = replace(llm, model=model or llm.model)
        archive = Archive(options.responses)
        return cls(llm, prompt.load(options.prompt), archive, budget_of(llm, archive, Path(options.usage)))

    def ask(self, requests: Sequence[Request]) -> list[Response]:
        """One response for each request, in their order.

        Raises:
            UserError: as `client.responses`; what was answered is kept.
        """
        name = self.spec.path.removeprefix("stages/prompts/")
        got = responses(requests, self.llm, self.archive, self.budget, name, self.replay)
        for request, response in zip(requests, got, strict=True):
            self.answers[request.key] = response
            self.read[request.key] = read(response, request.wanted)
            self.bodies[request.key] = request.body
        return got

    def refusal(self, key: str) -> str | None:
        """The endpoint's words where it refused that request; None where it did not."""
        words: str | None = self.answers[key].get("error")
        return words

    def told(self, names: Mapping[str, str] | None = None) -> str:
        """What a stage says at its end of answers that were mended, could not be used, or have estimated tokens; empty where
        there is none. What the endpoint refused is named: `names` are by key."""
        mended = Counter(kind for answer in self.read.values() for kind in answer.mended)
        failed = Counter(answer.failure for answer in self.read.values() if answer.failure)
        parts = []
        if mended:
            parts.append(
                f"{sum(bool(answer.mended) for answer in self.read.values())} answers mended ({_counts(mended)})"
            )
        if failed:
            parts.append(f"{sum(failed.values())} could not be used ({_counts(failed)})")
        if estimated := self.account().get("estimated"):
            parts.append(f"{estimated} came without usage, so their tokens are estimated")
        refused = [f"{(names or {}).get(key, key)} ({words})" for key in self.answers if (words := self.refusal(key))]
        if refused:
            more = f" and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
            parts.append(f"refused by the endpoint: {', '.join(refused[:SHOWN])}{more}")
        return "".join(f"; {part}" for part in parts)

    def account(self) -> dict[str, Any]:
        """Who answered to which prompt, how many calls and tokens, and the keys of the responses
        (`schemas/llm/usage.schema.json`). A card stands in it as `_card` says."""
        tokens = [tokens_of(answer, self.bodies.get(key)) for key, answer in self.answers.items()]
        estimated = sum(guessed for _, _, guessed in tokens)
        own = [answer for answer in self.answers.values() if answer["finish_reason"] != REFUSED]
        return {
            "prompt": self.spec.path,
            "prompt_sha256": self.spec.sha256,
            "models": sorted({answer["model"] for answer in own}),
            "card": self._card(),
            "calls": len(self.answers),
            "prompt_tokens": sum(prompt for prompt, _, _ in tokens),
            "completion_tokens": sum(completion for _, completion, _ in tokens),
            **({"estimated": estimated} if estimated else {}),
            "responses": sorted(self.answers),
        }

    def _card(self) -> dict[str, Any]:
        """The archive's card of the model that was asked, where every response is the archive's; with nothing asked,
        the whole of it."""
        if not self.answers:
            return self.archive.card
        whole = all(key in self.archive for key in self.answers)
        return self.archive.card_of({body["model"] for body in self.bodies.values()}) if whole else {}

    def write(self, path: str | Path) -> None:
        """Writes the usage file."""
        write_checked_json(path, self.account(), "usage")


def budget_of(llm: Llm, archive: Archive, usage: Path) -> Budget | None:
    """What `translate.budget_usd` leaves to a stage with that usage file or folder, or None without a limit.

    It is one sum for all stages that write under a folder `usage…` beside each other: what their usage files name and no
    archive holds was paid for.
    """
    limit: Decimal | None = config.read("translate.budget_usd", Money | None)
    if limit is None:
        return None
    roots = [folder for folder in usage.parents if folder.name.startswith("usage")]
    files = {path for root in roots for path in root.parent.glob("usage*/**/*.json")}
    batch, cost, cache = os.environ.get("LLM_MODE") == "batch", dict[str, Decimal](), Cache()
    for path in sorted(file for file in files if file != usage and usage not in file.parents):
        for key in read_checked_json(path, "usage")["responses"]:
            if key not in archive and (entry := cache.entry(key)):
                body, response = entry
                prompt_tokens, completion_tokens, _ = tokens_of(response, body)
                cost[key] = cost_usd(body["model"], prompt_tokens, completion_tokens, batch) or Decimal(0)
    cache.close()
    return Budget(limit, llm.model, batch, cost)


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
