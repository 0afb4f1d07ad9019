"""Fine-tunes the base on the mix: LoRA, DoRA, QLoRA, or all weights, with a loss on the outputs alone.

    python -m stages.model.train --base models/base --train data/mix/train.jsonl --out models/adapter \\
        --metrics metrics/train.json --loss metrics/loss.csv

- Every output has to come back from its tokens as it was, and no example is cut: one over `max_tokens` is an error that
  names it, or is left out and counted.
- A share of the groups is held out; its loss is the second curve of the CSV, four times an epoch.
- With `dev_points`, so many times an epoch the model answers a slice of them, and TL, WL and ALL stand in the CSV (`dev.py`).
  `early_stop` ends a run after so many points without a better one, `keep: best` stores the weights of the best point.
- Batches hold examples of like length. Only the tokens of outputs go through the head; with `head: seen`, against the rows
  of the tokens that the training data hold, which prediction then keeps to.
- A step is `batch_size` examples, whatever the processes and what each holds at once (`micro_batch`). Devices are found:
  every CUDA device, else Apple's GPU, else the processor. `accelerate` names a config for FSDP, DeepSpeed or several machines.
- The state is saved every `save_every` steps beside the output folder, in `.checkpoints/`. A run that was killed goes on
  from there to the same bytes, if data, base, options, code and libraries are what they were; else it starts anew.
- All methods but `full` write an adapter of a few MB; `full` a whole model. Both are stored as bf16 and bound to their base.

On one machine the same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib.util
import io
import math
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, prepare_model_for_kbit_training
from safetensors.torch import save_file
from transformers import BitsAndBytesConfig

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import dumps, replacing_folder, sha256_file, write_bytes, write_json
from stages.core.run import code_state, run
from stages.core.schema import read_checked, read_checked_json, write_checked_json
from stages.model import launch
from stages.model.common import (
    ADAPTER,
    BASE,
    FORMAT,
    HEAD,
    TERMS,
    device,
    dtype_of,
    load_model,
    load_tokenizer,
    writing,
)
from stages.model.dev import LEVELS, SCORER, Dev, dev_slice
from stages.model.examples import prepare, seen_tokens
from stages.model.fit import (
    POINTS,
    Completions,
    Course,
    Fit,
    Row,
    best_point,
    dev_scores,
    last_checkpoint,
    rows_of,
)
from stages.model.head import Head
from stages.model.memory import Sharding, available, check_fits, estimate, sharding_of
from stages.model.options import Train


def check(options: Train) -> None:
    """UserError for options that do not go together, or that this machine cannot do."""
    if options.head == "seen" and options.method == "full":
        raise UserError("train.head", "seen leaves rows untrained that method full would train", "set it to full")
    if not options.dev_points and (options.keep == "best" or options.early_stop):
        fault = "keep: best and early_stop go by the dev slice, and train.dev_points is 0"
        raise UserError("train.dev_points", fault, "set it to 1 or more times an epoch")
    if options.dev_points and not options.validation_share:
        raise UserError("train.validation_share", "0 leaves no dev slice", "raise it, or set train.dev_points to 0")
    if options.dev_points and sharding_of(options.accelerate, 2) != Sharding():
        fault = "a model that is shared out over devices cannot answer a dev slice"
        raise UserError("train.dev_points", fault, "set it to 0, and predict when it is trained")
    if options.method == "qlora":
        if importlib.util.find_spec("bitsandbytes") is None:
            fault = "qlora needs bitsandbytes, which is not installed"
            raise UserError("train.method", fault, "`pip install bitsandbytes` on a machine with a GPU, or set lora")
        if not torch.cuda.is_available():
            raise UserError("train.method", "qlora needs a CUDA device, and there is none", "set lora")


def trainable_model(base: str, options: Train, dtype: torch.dtype) -> tuple[Any, Any]:
    """(causal model, what is to be saved): the same for `full`, the second with the LoRA weights of the first else.

    What is trained is fp32, and the rest `dtype`, or 4 bits for `qlora`.
    """
    # What is sharded starts on the processor; accelerate moves each part to where it belongs.
    sharded = {"ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"} & os.environ.keys()
    where = torch.device("cpu") if sharded else device()
    if options.method == "full":
        model = load_model(base, torch.float32, where)
        _checkpoint_activations(model, options)
        return model, model
    if options.method == "qlora":
        four = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
        model = load_model(base, dtype, where, quantization_config=four)
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    else:
        model = load_model(base, dtype, where)
    torch.manual_seed(options.seed)
    how = LoraConfig(
        r=options.lora_r,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        use_dora=options.method == "dora",
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    wrapped = get_peft_model(model, how)
    for weight in wrapped.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    for module in wrapped.modules():
        if hasattr(module, "cast_input_dtype_enabled"):
            module.cast_input_dtype_enabled = dtype == torch.float32  # autocast does it, once
    _checkpoint_activations(wrapped.get_base_model(), options)
    return wrapped.get_base_model(), wrapped


def _checkpoint_activations(model: Any, options: Train) -> None:
    if options.activation_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})


def checkpoint_key(arguments: argparse.Namespace, identity: dict[str, Any], options: Train, dtype: torch.dtype) -> str:
    """A hash of all that decides a run's result on this machine, but for processes and threads, which a checkpoint names.

    A checkpoint of another key is never used.
    """
    libraries = {name: version(name) for name in ("torch", "transformers", "accelerate", "peft", "datasets")}
    knobs = asdict(options) | {"processes": None}
    given = [sha256_file(arguments.train), identity, knobs, str(dtype), str(device()), libraries]
    if options.dev_points:  # whose figures choose, though no code of it is imported
        given.append(code_state(SCORER))
    return hashlib.sha256(dumps([*given, code_state("stages.model.train")])).hexdigest()


def save(
    trained: Any,
    weights: dict[str, torch.Tensor],
    tokens: list[int] | None,
    folder: Path,
    options: Train,
    identity: dict[str, Any],
) -> None:
    """Writes the adapter, or the whole model, with what it is bound to. No path of this machine is in it.

    `weights` are those that were trained, by their names in the causal model.
    """
    if options.method == "full":
        bf16 = {name: weight.bfloat16() for name, weight in weights.items()}
        trained.config.dtype = torch.bfloat16
        trained.save_pretrained(folder, state_dict=bf16, max_shard_size="1TB")
    else:
        named = {f"base_model.model.{name}": weight for name, weight in weights.items()}
        adapter = get_peft_model_state_dict(trained, named, save_embedding_layers=False)
        bf16 = {name: weight.bfloat16().contiguous() for name, weight in sorted(adapter.items())}
        save_file(bf16, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        config = trained.peft_config["default"].to_dict() | {
            "base_model_name_or_path": "models/base",
            "inference_mode": True,
        }
        plain = {name: sorted(value) if isinstance(value, set) else value for name, value in config.items()}
        write_json(folder / "adapter_config.json", plain)
    if tokens is not None:
        write_json(folder / HEAD, tokens)
    bound = {"format": FORMAT, "method": options.method, "base": identity}
    write_checked_json(folder / ADAPTER, bound, "adapter")


def curve(rows: Sequence[Row]) -> bytes:
    """The loss curve as CSV, with the levels of the dev slice if it was answered."""
    text = io.StringIO()
    levels = [level for level in LEVELS if any(getattr(row, level) is not None for row in rows)]
    columns = ["step", "epoch", "loss", "validation_loss", *levels]
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue().encode()


def points_of(times: int, an_epoch: int, steps: int, options: Train) -> set[int]:
    """Steps, so many times an epoch and after the last one; none for 0 times."""
    if not times:
        return set()
    found = {round(n * an_epoch / times) for n in range(1, math.ceil(times * options.epochs) + 1)} | {steps}
    return {point for point in found if 0 < point <= steps}


def dev_of(
    model: Any, tokenizer: Any, tokens: list[int] | None, learned: Dataset, held: Dataset, options: Train
) -> Dev:
    """The dev slice of the held-out set; an answer may be as long as the longest gold one."""
    if not len(held):
        raise UserError("train.dev_points", "no group is held out for a dev slice", "raise train.validation_share")
    parts = [(ids, start) for part in (learned, held) for ids, start in zip(part["ids"], part["start"], strict=True)]
    limit = max(len(ids) - start for ids, start in parts)
    return Dev(dev_slice(held, options.dev_examples, options.seed), model, tokenizer, tokens, limit)


def train(given: argparse.Namespace, options: Train) -> None:
    """One process of a run; rank 0 alone writes results."""
    launch.begin()
    identity = read_checked_json(Path(given.base) / BASE, "base")
    tokenizer = load_tokenizer(given.base)
    learned, held, over = prepare(read_checked(given.train, "example"), tokenizer, options)
    dtype = dtype_of(options.precision)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it costs time
    folder = Path(given.out).parent / ".checkpoints" / Path(given.out).name
    key = checkpoint_key(given, identity, options, dtype)
    checkpoint = last_checkpoint(folder, key, launch.processes())
    tokens = seen_tokens([learned, held], tokenizer.eos_token_id) if options.head == "seen" else None
    longest = max(map(len, learned["ids"]))
    needed = estimate(
        given.base, options, dtype, launch.processes(), length=longest, rows=len(tokens) if tokens else None
    )
    check_fits(needed, available(device(), launch.local_processes()), "train")
    model, trained = trainable_model(given.base, options, dtype)
    an_epoch = math.ceil(len(learned) / options.batch_size)
    steps = max(1, math.ceil(an_epoch * options.epochs))
    dev_points = points_of(options.dev_points, an_epoch, steps, options)
    dev = dev_of(model, tokenizer, tokens, learned, held, options) if dev_points else None
    fit = Fit(Completions(model, Head(model, tokens)), learned, held, options, dtype, folder, dev, dev_points)
    points = points_of(POINTS, an_epoch, steps, options) | dev_points
    fit.add_callback(Course(fit, points, key))
    fit.args.eval_on_start = checkpoint is None
    if launch.rank() == 0 and checkpoint:
        print(f"resumed at step {checkpoint.name.rpartition('-')[2]} of {steps}", flush=True)
    elif launch.rank() == 0 and any(folder.glob("checkpoint-*")):
        print(f"{folder}: checkpoints of a run of other data, base, options or code are not used: starting anew")
        shutil.rmtree(folder)
    fit.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    weights = fit.final()
    if launch.rank() > 0:
        return
    steps = fit.state.global_step  # fewer than planned where the run was stopped early
    rows = rows_of(fit.state.log_history, sorted(point for point in points if point <= steps), an_epoch)
    with writing(given.out), replacing_folder(given.out) as place:
        save(trained, weights, tokens, place, options, identity)
        for path in sorted(Path(given.base).glob(f"{TERMS}*")):
            shutil.copyfile(path, place / path.name)
    with writing(given.loss):
        write_bytes(given.loss, curve(rows))
    lengths = [(len(ids), len(ids) - start) for ids, start in zip(learned["ids"], learned["start"], strict=True)]
    metrics = {
        "examples": len(learned),
        "validation_examples": len(held),
        "dropped_over_length": over,
        "tokens": sum(lengths[row][0] for batch in fit.batches[:steps] for row in batch),
        "completion_tokens": sum(lengths[row][1] for batch in fit.batches[:steps] for row in batch),
        "steps": steps,
        "epochs": rows[-1].epoch,
        "train_loss": rows[-1].loss,
        "validation_loss": rows[-1].validation_loss,
        "trainable_parameters": sum(weight.numel() for weight in weights.values()),
        "method": options.method,
        "precision": "bf16" if dtype == torch.bfloat16 else "fp32",
    }
    if dev:
        answered = dev_scores(fit.state.log_history)
        kept = best_point(answered) if options.keep == "best" else max(answered)
        metrics |= {"kept_step": kept, "dev": {"examples": len(dev), **answered[kept]}}
    with writing(given.metrics):
        write_checked_json(given.metrics, metrics, "train_metrics")
    shutil.rmtree(folder, ignore_errors=True)
    first, last = rows[0], rows[-1]
    print(
        f"{len(learned)} examples, {steps} steps: loss {first.loss:.3f} -> {last.loss:.3f}, "
        f"validation {first.validation_loss} -> {last.validation_loss}"
    )


def main(arguments: Sequence[str]) -> int | None:
    parser = argparse.ArgumentParser(prog="python -m stages.model.train", description=__doc__.split("\n")[0])
    for option in ("base", "train", "out", "metrics", "loss"):
        parser.add_argument(f"--{option}", required=True)
    given = parser.parse_args(arguments)
    options = config.read("train", Train)
    check(options)
    if not launch.is_worker() and (options.accelerate is not None or launch.wanted(options) > 1):
        return launch.launch("stages.model.train", arguments, options)
    try:
        train(given, options)
    except UserError:
        if launch.rank() > 0:  # the first process says the same
            sys.exit(launch.PEER_LOST)
        raise
    except RuntimeError as error:
        if launch.processes() == 1 or not any(word in str(error) for word in ("gloo", "NCCL", "Connection")):
            raise
        os._exit(launch.PEER_LOST)  # another process has gone, and the one that started them says so
    return None


if __name__ == "__main__":
    run(main)
