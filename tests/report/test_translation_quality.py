"""The figures of a translation beside its reference: known answers, and what their intervals say."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from sacrebleu import sentence_chrf as their_chrf

from stages.records.record import Record
from stages.report.translation_quality import FIGURES, Measured, differences, measure, summary
from stages.report.translation_quality import intervals as by_cell
from tests.support.openai_server import record


def made(text: str, items: list[tuple[str, str]], native: str = "1") -> Record:
    return record("SCNM", "NER", native, text, "Society", items, lang="en")


REFERENCE = made("Taro met Jiro in Kyoto.", [("Person", "Taro"), ("Person", "Jiro"), ("Location", "Kyoto")])


def one(group: str, chrf: float, right: int = 1, kept: int = 1) -> Measured:
    """A record with two reference spans."""
    return Measured(group, ("en", "SCNM"), kept, chrf, (right, 2 * kept, 2), (right, 2 * kept, 2))


def intervals(measured: Sequence[Measured], resamples: int, seed: int) -> dict[str, Any]:
    """The intervals over all records."""
    return dict(by_cell(measured, resamples, seed)["all"])


def difference(
    left: Sequence[Measured], right: Sequence[Measured], resamples: int, seed: int, names: Sequence[str] = FIGURES
) -> dict[str, Any]:
    """The differences over all records."""
    return dict(differences(left, right, resamples, seed, names)["all"])


def noisy(seed: int, shift: float, groups: int = 60) -> list[Measured]:
    """Two records a group around 50."""
    draw = random.Random(seed)
    return [one(str(n), 50 + shift + draw.gauss(0, 5), draw.randint(0, 2)) for n in range(groups) for _ in range(2)]


def test_the_reference_itself_scores_100() -> None:
    assert summary([measure(REFERENCE, REFERENCE)]) == {"chrf": 100.0, "span_f1": 100.0, "label_f1": 100.0}


def test_chrf_is_the_mean_of_the_sentences_own() -> None:
    texts = ["Taro met Jiro in Osaka.", "Nobody met."]
    found = summary([measure(made(text, []), REFERENCE) for text in texts])
    each = [their_chrf(text, [REFERENCE["text"]]).score for text in texts]
    assert found["chrf"] == round(sum(each) / 2, 2)
    assert each[0] != each[1]


def test_a_right_span_under_a_wrong_label_counts_for_the_spans_only() -> None:
    own = made("Taro met Jiro in Nara.", [("Person", "Taro"), ("Location", "Jiro"), ("Location", "Nara")])
    found = summary([measure(own, REFERENCE)])
    assert (found["span_f1"], found["label_f1"]) == (66.67, 33.33)  # 2 and 1 of 3, on both sides


def test_a_span_counts_as_often_as_it_comes_and_a_missing_one_costs_recall() -> None:
    twice = made("Kyoto is Kyoto.", [("Location", "Kyoto"), ("Location", "Kyoto")])
    once = made("Kyoto is Kyoto.", [("Location", "Kyoto")])
    assert summary([measure(once, twice)])["span_f1"] == summary([measure(twice, once)])["span_f1"] == 66.67


def test_a_lost_record_is_zero_and_its_spans_are_missing_ones() -> None:
    found = summary([measure(REFERENCE, REFERENCE), measure(None, REFERENCE)])
    assert found == {"chrf": 50.0, "span_f1": 66.67, "label_f1": 66.67}  # 3 right, 3 said, 6 to be found
    assert summary([measure(None, REFERENCE)]) == {"chrf": 0.0, "span_f1": 0.0, "label_f1": 0.0}


def test_no_records_have_no_figure_and_nothing_to_find_gives_100() -> None:
    assert summary([]) == by_cell([], 500, 0) == differences([], [], 500, 0) == {}
    nothing = made("It rained.", [])
    assert summary([measure(nothing, nothing)])["span_f1"] == 100.0
    assert summary([measure(made("Taro.", [("Person", "Taro")]), nothing)])["span_f1"] == 0.0


def test_intervals_hold_their_figure_and_come_out_the_same_again() -> None:
    measured = noisy(1, 0)
    found, point = intervals(measured, 500, 0), summary(measured)
    for name, value in point.items():
        assert found[name]["low"] < value < found[name]["high"]
    assert intervals(measured, 500, 0) == found != intervals(measured, 500, 1)


def test_the_interval_of_a_mean_is_as_wide_as_theory_says() -> None:
    # 400 texts of sd 5: a standard error of 0.25, and 1.96 of it to either side.
    draw = random.Random(3)
    found = intervals([one(str(n), draw.gauss(50, 5)) for n in range(400)], 2000, 0)["chrf"]
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * 0.25, rel=0.15)


def test_the_records_of_a_text_are_drawn_together() -> None:
    # Views that only repeat their text add no certainty; drawn one by one, the interval would be half as wide.
    texts = noisy(2, 0)[::2]
    assert intervals([item for item in texts for _ in range(4)], 500, 0) == intervals(texts, 500, 0)


def test_a_planted_difference_is_found() -> None:
    left = noisy(1, 0)
    better = [item._replace(chrf=item.chrf + 1 + n % 2) for n, item in enumerate(left)]
    found = difference(left, better, 500, 0)
    assert found["chrf"]["difference"] == 1.5
    assert 0 < found["chrf"]["low"] <= 1.5 <= found["chrf"]["high"]
    assert found["span_f1"] == {"difference": 0.0, "low": 0.0, "high": 0.0}


@pytest.mark.slow
def test_where_there_is_no_difference_about_one_interval_in_twenty_says_so() -> None:
    pairs = ((noisy(2 * n, 0), noisy(2 * n + 1, 0)) for n in range(100))
    found = [difference(left, right, 200, 0, ["chrf"])["chrf"] for left, right in pairs]
    assert 1 <= sum(not value["low"] <= 0 <= value["high"] for value in found) <= 12


def test_the_other_way_round_a_difference_has_the_other_sign() -> None:
    left, right = noisy(1, 0), noisy(2, 3)
    there, back = difference(left, right, 500, 0), difference(right, left, 500, 0)
    for name, value in there.items():
        assert back[name] == {
            "difference": -value["difference"],
            "low": pytest.approx(-value["high"]),
            "high": pytest.approx(-value["low"]),
        }


def test_pairing_sees_a_difference_that_lies_within_both_intervals() -> None:
    left = noisy(1, 0)
    right = [item._replace(chrf=item.chrf + 0.5) for item in left]
    apart = [intervals(side, 500, 0)["chrf"] for side in (left, right)]
    assert apart[1]["low"] < apart[0]["high"]
    assert difference(left, right, 500, 0, ["chrf"])["chrf"] == {"difference": 0.5, "low": 0.5, "high": 0.5}


def test_views_and_languages_of_a_text_are_drawn_together_and_few_texts_are_widened() -> None:
    texts = noisy(4, 0, 12)[::2]
    both = [item._replace(cell=(lang, "SCNM")) for item in texts for lang in ("en", "zh")]
    found = by_cell(both, 500, 0)
    assert found["en"]["all"] == found["zh"]["all"] == found["all"]
    # 12 texts: sqrt(12 / 11) times Student's 2.201 over 1.96, so 1.173 times as wide as the plain percentile interval
    spread = [item.chrf for item in texts]
    plain = 2 * 1.96 * (sum((value - sum(spread) / 12) ** 2 for value in spread) / 12) ** 0.5 / 12**0.5
    own = found["all"]["chrf"]
    assert own["high"] - own["low"] == pytest.approx(1.173 * plain, rel=0.1)
