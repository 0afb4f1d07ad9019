"""Each aim of the checks stands beside its figure, with whether it is met."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from typing import Any

from stages.core.files import read_json
from stages.report.check_aims import LIKELIHOOD, aims, likelihood

METRICS: dict[str, Any] = read_json("metrics/checks.json")


def row(metrics: dict[str, Any], what: str) -> dict[str, Any]:
    """One row of the table."""
    table = aims(metrics)
    return {str(name): value for name, value in table[table["aim"] == what].iloc[0].items()}


def test_every_aim_has_a_figure_of_the_committed_file() -> None:
    table = aims(METRICS)
    assert len(table) == 12
    assert not (table["figure"] == "–").any()
    assert set(table["met"]) <= {"yes", "yes, not by the whole interval", "no"}


def test_refused_and_warned_translations_count_as_found() -> None:
    cell = METRICS["reading"]["all"]["inadequate"]
    found = row(METRICS, "inadequate translations refused or warned of (40 of 60)")
    assert found["figure"].startswith(f"{cell['found'] + cell['warned']} of {cell['n']} ")
    assert found["bound"] == "at least 66.67%"


def test_forty_of_sixty_is_enough_and_one_fewer_is_not() -> None:
    metrics = deepcopy(METRICS)
    metrics["reading"]["all"]["inadequate"] |= {"n": 60, "found": 30, "warned": 10}
    assert (
        row(metrics, "inadequate translations refused or warned of (40 of 60)")["met"]
        == "yes, not by the whole interval"
    )
    metrics["reading"]["all"]["inadequate"]["warned"] = 9
    assert row(metrics, "inadequate translations refused or warned of (40 of 60)")["met"] == "no"


def test_an_interval_that_passes_the_bound_is_told() -> None:
    metrics = deepcopy(METRICS)
    for count, met in ((2, "yes"), (12, "yes, not by the whole interval"), (14, "no")):
        metrics["unseen_genres"]["refused"] |= {"n": 336, "count": count}
        assert row(metrics, "true references refused")["met"] == met


def test_a_row_has_its_bound_its_figure_with_its_interval_and_that_of_the_genres_nobody_read() -> None:
    metrics = deepcopy(METRICS)
    metrics["unseen_genres"]["refused"] |= {"n": 336, "count": 6}
    metrics["unseen_genres"]["unread"]["refused"] |= {"n": 144, "count": 3}
    assert row(metrics, "true references refused") == {
        "aim": "true references refused",
        "bound": "at most 4%",
        "figure": "6 of 336 (1.8%), 0.7% to 3.9%",
        "genres nobody read": "3 of 144 (2.1%), 0.4% to 6.0%",
        "met": "yes",
        "key in metrics/checks.json": "`unseen_genres.refused`",
    }
    found = row({**metrics, "records_per_second": 1234.0}, "records checked a second")
    assert (found["bound"], found["figure"], found["met"]) == ("at least 1,000", "1,234.0", "yes")
    assert found["genres nobody read"] == "–"
    assert row({**metrics, "records_per_second": 999.0}, "records checked a second")["met"] == "no"
    assert row(metrics, "inadequate translations refused or warned of (40 of 60)")["key in metrics/checks.json"] == (
        "`reading.all.inadequate`: found + warned"
    )


def test_of_no_case_there_is_no_share() -> None:
    metrics = deepcopy(METRICS)
    metrics["unseen_genres"]["refused"] |= {"n": 0, "count": 0}
    found = row(metrics, "true references refused")
    assert found["figure"] == found["met"] == "–"


def test_what_was_not_measured_has_a_dash() -> None:
    table = aims({**METRICS, "unseen_genres": None, "reading": None, "records_per_second": None})
    assert set(table["figure"]) == set(table["met"]) == {"–"}


def test_the_table_of_likelihood_counts_each_text_once_and_warns_from_the_margin_that_the_risk_needs() -> None:
    texts = read_json(LIKELIHOOD)["texts"]
    table = likelihood()
    assert table.iloc[0, 0] == "all"
    for column, name in ((1, "without"), (2, "reference")):
        warned = sum(min(item["margins"][name]) < -0.884 for item in texts)
        assert str(table.iloc[0, column]).startswith(f"{warned} of {len(texts)} ")
    directions = Counter(f"{item['from']} to {item['id'].rpartition('/')[2]}" for item in texts)
    rows = [[str(value) for value in line] for line in table.to_numpy()]
    assert {name: (dropped.split()[2], true.split()[2]) for name, dropped, true in rows[1:]} == {
        name: (str(n), str(n)) for name, n in directions.items()
    }
    for column in (1, 2):
        assert sum(int(line[column].split()[0]) for line in rows[1:]) == int(rows[0][column].split()[0])
