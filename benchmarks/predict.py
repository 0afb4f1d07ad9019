"""Prediction speed beside `generate` of transformers: one prompt by one, and in batches sorted by length.

    python -m benchmarks.predict

Needs models/base, an adapter and data/mix/test.jsonl. All are greedy, in the same precision, on the same prompts; new tokens a
second, loading left out; ours the best of `--rounds` in turn. One by one takes `--few` of the prompts only. A text that differs
between two ways is a numeric tie: a batch sums in another order, and so does a merged head of fewer rows; they are counted.
Beside the peers our answers may loop to the limit, as theirs. `constrained_vs_free` is of the stage as the params have it, its
guard against loops (`predict.stop_repetition`) included: one loop, a batch of its own at the end, otherwise weighs more than what is
measured (`constrained_vs_free_unguarded`). It is by examples a second: tokens are those of the answers, and of constrained ones some that
the model wrote are left out. Writes `benchmarks/results/predict.json`; under four minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.common import print_table, seconds, write_results
from benchmarks.train import timed
from stages.core import config
from stages.core.schema import read_checked
from stages.model.common import dtype_of, load_tokenizer, output_ids, prompt_ids
from stages.model.predict import Predict, load, predict
from stages.records.linear import View


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predict", description=__doc__.split("\n")[0])
    parser.add_argument("--base", default="models/base")
    parser.add_argument("--adapter", default="models/oiellm")
    parser.add_argument("--examples", default="data/mix/test.jsonl")
    parser.add_argument("--records", type=int, default=96, help="spread over the file (default 96)")
    parser.add_argument("--few", type=int, default=16, help="of these, one by one (default 16)")
    parser.add_argument("--rounds", type=int, default=2, help="of ours, all ways in turn: the best counts (default 2)")
    options = parser.parse_args(arguments)
    knobs, view = config.read("predict", Predict), config.read("mix.view", View)
    examples: list[Any] = read_checked(options.examples, "example")
    examples = examples[:: max(1, len(examples) // options.records)][: options.records]
    tokenizer = load_tokenizer(options.base)
    prompts = [prompt_ids(tokenizer, row["input"]) for row in examples]
    dtype = dtype_of(knobs.precision)
    name = "bf16" if dtype == torch.bfloat16 else "fp32"
    spread = range(0, len(prompts), max(1, len(prompts) // options.few))[: options.few]

    def peer(chosen: Sequence[int], size: int) -> tuple[float, dict[int, list[int]]]:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "prompts.json"
            given = {"prompts": [prompts[n] for n in chosen], "end": tokenizer.eos_token_id}
            path.write_text(json.dumps({**given, "limit": knobs.max_new_tokens}), encoding="utf-8")
            command = ["benchmarks.peers.generate", options.base, options.adapter, str(path), "--dtype", name]
            found: Any = timed([*command, "--batch-size", str(size)])
        outputs = dict(zip(chosen, found["outputs"], strict=True))
        return sum(map(len, outputs.values())) / found["seconds"], outputs

    one, single = peer(spread, 1)
    batched, sorted_batch = peer(range(len(prompts)), knobs.batch_size)
    model = load(options.base, options.adapter, dtype)
    speed, texts = {"one by one": one, "sorted batch": batched}, dict[str, list[dict[str, Any]]]()

    def ours(way: str, asked: View | None, guard: bool) -> None:
        size, limit = knobs.batch_size, knobs.max_new_tokens
        texts[way] = predict(model, tokenizer, examples, size, limit, asked, options.adapter, guard)

    predict(model, tokenizer, examples[:1], 1, 1, view, options.adapter)  # what is made once
    ways = {
        "ours, free": partial(ours, "ours, free", None, False),  # no guard: the peers have none, and texts are compared
        "ours, constrained": partial(ours, "ours, constrained", view, False),
        "the stage, free": partial(ours, "the stage, free", None, knobs.stop_repetition),
        "the stage, constrained": partial(ours, "the stage, constrained", view, knobs.stop_repetition),
    }
    times = seconds(ways, options.rounds)
    for way, took in times.items():
        speed[way] = sum(len(output_ids(tokenizer, row["output"])) + row["finished"] for row in texts[way]) / took

    def differ(outputs: dict[int, list[int]]) -> int:
        end = tokenizer.eos_token_id
        written = {
            n: tokenizer.decode([t for t in ids if t != end], clean_up_tokenization_spaces=False)
            for n, ids in outputs.items()
        }
        return sum(text != texts["ours, free"][n]["output"] for n, text in written.items())

    print_table(["prediction", "new tokens/s"], [[way, f"{value:.0f}"] for way, value in speed.items()])
    write_results(
        "predict",
        {
            "vs_one_by_one": round(speed["ours, free"] / one, 2),
            "vs_sorted_batch": round(speed["ours, free"] / batched, 2),
            "constrained_vs_free": round(times["the stage, free"] / times["the stage, constrained"], 2),
            "constrained_vs_free_unguarded": round(times["ours, free"] / times["ours, constrained"], 2),
            "tokens_per_s": {way: round(value, 1) for way, value in speed.items()},
            "other_text_than_one_by_one": differ(single),
            "other_text_than_sorted_batch": differ(sorted_batch),
            "records": len(prompts),
            "records_one_by_one": len(single),
            "batch_size": knobs.batch_size,
            "precision": name,
        },
    )


if __name__ == "__main__":
    main(sys.argv[1:])
