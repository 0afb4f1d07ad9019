"""Which names go together, and which do not: Han, readings, pinyin, sound, and the names that each language has of its own."""

from __future__ import annotations

from typing import Any

import pytest

from stages.checks.english_names import strays_in_english
from stages.checks.exonyms import called_otherwise, exonym, rows
from stages.checks.kinds import Name, names_of, spans_of
from stages.checks.name_parts import other_part, other_word
from stages.checks.name_score import score
from stages.checks.names import verdicts
from stages.checks.pairing import match
from stages.checks.sinograms import (
    by_pinyin,
    is_pinyin,
    is_vietnamese,
    korean_surname,
    may_be_read_otherwise,
    speaks_of_korea,
)


@pytest.mark.parametrize(
    ("name", "kind", "span", "direction"),
    [
        ("Zhou Weimin", "person", "周伟民", ("en", "zh")),
        ("Hayato Kusunoki", "person", "楠隼人", ("en", "zh")),
        ("Bae Su-jin", "person", "裴秀珍", ("en", "zh")),
        ("Joost van Haeren", "person", "约斯特·范哈伦", ("en", "zh")),
        ("Hamamatsu", "place", "滨松", ("en", "zh")),
        ("Tennessee", "place", "田纳西州", ("en", "zh")),
        ("Norway", "place", "ノルウェー", ("en", "ja")),
        ("Genoa", "place", "ジェノヴァ", ("en", "ja")),
        ("Theodore Ballantine", "person", "セオドア・バランタイン", ("en", "ja")),
        ("梶原ともえ", "person", "梶原友惠", ("ja", "zh")),
        ("アルベルト・ミヤシロ", "person", "阿尔韦托·宫城", ("ja", "zh")),
        ("釧路市", "place", "钏路市", ("ja", "zh")),
        ("米", "place", "美国", ("ja", "zh")),
        ("鶯歌陶磁博物館", "other", "Yingge Ceramics Museum", ("ja", "en")),
        ("野村清兵衛", "person", "Seibei Nomura", ("ja", "en")),
    ],
)
def test_a_name_and_its_translation_score_high(name: str, kind: str, span: str, direction: tuple[str, str]) -> None:
    found = score(Name(name, kind), Name(span, kind), direction)
    assert found is not None
    assert found >= 0.38


@pytest.mark.parametrize(
    ("name", "kind", "span", "direction"),
    [
        ("Zhou Weimin", "person", "内田翔太", ("en", "zh")),
        ("Clara Hughes", "person", "ドミトリー・ヴォルコフ", ("en", "ja")),
        ("Niger", "place", "バルセロナ", ("en", "ja")),
        ("釧路市", "place", "高松市", ("ja", "zh")),
        ("東邦車輌", "person", "相泽车辆", ("ja", "zh")),
        ("野村清兵衛", "person", "Shota Uchida", ("ja", "en")),
    ],
)
def test_another_name_scores_low(name: str, kind: str, span: str, direction: tuple[str, str]) -> None:
    found = score(Name(name, kind), Name(span, kind), direction)
    assert found is not None
    assert found < 0.35


@pytest.mark.parametrize(
    ("name", "kind", "span", "direction"),
    [
        ("路地裏ボクサー", "other", "后巷拳手", ("ja", "zh")),  # translated by its meaning
        ("West Lake", "place", "日月潭", ("en", "zh")),  # of English words
        ("Palgong Hospital", "other", "八公病院", ("en", "ja")),  # Korean, which nothing here reads
        ("Duong Thi Hanh", "person", "杨氏幸", ("en", "zh")),
        ("最高裁", "other", "最高法院附属厅", ("ja", "zh")),
    ],
)
def test_what_neither_sound_nor_reading_tells_is_none(
    name: str, kind: str, span: str, direction: tuple[str, str]
) -> None:
    assert score(Name(name, kind), Name(span, kind), direction) is None


def test_a_kind_that_differs_costs() -> None:
    same = score(Name("Leeds", "place"), Name("リーズ", "place"), ("en", "ja"))
    other = score(Name("Leeds", "place"), Name("リーズ", "person"), ("en", "ja"))
    unknown = score(Name("Leeds", "place"), Name("リーズ", ""), ("en", "ja"))
    assert None not in (same, other, unknown)
    assert (same or 0) > (other or 0) > (unknown or 0)


def record(lang: str, text: str, *spans: tuple[str, str]) -> dict[str, Any]:
    extractions = [{"label": label, "spans": [{"text": part, "start": text.index(part)}]} for label, part in spans]
    return {"subset": "SCNM", "task": "NER", "lang": lang, "text": text, "extractions": extractions}


SOURCE = record(
    "ja", "白河ブルーヘロンズは白河市のチームで、マルト・カスクが率いた。", ("その他の組織名", "白河ブルーヘロンズ"),
    ("地名", "白河市"), ("人名", "マルト・カスク"),
)  # fmt: skip


def chinese(team: str, city: str, person: str) -> dict[str, Any]:
    spans = (("其他组织名", team), ("地名", city), ("人名", person))
    return record("zh", f"{team}是{city}的球队，由{person}执教。", *spans)


def test_each_name_is_used_once() -> None:
    found = match(SOURCE, chinese("白河蓝鹭队", "白河市", "马尔特·卡斯克"))
    assert {(name.text, span.text) for name, span in found.pairs} == {
        ("白河ブルーヘロンズ", "白河蓝鹭队"),
        ("白河市", "白河市"),
        ("マルト・カスク", "马尔特·卡斯克"),
    }
    assert found.lost == found.new == found.strangers == []


def test_a_city_is_lost_though_its_team_keeps_its_name() -> None:
    found = match(SOURCE, chinese("白河蓝鹭队", "青森市", "马尔特·卡斯克"))
    assert [(name.text, span.text) for name, span in found.strangers] == [("白河市", "青森市")]
    assert ("白河市", "different") in verdicts(SOURCE, chinese("白河蓝鹭队", "青森市", "马尔特·卡斯克"))


def test_half_of_a_name_that_changes_is_found() -> None:
    name = Name("マルト・カスク", "person")
    assert other_part(name, Name("马尔特·卡斯克", "person"), ("ja", "zh")) is None
    assert other_part(name, Name("马尔特·普雷斯科特", "person"), ("ja", "zh")) == "普雷斯科特"
    assert other_part(Name("Agnes van der Meulen", "person"), Name("阿格尼丝·范德默伦", "person"), ("en", "zh")) is None
    assert other_part(Name("Dae-jung Ryu", "person"), Name("リュ・デジュン", "person"), ("en", "ja")) is None


def test_half_of_a_japanese_name_in_english_is_found() -> None:
    name = Name("久保寺亨", "person")
    assert other_word(name, Name("Toru Kubodera", "person")) is None
    assert other_word(name, Name("Hiroshi Kubodera", "person")) == "Hiroshi"
    assert other_word(name, Name("Toru Salgado", "person")) == "Salgado"
    assert other_word(Name("朴美順", "person"), Name("Park Mi-sun", "person")) is None


def test_the_tables_know_countries_languages_and_cities() -> None:
    assert len(rows()) > 1000
    assert exonym("エストニア", "来自爱沙尼亚的教练", ("ja", "zh"))
    assert exonym("フィンランド", "the dialects of Finnish", ("ja", "en"))
    assert exonym("Kenya's", "肯尼亚议会", ("en", "zh"))
    assert exonym("St. Lucia", "圣卢西亚", ("en", "zh"))
    assert not exonym("米子市", "in the United States", ("ja", "en"))
    assert called_otherwise("オスロ", "a ferry to Iquique", ("ja", "en"))
    assert not called_otherwise("メキシコ", "the Mexican novelist", ("ja", "en"))


def test_latin_letters_and_han() -> None:
    assert by_pinyin("Yunfeng", "雲峰博物館")
    assert is_pinyin("Tang Xiaolu")
    assert not is_pinyin("Clara Moreau")
    assert korean_surname("Bae Su-jin") == korean_surname("Su-jin Bae") == "bae"
    assert korean_surname("Ngozi Adeyemi-Clarke") is None
    assert is_vietnamese("Nguyen Thi Hoai Thu")
    assert speaks_of_korea("taking home 300 million won.")
    assert not speaks_of_korea("They won 3-1.")
    assert may_be_read_otherwise("台湾・新北市の博物館")
    assert not speaks_of_korea("台湾・新北市の博物館")


def test_titles_are_no_part_of_names() -> None:
    assert names_of(record("en", "Dr. Osei came.", ("Person", "Dr. Osei")), "ja") == [Name("Osei", "person")]
    assert names_of(record("zh", "奥塞医生来了。", ("人名", "奥塞医生")), "ja") == [Name("奥塞", "person")]


def test_spans_of_other_labels_are_names_of_no_kind() -> None:
    open_labels = {**record("en", "The ferry to Bari.", ("vehicle", "ferry"), ("city", "Bari")), "subset": "TCONER"}
    assert spans_of(open_labels, "en") == [Name("Bari", "place"), Name("ferry", "")]


def test_a_name_known_from_before_does_not_vouch_for_a_new_one_after_other_words() -> None:
    source = {"lang": "ja", "text": "イトカワは糸川英夫にちなむ。", "extractions": []}
    person = {"label": "Person", "spans": [{"text": "Akiko Itokawa", "start": 23}]}
    target = {"lang": "en", "text": "Itokawa is named after Akiko Itokawa.", "extractions": [person]}
    assert strays_in_english(source, target) == ["Akiko"]
