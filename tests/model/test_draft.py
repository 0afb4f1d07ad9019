"""A list of relations or events goes on without the grammar where it refuses the model's token; what it does not have is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.schema import write_checked
from stages.model import predict
from stages.model.common import load_tokenizer
from stages.model.grammar import Draft, Vocabulary
from stages.records.linear import View, parse
from stages.records.tasks import task_of
from tests.model.test_grammar import HOSTILE, assert_well_formed, example_of, one_by_one, wish
from tests.model.test_predict_constrained import learn
from tests.support.tiny_llama import byte_tokenizer, tiny_model, write_tiny_llama

TEXT = "Ada Roe; of Nara works at A:B."
RELATION = "Society/Relation Extraction/"
EVENT = "Society/Event Extraction/"


@pytest.fixture(scope="module")
def bytewise() -> Vocabulary:
    return Vocabulary(byte_tokenizer(), 258)


def answer(
    vocabulary: Vocabulary, output: str, task: str, view: View = "joint", text: str = TEXT, name: str = "TCREE"
) -> tuple[str, str, int]:
    """What is written of an output that a model would like to write, what is kept of it, and how many were left out."""
    draft, ids = Draft(vocabulary, example_of(text, name, task), view), list[int]()
    wanted = iter(one_by_one(vocabulary, output.encode()))
    while not ids or ids[-1] != vocabulary.end:  # what is made to go on ends as soon as it may
        token = next(wanted, vocabulary.end)
        ids.append(token if draft.add(token) else draft.choose(wish(vocabulary, token)))
    raw = vocabulary.bytes_of(*ids[:-1]).decode()
    return raw, *draft.kept(raw)


@pytest.mark.parametrize(
    ("items", "kept", "number"),
    [
        (
            ":Ada Roe;Located In;Kyoto:Ada Roe;Affiliation;A\\:B:",
            ":Ada Roe;Affiliation;A\\:B:",
            1,
        ),  # a place that is not there
        (":Ada;Affiliation;A\\:B:Ada Ro;Affiliation;Nara:", ":Ada;Affiliation;A\\:B:", 1),  # a word that is cut
        (":Ada Roe;Friend;Nara:Nara;Leader;Ada Roe:", ":Nara;Leader;Ada Roe:", 1),  # a label that is none
        (":Ada Roe;Leader:Nara;Leader;Ada Roe:", ":Nara;Leader;Ada Roe:", 1),  # a field too few
        (":Ada Roe;Leader;Nara;:Nara;Leader;Ada Roe", ":Nara;Leader;Ada Roe:", 1),  # one too many, and not closed
        (": Ada Roe;Leader;Nara:;Leader;Nara:", "", 2),  # white space, a field without a word
    ],
)
def test_a_relation_that_the_grammar_does_not_have_is_left_out_and_the_next_one_kept(
    bytewise: Vocabulary, items: str, kept: str, number: int
) -> None:
    # The model goes on by what it wrote, not by what it was made to write.
    assert answer(bytewise, RELATION + items, "RE") == (RELATION + items, RELATION + kept, number)


def test_an_event_with_a_role_too_many_is_left_out(bytewise: Vocabulary) -> None:
    raw, output, left_out = answer(bytewise, EVENT + ":Ada Roe;works;A\\:B;;:Ada Roe;works;;:Ada Roe;works;Nara:", "EE")
    assert (raw.count(";"), output, left_out) == (9, EVENT + ":Ada Roe;works;;:", 2)


def test_what_the_grammar_has_is_left_as_it_is(bytewise: Vocabulary) -> None:
    for output, task in ((RELATION + ":Ada Roe;Affiliation;A\\:B:", "RE"), (EVENT + ":;works;;:", "EE"), (EVENT, "EE")):
        assert answer(bytewise, output, task) == (output, output, 0)


def test_before_the_list_and_in_lists_of_spans_the_grammar_is_never_left(bytewise: Vocabulary) -> None:
    assert answer(bytewise, "Sport/Relation Extraction/", "RE")[1].startswith("S")
    assert answer(bytewise, "Nature/NER/:Person;Ada Rob", "NER", name="SCNM") == (
        *2 * ("Nature/NER/:Person;Ada Roe",),
        0,
    )
    assert answer(bytewise, RELATION + ":Ada", "RE", "text")[1:] == (RELATION, 0)  # no list is asked for


@settings(max_examples=150)
@given(text=st.text(HOSTILE, min_size=1, max_size=10), task=st.sampled_from(["RE", "EE"]), data=st.data())
def test_whatever_is_written_what_is_kept_is_well_formed_and_in_order(
    bytewise: Vocabulary, text: str, task: str, data: st.DataObject
) -> None:
    part = st.one_of(st.sampled_from([*text, ":", ";", "\\", ";Leader;", "x"]), st.sampled_from([text, ""]))
    head = RELATION if task == "RE" else EVENT
    raw, output, left_out = answer(
        bytewise, head + ":" + "".join(data.draw(st.lists(part, max_size=14))), task, text=text
    )
    example = example_of(text, "TCREE", task)
    assert_well_formed(output, example, "joint")
    said = parse(raw, task_of("TCREE", task)).extractions
    kept = parse(output, task_of("TCREE", task)).extractions
    assert left_out >= len(said) - len(kept)
    places = iter(said)
    assert all(fields in places for fields in kept)


def test_predictions_leave_out_and_say_how_many(tmp_path: Path) -> None:
    model, tokenizer = tiny_model(), load_tokenizer(write_tiny_llama(tmp_path))
    example = example_of(TEXT, "TCREE", "RE")
    wrong, right = ":Nara;Leader;Bob", ":Nara;Leader;Ada Roe:"
    learn(model, tokenizer, [example | {"output": RELATION + wrong + right}], 150)
    model.eval()
    free = predict.predict(model, tokenizer, [example], 1, 90)
    assert [row["output"] for row in free] == [RELATION + wrong + right]
    assert "left_out" not in free[0]
    found = predict.predict(model, tokenizer, [example], 1, 90, "joint")
    assert [(row["output"], row["left_out"], row["finished"]) for row in found] == [(RELATION + right, 1, True)]
    write_checked(tmp_path / "found.jsonl", found, "prediction")
