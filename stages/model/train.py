"""Fine-tunes the base on the mix: LoRA, or all weights, with a loss on the outputs alone.

    python -m stages.model.train --base models/base --train data/mix/train.jsonl --out models/adapter \\
        --metrics metrics/train.json --loss metrics/loss.csv

- Every output has to come back from its tokens as it was, and no example is cut: one over `max_tokens` is an error that
  names it, or is left out and counted.
- A share of the groups is held out; its loss is the second curve of the CSV, four times an epoch.
- Batches hold examples of like length. Only the tokens of outputs go through the head; with `head: seen`, against the rows
  of the tokens that the training data hold, which prediction then keeps to.
- The model computes in `precision`; the optimiser keeps fp32 copies of what is trained, so small steps are not lost.
- The state is saved every `save_every` steps beside the output folder, in `.checkpoints/`. A run that was killed goes on
  from there to the same bytes, if data, base, options, code and libraries are what they were; else it starts anew.
- `method: lora` writes an adapter of a few MB; `full` a whole model. Both are stored as bf16 and bound to their base.

On one machine the same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import math
import random
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from pydantic import Field
from safetensors.torch import save_file
from torch.nn import functional
from tqdm import tqdm

from stages.core import config
from stages.core.config import Count, Seed, Share
from stages.core.errors import UserError
from stages.core.files import dumps, replacing, sha256_file, write_bytes, write_json
from stages.core.run import code_state, run
from stages.core.schema import read_checked, read_checked_json, write_checked_json
from stages.model.common import (
    ADAPTER,
    BASE,
    FORMAT,
    HEAD,
    TERMS,
    Head,
    Precision,
    decode,
    dtype_of,
    load_model,
    load_tokenizer,
    output_ids,
    prompt_ids,
    replacing_folder,
)


@dataclass(frozen=True)
class Train:
    """Section `train`."""

    method: Literal["lora", "full"]
    seed: Seed
    epochs: Annotated[float, Field(gt=0)]
    batch_size: Count
    learning_rate: Annotated[float, Field(gt=0)]
    warmup_share: Share
    lora_r: Count
    lora_alpha: Count
    lora_dropout: Share
    max_tokens: Count
    over_length: Literal["error", "drop"]
    precision: Precision
    validation_share: Share
    save_every: Count
    head: Literal["full", "seen"]


POINTS = 4  # of the loss curve in an epoch
WINDOW = 16  # batches' worth of shuffled examples that are sorted by length together
CLIP = 1.0  # norm of the gradient


@dataclass
class Row:
    """A point of the loss curve: mean training loss since the last point, validation loss, nats a completion token."""

    step: int
    epoch: float
    loss: float
    validation_loss: float | None


@dataclass
class State:
    """All that a run needs to go on: `step` steps are done."""

    step: int = 0
    masters: list[torch.Tensor] = field(default_factory=list)
    optimizer: dict[str, Any] = field(default_factory=dict)
    recent: list[float] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def tokenise(example: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    """`ids` of the whole sequence and `start`, the place of its first completion token.

    Raises:
        UserError: the output does not come back from its tokens, so that no model could ever write it.
    """
    prompt, output = prompt_ids(tokenizer, example["input"]), output_ids(tokenizer, example["output"])
    if (back := decode(tokenizer, output)) != example["output"]:
        fault = f"the tokenizer turns the output {example['output']!r} into {back!r}"
        raise UserError(example["id"], fault, "choose another base, or take this example out")
    return {"ids": [*prompt, *output, tokenizer.eos_token_id], "start": len(prompt)}


def prepare(examples: list[dict[str, Any]], tokenizer: Any, options: Train) -> tuple[Dataset, Dataset, int]:
    """(training set, validation set, number over length) with the columns of `tokenise`; groups stay whole.

    Raises:
        UserError: an example over `max_tokens` under `over_length: error`, or no example left to train on.
    """
    disable_progress_bars()
    data = Dataset.from_list(examples).map(tokenise, fn_kwargs={"tokenizer": tokenizer})
    over = [row["id"] for row in data.select_columns(["id", "ids"]) if len(row["ids"]) > options.max_tokens]
    if over and options.over_length == "error":
        fault = f"longer than train.max_tokens, {options.max_tokens} (and {len(over) - 1} more)"
        raise UserError(over[0], fault, "raise train.max_tokens, or set train.over_length to drop")
    data = data.filter(lambda ids: len(ids) <= options.max_tokens, input_columns="ids")
    groups = sorted(set(data["group"]), key=lambda group: hashlib.sha256(f"{options.seed}/{group}".encode()).digest())
    held = set(groups[: math.ceil(len(groups) * options.validation_share)])
    train = data.filter(lambda group: group not in held, input_columns="group")
    if not len(train):
        raise UserError("train", "no example is left to train on", "lower validation_share or raise max_tokens")
    return train, data.filter(lambda group: group in held, input_columns="group"), len(over)


def plan(lengths: Sequence[int], options: Train) -> list[list[int]]:
    """The batches of all steps, as row numbers: a function of its arguments alone, so a resumed run sees the same."""
    size = options.batch_size
    steps = max(1, math.ceil(math.ceil(len(lengths) / size) * options.epochs))
    batches: list[list[int]] = []
    for epoch in range(math.ceil(options.epochs)):
        order, chance = list(range(len(lengths))), random.Random(f"{options.seed}/{epoch}")
        chance.shuffle(order)
        for start in range(0, len(order), size * WINDOW):
            order[start : start + size * WINDOW] = sorted(
                order[start : start + size * WINDOW], key=lambda row: -lengths[row]
            )
        some = [order[start : start + size] for start in range(0, len(order), size)]
        chance.shuffle(some)
        batches += some
    return batches[:steps]


def loss_of(model: Any, head: Head, rows: dict[str, list[Any]]) -> tuple[torch.Tensor, int]:
    """(sum of the loss, number of completion tokens) of a batch.

    Padding stands at the end, where a causal model's real tokens never look: no attention mask is needed.
    """
    sequences, starts = rows["ids"], rows["start"]
    width = max(map(len, sequences))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in sequences], device=model.device)
    column = torch.arange(width, device=model.device)
    lengths = torch.tensor([len(row) for row in sequences], device=model.device)
    counted = (column >= torch.tensor(starts, device=model.device)[:, None]) & (column < lengths[:, None])
    row, place = counted.nonzero(as_tuple=True)
    states = model.base_model(input_ids=ids, use_cache=False).last_hidden_state[row, place - 1]
    logits = head.logits(states).float()
    return functional.cross_entropy(logits, head.rows_of(ids[row, place]), reduction="sum"), len(row)


@torch.no_grad()
def mean_loss(model: Any, head: Head, data: Dataset, size: int) -> float | None:
    """Loss a completion token over a whole set; None for an empty one."""
    lengths = [len(ids) for ids in data["ids"]]
    order = sorted(range(len(data)), key=lengths.__getitem__)
    parts = [loss_of(model, head, data[order[start : start + size]]) for start in range(0, len(order), size)]
    return sum(float(part) for part, _ in parts) / sum(count for _, count in parts) if parts else None


def learning_rate(step: int, steps: int, options: Train) -> float:
    """Linear warm-up over `warmup_share` of the steps, then linear decay to zero."""
    warmup = max(1, round(steps * options.warmup_share))
    return options.learning_rate * min((step + 1) / warmup, (steps - step) / max(1, steps - warmup + 1))


def seen_tokens(data: Sequence[Dataset], end: int) -> list[int]:
    """Every token that the examples hold, and the end."""
    return sorted({end, *(token for part in data for ids in part["ids"] for token in ids)})


def trainable_model(base: str, options: Train, dtype: torch.dtype) -> tuple[Any, Any]:
    """(causal model, what is to be saved): the same for `full`, the second with the LoRA weights of the first else."""
    model = load_model(base, dtype)
    if options.method == "full":
        return model, model
    torch.manual_seed(options.seed)
    config = LoraConfig(
        r=options.lora_r,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    wrapped = get_peft_model(model, config, autocast_adapter_dtype=False)
    return wrapped.get_base_model(), wrapped


def checkpoint_key(arguments: argparse.Namespace, identity: dict[str, Any], options: Train, dtype: torch.dtype) -> str:
    """A hash of all that decides a run's result on this machine: a checkpoint of another key is never used."""
    libraries = {name: version(name) for name in ("torch", "transformers", "peft", "datasets")}
    given = [sha256_file(arguments.train), identity, asdict(options), str(dtype), torch.get_num_threads(), libraries]
    return hashlib.sha256(dumps([*given, code_state("stages.model.train")])).hexdigest()


def load_checkpoint(path: Path, key: str) -> State | None:
    """The state of a killed run with that key, if there is one."""
    if not path.exists():
        return None
    saved = torch.load(path, weights_only=True)
    return State(**saved["state"]) if saved["key"] == key else None


def save_checkpoint(path: Path, key: str, state: State) -> None:
    """Writes the state by rename: a kill leaves the last one or this one."""
    with replacing(path) as file:
        torch.save({"key": key, "state": vars(state)}, file)


def fit(
    model: Any, head: Head, train: Dataset, held: Dataset, options: Train, checkpoint: Path, key: str
) -> tuple[list[Row], dict[str, Any]]:
    """Trains what requires a gradient in `model`; returns the loss curve and counts."""
    lengths = [len(ids) for ids in train["ids"]]
    batches = plan(lengths, options)
    steps, an_epoch = len(batches), math.ceil(len(train) / options.batch_size)
    points = {round(n * an_epoch / POINTS) for n in range(1, math.ceil(POINTS * options.epochs) + 1)} | {steps}
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    state = load_checkpoint(checkpoint, key)
    first = state.step if state else 0
    if state:
        print(f"resumed at step {state.step} of {steps}", flush=True)
        masters = state.masters
    else:
        masters = [weight.detach().clone().float() for weight in weights]
        state = State(masters=masters)
    optimizer = torch.optim.AdamW(masters, lr=options.learning_rate, weight_decay=0.0, fused=True)
    if state.optimizer:
        optimizer.load_state_dict(state.optimizer)
    with torch.no_grad():
        for weight, master in zip(weights, masters, strict=True):
            weight.copy_(master)
    start = mean_loss(model, head, held, options.batch_size) if first == 0 else None

    model.train()
    began, seen = time.perf_counter(), 0
    # A bar for people; a log gets a line every half minute.
    bar = tqdm(total=steps, initial=first, unit="step", mininterval=0.5 if sys.stderr.isatty() else 30)
    for step in range(first, steps):
        torch.manual_seed(options.seed * 1_000_003 + step)  # dropout of a resumed run is that of an unbroken one
        total, count = loss_of(model, head, train[batches[step]])
        torch.autograd.backward(total / count)
        loss = float(total.detach()) / count
        for weight, master in zip(weights, masters, strict=True):
            master.grad = None if weight.grad is None else weight.grad.float()
            weight.grad = None
        torch.nn.utils.clip_grad_norm_(masters, CLIP)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, options)
        optimizer.step()
        last = step + 1 == steps
        with torch.no_grad():
            for weight, master in zip(weights, masters, strict=True):
                # The final weights are those that are stored, and the final validation loss is theirs.
                weight.copy_(master.bfloat16() if last else master)
        if step == 0:
            state.rows.append(asdict(Row(0, 0.0, round(loss, 5), _rounded(start))))
        state.recent.append(loss)
        seen += sum(lengths[row] for row in batches[step])
        bar.update()
        bar.set_postfix(loss=f"{loss:.3f}", tokens_s=round(seen / (time.perf_counter() - began)), refresh=False)
        state.step = step + 1
        if state.step in points:
            model.eval()
            found = mean_loss(model, head, held, options.batch_size)
            model.train()
            mean = sum(state.recent) / len(state.recent)
            state.rows.append(asdict(Row(state.step, round(state.step / an_epoch, 4), round(mean, 5), _rounded(found))))
            state.recent = []
        if state.step % options.save_every == 0 and not last:
            state.optimizer = optimizer.state_dict()
            save_checkpoint(checkpoint, key, state)
            print(f"saved at step {state.step} of {steps}", flush=True)
    bar.close()
    print(f"{seen / (time.perf_counter() - began):.0f} tokens/s, validation included")
    rows = [Row(**row) for row in state.rows]
    tokens = [(lengths[row], lengths[row] - train[row]["start"]) for batch in batches for row in batch]
    return rows, {
        "tokens": sum(whole for whole, _ in tokens),
        "completion_tokens": sum(completion for _, completion in tokens),
        "steps": steps,
        "epochs": rows[-1].epoch,
        "train_loss": rows[-1].loss,
        "validation_loss": rows[-1].validation_loss,
        "trainable_parameters": sum(weight.numel() for weight in weights),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def save(trained: Any, tokens: list[int] | None, folder: Path, options: Train, identity: dict[str, Any]) -> None:
    """Writes the adapter, or the whole model, with what it is bound to. No path of this machine is in it."""
    if options.method == "full":
        trained.to(torch.bfloat16).save_pretrained(folder, max_shard_size="1TB")
    else:
        weights = get_peft_model_state_dict(trained, save_embedding_layers=False)
        bf16 = {name: weight.bfloat16().contiguous() for name, weight in sorted(weights.items())}
        save_file(bf16, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        config = trained.peft_config["default"].to_dict() | {
            "base_model_name_or_path": "models/base",
            "inference_mode": True,
        }
        plain = {name: sorted(value) if isinstance(value, set) else value for name, value in config.items()}
        write_json(folder / "adapter_config.json", plain)
    if tokens is not None:
        write_json(folder / HEAD, tokens)
    adapter = {"format": FORMAT, "method": options.method, "base": identity}
    write_checked_json(folder / ADAPTER, adapter, "adapter")


def curve(rows: Sequence[Row]) -> bytes:
    """The loss curve as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["step", "epoch", "loss", "validation_loss"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue().encode()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.model.train", description=__doc__.split("\n")[0])
    for option in ("base", "train", "out", "metrics", "loss"):
        parser.add_argument(f"--{option}", required=True)
    given = parser.parse_args(arguments)
    options = config.read("train", Train)
    identity = read_checked_json(Path(given.base) / BASE, "base")
    tokenizer = load_tokenizer(given.base)
    train, held, over = prepare(read_checked(given.train, "example"), tokenizer, options)
    if options.head == "seen" and options.method == "full":
        raise UserError("train.head", "seen leaves rows untrained that method full would train", "set it to full")
    dtype = dtype_of(options.precision)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it costs time
    model, trained = trainable_model(given.base, options, dtype)
    checkpoint = Path(given.out).parent / ".checkpoints" / f"{Path(given.out).name}.pt"
    tokens = seen_tokens([train, held], tokenizer.eos_token_id) if options.head == "seen" else None
    rows, counts = fit(
        model, Head(model, tokens), train, held, options, checkpoint, checkpoint_key(given, identity, options, dtype)
    )
    with replacing_folder(given.out) as folder:
        save(trained, tokens, folder, options, identity)
        for path in sorted(Path(given.base).glob(f"{TERMS}*")):
            shutil.copyfile(path, folder / path.name)
    write_bytes(given.loss, curve(rows))
    metrics = {
        "examples": len(train),
        "validation_examples": len(held),
        "dropped_over_length": over,
        **counts,
        "method": options.method,
        "precision": "bf16" if dtype == torch.bfloat16 else "fp32",
    }
    write_checked_json(given.metrics, metrics, "train_metrics")
    checkpoint.unlink(missing_ok=True)
    first, last = rows[0], rows[-1]
    print(
        f"{len(train)} examples, {counts['steps']} steps: loss {first.loss:.3f} -> {last.loss:.3f}, "
        f"validation {first.validation_loss} -> {last.validation_loss}"
    )


if __name__ == "__main__":
    run(main)
