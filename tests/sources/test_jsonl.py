"""The adapter of unified records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.core.files import sha256_file, write_jsonl
from stages.records.record import Record, group_of, sort_records
from stages.records.rules import write_records
from stages.sources import jsonl
from stages.sources.common import check_groups
from tests.support.adapters import (
    own,
    refusal,
    source,
    write_json,
)


def test_jsonl_takes_records_as_they_are(tmp_path: Path) -> None:
    first = own("a", "川が流れる。")
    rows = [first, own("a", "A river runs.", "en", first["group"]), own("b", "月が出た。")]
    write_records(tmp_path / "own.jsonl", rows)
    path = tmp_path / "own.jsonl"
    assert jsonl.records(source(jsonl, path, pin=sha256_file(path))) == sort_records(rows)
    assert jsonl.records(source(jsonl, path, limit=1)) == sort_records(rows[:2])  # one text, its translation too
    assert "not the pinned one" in refusal(jsonl, path, pin="0" * 64).fault


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda r: {**r, "extra": 1}, "extra"),
        (lambda r: {k: v for k, v in r.items() if k != "lang"}, "'lang' is a required property"),
        (lambda r: {**r, "text_label": "天気", "text_label_origin": "human"}, "unknown label '天気'"),
        (
            lambda r: {**r, "extractions": [{"label": "地名", "spans": [{"text": "山", "start": 0}]}]},
            "the text has '月' at 0, not '山'",
        ),
        (lambda r: own("c", "月が出た。", source_name="their"), "its source is 'their', not 'own'"),
        (lambda r: own("a", "月が出た。"), "duplicate id"),
    ],
)
def test_jsonl_refuses_bad_records_by_line(tmp_path: Path, change: Callable[[Record], Record], fault: str) -> None:
    path = tmp_path / "own.jsonl"
    write_jsonl(path, [own("a", "川が流れる。"), change(own("b", "月が出た。"))])
    error = refusal(jsonl, path)
    assert error.place.startswith(f"{path}:2")
    assert fault in error.fault


@pytest.mark.parametrize("line", ['{"id":', r'{"id": "\ud800"}'])
def test_jsonl_refuses_broken_lines(tmp_path: Path, line: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text("\n" + line + "\n", encoding="utf-8")
    error = refusal(jsonl, path)
    assert error.place.startswith(f"{path}:2")
    assert "broken JSON" in error.fault


def test_a_group_that_is_left_out_is_that_of_the_source_text(tmp_path: Path) -> None:
    rows = [own("a", "川が流れる。"), own("a", "A river runs.", "en"), own("b", "月が出た。")]
    without = [{key: value for key, value in row.items() if key != "group"} for row in rows]
    for name in ("own.jsonl", "own.jsonl.gz"):
        write_jsonl(tmp_path / name, without)
        found = jsonl.records(source(jsonl, tmp_path / name))
        assert [record["group"] for record in found] == [
            group_of(text) for text in ("川が流れる。", "川が流れる。", "月が出た。")
        ]


def test_a_json_list_is_read_as_lines_are(tmp_path: Path) -> None:
    rows = [own("a", "川が流れる。"), own("b", "月が出た。")]
    assert jsonl.records(source(jsonl, write_json(tmp_path / "own.json", rows))) == rows
    rows[1]["lang"] = "xx"
    error = refusal(jsonl, write_json(tmp_path / "own.json", rows * 999))
    assert error.place.startswith(f"{tmp_path / 'own.json'}[1]")
    assert len(str(error)) <= 300


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([own("a", "川が流れる。", group="0" * 16), own("b", "月が出た。", group="0" * 16)], "another text in ja"),
        ([own("a", "川が流れる。"), own("b", "川が流れる。 ", group="0" * 16)], "stands in group"),
    ],
)
def test_a_group_is_one_text_and_a_text_has_one_group(rows: list[Record], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        check_groups(rows)
    assert "SCNM/NER/own/b/ja" in caught.value.place
    check_groups(rows[:1] * 3)
