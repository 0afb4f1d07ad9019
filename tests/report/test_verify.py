"""A rebuild beside HEAD, and beside a bundle of another machine: one rule, each score and each record has its verdict."""

from __future__ import annotations

import copy
import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core.errors import UserError
from stages.core.files import dumps, iter_jsonl, loads, read_json
from stages.release import bundle
from stages.report import verify
from stages.report.bundle import MANIFEST, Bundle
from stages.report.verify import is_exact, lock_differences, verdicts
from stages.scoring import evaluate
from tests.support.pipeline import ROOT
from tests.support.reported import project, write_lines

LOCK = {
    "stages": {
        "mix": {
            "cmd": "python -m stages.dataset.mix",
            "deps": [{"path": "stages/dataset/mix.py", "md5": "1"}],
            "params": {"params.yaml": {"mix": {"seed": 0}}},
            "outs": [{"path": "data/mix/train.jsonl", "md5": "2"}, {"path": "metrics/mix.json", "md5": "3"}],
        },
        "train": {
            "cmd": "python -m stages.model.train",
            "deps": [{"path": "stages/model/train.py", "md5": "4"}, {"path": "models/base", "md5": "5"}],
            "outs": [{"path": "models/adapter", "md5": "6"}],
        },
    }
}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("mix", "outs", 0), "mix: outs: data/mix/train.jsonl differs"),
        (("mix", "outs", 1), "mix: outs: metrics/mix.json differs"),
        (("train", "deps", 0), "train: deps: stages/model/train.py differs"),
        (("train", "deps", 1), None),
        (("train", "outs", 0), None),
    ],
)
def test_verify_finds_a_stage_that_did_not_run_but_not_a_processors_last_digits(
    path: tuple[str, str, int], line: str | None
) -> None:
    new = copy.deepcopy(LOCK)
    new["stages"][path[0]][path[1]][path[2]]["md5"] = "x"  # type: ignore[index]
    assert list(lock_differences(LOCK, new)) == ([line] if line else [])


def test_verify_finds_other_params_commands_and_missing_stages() -> None:
    new = copy.deepcopy(LOCK)
    new["stages"]["mix"]["params"] = {"params.yaml": {"mix": {"seed": 1}}}
    new["stages"]["mix"]["cmd"] = "python -m stages.dataset.mix --other"
    del new["stages"]["train"]
    assert list(lock_differences(LOCK, new)) == [
        "mix: cmd differs",
        "mix: params differs",
        "train: only in the committed dvc.lock",
    ]


def test_data_is_exact_and_what_a_model_makes_is_not() -> None:
    exact = {"data/mix/train.jsonl": True, "metrics/mix.json": True, "stages/dataset/mix.py": True}
    numeric = {"models/adapter": False, "data/predictions/test.jsonl": False, "metrics/train.json": False}
    assert {path: is_exact(path) for path in exact | numeric} == exact | numeric


def test_the_rule_is_equal_or_within_or_not() -> None:
    row = {"TL": 50.0, "WL": 20.0, "ALL": 0.0, "n": 13}
    then = {"en": {"SCNM": row, "all": row}, "all": row}
    bounds = {level: {"low": 10.0, "high": 60.0} for level in ("TL", "WL")}
    intervals = {"en": {"SCNM": bounds, "all": bounds}, "all": bounds}
    now = copy.deepcopy(then)
    now["en"]["SCNM"] = {"TL": 0.0, "WL": 0.0, "ALL": 0.0, "n": 13}  # a cell alone decides nothing
    now["all"] = {"TL": 50.0, "WL": 60.0, "ALL": 7.7, "n": 13}
    found = {(item.place, item.level): item.verdict for item in verdicts(then, now, intervals)}
    assert {found["en", level] for level in ("TL", "WL", "ALL")} == {"same score"}
    assert [found["all", level] for level in ("TL", "WL", "ALL")] == [
        "same score",
        "within the interval",
        "not reproduced",
    ]
    assert {item.verdict for item in verdicts(then, {}, intervals)} == {"not reproduced"}


PREDICTIONS, BUNDLE = Path("data/predictions/test.jsonl"), "results.tar.gz"


def evaluated() -> None:
    """What stage `evaluate` does."""
    evaluate.main(
        [str(PREDICTIONS), "data/mix/test.jsonl", "--metrics", "metrics/evaluation.json"]
        + ["--intervals", "metrics/evaluation_intervals.json"]
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project whose one system is evaluated; its records' source may be passed on."""
    made = project(tmp_path / "work")
    monkeypatch.chdir(made)
    shutil.copy(ROOT / "pyproject.toml", made)
    stages = {
        "stages": {"evaluate": {"foreach": {"evaluation": {"predictions": "test", "gold": "test"}}, "do": {"cmd": "x"}}}
    }
    Path("dvc.yaml").write_text(yaml.safe_dump(stages), encoding="utf-8")
    Path("dvc.lock").write_text(yaml.safe_dump(LOCK), encoding="utf-8")
    licensed("CC-BY-4.0")
    evaluated()
    return made


def licensed(licence: str | None) -> None:
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    source = {"name": "own", "adapter": "jsonl", "path": "x", "pin": None, "limit": None, "licence": licence}
    values["raw"]["sources"] = [source]
    Path("params.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")


def answer(number: int, output: str) -> None:
    """Another answer to the nth example."""
    lines = list(iter_jsonl(PREDICTIONS))
    lines[number]["output"] = output
    write_lines(PREDICTIONS, lines)


def test_the_same_tree_gives_the_same_bundle_and_verifies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle.main([])
    first = Path(BUNDLE).read_bytes()
    bundle.main([])
    assert Path(BUNDLE).read_bytes() == first
    verify.main([BUNDLE])
    told = capsys.readouterr().out
    assert "evaluation: same bytes" in told
    assert "evaluation: records: 4 same bytes" in told
    assert told.endswith("Every score is reproduced.\n")


def test_each_record_and_score_has_its_verdict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle.main([])
    lines = list(iter_jsonl(PREDICTIONS))
    answer(1, "Society/NER/:Person;<i>Kyoto</i>")  # as wrong as before
    evaluated()
    verify.main([BUNDLE])
    told = capsys.readouterr().out
    assert "evaluation: same bytes\n" in told
    assert "evaluation: records: 3 same bytes, 1 same score\n" in told
    answer(0, "Nature/NER/")
    answer(2, "自然/NER/")
    answer(3, "自然/NER/")
    evaluated()
    with pytest.raises(UserError, match="1 differences from it, first evaluation"):
        verify.main([BUNDLE, "--records", "1"])
    told = capsys.readouterr().out
    assert "not reproduced" in told
    assert "evaluation: records: 1 same score, 3 another score\n" in told
    assert f"records: another score: {lines[0]['id']} and 2 more (--records)" in told
    Path("metrics/evaluation.json").unlink()
    with pytest.raises(UserError):
        verify.main([BUNDLE])
    assert "evaluation: not built here" in capsys.readouterr().out


def test_an_answer_over_a_text_that_may_not_be_passed_on_is_kept_by_hash_alone(folder: Path) -> None:
    for licence, shown in {"CC-BY-4.0": True, "CC-BY-NC-ND-4.0": True, "private": False, None: False}.items():
        licensed(licence)
        bundle.main([])
        lines = Bundle.read(BUNDLE).records("evaluation")
        assert {line["output"] is not None for line in lines} == {shown}
        assert "京都".encode() not in b"".join(Bundle.read(BUNDLE).files.values()) or shown
        verify.main([BUNDLE])


def packed(files: dict[str, bytes]) -> None:
    bundle.write(BUNDLE, files)


def unpacked() -> dict[str, bytes]:
    with tarfile.open(BUNDLE) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def altered(name: str, content: bytes, known: bool) -> Callable[[], None]:
    """A member changed, in the manifest too if `known`."""

    def change() -> None:
        files = unpacked()
        files[name] = content
        manifest = loads(files[MANIFEST], MANIFEST)
        if known:
            manifest["files"][name] = hashlib.sha256(content).hexdigest()
        packed({**files, MANIFEST: dumps(manifest)})

    return change


def linked() -> None:
    with tarfile.open(BUNDLE, "w:gz") as archive:
        member = tarfile.TarInfo("params.yaml")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)


def outside() -> None:
    files = unpacked()
    manifest = loads(files[MANIFEST], MANIFEST)
    manifest["systems"]["evaluation"]["gold"] = "../../etc/passwd"
    packed({**files, MANIFEST: dumps(manifest)})


def twice() -> None:
    with tarfile.open(BUNDLE, "w:gz") as archive:
        for _ in range(2):
            archive.addfile(tarfile.TarInfo("params.yaml"), io.BytesIO())


BETTER = dumps({"en": {"SCNM": {"TL": 100.0, "WL": 100.0, "ALL": 100.0, "n": 2}}, "all": {"ALL": 100.0, "n": 4}})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (altered("params.yaml", b"x", False), "params.yaml: is not what the manifest says"),
        (altered("more.txt", b"x", False), "more.txt: is not what the manifest says"),
        (altered("metrics/evaluation.json", BETTER, True), "are not the scores of its records"),
        (altered("records/evaluation.jsonl", b"{}\n", True), "'id' is a required property"),
        (linked, "is no file of a bundle"),
        (outside, "does not match"),
        (twice, "two members"),
        (lambda: Path(BUNDLE).write_bytes(Path(BUNDLE).read_bytes()[:700]), "is no whole tar.gz"),
        (lambda: Path(BUNDLE).write_bytes(b"no archive"), "is no whole tar.gz"),
        (lambda: Path(BUNDLE).unlink(), "no such file"),
    ],
)
def test_a_bundle_that_was_altered_is_refused_in_one_line(folder: Path, change: Callable[[], None], told: str) -> None:
    bundle.main([])
    change()
    with pytest.raises(UserError, match=told):
        verify.main([BUNDLE])


def git(*words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words], check=True, capture_output=True
    )


def test_the_same_rule_holds_for_head(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"dvc\.lock: is not in HEAD"):
        verify.main([])
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "x")
    verify.main([])
    assert "evaluation: same bytes" in capsys.readouterr().out
    scores: dict[str, Any] = read_json("metrics/evaluation.json")
    scores["all"]["WL"] = 74.9
    Path("metrics/evaluation.json").write_bytes(dumps(scores))
    verify.main([])
    assert "WL 75.0 → 74.9 within the interval" in capsys.readouterr().out
    scores["all"]["TL"] = 1.0
    Path("metrics/evaluation.json").write_bytes(dumps(scores))
    with pytest.raises(UserError, match="1 differences from HEAD, first evaluation"):
        verify.main([])
    assert "→ 1.0 not reproduced" in capsys.readouterr().out
    new = copy.deepcopy(LOCK)
    new["stages"]["mix"]["cmd"] = "other"
    Path("dvc.lock").write_text(yaml.safe_dump(new), encoding="utf-8")
    with pytest.raises(UserError, match="2 differences from HEAD, first mix: cmd differs"):
        verify.main([])
