"""The adapter of ner-wikipedia, and what all adapters refuse alike."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stages.core.files import sha256_file
from stages.records import roundtrip
from stages.sources import hironsan, jsonl, mmm, wikipedia
from tests.support.adapters import (
    WIKIPEDIA,
    refusal,
    source,
    valid,
    words,
    write_json,
)

ROWS: list[dict[str, Any]] = [
    {
        "curid": "17",
        "text": "白川一郎は北風社の社長で、北風社は青森市にある。",
        "entities": [
            {"name": "白川一郎", "span": [0, 4], "type": "人名"},
            {"name": "北風社", "span": [5, 8], "type": "法人名"},
            {"name": "北風社", "span": [13, 16], "type": "法人名"},
            {"name": "青森市", "span": [17, 20], "type": "地名"},
        ],
    },
    {"curid": "17", "text": "趣味は釣りである。", "entities": []},
    {"curid": "40", "text": "𠮷田橋: 1/2の長さ。", "entities": [{"name": "𠮷田橋", "span": [0, 3], "type": "施設名"}]},
]


def test_wikipedia_gives_a_valid_record_for_each_sentence(tmp_path: Path) -> None:
    first, second, third = wikipedia.records(source(wikipedia, write_json(tmp_path / "ner.json", ROWS)))
    valid([first, second, third])
    assert words(first) == [
        ("人名", ("白川一郎", 0)),
        ("法人名", ("北風社", 5)),
        ("法人名", ("北風社", 13)),
        ("地名", ("青森市", 17)),
    ]
    assert (first["subset"], first["task"], first["lang"], first["text_label"]) == ("SCNM", "NER", "ja", None)
    assert second["extractions"] == []
    assert words(third) == [("施設名", ("𠮷田橋", 0))]  # code points: 𠮷 is one


def test_wikipedia_ids_stay_when_sentences_are_added(tmp_path: Path) -> None:
    path = write_json(tmp_path / "ner.json", ROWS)
    before = {record["id"]: record["text"] for record in wikipedia.records(source(wikipedia, path))}
    added = [{"curid": "17", "text": "彼は歌手でもある。", "entities": []}, *reversed(ROWS), ROWS[1]]
    after = valid(wikipedia.records(source(wikipedia, write_json(path, added))))
    assert len(after) == 5
    assert before.items() <= {record["id"]: record["text"] for record in after}.items()


def test_wikipedia_limit_takes_the_first_sentences_and_the_pin_guards_the_file(tmp_path: Path) -> None:
    path = write_json(tmp_path / "ner.json", [*ROWS[:2], {"broken": 1}])
    got = wikipedia.records(source(wikipedia, path, pin=sha256_file(path), limit=2))
    assert [record["text"] for record in got] == [row["text"] for row in ROWS[:2]]
    assert "not the pinned one" in refusal(wikipedia, path, pin="0" * 64).fault


def with_entity(**changes: Any) -> list[dict[str, Any]]:
    return [ROWS[1], {**ROWS[2], "entities": [{**ROWS[2]["entities"][0], **changes}]}]


@pytest.mark.parametrize(
    ("rows", "place", "fault"),
    [
        ({"rows": ROWS}, "", "is no JSON list"),
        ([ROWS[0], {"text": "題。", "entities": []}], "[1]", "wrong keys"),
        ([{**ROWS[1], "extra": 1}], "[0]", "wrong keys"),
        ([{**ROWS[1], "text": ""}], "[0]", "missing or empty"),
        ([{**ROWS[1], "text": 5}], "[0]", "missing or empty"),
        (with_entity(span=[1, 4]), "[1].entities[0]", "is not '𠮷田橋' in its text"),
        (with_entity(span=[-13, -10]), "[1].entities[0]", "is not '𠮷田橋' in its text"),
        (with_entity(span=[0, 99]), "[1].entities[0]", "is not '𠮷田橋' in its text"),
        (with_entity(name="", span=[0, 0]), "[1].entities[0]", "is not '' in its text"),
        (with_entity(span="0-3"), "[1].entities[0]", "wrong keys"),
        (with_entity(type="橋名"), "[1].entities[0]", "unknown type '橋名'"),
    ],
)
def test_wikipedia_refuses_bad_rows_by_index(tmp_path: Path, rows: Any, place: str, fault: str) -> None:
    path = write_json(tmp_path / "ner.json", rows)
    error = refusal(wikipedia, path)
    assert error.place == f"{path}{place}"
    assert fault in error.fault


@pytest.mark.parametrize("content", [b"[{", b'[{"curid":"1","text":"\\ud800","entities":[]}]', b'["\xed\xa0\x80"]'])
def test_wikipedia_refuses_broken_json_and_lone_surrogates(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ner.json"
    path.write_bytes(content)
    assert "broken JSON" in refusal(wikipedia, path).fault


@pytest.mark.parametrize("adapter", [wikipedia, hironsan, jsonl, mmm])
def test_a_missing_file_is_told(tmp_path: Path, adapter: Any) -> None:
    assert "no such file" in refusal(adapter, tmp_path / "absent").fault


def test_wikipedia_real_file_comes_back_whole_from_the_linear_format() -> None:
    if not WIKIPEDIA.exists():
        pytest.skip(f"{WIKIPEDIA} is absent: set MMM_SHARED to the folder that holds data/ner-wikipedia-ja")
    records = valid(wikipedia.records(source(wikipedia, WIKIPEDIA)))
    total = sum((roundtrip.compare(record) for record in records), Counter[str]())
    assert (total["records"], total["extractions"]) == (2000, 4918)
    assert total["lost extractions"] == total["lost texts or labels"] == 0
