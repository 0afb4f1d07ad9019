"""Prompts that begin alike are read once: examples of one text as a tree, and trees packed into rows.

The views of a text (its sentiment words, its relations and so on) ask different things at the end of the same prompt, so
the prompts share most of their tokens. A causal model's states of a beginning do not depend on what follows. So the
beginning stands once in a row, and behind it each example's own rest, a branch, which sees the beginning and itself
through the attention mask and is counted from the beginning on by its positions. The loss of every example is the one that
it has alone; about a quarter of the tokens is never computed. Rows hold several trees, which do not see each other, so
that little is padded.

A model that does not go by such a mask (a state-space layer, a window of attention shorter than an example, an attention
that wants another form of it) is found by comparing its states, and gets one example a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import torch

IGNORED = -100  # label of a token that the loss does not count, as everywhere in transformers
FEWEST = 8  # tokens of a beginning that is worth a tree
ATTENTION = (
    2_700  # row length at which attention costs as much as the layers' weights do; it only decides between packings
)


def alike(one: Sequence[int], other: Sequence[int]) -> int:
    """How many first tokens are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def beginning(rows: Sequence[dict[str, Any]]) -> int:
    """Tokens that all prompts share, their last ones left out, whose states foretell the first of the output."""
    first: list[int] = rows[0]["ids"]
    least: int = min(row["start"] for row in rows) - 1
    return min([least, *(alike(first, row["ids"]) for row in rows[1:])])


def size(rows: Sequence[dict[str, Any]]) -> int:
    """Tokens of the tree of these rows."""
    whole = sum(len(row["ids"]) for row in rows)
    return whole - (len(rows) - 1) * beginning(rows)


def families(rows: Sequence[dict[str, Any]], longest: int) -> list[list[int]]:
    """Row numbers by tree: those whose prompts share at least half, in trees of at most `longest` tokens.

    Each is in one tree, and a row that shares nothing is one of its own. `rows` have `ids` and `start`.
    """
    order = sorted(range(len(rows)), key=lambda n: rows[n]["ids"])
    found: list[list[int]] = []
    for n in order:
        if found:
            tree = [rows[other] for other in found[-1]]
            shared = beginning([*tree, rows[n]])
            if 2 * shared >= rows[n]["start"] and shared >= FEWEST and size([*tree, rows[n]]) <= longest:
                found[-1].append(n)
                continue
        found.append([n])
    return sorted((sorted(family) for family in found), key=min)


def packed(sizes: Sequence[int], longest: int) -> list[list[int]]:
    """Trees, by number, in rows: the packing that costs least, rows of at most `longest` tokens or of the longest tree."""
    order = sorted(range(len(sizes)), key=lambda n: -sizes[n])
    top = sizes[order[0]]
    widths = {top, *(top + size for size in sizes), *(top + one + two for one in sizes for two in sizes)}
    best: tuple[float, list[list[int]]] | None = None
    for width in sorted(width for width in widths if width <= max(longest, top)):
        rows: list[list[int]] = []
        room: list[int] = []
        for n in order:
            place = next((k for k, left in enumerate(room) if sizes[n] <= left), len(rows))
            if place == len(rows):
                rows.append([])
                room.append(width)
            rows[place].append(n)
            room[place] -= sizes[n]
        used = width - min(room)
        cost = len(rows) * used * (1 + used / ATTENTION)
        if best is None or cost < best[0]:
            best = cost, rows
    assert best is not None
    return best[1]


def collate(rows: Sequence[dict[str, Any]], longest: int | None = None) -> dict[str, torch.Tensor]:
    """A batch of examples with `ids` and `start`; no example at all gives one token that the loss does not count.

    `ids` and `labels` are (rows, width). With `longest`, the most tokens of a row, also `position_ids` (rows, width) and
    `attention_mask` (rows, 1, width, width), true where a token sees another. Without it each example is a row, whose
    padding stands at the end, where a causal model's real tokens never look: no mask is needed.
    """
    if longest is None or not rows:
        width = max((len(row["ids"]) for row in rows), default=1)
        ids = torch.zeros(max(1, len(rows)), width, dtype=torch.long)
        labels = torch.full_like(ids, IGNORED)
        for n, row in enumerate(rows):
            tokens = torch.tensor(row["ids"])
            ids[n, : len(tokens)] = tokens
            labels[n, row["start"] : len(tokens)] = tokens[row["start"] :]
        return {"ids": ids, "labels": labels}
    trees = [[rows[n] for n in family] for family in families(rows, longest)]
    packing = packed([size(tree) for tree in trees], longest)
    width = max(sum(size(trees[n]) for n in held) for held in packing)
    ids = torch.zeros(len(packing), width, dtype=torch.long)
    labels = torch.full_like(ids, IGNORED)
    positions, tree_of, branch_of = torch.zeros_like(ids), torch.full_like(ids, -1), torch.zeros_like(ids)
    for number, held in enumerate(packing):
        end = 0
        for n in held:
            tree = trees[n]
            shared = beginning(tree) if len(tree) > 1 else 0
            for branch, example in enumerate(tree):
                first = 0 if branch == 0 else shared
                tokens = torch.tensor(example["ids"][first:])
                begun, end = end, end + len(tokens)
                ids[number, begun:end] = tokens
                positions[number, begun:end] = torch.arange(first, first + len(tokens))
                tree_of[number, begun:end] = n
                branch_of[number, begun:end] = branch + 1
                if branch == 0:
                    branch_of[number, begun : begun + shared] = 0
                output = begun + example["start"] - first
                labels[number, output:end] = tokens[example["start"] - first :]
    seen = (tree_of[:, None, :] == tree_of[:, :, None]) & (
        (branch_of[:, None, :] == 0) | (branch_of[:, None, :] == branch_of[:, :, None])
    )
    mask = seen & torch.ones(width, width, dtype=torch.bool).tril()
    return {"ids": ids, "labels": labels, "position_ids": positions, "attention_mask": mask[:, None]}


@torch.no_grad()
def shares_prompts(model: Any, longest: int) -> bool:
    """Whether the model's states in a packed batch are those of the examples alone, and its attention reaches `longest`."""
    window = getattr(model.config.get_text_config(), "sliding_window", None)
    if window is not None and window < longest:
        return False
    top = model.get_input_embeddings().weight.shape[0] - 1
    first = [min(top, 5 + n) for n in range(FEWEST + 1)]
    rest = ([3, 4, 5], [4, 3], [5, 5, 3, 4])
    rows = [{"ids": [*first, *(min(top, n) for n in own)], "start": len(first) + 1} for own in rest]
    rows.append({"ids": [min(top, n) for n in (9, 8, 7, 6)], "start": 2})
    training, types = model.training, {weight.dtype for weight in model.parameters()}
    model.eval()

    def states(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Of the completions, (tokens, width), sorted so that both forms have one order."""
        given = {name: part.to(model.device) for name, part in batch.items()}
        ids, labels = given.pop("ids"), given.pop("labels")
        found: torch.Tensor = model.base_model(input_ids=ids, use_cache=False, **given).last_hidden_state
        return found[labels != IGNORED].float()

    order = order_of(rows, longest)
    try:
        with torch.autocast(model.device.type, torch.bfloat16, enabled=torch.bfloat16 in types and len(types) > 1):
            alone = torch.cat([states(collate([rows[n]])) for n in order])
            padded = states(collate([rows[n] for n in order]))
            shared = states(collate(rows, longest))
    except (RuntimeError, TypeError, ValueError):  # a mask that it cannot take
        return False
    finally:
        model.train(training)
    # What batches differ by anyway is rounding; a mask that is not heeded differs by more.
    rounding = 1e-3 * float(alone.abs().max()) + 4 * float((padded - alone).abs().max())
    return float((shared - alone).abs().max()) <= rounding


def order_of(rows: Sequence[dict[str, Any]], longest: int) -> list[int]:
    """The examples of a batch in the order in which `collate` lays them out."""
    trees = families(rows, longest)
    return [
        example
        for row in packed([size([rows[n] for n in tree]) for tree in trees], longest)
        for n in row
        for example in trees[n]
    ]
