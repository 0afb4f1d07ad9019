"""The corpus: aligned annotations become records in every language, each span at its own place."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.schema import faults
from stages.records.record import Record, normalise
from stages.records.rules import record_faults
from stages.sources import corpus
from stages.sources.common import Source
from stages.sources.places import Place, argument, assign

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("ja", "en", "zh")
ROW: dict[str, Any] = {
    "id": "1",
    "origin": "ja",
    "annotated": "guide",
    "genre": None,
    "texts": {
        "ja": "東京大学は東京にある。",
        "en": "The University of Tokyo is in Tokyo.",
        "zh": "东京大学位于东京。",
    },
    "text_label": "学問",
    "views": {
        "NER": [
            {"label": "地名", "ja": "東京", "en": "Tokyo", "zh": "东京"},
            {"label": "法人名", "ja": "東京大学", "en": "University of Tokyo", "zh": "东京大学"},
        ]
    },
}


def read(folder: Path, family: str, row: dict[str, Any]) -> list[Record]:
    """The records of one line."""
    for name in corpus.FAMILIES:
        text = json.dumps(row, ensure_ascii=False) + "\n" if name == family else ""
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (folder / "types.json").write_text('{"city": {"ja": "都市", "zh": "城市"}}', encoding="utf-8")
    return corpus.natural(Source("own", "corpus", str(folder), None, None), LANGUAGES)


def spans(record: Record) -> list[tuple[Any, ...]]:
    return [(item["label"], *((s["text"], s["start"]) for s in item["spans"])) for item in record["extractions"]]


def test_a_text_becomes_a_record_in_every_language_in_the_order_of_each_text(tmp_path: Path) -> None:
    made = {record["lang"]: record for record in read(tmp_path, "SCNM", ROW)}
    assert spans(made["ja"]) == [("法人名", ("東京大学", 0)), ("地名", ("東京", 5))]
    assert spans(made["en"]) == [("Corporation", ("University of Tokyo", 4)), ("Location", ("Tokyo", 30))]
    assert spans(made["zh"]) == [("法人名", ("东京大学", 0)), ("地名", ("东京", 6))]
    assert len({record["group"] for record in made.values()}) == 1
    assert [made[lang]["text_label"] for lang in LANGUAGES] == ["学問", "Academia", "学术"]


def test_words_without_a_place_and_open_labels_without_a_translation_are_named(tmp_path: Path) -> None:
    row = json.loads(json.dumps(ROW))
    row["views"]["NER"][0]["zh"] = "京都"
    with pytest.raises(UserError, match=r"SCNM\.jsonl: 1: zh NER\[0\]: '京都' is not in the text"):
        read(tmp_path, "SCNM", row)
    row = {
        **ROW,
        "origin": "en",
        "text_label": "Society",
        "views": {"NER": [{**ROW["views"]["NER"][0], "label": "city"}]},
    }
    assert [spans(record)[0][0] for record in read(tmp_path, "TCONER", row)] == ["都市", "city", "城市"]
    row["views"]["NER"][0]["label"] = "town"
    with pytest.raises(UserError, match="open label 'town' is not in types.json and has no label_ja"):
        read(tmp_path, "TCONER", row)


def test_adjectives_and_nouns_follow_from_both_together(tmp_path: Path) -> None:
    items = [
        {"label": "ポジティブ", "pos": "ADJ", "ja": "軽い", "en": "light", "zh": "轻"},
        {"label": "ポジティブ", "pos": "N", "ja": "本体", "en": "body", "zh": "机身"},
    ]
    texts = {"ja": "軽い本体です。", "en": "The body is light.", "zh": "机身很轻。"}
    row = ROW | {"texts": texts, "text_label": "積極", "views": {"ADJN": items}}
    made = {(record["task"], record["lang"]): spans(record) for record in read(tmp_path, "SCPOS", row)}
    assert {task for task, _ in made} == {"ADJN", "ADJ", "N"}
    assert made["ADJN", "en"] == [("Positive", ("body", 4)), ("Positive", ("light", 12))]
    assert made["ADJ", "en"] == [("Positive", ("light", 12))]
    assert made["N", "zh"] == [("正面", ("机身", 0))]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"text_label": "nope"}, r"SCNM\.jsonl: 1: SCNM text label: unknown label 'nope'"),
        (
            {"views": {"NER": [{**ROW["views"]["NER"][0], "label": "nope"}]}},
            r"SCNM\.jsonl: 1: ja NER\[0\]: unknown label",
        ),
        ({"views": {}}, r"SCNM\.jsonl:1: /views"),
    ],
)
def test_a_wrong_text_is_named_by_file_and_id(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        read(tmp_path, "SCNM", ROW | change)


def test_a_missing_folder_another_pin_and_other_types_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        corpus.natural(Source("own", "corpus", str(tmp_path / "no"), None, None), LANGUAGES)
    read(tmp_path, "SCNM", ROW)
    with pytest.raises(UserError, match=r"SHA-256 is [0-9a-f]{64}, not the pinned one"):
        corpus.natural(Source("own", "corpus", str(tmp_path), "0" * 64, None), LANGUAGES)
    pin = corpus.pin_of(tmp_path)
    assert corpus.natural(Source("own", "corpus", str(tmp_path), pin, None), LANGUAGES) == read(tmp_path, "SCNM", ROW)
    (tmp_path / "types.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(UserError, match=r"types\.json: /: "):
        corpus.natural(Source("own", "corpus", str(tmp_path), None, None), LANGUAGES)


def test_equal_words_take_their_occurrences_in_turn_and_a_number_names_one() -> None:
    assert assign("a b a b", ["a", "b", "a"]) == [Place("a", 0), Place("b", 2), Place("a", 4)]
    assert assign("cat scatter cat", ["cat@@3"]) == [Place("cat", 12)]
    assert assign("cat scatter", ["cat", "cat"])[1] == (
        "'cat': none of its 2 occurrences is left (taken, or in a longer word or span)"
    )
    assert argument("日本語は日本で", "日本", ["日本語"], False) == Place("日本", 4)
    assert "only inside a longer word" in str(argument("scatter", "cat", [], False))


def test_the_corpus_gives_sound_records_of_training_groups_alone(sample: list[Record]) -> None:
    made = corpus.natural(Source("corpus", "corpus", str(ROOT / "data" / "corpus"), None, None), LANGUAGES)
    assert [fault for record in made for fault in faults(record, "record", record_faults)] == []
    assert {record["split"] for record in made} == {"train"}
    assert len({record["id"] for record in made}) == len(made)
    texts = {normalise(record["text"]) for record in sample if record["split"] == "test"}
    assert not texts & {normalise(record["text"]) for record in made}


def test_every_cell_has_enough_training_records_and_text_labels_are_even() -> None:
    made = corpus.natural(Source("corpus", "corpus", str(ROOT / "data" / "corpus"), None, None), LANGUAGES)
    cells: dict[tuple[str, str, str], Counter[str]] = {}
    for record in made:  # relations and events are counted apart
        key = (record["lang"], record["subset"], record["task"])
        cells.setdefault(key, Counter())[str(record["text_label"])] += 1
    assert len({(lang, subset) for lang, subset, _ in cells}) == 21
    assert min(counts.total() for counts in cells.values()) >= 180
    assert max(max(counts.values()) / min(counts.values()) for counts in cells.values()) <= 2
