"""What cannot be trained on or written is told in one line with its remedy, and nothing half-made is left as finished."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import BertConfig, BertLMHeadModel, T5Config, T5ForConditionalGeneration

from stages.core.errors import UserError
from stages.model import base, launch, memory, predict, train
from stages.records.record import Record
from tests.model.test_train import OPTIONS, TRAIN, short_examples, work_folder
from tests.support.params import params
from tests.support.pipeline import here
from tests.support.tiny_llama import byte_tokenizer, write_tiny_llama


def make(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    knobs = params()
    knobs["base"] = {"source": source, "sha256": None, "terms": []}
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    monkeypatch.chdir(folder)
    base.main(["--out", "models/base"])


SIZES: dict[str, Any] = {"vocab_size": 258, "hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 2}
T5 = {"vocab_size": 258, "d_model": 32, "d_ff": 32, "num_layers": 1, "num_heads": 2, "d_kv": 16}


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        (
            lambda: BertLMHeadModel(BertConfig(**SIZES, num_hidden_layers=1, initializer_range=0.5)),
            "is no causal language model",
        ),
        (lambda: T5ForConditionalGeneration(T5Config(**T5)), "not loaded"),
    ],
)
def test_a_base_that_looks_ahead_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Any, fault: str
) -> None:
    model().save_pretrained(tmp_path / "encoder")
    byte_tokenizer().save_pretrained(tmp_path / "encoder")
    with pytest.raises(UserError, match=fault) as error:
        make(tmp_path, monkeypatch, f"path:{tmp_path / 'encoder'}")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "models").exists()


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes, as on a full disk; the interpreter's own caches are left alone."""
    before, writes = resource.getrlimit(resource.RLIMIT_FSIZE), sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        sys.dont_write_bytecode = writes


@pytest.mark.parametrize("size", [20_000, 130_000])  # too small for a checkpoint; for the final weights
def test_a_full_disk_is_one_line_and_leaves_no_artifact(sample: list[Record], tmp_path: Path, size: int) -> None:
    how = {"save_every": 2 if size < 100_000 else 1000, "epochs": 1.0, "method": "full", "head": "full"}
    folder = work_folder(tmp_path / "work", short_examples(sample, 16), write_tiny_llama(tmp_path / "tiny"), **how)
    with files_up_to(size):
        done = here(["stages.model.train", *TRAIN.split()], folder)
    assert done.returncode == 1
    lines = [line.rpartition("]")[2] for line in done.stderr.splitlines() if line.rpartition("]")[2]]
    assert len(lines) == 1, done.stderr
    assert "not written" in lines[0]
    assert "free space" in lines[0]
    assert not (folder / "models/adapter").exists()
    assert not (folder / "metrics").exists()


def test_too_little_memory_is_refused_before_a_weight_is_loaded(tmp_path: Path) -> None:
    tiny = write_tiny_llama(tmp_path / "tiny")
    (tmp_path / "tiny" / "model.safetensors").unlink()
    found = memory.estimate(tiny, OPTIONS, torch.float32)
    with pytest.raises(UserError, match=r"needs about .* GB a device \(weights .*0\.00 GB are free.*micro_batch"):
        memory.check_fits(found, 1000.0, "train")
    memory.check_fits(found, memory.available(torch.device("cpu")), "train")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"method": "qlora"}, "bitsandbytes|CUDA"),
        ({"method": "full", "head": "seen"}, "seen leaves rows untrained"),
    ],
)
def test_options_that_cannot_be_are_refused(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        train.check(replace(OPTIONS, **change))


def test_a_missing_accelerate_config_is_named() -> None:
    with pytest.raises(UserError, match=r"train\.accelerate: no file nowhere\.yaml"):
        launch.launch("stages.model.train", [], replace(OPTIONS, accelerate="nowhere.yaml"))


def test_dora_trains_and_predicts(sample: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = write_tiny_llama(tmp_path / "tiny")
    folder = work_folder(tmp_path / "work", short_examples(sample, 12), tiny, method="dora", lora_r=4, epochs=2.0)
    monkeypatch.chdir(folder)
    train.main(TRAIN.split())
    knobs = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    knobs["predict"]["max_new_tokens"] = 4
    Path("params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    predict.main(["--adapter", "models/adapter", "--examples", "train.jsonl", "--out", "out.jsonl"])
    assert len(Path("out.jsonl").read_text(encoding="utf-8").splitlines()) == 12
