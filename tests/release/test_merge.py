"""A merged model answers as its adapter does, and is never made of a quantised base."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from stages.core.errors import UserError
from stages.core.schema import read_checked
from stages.model import predict, train
from stages.records.record import Record
from stages.release import merge
from tests.model.test_train import TRAIN, short_examples, work_folder
from tests.support.tiny_llama import write_tiny_llama


@pytest.fixture(scope="module")
def trained(sample: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after a short LoRA run."""
    folder = tmp_path_factory.mktemp("work")
    examples = short_examples(sample, 16)
    work_folder(folder, examples, write_tiny_llama(folder / "tiny"), epochs=8.0, learning_rate=0.02)
    knobs = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    knobs["predict"]["max_new_tokens"] = 24
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train.main(TRAIN.split())
    return folder


MERGE = "--adapter models/adapter --examples train.jsonl --records 8 --out models/merged"


@pytest.mark.slow
def test_a_merged_model_answers_as_its_adapter(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    merge.main(MERGE.split())
    for adapter in ("adapter", "merged"):
        predict.main(f"--adapter models/{adapter} --examples train.jsonl --out {adapter}.jsonl".split())
    assert read_checked("adapter.jsonl", "prediction") == read_checked("merged.jsonl", "prediction")
    with pytest.raises(UserError, match="is a whole model"):
        merge.main(MERGE.replace("models/adapter", "models/merged").replace("--out models/merged", "--out x").split())


def test_a_quantised_base_is_refused(trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(trained)
    quantised = shutil.copytree("models/base", tmp_path / "base")
    path = quantised / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "quantization_config": {}}), encoding="utf-8")
    with pytest.raises(UserError, match="is quantised"):
        merge.main([*MERGE.split(), "--base", str(quantised)])
    assert not (tmp_path / "models").exists()
