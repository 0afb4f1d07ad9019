"""The partial score: worked cases, and that it is never below the exact one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.scoring.external_scorers import Case, ours, ours_partial
from stages.scoring.partial import partial_matches, shared, similarity
from stages.scoring.score import spec_of

TEXT = "the University of Tokyo is in Tokyo"
SPEC = spec_of("SCNM", "NER", "en")


def test_what_two_spans_share_is_counted_in_the_text() -> None:
    assert shared(TEXT, "University of Tokyo", "Tokyo") == 5
    assert shared(TEXT, "University of", "of Tokyo") == 2
    assert shared(TEXT, "University", "Tokyo") < 1, "apart, they share nothing"
    assert shared(TEXT, "Kyoto", "Tokyo") == 0, "what is not in the text shares nothing but with itself"
    assert shared(TEXT, "Kyoto", "Kyoto") == 5
    assert shared(TEXT, "", "Tokyo") == 0


def test_a_pair_counts_twice_what_it_shares_over_both_lengths_and_a_relation_its_mean() -> None:
    assert similarity(TEXT, ["University of Tokyo"], ["Tokyo"]) == pytest.approx(10 / 24)
    assert similarity(TEXT, ["University of Tokyo", "Tokyo"], ["Tokyo", "Tokyo"]) == pytest.approx((10 / 24 + 1) / 2)
    assert similarity(TEXT, ["University", "Tokyo"], ["Tokyo", "Tokyo"]) == 0, (
        "one end that shares nothing is a wrong relation"
    )
    assert similarity(TEXT, ["", "is", "", ""], ["", "is", "", ""]) == 1
    assert similarity(TEXT, ["Tokyo", "is", "", ""], ["", "is", "", ""]) == 0


def test_pairs_are_one_to_one_and_chosen_for_the_greatest_sum() -> None:
    gold = [("Location", ("Tokyo",)), ("Location", ("University of Tokyo",))]
    said = [("Location", ("University of Tokyo",)), ("Location", ("Tokyo",))]
    assert partial_matches(TEXT, gold, said) == 2
    assert partial_matches(TEXT, gold[:1], said) == 1, "the second has no partner left"
    assert partial_matches(TEXT, gold, [("Person", ("Tokyo",))]) == 0, "labels must be the same"
    assert partial_matches(TEXT, [], said) == partial_matches(TEXT, gold, []) == 0


WORDS = st.sampled_from(
    [part for start in range(0, 30, 4) for part in (TEXT[start : start + 6], TEXT[start : start + 9])]
)
ITEMS = st.lists(st.tuples(st.sampled_from(["Location", "Person"]), WORDS), max_size=5)


@given(ITEMS, ITEMS)
def test_it_is_never_below_the_exact_score_and_never_above_one_each(
    gold: list[tuple[str, str]], said: list[tuple[str, str]]
) -> None:
    case = Case(SPEC.task, TEXT, SPEC.words, gold, said)
    exact, partial = ours(case), ours_partial(case)
    assert exact[1:] == partial[1:]
    assert exact[0] - 1e-9 <= partial[0] <= min(len(gold), len(said)) + 1e-9
    turned = ours_partial(case._replace(gold=said, predicted=gold))
    assert turned[0] == pytest.approx(partial[0])
