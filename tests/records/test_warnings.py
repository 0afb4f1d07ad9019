"""What is no fault and seldom meant is told as a warning, by `validate`, and changes no exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.core.files import write_json, write_jsonl
from stages.records.record import Record
from stages.records.warnings import KINDS, Spellings, blank, glossary_warnings, record_warnings, trimmed
from tests.records.test_validate import validate
from tests.support.adapters import own


def with_spans(text: str, *spans: tuple[str, int]) -> Record:
    items = [{"label": "地名", "spans": [{"text": part, "start": start}]} for part, start in spans]
    return {**own("1", text), "extractions": items}


@pytest.mark.parametrize(
    ("record", "kinds"),
    [
        (with_spans("盛岡市は町。", ("盛岡市", 0)), []),
        (with_spans("盛岡市は町。", ("盛岡市", 0), ("盛岡市", 0)), ["repeated"]),
        (with_spans("盛岡市と盛岡市。", ("盛岡市", 0), ("盛岡市", 4)), []),
        (with_spans("町は 盛岡市 だ。", (" 盛岡市", 2)), ["blank_end"]),
        (with_spans("町は盛岡市\n", ("盛岡市\n", 2)), ["blank_end"]),
        (with_spans("町は盛岡市\u3000", ("盛岡市\u3000", 2)), ["blank_end"]),
        (with_spans("\u200b盛岡市は町", ("\u200b盛岡市", 0)), ["blank_end"]),
        (with_spans("\ufeff盛岡市は町", ("\ufeff", 0)), ["blank_end"]),
        (with_spans(" "), ["blank_text"]),
        (with_spans("\u200b\n"), ["blank_text"]),
    ],
)
def test_each_kind_is_told_of_a_record(record: Record, kinds: list[str]) -> None:
    assert [kind for kind, _, _ in record_warnings(record)] == kinds
    assert set(kinds) <= set(KINDS)


@pytest.mark.parametrize("labels", [("City", "city"), ("ｃｉｔｙ", "city"), ("city", "CITY", "City")])
def test_open_labels_that_differ_only_in_case_or_width_are_told_once(labels: tuple[str, ...]) -> None:
    met = Spellings()
    for label in (*labels, *labels, "town"):
        item = {"label": label, "spans": [{"text": "Oslo", "start": 0}]}
        met.add({"subset": "TCONER", "task": "NER", "lang": "en", "extractions": [item]})
        met.add({"subset": "TCONER", "task": "NER", "lang": "ja", "extractions": []})
    ((kind, _, said),) = met.warnings()
    assert kind == "labels_by_case"
    assert all(repr(label) in said for label in labels)


def test_labels_that_become_one_in_translation_are_told() -> None:
    entry: dict[str, Any] = {"kept": None, "response": "0" * 64}
    labels = {"city": {**entry, "label": "都市"}, "town": {**entry, "label": "町"}, "City": {**entry, "label": "都市"}}
    ((kind, _, said),) = glossary_warnings({"lang": "ja", "labels": labels})
    assert (kind, said) == ("labels_merged", "'city', 'City' all become '都市'")


def test_validate_warns_and_passes(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "own.jsonl", [with_spans("盛岡市は町。", ("盛岡市", 0), ("盛岡市", 0))])
    done = validate(tmp_path / "own.jsonl")
    warning, last = done.stdout.splitlines()
    assert (done.returncode, done.stderr, last) == (0, "", "no fault in 1 file: 1 record")
    assert warning.startswith(f"warning: {tmp_path / 'own.jsonl'}: SCNM/NER/own/1/ja: /extractions/1: the same ")
    entry = {"kept": None, "response": "0" * 64, "label": "都市"}
    write_json(tmp_path / "g.json", {"lang": "ja", "labels": {"city": entry, "City": entry}})
    done = validate("--schema", "glossary", tmp_path / "g.json")
    assert (done.returncode, done.stdout.count("warning: ")) == (0, 1)


def test_blank_ends_are_cut_from_a_place() -> None:
    text = " \u200b盛岡 \n"
    assert trimmed(text, 0, len(text)) == (2, 4)
    assert trimmed(text, 0, 2) == (2, 2)
    assert [blank(character) for character in "a 　\n\u200b\ufeff\u202e、"] == [False, *[True] * 6, False]
