"""The Pile-NER adapter: both forms, everything that is lost counted by its reason, no line an exception."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import UserError
from stages.core.files import write_jsonl
from stages.core.schema import faults
from stages.records.record import Record
from stages.records.rules import record_faults
from stages.sources import pile
from stages.sources.common import Source
from stages.sources.raw import collect

TEXT = "Porto and New York City: the Porto team won 3 cups."


def talk(text: str, *answers: tuple[str, str], **more: Any) -> dict[str, Any]:
    """A conversation as in Pile-NER, from (type, answer) pairs."""
    turns = [("human", f"Text: {text}"), ("gpt", "I've read this text.")]
    for kind, answer in answers:
        turns += [("human", f"What describes {kind} in the text?"), ("gpt", answer)]
    return {**more, "conversations": [{"from": who, "value": value} for who, value in turns]}


def read(tmp_path: Path, rows: list[Any], limit: int | None = None) -> list[Record]:
    path = tmp_path / "pile.jsonl"
    write_jsonl(path, rows)
    found, references, _ = collect([Source("pile", "pile", str(path), None, limit)], ["en"])
    assert references == []
    assert [fault for record in found for fault in faults(record, "record", record_faults)] == []
    return found


def words(record: Record) -> list[tuple[str, str, int | None]]:
    return [(item["label"], item["spans"][0]["text"], item["spans"][0]["start"]) for item in record["extractions"]]


def test_a_conversation_is_one_english_record_without_a_class(tmp_path: Path) -> None:
    rows = [
        talk(TEXT, ("city", '["New York City", "Porto"]'), ("sports team", '["Porto team"]'), ("law", "[]"), id="ner_7")
    ]
    (record,) = read(tmp_path, rows)
    assert (record["id"], record["text"]) == ("TCONER/NER/pile/ner_7/en", TEXT)
    assert (record["text_label"], record["text_label_origin"], record["split"]) == (None, None, None)
    assert words(record) == [("city", "Porto", 0), ("city", "New York City", 10), ("sports team", "Porto team", 29)]


def test_a_plain_record_reads_as_the_conversation_does(tmp_path: Path) -> None:
    plain = {
        "text": TEXT,
        "entities": [{"entity": "New York City", "type": "city"}, {"text": "Porto", "label": "city"}],
    }
    one, other = read(tmp_path, [plain, talk(TEXT, ("city", '["New York City", "Porto"]'))])
    assert one["extractions"] == other["extractions"]
    assert one["group"] == other["group"]
    assert other["id"] == one["id"].removesuffix("/en") + "-2/en"


def test_an_entity_within_another_keeps_a_place(tmp_path: Path) -> None:
    rows = [talk("The New York Times.", ("newspaper", '["New York Times"]'), ("city", '["New York"]'))]
    assert words(read(tmp_path, rows)[0]) == [("newspaper", "New York Times", 4), ("city", "New York", 4)]


SOUND = [talk(f"{n}: Oslo.", ("city", '["Oslo"]')) for n in range(20)]


@pytest.mark.parametrize(
    ("row", "told", "kept"),
    [
        (3, "rows wrong_shape 1", None),
        ({"conversations": []}, "rows wrong_shape 1", None),
        ({"conversations": [{"from": "gpt", "value": "Text: a"}]}, "rows wrong_shape 1", None),
        ({"text": "a", "entities": {}}, "rows wrong_shape 1", None),
        (talk(" "), "rows no_text 1", None),
        ({"text": "", "entities": []}, "rows no_text 1", None),
        (talk("Oslo.", ("city", "Oslo")), "answers not_a_list 1", 0),
        (talk("Oslo.", ("city", '{"a": "Oslo"}')), "answers not_a_list 1", 0),
        (talk("Oslo.", ("city", '["Oslo", "", 3]')), "entities empty 2", 1),
        (talk("Oslo.", ("city", '["Oslo", "Oslo"]')), "entities repeated 1", 1),
        (talk("Oslo.", ("city", '["Bergen"]')), "nothing; aside: entities not in their text 1", 1),
        (talk("Oslo.", ("n/a; city", '["Oslo"]')), "entities delimiter_in_label 1", 0),
        ({"conversations": talk("Oslo.", ("city", "[]"))["conversations"][:-1]}, "answers no_answer 1", 0),
        ({"conversations": [*talk("Oslo.")["conversations"], {"from": "human", "value": "Where?"}]}, "answers unknown_question 1", 0),
        ({"text": "Oslo.", "entities": [{"entity": "Oslo"}, "Oslo"]}, "entities empty 2", 0),
        ({"text": "Oslo.", "entities": [{"text": "Oslo", "label": "city", "start": 1, "end": 5}]}, "entities offsets_of_other_words 1", 0),
    ],
)  # fmt: skip
def test_each_loss_is_counted_by_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: Any, told: str, kept: int | None
) -> None:
    found = read(tmp_path, [*SOUND, row])
    assert f"lost: {told}" in capsys.readouterr().out
    assert [len(record["extractions"]) for record in found[20:]] == ([] if kept is None else [kept])


@pytest.mark.parametrize(
    "row",
    [
        talk("Oslo.", ("city", "Oslo")),
        {
            "conversations": [
                *talk("Oslo.")["conversations"],
                {"from": "human", "value": "Which words are of type city?"},
            ]
        },
        {"text": "Oslo.", "entities": [["Oslo", "city"]]},
        {"text": "Oslo.", "entities": [{"text": "Oslo", "label": "city", "start": 1, "end": 5}]},
    ],
)
def test_a_file_that_would_lose_more_than_a_tenth_is_refused_with_the_reasons(tmp_path: Path, row: Any) -> None:
    with pytest.raises(UserError, match="would be lost: ") as caught:
        read(tmp_path, [*SOUND[:2], row])
    assert caught.value.place == str(tmp_path / "pile.jsonl")


def test_given_offsets_are_the_place(tmp_path: Path) -> None:
    entities = [
        {"start": 9, "end": 13, "text": "July", "label": "person", "score": 0.9},
        {"start": 0, "end": 4, "text": "July", "label": "month", "score": 0.8},
    ]
    (record,) = read(tmp_path, [{"text": "July met July in Porto.", "entities": entities}])
    assert words(record) == [("month", "July", 0), ("person", "July", 9)]


def test_rows_that_ask_one_question_each_of_a_text_are_one_record(tmp_path: Path) -> None:
    rows = [talk(TEXT, (kind, answer)) for kind, answer in [("city", '["Porto"]'), ("sports team", '["Porto team"]')]]
    (record,) = read(tmp_path, rows)
    assert words(record) == [("city", "Porto", 0), ("sports team", "Porto team", 29)]
    assert len(read(tmp_path, [*rows, rows[0]])) == 2, "the same question again is another record"


def test_the_head_is_cut_off_only_where_the_turn_begins_with_it(tmp_path: Path) -> None:
    row = talk("x", ("city", '["Porto"]'))
    row["conversations"][0]["value"] = "See the abstract. Full Text: PDF of Porto."
    assert read(tmp_path, [row])[0]["text"] == "See the abstract. Full Text: PDF of Porto."
    row["conversations"].insert(0, {"from": "system", "value": "You are."})
    row["conversations"][1]["value"] = "Text: Porto, as in Text: Porto."
    assert read(tmp_path, [row])[0]["text"] == "Porto, as in Text: Porto."


@pytest.mark.parametrize("end", ["\n", "\ufeff", " \u200b"])
def test_line_ends_and_marks_are_no_part_of_an_entity(tmp_path: Path, end: str) -> None:
    rows = [talk("In Oslo" + end, ("city", json.dumps(["Oslo" + end])))]
    assert words(read(tmp_path, rows)[0]) == [("city", "Oslo", 3)]


def test_a_byte_order_mark_loses_no_record(tmp_path: Path) -> None:
    path = tmp_path / "pile.jsonl"
    write_jsonl(path, SOUND[:3])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(pile.records(Source("pile", "pile", str(path), None, None))) == 3


def test_a_broken_line_is_counted_and_the_rest_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pile.jsonl"
    write_jsonl(path, SOUND)
    path.write_bytes(path.read_bytes() + b'{"text": \n')
    assert len(pile.records(Source("pile", "pile", str(path), None, None))) == 20
    assert "lost: rows not_json 1" in capsys.readouterr().out


def test_the_limit_takes_the_first_lines_and_ids_stay_apart(tmp_path: Path) -> None:
    rows = [
        {"id": name, "text": f"{n} {name}", "entities": []} for n, name in enumerate(["a", "a-2", "a", "a", "b c", 7])
    ]
    natives = [record["id"].split("/")[3] for record in read(tmp_path, rows)]
    assert natives == ["a", "a-2", "a-3", "a-4", "b_c", "7"]
    assert len(read(tmp_path, rows, limit=2)) == 2


JSON = st.recursive(
    st.none() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "entities", "conversations", "from", "value", "id", "type"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_line_is_read_or_refused_in_one_line(row: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        write_jsonl(path, [row])
        try:
            found = pile.records(Source("pile", "pile", str(path), None, None))
        except UserError:
            return
        assert [fault for record in found for fault in faults(record, "record", record_faults)] == []
