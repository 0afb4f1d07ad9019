"""The linear format: every record round-trips, no string raises, the paper's form is kept byte for byte."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.core.errors import UserError
from stages.records.linear import (
    VIEWS,
    Dialect,
    encode,
    encode_input,
    encode_list,
    escape,
    parse,
    split_input,
    unescape,
)
from stages.records.record import Record, fields_of, from_fields
from stages.records.tasks import DELIMITERS, FORMS, ROLES, Task, by_word, subsets, task_of

NER, RE, EE = task_of("SCNM", "NER"), task_of("TCREE", "RE"), task_of("TCREE", "EE")
TASKS = list(by_word().values())
# Strings on which an escape, a split or an encoding could trip.
HARD = [
    ":", ";", "/", "\\", "\\\\", "\\:", "\\;", "\n", "\r\n", "\t", " ", "：", "；", "／", "＼", r"\(^o^)/", "🎵", "👨‍👩‍👧",
    "𠮷", "が", "\u2028", "\x00", "無い", "/NER/", "/NER", "None", "null", "'", '"', "日本", "a", "1",
]  # fmt: skip


def field_texts() -> st.SearchStrategy[str]:
    """Span texts: hard strings and any characters in any order."""
    piece = st.one_of(st.sampled_from(HARD), st.characters(exclude_categories=["Cs"]))
    return st.lists(piece, min_size=1, max_size=6).map("".join)


def open_labels() -> st.SearchStrategy[str]:
    return field_texts().map(lambda text: "".join(c for c in text if c not in DELIMITERS)).filter(bool)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A record of any sub-dataset and language. Its spans are any strings: the format does not look them up."""
    subset = draw(st.sampled_from(list(subsets().values())))
    lang, task = draw(st.sampled_from(subset.languages)), draw(st.sampled_from(list(subset.tasks.values())))
    table = subset.word_labels[task.name]
    labels = st.none() if task.kind == "event" else open_labels() if table is None else st.sampled_from(table[lang])
    roles: st.SearchStrategy[list[str | None]] = st.just([None] * (1 if task.kind == "span" else 2))
    if task.kind == "event":
        roles = st.sets(st.sampled_from(ROLES), min_size=1).map(lambda some: [role for role in ROLES if role in some])
    extractions = []
    for _ in range(draw(st.integers(0, 4))):
        spans: list[dict[str, Any]] = [
            {"text": draw(field_texts()), "start": None} | ({"role": role} if role else {}) for role in draw(roles)
        ]
        extractions.append({"label": draw(labels), "spans": spans})
    text_label = draw(st.one_of(st.none(), st.sampled_from(subset.text_labels[lang])))
    return {
        "id": "x",
        "subset": subset.name,
        "task": task.name,
        "lang": lang,
        "text": draw(field_texts()),
        "text_label": text_label,
        "extractions": extractions,
    }


def ner(*pairs: tuple[str, str], label: str | None = "Literature", text: str = "x") -> Record:
    """An English SCNM record from (label, span) pairs."""
    items = [from_fields(pair, NER) for pair in pairs]
    return {"id": "x", "subset": "SCNM", "task": "NER", "text": text, "text_label": label, "extractions": items}


def tcree(task: Task, *fields: tuple[str, ...], label: str = "Sports") -> Record:
    items = [from_fields(some, task) for some in fields]
    return {"id": "x", "subset": "TCREE", "task": task.name, "text": "x", "text_label": label, "extractions": items}


# --- round trip ------------------------------------------------------------------------------------------------------


@settings(max_examples=400)
@given(records())
@example(ner(("Person", r"\(^o^)/"), ("Person", "\\"), ("Event", "\\\\"), text=r"\(^o^)/"))
@example(ner(("Person", "a\\"), ("Person", ":;/"), ("Event", "\\;"), text="a/NER"))
@example(tcree(EE, ("", "\\", "", ""), ("", "", "", ";"), (":", "", "", "")))
@example(tcree(RE, ("\\", "Leader", "\\"), (":", "Leader", ";")))
def test_every_record_round_trips(record: Record) -> None:
    task = task_of(record["subset"], record["task"])
    given_input, output = encode(record)
    assert split_input(given_input) == (record["text"], task)
    parsed = parse(output, task)
    assert parsed.text_label == record["text_label"]
    assert [from_fields(fields, task) for fields in parsed.extractions] == record["extractions"]
    assert parsed.defects == []


def test_every_record_of_the_sample_round_trips(sample: list[Record]) -> None:
    for record in sample:
        task = task_of(record["subset"], record["task"])
        parsed = parse(encode(record)[1], task)
        assert parsed.defects == []
        assert parsed.text_label == record["text_label"]
        assert parsed.extractions == [fields_of(item, task) for item in record["extractions"]]


@given(field_texts())
def test_a_field_that_needs_no_escape_is_left_as_it_is(text: str) -> None:
    assert unescape(escape(text)) == text
    if not any(c in text for c in ":;") and "\\" not in text:
        assert escape(text) == text


def test_a_backslash_is_escaped_only_where_it_could_be_read_as_an_escape() -> None:
    assert escape(r"C:\dir") == r"C\:\dir"
    assert escape(r"\(^o^)/") == r"\(^o^)/"
    assert escape("a\\") == r"a\\"
    assert escape("\\\\n") == r"\\\n"


# --- the paper's form ------------------------------------------------------------------------------------------------


def test_the_model_card_example_is_written_byte_for_byte() -> None:
    record = ner(
        ("Person", "Marlon Brando"), ("Product Name", "On the Waterfront"), text="He won for On the Waterfront."
    )
    assert encode(record) == (
        "He won for On the Waterfront./NER",
        "Literature/NER/:Person;Marlon Brando:Product Name;On the Waterfront",
    )


def test_relations_and_events_are_closed_and_missing_roles_are_empty_slots() -> None:
    relation = tcree(RE, ("Joan Mello", "Affiliation", "Blue Tide FC"), ("Joan Mello", "Place of Origin", "Brazil"))
    assert encode(relation)[1] == (
        "Sports/Relation Extraction/:Joan Mello;Affiliation;Blue Tide FC:Joan Mello;Place of Origin;Brazil:"
    )
    event = tcree(EE, ("Mello", "scored", "two goals", "28th"), ("", "cancelled", "the race", ""))
    assert encode(event)[1] == "Sports/Event Extraction/:Mello;scored;two goals;28th:;cancelled;the race;:"


@pytest.mark.parametrize("record", [ner(), tcree(RE), tcree(EE)], ids=["span", "relation", "event"])
def test_no_extractions_leave_nothing_after_the_last_slash(record: Record) -> None:
    output = encode(record)[1]
    assert output == f"{record['text_label']}/{task_of(record['subset'], record['task']).word}/"


@settings(max_examples=200)
@given(records())
def test_without_special_characters_both_dialects_read_the_same(record: Record) -> None:
    for item in record["extractions"]:
        for span in item["spans"]:
            span["text"] = "".join(c for c in span["text"] if c not in ":;\\") or "x"
            if span["text"] == "無い":
                span["text"] = "x"
    task, output = task_of(record["subset"], record["task"]), encode(record)[1]
    assert parse(output, task, "paper") == parse(output, task)
    plain = "".join(":" + ";".join(fields_of(item, task)) for item in record["extractions"])
    closing = ":" if plain and task.kind != "span" else ""
    assert output == f"{record['text_label'] or ''}/{task.word}/{plain}{closing}"


def test_the_paper_dialect_takes_a_backslash_as_it_is() -> None:
    parsed = parse(r"Literature/NER/:Person;a\:Event;b\\", NER, "paper")
    assert parsed.extractions == [("Person", "a\\"), ("Event", "b\\\\")]
    assert parsed.defects == []


def test_the_paper_dialect_reports_what_an_unescaped_delimiter_makes_ambiguous() -> None:
    parsed = parse("Literature/NER/:Person;Ann:Product Name;Re: Spring", NER, "paper")
    assert parsed.extractions == [("Person", "Ann"), ("Product Name", "Re")]
    assert parsed.defects == ["field_count"]


def test_only_the_paper_dialect_takes_the_forerunners_empty_list() -> None:
    assert parse("文芸/NER/:無い;", NER, "paper").defects == []
    assert parse("文芸/NER/:無い;", NER, "paper").extractions == []
    assert parse("文芸/NER/:無い;", NER).defects == ["empty_field"]


# --- any string ------------------------------------------------------------------------------------------------------


def arbitrary_strings(count: int) -> Iterator[str]:
    """Broken outputs: pieces of the format, hard strings and any code points, lone surrogates too."""
    chance = random.Random(20240715)
    pieces = [*HARD, *(f"/{task.word}/" for task in TASKS), ":Person;", "Literature", ";;;", ":::", "\\", ":", ";", "/"]
    for _ in range(count):
        yield "".join(
            chance.choice(pieces) if chance.random() < 0.8 else chr(chance.randrange(0x110000))
            for _ in range(chance.randrange(12))
        )


def check_total(text: str, task: Task, dialect: Dialect) -> None:
    """Nothing is raised, and what is kept is well formed: written again, it is read without a defect."""
    parsed = parse(text, task, dialect)
    assert parsed.text_label is None or (parsed.text_label and "/" not in parsed.text_label)
    for fields in parsed.extractions:
        assert len(fields) == len(FORMS[task.kind].fields)
        assert any(fields) if task.kind == "event" else all(fields)
    if dialect == "mmm":
        again = parse(f"{parsed.text_label or ''}/{task.word}/{encode_list(parsed.extractions, task.kind)}", task)
        assert again.defects == []
        assert (again.text_label, again.extractions) == (parsed.text_label, parsed.extractions)


def test_a_hundred_thousand_arbitrary_strings_never_raise() -> None:
    kept = 0
    for n, text in enumerate(arbitrary_strings(100_000)):
        task = TASKS[n % len(TASKS)]
        check_total(text, task, "mmm")
        check_total(text, task, "paper")
        kept += bool(parse(text, task).extractions)
    assert kept > 1000, "the strings are too far from the format to test what is kept"


@settings(max_examples=500)
@given(st.one_of(st.text(st.characters()), field_texts()), st.sampled_from(TASKS), st.sampled_from(["mmm", "paper"]))
def test_any_string_is_parsed(text: str, task: Task, dialect: Dialect) -> None:
    check_total(text, task, dialect)
    check_total(f"Literature/{task.word}/{text}", task, dialect)


def test_an_output_is_never_run_as_code(tmp_path: Any) -> None:
    target = tmp_path / "made"
    code = f"__import__('pathlib').Path({str(target)!r}).touch()"
    assert parse(code, NER).extractions == []
    parse(f"Literature/NER/:Person;{code}", NER)
    assert not target.exists()


# --- defects ---------------------------------------------------------------------------------------------------------

DEFECTS: list[tuple[Task, str, str | None, list[tuple[str, ...]], list[str]]] = [
    (NER, "", None, [], ["missing_instruct_word"]),
    (NER, "Literature", "Literature", [], ["missing_instruct_word"]),
    (NER, ":Person;Ann", None, [], ["missing_instruct_word"]),
    (NER, "Literature/Open NER/:Person;Ann", "Literature", [("Person", "Ann")], ["wrong_instruct_word"]),
    (NER, "Literature/NER", "Literature", [], ["missing_list"]),
    (NER, "Literature/:Person;Ann", "Literature", [], ["wrong_instruct_word", "missing_list"]),
    (NER, "Literature/NER/Person;Ann:Event;Fair", "Literature", [("Event", "Fair")], ["list_start"]),
    (NER, "Literature/NER/:Person:Event;Fair", "Literature", [("Event", "Fair")], ["field_count"]),
    (NER, "Literature/NER/:Person;Ann;Bob:Event;Fair", "Literature", [("Event", "Fair")], ["field_count"]),
    (NER, "Literature/NER/:;Ann:Person;:Event;Fair", "Literature", [("Event", "Fair")], ["empty_field", "empty_field"]),
    (NER, "Literature/NER/:Person;Ann:", "Literature", [("Person", "Ann")], ["trailing_delimiter"]),
    (RE, "Sports/Relation Extraction/:a;Leader;b", "Sports", [("a", "Leader", "b")], ["not_closed"]),
    (RE, "Sports/Relation Extraction/:a;Leader:", "Sports", [], ["field_count"]),
    (RE, "Sports/Relation Extraction/:a;;b:c;Leader;d:", "Sports", [("c", "Leader", "d")], ["empty_field"]),
    (EE, "Sports/Event Extraction/:a;b;;", "Sports", [("a", "b", "", "")], ["not_closed"]),
    (EE, "Sports/Event Extraction/:;;;:a;b;c;d:", "Sports", [("a", "b", "c", "d")], ["empty_field"]),
    (EE, "Sports/Event Extraction/:a;b;c:", "Sports", [], ["field_count"]),
]


@pytest.mark.parametrize(("task", "output", "label", "extractions", "defects"), DEFECTS)
def test_each_defect_is_reported_and_the_rest_kept(
    task: Task, output: str, label: str | None, extractions: list[tuple[str, ...]], defects: list[str]
) -> None:
    parsed = parse(output, task)
    assert (parsed.text_label, parsed.extractions, parsed.defects) == (label, extractions, defects)


def test_an_empty_text_label_is_none_and_no_defect() -> None:
    parsed = parse("/NER/:Person;Ann", NER)
    assert (parsed.text_label, parsed.extractions, parsed.defects) == (None, [("Person", "Ann")], [])


# --- inputs and views ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.word)
def test_the_last_slash_before_a_known_instruct_word_ends_the_text(task: Task) -> None:
    for text in ("a/b", "a/NER", f"a/{task.word}", "/", "", "a/\n", "a/NER/"):
        assert split_input(encode_input(text, task)) == (text, task)


@pytest.mark.parametrize("text", ["", "NER", "a/ner", "a/NER ", "a/Summary"])
def test_an_input_without_a_known_instruct_word_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="instruct word"):
        split_input(text)


def test_each_view_asks_for_what_it_does_not_give() -> None:
    record = ner(("Person", "Ann"), ("Product Name", "a:b"), text="Ann wrote a:b.")
    words = r":Person;Ann:Product Name;a\:b"
    assert {view: encode(record, view) for view in VIEWS} == {
        "joint": ("Ann wrote a:b./NER", f"Literature/NER/{words}"),
        "text": ("Ann wrote a:b./NER", "Literature/NER/"),
        "words": ("Ann wrote a:b./NER", f"/NER/{words}"),
        "text_given": ("Ann wrote a:b./Literature/NER", f"/NER/{words}"),
        "words_given": (f"Ann wrote a:b./{words}/NER", "Literature/NER/"),
    }


def test_a_text_label_with_a_slash_is_refused() -> None:
    with pytest.raises(UserError, match="slash"):
        encode(ner(label="Arts/Letters"))
