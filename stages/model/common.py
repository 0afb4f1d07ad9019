"""What base, train and predict share: precision, the tokens of an example, loading, folders that appear whole.

A training sequence is the input, a line break, the output and the end-of-sequence token; a prompt is its part up to the
output. Input and output are tokenised apart, so that the boundary is the same in training and in prediction. Models are
decoders with an output layer on their last state, and are never fetched from a hub here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub.utils import logging as hub_logging
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from stages.core.errors import UserError

Precision = Literal["auto", "fp32", "bf16"]
HEAD = "head_tokens.json"  # in the adapter's folder, if its head was cut: the tokens whose rows were trained on
BASE = "BASE.json"  # in the base's folder: schema `base`
ADAPTER = "ADAPTER.json"  # in the adapter's folder: schema `adapter`
TERMS = "TERMS-"  # before the name of a file that a licence asks to pass on
FORMAT = 1  # of a training sequence; a change of it makes older adapters unusable

# What libraries say to their own developers is no news to those who train.
warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers|accelerate|torch|peft")
logging.set_verbosity_error()
hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # its tries are no news; a fault is told by one line
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


def load_model(folder: str | Path, dtype: torch.dtype, where: torch.device | None = None, **how: Any) -> Any:
    """The causal language model of a folder in evaluation mode, on `where`, else on `device()`."""
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True, use_safetensors=True, **how
        )
    except (OSError, ValueError) as error:
        raise UserError(str(folder), f"no model: {_line(error)}", "make it again with `dvc repro`") from error
    return (model if "quantization_config" in how else model.to(where or device())).eval()


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
def writing(path: str | Path) -> Iterator[None]:
    """A full disk, or whatever else keeps weights from being written there, is a UserError."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        # torch and safetensors have errors of their own for what the system refuses.
        full = isinstance(error, (OSError, SafetensorError)) or "writ" in str(error)
        if not full:
            raise
        remedy = "free space or set another place, and run it again: it goes on from the last checkpoint"
        raise UserError(str(path), f"not written: {_line(error)}", remedy) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
