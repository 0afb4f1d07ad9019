"""A stage's talk with the LLM: it asks, keeps the account and writes the usage file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.core import config
from stages.core.schema import write_checked_json
from stages.llm import prompt
from stages.llm.archive import Archive
from stages.llm.client import Response, responses
from stages.llm.cost import Budget
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request


@dataclass
class LlmSession:
    """One prompt, one model, and all that was asked of it; a request is answered and counted once."""

    llm: Llm
    spec: Prompt
    archive: Archive
    budget: Budget | None = None
    answers: dict[str, Response] = field(default_factory=dict)  # by the request's key

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
        """The options of every stage that asks: --prompt, --responses, --usage."""
        parser.add_argument("--prompt", required=required, help="prompt file")
        parser.add_argument("--responses", required=required, help="archive of recorded responses")
        parser.add_argument("--usage", required=required, help="where the account of the calls goes")

    @classmethod
    def of(cls, options: argparse.Namespace) -> LlmSession:
        """The session of a stage's command line, with section `llm` of the params."""
        return cls(config.read("llm", Llm), prompt.load(options.prompt), Archive(options.responses))

    def ask(self, requests: Sequence[Request]) -> list[Response]:
        """One response for each request, in their order.

        Raises:
            UserError: as `client.responses`; what was answered is kept.
        """
        got = responses(requests, self.llm, self.archive, self.budget)
        self.answers.update(zip((request.key for request in requests), got, strict=True))
        return got

    def account(self) -> dict[str, Any]:
        """Who answered to which prompt, how many calls and tokens, and the keys of the responses
        (`schemas/llm/usage.schema.json`). The archive's card stands in it where every response is the archive's."""
        usages = [answer["usage"] for answer in self.answers.values()]
        return {
            "prompt": self.spec.path,
            "prompt_sha256": self.spec.sha256,
            "models": sorted({answer["model"] for answer in self.answers.values()}),
            "card": self.archive.card if all(key in self.archive for key in self.answers) else {},
            "calls": len(self.answers),
            "prompt_tokens": sum(usage["prompt_tokens"] for usage in usages),
            "completion_tokens": sum(usage["completion_tokens"] for usage in usages),
            "responses": sorted(self.answers),
        }

    def write(self, path: str | Path) -> None:
        """Writes the usage file."""
        write_checked_json(path, self.account(), "usage")
