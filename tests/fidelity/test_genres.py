"""A genre is judged by a risk that was fitted without it, and every text of the genres is a sound record."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.checks import Checks
from stages.core import config
from stages.core.errors import UserError
from stages.fidelity.corruptions import KINDS, genre
from stages.fidelity.fit import Row, files, fit, read_pairs, written
from stages.fidelity.genres import READ, left_out, share, unseen
from stages.records.rules import read_records

FOLDER = Path(__file__).resolve().parents[2] / "data/fidelity/genres"
SWITCHES: Checks = config.read("checks", Checks)


def rows(name: str, code: str) -> list[Row]:
    """A genre in which one code parts right from wrong."""
    wrong = [Row(name, True, kind, "en", {code: 1.0}) for kind in KINDS for _ in range(8)]
    return wrong + [Row(name, False, "", "en", {})] * 40


def test_there_are_twelve_genres_of_twelve_texts_in_three_languages_and_six_of_four() -> None:
    names = [Path(file).stem for file in files(str(FOLDER))]
    assert len(names) == 18
    assert set(names) > READ
    for file in files(str(FOLDER)):
        records = read_records(file)
        assert {genre(record) for record in records} == {Path(file).stem}
        assert len(records) in (36, 12)
    assert len(read_pairs(None, None, files(str(FOLDER)))) == 336


def test_what_only_one_genre_has_is_not_learnt_when_that_genre_is_left_out() -> None:
    idle = [Row(name, False, "", "en", {"odd": 1.0}) for name in ("games", "medicine") for _ in range(40)]
    data = [*rows("chat", "odd"), *rows("games", "name_changed"), *rows("medicine", "name_changed"), *idle]
    outcomes = left_out(data, SWITCHES)
    of_chat = {said for row, said in outcomes if row.wrong and row.genre == "chat"}
    of_games = {said for row, said in outcomes if row.wrong and row.genre == "games"}
    assert of_chat == {"kept"}
    assert "kept" not in of_games


def test_a_code_that_speaks_for_a_translation_has_no_weight() -> None:
    odd = [Row("chat", False, "", "en", {"odd": 1.0})] * 20
    model = fit([*rows("games", "name_changed"), *odd])
    assert model.weights["odd"] == 0
    assert model.weights["name_changed"] > 0
    assert "name_changed: " in written(model, odd)


def test_the_table_counts_each_row_once_with_its_interval() -> None:
    table = unseen([(row, "refused" if row.wrong else "kept") for row in [*rows("chat", "x"), *rows("sport", "x")]])
    assert table["refused"] == {"n": 80, "count": 0, "low": 0.0, "high": pytest.approx(0.0451, abs=1e-4)}
    assert table["caught"]["name"]["count"] == 16
    assert table["unread"]["genres"] == ["chat"]
    assert share(0, 0)["low"] is None


def test_a_folder_without_texts_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no"):
        files(str(tmp_path))
    with pytest.raises(UserError, match="holds no"):
        files(str(tmp_path / "missing"))
