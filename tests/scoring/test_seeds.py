"""Several seeds of training: each in its folder, done once, and their spread."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import read_json, write_json
from stages.core.schema import faults
from stages.records.record import Record
from stages.scoring import seeds
from stages.scoring.seeds import spread
from tests.model.test_train import short_examples, work_folder
from tests.support.pipeline import here
from tests.support.tiny_llama import ONE_THREAD, write_tiny_llama

OPTIONS = {"epochs": 1.0, "batch_size": 4, "lora_r": 4, "validation_share": 0.2, "learning_rate": 0.01}
COMMAND = ["--train", "train.jsonl", "--test", "train.jsonl", "--seeds"]


def scores(tl: float, wl: float) -> dict[str, object]:
    row = {"TL": tl, "WL": wl, "ALL": 0.0, "n": 5}
    return {"en": {"SCNM": row, "all": row}, "all": row}


def test_mean_and_deviation_are_those_of_the_textbook() -> None:
    found = spread({"0": scores(80, 40), "1": scores(84, 41), "2": scores(85, 45)})
    assert faults(found, "seed_metrics") == []
    assert found["mean"]["all"] == {"TL": 83.0, "WL": 42.0, "ALL": 0.0}
    assert found["sd"]["en"] == {"TL": 2.65, "WL": 2.65, "ALL": 0.0}
    assert found["n"] == 5
    assert "sd" not in spread({"0": scores(80, 40)})


@pytest.mark.slow
def test_each_seed_is_trained_scored_and_not_done_again(
    sample: list[Record],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = work_folder(tmp_path / "work", short_examples(sample, 12), write_tiny_llama(tmp_path / "tiny"), **OPTIONS)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OMP_NUM_THREADS", ONE_THREAD["OMP_NUM_THREADS"])
    knobs = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    knobs["predict"]["max_new_tokens"] = 3
    Path("params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    # One seed by the processes that the command starts, and one as they would make it, in this one: each start of torch is dear.
    seeds.main([*COMMAND, "0"])
    ran = capfd.readouterr().out
    assert [line for line in ran.splitlines() if line.startswith("seed 0: ")] == [
        "seed 0: stages.model.train",
        "seed 0: stages.model.predict",
        "seed 0: stages.scoring.evaluate",
    ]
    make_here(1, Path("models/seeds/1"))
    files = sorted(path.name for path in Path("models/seeds/0").iterdir())
    assert {"adapter", "predictions.jsonl", "evaluation.json", "done.json"} <= set(files)
    assert sorted(path.name for path in Path("models/seeds/1").iterdir()) == files
    weights = [Path(f"models/seeds/{seed}/adapter/adapter_model.safetensors").read_bytes() for seed in (0, 1)]
    assert weights[0] != weights[1]

    # What is whole is taken as it is.
    Path("metrics/seeds.json").unlink()
    seeds.main([*COMMAND, "1", "0"])
    said = capfd.readouterr().out
    assert "seed 0: done before" in said
    assert "seed 1: done before" in said
    assert "stages.model.train" not in said
    found = read_json("metrics/seeds.json")
    assert faults(found, "seed_metrics") == []
    assert list(found["each"]) == ["0", "1"]
    first = Path("metrics/seeds.json").read_bytes()
    seeds.main([*COMMAND, "0", "1"])
    assert Path("metrics/seeds.json").read_bytes() == first


def make_here(seed: int, folder: Path) -> None:
    """A seed's folder, made in this process by its own params and commands."""
    files = seeds.Files(*(str(Path(path).resolve()) for path in ("models/base", "train.jsonl", "train.jsonl")))
    own = seeds.params_of(seed, config.load())
    folder.mkdir(parents=True)
    write_json(folder / "params.yaml", own)
    for command in files.commands():
        done = here(command, folder.resolve())
        assert done.returncode == 0, done.stderr
    write_json(folder / seeds.DONE, seeds.state(files, own))


def test_a_seed_is_made_again_if_params_or_data_are_others(
    sample: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = work_folder(tmp_path / "work", short_examples(sample, 4), write_tiny_llama(tmp_path / "tiny"), **OPTIONS)
    monkeypatch.chdir(folder)
    files = seeds.Files("models/base", "train.jsonl", "train.jsonl")
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    own = seeds.params_of(1, params)
    assert own["train"] == {**params["train"], "seed": 1}
    before = seeds.state(files, own)
    assert seeds.state(files, {**own, "alarms": {}}) == before
    assert seeds.state(files, seeds.params_of(2, params)) != before
    Path("train.jsonl").write_bytes(Path("train.jsonl").read_bytes() * 2)
    assert seeds.state(files, own) != before


def test_what_is_missing_or_fails_is_told_and_leaves_no_figures(
    sample: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = work_folder(tmp_path / "work", short_examples(sample, 4), write_tiny_llama(tmp_path / "tiny"), **OPTIONS)
    monkeypatch.chdir(folder)
    with pytest.raises(UserError, match="nowhere.jsonl: no such file"):
        seeds.main(["--train", "nowhere.jsonl"])
    with pytest.raises(UserError, match="-1 is below 0"):
        seeds.main([*COMMAND, "-1"])
    assert not Path("metrics/seeds.json").exists()
