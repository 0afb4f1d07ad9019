"""The responses behind a release, in one file: `data/responses.jsonl.gz`, DVC-tracked, replayed with no key or network.

    python -m stages.llm.archive --card data/responses.card.json --usage data/usage --out data/responses.jsonl.gz

adds, from the cache, the responses whose keys the usage files name. What the archive holds stays, unless `--drop` says to leave
out what no usage file names. The first line is the card: which model in which quantisation answered, where it came from, how
it was served, and under `prompts` the SHA-256 of each prompt file. An archive of several models has a card for each, under
`cards`. A card is checked against the requests: it cannot speak of a model that none was sent to, and a model
without a card has one that says its name alone. The same responses give the same bytes: lines sorted by key, no time in the
gzip header.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from stages.core.errors import UserError
from stages.core.files import dumps, read_json, write_bytes
from stages.core.run import run
from stages.core.schema import read_checked_json
from stages.llm.cache import Cache
from stages.llm.request import Request

Entry = tuple[dict[str, Any], dict[str, Any]]  # request body, response


class Archive:
    """The card and the responses of one archive; an absent path is an empty archive.

    Its lines stay as they are, checked, until they are asked for: as objects they would take several times the memory.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.card: dict[str, Any] = {}
        self._lines: dict[str, bytes] = {}
        if path is None or not Path(path).exists():
            return
        try:
            with gzip.open(path) as file:
                self.card = dict(orjson.loads(next(file, b""))["card"])
                for line in file:
                    key, request, _ = _fields(line)
                    if Request(request).key != key:
                        raise ValueError(f"the request of {key} has another hash")
                    self._lines[key] = line
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
            raise UserError(str(path), f"broken archive: {error!r}", f"get it again: dvc pull {path}") from error

    def card_of(self, models: set[str]) -> dict[str, Any]:
        """The card of the one model that requests were sent to, with the prompts; empty of several, or where there is none."""
        cards, prompts = cards_of(self.card), self.card.get("prompts")
        card = cards.get(next(iter(models))) if len(models) == 1 else None
        if card is None:
            return {}
        return {**card, "prompts": prompts} if prompts is not None else card

    def __contains__(self, key: str) -> bool:
        return key in self._lines

    @property
    def entries(self) -> dict[str, Entry]:
        """Every request and response by key."""
        return {key: _fields(line)[1:] for key, line in self._lines.items()}

    def get(self, key: str) -> dict[str, Any] | None:
        """The response of that key, or None."""
        line = self._lines.get(key)
        return _fields(line)[2] if line else None


def _fields(line: bytes) -> tuple[str, dict[str, Any], dict[str, Any]]:
    value = orjson.loads(line)
    return value["key"], value["request"], value["response"]


def cards_of(card: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The cards in an archive's first line, by model."""
    if "cards" in card:
        return dict(card["cards"])
    own = {key: value for key, value in card.items() if key != "prompts"}
    return {own["model"]: own} if "model" in own else {}


def joined(cards: dict[str, dict[str, Any]], prompts: dict[str, str]) -> dict[str, Any]:
    """The first line's card: that of the only model, or those of several; and the prompts."""
    own = next(iter(cards.values())) if len(cards) == 1 else {"cards": dict(sorted(cards.items()))} if cards else {}
    return {**own, "prompts": dict(sorted(prompts.items()))}


def pack(path: str | Path, card: dict[str, Any], entries: dict[str, Entry]) -> None:
    """Writes an archive."""
    lines = [dumps({"card": card})]
    lines += [dumps({"key": key, "request": entries[key][0], "response": entries[key][1]}) for key in sorted(entries)]
    write_bytes(path, gzip.compress(b"\n".join(lines) + b"\n", mtime=0))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.llm.archive", description=__doc__.split("\n")[0])
    parser.add_argument("--card", nargs="+", default=[], help="a JSON file for each model")
    parser.add_argument("--usage", required=True, help="folder of usage files, one a stage and language")
    parser.add_argument("--out", required=True)
    parser.add_argument("--drop", action="store_true", help="leave out what no usage file names")
    options = parser.parse_args(arguments)
    old, cache = Archive(options.out), Cache()
    recorded = old.entries
    entries, prompts = ({}, {}) if options.drop else (dict(recorded), dict(old.card.get("prompts", {})))
    usages = sorted(Path(options.usage).rglob("*.json"))
    if not usages:
        raise UserError(options.usage, "has no usage file", "run the stages that ask the LLM first, then pack")
    for path in usages:
        usage = read_checked_json(path, "usage")
        prompts[usage["prompt"]] = usage["prompt_sha256"]
        for key in usage["responses"]:
            entry = recorded.get(key) or cache.entry(key)
            if entry is None:
                raise UserError(f"{path}: {key}", "no such response in the cache", "run its stage again, then pack")
            entries[key] = entry
    models = {body["model"] for body, _ in entries.values()}
    cards = {model: {"model": model} for model in models}
    cards |= {model: card for model, card in cards_of(old.card).items() if model in models}
    for path in options.card:
        card = read_json(path)
        if not isinstance(card, dict) or card.get("model") not in models:
            said = card.get("model") if isinstance(card, dict) else card
            fault = f"speaks of model {said!r}, and the responses are by {', '.join(sorted(models)) or 'none'}"
            raise UserError(str(path), fault, "write a card for the model that was asked")
        cards[card["model"]] = card
    pack(options.out, joined(cards, prompts), entries)
    new, gone = len(entries.keys() - recorded.keys()), len(recorded.keys() - entries.keys())
    print(f"{len(entries)} responses in {options.out}: {new} new, {gone} dropped")
    if bare := sorted(model for model, card in cards.items() if card.keys() == {"model"}):
        print(f"no card says more of {', '.join(bare)}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
