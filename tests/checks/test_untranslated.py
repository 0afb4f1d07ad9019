"""What is left of the source language is found, and what every language shares is not taken for it."""

from __future__ import annotations

import pytest

from stages.checks.untranslated import residue
from stages.records.record import Record
from tests.support.findings import codes_of


def record(lang: str, text: str, *spans: str) -> Record:
    return {
        "lang": lang,
        "text": text,
        "extractions": [{"label": "x", "spans": [{"text": span, "start": None}]} for span in spans],
    }


def codes(source: Record, target: Record) -> list[str]:
    return codes_of(residue(source, target))


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("白浜町に雨が降った。", "白浜町下了雨。", "copied_shape"),
        ("弁当を買った。", "买了弁当。", "copied_shape"),
        ("予定どおりだ。", "如予定进行。", "copied_shape"),
        ("物流会社と提携した。", "与物流会社合作。", "shared_word"),
        ("株式を買った。", "买了株式。", "shared_word"),
        ("来月始める。", "来月开始。", "shared_word"),
        ("部屋が広い。", "部屋很宽敞。", "shared_word"),
        ("映画の原作となった。", "成了映画的原作。", "shared_word"),
        ("空港に着いた。", "到了空港。", "shared_word"),
        ("広島の図書館", "广島的图书馆", "japanese_shape"),
        ("国際会議", "國际会议", "japanese_shape"),
        ("働く人", "働的人", "japanese_shape"),
        ("ほたる2", "小型卫星“ほたる2”", "kana_left"),
        ("カモメ映画社", "卡莫メ电影公司", "kana_left"),
        ("味は高い。", "味道是高 priced的。", "english_left"),
        ("ロッテルダム", "洛rette尔多", "english_left"),
    ],
)
def test_left_in_chinese(source: str, target: str, code: str) -> None:
    assert codes(record("ja", source), record("zh", target)) == [code]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("国会で政党が議論した。", "政党在国会进行了讨论。"),
        ("大学の学生", "大学的学生"),
        ("岸本健太郎", "岸本健太郎"),
        # the middle dot and the long mark stand in the Katakana block and are no kana
        ("マルタ・オルセン", "玛尔塔・奥尔森"),
        ("マルタ・オルセン", "玛尔塔·奥尔森"),
        ("佐々木さん", "佐々木先生"),
        # 浜 芸 予 are good Chinese where the source does not have the pair
        ("上海", "上海洋泾浜"),
        ("与える", "给予"),
        ("贈る", "赠予他"),
        # a list's word that the source does not have
        ("社会の人々", "社会社团"),
        ("USB-C", "USB-C/HDMI转接线"),
        ("500mgの薬", "500mg的药"),
        ("WindowsとmacOS", "Windows和macOS"),
        ("サイト", "https://example.org/path"),
        ("ダビンチ", "Leonardo da Vinci"),
    ],
)
def test_good_chinese(source: str, target: str) -> None:
    assert codes(record("ja", source), record("zh", target)) == []


@pytest.mark.parametrize("name", ["朱镕基", "陶喆", "李赟", "张堃", "榊原", "埼玉", "野见山䌷"])
def test_a_rare_character_of_a_name_is_no_fault(name: str) -> None:
    assert codes(record("ja", "名前"), record("zh", f"{name}说。")) == []


def test_a_span_that_is_not_in_the_text_is_read_too() -> None:
    assert codes(record("ja", "図書館"), record("zh", "图书馆很安静。", "図書館")) == ["japanese_shape"]


def test_a_lone_noun_is_left_only_where_it_is_the_span() -> None:
    source = record("ja", "音が小さい。", "音")
    assert codes(source, record("zh", "音很小。", "音")) == ["shared_word"]
    assert codes(source, record("zh", "声音很小。", "声音")) == []
    assert codes(record("ja", "音が小さい。"), record("zh", "音很小。")) == []


@pytest.mark.parametrize("text", ["The かな stays.", "富山 Prefecture", "Team桂馬", "ｶﾀｶﾅ", "the 会社"])
def test_japanese_left_in_english(text: str) -> None:
    assert codes(record("ja", "源"), record("en", text)) == ["japanese_left"]


@pytest.mark.parametrize(
    "text", ["Toko Kunugi’s novel · 2011 — “Re: Spring” 😊", "Shōwa, Gdańsk, João", "a・b", "5 ㎡, ①"]
)
def test_good_english(text: str) -> None:
    assert codes(record("ja", "源"), record("en", text)) == []


ENGLISH = record("en", "The Oriel Library in Galway charges no admission, said van Dyke; it takes 500 mg of flour.")


COMMAND = record("en", "Run modprobe, not rmmod, as kestrel said; Microhyla umbrosa is a frog.")


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("ja", "rmmodではなくmodprobeを実行する、とkestrelは言った。"),
        ("zh", "运行modprobe，而不是rmmod；Microhyla umbrosa是一种蛙。"),
    ],
)
def test_commands_nicknames_and_species_may_stay(lang: str, text: str) -> None:
    assert codes(COMMAND, record(lang, text)) == []


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("ja", "オリエル図書館はadmission無料だ。"),
        ("ja", "オリエル図書館は charges no admission"),
        ("zh", "图书馆charges很高。"),
        ("zh", "面粉flour。"),
    ],
)
def test_english_left(lang: str, text: str) -> None:
    assert codes(ENGLISH, record(lang, text)) == ["english_left"]


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("ja", "ゴールウェイのOriel Libraryは無料だ。"),
        ("zh", "Galway的图书馆，500 mg，van Dyke说。"),
        ("zh", "戈尔韦的图书馆不收门票。"),
        ("ja", "500mgのFFP2"),
    ],
)
def test_names_and_units_may_stay(lang: str, text: str) -> None:
    assert codes(ENGLISH, record(lang, text)) == []


@pytest.mark.parametrize("text", ["经济が成長した。", "図书館", "这は本だ"])
def test_chinese_in_japanese(text: str) -> None:
    assert codes(ENGLISH, record("ja", text)) == ["chinese_shape"]


@pytest.mark.parametrize("text", ["鄧小平と髙橋と﨑山", "國學院大學", "台湾の圓山", "森鷗外、内田百閒、草彅剛"])
def test_old_and_rare_shapes_are_good_japanese(text: str) -> None:
    assert codes(ENGLISH, record("ja", text)) == []
