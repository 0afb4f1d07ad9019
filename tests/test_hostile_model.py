"""Hostile records train a model and are answered by it, with a tiny real one: what is too long is named, nothing is obeyed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.schema import read_checked, read_checked_json, write_checked
from stages.model import ask, predict, train
from stages.records.linear import encode, parse, split_input
from tests.model.test_train import PREDICT, TRAIN, work_folder
from tests.support import hostile
from tests.support.tiny_llama import write_tiny_llama

pytestmark = pytest.mark.slow
SHORT = 700  # bytes of an example, and as many tokens of the tiny model


def examples() -> list[dict[str, Any]]:
    """Every hostile record in the linear format, one group each."""
    found = []
    for n, record in enumerate(hostile.records()):
        given, wanted = encode({**record, "text_label": record["text_label"] or "Society"})
        row = {key: record[key] for key in ("id", "subset", "task", "lang")}
        found.append({**row, "group": f"{n:016x}", "input": given, "output": wanted})
    return found


def size(example: dict[str, Any]) -> int:
    return len((example["input"] + example["output"]).encode())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that saw all of them that are short enough."""
    top = tmp_path_factory.mktemp("hostile")
    knobs: dict[str, Any] = {"epochs": 1.0, "batch_size": 4, "over_length": "drop", "max_tokens": SHORT, "head": "full"}
    folder = work_folder(top / "work", examples(), write_tiny_llama(top / "tiny"), **knobs, dev_points=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train.main(TRAIN.split())
    return folder


def test_a_model_trains_on_hostile_records_and_counts_those_that_are_too_long(trained: Path) -> None:
    metrics = read_checked_json(trained / "metrics/train.json", "train_metrics")
    long = sum(size(example) > SHORT - 2 for example in examples())
    assert long > 2
    assert metrics["dropped_over_length"] == long
    assert not [path for path in trained.parent.rglob("*") if hostile.MARK in path.name]


@pytest.mark.parametrize("how", ["--no-constrained", "--constrained"])
def test_each_hostile_example_is_answered(trained: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    short = [example for example in examples() if size(example) <= SHORT - 2]
    write_checked("short.jsonl", short, "example")
    predict.main([how, *PREDICT.replace("train.jsonl", "short.jsonl").split()])
    answers = read_checked("out.jsonl", "prediction")
    assert [line["id"] for line in answers] == [example["id"] for example in short]
    for line, example in zip(answers, short, strict=True):
        text, task = split_input(example["input"])
        assert how == "--no-constrained" or not line["finished"] or not parse(line["output"], task).defects
        assert ask.answer(text, task.name, line)["text"] == text


def test_an_input_longer_than_the_model_reads_is_named_and_nothing_is_written(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained)
    with pytest.raises(UserError, match="leaves no room for .* more in the model's context") as told:
        predict.main(PREDICT.replace("out.jsonl", "none.jsonl").split())
    assert told.value.place in {example["id"] for example in examples()}
    assert not Path("none.jsonl").exists()
