"""A training run that is killed goes on from its last checkpoint, to the bytes of an unbroken run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.records.record import Record
from tests.model.test_train import TRAIN, short_examples, work_folder
from tests.support.pipeline import ROOT, run
from tests.support.tiny_llama import ONE_THREAD, write_tiny_llama

COMMAND = ["-m", "stages.model.train", *TRAIN.split()]
OPTIONS = {"epochs": 10.0, "batch_size": 4, "lora_dropout": 0.1, "validation_share": 0.2, "save_every": 7}
RESULTS = (
    "models/adapter/adapter_model.safetensors",
    "models/adapter/adapter_config.json",
    "metrics/train.json",
    "metrics/loss.csv",
)


def kill_after_checkpoint(folder: Path, line: str) -> None:
    """Starts the stage and kills it with SIGKILL when it says `line`."""
    process = subprocess.Popen(
        [sys.executable, *COMMAND],
        cwd=folder,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert any(said.startswith(line) for said in process.stdout), "it ended before the checkpoint"
        os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("more", [{}, {"dev_points": 1, "keep": "best", "early_stop": 3}])
def test_a_killed_run_resumes_to_the_same_bytes(sample: list[Record], tmp_path: Path, more: dict[str, object]) -> None:
    tiny, examples, options = write_tiny_llama(tmp_path / "tiny"), short_examples(sample, 24), OPTIONS | more
    whole, broken = (work_folder(tmp_path / name, examples, tiny, **options) for name in ("whole", "broken"))
    done = run(["python", *COMMAND], whole, **ONE_THREAD)
    assert done.returncode == 0, done.stderr
    for said in ("saved at step 7 ", "saved at step 14 "):
        kill_after_checkpoint(broken, said)
        assert not (broken / "models" / "adapter").exists()
        assert not (broken / "metrics").exists()
    done = run(["python", *COMMAND], broken, **ONE_THREAD)
    assert done.returncode == 0, done.stderr
    assert "resumed at step " in done.stdout
    for name in RESULTS:
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name
    assert not list((broken / "models" / ".checkpoints").iterdir())


def test_a_checkpoint_of_other_options_is_not_used(sample: list[Record], tmp_path: Path) -> None:
    folder = work_folder(tmp_path / "work", short_examples(sample, 24), write_tiny_llama(tmp_path / "tiny"), **OPTIONS)
    kill_after_checkpoint(folder, "saved at step 7 ")
    knobs = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    knobs["train"]["learning_rate"] /= 2
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    done = run(["python", *COMMAND], folder, **ONE_THREAD)
    assert done.returncode == 0, done.stderr
    assert "resumed" not in done.stdout
