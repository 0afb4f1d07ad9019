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

from datasets import Dataset, disable_progress_bars

from stages.core.errors import UserError
from stages.model.common import decode, output_ids, prompt_ids
from stages.model.options import Train
from stages.model.packing import families

WINDOW = 25  # batches whose examples are sorted by length together
LOOK = 64  # trees that are looked at for one that fits into a batch


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


def plan(data: Dataset, options: Train, shared: bool) -> list[list[int]]:
    """The batches of all steps, as row numbers: a function of its arguments alone, so a resumed run sees the same.

    With `shared`, the examples of a tree (packing.py) come in one batch where it has room for them, and trees in any order:
    sorted by length, a batch would hold one kind of text. Without, examples of like length stand together, as each is padded
    to the longest.
    """
    rows = data.select_columns(["ids", "start"]).to_list()
    trees = families(rows, options.max_tokens) if shared else [[n] for n in range(len(rows))]
    window = options.batch_size * WINDOW
    steps = max(1, math.ceil(math.ceil(len(rows) / options.batch_size) * options.epochs))
    batches: list[list[int]] = []
    for epoch in range(math.ceil(options.epochs)):
        order, chance = list(trees), random.Random(f"{options.seed}/{epoch}")
        chance.shuffle(order)
        if not shared:
            for start in range(0, len(order), window):
                part = order[start : start + window]
                order[start : start + window] = sorted(part, key=lambda tree: -len(rows[tree[0]]["ids"]))
        some = fill(order, options.batch_size)
        chance.shuffle(some)
        batches += some
    return batches[:steps]


def fill(trees: Sequence[Sequence[int]], batch: int) -> list[list[int]]:
    """Batches of exactly so many rows, the last one aside; a tree is cut only where none of the next fits."""
    queue, found = [list(tree) for tree in trees], [list[int]()]
    while queue:
        room = batch - len(found[-1])
        place = next((n for n, tree in enumerate(queue[:LOOK]) if len(tree) <= room), None)
        if place is None:
            found[-1] += queue[0][:room]
            queue[0] = queue[0][room:]
        else:
            found[-1] += queue.pop(place)
        if len(found[-1]) == batch:
            found.append([])
    return [rows for rows in found if rows]


def shares(batches: Sequence[Sequence[int]], options: Train, rank: int, processes: int) -> list[list[int]]:
    """What process `rank` holds at once, `accumulation` entries a step; of a short batch some may be empty."""
    once, times = options.at_once(processes), options.accumulation(processes)
    each = math.ceil(options.batch_size / processes)
    found: list[list[int]] = []
    for batch in batches:
        own = list(batch[rank * each : (rank + 1) * each])
        found += [own[n * once : (n + 1) * once] for n in range(times)]
    return found
