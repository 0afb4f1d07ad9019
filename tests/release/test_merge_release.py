"""A merged model answers as its adapter does; a release is of what the lock says, has its card, and is refused otherwise."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.core.errors import UserError
from stages.core.schema import read_checked, write_checked
from stages.model import predict, train
from stages.records.record import Record
from stages.release import merge
from stages.release import model as release
from tests.model.test_train import TRAIN, short_examples, work_folder
from tests.support.pipeline import ROOT
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


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, capture_output=True)


@pytest.mark.slow
def test_a_release_is_of_what_the_lock_says(
    trained: Path, sample: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("models/adapter", "models/base"):
        shutil.copytree(trained / place, place)
    shutil.copytree(ROOT / "metrics", "metrics")
    shutil.copy(trained / "metrics/train.json", "metrics/train.json")
    shutil.copy(trained / "params.yaml", "params.yaml")
    shutil.copy(ROOT / "models/NOTICE", "models/NOTICE")
    write_checked("data/mix/train.jsonl", short_examples(sample, 4), "example")
    stage = {"cmd": "true", "deps": ["data/mix/train.jsonl"], "outs": ["models/adapter"]}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": stage}}), encoding="utf-8")
    git("init", "-q")
    git("config", "user.email", "t@example.org")
    git("config", "user.name", "t")
    run = [sys.executable, "-m", "dvc"]
    for words in (["init", "-q"], ["remote", "add", "-q", "release", "../store"], ["commit", "-f", "-q"]):
        subprocess.run([*run, *words], check=True, capture_output=True)
    subprocess.run([*run, "remote", "modify", "release", "url", "../release-store"], check=True)
    Path("release-store").mkdir()
    Path("models/.gitignore").write_text("/adapter\n/base\n/oiellm\n", encoding="utf-8")
    git("add", "-A")
    git("commit", "-q", "-m", "x")

    with pytest.raises(UserError, match="is no version"):
        release.main(["1.0"])
    Path("params.yaml").write_text(Path("params.yaml").read_text() + "\n# open\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"params\.yaml: is not committed"):
        release.main(["v1.0.0"])
    git("checkout", "params.yaml")
    kept = Path("data/mix/train.jsonl").read_bytes()
    Path("data/mix/train.jsonl").write_bytes(kept + b"\n")
    git("commit", "-aqm", "changed data")
    with pytest.raises(UserError, match="train: is not what the lock says"):
        release.main(["v1.0.0"])
    assert not Path("models/oiellm").exists()
    Path("data/mix/train.jsonl").write_bytes(kept)
    git("commit", "-aqm", "data as it was")

    release.main(["v1.0.0"])
    card = Path("models/oiellm/README.md").read_text(encoding="utf-8")
    identity = json.loads(Path("models/base/BASE.json").read_text())
    assert identity["sha256"] in card
    assert "| all | 312 |" in card
    assert release.locked_hashes()["models/adapter"] in card
    assert subprocess.check_output(["git", "tag"], text=True).split() == ["v1.0.0"]
    shutil.rmtree("models/oiellm")
    shutil.rmtree(".dvc/cache")
    subprocess.run([*run, "pull", "-q", "models/oiellm.dvc"], check=True)
    assert Path("models/oiellm/README.md").read_text(encoding="utf-8") == card
    with pytest.raises(UserError, match="is there already"):
        release.main(["v1.0.0"])
