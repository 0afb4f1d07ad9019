"""The guard against loops: an answer ends before the extraction that is said once too often, and never before another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.model.common import decode, load_tokenizer, output_ids
from stages.model.decoding import greedy
from stages.model.head import Head
from stages.model.predict import prediction
from stages.model.repetition import Watch, cut
from stages.records.linear import encode, encode_input, parse
from stages.records.record import Record
from stages.records.tasks import task_of
from tests.support.tiny_llama import byte_tokenizer, tiny_model

PERSON, LIGHT = ":Person;ab", ":Negative;light"


def given_of(text: str, task: str = "NER", subset: str = "SCNM") -> str:
    return encode_input(text, task_of(subset, task))


@pytest.mark.parametrize(("text", "times"), [("ab", 1), ("ab, ab", 2), ("abab ab", 3), ("aba", 1), ("none", 1)])
def test_a_span_is_said_as_often_as_it_stands_in_the_text(text: str, times: int) -> None:
    start = "Nature/NER/:Location;b"
    assert cut(start + 9 * PERSON, given_of(text)) == start + times * PERSON
    assert cut(start + times * PERSON, given_of(text)) is None


def test_overlapping_places_count() -> None:
    assert cut("Nature/NER/" + 9 * ":Person;aa", given_of("aaa")) == "Nature/NER/" + 2 * ":Person;aa"


@pytest.mark.parametrize(("text", "times"), [("a b", 1), ("a b a", 2), ("a b a b", 4)])
def test_relations_are_said_as_often_as_pairs_of_their_ends_and_stay_closed(text: str, times: int) -> None:
    item, start = ":a;Located In;b", "Culture/Relation Extraction/"
    wanted = start + times * item + ":"
    assert cut(start + 9 * item + ":", given_of(text, "RE", "TCREE")) == wanted
    assert cut(start + 9 * item, given_of(text, "RE", "TCREE"), ended=False) == wanted
    assert parse(wanted, task_of("TCREE", "RE")).defects == []


def test_empty_roles_of_events_bound_nothing() -> None:
    item, start = ":a;b;;", "Culture/Event Extraction/"
    assert cut(start + 3 * item + ":", given_of("a b a", "EE", "TCREE")) == start + 2 * item + ":"


def test_what_differs_in_label_span_or_escape_is_no_repetition() -> None:
    output = r"Nature/NER/:Person;ab:Location;ab:Person;abc:Person;b:Person;a\:b:Person;a\;b"
    assert cut(output, given_of("abc")) is None
    assert cut(output + r":Person;a\:b", given_of("abc")) == output


@pytest.mark.parametrize("ended", [True, False])
def test_an_extraction_that_is_not_whole_is_no_repetition_yet(ended: bool) -> None:
    output = "Positive/Sentiment Adj/" + 2 * LIGHT
    assert (cut(output, given_of("light", "ADJ", "SCPOS-ADJ"), ended) is not None) == ended


@given(st.text(":;\\/ab \nNER", max_size=40), st.text("ab:;/ ", max_size=8), st.booleans())
def test_any_output_is_taken_and_a_cut_one_is_a_start_of_it_that_stands(output: str, text: str, ended: bool) -> None:
    shorter = cut("x/NER/" + output, given_of(text), ended)
    if shorter is not None:
        assert ("x/NER/" + output).startswith(shorter)
        assert cut(shorter, given_of(text)) is None


def test_no_gold_answer_is_cut(sample: list[Record]) -> None:
    for record in sample:
        source, output = encode(record)
        assert cut(output, source) is None


def test_watch_ends_generation_when_the_repetition_is_whole(tmp_path: Path) -> None:
    byte_tokenizer().save_pretrained(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    examples = [
        {"id": "x", "input": given_of("光が light", "ADJ", "SCPOS-ADJ")},
        {"id": "y", "input": given_of(9 * "light ")},
    ]
    watch, output = Watch(tokenizer, examples), "Positive/Sentiment Adj/:Negative;光" + 5 * LIGHT
    ids = output_ids(tokenizer, output)
    first = next(n for n in range(1, len(ids) + 1) if watch(0, ids[:n]))
    assert decode(tokenizer, ids[:first]) == "Positive/Sentiment Adj/:Negative;光" + 2 * LIGHT + ":"
    assert not any(watch(1, ids[:n]) for n in range(1, len(ids) + 1))  # the other row's text has them all
    found = prediction(examples[0], decode(tokenizer, ids[:first]), False, stop_repetition=True)
    assert found["output"] == "Positive/Sentiment Adj/:Negative;光" + LIGHT
    assert (found["finished"], found["repeated"]) == (True, True)
    assert not prediction(examples[0], output, True, stop_repetition=False)["repeated"]


def test_a_row_that_is_stopped_leaves_the_others_as_they_were() -> None:
    model, prompts = tiny_model().eval(), [[5, 6, 7], [8, 9], [10, 11, 12, 13]]
    head = Head(model, None)
    free = greedy(model, head, prompts, 0, 10)
    stopped = greedy(model, head, prompts, 0, 10, stop=lambda row, ids: row == 1 and len(ids) == 4)
    assert stopped[1] == (free[1][0][:4], False)
    assert [stopped[0], stopped[2]] == [free[0], free[2]]
