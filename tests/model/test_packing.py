"""Prompts that are read once: the loss and its gradient are those of every example alone, and a model that cannot is found."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    PretrainedConfig,
    Qwen3Config,
)

from stages.model.examples import plan
from stages.model.fit import Completions
from stages.model.head import Head
from stages.model.packing import IGNORED, beginning, collate, families, packed, shares_prompts, size
from tests.model.test_train import OPTIONS

Rows = list[dict[str, Any]]
SMALL = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 1,
}
HEEDING = {
    "llama": LlamaConfig(**SMALL),
    "gemma3": Gemma3TextConfig(**SMALL, sliding_window=64, layer_types=["sliding_attention", "full_attention"]),
    "qwen3": Qwen3Config(**SMALL),
}


def model_of(config: PretrainedConfig, attention: str = "sdpa") -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config, attn_implementation=attention)


def views(texts: int, chance: random.Random) -> Rows:
    """One to four examples of each text, which differ at the end of the prompt, in any order."""
    rows: Rows = []
    for _ in range(texts):
        text = [chance.randrange(2, 60) for _ in range(chance.randrange(10, 30))]
        for task in range(chance.randrange(1, 5)):
            prompt = [*text, 60, *[61 + task % 2] * (task // 2 + 1)]
            output = [chance.randrange(2, 60) for _ in range(chance.randrange(1, 9))]
            rows.append({"ids": [*prompt, *output, 1], "start": len(prompt)})
    chance.shuffle(rows)
    return rows


def gradient(model: Any, batches: Sequence[dict[str, torch.Tensor]]) -> tuple[float, torch.Tensor]:
    """(sum of the losses, the gradient of all weights) over batches of `collate`."""
    model.zero_grad()
    completions = Completions(model, Head(model, None))
    loss = torch.stack([completions(**batch) for batch in batches]).sum()
    loss.backward()
    return float(loss.detach()), torch.cat([weight.grad.flatten() for weight in model.parameters()])


@pytest.mark.parametrize("kind", HEEDING)
def test_loss_and_gradient_of_a_packed_batch_are_those_of_its_examples_alone(kind: str) -> None:
    model, rows = model_of(HEEDING[kind]), views(5, random.Random(kind))
    batch = collate(rows, 64)
    assert batch["ids"].numel() < sum(len(row["ids"]) for row in rows)
    loss, together = gradient(model, [batch])
    expected, alone = gradient(model, [collate([row]) for row in rows])
    assert loss == pytest.approx(expected, rel=1e-5)
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-5 * float(alone.abs().max()))


def test_a_packed_batch_holds_every_output_once_and_no_row_is_longer_than_allowed() -> None:
    for seed in range(30):
        chance = random.Random(seed)
        rows, longest = views(chance.randrange(1, 7), chance), chance.choice([48, 64, 200])
        batch = collate(rows, longest)
        assert batch["ids"].shape[1] <= longest
        counted = batch["labels"] != IGNORED
        assert torch.equal(batch["labels"][counted], batch["ids"][counted])
        wanted = Counter(token for row in rows for token in row["ids"][row["start"] :])
        assert Counter(batch["ids"][counted].tolist()) == wanted


def test_families_hold_each_row_once_and_share_half_of_every_prompt() -> None:
    rows = views(12, random.Random(1))
    found = families(rows, 64)
    assert sorted(row for family in found for row in family) == list(range(len(rows)))
    assert len(found) < len(rows)
    for family in found:
        tree = [rows[n] for n in family]
        assert size(tree) <= 64 or len(tree) == 1
        assert len(tree) == 1 or all(2 * beginning(tree) >= row["start"] for row in tree)
    # The same prompt twice: its last token stays with each output, for it is what foretells it.
    twice: Rows = [{"ids": [*range(2, 22), 30 + n, 1], "start": 20} for n in range(2)]
    assert beginning(twice) == 19
    assert families(twice, 64) == [[0, 1]]


def test_a_packing_wastes_little() -> None:
    assert packed([10, 10, 10, 10], 10) == [[0], [1], [2], [3]]
    assert packed([40, 20, 20], 64) == [[0], [1, 2]]
    assert packed([100], 64) == [[0]]  # an example is never cut


@pytest.mark.parametrize("kind", HEEDING)
def test_a_model_that_heeds_the_mask_shares(kind: str) -> None:
    assert shares_prompts(model_of(HEEDING[kind]), 64)


def test_a_model_that_does_not_heed_the_mask_is_found() -> None:
    mamba = MambaConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2, state_size=4, pad_token_id=0)
    assert not shares_prompts(AutoModelForCausalLM.from_config(mamba), 64)
    # This attention adds the mask to the scores, so that true and false differ by one.
    assert not shares_prompts(model_of(LlamaConfig(**SMALL), "eager"), 64)
    assert not shares_prompts(model_of(MistralConfig(**SMALL, sliding_window=32)), 64)
    assert shares_prompts(model_of(MistralConfig(**SMALL, sliding_window=64)), 64)


def test_the_plan_takes_each_row_once_an_epoch_keeps_texts_together_and_stops_at_a_fraction() -> None:
    rows = views(40, random.Random(2))
    data, options = Dataset.from_list(rows), replace(OPTIONS, epochs=2.5, batch_size=8, max_tokens=200)
    an_epoch = -(-len(rows) // 8)
    for shared in (True, False):
        batches = plan(data, options, shared)
        assert len(batches) == -(-an_epoch * 5 // 2)
        for epoch in range(2):
            these = batches[an_epoch * epoch : an_epoch * (epoch + 1)]
            assert sorted(row for batch in these for row in batch) == list(range(len(rows)))
            assert sorted(map(len, these))[1:] == [8] * (an_epoch - 1)
        assert batches == plan(data, options, shared)
        assert batches[:an_epoch] != batches[an_epoch : 2 * an_epoch]
    slots = {
        shared: sum(
            collate([rows[n] for n in batch], 200 if shared else None)["ids"].numel()
            for batch in plan(data, options, shared)[:an_epoch]
        )
        for shared in (True, False)
    }
    assert slots[True] < sum(len(row["ids"]) for row in rows) < slots[False]
    together = sum(
        any(set(family) <= set(batch) for batch in plan(data, options, True)[:an_epoch])
        for family in families(rows, 200)
    )
    assert together > 0.9 * len(families(rows, 200))
