"""The imports: each form read with its offsets checked, what is lost counted, another form refused by name."""

from __future__ import annotations

import gzip
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.records.record import Record
from stages.sources import forms
from stages.sources.common import Source
from stages.sources.raw import read_source
from tests.support.adapters import valid, words

CONLL = """\
-DOCSTART- -X- O O

Ana B-PER
Lima I-PER
left O
New B-LOC
York I-LOC
Rain B-LOC

# text = Oslo, again.
1\tOslo\tB-LOC\t-\t-
2\t,\tO\t-\t-
3\tagain\tO\t-\t-
4\t.\tO\t-\t-
"""
UD = """\
# sent_id = dev-1
# text = 北風社は秋田へ。
1\t北風\t_\tNOUN\t_\t_\t0\troot\t_\tSpaceAfter=No|NE=B-ORG
2\t社\t_\tNOUN\t_\t_\t1\tx\t_\tSpaceAfter=No|NE=L-ORG
3\tは\t_\tADP\t_\t_\t1\tx\t_\tSpaceAfter=No|NE=O
4\t秋田\t_\tPROPN\t_\t_\t1\tx\t_\tSpaceAfter=No|NE=U-GPE
5-6\tへ。\t_\t_\t_\t_\t_\t_\t_\t_
5\tへ\t_\tADP\t_\t_\t1\tx\t_\tSpaceAfter=No
6\t。\t_\tPUNCT\t_\t_\t1\tx\t_\tSpaceAfter=No
"""
SEMEVAL = """\
<?xml version="1.0" encoding="UTF-8"?>
<Reviews><Review rid="1"><sentences>
<sentence id="1:0"><text>The soup was cold.</text><Opinions>
<Opinion target="soup" category="FOOD#QUALITY" polarity="negative" from="4" to="8"/>
<Opinion target="NULL" category="SERVICE#GENERAL" polarity="positive" from="0" to="0"/></Opinions></sentence>
<sentence id="1:1"><text>We left.</text></sentence></sentences></Review></Reviews>
"""
CLUENER = {"text": "安娜去了波尔图。", "label": {"name": {"安娜": [[0, 1]]}, "address": {"波尔图": [[4, 6]]}}}
CHABSA = {
    "header": {"document_id": "E1"},
    "sentences": [
        {
            "sentence_id": 0,
            "sentence": "売上は増え、利益は減った。",
            "opinions": [
                {"target": "売上", "category": "NULL#general", "polarity": "positive", "from": 0, "to": 2},
                {"target": "利益", "category": "NULL#general", "polarity": "negative", "from": 6, "to": 8},
                {"target": "NULL", "category": "x", "polarity": "neutral", "from": 0, "to": 0},
            ],
        }
    ],
}
JACRED = {
    "title": "秋田",
    "sents": [["秋田", "市", "は", "町", "。"], ["小川", "花", "が", "生まれた", "。"]],
    "vertexSet": [
        [{"name": "秋田市", "sent_id": 0, "pos": [0, 2], "type": "LOC"}],
        [{"name": "小川花", "sent_id": 1, "pos": [0, 2], "type": "PER"}],
    ],
    "labels": [{"h": 1, "t": 0, "r": "place of birth", "evidence": [1]}],
}
DOCCANO = {"id": 7, "text": "Ana left Faro.", "label": [[0, 3, "person"], [9, 13, "city"]]}
DOCCANO_RELATIONS = {
    "id": 8,
    "text": "Ana left Faro.",
    "entities": [
        {"id": 5, "label": "person", "start_offset": 0, "end_offset": 3},
        {"id": 6, "label": "city", "start_offset": 9, "end_offset": 13},
    ],
    "relations": [{"id": 1, "from_id": 5, "to_id": 6, "type": "left"}],
}
STUDIO = {
    "id": 3,
    "data": {"text": "🎵 Ana left Faro."},
    "annotations": [
        {"was_cancelled": True, "result": []},
        {
            "result": [
                {"id": "a", "type": "labels", "value": {"start": 3, "end": 6, "text": "Ana", "labels": ["person"]}},
                {"id": "b", "type": "labels", "value": {"start": 12, "end": 16, "text": "Faro", "labels": ["city"]}},
                {"type": "choices", "value": {"choices": ["Society"]}},
                {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["left"]},
            ]
        },
    ],
}
# As Label Studio has counted since 2021: code points, not UTF-16 units; the second without the words beside it.
STUDIO_NOW = {
    **STUDIO,
    "annotations": [
        {
            "result": [
                {"id": "a", "type": "labels", "value": {"start": 2, "end": 5, "text": "Ana", "labels": ["person"]}},
                {"id": "b", "type": "labels", "value": {"start": 11, "end": 15, "labels": ["city"]}},
            ]
        }
    ],
}
PRODIGY = [
    {
        "text": "Ana left Faro.",
        "spans": [{"start": 9, "end": 13, "label": "city"}],
        "answer": "accept",
        "_task_hash": 1,
    },
    {"text": "No.", "spans": [], "answer": "reject", "_task_hash": 2},
]
GLINER = {"tokenized_text": ["Ana", "left", "New", "York", "."], "ner": [[0, 0, "person"], [2, 3, "city"]]}
RELATION = "Affiliation"  # one of TCREE's
SHAREGPT = {
    "messages": [
        {"role": "system", "content": "You are."},
        {"role": "user", "content": "Text: Rain in Porto."},
        {"role": "assistant", "content": "I've read this text."},
        {"role": "user", "content": "What describes city in the text?"},
        {"role": "assistant", "content": '["Porto"]'},
    ]
}


def write(path: Path, content: Any, *, as_list: bool = False, packed: bool = False) -> Path:
    if not isinstance(content, str):
        rows = content if isinstance(content, list) else [content]
        content = json.dumps(rows) if as_list else "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    return path


def read(adapter: str, path: Path, **options: Any) -> list[Record]:
    found = read_source(Source("own", adapter, str(path), None, options.pop("limit", None), **options))  # type: ignore[arg-type]
    valid(found)
    return found


EXPECTED: list[tuple[str, Any, dict[str, Any], list[tuple[str, list[tuple[Any, ...]]]]]] = [
    ("conll", CONLL, {}, [
        ("Ana Lima left New York Rain", [("PER", ("Ana Lima", 0)), ("LOC", ("New York", 14)), ("LOC", ("Rain", 23))]),
        ("Oslo, again.", [("LOC", ("Oslo", 0))]),
    ]),
    ("conll", "盛岡 B-LOC\n市 E-LOC\nは O\nRed S-ART\nKite O\n", {"lang": "ja"}, [
        ("盛岡市はRed Kite", [("LOC", ("盛岡市", 0)), ("ART", ("Red", 4))]),
    ]),
    ("conll", "Ana\tperson\nLima\tperson\nleft\tO\n", {"labels": {"person": "human"}}, [
        ("Ana Lima left", [("human", ("Ana Lima", 0))]),
    ]),
    ("conll", {"tokens": ["Ana", "left"], "ner_tags": ["B-PER", "O"]}, {}, [("Ana left", [("PER", ("Ana", 0))])]),
    ("ud_ner", UD, {}, [("北風社は秋田へ。", [("ORG", ("北風社", 0)), ("GPE", ("秋田", 4))])]),
    ("semeval", SEMEVAL, {}, [("The soup was cold.", [("Negative", ("soup", 4))]), ("We left.", [])]),
    ("cluener", CLUENER, {}, [("安娜去了波尔图。", [("name", ("安娜", 0)), ("address", ("波尔图", 4))])]),
    ("chabsa", CHABSA, {}, [("売上は増え、利益は減った。", [("ポジティブ", ("売上", 0)), ("ネガティブ", ("利益", 6))])]),
    ("jacred", JACRED, {}, [("秋田市は町。小川花が生まれた。", [("LOC", ("秋田市", 0)), ("PER", ("小川花", 6))])]),
    ("jacred", JACRED, {"task": "RE", "labels": {"place of birth": "出身地"}}, [
        ("秋田市は町。小川花が生まれた。", [("出身地", ("小川花", 6), ("秋田市", 0))]),
    ]),
    ("doccano", DOCCANO, {}, [("Ana left Faro.", [("person", ("Ana", 0)), ("city", ("Faro", 9))])]),
    ("doccano", DOCCANO_RELATIONS, {}, [("Ana left Faro.", [("person", ("Ana", 0)), ("city", ("Faro", 9))])]),
    ("label_studio", STUDIO, {}, [("🎵 Ana left Faro.", [("person", ("Ana", 2)), ("city", ("Faro", 11))])]),
    ("label_studio", STUDIO_NOW, {}, [("🎵 Ana left Faro.", [("person", ("Ana", 2)), ("city", ("Faro", 11))])]),
    ("prodigy", PRODIGY, {}, [("Ana left Faro.", [("city", ("Faro", 9))])]),
    ("gliner", GLINER, {}, [("Ana left New York .", [("person", ("Ana", 0)), ("city", ("New York", 9))])]),
    ("pile", SHAREGPT, {}, [("Rain in Porto.", [("city", ("Porto", 8))])]),
]  # fmt: skip


@pytest.mark.parametrize(("adapter", "content", "options", "expected"), EXPECTED)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_each_form_is_read(
    adapter: str, content: Any, options: Any, expected: Any, packed: bool, tmp_path: Path
) -> None:
    found = read(adapter, write(tmp_path / "x", content, packed=packed), **options)
    assert [(record["text"], words(record)) for record in found] == expected


@pytest.mark.parametrize(("adapter", "content", "options", "expected"), EXPECTED)
def test_each_form_is_told_from_its_first_row(
    adapter: str, content: Any, options: Any, expected: Any, tmp_path: Path
) -> None:
    for as_list in (False, True):
        path = write(tmp_path / "x", content, as_list=as_list)
        assert forms.sniff(path) == adapter or (adapter == "conll" and "person\n" in str(content))
        with pytest.raises(UserError) as caught:
            read("pile" if adapter != "pile" else "doccano", path)
        assert f"adapter: {adapter}" in caught.value.remedy or "person" in str(content)


def test_json_lists_are_read_as_lines_are(tmp_path: Path) -> None:
    lines, whole = write(tmp_path / "a", [DOCCANO, DOCCANO]), write(tmp_path / "b", [DOCCANO, DOCCANO], as_list=True)
    assert read("doccano", lines) == read("doccano", whole)
    assert [record["id"].split("/")[3] for record in read("doccano", lines)] == ["7", "7-2"]


def test_relations_are_read_where_the_task_asks_for_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    third = {"id": 7, "label": "verb", "start_offset": 4, "end_offset": 8}
    row = {**DOCCANO_RELATIONS, "entities": [*DOCCANO_RELATIONS["entities"], third]}
    (record,) = read("doccano", write(tmp_path / "x", row), task="RE", lang="en", labels={"left": RELATION})
    assert words(record) == [(RELATION, ("Ana", 0), ("Faro", 9))]
    assert "lost: nothing; aside: entities in no relation 1" in capsys.readouterr().out
    with pytest.raises(UserError, match="not_in_table:left"):
        read("doccano", tmp_path / "x", task="RE", lang="en")


def test_a_file_without_any_relation_says_nothing_of_them(tmp_path: Path) -> None:
    path = write(tmp_path / "x", {**DOCCANO_RELATIONS, "relations": []})
    with pytest.raises(UserError, match="has no relation, which task RE is of"):
        read("doccano", path, task="RE", lang="en")


WRONG: list[tuple[str, Any, str]] = [
    ("cluener", {**CLUENER, "label": {"name": {"安娜": [[0, 2]]}}}, "offsets_of_other_words 1"),
    ("chabsa", json.loads(json.dumps(CHABSA).replace('"to": 2', '"to": 3')), "offsets_of_other_words 1"),
    ("doccano", {**DOCCANO, "label": [[0, 99, "x"]]}, "offsets_of_other_words 1"),
    ("doccano", {**DOCCANO, "label": [[3, 3, "x"]]}, "no_offsets 1"),
    ("doccano", {**DOCCANO, "label": [[3, 4, "x"]]}, "blank 1"),
    ("prodigy", {"text": "Oslo", "spans": [{"start": "0", "end": 4, "label": "x"}]}, "no_offsets 1"),
    ("gliner", {**GLINER, "ner": [[4, 9, "x"]]}, "no_offsets 1"),
    ("doccano", {**DOCCANO_RELATIONS, "relations": [{"from_id": 5, "to_id": 99, "type": "x"}]}, "relation_without_ends 1"),
    ("label_studio", {**STUDIO, "data": {"a": "x", "b": "y"}}, "wrong_shape 1"),
    ("doccano", {**DOCCANO, "label": [[0, 3, "a;b"]]}, "delimiter_in_label 1"),
    ("conll", "Ana B-PER\nleft\n", "no tagged token: 'left'"),
    ("semeval", SEMEVAL.replace("</Reviews>", ""), "broken XML"),
    ("semeval", SEMEVAL.replace("<Reviews>", "<!DOCTYPE x><Reviews>"), "declares a document type"),
    ("ud_ner", UD.replace("\tSpaceAfter=No|NE=B-ORG", ""), "9 columns, not ten"),
]  # fmt: skip


@pytest.mark.parametrize(("adapter", "content", "said"), WRONG)
def test_what_would_be_lost_is_an_error_with_its_reason(adapter: str, content: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        importlib.import_module(f"stages.sources.{adapter}").records(
            Source("own", adapter, str(write(tmp_path / "x", content)), None, None)  # type: ignore[arg-type]
        )
    assert said in str(caught.value)
    assert caught.value.place.startswith(str(tmp_path))


def test_few_losses_are_counted_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*[DOCCANO] * 20, {**DOCCANO, "label": [[0, 99, "x"]]}]
    assert len(read("doccano", write(tmp_path / "x", rows))) == 21
    assert "lost: entities offsets_of_other_words 1" in capsys.readouterr().out


def test_a_class_of_the_table_is_taken_and_another_is_counted(tmp_path: Path) -> None:
    (record,) = read("doccano", write(tmp_path / "x", {"text": "Ana left.", "label": ["Politics"]}))
    assert (record["text_label"], record["text_label_origin"]) == ("Politics", "source")
    with pytest.raises(UserError, match=r"text_label_not_in_table:weather.*the table's text labels: Politics,"):
        read("doccano", write(tmp_path / "x", {"text": "Ana left.", "cats": ["weather"], "label": []}))


def test_a_target_that_the_labels_do_not_know_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x", DOCCANO)
    for options, said in [({"lang": "xx"}, "no labels in 'xx'"), ({"subset": "NOPE"}, "unknown sub-dataset"), ({"subset": "TCREE", "task": "EE"}, "is of events")]:  # fmt: skip
        with pytest.raises(UserError, match=said):
            read("doccano", path, **options)
