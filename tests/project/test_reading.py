"""The reading sheet: what is drawn, what is not shown, and what the filled-in rows come to."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.project.reading import Pair, Reading, draw, page, read_sheets, shares, sheet
from stages.records.record import Record
from stages.sources.common import make_record


def record(n: int, lang: str, text: str, words: str, task: str = "NER") -> Record:
    spans = [{"text": words, "start": found if (found := text.find(words)) >= 0 else None}]
    return make_record(
        subset_name="SCNM", task=task, source="own", native=str(n), lang=lang, text=text, text_label="社会",
        extractions=[{"label": "人名", "spans": spans}],
    )  # fmt: skip


SOURCES = [record(n, "ja", f"花子は{n}番に住む。", "花子") for n in range(40)]
TARGETS = [record(n, "en", f"Hanako lives at {n}.", "Hanako" if n else "Taro") for n in range(40)]
LINES: list[dict[str, Any]] = [
    {"id": target["id"], "source_id": source["id"], "record": target}
    for source, target in zip(SOURCES, TARGETS, strict=True)
]
BY_ID = {source["id"]: source for source in SOURCES}
KEPT = {target["id"]: n % 2 == 0 for n, target in enumerate(TARGETS)}


def drawn(sample: int, seed: int = 0) -> list[Pair]:
    return draw(BY_ID, LINES, KEPT, "en", Reading(sample, seed))


def test_a_larger_sample_holds_the_smaller_one_and_the_seed_decides() -> None:
    assert drawn(20)[:5] == drawn(5)
    assert drawn(5, seed=1) != drawn(5)
    assert len(drawn(100)) == 40
    assert drawn(40) == draw(BY_ID, LINES[::-1], KEPT, "en", Reading(40, 0))


def test_a_translation_that_failed_is_not_drawn_and_a_lost_span_has_no_words() -> None:
    lines = [{**LINES[1], "record": None}, LINES[0]]
    (pair,) = draw(BY_ID, lines, KEPT, "en", Reading(9, 0))
    assert pair.parts == (("人名", "花子", ""),)
    assert pair.row()["parts"] == "人名: 花子 → –"


def test_the_sheet_does_not_tell_what_the_filter_did() -> None:
    kept, refused = (Pair("en", "a", "b", (), outcome) for outcome in (True, False))
    assert kept.row() == refused.row()
    assert sheet([kept]) == sheet([refused])
    assert page([kept], {}) == page([refused], {})


def test_another_translation_is_another_pair() -> None:
    assert Pair("en", "a", "b", (), True).key != Pair("en", "a", "c", (), True).key


def test_the_page_ends_no_script_by_a_text() -> None:
    assert "</script><b>" not in page([Pair("en", "</script><b>", "x", (), True)], {})


def test_a_filled_in_sheet_gives_shares_with_intervals_of_what_was_read(tmp_path: Path) -> None:
    pairs = drawn(10)
    rows = list(csv.DictReader(io.StringIO(sheet(pairs).decode("utf-8-sig"))))
    for n, row in enumerate(rows[:8]):
        row["adequate"] = "No" if n < 2 else "yes"
    write(tmp_path / "kei.csv", rows)
    answers = {row["key"]: row for _, row in read_sheets(tmp_path)}
    found = shares(pairs, answers)
    assert (found["drawn"], found["read"], found["adequate"]) == (10, 8, 75.0)
    assert found["adequate_low"] < 75 < found["adequate_high"]
    assert round(found["adequate_low"], 1) == 40.9  # Wilson of 6 in 8
    assert "spans" not in found  # nobody answered it
    assert found["kept_read"] == sum(pair.kept for pair in pairs[:8])
    assert len(found) <= 10


def test_without_rows_there_is_no_figure() -> None:
    assert shares(drawn(3), {}) == {"drawn": 3, "read": 0}


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows(rows)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"key": "a", "adequate": "maybe", "spans": ""}], "kei.csv:2: adequate is 'maybe' (write yes or no"),
        ([{"id": "a", "good": "yes"}], "has no column adequate, spans or key"),
    ],
)
def test_a_sheet_that_is_none_is_named(tmp_path: Path, rows: list[dict[str, str]], said: str) -> None:
    write(tmp_path / "kei.csv", rows)
    with pytest.raises(UserError) as error:
        list(read_sheets(tmp_path))
    assert said in str(error.value)


@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-8", ",")])
def test_a_sheet_is_read_as_each_spreadsheet_saves_it(tmp_path: Path, encoding: str, delimiter: str) -> None:
    csv.field_size_limit(131_072)
    pairs = [Pair("en", "é" * 140_000, "a; b, c", (), True)]  # longer than the csv module's own limit
    row = {
        "key": pairs[0].key,
        "source": pairs[0].source,
        "translation": pairs[0].translation,
        "adequate": "yes",
        "spans": "",
    }
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, row.keys(), delimiter=delimiter)
    table.writeheader()
    table.writerow(row)
    (tmp_path / "kei.csv").write_bytes(out.getvalue().encode(encoding))
    ((_, read),) = read_sheets(tmp_path)
    assert (read["key"], read["adequate"]) == (pairs[0].key, "yes")


def test_a_workbook_in_place_of_a_sheet_is_named(tmp_path: Path) -> None:
    (tmp_path / "kei.csv").write_bytes(b"PK\x03\x04\x14\0")
    with pytest.raises(UserError, match="is a zip archive, or an office document"):
        list(read_sheets(tmp_path))
