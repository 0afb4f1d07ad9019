"""The report on errors, and the alarms in a few rows: what they say of known counts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from stages.report.alarms import alarm_rows
from stages.report.error_tables import (
    WIDTH,
    WORST,
    extractions_table,
    lost_labels_table,
    plain,
    text_labels_table,
    training_table,
    worst_table,
)
from stages.scoring.tables import markdown as table


def words(subset: str, kind: str, n: int, label: str = "Person") -> dict[str, Any]:
    return {"lang": "en", "subset": subset, "kind": kind, "label": label, "n": n}


ERRORS: dict[str, Any] = {
    "words": [
        words("SCNM", "right", 4),
        words("SCNM", "word_label", 1),
        words("SCNM", "too_short", 2),
        words("SCNM", "missing", 3),
        words("SCNM", "missing", 1, "Event"),
        words("SCNM", "grounding", 5),
        words("TCREE", "format", 6, "Owner"),
        words("TCREE", "unreadable", 7, "(none)"),
    ],
    "text": [
        {"lang": "en", "subset": "SCNM", "kind": kind, "actual": actual, "predicted": said, "n": n}
        for kind, actual, said, n in [
            ("right", "Nature", "Nature", 2),
            ("wrong", "Nature", "Society", 1),
            ("wrong", "Society", "Nature", 3),
            ("unknown", "Society", "(unknown)", 4),
        ]
    ],
    "training": [
        {"lang": "en", "subset": "SCNM", "familiarity": "seen", "gold": 3, "predicted": 4, "right": 2},
        {"lang": "en", "subset": "SCNM", "familiarity": "unseen", "gold": 8, "predicted": 8, "right": 0},
    ],
}


def test_extractions_are_counted_on_both_sides() -> None:
    first, second, total = extractions_table(ERRORS).to_dict("records")
    assert (first["gold"], first["predicted"], first["right"]) == (11, 12, 4)  # 4+1+2+3+1; 4+1+2+5
    assert first["too long / too short / overlap"] == "0 / 2 / 0"
    assert (second["gold"], second["predicted"], second["format"], second["unreadable"]) == (6, 0, 6, 7)
    assert (total["lang"], total["gold"], total["predicted"], total["missing"]) == ("all", 17, 12, 4)


def test_the_commonest_confusion_comes_first() -> None:
    row = text_labels_table(ERRORS).to_dict("records")[0]
    assert (row["right"], row["wrong"], row["unknown"], row["missing"]) == (2, 4, 4, 0)
    assert row["most confused (gold → predicted)"] == "Society → Nature 3, Nature → Society 1"


def test_seen_and_unseen_are_shares_of_gold() -> None:
    row = training_table(ERRORS).to_dict("records")[0]
    assert (row["seen"], row["unseen"]) == ("2 of 3", "0 of 8")
    assert training_table({"training": []}).empty


def test_labels_with_most_lost_come_first_with_their_fate() -> None:
    rows = lost_labels_table(ERRORS).to_dict("records")
    assert [(row["label"], row["gold"], row["right"]) for row in rows] == [
        ("`Person`", 10, 4),  # as many lost as of Owner, and SCNM comes first
        ("`Owner`", 6, 0),
        ("`Event`", 1, 0),
    ]
    assert rows[0]["the others"] == "word label 1, too short 2, missing 3"


def worst(n: int, output: str | None, group: int | None = None) -> dict[str, Any]:
    return {
        "id": f"id{n}",
        "group": str(n if group is None else group),
        "errors": n,
        "kinds": {"spurious": n},
        "gold": "a|b",
        "output": output,
    }


def test_the_worst_are_few_of_different_texts_and_fit_a_table() -> None:
    rows = worst_table([worst(n, "x\ny" * 100) for n in range(1, 10)] + [worst(20, None, 9)]).to_dict("records")
    assert [row["record"] for row in rows] == ["id20", "id8", "id7", "id6", "id5", "id4"]
    assert len(rows) == WORST
    assert rows[0]["output"] == "no output"
    assert rows[0]["gold"] == "`a\\|b`"
    assert len(rows[1]["output"]) == WIDTH + 2
    assert "\n" not in rows[1]["output"]


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("a`b", "`a'b`"), (" a \n b ", "`a b`")])
def test_data_in_a_table_is_code_on_one_line(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_alarms_are_a_row_a_kind_and_language() -> None:
    alarms = [
        {"kind": "retention", "place": "ja", "value": 0.6, "bound": 0.8},
        {"kind": "zero_f1", "place": "ja.SCNM: 学問", "value": 0.0, "bound": 0.0},
        {"kind": "zero_f1", "place": "ja.SCNM: 技術", "value": 0.0, "bound": 0.0},
        {"kind": "zero_f1", "place": "ja.TCREE: 社会", "value": 0.0, "bound": 0.0},
        {"kind": "below_baseline", "place": "en.SCNM.TL", "value": 1.0, "bound": 2.0},
    ]
    assert [tuple(row.values()) for row in alarm_rows(alarms)] == [
        ("retention", "ja", 1, "0.6"),
        ("zero_f1", "ja", 3, "SCNM: 学問, 技術; TCREE: 社会"),
        ("below_baseline", "en", 1, "SCNM.TL: 1.0 (baseline 2.0)"),
    ]
    assert table(pd.DataFrame(alarm_rows([]))) == "none"
