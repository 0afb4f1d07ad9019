"""What only a GPU can show, in one run of under eight minutes: `make gpu-check`.

    python -m benchmarks.gpu_check

Carries its own models: a tiny LLaMA with a byte tokenizer, and a random one of a billion parameters, made here. Trains the tiny
one in bf16 on the GPU and on the processor, LoRA and full, and compares the loss curves; kills a run and lets it resume, and
compares the bytes; predicts on both; measures real tokens a second of the large one beside the plain Trainer. Writes
`benchmarks/results/gpu.json` with the device's name. Without a GPU it says so, writes nothing and exits 0.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.common import print_table, write_results
from benchmarks.train import timed
from stages.core.errors import UserError
from stages.core.files import read_json, sha256_file, write_json
from stages.core.schema import read_checked, write_checked
from stages.model import base
from stages.records.linear import encode
from stages.sources import sample
from stages.sources.common import Source
from tests.support.tiny_llama import byte_tokenizer, write_tiny_llama

ROOT = Path(__file__).resolve().parents[1]
TRAIN = "--base models/base --train train.jsonl --out models/adapter --metrics train.json --loss loss.csv"
PREDICT = "--base models/base --adapter models/adapter --examples test.jsonl --out out.jsonl"
LOSS_APART = 0.05  # nats a token that the curves of GPU and processor may differ by, both in bf16
LARGE = {
    "vocab_size": 128_256,
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "tie_word_embeddings": True,
    "eos_token_id": 0,
    "bos_token_id": None,
    "pad_token_id": 0,
}


def examples(count: int) -> list[dict[str, Any]]:
    """The sample's records in all languages, as examples, the shortest first."""
    source = Source("sample", "sample", str(ROOT / "data" / "sample"), None, None)
    rows = []
    for record in sample.records(source) + sample.references(source):
        given, wanted = encode(record)
        row = {key: record[key] for key in ("id", "group", "subset", "task", "lang")}
        rows.append({**row, "input": given, "output": wanted})
    rows.sort(key=lambda row: (len((row["input"] + row["output"]).encode()), row["id"]))
    return rows[:count]


def prepare(folder: Path, model: Path, count: int, **options: Any) -> Path:
    """A folder in which the stages run: params, examples, a base made by its stage."""
    folder.mkdir()
    knobs = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    knobs["base"] = {"source": f"path:{model}", "sha256": None, "terms": []}
    knobs["train"] |= {"precision": "bf16", "processes": 1, "max_tokens": 1024, "validation_share": 0.2, **options}
    knobs["predict"] |= {"precision": "bf16", "max_new_tokens": 64}
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    rows = examples(count)
    write_checked(folder / "train.jsonl", rows, "example")
    write_checked(folder / "test.jsonl", rows[:32], "example")
    before = Path.cwd()
    os.chdir(folder)
    try:
        base.main(["--out", "models/base"])
    finally:
        os.chdir(before)
    return folder


def environment(gpu: bool) -> dict[str, str]:
    one = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0] if gpu else ""}
    return {**os.environ, **one, "PYTHONPATH": str(ROOT), "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def stage(name: str, arguments: str, folder: Path, gpu: bool) -> str:
    """Runs a stage; returns what it prints."""
    command = [sys.executable, "-m", f"stages.model.{name}", *arguments.split()]
    done = subprocess.run(command, cwd=folder, env=environment(gpu), capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        raise UserError(f"stages.model.{name} on {'GPU' if gpu else 'processor'}", said, "see the traceback by hand")
    return done.stdout


def curve(folder: Path) -> list[float]:
    with (folder / "loss.csv").open(encoding="utf-8") as file:
        return [float(row["validation_loss"]) for row in csv.DictReader(file)]


def kill_and_resume(folder: Path) -> bool:
    """Whether a run killed after its first checkpoint ends with the bytes of an unbroken one."""
    weights = folder / "models/adapter/adapter_model.safetensors"
    stage("train", TRAIN, folder, True)
    whole = sha256_file(weights)
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.model.train", *TRAIN.split()],
        cwd=folder,
        env=environment(True),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    if not any(line.startswith("saved at step") for line in process.stdout):
        raise UserError("kill and resume", "the run ended before its first checkpoint", "lower save_every here")
    process.send_signal(signal.SIGKILL)
    process.wait()
    said = stage("train", TRAIN, folder, True)
    return "resumed at step" in said and sha256_file(weights) == whole


def large(folder: Path) -> dict[str, float]:
    """Real tokens a second of training a random LLaMA of a billion parameters with LoRA: ours, and the plain Trainer's in bf16."""
    model = folder / "large"
    with torch.device("cuda"):
        LlamaForCausalLM(LlamaConfig(**LARGE)).to(torch.bfloat16).save_pretrained(model)
    byte_tokenizer().save_pretrained(model)
    rows, place = examples(512), folder / "large.jsonl"
    write_checked(place, rows, "example")
    tokenizer = byte_tokenizer()
    ids = [
        [len(tokenizer(row["input"] + "\n").input_ids), tokenizer(row["input"] + "\n" + row["output"]).input_ids]
        for row in rows
    ]
    write_json(folder / "large.json", [{"ids": [*whole, 0], "start": start} for start, whole in ids])
    tokens = sum(len(whole) + 1 for _, whole in ids)
    same = ["--base", str(model), "--train", str(place), "--examples", str(len(rows))]
    peer = timed(["benchmarks.peers.trainer_lora", str(model), str(folder / "large.json"), "--dtype", "bf16"])
    mine = timed(["benchmarks.train", "--ours", *same])
    return {"ours": round(tokens / mine["seconds"]), "plain_trainer_bf16": round(tokens / peer["seconds"])}


def main(arguments: Sequence[str]) -> None:
    if not torch.cuda.is_available():
        print("gpu-check: not run, there is no CUDA device here")
        return
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    name = torch.cuda.get_device_name()
    results: dict[str, Any] = {"device": name, "torch": torch.__version__, "cuda": torch.version.cuda}
    with TemporaryDirectory() as temporary:
        top = Path(temporary)
        tiny = write_tiny_llama(top / "tiny", hidden=256)
        for method, head, rate in (("lora", "seen", 0.003), ("full", "full", 0.001)):
            curves = []
            for gpu in (True, False):
                how = {"method": method, "head": head, "learning_rate": rate, "epochs": 2.0, "save_every": 10}
                folder = prepare(top / f"{method}-{'gpu' if gpu else 'cpu'}", tiny, 240, **how)
                stage("train", TRAIN, folder, gpu)
                curves.append(curve(folder))
            apart = max(abs(one - other) for one, other in zip(*curves, strict=True))
            results[f"{method}_loss_apart"] = round(apart, 5)
            results[f"{method}_loss_ok"] = apart < LOSS_APART
        results["resumed_to_the_same_bytes"] = kill_and_resume(top / "lora-gpu")
        folder, written = top / "full-gpu", []
        for gpu in (True, False):
            stage("predict", PREDICT, folder, gpu)
            written.append(read_checked(folder / "out.jsonl", "prediction"))
        same = sum(one["output"] == other["output"] for one, other in zip(*written, strict=True))
        results["predictions_alike"], results["predictions"] = same, len(written[0])
        results["tokens_per_s_1b"] = large(top)
    print_table(["gpu-check", name], [[key, str(value)] for key, value in results.items()])
    write_results("gpu", results)
    if not (results["lora_loss_ok"] and results["full_loss_ok"] and results["resumed_to_the_same_bytes"]):
        raise SystemExit("gpu-check: the GPU and the processor do not agree; see the table")
    print(f"written: benchmarks/results/gpu.json ({read_json(ROOT / 'benchmarks/results/gpu.json')['device']})")


if __name__ == "__main__":
    main(sys.argv[1:])
