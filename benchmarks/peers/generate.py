"""Frozen baseline of prediction: `generate` of transformers, one prompt by one or in batches sorted by length.

    python -m benchmarks.peers.generate BASE ADAPTER PROMPTS.json --batch-size 1

PROMPTS.json holds {"prompts": [[id, …], …], "end": id, "limit": n}. Prints {"seconds": …, "outputs": [[id, …], …]} as JSON;
an output ends with `end` if it came.
"""

import argparse
import json
import time

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("base")
    parser.add_argument("adapter")
    parser.add_argument("prompts")
    parser.add_argument("--dtype", choices=("fp32", "bf16"), required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    options = parser.parse_args()
    with open(options.prompts, encoding="utf-8") as file:
        given = json.load(file)
    prompts, end = given["prompts"], given["end"]
    where = "cuda" if torch.cuda.is_available() else "cpu"
    model = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(options.base, dtype=torch.float32), options.adapter
    ).merge_and_unload()
    model = model.to(where, torch.bfloat16 if options.dtype == "bf16" else torch.float32).eval()
    order = sorted(range(len(prompts)), key=lambda n: -len(prompts[n]))
    outputs = [None] * len(prompts)
    began = time.perf_counter()
    for start in range(0, len(order), options.batch_size):
        batch = order[start : start + options.batch_size]
        width = max(len(prompts[n]) for n in batch)
        ids = torch.tensor([[end] * (width - len(prompts[n])) + prompts[n] for n in batch], device=where)
        mask = torch.tensor([[0] * (width - len(prompts[n])) + [1] * len(prompts[n]) for n in batch], device=where)
        found = model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=False,
            max_new_tokens=given["limit"],
            eos_token_id=end,
            pad_token_id=end,
        )
        for n, row in zip(batch, found[:, width:].tolist(), strict=True):
            outputs[n] = row[: row.index(end) + 1] if end in row else row
    print(json.dumps({"seconds": time.perf_counter() - began, "outputs": outputs}))


if __name__ == "__main__":
    main()
