"""Files as tools and publishers really leave them: nothing of them is lost, or read as something else, without a word."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.records.record import Record
from stages.sources.common import Source
from stages.sources.raw import collect, read_source
from tests.support.adapters import valid, words

ROW = {"id": 1, "text": "Snow in Kobe.", "label": [[8, 12, "city"]]}
CONLLU = "# text = 神戸{0}雪\n1\t神戸\t_\t_\t_\t_\t_\t_\t_\tNE=B-LOC\n2\t{0}\t_\t_\t_\t_\t_\t_\t_\t_\n3\t雪\t_\t_\t_\t_\t_\t_\t_\t_\n"
SEMEVAL = """<?xml version="1.0" encoding="{}"?>{}<sentences><sentence id="1"><text>Good {} soup.</text><Opinions>
<Opinion target="soup" polarity="positive" from="{}" to="{}"/></Opinions></sentence></sentences>"""


def written(path: Path, content: Any) -> Path:
    if isinstance(content, list):
        content = "".join(json.dumps(row) + "\n" for row in content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path, adapter: str, content: Any, **options: Any) -> list[Record]:
    source = Source("own", adapter, str(written(path / "x", content)), None, None, **options)  # type: ignore[arg-type]
    found = read_source(source)
    valid(found)
    return found


@pytest.mark.parametrize(
    ("adapter", "content", "options", "expected"),
    [
        # Separators of Unicode that `str.splitlines` takes for line ends, and blanks that `str.split` cuts at.
        ("conll", "Mei\tB-PER\nsings\u2028loud\tO\n", {}, ("Mei sings\u2028loud", [("PER", ("Mei", 0))])),
        ("conll", "Mei B-PER\n\u0085 O\n", {}, ("Mei \u0085", [("PER", ("Mei", 0))])),
        ("conll", "New\u00a0York B-LOC\nsnows O\n", {}, ("New\u00a0York snows", [("LOC", ("New\u00a0York", 0))])),
        ("conll", "Mei\tB-PER\r\nsings\tO\r\n", {}, ("Mei sings", [("PER", ("Mei", 0))])),
        ("conll", "Mei\tB-PER\rsings\tO\r", {}, ("Mei sings", [("PER", ("Mei", 0))])),
        ("ud_ner", CONLLU.format("\u2028"), {}, ("神戸\u2028雪", [("LOC", ("神戸", 0))])),
        # A figure is a token of CoNLL 2003; a first column that counts is none.
        ("conll", "22 CD I-NP B-DATE\nyears NNS I-NP O\n", {}, ("22 years", [("DATE", ("22", 0))])),
        ("conll", "1\tMei\tB-PER\t-\t-\n2\t22\tO\t-\t-\n", {}, ("Mei 22", [("PER", ("Mei", 0))])),
        ("conll", "Mei b-per\nLi i-per\nsings o\n", {}, ("Mei Li sings", [("per", ("Mei Li", 0))])),
        # XML in the encoding that it declares; a declaration's words may stand in a text.
        ("semeval", SEMEVAL.format("UTF-16", "", "old", 9, 13).encode("utf-16"), {}, ("Good old soup.", [("Positive", ("soup", 9))])),
        ("semeval", SEMEVAL.format("UTF-8", "", "<![CDATA[<!DOCTYPE x>]]>", 18, 22), {}, ("Good <!DOCTYPE x> soup.", [("Positive", ("soup", 18))])),
    ],
)  # fmt: skip
def test_what_stands_in_the_file_is_read(
    adapter: str, content: Any, options: dict[str, Any], expected: Any, tmp_path: Path
) -> None:
    (record,) = read(tmp_path, adapter, content, **options)
    assert (record["text"], words(record)) == expected


def test_a_sentence_of_one_line_is_numbered_where_its_file_is(tmp_path: Path) -> None:
    first, second = read(tmp_path, "conll", "1 Mei B-PER\n2 sings O\n\n1 Kobe B-LOC\n")
    assert (first["text"], second["text"]) == ("Mei sings", "Kobe")
    first, second = read(tmp_path, "conll", "Mei NNP B-PER\nsings VB O\n\n1 CD B-NUM\n")
    assert (second["text"], words(second)) == ("1", [("NUM", ("1", 0))])


@pytest.mark.parametrize(
    ("adapter", "content", "said"),
    [
        ("ud_ner", CONLLU.format("に").encode("cp932"), "is not UTF-8, at byte 9"),
        ("ud_ner", CONLLU.format("に").encode().replace("雪".encode(), b"\xff"), "is not UTF-8"),
        ("semeval", SEMEVAL.format("x-none", "", "", 5, 9), "broken XML: unknown encoding: x-none"),
        ("semeval", SEMEVAL.format("UTF-16", '<!DOCTYPE l [<!ENTITY a "aa">]>', "&a;", 8, 12).encode("utf-16"), "declares a document type"),
        ("gliner", [{"text": "Schnee", "tokenized_text": ["Snow"], "ner": []}], "tokens_not_in_the_text 1"),
        ("jacred", [{"sents": [["Ana", None]], "vertexSet": []}], "wrong_shape 1"),
        ("doccano", b"PK\x03\x04\x14\0\0\0\x08\0", "is a zip archive"),
        ("doccano", b"BZh91AY&SY", "is packed by bzip2"),
        ("conll", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS left.*git lfs pull"),
        ("conll", "\n<!DOCTYPE html>\n<html>Not Found</html>", "is a web page"),
        ("pile", b"PAR1\x15\x04", "is a Parquet table"),
        ("label_studio", [{"data": {"text": "Snow."}, "annotations": [], "predictions": []}], "gives no record: tasks without annotation 1"),
        ("prodigy", [{"text": "Snow.", "answer": "reject"}], "gives no record: rows of answer reject 1"),
        ("jsonl", '{"id": "a", "text": "Snow.", "text": "Rain."}\n', "x:1: key 'text' stands twice"),
        ("jsonl", '[{"id": "a", "text": "Snow.", "text": "Rain."}]', r"x\[0\]: key 'text' stands twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_what_it_is(adapter: str, content: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said) as caught:
        read(tmp_path, adapter, content)
    assert "\n" not in str(caught.value)


def test_files_of_macos_beside_the_data_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    sentence = {"sentence": "売上増。", "opinions": [{"target": "売上", "polarity": "positive", "from": 0, "to": 2}]}
    (tmp_path / "own/a.json").write_text(json.dumps({"sentences": [sentence]}), encoding="utf-8")
    (tmp_path / "own/._a.json").write_bytes(b"\0\5\x16\7")
    assert len(read_source(Source("own", "chabsa", str(tmp_path / "own"), None, None))) == 1


@pytest.mark.parametrize("as_list", [False, True])
def test_a_row_in_which_a_key_stands_twice_is_lost_with_its_place(
    as_list: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label = '{"name": {"林": [[0, 0]], "林": [[2, 2]]}}'
    rows = ['{"text": "林和林。", "label": {}}'] * 20 + [f'{{"text": "林和林。", "label": {label}}}']
    content = f"[{','.join(rows)}]" if as_list else "\n".join(rows)
    assert len(read(tmp_path, "cluener", content)) == 20
    place = "x[20]" if as_list else "x:21"
    assert f"lost: rows key_twice 1 (first: {place}: '林')" in capsys.readouterr().out


def test_a_row_of_a_thousand_levels_is_no_fault_of_the_search_for_keys(tmp_path: Path) -> None:
    content = json.dumps({**ROW, "meta": "LEVELS"}).replace('"LEVELS"', "[" * 1000 + "]" * 1000)
    assert len(read(tmp_path, "doccano", content)) == 1


@pytest.mark.parametrize(
    ("adapter", "row"),
    [
        ("doccano", {"text": "Snow in Kobe.", "label": ["Society", "Nature"]}),
        ("doccano", {"text": "Snow in Kobe.", "label": [], "cats": {"Society": 1.0, "Nature": 1, "Academia": 0}}),
        ("prodigy", {"text": "Snow in Kobe.", "spans": [], "accept": ["Society", "Nature"]}),
        ("label_studio", {"data": {"text": "Snow in Kobe."}, "annotations": [{"result": [{"type": "choices", "value": {"choices": ["Society", "Nature"]}}]}]}),
    ],
)  # fmt: skip
def test_a_second_class_of_a_text_is_counted(adapter: str, row: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"second_class_of_a_text 1 .first: x:1. .a text has one class"):
        read(tmp_path, adapter, [row], subset="SCNM", task="NER")


@pytest.mark.parametrize(
    ("adapter", "row"),
    [
        ("doccano", {"text": "Snow in Kobe.", "entities": [[8, 12, "Location"]], "cats": {"Society": 0.0, "Nature": 1.0}}),
        ("doccano", {"text": "Snow in Kobe.", "label": ["Nature", "Nature"]}),
        ("prodigy", {"text": "Snow in Kobe.", "label": "Nature", "answer": "accept", "_task_hash": 1}),
    ],
)  # fmt: skip
def test_a_class_is_read_in_each_form_that_tools_give_it(adapter: str, row: Any, tmp_path: Path) -> None:
    (record,) = read(tmp_path, adapter, [row], subset="SCNM", task="NER")
    assert record["text_label"] == "Nature"


def test_a_loss_is_told_with_the_place_of_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = [{**ROW, "label": [[8, 99, "city"]]}, {**ROW, "label": [[9, 9, "city"]]}]
    read(tmp_path, "doccano", [*[ROW] * 20, *broken])
    said = "entities no_offsets 1 (first: x:22), offsets_of_other_words 1 (first: x:21)"
    assert said in capsys.readouterr().out
    with pytest.raises(UserError, match="not_json 1 .first: x:2: expected a JSON value"):
        read(tmp_path, "doccano", json.dumps(ROW) + '\n{"id": 2, "score": NaN}\n')


def test_a_file_without_any_annotation_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read(tmp_path, "ud_ner", CONLLU.format("に").replace("NE=B-LOC", "Entity=(1-place-new"))
    assert "has not one annotation that is read; CoNLL-U" in capsys.readouterr().out


def test_of_several_files_not_each_need_have_relations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ends = [{"id": 1, "label": "p", "start_offset": 0, "end_offset": 4}, {"id": 2, "label": "c", "start_offset": 8, "end_offset": 12}]  # fmt: skip
    row = {"text": "Snow in Kobe.", "entities": ends, "relations": [{"from_id": 1, "to_id": 2, "type": "Located In"}]}
    with_some, without = written(tmp_path / "a", [row]), written(tmp_path / "b", [{**row, "relations": []}])
    both = [Source(path.name, "doccano", str(path), None, None, subset="TCREE", task="RE") for path in (with_some, without)]  # fmt: skip
    records, *_ = collect(both, ["en"])
    assert [record["source"] for record in records] == ["a"]
    assert f"b: 0 records; {without} has no relation, which task RE is of" in capsys.readouterr().out
    with pytest.raises(UserError, match="has no relation, which task RE is of"):
        collect(both[1:], ["en"])


def test_a_file_that_nobody_may_read_is_told(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read all")
    path = written(tmp_path / "x", [ROW])
    path.chmod(0)
    with pytest.raises(PermissionError):  # which `run` tells in one line
        read_source(Source("own", "doccano", str(path), None, None))
