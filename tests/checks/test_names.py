"""A replaced name is found, and every common way to write the same name passes."""

from __future__ import annotations

from typing import Any

import pytest

from stages.checks.names import name_changed, names_gone, verdicts
from stages.checks.unsupported_names import japanese_names, names_in_japanese
from stages.text.phonetics import han_sounds, kana_sound, latin_sound, likenesses
from stages.text.readings import fold_han, reads_as
from stages.text.spelling import kana_key, latin_key, romaji
from tests.support.findings import codes_of

LABELS = {"人名": "Person", "地名": "Location", "法人名": "Corporation", "製品名": "Product Name"}
OPEN = {
    "ja": {"person": "人物", "city": "都市", "government agency": "政府機関"},
    "zh": {"person": "人物", "city": "城市", "government agency": "政府机构"},
}
CHINESE = {"人名": "人名", "地名": "地名", "法人名": "法人名", "製品名": "产品名"}


def records(lang: str, names: list[tuple[str, str, str]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Japanese source and its translation, each a list of (label, name) in a frame that holds no other name."""
    shared = {"subset": "SCNM", "task": "NER"}
    source = "、".join(name for _, name, _ in names) + "についての文である。"
    target = {"en": "This is about {}.", "zh": "这是关于{}的句子。"}[lang].format(
        {"en": " and ", "zh": "和"}[lang].join(name for *_, name in names)
    )
    table = LABELS if lang == "en" else CHINESE
    return (
        {
            **shared,
            "lang": "ja",
            "text": source,
            "extractions": [_one(label, name, source) for label, name, _ in names],
        },
        {
            **shared,
            "lang": lang,
            "text": target,
            "extractions": [_one(table[label], n, target) for label, _, n in names],
        },
    )


def from_english(lang: str, label: str, name: str, other: str) -> tuple[dict[str, Any], dict[str, Any]]:
    text, there = f"Yesterday it was seen near {name} again.", f"「{other}」"
    shared = {"subset": "TCONER", "task": "NER"}
    return (
        {**shared, "lang": "en", "text": text, "extractions": [_one(label, name, text)]},
        {**shared, "lang": lang, "text": there, "extractions": [_one(OPEN[lang][label], other, there)]},
    )


def _one(label: str, name: str, text: str) -> dict[str, Any]:
    return {"label": label, "spans": [{"text": name, "start": text.find(name)}]}


@pytest.mark.parametrize(
    "spelling",
    [
        "Shin'ichi Ōtani",
        "Otani Shinichi",
        "OTANI Shin-ichi",
        "Sin'iti Ôtani",
        "Shinichi Ohtani",
        "Otani",
        "Ootani Shin'ichi",
    ],
)
def test_every_romanisation_and_order_of_a_name_is_the_same(spelling: str) -> None:
    assert verdicts(*records("en", [("人名", "大谷真一", spelling)]))[0] == ("大谷真一", "same")


@pytest.mark.parametrize(
    ("label", "name", "lang", "other"),
    [
        ("人名", "櫟木灯子", "en", "Toko Kunugi"),
        ("人名", "百目鬼亘", "en", "Wataru Domeki"),
        ("人名", "薬袋蓮司", "en", "Renji Minai"),  # the dictionary does not know this 薬袋
        ("人名", "マルタ・オルセン", "en", "Marta Olsen"),
        ("人名", "玖珠みつる", "zh", "玖珠满"),
        ("人名", "雲類鷲巌", "zh", "云类鹫岩"),
        ("人名", "マルタ・オルセン", "zh", "玛尔塔·奥尔森"),
        ("地名", "松江市", "en", "Matsue"),
        ("地名", "雲母岳", "en", "Mount Kirara"),
        ("地名", "ドイツ", "en", "Germany"),
        ("地名", "日本", "en", "Japanese"),
        ("地名", "ゴールウェイ", "zh", "戈尔韦"),
        ("地名", "円窓寺", "en", "Enso-ji"),
        ("法人名", "鳴海製薬", "en", "Narumi Pharma"),
        ("法人名", "ナガト電機", "zh", "长门电机"),
        ("製品名", "Windows", "zh", "Windows"),
    ],
)
def test_the_same_name_passes(label: str, name: str, lang: str, other: str) -> None:
    assert codes_of(name_changed(*records(lang, [(label, name, other)]))) == []


@pytest.mark.parametrize(
    ("label", "name", "lang", "other"),
    [
        ("人名", "岸本健太郎", "en", "Shinzo Abe"),
        ("人名", "櫟木灯子", "en", "Kenji Tanaka"),
        ("人名", "マルタ・オルセン", "en", "Iona Berek"),
        ("人名", "雲類鷲巌", "zh", "鹭沼刚"),
        ("人名", "マルタ・オルセン", "zh", "约娜·贝雷克"),
        ("地名", "松江市", "en", "Nagoya"),
        ("地名", "松江市", "zh", "仓敷市"),
        ("地名", "ゴールウェイ", "zh", "玻利维亚"),
        ("法人名", "鳴海製薬", "en", "Hoshino Pharma"),
        ("製品名", "macOS", "zh", "山形新干线"),
    ],
)
def test_another_name_is_found(label: str, name: str, lang: str, other: str) -> None:
    assert codes_of(name_changed(*records(lang, [(label, name, other)]))) == ["name_changed"]


@pytest.mark.parametrize(
    ("label", "name", "lang", "other", "codes"),
    [
        ("person", "Niamh Corrigan-Daly", "ja", "ニーヴ・コリガン＝デイリー", []),
        ("person", "Ngozi Abara", "zh", "恩戈齐·阿巴拉", []),
        ("person", "Ngozi Abara", "ja", "イルゼ・ナムギャル", ["name_changed"]),
        ("person", "Ngozi Abara", "zh", "伊尔莎·南杰", ["name_changed"]),
        ("city", "Leeds", "ja", "リーズ", []),
        ("city", "Lindholm", "zh", "布里斯托尔", ["name_changed"]),
        ("city", "Geneva", "zh", "日内瓦", []),
        ("government agency", "Ministry of Energy", "ja", "エネルギー省", []),
    ],
)
def test_names_from_english(label: str, name: str, lang: str, other: str, codes: list[str]) -> None:
    assert codes_of(name_changed(*from_english(lang, label, name, other))) == codes


def test_a_translated_name_is_unknown_and_passes() -> None:
    pair = records("en", [("法人名", "ブナの会", "Beech Society")])
    assert verdicts(*pair) == [("ブナの会", "unknown")]
    assert codes_of(name_changed(*pair)) == []


def test_a_second_mention_under_another_name_is_found() -> None:
    source, target = records("en", [("地名", "松江市", "Matsue"), ("地名", "松江市", "Kurashiki")])
    assert ("Kurashiki", "different") in verdicts(source, target)


def test_keys_forget_what_romanisations_disagree_on() -> None:
    assert latin_key("Jun'ichirō") == latin_key("Zyun-itirou") == kana_key("ジュンイチロウ")
    assert latin_key("Homma") == latin_key("Honma") == kana_key("ホンマ")
    assert latin_key("Hatchobori") == latin_key("Hattyoubori") == kana_key("ハッチョウボリ")
    assert romaji("ファイル") == "hairu"


def test_a_reading_is_found_inside_a_text_and_as_a_whole() -> None:
    assert reads_as("俳優の櫟木灯子は", latin_key("Kunugi"), whole=False) == (3, 5)
    assert reads_as("櫟木灯子", latin_key("Kunugi"), whole=True) is None
    assert reads_as("小川", latin_key("Ogawa"), whole=True) == (0, 2)
    assert reads_as("鵜飼", latin_key("Suzuki"), whole=False) is None


def test_japanese_shapes_fold_to_simplified() -> None:
    assert [fold_han(name) for name in ("金沢市", "広島", "雲類鷲巌", "円窓寺")] == [
        "金泽市",
        "广岛",
        "云类鹫岩",
        "圆窗寺",
    ]


def test_sounds_across_scripts_are_alike_and_chance_is_not() -> None:
    lindholm = latin_sound("Lindholm")
    others = kana_sound("リンドホルム"), "".join(han_sounds("林德霍尔姆")), kana_sound("カーライル")
    (japanese, _), (chinese, _), (another, _) = likenesses([(lindholm, other) for other in others])
    assert min(japanese, chinese) > 0.7
    assert another < 0.3


def test_a_japanese_name_that_the_source_does_not_have_is_seen_in_chinese() -> None:
    source = "東雲電機は新製品を発表した。"
    assert list(japanese_names(source, "ja", "桑原电机发布了新产品。")) == ["桑原"]
    assert list(japanese_names(source, "ja", "东云电机发布了新产品。")) == []


def test_a_name_in_han_that_the_english_source_does_not_have_is_seen_in_japanese() -> None:
    assert list(names_in_japanese("Ogawa Bridge was closed.", "小川橋は閉鎖された。")) == []
    assert "桑原" in list(names_in_japanese("Ogawa Bridge was closed.", "桑原橋は閉鎖された。"))


@pytest.mark.parametrize(
    ("lang", "text", "gone"),
    [
        ("zh", "导演鹈殿朔之介昨晚在诹访市召开了记者会。", []),
        ("zh", "導演鵜殿朔之介昨晚在諏訪市召開了記者會。", []),
        ("zh", "导演昨晚在诹访市召开了记者会。", ["鵜殿朔之介"]),
        ("zh", "导演鹈殿朔之介昨晚在冈谷召开了记者会。", ["諏訪市"]),
        ("en", "Director Sakunosuke Udono gave a press conference in Suwa last night.", []),
        ("en", "Director Tadashi Shiroishi gave a press conference in Suwa last night.", ["鵜殿朔之介"]),
    ],
)
def test_a_name_of_no_span_that_is_nowhere_in_the_translation(lang: str, text: str, gone: list[str]) -> None:
    source = {"lang": "ja", "text": "監督の鵜殿朔之介は昨夜、諏訪市で会見した。"}
    assert list(names_gone(source, {"lang": lang, "text": text})) == gone
