"""Training speed beside the plain Trainer: real (non-padding) tokens a second on the same examples, one run each.

    python -m benchmarks.train

Needs models/base and data/mix/train.jsonl (`dvc repro mix base`). The plain Trainer (`benchmarks/peers/trainer_lora.py`) runs in
fp32 and in bf16, each in a process of its own, as does ours; loading is left out. Ours keeps to the head's rows that the
whole mix has, not only those of the examples timed. Writes `benchmarks/results/train.json`; under three minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.common import print_table, write_results
from stages.core import config
from stages.core.errors import UserError
from stages.core.schema import read_checked
from stages.model.common import dtype_of, load_tokenizer
from stages.model.examples import prepare, seen_tokens
from stages.model.fit import Completions, Fit
from stages.model.head import Head
from stages.model.options import Train
from stages.model.packing import families
from stages.model.train import trainable_model


def slice_of(options: argparse.Namespace) -> tuple[Train, Any, list[int]]:
    """(the project's options for one epoch of what is timed, those examples, the tokens of the whole mix).

    Texts are drawn evenly with all their examples, as a run of the whole file meets them.
    """
    knobs = replace(config.read("train", Train), epochs=1.0, validation_share=0.0, save_every=10**9)
    examples, tokenizer = read_checked(options.train, "example"), load_tokenizer(options.base)
    data, _, _ = prepare(examples, tokenizer, knobs)
    texts = families(data.select_columns(["ids", "start"]).to_list(), knobs.max_tokens)
    every = max(1, len(data) // options.examples)
    drawn = [row for text in texts[::every] for row in text][: options.examples]
    rows = data.select(drawn)
    return knobs, rows, seen_tokens([data], tokenizer.eos_token_id)


def ours(options: argparse.Namespace) -> None:
    """What `stages.model.train` does between loading and saving, timed."""
    knobs, rows, tokens = slice_of(options)
    dtype = dtype_of(knobs.precision)
    model, _ = trainable_model(options.base, knobs, dtype)
    with TemporaryDirectory() as folder:
        fit = Fit(
            Completions(model, Head(model, tokens if knobs.head == "seen" else None)),
            rows,
            rows.select([]),
            knobs,
            dtype,
            Path(folder),
        )
        fit.args.save_strategy = "no"
        began = time.perf_counter()
        result = fit.train()
        print(json.dumps({"seconds": time.perf_counter() - began, "loss": result.training_loss}))


def timed(command: Sequence[str]) -> dict[str, float]:
    """The JSON that a run prints last."""
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        fault = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        raise UserError(command[0], fault, "run it by hand: " + " ".join(command))
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__.split("\n")[0])
    parser.add_argument("--base", default="models/base")
    parser.add_argument("--train", default="data/mix/train.jsonl")
    parser.add_argument("--examples", type=int, default=64, help="at most, of texts spread over the file (default 64)")
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.ours:
        ours(options)
        return
    knobs, rows, _ = slice_of(options)
    tokens = sum(len(ids) for ids in rows["ids"])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tokens.json"
        path.write_text(json.dumps([{"ids": row["ids"], "start": row["start"]} for row in rows]), encoding="utf-8")
        same = ["--base", options.base, "--train", options.train, "--examples", str(options.examples)]
        peer = ["benchmarks.peers.trainer_lora", options.base, str(path), "--dtype"]
        runs = {
            "plain Trainer, fp32": timed([*peer, "fp32"]),
            "plain Trainer, bf16": timed([*peer, "bf16"]),
            "ours": timed(["benchmarks.train", "--ours", *same]),
        }
    speed = {name: tokens / run["seconds"] for name, run in runs.items()}
    print_table(
        ["training", "tokens/s", "mean loss"],
        [[name, f"{speed[name]:.0f}", f"{run['loss']:.3f}"] for name, run in runs.items()],
    )
    write_results(
        "train",
        {
            "vs_fp32": round(speed["ours"] / speed["plain Trainer, fp32"], 2),
            "vs_bf16": round(speed["ours"] / speed["plain Trainer, bf16"], 2),
            "tokens_per_s": {name: round(value, 1) for name, value in speed.items()},
            "mean_loss": {name: round(run["loss"], 4) for name, run in runs.items()},
            "examples": len(rows),
            "tokens": tokens,
            "batch_size": knobs.batch_size,
            "precision": knobs.precision,
        },
    )


if __name__ == "__main__":
    main(sys.argv[1:])
