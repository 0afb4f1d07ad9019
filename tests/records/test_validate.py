"""`python -m stages.records.validate` as a user runs it: what it prints, and its exit code."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.core.files import write_jsonl
from stages.core.schema import contents
from stages.records.record import Record
from stages.records.validate import ARTIFACTS, schema_of
from tests.support.pipeline import ROOT, here


def validate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return here(["stages.records.validate", *arguments])


@pytest.fixture
def good(sample: list[Record]) -> list[Record]:
    """Three records that a test may spoil; the second has extractions."""
    return copy.deepcopy(sample[:3])


def test_sound_files_pass_in_one_line_that_counts_them(good: list[Record], tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", good)
    write_jsonl(tmp_path / "empty.jsonl", [])
    files = sorted([*(ROOT / "data" / "sample").rglob("*.jsonl"), *(ROOT / "data" / "corpus").glob("*.jsonl")])
    done = validate(tmp_path / "a.jsonl", tmp_path / "empty.jsonl", *files, ROOT / "data" / "corpus" / "types.json")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    assert done.stdout.startswith(f"no fault in {3 + len(files)} files: 3 record, ")
    assert "1 corpus_types" in done.stdout


def spoil(**changes: Any) -> Callable[[Record], None]:
    return lambda record: record.update(changes)


def span_elsewhere(record: Record) -> None:
    record["extractions"][0]["spans"][0] = {"text": "緑州民主党", "start": 7}


def unknown_word_label(record: Record) -> None:
    record["extractions"][0]["label"] = "神名"


WRONG: dict[str, tuple[Callable[[Record], None], str]] = {
    "unknown key": (spoil(note="x"), "/: Additional properties are not allowed ('note' was unexpected)"),
    "missing key": (lambda record: record.pop("text"), "/: 'text' is a required property"),
    "unknown sub-dataset": (spoil(subset="SCNN"), "/subset: unknown sub-dataset 'SCNN': one of SCNM, "),
    "unknown language": (spoil(lang="fr", id="SCNM/NER/sample/9/fr"), "/lang: unknown language 'fr' of SCNM: one of "),
    "unknown text label": (spoil(text_label="料理"), "/text_label: unknown label '料理': one of 社会, 文芸, "),
    "unknown word label": (unknown_word_label, "/extractions/0/label: unknown label '神名': one of 人名, "),
    "span not in its text": (span_elsewhere, "/extractions/0/spans/0/start: the text has "),
    "id of another record": (spoil(id="SCNM/RE/sample/1/ja"), "/id: 'SCNM/RE/sample/1/ja' does not read SCNM/NER/"),
    "final line break": (spoil(group="0123456789abcdef\n"), "/group: "),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_record_is_one_line_with_file_line_and_pointer(
    change: Callable[[Record], None], message: str, good: list[Record], tmp_path: Path
) -> None:
    change(good[1])
    path = tmp_path / "records.jsonl"
    write_jsonl(path, good)
    done = validate(path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"{path}:2: {message}")
    assert done.stdout.count("\n") == 1


def test_a_duplicate_id_is_named_at_its_second_place(good: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_jsonl(path, [*good, good[0]])
    done = validate(path)
    assert done.returncode == 1
    assert done.stdout == f"{path}:4: /id: duplicate id '{good[0]['id']}'\n"


BROKEN = {
    "cut off": b'{"id": "x", ',
    "not JSON": b"id: x",
    "lone surrogate": b'{"text": "a\\ud83d"}',
    "lone low surrogate": b'{"text": "\\udc00"}',
    "not UTF-8": b'{"text": "\xff"}',
    "surrogate in UTF-8": b'{"text": "\xed\xa0\x80"}',
    "not UTF-8 but UTF-16": '{"text": "川"}'.encode("utf-16-be"),
    "nested without end": b"[" * 100_000,
    "NaN": b'{"start": NaN}',
}


@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_line_is_named_and_the_rest_still_checked(line: bytes, good: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    good[1]["text_label"] = "料理"
    write_jsonl(path, good)
    path.write_bytes(line + b"\n" + path.read_bytes())
    done = validate(path)
    first, second = done.stdout.splitlines()
    assert done.returncode == 1
    assert first.startswith(f"{path}:1: /: broken JSON: ")
    assert second.startswith(f"{path}:3: /text_label: ")


def test_a_long_value_makes_no_long_message(good: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_jsonl(path, [{**good[0], "text_label": "x" * 9999}, {**good[1], "extractions": "x" * 9999}])
    lines = validate(path).stdout.splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= 300


@pytest.mark.parametrize("value", [b"3", b"null", b'"x"', b"[]", b"{}"])
def test_a_line_that_is_no_record_at_all_is_a_fault(value: bytes, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(value + b"\n")
    done = validate(path)
    assert (done.returncode, done.stderr) == (1, "")
    assert all(line.startswith(f"{path}:1: /: ") for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", ["missing.jsonl", "missing.json"])
def test_a_missing_file_is_one_line_with_the_remedy(name: str, good: list[Record], tmp_path: Path) -> None:
    write_jsonl(tmp_path / "bad.jsonl", [{**good[0], "lang": "fr"}])
    done = validate(tmp_path / name, tmp_path / "bad.jsonl")
    assert done.returncode == 1
    assert re.fullmatch(rf"{tmp_path / name}: no such file \(.*make repro.*\)\n", done.stderr)
    assert done.stdout.startswith(f"{tmp_path / 'bad.jsonl'}:1: "), "the files after it are still checked"


def test_a_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    done = validate(tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path}: is a directory (name a file)\n"


def test_a_json_file_is_checked_as_one_value(tmp_path: Path) -> None:
    table = json.loads((ROOT / "schemas" / "labels" / "SCNM.json").read_text(encoding="utf-8"))
    table["text_labels"]["ja"][0] = "社会/文化"
    path = tmp_path / "SCNM.json"
    path.write_text(json.dumps(table, indent=2), encoding="utf-8")
    done = validate("--schema", "labels", path)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{path}: /text_labels/ja/0: '社会/文化' does not match ")


def test_the_limit_bounds_what_is_printed_over_all_files(good: list[Record], tmp_path: Path) -> None:
    for record in good:
        record["text_label"] = "料理"
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in paths:
        write_jsonl(path, good)
    done = validate("--limit", "4", *paths)
    *shown, last = done.stdout.splitlines()
    assert done.returncode == 1
    assert [line.split(": ")[0] for line in shown] == [f"{paths[0]}:{n}" for n in (1, 2, 3)] + [f"{paths[1]}:1"]
    assert "only 4 shown" in last
    assert len(validate("--limit", "6", *paths).stdout.splitlines()) == 6


@pytest.mark.parametrize("arguments", [["--limit", "0"], ["--limit", "-1"], ["--limit", "x"], ["--schema", "recrod"]])
def test_a_wrong_option_never_passes_a_wrong_file(arguments: list[str], tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"{}\n")
    done = validate(*arguments, path)
    assert done.returncode == 2
    assert arguments[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_output_into_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"{}\n" * 5000)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        command = [sys.executable, "-m", "stages.records.validate", "--limit", "100000", str(path)]
        done = subprocess.run(command, cwd=ROOT, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_the_schema_is_told_from_the_files_place(tmp_path: Path) -> None:
    assert schema_of(ROOT / "data" / "sample" / "references" / "SCNM.en.jsonl") == "sample"
    assert schema_of(ROOT / "data" / "calibrated" / "en.jsonl") == "record"
    assert schema_of(ROOT / "data" / "calibrated" / "en.report.jsonl") == "patch_report"
    assert schema_of(ROOT / "schemas" / "labels" / "SCNM.json") == "labels"
    assert schema_of(tmp_path / "own.jsonl") == "record"


def test_every_artifact_names_a_schema_that_exists() -> None:
    for name in ARTIFACTS.values():
        assert contents(name)
