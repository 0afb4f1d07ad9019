"""The output layer cut to some tokens: the same logits, fewer of them, also where the model changes its logits afterwards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, CohereConfig, FalconH1Config, Gemma2Config, GraniteConfig

from stages.model.head import Head, is_plain
from tests.support.tiny_llama import tiny_model

SIZES: dict[str, Any] = {
    "vocab_size": 258,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
# Each names what it does to its logits differently.
CHANGING = {
    "gemma2": Gemma2Config(**SIZES, head_dim=16, final_logit_softcapping=0.5),
    "cohere": CohereConfig(**SIZES, logit_scale=0.25),
    "granite": GraniteConfig(**SIZES, logits_scaling=8.0),
    "falcon_h1": FalconH1Config(
        **SIZES, lm_head_multiplier=0.5, mamba_d_ssm=64, mamba_n_heads=4, mamba_d_head=16, mamba_d_state=8
    ),
}
IDS = torch.tensor([[5, 9, 30, 7], [8, 8, 100, 2]])
ROW, PLACE = torch.tensor([0, 0, 1]), torch.tensor([1, 3, 2])


def model_of(kind: str) -> Any:
    torch.manual_seed(0)
    return (tiny_model() if kind == "llama" else AutoModelForCausalLM.from_config(CHANGING[kind])).eval()


@pytest.mark.parametrize("kind", ["llama", *CHANGING])
def test_the_logits_of_a_head_are_the_model_s(kind: str) -> None:
    model, tokens = model_of(kind), [0, 3, 200]
    assert is_plain(model) is (kind == "llama")
    whole, cut = Head(model, None), Head(model, tokens)
    with torch.no_grad():
        expected = model(input_ids=IDS).logits
        for head, rows in ((whole, slice(None)), (cut, tokens)):
            found = head.logits_of(ROW, PLACE, input_ids=IDS)
            torch.testing.assert_close(found, expected[ROW, PLACE][:, rows], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(head.last_logits(input_ids=IDS), expected[:, -1][:, rows], rtol=1e-4, atol=1e-5)


def test_rows_stand_for_tokens() -> None:
    model, tokens = model_of("llama"), [0, 3, 200]
    cut = Head(model, tokens)
    assert cut.rows_of(torch.tensor([200, 0])).tolist() == [2, 0]
    assert cut.tokens_of(torch.tensor([2, 0])).tolist() == [200, 0]
