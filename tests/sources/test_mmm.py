"""The adapter of the paper's published files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.records.linear import encode
from stages.sources import mmm
from tests.support.adapters import (
    refusal,
    source,
    valid,
    words,
    write_json,
)


def row(given: str, output: str) -> dict[str, str]:
    return {"input": given, "output": output}


SCNM_EN = row("Ada Hill wrote Blue Door/NER", "Literature/NER/:Person;Ada Hill:Product Name;Blue Door:Location;Nowhere")
FILES = {
    "train/en/0SCNM_clear2.json": [SCNM_EN, row("It rains./NER", "Nature/NER/")],
    "train/ja/1RW.json": [
        row("安い/高い鍋/Sentiment Relation Word", "積極/Sentiment Relation Word/:ポジティブ;安い:ネガティブ;高い")
    ],
    "train/zh/2adj_n1W.json": [row("锅很好/Sentiment Adj and N", "积极/Sentiment Adj and N/:正面;好:中性;锅")],
    "test/ja/3n.json": [row("鍋が届く/Sentiment N", "消極/Sentiment N/:中立;鍋")],
    "test/ja/4adj.json": [row("鍋が重い/Sentiment Adj", "消極/Sentiment Adj/:ネガティブ;重い")],
    "test/ja/5TCREE.json": [
        row("白川は北風社の社長/Relation Extraction", "経済/Relation Extraction/:白川;所属;北風社:"),
        row("北風社が凧を売る/Event Extraction", "経済/Event Extraction/:北風社;売る;凧;:"),
    ],
    "test/en/MRE_OIEDataset_en.json": [row("Bolt is a dog/Open NER", "Culture/Open NER/:animal;dog:dog name;Bolt")],
}


def write_tree(folder: Path, files: dict[str, Any]) -> Path:
    for name, value in files.items():
        write_json(folder / name, value)
    return folder


def test_mmm_reads_every_sub_dataset_with_its_language_and_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = valid(mmm.records(source(mmm, write_tree(tmp_path / "mmm", FILES))))
    assert [(r["subset"], r["task"], r["lang"], r["split"]) for r in records] == [
        ("SCNM", "NER", "en", "train"),
        ("SCNM", "NER", "en", "train"),
        ("SCPOS-ADJ", "ADJ", "ja", "test"),
        ("SCPOS-ADJN", "ADJN", "zh", "train"),
        ("SCPOS-N", "N", "ja", "test"),
        ("SCPOS-RW", "RW", "ja", "train"),
        ("TCONER", "NER", "en", "test"),
        ("TCREE", "EE", "ja", "test"),
        ("TCREE", "RE", "ja", "test"),
    ]
    by_text = {record["text"]: record for record in records}
    first = by_text["Ada Hill wrote Blue Door"]
    assert (first["text_label"], first["text_label_origin"]) == ("Literature", "source")
    assert words(first) == [
        ("Person", ("Ada Hill", 0)),
        ("Product Name", ("Blue Door", 15)),
        ("Location", ("Nowhere", None)),
    ]
    assert words(by_text["安い/高い鍋"]) == [("ポジティブ", ("安い", 0)), ("ネガティブ", ("高い", 3))]
    assert words(by_text["白川は北風社の社長"]) == [("所属", ("白川", 0), ("北風社", 3))]
    roles = {s["role"]: s["text"] for s in by_text["北風社が凧を売る"]["extractions"][0]["spans"]}
    assert roles == {"subject": "北風社", "trigger": "売る", "object": "凧"}
    # What was read writes the published row again.
    assert encode(first) == (SCNM_EN["input"], SCNM_EN["output"])
    assert "7 files, 9 records; rows left out: none; spans not in their text: 1;" in capsys.readouterr().out


BAD = {
    "unknown_instruct_word": row("A dog/Named Entities", "Nature/Named Entities/"),
    "instruct_word_of_other_subset": row("A dog/Open NER", "Nature/Open NER/"),
    "empty_text": row("/NER", "Nature/NER/"),
    "missing_text_label": row("A dog/NER", "/NER/"),
    "unknown_text_label": row("A dog/NER", "Animals/NER/"),
    "unknown_word_label": row("A dog/NER", "Nature/NER/:Animal;dog"),
    "wrong_instruct_word": row("A dog/NER", "Nature/Open NER/"),
    "missing_list": row("A dog/NER", "Nature/NER"),
    "field_count": row("At 10:30/NER", "Nature/NER/:Event;10:30"),
    "empty_field": row("A dog/NER", "Nature/NER/:Person;"),
}


def test_mmm_counts_each_row_it_leaves_out_under_one_defect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = [row(f"Dog {n}/NER", "Nature/NER/") for n in range(len(BAD))]  # as many: just half fails
    records = valid(mmm.records(source(mmm, write_tree(tmp_path, {"train/en/0.json": [*BAD.values(), *good]}))))
    assert len(records) == len(good)
    assert ", ".join(f"{kind} 1" for kind in sorted(BAD)) + ";" in capsys.readouterr().out

    more = {"test/en/0.json": [*BAD.values(), *good[1:]]}
    error = refusal(mmm, write_tree(tmp_path, more))
    assert error.place.endswith("test/en/0.json")
    assert "10 of 19 rows are not as SCNM in en" in error.fault
    assert "unknown_word_label 1" in error.fault


def test_mmm_open_labels_hold_no_delimiter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row("A dog/Open NER", "Nature/Open NER/:a/b;dog"), row("A cat/Open NER", "Culture/Open NER/:a/b;cat")]
    good = [row(f"Cat {n}/Open NER", "Culture/Open NER/:pet;Cat") for n in range(2)]
    valid(mmm.records(source(mmm, write_tree(tmp_path, {"test/en/MRE_OIEDataset.json": [*rows, *good]}))))
    assert "left out: delimiter_in_label 1, unknown_text_label 1;" in capsys.readouterr().out


def test_mmm_files_have_no_escapes(tmp_path: Path) -> None:
    rows = [row("x\\ of y/NER", "Nature/NER/:Product Name;x\\:Person;y"), row("A dog/NER", "Nature/NER/:無い;")]
    first, second = mmm.records(source(mmm, write_tree(tmp_path, {"train/en/0.json": rows})))
    assert words(first) == [("Product Name", ("x\\", 0)), ("Person", ("y", 6))]
    assert words(second) == []


def test_mmm_equal_rows_get_their_own_ids_and_texts_on_both_sides_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"train/en/0.json": [SCNM_EN, SCNM_EN], "test/en/0.json": [SCNM_EN]}
    records = valid(mmm.records(source(mmm, write_tree(tmp_path, files))))
    assert sorted(record["id"].split("/")[3].partition("-")[2] for record in records) == ["", "2", "3"]
    assert "texts in train and test: 1" in capsys.readouterr().out
    assert len(mmm.records(source(mmm, tmp_path, limit=1))) == 2  # of each file


@pytest.mark.parametrize(
    "name",
    [
        "0SCNM.json",
        "train/0SCNM.json",
        "dev/en/0SCNM.json",
        "train/fr/0SCNM.json",
        "train/en/SCNM.json",
        "train/en/6X.json",
        "train/en/1Wadj.json",
        "train/en/12.json",
    ],
)
def test_mmm_refuses_a_file_whose_name_tells_too_little(tmp_path: Path, name: str) -> None:
    error = refusal(mmm, write_tree(tmp_path, {"train/en/0.json": [SCNM_EN], name: [SCNM_EN]}))
    assert error.place == str(tmp_path / name)
    assert "the layout is" in error.remedy


@pytest.mark.parametrize(
    ("content", "place", "fault"),
    [
        ("{}", "", "is no JSON list"),
        ("[", "", "broken JSON"),
        (r'[{"input": "\ud800/NER", "output": "Nature/NER/"}]', "", "broken JSON"),
        ('[{"input": "a/NER", "output": "Nature/NER/"}, {"input": "a/NER"}]', "[1]", "wrong keys"),
        ('[{"input": "a/NER", "output": null}]', "[0]", "wrong keys"),
        ('["a/NER"]', "[0]", "wrong keys"),
    ],
)
def test_mmm_refuses_bad_files_by_index(tmp_path: Path, content: str, place: str, fault: str) -> None:
    path = write_json(tmp_path / "train/en/0.json", [])
    path.write_text(content, encoding="utf-8")
    error = refusal(mmm, tmp_path)
    assert error.place == f"{path}{place}"
    assert fault in error.fault


def test_mmm_refuses_an_empty_folder_and_a_pin(tmp_path: Path) -> None:
    assert "no JSON file" in refusal(mmm, tmp_path).fault
    assert "no SHA-256" in refusal(mmm, tmp_path, pin="0" * 64).fault
