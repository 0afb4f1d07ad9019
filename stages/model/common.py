"""What base, train and predict share: precision, the tokens of an example, loading, folders that appear whole.

A training sequence is the input, a line break, the output and the end-of-sequence token; a prompt is its part up to the
output. Input and output are tokenised apart, so that the boundary is the same in training and in prediction. Models run
on the CPU, are LLaMA-like (a decoder and a linear head on its last state), and are never fetched from a hub here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from stages.core.errors import UserError

Precision = Literal["auto", "fp32", "bf16"]
HEAD = "head_tokens.json"  # in the adapter's folder, if its head was cut: the tokens whose rows were trained on
BASE = "BASE.json"  # in the base's folder: schema `base`
ADAPTER = "ADAPTER.json"  # in the adapter's folder: schema `adapter`
TERMS = "TERMS-"  # before the name of a file that a licence asks to pass on
FORMAT = 1  # of a training sequence; a change of it makes older adapters unusable

logging.set_verbosity_error()
logging.disable_progress_bar()


def dtype_of(precision: Precision) -> torch.dtype:
    """The type of the weights; `auto` is bf16 where the device multiplies it in hardware, else fp32."""
    if precision == "auto":
        if torch.cuda.is_available():
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


def device() -> torch.device:
    """Where models run: the first CUDA device, Apple's GPU, or the processor. Found, not configured."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def load_tokenizer(folder: str | Path) -> Any:
    """The tokenizer of a model folder; special tokens in a text are read as plain text."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, split_special_tokens=True)
    except (OSError, ValueError) as error:
        raise UserError(str(folder), f"no tokenizer: {_line(error)}", "make it again with `dvc repro base`") from error
    if tokenizer.eos_token_id is None:
        raise UserError(str(folder), "its tokenizer has no end-of-sequence token", "choose another base")
    return tokenizer


def load_model(folder: str | Path, dtype: torch.dtype) -> Any:
    """The causal language model of a folder, in evaluation mode."""
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
    except (OSError, ValueError) as error:
        raise UserError(str(folder), f"no model: {_line(error)}", "make it again with `dvc repro`") from error
    return model.to(device()).eval()


class Head:
    """The rows of a model's output layer that are used: all, or those of some tokens.

    With 262,000 rows the head of a small multilingual base costs as much as its body, and an answer is made of few tokens:
    those of its input and of the training data. Logits over them alone are the full ones, left out rows aside.
    """

    def __init__(self, model: Any, tokens: Sequence[int] | None) -> None:
        """`tokens` are sorted; None takes all. A capped or scaled head is taken whole, as its own layer computes it."""
        self._layer = model.get_output_embeddings()
        cut = tokens is not None and not any(
            getattr(model.config, name, None) for name in ("final_logit_softcapping", "logit_scale", "logits_scaling")
        )
        self.tokens = torch.tensor(tokens, device=self._layer.weight.device) if cut else None
        if self.tokens is not None:
            self._rows = self._layer.weight.detach()[self.tokens].contiguous()
            self._place = torch.full((self._layer.weight.shape[0],), -1, device=self.tokens.device)
            self._place[self.tokens] = torch.arange(len(self.tokens), device=self.tokens.device)

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """(..., hidden) to (..., rows)."""
        return self._layer(states) if self.tokens is None else functional.linear(states, self._rows)

    def rows_of(self, tokens: torch.Tensor) -> torch.Tensor:
        """The places of tokens among the rows."""
        return tokens if self.tokens is None else self._place[tokens]

    def tokens_of(self, rows: torch.Tensor) -> torch.Tensor:
        """The inverse of `rows_of`."""
        return rows if self.tokens is None else self.tokens[rows]

    def spread(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits over the whole vocabulary, minus infinity where there is no row."""
        if self.tokens is None:
            return logits
        full = logits.new_full((*logits.shape[:-1], self._layer.weight.shape[0]), -torch.inf)
        full[..., self.tokens] = logits
        return full


def prompt_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of an input, up to where the output starts; with a first token if the tokenizer sets one itself."""
    first = tokenizer("").input_ids[:1]
    start: list[int] = first if first == [tokenizer.bos_token_id] else []
    return start + list(tokenizer(text + "\n", add_special_tokens=False).input_ids)


def output_ids(tokenizer: Any, output: str) -> list[int]:
    """Token ids of an output, without the end-of-sequence token."""
    return list(tokenizer(output, add_special_tokens=False).input_ids)


def decode(tokenizer: Any, ids: Sequence[int]) -> str:
    """The text of an output's token ids, as it is: no spaces are taken out before punctuation."""
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """A new folder that takes the place of `path` when the block ends well; otherwise what was there stays."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # of a run that was killed
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
