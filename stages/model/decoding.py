"""Greedy decoding of a batch of prompts: what prediction does, and training while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from stages.model.head import Head


class Chooser(Protocol):
    """Who chooses the tokens of one answer (`stages.model.grammar.Answer`)."""

    def add(self, token: int) -> bool:
        """Whether the token may come next; if so, it is added."""
        ...

    def choose(self, scores: torch.Tensor, tokens: NDArray[np.int64] | None) -> int:
        """Adds the best token that may come next, by the scores of `tokens`, sorted; None: of the whole vocabulary."""
        ...


@torch.inference_mode()
def greedy(
    model: Any,
    head: Head,
    prompts: Sequence[Sequence[int]],
    end: int,
    limit: int,
    answers: Sequence[Chooser] = (),
    stop: Callable[[int, Sequence[int]], bool] | None = None,
) -> list[tuple[list[int], bool]]:
    """(token ids without `end`, whether `end` came) for each prompt of one batch, at most `limit` tokens.

    Prompts are padded on the left. A row that has ended leaves the batch, so a long output does not hold up the rest.
    `answers`, one a prompt, constrain the outputs; without them any token may come. `stop` is asked after each token, with
    the row and its ids so far.
    """
    width = max(map(len, prompts))
    where = model.device
    ids = torch.tensor([[end] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=where)
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    place = (mask.cumsum(1) - 1).clamp(min=0).to(where)  # counted on the processor: CUDA may have no deterministic way
    mask = mask.to(where)
    cache = DynamicCache(config=model.config)
    outputs: list[tuple[list[int], bool]] = [([], False) for _ in prompts]
    rows = list(range(len(prompts)))
    kept = None if head.tokens is None else head.tokens.cpu().numpy()
    for _ in range(limit):
        scores = head.last_logits(input_ids=ids, attention_mask=mask, position_ids=place, past_key_values=cache)
        # Of equal scores the first, as `argmax`, which takes four times as long over bf16 on a processor.
        chosen = head.tokens_of(scores.max(-1).indices).tolist()
        if answers:
            refused = [n for n, row in enumerate(rows) if not answers[row].add(chosen[n])]
            for n, score in zip(refused, scores[refused].cpu(), strict=True):
                chosen[n] = answers[rows[n]].choose(score, kept)
        on: list[int] = []
        for n, (row, token) in enumerate(zip(rows, chosen, strict=True)):
            written = outputs[row][0]
            if token == end:
                outputs[row] = (written, True)
                continue
            written.append(token)
            if stop is None or not stop(row, written):
                on.append(n)
        if not on:
            break
        if len(on) < len(rows):
            going = torch.tensor(on, device=where)
            cache.batch_select_indices(going)
            rows, mask, place = [rows[n] for n in on], mask[going], place[going]
        ids, place = torch.tensor([[chosen[n]] for n in on], device=where), place[:, -1:] + 1
        mask = torch.cat([mask, torch.ones_like(ids)], dim=1)
    return outputs
