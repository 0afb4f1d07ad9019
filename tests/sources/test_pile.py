"""The Pile-NER adapter: both forms, everything that is lost counted by its reason, no line an exception."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize(
    ("row", "told", "kept"),
    [
        (3, "wrong_shape 1", None),
        ({"conversations": []}, "wrong_shape 1", None),
        ({"conversations": [{"from": "gpt", "value": "Text: a"}]}, "wrong_shape 1", None),
        ({"text": "a", "entities": {}}, "wrong_shape 1", None),
        (talk(" "), "no_text 1", None),
        ({"text": "", "entities": []}, "no_text 1", None),
        (talk("Oslo.", ("city", "Oslo")), "not_a_list 1", 0),
        (talk("Oslo.", ("city", '{"a": "Oslo"}')), "not_a_list 1", 0),
        (talk("Oslo.", ("city", '["Oslo", "", 3]')), "empty 2", 1),
        (talk("Oslo.", ("city", '["Oslo", "Oslo"]')), "repeated 1", 1),
        (talk("Oslo.", ("city", '["Bergen"]')), "nothing; entities not in their text: 1", 1),
        (talk("Oslo.", ("n/a; city", '["Oslo"]')), "delimiter_in_type 1", 0),
        ({"conversations": talk("Oslo.", ("city", "[]"))["conversations"][:-1]}, "no_answer 1", 0),
        ({"conversations": [*talk("Oslo.")["conversations"], {"from": "human", "value": "Where?"}]}, "unknown_question 1", 0),
        ({"text": "Oslo.", "entities": [{"entity": "Oslo"}, "Oslo"]}, "empty 2", 0),
    ],
)  # fmt: skip
def test_each_loss_is_counted_by_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: Any, told: str, kept: int | None
) -> None:
    found = read(tmp_path, [{"id": "sound", "text": "Fine.", "entities": []}, row])
    assert f"lost: {told}" in capsys.readouterr().out
    assert [len(record["extractions"]) for record in found[1:]] == ([] if kept is None else [kept])


def test_a_broken_line_is_counted_and_the_rest_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pile.jsonl"
    path.write_text('{"text": "Fine.", "entities": []}\n{"text": \n', encoding="utf-8")
    assert len(pile.records(Source("pile", "pile", str(path), None, None))) == 1
    assert "lost: not_json 1" in capsys.readouterr().out


def test_another_file_is_refused_with_its_counts(tmp_path: Path) -> None:
    path = tmp_path / "pile.jsonl"
    path.write_text(json.dumps([talk(TEXT)], indent=1), encoding="utf-8")
    with pytest.raises(UserError, match="lines are not of this form"):
        pile.records(Source("pile", "pile", str(path), None, None))


def test_the_limit_takes_the_first_lines_and_ids_stay_apart(tmp_path: Path) -> None:
    rows = [
        {"id": name, "text": f"{n} {name}", "entities": []} for n, name in enumerate(["a", "a-2", "a", "a", "b c", 7])
    ]
    natives = [record["id"].split("/")[3] for record in read(tmp_path, rows)]
    assert natives == ["a", "a-2", "a-3", "a-4", "b_c", "7"]
    assert len(read(tmp_path, rows, limit=2)) == 2


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "entities", "conversations", "from", "value", "id", "type"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_line_is_read_without_an_exception(row: Any) -> None:
    losses = pile.Losses()
    sound = pile._read(row, losses)
    if sound is None:
        assert losses.total() >= 1
    else:
        pile.extractions(*sound, losses)
