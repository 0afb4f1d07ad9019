"""Exports: what a format is said to carry comes back, what it cannot is counted; the committed figures are those of the code."""

from __future__ import annotations

import json
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from stages.core.files import read_json, write_jsonl
from stages.exports import measure
from stages.exports.formats import FEATURES, FORMATS
from stages.exports.iob import bilou, iob2, lines
from stages.exports.tokens import Span, flat, tokenise
from stages.records.record import Record
from stages.records.rules import write_records
from stages.sources.common import make_record
from tests.support.pipeline import ROOT, here

HERE = [name for name in FORMATS if name != "docbin" or find_spec("spacy")]
formats = pytest.mark.parametrize("name", HERE)
CELLS = {"span": ("TCONER", "NER"), "relation": ("TCREE", "RE"), "event": ("TCREE", "EE")}
RELATION = "Affiliation"


def record(kind: str, text: str, *items: dict[str, Any], native: str = "a", label: str | None = None) -> Record:
    subset, task = CELLS[kind]
    return make_record(
        subset_name=subset, task=task, source="own", native=native, lang="en", text=text, text_label=label,
        extractions=list(items),
    )  # fmt: skip


def item(label: str | None, *spans: tuple[Any, ...]) -> dict[str, Any]:
    keys = ("text", "start", "role")
    return {"label": label, "spans": [dict(zip(keys, span, strict=False)) for span in spans]}


NESTED = record("span", "The New York Times.", item("paper", ("New York Times", 4)), item("city", ("New York", 4)))
# Of each feature, a record that has it and nothing else that is hard.
HARD: dict[str, Record] = {
    "nested": NESTED,
    "relations": record("relation", "Ana of Faro Inc.", item(RELATION, ("Ana", 0), ("Faro Inc", 7))),
    "events": record("event", "Ana left.", item(None, ("Ana", 0, "subject"), ("left", 4, "trigger"))),
    "roles": record("event", "Ana left Faro.", item(None, ("left", 4, "trigger"), ("Faro", 9, "object"))),
    "text label": record("span", "Ana left.", item("person", ("Ana", 0)), label="Politics"),
    "offsets": record("span", "July met July.", item("person", ("July", 9))),
}


@formats
@pytest.mark.parametrize("feature", HARD)
def test_what_a_format_is_said_to_carry_comes_back_and_else_it_is_counted(name: str, feature: str) -> None:
    lost = measure.round_trip(FORMATS[name], [HARD[feature]])["lost"]
    assert bool(lost) == (feature in FORMATS[name].cannot), lost


TEXTS = [
    record("span", "🎵 Zoë's New York—Oslo trip: 3.5 km", item("city", ("New York", 8)), item("city", ("Oslo", 17))),
    record("span", "盛岡市はRed Kite を", item("city", ("盛岡", 0)), item("bird", ("Red Kite", 4)), native="b"),
    record("span", "  two  blanks\tand a tab ", item("word", ("blanks", 7)), item("word", ("tab", 20)), native="c"),
    record("span", "no annotation", native="d"),
    record("span", "half a word", item("part", ("wor", 7)), item("two words", ("half a", 0)), native="e"),
    record("span", "# text = O B-x", item("tag", ("B-x", 11)), native="f"),
    record("span", 'quotes "and" \\ back: semi; slash/', item("q", ('"and"', 7)), native="g"),
]


@formats
@pytest.mark.parametrize("given", TEXTS, ids=[given["id"].split("/")[3] for given in TEXTS])
def test_hard_texts_come_back(name: str, given: Record) -> None:
    lost = measure.round_trip(FORMATS[name], [given])["lost"]
    assert lost.keys() <= ({"text", "moved", "changed"} if "text" in FORMATS[name].cannot else set()), lost


def test_a_token_never_crosses_an_edge() -> None:
    text = "盛岡市はRed Kite3を half"
    assert [text[a:b] for a, b in tokenise(text, [])] == ["盛", "岡", "市", "は", "Red", "Kite3", "を", "half"]
    assert [text[a:b] for a, b in tokenise(text, [Span(8, 10, "x")])][4:7] == ["Red", "Ki", "te3"]
    assert flat([Span(0, 4, "a"), Span(0, 8, "b"), Span(9, 10, "c")]) == [Span(0, 8, "b"), Span(9, 10, "c")]


def test_the_columns_are_those_of_the_schemes() -> None:
    given = [
        record("span", "Ana Maria Lima in Faro.", item("person", ("Ana Maria Lima", 0)), item("city", ("Faro", 18)))
    ]
    for tag, tags in (
        (iob2, ["B-person", "I-person", "I-person", "O", "B-city", "O"]),
        (bilou, ["B-person", "I-person", "L-person", "O", "U-city", "O"]),
    ):
        assert [line.split("\t")[1] for line in lines(given, tag) if "\t" in line] == tags


def test_columns_without_comments_hold_tokens_alone() -> None:
    given = [record("span", "Ana met # one.", item("person", ("Ana", 0))), record("span", "So.", native="b")]
    found = list(lines(given, iob2, comments=False))
    assert found == ["Ana\tB-person", "met\tO", "#\tO", "one\tO", ".\tO", "", "So\tO", ".\tO", ""]


def test_label_studio_counts_code_points(tmp_path: Path) -> None:
    FORMATS["label_studio"].write(TEXTS[:1], tmp_path / "x.json")
    value = json.loads((tmp_path / "x.json").read_bytes())[0]["annotations"][0]["result"][0]["value"]
    assert (value["start"], value["end"], value["text"]) == (8, 16, "New York")


def test_the_committed_figures_and_page_are_those_of_the_code(sample: list[Record]) -> None:
    metrics = read_json(ROOT / "metrics" / "formats.json")
    assert set(metrics) == set(FORMATS)
    for name in set(HERE) - {"docbin"}:
        assert metrics[name] == measure.round_trip(FORMATS[name], sample), name
    assert (ROOT / "docs" / "formats.md").read_text(encoding="utf-8") == measure.table(metrics)
    assert all(set(form.cannot) <= set(FEATURES) for form in FORMATS.values())


def export(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return here(["stages.exports.export", *arguments])


def test_the_command_writes_a_file_a_cell_and_says_what_it_left(tmp_path: Path) -> None:
    write_records(tmp_path / "own.jsonl", [*TEXTS, HARD["relations"], HARD["events"]])
    done = export("--format", "doccano", "--out", tmp_path / "out", tmp_path / "own.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["en.TCONER.NER.jsonl", "en.TCREE.RE.jsonl"]
    assert "records left out, whose task this format does not take: 1 of events" in done.stdout
    write_jsonl(tmp_path / "none.jsonl", [])
    done = export("--format", "conll", "--out", tmp_path / "out", tmp_path / "none.jsonl")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


@pytest.mark.slow
def test_parquet_is_read_by_datasets(tmp_path: Path) -> None:
    from datasets import load_dataset

    FORMATS["parquet"].write(TEXTS, tmp_path / "x.parquet")
    files = {"train": str(tmp_path / "x.parquet")}
    found = load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))["train"]
    assert [row["text"] for row in found] == [given["text"] for given in TEXTS]
    assert found[0]["extractions"][0]["spans"][0]["start"] == 8


@pytest.mark.skipif(not find_spec("spacy"), reason="spaCy is an extra")
def test_docbin_holds_entities_spans_and_the_class(tmp_path: Path) -> None:
    import spacy
    from spacy.tokens import DocBin

    FORMATS["docbin"].write([NESTED, HARD["text label"]], tmp_path / "x.spacy")
    first, second = DocBin().from_disk(tmp_path / "x.spacy").get_docs(spacy.blank("xx").vocab)
    assert [(span.text, span.label_) for span in first.ents] == [("New York Times", "paper")]
    found = {(span.text, span.label_) for span in first.spans["sc"]}
    assert found == {("New York Times", "paper"), ("New York", "city")}
    assert second.cats == {"Politics": 1.0}
