"""Frozen baseline of training: the plain transformers Trainer with LoRA, random batches padded to their longest.

    python -m benchmarks.peers.trainer_lora BASE TOKENS.json --dtype fp32

TOKENS.json holds a list of {"ids": […], "start": n}. Prints {"seconds": …, "loss": …} of `Trainer.train` as JSON.
"""

import argparse
import json
import tempfile
import time

import torch
from peft import LoraConfig, get_peft_model
from torch.utils.data import Dataset
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments


class Rows(Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, n):
        return self.rows[n]


def collate(rows):
    width = max(len(row["ids"]) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
    for n, row in enumerate(rows):
        tokens = torch.tensor(row["ids"])
        ids[n, : len(tokens)] = tokens
        mask[n, : len(tokens)] = 1
        labels[n, row["start"] : len(tokens)] = tokens[row["start"] :]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("base")
    parser.add_argument("tokens")
    parser.add_argument("--dtype", choices=("fp32", "bf16"), required=True)
    options = parser.parse_args()
    with open(options.tokens, encoding="utf-8") as file:
        rows = json.load(file)
    dtype = torch.bfloat16 if options.dtype == "bf16" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(options.base, dtype=dtype)
    config = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=get_peft_model(model, config),
            args=TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=8,
                num_train_epochs=1,
                learning_rate=1e-3,
                bf16=options.dtype == "bf16",
                use_cpu=not torch.cuda.is_available(),
                save_strategy="no",
                remove_unused_columns=False,
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Rows(rows),
            data_collator=collate,
        )
        began = time.perf_counter()
        result = trainer.train()
    print(json.dumps({"seconds": time.perf_counter() - began, "loss": result.training_loss}))


if __name__ == "__main__":
    main()
