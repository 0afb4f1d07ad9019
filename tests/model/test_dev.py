"""The dev slice: scored while training without a trace in the weights, and what stops a run and chooses its weights."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.schema import read_checked_json
from stages.model import dev, train
from stages.model.fit import best_point, dev_scores
from stages.model.options import Train
from stages.records.record import Record
from tests.model.test_train import OPTIONS, TRAIN, short_examples, work_folder
from tests.support.tiny_llama import write_tiny_llama

RUN: dict[str, Any] = {"epochs": 2.0, "batch_size": 4, "lora_r": 4, "validation_share": 0.2, "learning_rate": 0.01}
WEIGHTS = "models/adapter/adapter_model.safetensors"


@pytest.fixture(scope="module")
def runs(sample: list[Record], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of a run without a dev slice, with one, with the best weights kept, and with an early end."""
    folder = tmp_path_factory.mktemp("dev")
    tiny, examples, found = write_tiny_llama(folder / "tiny"), short_examples(sample, 20), {}
    ways: dict[str, dict[str, Any]] = {
        "off": {},
        "on": {"dev_points": 2, "dev_examples": 3},
        "best": {"dev_points": 1, "dev_examples": 3, "keep": "best"},
        "early": {"dev_points": 2, "dev_examples": 3, "early_stop": 1},
    }
    for name, options in ways.items():
        found[name] = work_folder(folder / name, examples, tiny, **RUN, **options)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(found[name])
            train.main(TRAIN.split())
    return found


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics" / "loss.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_dev_slice_leaves_no_trace_in_the_weights(runs: dict[str, Path]) -> None:
    assert (runs["on"] / WEIGHTS).read_bytes() == (runs["off"] / WEIGHTS).read_bytes()
    assert list(curve(runs["off"])[0]) == ["step", "epoch", "loss", "validation_loss"]
    assert "dev" not in read_json(runs["off"] / "metrics/train.json")


@pytest.mark.slow
def test_levels_stand_in_the_loss_curve_and_at_the_kept_step_in_the_metrics(runs: dict[str, Path]) -> None:
    rows = [row for row in curve(runs["on"]) if row["ALL"]]
    assert len(rows) == 4
    assert int(rows[-1]["step"]) == int(curve(runs["on"])[-1]["step"])
    metrics = read_checked_json(runs["on"] / "metrics/train.json", "train_metrics")
    assert metrics["kept_step"] == metrics["steps"]
    assert metrics["dev"] == {"examples": 3, **{level: float(rows[-1][level]) for level in dev.LEVELS}}


@pytest.mark.slow
def test_the_first_of_equal_points_is_kept(runs: dict[str, Path]) -> None:
    # A tiny random model answers nothing right: all points are equal.
    metrics = read_checked_json(runs["best"] / "metrics/train.json", "train_metrics")
    assert metrics["kept_step"] == metrics["steps"] // 2
    assert (runs["best"] / WEIGHTS).read_bytes() != (runs["off"] / WEIGHTS).read_bytes()
    assert not list((runs["best"] / "models" / ".checkpoints").iterdir())


@pytest.mark.slow
def test_a_run_that_gets_no_better_ends_and_counts_what_it_saw(runs: dict[str, Path]) -> None:
    early, whole = (read_checked_json(runs[name] / "metrics/train.json", "train_metrics") for name in ("early", "on"))
    assert early["steps"] == whole["steps"] // 2
    assert early["tokens"] < whole["tokens"]
    assert int(curve(runs["early"])[-1]["step"]) == early["steps"]
    assert (runs["early"] / WEIGHTS).exists()


def test_the_best_point_is_that_of_the_highest_mean_and_the_first_of_equals() -> None:
    log = [
        {"step": 5, "dev_TL": 50.0, "dev_ALL": 0.0},
        {"step": 5, "eval_loss": 1.0},
        {"step": 10, "dev_TL": 40.0, "dev_ALL": 20.0},
        {"step": 15, "dev_TL": 50.0, "dev_ALL": 10.0},
    ]
    points = dev_scores(log)
    assert points[5] == {"TL": 50.0, "ALL": 0.0}
    assert best_point(points) == 10


def test_a_slice_has_all_cells_alike_and_grows_with_its_size() -> None:
    rows = [
        {"id": f"{lang}/{n}", "lang": lang, "subset": "SCNM", "task": "NER"}
        for lang in ("en", "ja", "zh")
        for n in range(9 if lang == "en" else 4)
    ]
    held = Dataset.from_list(rows)
    small, large = (set(dev.dev_slice(held, count, 0)["id"]) for count in (6, 9))
    assert small < large
    assert set(Counter(name[:2] for name in large).values()) == {3}
    assert set(dev.dev_slice(held, 6, 1)["id"]) != small
    assert len(dev.dev_slice(held, 100, 0)) == len(rows)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"keep": "best"}, "dev_points is 0"),
        ({"early_stop": 2}, "dev_points is 0"),
        ({"dev_points": 1, "validation_share": 0.0}, "leaves no dev slice"),
        ({"dev_points": 1, "accelerate": "profiles/configs/fsdp.yaml"}, "shared out over devices"),
    ],
)
def test_options_that_do_not_go_together_are_refused(changes: dict[str, Any], fault: str) -> None:
    options: Train = replace(OPTIONS, **changes)
    with pytest.raises(UserError, match=fault):
        train.check(options)


def test_what_the_scorer_refuses_is_told_in_its_own_line() -> None:
    row = {
        "id": "x",
        "group": "0" * 16,
        "subset": "SCNM",
        "task": "NER",
        "lang": "fr",
        "input": "a/NER",
        "output": "/NER/",
    }
    with pytest.raises(UserError, match="unknown language 'fr'"):
        dev.scored([{"id": "x", "output": "", "finished": True}], [row])
