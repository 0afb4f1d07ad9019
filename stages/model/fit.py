"""The training loop: `transformers.Trainer`, with this project's loss, plan of batches, validation and checkpoints.

What is trained is kept in fp32, and the model computes in bf16 where it can (autocast), so that small steps are not lost.
A checkpoint holds what is trained, the optimiser's state and the figures so far; it counts once `WHOLE` lies in it, which
is written last. Randomness is seeded anew at each step: a resumed run sees what an unbroken one does.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from torch.nn import functional
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from stages.core.errors import UserError
from stages.core.files import read_json, write_json
from stages.model.common import device, writing
from stages.model.dev import LEVELS, Dev, worth
from stages.model.examples import plan, shares
from stages.model.head import Head
from stages.model.options import Train
from stages.model.packing import IGNORED, collate, families, shares_prompts

DEV = "dev_"  # before the levels of the dev slice in Trainer's log
CLIP = 1.0  # the largest norm of a step's gradient
POINTS = 4  # of the loss curve, an epoch
WHOLE = "WHOLE.json"  # in a checkpoint that was written to its end: its key, processes and threads
TRAINED = "trained.safetensors"


@dataclass(frozen=True)
class Row:
    """One line of the loss curve: nats a completion token, of training since the line before and of validation.

    TL, WL and ALL are of the dev slice, in percent, where it was answered at this step.
    """

    step: int
    epoch: float
    loss: float
    validation_loss: float | None
    TL: float | None = None
    WL: float | None = None
    ALL: float | None = None


def learning_rate(step: int, steps: int, options: Train) -> float:
    """Linear warm-up over `warmup_share` of the steps, then linear decay to zero."""
    warmup = max(1, round(steps * options.warmup_share))
    return options.learning_rate * min((step + 1) / warmup, (steps - step) / max(1, steps - warmup + 1))


class Completions(torch.nn.Module):
    """What Trainer trains: a batch of `collate` in, the sum of the loss over its completion tokens out."""

    accepts_loss_kwargs = True  # so that Trainer counts the tokens of a whole step, over all processes

    def __init__(self, model: Any, head: Head) -> None:
        super().__init__()
        self.model, self.config, self._head = model, model.config, head
        self._no_split_modules = model._no_split_modules  # what FSDP wraps

    def forward(self, ids: torch.Tensor, labels: torch.Tensor, **packing: torch.Tensor) -> torch.Tensor:
        row, place = (labels != IGNORED).nonzero(as_tuple=True)
        logits = self._head.logits_of(row, place - 1, input_ids=ids, use_cache=False, **packing)
        return functional.cross_entropy(logits.float(), self._head.rows_of(ids[row, place]), reduction="sum")


class Fit(Trainer):  # type: ignore[misc]
    """Trainer over a plan of batches that is one epoch to it: the plan knows the real ones."""

    def __init__(
        self,
        model: Completions,
        train: Dataset,
        held: Dataset,
        options: Train,
        dtype: torch.dtype,
        folder: Path,
        dev: Dev | None = None,
        dev_points: Set[int] = frozenset(),
    ) -> None:
        """`dev` is answered after each of the steps `dev_points`."""
        self._options, self._held, where = options, held, device()
        self._dev, self._dev_points = dev, dev_points
        self._longest = options.max_tokens if shares_prompts(model.model, options.max_tokens) else None
        self.batches = plan(train, options, self._longest is not None)
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        arguments = TrainingArguments(
            output_dir=str(folder),
            max_steps=len(self.batches),
            per_device_train_batch_size=options.at_once(processes),
            gradient_accumulation_steps=options.accumulation(processes),
            bf16=dtype == torch.bfloat16,
            use_cpu=where.type == "cpu",
            ddp_backend="gloo" if where.type == "cpu" and processes > 1 else None,
            ddp_find_unused_parameters=False,
            ddp_broadcast_buffers=False,
            optim="adamw_torch_fused",
            learning_rate=options.learning_rate,
            weight_decay=0.0,
            max_grad_norm=CLIP,
            seed=options.seed,
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_steps=options.save_every,
            save_total_limit=2,
            dataloader_pin_memory=where.type == "cuda",
            remove_unused_columns=False,
            report_to="none",
            disable_tqdm=True,
        )
        super().__init__(model=model, args=arguments, train_dataset=train)
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> Any:
        own = shares(self.batches, self._options, self.args.process_index, self.args.world_size)
        # One process' own batches: nothing is left for accelerate to share out.
        return DataLoader(self.train_dataset, batch_sampler=own, collate_fn=partial(collate, longest=self._longest))

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        options = self._options
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.optimizer,
            lambda step: learning_rate(step, num_training_steps, options) / options.learning_rate,
        )
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        # Dropout of a resumed run is that of an unbroken one, and no process draws what another does.
        torch.manual_seed((self._options.seed * 1_000_003 + self.state.global_step) * 4099 + self.args.process_index)
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        return loss

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        # Gradients are averaged over processes, and tokens counted over all of them.
        loss: torch.Tensor = model(**inputs) * (self.args.world_size / num_items_in_batch)
        return loss

    @torch.no_grad()
    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Loss a completion token over the whole validation set, as `eval_loss`; nothing for an empty one."""
        self.control.should_evaluate = False  # Trainer asks again at the end of the epoch, which is that of the run
        if self.state.global_step == self.state.max_steps:
            # The final weights are those that are stored, and the final validation loss is theirs.
            for weight in self.model.parameters():
                if weight.requires_grad:
                    weight.copy_(weight.bfloat16())
        if not len(self._held):
            return {}
        rows = self._held.select_columns(["ids", "start"]).to_list()
        trees = families(rows, self._options.max_tokens) if self._longest else [[n] for n in range(len(rows))]
        order = [n for tree in sorted(trees, key=lambda tree: len(rows[tree[0]]["ids"])) for n in tree]
        parts = [order[n : n + self._train_batch_size] for n in range(0, len(order), self._train_batch_size)]
        parts += [[] for _ in range(-len(parts) % self.args.world_size)]  # all processes go through as many
        self.model_wrapped.eval()
        sums = torch.zeros(2, dtype=torch.float64)
        for part in parts[self.args.process_index :: self.args.world_size]:
            batch = collate([rows[n] for n in part], self._longest)
            count = int((batch["labels"] != IGNORED).sum())
            sums += torch.tensor([float(self.model_wrapped(**self._prepare_inputs(batch))), count])
        if self.args.world_size > 1:
            sums = self.accelerator.reduce(sums.to(self.args.device), "sum").cpu()
        self.log(found := {"eval_loss": float(sums[0] / sums[1])})
        if self._dev and self.state.global_step in self._dev_points:
            self._answer(self._dev)
        return found

    def _answer(self, dev: Dev) -> None:
        """Scores the dev slice, keeps weights that are the best so far, and ends a run that gets no better."""
        with torch.autocast(self.args.device.type, torch.bfloat16, enabled=self.args.bf16):
            scores = dev.scores(self.args.process_index, self.args.world_size)
        self.log({f"{DEV}{level}": value for level, value in scores.items()})
        if self.state.is_world_process_zero:
            told = ", ".join(f"{level} {value:.2f}" for level, value in scores.items())
            print(f"dev slice of {len(dev)} at step {self.state.global_step}: {told}", flush=True)
        points = dev_scores(self.state.log_history)
        best = best_point(points)
        if self._options.keep == "best" and best == self.state.global_step and self.args.should_save:
            folder = Path(self.args.output_dir)
            with writing(folder):
                folder.mkdir(parents=True, exist_ok=True)
                save_file(self.trained(), folder / f"best-{best}.safetensors")
                for path in folder.glob("best-*.safetensors"):
                    if path.stem != f"best-{best}":
                        path.unlink()
        patience = self._options.early_stop
        if patience is not None and sum(step > best for step in points) >= patience:
            self.control.should_training_stop = True

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        if self.args.should_save:
            folder = Path(output_dir or self.args.output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            save_file(self.trained(state_dict), folder / TRAINED)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        found, own = load_file(Path(resume_from_checkpoint) / TRAINED), dict(self.model.named_parameters())
        with torch.no_grad():
            for name, weight in found.items():
                own[f"model.{name}"].copy_(weight)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with writing(self.args.output_dir):
            super()._save_checkpoint(model, trial)

    def trained(self, state: dict[str, Any] | None = None) -> dict[str, torch.Tensor]:
        """The weights that are trained, by their names in the causal model; `state` is that of a sharded model."""
        names = {name for name, weight in self.model.named_parameters() if weight.requires_grad}
        found = dict(self.model.named_parameters()) if state is None else state
        return {name.removeprefix("model."): found[name].detach().cpu().contiguous() for name in sorted(names)}

    def final(self) -> dict[str, torch.Tensor]:
        """`trained` at the end, or of the best dev point; all processes have to call it where the model is sharded."""
        points = dev_scores(self.state.log_history)
        if self._options.keep == "best" and points and self.args.should_save:
            return load_file(Path(self.args.output_dir) / f"best-{best_point(points)}.safetensors")
        sharded = self.is_fsdp_enabled or self.is_deepspeed_enabled
        return self.trained(self.accelerator.get_state_dict(self.model_wrapped) if sharded else None)


def dev_scores(history: Sequence[dict[str, Any]]) -> dict[int, dict[str, float]]:
    """Scores of the dev slice by step, out of Trainer's log."""
    found: dict[int, dict[str, float]] = {}
    for entry in history:
        # In the order of the levels: a log that comes out of a checkpoint has its keys sorted.
        if scores := {level: entry[DEV + level] for level in LEVELS if DEV + level in entry}:
            found[entry["step"]] = scores
    return found


def best_point(points: Mapping[int, Mapping[str, float]]) -> int:
    """The step of the best scores, of equal ones the first."""
    return min(points, key=lambda step: (-worth(points[step]), step))


class Course(TrainerCallback):  # type: ignore[misc]
    """When to validate and to save, and what people see meanwhile."""

    def __init__(self, fit: Fit, points: set[int], key: str) -> None:
        self._fit, self._points, self._key = fit, points, key
        self._lengths = [sum(len(fit.train_dataset[row]["ids"]) for row in batch) for batch in fit.batches]
        self._bar: Any = None
        self.first, self.began = 0, 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.first, self.began = state.global_step, time.perf_counter()
        # A bar for people; a log gets a line every half minute.
        often, quiet = 0.5 if sys.stderr.isatty() else 30, not state.is_world_process_zero
        self._bar = tqdm(total=state.max_steps, initial=self.first, unit="step", mininterval=often, disable=quiet)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        if "loss" in logs:
            self._bar.update()
            self._bar.set_postfix(loss=f"{logs['loss']:.3f}", tokens_s=self.speed(state.global_step), refresh=False)

    def speed(self, step: int) -> int:
        """Real tokens a second since this process began."""
        return round(sum(self._lengths[self.first : step]) / (time.perf_counter() - self.began))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        last = state.global_step == state.max_steps
        control.should_evaluate = state.global_step in self._points or last
        control.should_save = control.should_save and not last

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._fit.accelerator.wait_for_everyone()
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            mark = {"key": self._key, "processes": args.world_size, "threads": torch.get_num_threads()}
            write_json(folder / WHOLE, mark)
            print(f"saved at step {state.global_step} of {state.max_steps}", flush=True)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._bar.close()
        if state.is_world_process_zero:
            print(f"{self.speed(state.global_step)} tokens/s, validation included")


def last_checkpoint(folder: Path, key: str, processes: int) -> Path | None:
    """The newest whole checkpoint of a killed run of that key.

    Raises:
        UserError: the killed run had another number of processes, which would give other weights.
    """
    for path in sorted(folder.glob("checkpoint-*"), key=lambda path: -int(path.name.rpartition("-")[2])):
        mark = read_json(path / WHOLE) if (path / WHOLE).exists() else None
        if mark is None or mark["key"] != key:
            continue
        if mark["processes"] != processes:
            fault = f"is of a run of {mark['processes']} processes, this one has {processes}"
            raise UserError(str(path), fault, "run as many (train.processes), or delete the folder to start anew")
        if mark["threads"] == torch.get_num_threads():  # sums of others differ in the last bit
            return path
    return None


def rows_of(history: Sequence[dict[str, Any]], points: Sequence[int], steps_an_epoch: int) -> list[Row]:
    """The loss curve out of Trainer's log: a row before the first step, and one at each of the points."""
    losses = {entry["step"]: entry["loss"] for entry in history if "loss" in entry}
    found = {entry["step"]: entry["eval_loss"] for entry in history if "eval_loss" in entry}
    dev = dev_scores(history)
    rows = [Row(0, 0.0, round(losses[1], 5), _rounded(found.get(0)))]
    for before, step in zip([0, *points], points, strict=False):
        mean = sum(losses[n] for n in range(before + 1, step + 1)) / (step - before)
        epoch, held = round(step / steps_an_epoch, 4), _rounded(found.get(step))
        rows.append(Row(step, epoch, round(mean, 5), held, **dev.get(step, {})))
    return rows


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
