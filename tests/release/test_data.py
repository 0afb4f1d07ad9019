"""The data release: loads by `datasets`, validates as Croissant, has its card, and holds what the licences allow, no more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet
import pytest
import yaml

from stages.core.errors import UserError
from stages.core.files import iter_jsonl, sha256_file, write_json
from stages.records.rules import read_records, write_records
from stages.release import data
from tests.support.params import params
from tests.support.pipeline import ROOT
from tests.support.reported import project, write_lines

OURS = {"pin": None, "limit": None}
SOURCES = [
    {"name": "own", "adapter": "jsonl", "path": "own.jsonl", "licence": "CC-BY-SA-4.0", "credit": "Kei | Ltd.", **OURS},
    {"name": "corpus", "adapter": "corpus", "path": "data/corpus", **OURS},
]


def set_params(folder: Path, sources: list[dict[str, Any]], **mix: Any) -> None:
    values = params()
    values["raw"]["sources"] = sources
    values["mix"] |= mix
    (folder / "params.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project after `dvc repro`, hostile records in it; its sources are `own` and `corpus`."""
    made = project(tmp_path / "work", natural=12)
    shutil.copy(ROOT / "CITATION.cff", made)
    set_params(made, SOURCES)
    write_records(made / "data/calibrated/ja.jsonl", read_records(made / "data/tconer/records.jsonl"))
    for lang in ("ja", "zh"):
        write_lines(made / f"data/ledger/{lang}.jsonl", [])
    write_records(made / "data/calibrated/zh.jsonl", [])
    shutil.copytree(made / "data/calibrated", made / "data/filtered")
    (made / "data/filtered/ja.jsonl").write_bytes(b"")
    (made / "data/filtered/en.report.jsonl").unlink()
    monkeypatch.chdir(made)
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows_of(pattern: str) -> list[dict[str, Any]]:
    """The rows of the release's Parquet files that a pattern names."""
    found = sorted(Path("data/release").glob(pattern))
    assert found
    return [row for path in found for row in pyarrow.parquet.read_table(path).to_pylist()]


def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *name: str) -> Any:
    """`datasets.load_dataset`, with the hub denied and a cache of its own."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return datasets.load_dataset("data/release", *name, cache_dir=str(tmp_path / "cache"))


def test_the_release_loads_with_datasets_offline(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.main([])
    whole = load(monkeypatch, tmp_path)
    assert {name: split.num_rows for name, split in whole.items() if name != "train"} == {"test": 7, "test_second": 1}
    rows = [row for split in whole.values() for row in split]
    by_id = {row["id"]: row for row in rows}
    references = {record["id"]: record for record in read_records("data/raw/references.jsonl")}
    reference = by_id["SCNM/NER/own/0001/en"]  # of which there is a machine translation too
    assert reference["text"] == references[reference["id"]]["text"]
    assert {row["origin"] for row in rows} == {"source", "natural", "reference"}
    assert {(row["source"], row["licence"]) for row in rows} == {
        ("own", "CC-BY-SA-4.0"),
        ("corpus", "CC-BY-4.0"),
        ("second", "CC-BY-4.0"),
    }
    assert all(row["split"] == name for name, split in whole.items() for row in split)
    groups = [row_group for split in whole.values() for row_group in {row["group"] for row in split}]
    assert len(groups) == len({*groups})
    for row in rows:
        for item in row["extractions"]:
            (span,) = item["spans"]
            assert row["text"][span["start"] : span["start"] + len(span["text"])] == span["text"]
    translated = load(monkeypatch, tmp_path, "machine_translated")
    kept = [row for split in translated.values() for row in split]
    assert [row["origin"] for row in kept] == ["translated"] * 2
    english = load(monkeypatch, tmp_path, "en")
    assert {row["lang"] for split in english.values() for row in split} == {"en"}
    assert load(monkeypatch, tmp_path, "SCNM")["train"].num_rows == whole["train"].num_rows


def test_training_takes_what_the_params_say_stands_for_other_languages(folder: Path) -> None:
    for translations, origins in {
        "reference": {"reference"},
        "calibrated": {"translated"},
        "machine": {"translated"},
    }.items():
        set_params(folder, SOURCES, translations=translations, test_share=0.0)
        records = read_records("data/tconer/records.jsonl")
        write_records("data/tconer/records.jsonl", [{**item, "split": None} for item in records])
        data.main([])
        lines = json.loads(Path("data/release/linear/en/SCNM.train.json").read_text(encoding="utf-8"))
        assert all(set(line) == {"input", "output"} for line in lines)
        rows = rows_of("data/en/SCNM/train.parquet")
        assert {row["origin"] for row in rows if row["source"] == "own"} == origins


def test_the_same_artifacts_give_the_same_bytes_and_nothing_is_half_written(folder: Path) -> None:
    data.main([])
    first = files(folder / "data/release")
    data.main([])
    assert files(folder / "data/release") == first
    Path("CITATION.cff").unlink()  # which the card, written last, needs
    with pytest.raises(FileNotFoundError):
        data.main([])
    assert files(folder / "data/release") == first
    assert not list((folder / "data").glob(".release*"))


def test_the_croissant_metadata_is_valid_and_reads_every_record(folder: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    data.main([])
    found = mlcroissant.Dataset(jsonld="data/release/croissant.json")
    issues = found.metadata.ctx.issues
    assert not issues.errors
    assert all("datePublished" in said for said in issues.warnings)
    for entry in found.metadata.record_sets:
        name, split = entry.uuid.rsplit("-", 1)
        texts = {
            row[f"{entry.uuid}/id"].decode(): row[f"{entry.uuid}/text"].decode() for row in found.records(entry.uuid)
        }
        assert texts == {row["id"]: row["text"] for row in rows_of(f"{name}/*/*/{split}.parquet")}
    for item in json.loads(Path("data/release/croissant.json").read_text(encoding="utf-8"))["distribution"]:
        if item["@type"] == "cr:FileObject":
            assert sha256_file(Path("data/release") / item["contentUrl"]) == item["sha256"]


def test_a_source_whose_terms_forbid_a_use_is_refused_and_left_out_on_demand(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_params(folder, [{**SOURCES[0], "licence": "CC-BY-NC-ND-4.0"}, SOURCES[1]])
    with pytest.raises(
        UserError, match="own .*forbids passing on what is made of it and commercial use.*--without own"
    ):
        data.main([])
    assert not (folder / "data/release").exists()
    data.main(["--without", "own"])
    assert "of corpus, second;" in capsys.readouterr().out
    assert {row["source"] for row in rows_of("**/*.parquet")} == {"corpus", "second"}
    assert not [place for place in files(folder / "data/release") if "/ja/" in place]
    card = Path("data/release/README.md").read_text(encoding="utf-8")
    assert "Left out of this release: own." in card
    assert "license: cc-by-4.0" in card
    assert "machine_translated" not in card
    with pytest.raises(UserError, match="no source 'owm'"):
        data.main(["--without", "owm"])
    with pytest.raises(UserError, match="leaves no record"):
        data.main(["--without", "own", "corpus", "second"])
    set_params(folder, [{**SOURCES[0], "licence": "CC-BY-NC-4.0"}, SOURCES[1]])
    data.main(["--non-commercial"])
    card = Path("data/release/README.md").read_text(encoding="utf-8")
    assert "**For non-commercial use alone**" in card
    assert "no commercial use" in card


def test_the_card_counts_what_is_there(folder: Path) -> None:
    corrected = {"records": 2, "reviewed": 2, "edited": 1, "restored": 0, "rejected": 1}
    corrected |= {"annotators": {"kei": {"patches": 2, "minutes": 1.5, "who": "A model."}}}
    write_json("metrics/calibration.json", corrected)
    data.main([])
    card = Path("data/release/README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---")[1])
    assert head["language"] == ["ja", "en"]
    assert head["license"] == ["cc-by-4.0", "cc-by-sa-4.0"]
    assert [entry["config_name"] for entry in head["configs"]] == ["default", "ja", "en", "SCNM", "machine_translated"]
    assert "| en | 4 | 2 | 1 | 2 |" in card
    assert "| `data` | en | SCNM | 10 | 6 | 1 | 17 |" in card
    assert "| SCNM | NER | 地名 | Location |" in card
    assert "CC-BY-SA-4.0: name the author" in card
    assert r"Kei \| Ltd." in card
    assert "Corrections: 2 of 2 records reviewed, 1 edited, 0 restored from quarantine, 1 rejected." in card
    assert "- `kei`: A model, 2 patches in 1.5 minutes" in card
    assert "Nobody has read a sample of these translations." in card
    # A reader's marks count where the translation is the one that was read.
    (line, *_) = (line for line in iter_jsonl("data/translated/en.jsonl") if line["id"] == "SCNM/NER/own/0001/en")
    mark = {"id": line["id"], "source_text": "京都に行った。", "source_extractions": [], "extractions": []}
    marks = [{**mark, "text": line["record"]["text"], "adequate": False, "reason": "name"}]
    write_lines(folder / "data/reading/v2.jsonl", marks)
    data.main([])
    assert "**1 of 1 machine translations that were read are inadequate.**" in Path("data/release/README.md").read_text(
        encoding="utf-8"
    )
    write_lines(folder / "data/reading/v2.jsonl", [{**marks[0], "text": "Another model's."}])
    data.main([])
    assert "Nobody has read a sample of these translations." in Path("data/release/README.md").read_text(
        encoding="utf-8"
    )
