"""The bootstrap by group: what is drawn together, what stays fixed, and that the intervals are right and fast."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.compare import records
from stages.core.errors import UserError
from stages.core.schema import faults
from stages.scoring.bootstrap import Row, asked, collect, draws, figures, intervals, widening
from stages.scoring.score import Counts, counts_by_id
from tests.support.scoring import examples

JA, EN, ZH = ("ja", "SCNM"), ("en", "SCNM"), ("zh", "SCNM")
RIGHT, WRONG = Counts(1, 1, 1, 2, 2, 2, 1), Counts(0, 1, 1, 0, 2, 2, 0)


def texts(count: int, cells: tuple[tuple[str, str], ...], share: float = 0.5) -> list[Row]:
    """Every text in all the cells, right in all or in none."""
    return [(f"{n:016x}", cell, RIGHT if n < share * count else WRONG) for n in range(count) for cell in cells]


def test_cells_that_share_a_text_are_one_stratum_and_others_apart() -> None:
    rows = [("a", JA, RIGHT), ("a", EN, RIGHT), ("b", EN, RIGHT), ("b", ZH, RIGHT), ("c", ("ja", "TCREE"), RIGHT)]
    table = collect(rows)
    found = [[table.cells[cell] for cell in stratum.cells] for stratum in table.strata]
    assert sorted(map(sorted, found)) == [sorted([JA, EN, ZH]), [("ja", "TCREE")]]
    assert table.groups == 3


def test_views_and_translations_of_a_text_are_drawn_together() -> None:
    drawn = draws(collect(texts(20, (JA, EN, ZH))), 200, 0)
    assert (drawn[:, :1] == drawn).all(), "what is right in one language is right in all"
    assert len(set(drawn[:, 0, 6].tolist())) > 3


def test_each_draw_has_as_many_records_of_a_cell_as_the_test_set() -> None:
    rows = texts(30, (JA, EN)) + [(f"r{n}", ("ja", "TCREE"), WRONG) for n in range(7)]
    table = collect(rows)
    drawn = draws(table, 100, 0)
    assert (drawn[:, :, -1] == table.observed()[:, -1]).all()


def test_a_text_lost_in_one_language_still_varies_with_the_rest() -> None:
    rows = [row for row in texts(20, (JA, EN)) if row[:2] != (f"{0:016x}", EN)]
    table = collect(rows)
    assert len(table.strata) == 1
    assert draws(table, 500, 0)[:, table.cells.index(JA), 6].std() > 0


def test_a_cell_that_a_draw_misses_is_left_out_of_its_interval() -> None:
    rows = [*texts(5, (JA,)), (f"{0:016x}", EN, RIGHT)]
    values = figures(draws(collect(rows), 500, 0)[:, 0])["ALL"]
    assert np.isnan(values).any()
    assert set(values[~np.isnan(values)].tolist()) == {100.0}
    result = intervals([(str(n), *row) for n, row in enumerate(rows)], 500, 0)  # type: ignore[misc]
    assert result["intervals"]["en"]["SCNM"]["ALL"] == {"low": 100.0, "high": 100.0}


@pytest.mark.parametrize("distinct", [False, True], ids=["few kinds of text", "every text its own kind"])
def test_the_drawn_sums_have_the_mean_and_spread_of_draws_with_replacement(distinct: bool) -> None:
    values = np.arange(60) if distinct else np.arange(60) % 2
    table = collect((f"{n:03d}", JA, (0, 0, 0, int(value), 0, 0, 0)) for n, value in enumerate(values))
    drawn = draws(table, 20_000, 1)[:, 0, 3]
    spread = values.std() * np.sqrt(60)
    assert abs(drawn.mean() - values.sum()) < 4 * spread / np.sqrt(20_000)
    assert drawn.std() == pytest.approx(spread, rel=0.03)


def test_order_of_records_and_other_strata_change_nothing() -> None:
    rows = records(300)
    table, turned = collect(rows), collect(rows[::-1])
    assert (draws(table, 50, 3) == draws(turned, 50, 3)).all()
    more = collect([*rows, ("other", ("zz", "SCNM"), rows[0][2])])
    assert (draws(more, 50, 3)[:, : len(table.cells)] == draws(table, 50, 3)).all()
    assert (draws(table, 50, 4) != draws(table, 50, 3)).any()


def test_intervals_hold_the_scores_and_have_the_shape_of_their_schema() -> None:
    gold = examples("joint")
    said = {item["id"]: (item["output"] if int(item["group"], 16) % 3 else "", True) for item in gold}
    result = intervals(counts_by_id((("gold", item) for item in gold), said), 300, 0)
    assert not faults(result, "interval_metrics")
    whole = result["intervals"]["all"]["ALL"]
    right = 100 * sum(output != "" for output, _ in said.values()) / len(said)
    assert 0 < whole["low"] < right < whole["high"] < 100
    assert set(result["intervals"]) == {"ja", "en", "zh", "all"}


def test_a_level_that_nobody_asked_for_has_no_interval() -> None:
    gold = examples("words")
    table = collect((group, cell, own) for _, group, cell, own in counts_by_id((("", item) for item in gold), {}))
    assert asked(table) == ("WL", "ALL")


def test_intervals_of_few_texts_are_expanded_as_students_t_says() -> None:
    # Student's quantiles from a table: 2.1788 at 12 degrees of freedom, 2.0076 at 51, over 1.95996
    assert widening(13) == pytest.approx(np.sqrt(13 / 12) * 2.1788 / 1.95996, rel=1e-3)
    assert widening(52) == pytest.approx(np.sqrt(52 / 51) * 2.0076 / 1.95996, rel=1e-3)
    assert widening(100_000) == pytest.approx(1, rel=1e-4)
    assert widening(1) == 1


def test_no_records_and_no_resamples_are_faults() -> None:
    with pytest.raises(UserError, match="no record"):
        collect([])
    with pytest.raises(UserError, match="0 is not enough"):
        draws(collect(texts(2, (JA,))), 0, 0)
