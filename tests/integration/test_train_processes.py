"""Two processes on one machine: the loss curve of one, the same bytes after a kill, and one line when one of them dies."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from safetensors.torch import load_file

from stages.records.record import Record
from tests.integration.test_train_resume import COMMAND, OPTIONS, RESULTS
from tests.model.test_train import short_examples, work_folder
from tests.support.pipeline import ROOT, run
from tests.support.tiny_llama import ONE_THREAD, write_tiny_llama


def folder_of(sample: list[Record], place: Path, **options: Any) -> Path:
    tiny = write_tiny_llama(place.parent / f"tiny-{place.name}")
    return work_folder(place, short_examples(sample, 23), tiny, **{**OPTIONS, **options})


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *COMMAND],
        cwd=folder,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(process: subprocess.Popen[str], line: str) -> list[psutil.Process]:
    """Waits for the line; returns the processes that train."""
    assert process.stdout is not None
    assert any(said.startswith(line) for said in process.stdout), "it ended before the checkpoint"
    return psutil.Process(process.pid).children()


def curve(folder: Path) -> list[dict[str, float]]:
    with (folder / "metrics" / "loss.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_two_processes_and_accumulation_give_the_loss_curve_of_one(sample: list[Record], tmp_path: Path) -> None:
    # Three examples a step do not divide by two processes, and the last step of an epoch has two.
    how: dict[str, Any] = {"lora_dropout": 0.0, "epochs": 3.0, "batch_size": 3, "learning_rate": 0.01}
    how |= {"save_every": 1000}
    one, two, slow = (
        folder_of(sample, tmp_path / name, **how, processes=count, micro_batch=size, activation_checkpointing=saving)
        for name, count, size, saving in (("one", 1, None, False), ("two", 2, None, False), ("slow", 2, 1, True))
    )
    for folder in (one, two, slow):
        done = run(["python", *COMMAND], folder, **ONE_THREAD)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 2, done.stdout  # only the first process speaks
    for folder in (two, slow):
        for row, expected in zip(curve(folder), curve(one), strict=True):
            assert row == pytest.approx(expected, rel=2e-4)
        weights, wanted = (load_file(each / "models/adapter/adapter_model.safetensors") for each in (folder, one))
        for name, weight in wanted.items():
            assert (weights[name].float() - weight.float()).abs().max() < 2e-3, name
    assert curve(one)[-1]["loss"] < curve(one)[0]["loss"] - 0.1


def test_a_killed_run_of_two_processes_resumes_to_the_same_bytes(sample: list[Record], tmp_path: Path) -> None:
    whole, broken = (folder_of(sample, tmp_path / name, processes=2, precision="bf16") for name in ("whole", "broken"))
    done = run(["python", *COMMAND], whole, **ONE_THREAD)
    assert done.returncode == 0, done.stderr
    process = start(broken)
    workers = until(process, "saved at step 14 ")
    assert len(workers) == 2
    process.kill()  # of what started them: they end too
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive
    knobs = yaml.safe_load((broken / "params.yaml").read_text(encoding="utf-8"))
    for count, code in ((1, 1), (2, 0)):
        knobs["train"]["processes"] = count
        (broken / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
        done = run(["python", *COMMAND], broken, **ONE_THREAD)
        assert done.returncode == code, done.stderr
        if code:
            assert len(done.stderr.splitlines()) == 1
            assert "is of a run of 2 processes, this one has 1" in done.stderr
            assert not (broken / "models/adapter").exists()
    assert "resumed at step " in done.stdout
    for name in RESULTS:
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_process_that_dies_ends_all_with_one_line(sample: list[Record], tmp_path: Path) -> None:
    folder = folder_of(sample, tmp_path / "work", processes=2)
    process = start(folder)
    workers = until(process, "saved at step 7 ")
    workers[1].send_signal(signal.SIGKILL)
    _, said = process.communicate(timeout=600)  # on a busy machine; it hangs forever where the others are not ended
    assert process.returncode == 1
    lines = [line.rpartition("]")[2] for line in said.splitlines() if line.rpartition("]")[2]]  # the bar aside
    assert len(lines) == 1, said
    assert "process 1 of 2 ended with signal SIGKILL" in lines[0]
    assert not any(worker.is_running() for worker in workers)
    assert not (folder / "models/adapter").exists()
    assert not (folder / "metrics").exists()
