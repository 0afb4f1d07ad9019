"""Examples as tokens, split into training and validation, and put into batches: the data side of training.

The plan of batches is a function of lengths and options alone. A step is one batch of the plan, whatever the number of
processes: `shares` cuts it into what each process holds at once.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars

from stages.core.errors import UserError
from stages.model.common import decode, output_ids, prompt_ids
from stages.model.options import Train

WINDOW = 25  # batches that are sorted by length together
IGNORED = -100  # label of a token that the loss does not count, as everywhere in transformers


def tokenise(example: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    """`ids` of the whole sequence and `start`, the place of its first completion token.

    Raises:
        UserError: the output does not come back from its tokens, so that no model could ever write it.
    """
    prompt, output = prompt_ids(tokenizer, example["input"]), output_ids(tokenizer, example["output"])
    if (back := decode(tokenizer, output)) != example["output"]:
        fault = f"the tokenizer turns the output {example['output']!r} into {back!r}"
        raise UserError(example["id"], fault, "choose another base, or take this example out")
    return {"ids": [*prompt, *output, tokenizer.eos_token_id], "start": len(prompt)}


def prepare(examples: list[dict[str, Any]], tokenizer: Any, options: Train) -> tuple[Dataset, Dataset, int]:
    """(training set, validation set, number over length) with the columns of `tokenise`; groups stay whole.

    Raises:
        UserError: an example over `max_tokens` under `over_length: error`, or no example left to train on.
    """
    disable_progress_bars()
    data = Dataset.from_list(examples).map(tokenise, fn_kwargs={"tokenizer": tokenizer})
    over = [row["id"] for row in data.select_columns(["id", "ids"]) if len(row["ids"]) > options.max_tokens]
    if over and options.over_length == "error":
        fault = f"longer than train.max_tokens, {options.max_tokens} (and {len(over) - 1} more)"
        raise UserError(over[0], fault, "raise train.max_tokens, or set train.over_length to drop")
    data = data.filter(lambda ids: len(ids) <= options.max_tokens, input_columns="ids")
    groups = sorted(set(data["group"]), key=lambda group: hashlib.sha256(f"{options.seed}/{group}".encode()).digest())
    held = set(groups[: math.ceil(len(groups) * options.validation_share)])
    train = data.filter(lambda group: group not in held, input_columns="group")
    if not len(train):
        raise UserError("train", "no example is left to train on", "lower validation_share or raise max_tokens")
    return train, data.filter(lambda group: group in held, input_columns="group"), len(over)


def seen_tokens(data: Sequence[Dataset], end: int) -> list[int]:
    """Every token that the examples hold, and the end."""
    return sorted({end, *(token for part in data for ids in part["ids"] for token in ids)})


def plan(lengths: Sequence[int], options: Train) -> list[list[int]]:
    """The batches of all steps, as row numbers: a function of its arguments alone, so a resumed run sees the same."""
    size = options.batch_size
    steps = max(1, math.ceil(math.ceil(len(lengths) / size) * options.epochs))
    batches: list[list[int]] = []
    for epoch in range(math.ceil(options.epochs)):
        order, chance = list(range(len(lengths))), random.Random(f"{options.seed}/{epoch}")
        chance.shuffle(order)
        for start in range(0, len(order), size * WINDOW):
            order[start : start + size * WINDOW] = sorted(
                order[start : start + size * WINDOW], key=lambda row: -lengths[row]
            )
        some = [order[start : start + size] for start in range(0, len(order), size)]
        chance.shuffle(some)
        batches += some
    return batches[:steps]


def shares(batches: Sequence[Sequence[int]], options: Train, rank: int, processes: int) -> list[list[int]]:
    """What process `rank` holds at once, `accumulation` entries a step; of a short batch some may be empty."""
    size, times = options.at_once(processes), options.accumulation(processes)
    found: list[list[int]] = []
    for batch in batches:
        own = list(batch[rank::processes])
        found += [own[n * size : (n + 1) * size] for n in range(times)]
    return found


def collate(rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """`ids` and `labels`, both (batch, longest); no row at all gives one token that the loss does not count.

    Padding stands at the end, where a causal model's real tokens never look: no attention mask is needed.
    """
    width = max((len(row["ids"]) for row in rows), default=1)
    ids = torch.zeros(max(1, len(rows)), width, dtype=torch.long)
    labels = torch.full_like(ids, IGNORED)
    for n, row in enumerate(rows):
        tokens = torch.tensor(row["ids"])
        ids[n, : len(tokens)] = tokens
        labels[n, row["start"] : len(tokens)] = tokens[row["start"] :]
    return {"ids": ids, "labels": labels}
