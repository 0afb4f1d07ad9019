"""Known answers through the real pipeline: gold scores 100, a tiny base that learns by heart comes out right.

Without the second nobody could tell a broken trainer from a small model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stages.core.files import read_json, write_jsonl
from stages.records.record import Record
from stages.records.rules import write_records
from tests.model.test_train import short_examples
from tests.support.pipeline import here, new_folder, stage_here
from tests.support.tiny_llama import write_tiny_llama

# What makes the tiny base learn by heart. LoRA alone cannot: its random embeddings and head would stay as they are.
BY_HEART = {
    "method": "full",
    "epochs": 75.0,
    "batch_size": 8,
    "learning_rate": 0.006,
    "validation_share": 0.0,
    "head": "full",
}


def calibrated(folder: Path, sample: list[Record], count: int) -> None:
    """What mix reads: `count` short training records in all languages, and one test record a language."""
    chosen = {row["id"] for row in short_examples(sample, count)}
    train = [
        {**record, "split": "train", "group": f"{n:016x}"} for n, record in enumerate(sample) if record["id"] in chosen
    ]
    rest = [record for record in sample if record["id"] not in chosen]
    test = [
        {**next(record for record in rest if record["lang"] == lang), "split": "test", "group": f"{n:015x}f"}
        for n, lang in enumerate(("ja", "en", "zh"))
    ]
    for lang in ("ja", "en", "zh"):
        write_records(folder / f"data/calibrated/{lang}.jsonl", [r for r in train + test if r["lang"] == lang])
        write_records(folder / f"data/filtered/{lang}.jsonl", [])
    write_records(folder / "data/tconer/records.jsonl", train + test)
    for name in ("references", "natural", "second"):
        write_records(folder / f"data/raw/{name}.jsonl", [])


def evaluate(folder: Path, predictions: str, gold: str) -> dict[str, Any]:
    command = f"stages.scoring.evaluate {predictions} {gold} --metrics scores.json --defects defects.json"
    done = here(command.split(), folder)
    assert done.returncode == 0, done.stderr
    return {"scores": read_json(folder / "scores.json"), "defects": read_json(folder / "defects.json")}


@pytest.mark.slow
def test_a_tiny_base_overfits_sixteen_records_through_mix_train_predict_and_evaluate(
    sample: list[Record], tmp_path: Path
) -> None:
    tiny = write_tiny_llama(tmp_path / "tiny")
    changes = {"train": {**BY_HEART, "precision": "fp32"}, "predict": {"precision": "fp32"}}
    folder = new_folder(tmp_path / "work", base={"source": f"path:{tiny}", "sha256": None, "terms": []}, **changes)
    calibrated(folder, sample, 16)
    for stage in ("mix", "base", "train"):
        stage_here(stage, folder)
    examples = [json.loads(line) for line in (folder / "data/mix/train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(examples) == 16
    assert {row["lang"] for row in examples} == {"ja", "en", "zh"}
    command = "stages.model.predict --base models/base --adapter models/adapter --examples data/mix/train.jsonl --out out.jsonl"
    done = here(command.split(), folder)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    exact = sum(line["output"] == row["output"] and line["finished"] for line, row in zip(lines, examples, strict=True))
    assert exact >= 15, [(line["output"], row["output"]) for line, row in zip(lines, examples, strict=True)]
    found = evaluate(folder, "out.jsonl", "data/mix/train.jsonl")
    assert found["scores"]["all"]["n"] == 16
    assert found["scores"]["all"]["ALL"] >= 100 * 15 / 16
    assert found["defects"]["all"]["format"]["records"] <= 1


def test_gold_as_predictions_scores_100_everywhere(sample: list[Record], tmp_path: Path) -> None:
    folder = new_folder(tmp_path / "work")
    calibrated(folder, sample, 300)
    stage_here("mix", folder)
    gold = [json.loads(line) for line in (folder / "data/mix/train.jsonl").read_text(encoding="utf-8").splitlines()]
    write_jsonl(folder / "gold.jsonl", ({"id": row["id"], "output": row["output"], "finished": True} for row in gold))
    found = evaluate(folder, "gold.jsonl", "data/mix/train.jsonl")
    cells = [cell for lang, row in found["scores"].items() if lang != "all" for cell in row.values()]
    assert len(cells) > 15
    assert {cell[level] for cell in cells for level in ("TL", "WL", "ALL")} == {100.0}
    assert found["defects"]["all"]["format"]["records"] == found["defects"]["all"]["grounding"]["records"] == 0
