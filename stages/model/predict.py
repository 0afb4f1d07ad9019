"""Writes an output for every example: greedy, in batches of one task, up to the end-of-sequence token.

    python -m stages.model.predict --base models/base --adapter models/adapter \\
        --examples data/mix/test.jsonl data/mix/test_translated.jsonl \\
        --out data/predictions/test.jsonl data/predictions/test_translated.jsonl

Files are given in pairs, and predicted in one run. Without --adapter the base alone answers. LoRA weights are merged into
the base in fp32, then cast. An output that `max_new_tokens` cut has `finished` false, one that `predict.stop_repetition` ended
has `repeated` true (`stages.model.repetition`). Nothing else is cleaned up in decoding.
`predict.backend` says who computes: `hf` this process, `openai` a server, `vllm` vLLM (`stages.model.servers`).
With `predict.constrained`, or --constrained and --no-constrained whatever the params say, only a well-formed answer can be written,
its labels from the tables and its spans from the text (`stages.model.grammar`).

    python -m stages.model.predict --text "…" --task NER        # one text, by the released adapter; --json for JSON
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from tqdm import tqdm

from stages.core import config
from stages.core.config import Count
from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.run import run
from stages.core.schema import read_checked, read_checked_json, write_checked
from stages.model import ask, servers
from stages.model.common import (
    ADAPTER,
    BASE,
    HEAD,
    Precision,
    decode,
    device,
    dtype_of,
    load_model,
    load_tokenizer,
    prompt_ids,
)
from stages.model.decoding import greedy
from stages.model.grammar import Draft, vocabulary_of
from stages.model.head import Head
from stages.model.repetition import Watch, cut
from stages.records.linear import View


@dataclass(frozen=True)
class Predict:
    """Section `predict`."""

    backend: Literal["hf", "openai", "vllm"]
    served_model: str | None
    batch_size: Count
    max_new_tokens: Count
    precision: Precision
    stop_repetition: bool
    constrained: bool


def load(base: str, adapter: str | None, dtype: torch.dtype) -> Any:
    """The model that answers.

    Raises:
        UserError: the adapter was trained on another base; both are named.
    """
    identity = read_checked_json(Path(base) / BASE, "base")
    if adapter is None:
        return load_model(base, dtype)
    bound = read_checked_json(Path(adapter) / ADAPTER, "adapter")
    if bound["base"]["sha256"] != identity["sha256"]:
        names = [f"{item['source']} (weights {item['sha256'][:12]})" for item in (bound["base"], identity)]
        fault = f"trained on {names[0]}, but {base} is {names[1]}"
        raise UserError(adapter, fault, "set base.source to the first, or train again on the second")
    if bound["method"] == "full":
        return load_model(adapter, dtype)
    merged = PeftModel.from_pretrained(load_model(base, torch.float32), adapter).merge_and_unload()
    return merged.to(device(), dtype).eval()


def head_of(model: Any, adapter: str | None, prompts: Sequence[Sequence[int]], end: int) -> Head:
    """The output layer, cut to the tokens that the adapter was trained on and those of the inputs, if its training cut it."""
    path = Path(adapter or "") / HEAD
    if adapter is None or not path.exists():
        return Head(model, None)
    return Head(model, sorted({end, *read_json(path), *(token for prompt in prompts for token in prompt)}))


def predict(
    model: Any,
    tokenizer: Any,
    examples: Sequence[dict[str, Any]],
    batch_size: int,
    limit: int,
    view: View | None = None,
    adapter: str | None = None,
    stop_repetition: bool = True,
) -> list[dict[str, Any]]:
    """One prediction an example, in their order; schema `prediction`. With a view, constrained to its answers."""
    vocabulary = vocabulary_of(tokenizer, model.config.vocab_size) if view else None
    prompts = [prompt_ids(tokenizer, example["input"]) for example in examples]
    room = model.config.max_position_embeddings - limit
    for example, prompt in zip(examples, prompts, strict=True):
        if len(prompt) > room:
            fault = f"an input of {len(prompt)} tokens leaves no room for {limit} more in the model's context"
            raise UserError(example["id"], fault, "lower predict.max_new_tokens, or take the example out")
    head = head_of(model, adapter, prompts, tokenizer.eos_token_id)
    # Answers of one task are of like length and end together; the longest first, so that memory is short at once.
    order = sorted(range(len(examples)), key=lambda n: (examples[n]["task"], examples[n]["subset"], -len(prompts[n])))
    result: list[dict[str, Any]] = [{}] * len(examples)
    began, written = time.perf_counter(), 0
    bar = tqdm(total=len(examples), unit="example", mininterval=0.5 if sys.stderr.isatty() else 30)
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        answers = [Draft(vocabulary, examples[n], view) for n in batch] if vocabulary and view else []
        stop = Watch(tokenizer, [examples[n] for n in batch]) if stop_repetition else None
        outputs = greedy(model, head, [prompts[n] for n in batch], tokenizer.eos_token_id, limit, answers, stop)
        for place, (n, (ids, finished)) in enumerate(zip(batch, outputs, strict=True)):
            result[n] = prediction(examples[n], decode(tokenizer, ids), finished, stop_repetition)
            if answers:
                result[n]["output"], result[n]["left_out"] = answers[place].kept(result[n]["output"])
            written += len(ids) + finished
        bar.update(len(batch))
        bar.set_postfix(tokens_s=round(written / (time.perf_counter() - began)), refresh=False)
    bar.close()
    return result


def prediction(example: dict[str, Any], output: str, finished: bool, stop_repetition: bool) -> dict[str, Any]:
    """What was written for an example, up to a repetition that ends it."""
    shorter = cut(output, example["input"], finished) if stop_repetition else None
    if shorter is not None:
        output, finished = shorter, True
    return {"id": example["id"], "output": output, "finished": finished, "repeated": shorter is not None}


def elsewhere(
    tokenizer: Any, examples: Sequence[dict[str, Any]], options: Predict, base: str, adapter: str | None
) -> list[dict[str, Any]]:
    """The same as `predict`, by a server or vLLM."""
    if options.backend == "openai":
        prompts = [example["input"] + "\n" for example in examples]
        outputs = servers.by_openai(prompts, options.max_new_tokens, options.batch_size, options.served_model)
    else:
        bound = None if adapter is None else read_checked_json(Path(adapter) / ADAPTER, "adapter")
        lora = bound is not None and bound["method"] != "full"
        rank = int(read_json(Path(adapter or "") / "adapter_config.json")["r"]) if lora else 0
        ids = [prompt_ids(tokenizer, example["input"]) for example in examples]
        outputs = servers.by_vllm(
            ids, lambda found: decode(tokenizer, found), options.max_new_tokens, base, adapter, rank
        )
    return [
        prediction(example, text, finished, options.stop_repetition)
        for example, (text, finished) in zip(examples, outputs, strict=True)
    ]


def answers(
    files: Sequence[Sequence[dict[str, Any]]], options: Predict, given: argparse.Namespace
) -> list[list[dict[str, Any]]]:
    """Predictions by the backend of the params, a list for each file of examples.

    No batch holds examples of two files: in bf16 an answer may turn on what it is padded with, and the scores of one file are
    not to move with another.

    Raises:
        UserError: a grammar is asked of a backend that has none.
    """
    asked = options.constrained if given.constrained is None else given.constrained
    view = config.read("mix.view", View) if asked else None
    if options.backend != "hf" and view:
        remedy = "set it to false, or predict.backend to hf"
        raise UserError("predict.constrained", f"backend {options.backend} has no grammar", remedy)
    tokenizer = None if options.backend == "openai" else load_tokenizer(given.base)
    if options.backend != "hf":
        found = iter(elsewhere(tokenizer, [row for rows in files for row in rows], options, given.base, given.adapter))
        return [list(islice(found, len(rows))) for rows in files]
    model = load(given.base, given.adapter, dtype_of(options.precision))
    size, limit, stop = options.batch_size, options.max_new_tokens, options.stop_repetition
    return [predict(model, tokenizer, rows, size, limit, view, given.adapter, stop) for rows in files]


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.model.predict", description=__doc__.split("\n")[0])
    parser.add_argument("--base", default="models/base")
    parser.add_argument("--adapter", help="without it the base alone answers; with --text the released one")
    parser.add_argument("--examples", nargs="+", metavar="FILE")
    parser.add_argument("--out", nargs="+", metavar="FILE", help="one for each file of examples")
    parser.add_argument("--text", help="one text instead of files; the answer is printed")
    parser.add_argument("--task", default="NER", help="what --text is asked for")
    parser.add_argument("--lang", default="en", help="of --text; only the labels of constrained decoding depend on it")
    parser.add_argument("--json", action="store_true", help="JSON also in a terminal")
    parser.add_argument("--constrained", action=argparse.BooleanOptionalAction, help="instead of predict.constrained")
    given = parser.parse_args(arguments)
    options = config.read("predict", Predict)
    if given.text is not None:
        one = ask.example(given.text, given.task, given.lang)
        given.adapter = given.adapter or ask.RELEASED
        if options.backend != "openai":
            ask.fetch(given.base, given.adapter)
        found = ask.answer(given.text, given.task, answers([[one]], options, given)[0][0])
        print(ask.told(found, sys.stdout.isatty() and not given.json))
        return
    if not given.examples or not given.out or len(given.examples) != len(given.out):
        parser.error("give --text, or --examples and --out with as many files each")
    files = [read_checked(path, "example") for path in given.examples]
    for path, part in zip(given.out, answers(files, options, given), strict=True):
        write_checked(path, part, "prediction")
        short, ended = sum(not item["finished"] for item in part), sum(item["repeated"] for item in part)
        print(f"{path}: {len(part)} predictions, {short} cut by max_new_tokens, {ended} ended by a repetition", end="")
        left_out = sum(item.get("left_out", 0) for item in part)
        print(f", {left_out} relations or events left out" if left_out else "")


if __name__ == "__main__":
    run(main)
