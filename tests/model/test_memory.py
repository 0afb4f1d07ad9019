"""The memory estimate: parameters as they are, bytes near those measured, refused with numbers; every profile read and counted."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, T5Config

from stages.core import config
from stages.core.errors import UserError
from stages.model import memory, profile
from tests.model.test_train import OPTIONS
from tests.support.pipeline import ROOT
from tests.support.tiny_llama import ONE_THREAD

# Large enough that activations and weights, and not the interpreter, are what is measured.
SHAPE: dict[str, Any] = {
    "vocab_size": 8000,
    "hidden_size": 512,
    "intermediate_size": 1536,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
}
STEP = """
import json, os, sys, torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM
from stages.model.fit import Completions
from stages.model.head import Head
shape, length, cases = json.loads(sys.argv[1])
# Of this process alone: ru_maxrss goes on from the process that started it, a test worker of hundreds of megabytes.
status = lambda name: next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(name + ":"))
small = {**shape, "num_hidden_layers": 1, "hidden_size": 64, "intermediate_size": 64}

def step(shape, method, batch, saving, *lengths):
    model = LlamaForCausalLM(LlamaConfig(**shape))
    if saving:
        model.activation_checkpointing_enable({"use_reentrant": False})
    if method == "lora":
        model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear")).get_base_model()
    model.train()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, fused=True)
    for length in lengths:
        ids = torch.randint(0, 8000, (batch, length))
        labels = ids.clone()
        labels[:, : length // 2] = -100
        Completions(model, Head(model, None))(ids, labels).backward()
        optimizer.step()
        optimizer.zero_grad()

for case in cases:  # each in a process of its own; what they import is paid for once
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        continue
    step(small, *case, 8)
    before = status("VmRSS")
    step(shape, *case, 8, length)  # the first makes the optimizer's state, so that the second meets it at its peak
    print(status("VmHWM") - before, flush=True)
    os._exit(0)
"""
LENGTH = 128
CASES: list[tuple[Any, int, bool]] = [("full", 8, False), ("lora", 8, False), ("lora", 2, False), ("full", 8, True)]


@pytest.fixture(scope="module")
def measured() -> list[int]:
    """Bytes that training takes at its peak, of each case."""
    done = subprocess.run(
        [sys.executable, "-c", STEP, json.dumps([SHAPE, LENGTH, CASES])],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT), "MALLOC_MMAP_THRESHOLD_": "65536"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from Linux' /proc")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_estimate_bounds_what_is_measured_and_is_not_far_above(
    case: tuple[Any, int, bool], measured: list[int]
) -> None:
    method, batch, saving = case
    options = replace(
        OPTIONS, method=method, batch_size=batch, activation_checkpointing=saving, max_tokens=LENGTH, lora_dropout=0.0
    )
    found, taken = memory.estimate(LlamaConfig(**SHAPE), options, torch.float32), measured[CASES.index(case)]
    print(f"{case}: {taken / 1e6:.0f} MB, estimate {found.total / 1e6:.0f}")
    assert 0.9 < found.total / taken < 1.6, (taken, found)


PARAMETERS = {
    "llama3-8b": 8_030_261_248,
    "llama2-13b": 13_015_864_320,
    "qwen3-0.6b": 596_049_920,
    "smollm2-135m": 134_515_008,
    "gemma3-270m": 268_098_176,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_configs_are_of_the_models_they_are_named_after(name: str) -> None:
    options = replace(OPTIONS, method="full")
    model = memory.meta_model(ROOT / "profiles" / "configs" / f"{name}.json", options, torch.bfloat16)
    assert sum(weight.numel() for weight in model.parameters()) == PARAMETERS[name]
    assert all(weight.is_meta for weight in model.parameters())


@pytest.mark.parametrize("name", profile.names())
def test_every_profile_fits_what_it_is_for(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    profile.main([name])
    assert "parameters" in capsys.readouterr().out


def test_a_profile_is_refused_where_it_cannot_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match=r"needs about \d+\.\d+ GB a device .*0\.50 GB are asked"):
        profile.main(["llama3-8b", "--memory", "0.5"])


def test_the_sample_profile_is_what_params_yaml_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    values = config.load()
    for section, entries in profile.overrides(profile.DEFAULT).items():
        assert {key: values[section][key] for key in entries} == entries


def test_a_profile_is_applied_and_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    path = tmp_path / "params.yaml"
    before = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(before, encoding="utf-8")
    changed = profile.apply("llama3-8b", path)
    assert {"base.source", "train.method", "train.learning_rate", "mix.train_size"} <= set(changed)
    found = config.load(path)
    assert found["train"]["method"] == "full"
    assert found["train"]["learning_rate"] == 1e-5
    assert "# of input and output together" in path.read_text(encoding="utf-8")  # comments stay
    profile.apply("sample", path)
    assert path.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("name", profile.names())
def test_a_profile_moves_no_line_but_its_own(name: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    before = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(before, encoding="utf-8")
    changed = profile.apply(name, path)
    after = path.read_text(encoding="utf-8")
    keys = {key.partition(".")[2] for key in changed}
    moved = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]
    assert all(line[2:].strip().startswith(("- pypi:", *(f"{key}:" for key in keys))) for line in moved)
    assert profile.apply(name, path) == []
    wanted, found = profile.overrides(name), config.load(path)
    assert all(found[section][key] == value for section, own in wanted.items() for key, value in own.items())
    profile.apply("sample", path)
    assert path.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    "line", ["terms:", "terms: null  # said", "terms: [a, b]  # said", "terms:  # said\n    - a  # of it\n    - b"]
)
def test_a_value_is_set_however_the_old_one_is_written(line: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    before = (ROOT / "params.yaml").read_text(encoding="utf-8")
    start = before.index("terms:")
    end = before.index("\n\ntrain:")
    path.write_text(before[:start] + line + before[end:], encoding="utf-8")
    assert profile.apply("sample", path) == ["base.terms"]
    assert config.load(path) == config.load(ROOT / "params.yaml")
    assert ("# said" in path.read_text(encoding="utf-8")) == ("# said" in line)


def test_a_profile_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UserError, match=r"no such profile \(one of .*llama3-8b"):
        profile.read("llama4")


@pytest.mark.parametrize(("kind", "fault"), [(T5Config(), "t5 is no causal language model")])
def test_a_model_that_does_not_go_on_is_refused(kind: Any, fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        memory.meta_model(kind, OPTIONS, torch.float32)


def test_sharding_shares_out_what_the_config_says(tmp_path: Path) -> None:
    assert memory.sharding_of(str(ROOT / "profiles/configs/fsdp.yaml"), 8) == memory.Sharding(8, 8, 8)
    path = tmp_path / "zero.yaml"
    for stage, expected in ((1, (1, 1, 4)), (2, (1, 4, 4)), (3, (4, 4, 4))):
        path.write_text(f"deepspeed_config: {{zero_stage: {stage}}}\n", encoding="utf-8")
        assert memory.sharding_of(str(path), 4) == memory.Sharding(*expected)
    with pytest.raises(UserError, match="no file"):
        memory.sharding_of(str(tmp_path / "none.yaml"), 4)
