"""The record: where spans stand, what ids and groups are made of, the order in which records are written."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import UserError
from stages.records.record import (
    KEYS,
    Record,
    canonical,
    fields_of,
    from_fields,
    group_of,
    locate,
    normalise,
    occurrences,
    record_id,
    sort_records,
    unaligned,
    with_lang,
)
from stages.records.tasks import task_of


def mentions(*words: str) -> list[dict[str, Any]]:
    return [{"label": "Location", "spans": [{"text": word, "start": None}]} for word in words]


def starts(text: str, kind: str, extractions: list[dict[str, Any]]) -> list[list[int | None]]:
    return [[span["start"] for span in item["spans"]] for item in locate(text, kind, extractions)]


# --- places ----------------------------------------------------------------------------------------------------------


def test_the_nth_mention_of_a_word_gets_its_nth_place() -> None:
    assert starts("青潮FC対青潮FC", "span", mentions("青潮FC", "青潮FC")) == [[0], [5]]


def test_a_mention_too_many_has_no_place() -> None:
    assert starts("青潮FC対鷹取SC", "span", mentions("青潮FC", "青潮FC")) == [[0], [None]]


@pytest.mark.parametrize("words", [("東京", "東京大学"), ("東京大学", "東京")])
def test_a_word_is_not_looked_for_inside_a_longer_mention(words: tuple[str, ...]) -> None:
    found = dict(zip(words, starts("東京大学は東京にある", "span", mentions(*words)), strict=True))
    assert found == {"東京大学": [0], "東京": [5]}


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("東京大学", ["東京大学", "東京"], [0, 0]),
        ("東京大学は東京にある。", ["東京", "東京大学"], [5, 0]),  # a place of its own comes first
        ("New York University Press", ["York", "New York University", "New York"], [4, 0, 0]),
        ("the red and white flag", ["red and white", "and white flag"], [4, 8]),  # they cross
        ("Kyoto University", ["Kyoto University", "Kyoto", "Kyoto"], [0, 0, None]),  # not twice in one place
    ],
)
def test_a_mention_with_no_place_of_its_own_is_nested_in_another(
    text: str, words: list[str], expected: list[int | None]
) -> None:
    assert starts(text, "span", mentions(*words)) == [[start] for start in expected]


def test_mentions_do_not_overlap() -> None:
    assert starts("ababa", "span", mentions("aba", "aba")) == [[0], [None]]
    assert occurrences("ababa", "aba") == [0, 2]


def test_places_count_code_points() -> None:
    assert starts("🐦𠮷田橋", "span", mentions("𠮷田橋")) == [[1]]


def test_arguments_of_relations_and_events_may_share_a_place() -> None:
    relation = {"label": "Leader", "spans": [{"text": "霧島", "start": None}, {"text": "霧島レンズ", "start": None}]}
    assert starts("霧島レンズ", "relation", [relation, relation]) == [[0, 0], [0, 0]]
    event = {"label": None, "spans": [{"text": "勝った", "start": None, "role": "trigger"}]}
    assert starts("また勝った。勝った。", "event", [event, event]) == [[2], [2]]


def test_locating_keeps_order_labels_and_roles_and_changes_no_input() -> None:
    event = {"label": None, "spans": [{"text": "x", "start": None, "role": "trigger"}]}
    assert locate("ax", "event", [event]) == [{"label": None, "spans": [{"text": "x", "start": 1, "role": "trigger"}]}]
    assert event["spans"] == [{"text": "x", "start": None, "role": "trigger"}]


@given(st.text("ab", max_size=12), st.lists(st.text("ab", min_size=1, max_size=4), max_size=5))
def test_a_place_is_where_the_word_stands_and_no_two_mentions_of_a_word_share_one(text: str, words: list[str]) -> None:
    taken = defaultdict[str, set[int]](set)
    for word, (start,) in zip(words, starts(text, "span", mentions(*words)), strict=True):
        if start is None:
            continue
        assert text[start : start + len(word)] == word
        covered = set(range(start, start + len(word)))
        assert not taken[word] & covered
        taken[word] |= covered


def test_the_places_of_the_sample_are_found_again_or_moved_to_another_mention(sample: list[Record]) -> None:
    for record in sample:
        kind = task_of(record["subset"], record["task"]).kind
        found = locate(record["text"], kind, record["extractions"])
        assert unaligned({**record, "extractions": found}) == []


def test_unaligned_names_the_spans_without_a_place() -> None:
    assert unaligned({"extractions": locate("ab", "span", mentions("a", "c"))}) == ["c"]


# --- ids and groups --------------------------------------------------------------------------------------------------


def test_an_id_has_five_parts_whatever_the_native_id() -> None:
    assert record_id("SCNM", "NER", "own", "a/b c\n", "ja") == "SCNM/NER/own/a_b_c_/ja"


def test_with_lang_changes_only_the_language() -> None:
    assert with_lang("SCNM/NER/sample/0012/ja", "en") == "SCNM/NER/sample/0012/en"


@pytest.mark.parametrize("same", ["ＡＢＣ１２３", "ABC123\n", "  ABC123", unicodedata.normalize("NFD", "ABC123")])
def test_a_group_does_not_depend_on_width_white_space_ends_or_normal_form(same: str) -> None:
    assert group_of(same) == group_of("ABC123")


def test_white_space_inside_is_folded_but_not_lost() -> None:
    assert normalise("a \u3000\n b") == "a b"
    assert group_of("a b") != group_of("ab")


def test_the_group_of_a_text_never_changes() -> None:
    # Splits and published files hang on it.
    assert group_of("吾輩は猫である。") == "9efce9dad1455d5d"


def test_every_view_and_translation_of_a_text_is_in_its_group(sample: list[Record]) -> None:
    groups: dict[tuple[str, str], set[str]] = {}
    for record in sample:
        subset, _, _, native, _ = record["id"].split("/")
        groups.setdefault((subset.split("-")[0], native), set()).add(record["group"])
    assert len(groups) == 160
    assert all(len(found) == 1 for found in groups.values())


# --- order -----------------------------------------------------------------------------------------------------------


def test_records_are_written_by_id_with_keys_in_fixed_order(sample: list[Record]) -> None:
    shuffled = [dict(reversed(record.items())) for record in reversed(sample)]
    for record in shuffled:
        record["extractions"] = [
            {"spans": [dict(reversed(span.items())) for span in item["spans"]], "label": item["label"]}
            for item in record["extractions"]
        ]
    ordered = sort_records(shuffled)
    assert [record["id"] for record in ordered] == sorted(record["id"] for record in sample)
    spans = [span for record in ordered for item in record["extractions"] for span in item["spans"]]
    assert {tuple(record) for record in ordered} == {KEYS}
    assert {tuple(span) for span in spans} == {("text", "start"), ("text", "start", "role")}


def test_canonical_drops_nothing(sample: list[Record]) -> None:
    assert [canonical(record) for record in sample] == sample


def test_a_duplicate_id_is_refused_by_name(sample: list[Record]) -> None:
    with pytest.raises(UserError, match="duplicate id") as caught:
        sort_records([*sample, sample[5]])
    assert caught.value.place == sample[5]["id"]


# --- fields ----------------------------------------------------------------------------------------------------------


def test_fields_and_extractions_are_inverse(sample: list[Record]) -> None:
    for record in sample:
        task = task_of(record["subset"], record["task"])
        for item in record["extractions"]:
            again = from_fields(fields_of(item, task), task)
            assert again["label"] == item["label"]
            assert again["spans"] == [{**span, "start": None} for span in item["spans"]]
