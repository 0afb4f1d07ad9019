"""How much memory training needs on one device, told before a weight is loaded.

The model is built on the meta device from its config: its parameters have shapes and no bytes. The decoder then runs forward
there once, and autograd's hooks count what it keeps for the backward pass. So any architecture is counted as it is.

The estimate is of the longest batch that the options allow. What is trained is fp32, with a copy in the type that the model
computes in; AdamW keeps two fp32 values more. docs/training.md says how near it comes to what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from stages.core.config import parse_yaml
from stages.core.errors import UserError
from stages.model.options import Train

GB = 1e9
COMPLETION = 0.5  # share of a long example's tokens that the loss counts, at most; 0.36 in the project's own data
FOUR_BITS = 0.52  # bytes a weight, with nf4's scales quantised once more


@dataclass(frozen=True)
class Sharding:
    """Over how many devices each kind of bytes is shared out."""

    weights: int = 1
    gradients: int = 1
    optimiser: int = 1


@dataclass(frozen=True)
class Estimate:
    """Bytes on one device; `parameters` and `trainable` are those of the whole model."""

    parameters: int
    trainable: int
    weights: float
    gradients: float
    optimiser: float
    activations: float
    logits: float

    @property
    def total(self) -> float:
        return self.weights + self.gradients + self.optimiser + self.activations + self.logits

    def told(self) -> str:
        """The parts in GB, in one line."""
        parts = ("weights", "gradients", "optimiser", "activations", "logits")
        listed = " + ".join(f"{name} {getattr(self, name) / GB:.2f}" for name in parts)
        return f"{self.total / GB:.2f} GB a device ({listed})"


def sharding_of(accelerate: str | None, devices: int) -> Sharding:
    """What an accelerate config shares out: FSDP by its strategy, DeepSpeed by its ZeRO stage, nothing without."""
    if accelerate is None:
        return Sharding()
    path = Path(accelerate)
    if not path.is_file():
        raise UserError("train.accelerate", f"no file {accelerate}", "write it with `accelerate config`")
    found: Mapping[str, Any] = parse_yaml(path.read_text(encoding="utf-8"), accelerate)
    if deep := found.get("deepspeed_config"):
        stage = int(deep.get("zero_stage", 2))
        return Sharding(*(devices if stage >= least else 1 for least in (3, 2, 1)))
    if fsdp := found.get("fsdp_config"):
        strategy = str(fsdp.get("fsdp_sharding_strategy", "FULL_SHARD")).upper()
        whole = strategy in ("FULL_SHARD", "1") and fsdp.get("fsdp_reshard_after_forward", True) is not False
        return Sharding(devices if whole else 1, devices, devices)
    return Sharding()


def meta_model(config: str | Path | Any, options: Train, dtype: torch.dtype) -> Any:
    """The causal model of a config (a file, a folder or the config itself) without any bytes, adapters included."""
    if isinstance(config, (str, Path)):
        try:
            config = AutoConfig.from_pretrained(str(config), local_files_only=True)
        except (OSError, ValueError) as error:
            fault = f"no config of a model: {' '.join(str(error).split())[:200]}"
            raise UserError(str(config), fault, "give a config.json") from error
    with torch.device("meta"):
        try:
            model = AutoModelForCausalLM.from_config(config, dtype=dtype)
        except ValueError as error:
            fault = f"{config.model_type} is no causal language model"
            raise UserError("base", fault, "choose a base with a decoder and an output layer") from error
        if options.method != "full":
            how = LoraConfig(
                r=options.lora_r,
                lora_alpha=options.lora_alpha,
                lora_dropout=options.lora_dropout,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            )
            model = get_peft_model(model, how, autocast_adapter_dtype=False).get_base_model()
    return model.train()


def kept(model: Any, batch: int, length: int) -> int:
    """Bytes that the decoder keeps for the backward pass of a batch, its weights aside."""
    own, seen, total = {id(weight) for weight in model.parameters()}, set[tuple[int, ...]](), 0

    def note(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal total
        base = tensor._base if tensor._base is not None else tensor
        key = (id(base), base.numel())
        square = tensor.dim() > 2 and tensor.shape[-1] == tensor.shape[-2] == length
        # The kernels that devices have keep no square of scores, which the meta device's does.
        if id(base) not in own and key not in seen and not square:
            seen.add(key)
            alive.append(base)
            total += base.numel() * base.element_size()
        return tensor

    alive: list[torch.Tensor] = []  # so that no id is given twice
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        ids = torch.zeros(batch, length, dtype=torch.long, device="meta")
        # A mask of four dimensions is taken as it is; to make one, or to see that none is needed, would look at values.
        mask = torch.zeros(1, 1, length, length, dtype=model.dtype, device="meta")
        model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)
    return total


def estimate(
    config: str | Path | Any,
    options: Train,
    dtype: torch.dtype,
    devices: int = 1,
    *,
    length: int | None = None,
    rows: int | None = None,
) -> Estimate:
    """Of training on `devices` in all; `length` is of the longest example, `rows` of a cut head, if they are known."""
    model = meta_model(config, options, dtype)
    shared = sharding_of(options.accelerate, devices)
    parameters = sum(weight.numel() for weight in model.parameters())
    trainable = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    frozen, bytes_of = parameters - trainable, torch.finfo(dtype).bits // 8
    copy = bytes_of if bytes_of < 4 else 0
    each = FOUR_BITS if options.method == "qlora" else bytes_of
    batch, length = options.at_once(devices), length or options.max_tokens
    layers = int(getattr(model.config, "num_hidden_layers", 1))
    whole = kept(model, batch, length)
    if options.activation_checkpointing:
        hidden = model.get_input_embeddings().weight.shape[1]
        # A layer's input each, and everything of the layer that is computed anew.
        activations = layers * batch * length * hidden * bytes_of + whole / layers
    else:
        activations = whole * (1 + 1 / layers)  # and the gradients of one layer's
    if shared.weights > 1:  # two layers are gathered at a time
        activations += 2 * bytes_of * parameters / layers
    rows = rows or model.get_output_embeddings().weight.shape[0]
    counted = batch * length * COMPLETION
    return Estimate(
        parameters=parameters,
        trainable=trainable,
        weights=(frozen * each + trainable * (4 + copy)) / shared.weights,
        gradients=4 * trainable / shared.gradients,
        optimiser=8 * trainable / shared.optimiser,
        activations=activations,
        logits=counted * rows * (bytes_of + 4 + 4 + bytes_of),  # as computed, in fp32, and the gradients of both
    )


def available(device: torch.device, devices: int = 1) -> float:
    """Bytes that one of `devices` processes on this machine can have."""
    if device.type == "cuda":
        free: int = torch.cuda.mem_get_info()[0]
        return float(free)
    return float(psutil.virtual_memory().available) / devices


def check_fits(found: Estimate, bytes_there: float, place: str, kind: Literal["free", "asked"] = "free") -> None:
    """UserError with the numbers, unless the estimate fits."""
    if found.total > bytes_there:
        fault = f"training needs about {found.told()}, and {bytes_there / GB:.2f} GB are {kind}"
        remedy = "lower train.micro_batch or max_tokens, set activation_checkpointing, take lora or qlora, or share the"
        raise UserError(place, fault, f"{remedy} model out over more devices (train.accelerate)")


def table(found: Estimate) -> dict[str, float]:
    """The parts, for those who print or write them."""
    return asdict(found) | {"total": found.total}
