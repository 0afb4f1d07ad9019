"""The output layer cut to some tokens: the same logits, fewer of them."""

from __future__ import annotations

import torch

from stages.model.common import Head
from tests.support.tiny_llama import tiny_model


def test_the_logits_of_a_cut_head_are_those_of_the_whole_one() -> None:
    model, tokens = tiny_model().eval(), [0, 3, 200]
    states = torch.randn(2, 5, 64)
    whole, cut = Head(model, None), Head(model, tokens)
    assert torch.allclose(cut.logits(states), whole.logits(states)[..., tokens])
    assert cut.rows_of(torch.tensor([200, 0])).tolist() == [2, 0]
    assert cut.tokens_of(torch.tensor([2, 0])).tolist() == [200, 0]
    spread = cut.spread(cut.logits(states))
    assert torch.allclose(spread[..., tokens], whole.logits(states)[..., tokens])
    assert torch.isinf(spread).sum() == 2 * 5 * (258 - 3)


def test_a_capped_head_is_taken_whole() -> None:
    model = tiny_model()
    model.config.final_logit_softcapping = 30.0
    assert Head(model, [1, 2]).tokens is None
