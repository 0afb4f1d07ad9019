"""The linter of texts in the corpus' form: what it finds, what excuses from it, and that the committed texts are clean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.sources import corpus
from stages.sources.lint import lint, main

ROOT = Path(__file__).resolve().parents[2]
NER: dict[str, Any] = {
    "id": "1",
    "origin": "ja",
    "annotated": "guide",
    "genre": None,
    "texts": {
        "ja": "新潟市の水沢清が作った東京タワーの絵が駅にある。",
        "en": "A picture of Tokyo Tower by Kiyoshi Mizusawa of Niigata hangs in the station.",
        "zh": "新潟市的水泽清画的东京塔的画挂在车站里。",
    },
    "text_label": "文芸",
    "views": {
        "NER": [
            {"label": "地名", "ja": "新潟市", "en": "Niigata", "zh": "新潟市"},
            {"label": "人名", "ja": "水沢清", "en": "Kiyoshi Mizusawa", "zh": "水泽清"},
            {"label": "施設名", "ja": "東京タワー", "en": "Tokyo Tower", "zh": "东京塔"},
        ]
    },
}
REVIEW: dict[str, Any] = NER | {
    "texts": {
        "ja": "返事がない店。安くない。",
        "en": "No reply from the shop. Not cheap.",
        "zh": "没回复的店。不便宜。",
    },
    "text_label": "消極",
    "views": {
        "RW": [
            {"label": "ネガティブ", "ja": "返事がない", "en": "No reply", "zh": "没回复"},
            {"label": "ネガティブ", "ja": "安くない", "en": "Not cheap", "zh": "不便宜"},
        ],
        "ADJN": [
            {"label": "ネガティブ", "pos": "N", "ja": "返事", "en": "reply", "zh": "回复"},
            {"label": "ネガティブ", "pos": "ADJ", "ja": "安くない", "en": "Not cheap", "zh": "不便宜"},
        ],
    },
}


def changed(row: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """A copy; `zh=("old", "new")` mends a text, what else is given stands in the row."""
    made: dict[str, Any] = json.loads(json.dumps(row))
    for lang in ("ja", "en", "zh"):
        if lang in keys:
            made["texts"][lang] = made["texts"][lang].replace(*keys.pop(lang))
    return made | keys


def found(folder: Path, row: dict[str, Any], family: str = "SCNM", exceptions: str = "") -> set[str]:
    """ "LEVEL code" of every finding about one text."""
    for name in corpus.FAMILIES:
        line = json.dumps(row, ensure_ascii=False) + "\n" if name == family else ""
        (folder / f"{name}.jsonl").write_text(line, encoding="utf-8")
    (folder / "types.json").write_text('{"city": {"ja": "都市", "zh": "城市"}}', encoding="utf-8")
    if exceptions:
        (folder / "exceptions.yaml").write_text(exceptions, encoding="utf-8")
    return {f"{finding.level} {finding.code}" for _, finding in lint(folder)[1]}


def test_a_japanese_name_keeps_its_characters_in_chinese_and_no_other_word_does(tmp_path: Path) -> None:
    assert found(tmp_path, NER) == {"N zh-rare"}
    assert found(tmp_path, changed(NER, zh=("挂在车站", "挂在込车站"))) == {"N zh-rare", "E zh-char"}
    assert found(tmp_path, changed(NER, zh=("车站", "駅"))) == {"N zh-rare", "E zh-char"}
    assert found(tmp_path, changed(NER, zh=("画挂", "鸮画挂"))) == {"N zh-rare"}


def test_of_noun_and_nai_the_bare_noun_is_right_in_adjn_and_wrong_in_rw(tmp_path: Path) -> None:
    assert found(tmp_path, REVIEW, "SCPOS") == {"N length"}
    cut = changed(REVIEW)
    cut["views"]["RW"][1] = cut["views"]["ADJN"][1] = {
        "label": "ネガティブ",
        "pos": "ADJ",
        "ja": "安く",
        "en": "cheap",
        "zh": "便宜",
    }
    assert found(tmp_path, cut, "SCPOS") == {"N length", "E negation-cut", "W negation-cut"}


def test_a_number_may_begin_with_an_article_and_a_name_may_not(tmp_path: Path) -> None:
    items = [
        {"label": label, "ja": "東京タワー", "en": "the Tower", "zh": "东京塔", "label_ja": "物", "label_zh": "物"}
        for label in ("facility", "quantity")
    ]
    row = changed(NER, en=("Tokyo Tower", "the Tower"), origin="en", text_label="Culture")
    codes = [found(tmp_path, row | {"views": {"NER": [item]}}, "TCONER") for item in items]
    assert ["W article" in own for own in codes] == [True, False]


def test_an_exception_excuses_by_rule_word_and_text_and_is_an_error_where_it_excuses_from_nothing(
    tmp_path: Path,
) -> None:
    wrong = changed(NER, zh=("挂在车站", "挂在込车站"))
    entry = "- {rule: zh-char, word: 込, reason: a quotation"
    assert found(tmp_path, wrong, exceptions=entry + "}") == {"N zh-rare"}
    assert found(tmp_path, wrong, exceptions=entry + ", text: SCNM/1}") == {"N zh-rare"}
    assert found(tmp_path, wrong, exceptions=entry + ", text: SCNM/2}") == {"N zh-rare", "E zh-char", "E stale"}
    assert found(tmp_path, NER, exceptions=entry + "}") == {"N zh-rare", "E stale"}
    (tmp_path / "exceptions.yaml").unlink()
    assert found(tmp_path, wrong | {"lint_ok": ["zh-char"]}) == {"N zh-rare"}
    assert found(tmp_path, NER | {"lint_ok": ["zh-char", "nope"]}) == {"N zh-rare", "E stale"}


@pytest.mark.parametrize(
    ("exceptions", "fault"),
    [
        ("- {rule: nope, word: a, reason: b}", r"exceptions\.yaml: /0: there is no rule 'nope'"),
        ("- {rule: zh-char, word: a}", r"exceptions\.yaml: /0: 'reason' is a required property"),
        ("nothing", r"exceptions\.yaml"),
        ("- {", r"exceptions\.yaml:1: broken YAML"),
    ],
)
def test_exceptions_that_say_nothing_are_refused_in_one_line(tmp_path: Path, exceptions: str, fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        found(tmp_path, NER, exceptions=exceptions)


def test_the_command_ends_with_1_on_errors_alone_and_tells_notes_if_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found(tmp_path, NER)
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 texts, 0 errors, 0 warnings, 1 notes {'N zh-rare': 1}\n"
    main([str(tmp_path), "--notes"])
    assert "SCNM.jsonl: 1: N zh-rare: 潟 (U+6F5F)\n" in capsys.readouterr().out
    found(tmp_path, changed(NER, zh=("车站", "駅")))
    assert main([str(tmp_path), "--quiet"]) == 1


@pytest.mark.parametrize("folder", [path.parent.name for path in sorted(ROOT.glob("data/*/types.json"))])
def test_the_committed_texts_are_clean_or_their_exceptions_written_down(folder: str) -> None:
    number, all_found = lint(ROOT / "data" / folder)
    assert number > 0
    assert [f"{place}: {finding}" for place, finding in all_found if finding.level != "N"] == []
