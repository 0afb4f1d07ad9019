"""Published scores: what may stand in the file, and how the report shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.records.tasks import SUBSETS
from stages.report import published

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = {"GPT-3.5-Turbo", "GPT-4o", "USA-7B", "GIELLM-13B-jp", "OIELLM-8B", "OIELLM-13B"}
GOOD = "{lang: ja, subset: SCNM, system: X, TL: 1, mark: N, source: a note}"


def test_the_committed_file_names_every_system_with_mark_and_source() -> None:
    entries = published.load(ROOT / "stages/report/published.yaml")
    assert set(published.systems(entries)) >= SYSTEMS
    rows = published.rows(entries, [(lang, name) for lang in ("ja", "en", "zh") for name in SUBSETS])
    assert len(rows) == 21
    assert rows[0]["GPT-4o"] == "58.30/23.42/8.57 [N]"
    assert all(row["USA-7B"] == published.NONE for row in rows)


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace(", source: a note", ""),
        GOOD.replace("mark: N", "mark: Q"),
        GOOD.replace(", TL: 1", ""),
        GOOD.replace("TL: 1", "TL: 101"),
        GOOD.replace("SCNM", "SCXX"),
        GOOD.replace("ja", "null"),
        GOOD.replace("lang: ja, subset: SCNM", "lang: null, subset: null"),
        GOOD + "\n- " + GOOD,
        "[",
    ],
)
def test_an_entry_without_source_or_with_a_wrong_value_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "published.yaml"
    path.write_text(f"- {line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"published\.yaml"):
        published.load(path)


def test_a_level_that_the_source_does_not_give_is_a_dash(tmp_path: Path) -> None:
    path = tmp_path / "published.yaml"
    path.write_text(f"- {GOOD}\n", encoding="utf-8")
    assert published.rows(published.load(path), [("ja", "SCNM"), ("en", "SCNM")]) == [
        {"lang": "ja", "sub-dataset": "SCNM", "X": "1.00/–/– [N]"},
        {"lang": "en", "sub-dataset": "SCNM", "X": published.NONE},
    ]
