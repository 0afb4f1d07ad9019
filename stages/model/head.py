"""The output layer: all of its rows, or only those of the tokens that can come.

With 262,000 rows the head of a small multilingual base costs as much as its body, and an answer is made of few tokens:
those of its input and of the training data. Logits over them alone are the full ones, left out rows aside.

Most models multiply the decoder's last state with the output layer's weights, and that is all. Some then cap or scale the
logits (Gemma 2, Cohere, Granite, Falcon-H1). Which do is found by comparing logits, since each names it differently; the
logits of these come from the model itself, whole, and the rows are taken out of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional


@torch.no_grad()
def is_plain(model: Any) -> bool:
    """Whether the model's logits are its output layer's, of the decoder's last state."""
    size = model.get_input_embeddings().weight.shape[0]
    ids = torch.arange(1, min(size, 6), device=model.device)[None]
    training = model.training
    model.eval()
    types = {weight.dtype for weight in model.parameters()}
    with torch.autocast(model.device.type, torch.bfloat16, enabled=torch.bfloat16 in types and len(types) > 1):
        states = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        plain, own = model.get_output_embeddings()(states), model(input_ids=ids, use_cache=False).logits
    model.train(training)
    return torch.equal(plain, own)


class Head:
    """The rows of a model's output layer that are used: all, or those of some tokens."""

    def __init__(self, model: Any, tokens: Sequence[int] | None) -> None:
        """`tokens` are sorted; None takes all."""
        self._model, self._layer, self.plain = model, model.get_output_embeddings(), is_plain(model)
        where = self._layer.weight.device
        self.tokens = None if tokens is None else torch.tensor(tokens, device=where)
        self._rows: torch.Tensor | None = None
        if self.tokens is not None:
            if self.plain:
                self._rows = self._layer.weight.detach()[self.tokens].contiguous()
            self._place = torch.full((self._layer.weight.shape[0],), -1, device=where)
            self._place[self.tokens] = torch.arange(len(self.tokens), device=where)

    def _follow(self, device: torch.device) -> None:
        """The model may have moved since."""
        if self.tokens is not None and self.tokens.device != device:
            self.tokens, self._place = self.tokens.to(device), self._place.to(device)
            self._rows = None if self._rows is None else self._rows.to(device)

    def logits_of(self, row: torch.Tensor, place: torch.Tensor, **inputs: Any) -> torch.Tensor:
        """Logits (n, rows) at n places of a batch; `inputs` are the decoder's."""
        self._follow(row.device)
        if not self.plain:
            logits: torch.Tensor = self._model(**inputs).logits[row, place]
            return logits if self.tokens is None else logits[:, self.tokens]
        return self._linear(self._model.base_model(**inputs).last_hidden_state[row, place])

    def last_logits(self, **inputs: Any) -> torch.Tensor:
        """Logits (batch, rows) at the last place."""
        self._follow(inputs["input_ids"].device)
        if not self.plain:
            logits: torch.Tensor = self._model(**inputs, logits_to_keep=1).logits[:, -1]
            return logits if self.tokens is None else logits[:, self.tokens]
        return self._linear(self._model.base_model(**inputs).last_hidden_state[:, -1])

    def _linear(self, states: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._layer(states) if self._rows is None else functional.linear(states, self._rows)
        return logits

    def rows_of(self, tokens: torch.Tensor) -> torch.Tensor:
        """The places of tokens among the rows."""
        return tokens if self.tokens is None else self._place[tokens]

    def tokens_of(self, rows: torch.Tensor) -> torch.Tensor:
        """The inverse of `rows_of`."""
        return rows if self.tokens is None else self.tokens[rows]
