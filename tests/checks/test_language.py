"""A translation in another writing system or language is found; names, formulas and loans in other letters pass."""

from __future__ import annotations

import pytest

from stages.checks import without_table
from stages.checks.language import wrong_language
from stages.checks.shape import length
from stages.records.record import Record
from stages.text.language import declared
from tests.support.findings import codes_of

JA = "このイヤホンは音が良く、電池も8時間もちます。駅のホームでも周りの音が気になりません。"
EN = "The train for Kyoto left two hours late because of snow, and nobody at the station complained."


def record(lang: str, text: str, *spans: str) -> Record:
    items = [{"label": "x", "spans": [{"text": span, "start": None}]} for span in spans]
    return {"lang": lang, "text": text, "extractions": items}


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        (("ja", JA), ("zh", "Эти наушники хорошо звучат, батарея держит восемь часов."), "foreign_script"),
        (("ja", JA), ("zh", "هذه السماعات جيدة الصوت وتدوم البطارية ثماني ساعات."), "foreign_script"),
        (("ja", JA), ("zh", "这款耳机音质很好，배터리也能用8小时。"), "foreign_script"),
        (("ja", JA), ("zh", "這款耳機ก็ดี。"), "foreign_script"),
        (("ja", JA), ("zh", "这款耳机的ακουστικά音质很好，电池也能用8小时。"), "foreign_script"),
        (("ja", JA), ("zh", "这款耳机音质很好，电池được用8小时。"), "foreign_script"),
        (("ja", JA), ("en", "These earphones sound good, and the μπαταρία lasts 8 hours."), "foreign_script"),
        (("ja", JA), ("en", "These earphones sound хорошо, and the battery lasts 8 hours."), "foreign_script"),
        (("ja", JA), ("zh", "Kono iyahon wa oto ga yoku, denchi mo 8-jikan mochimasu."), "other_language"),
        (("ja", JA), ("en", "Kono iyahon wa oto ga yoku, denchi mo 8-jikan mochimasu."), "other_language"),
        (("ja", JA), ("en", "Ces écouteurs ont un bon son et la batterie dure huit heures."), "other_language"),
        (("ja", JA), ("en", "Diese Kopfhörer klingen gut, und der Akku hält acht Stunden."), "other_language"),
        (("ja", JA), ("en", "Đôi tai nghe này có âm thanh hay và pin dùng được tám tiếng."), "other_language"),
        (("en", EN), ("ja", "Le train pour Kyoto est parti avec deux heures de retard."), "other_language"),
        (("en", EN), ("ja", EN), "other_language"),
        (("en", EN), ("zh", "기차는 눈 때문에 두 시간 늦게 교토로 떠났다."), "foreign_script"),
    ],
)
def test_another_language_is_found(source: tuple[str, str], target: tuple[str, str], code: str) -> None:
    assert code in codes_of(wrong_language(record(*source), record(*target)))


def test_a_foreign_span_that_is_not_in_the_text_is_found() -> None:
    target = record("zh", "这款耳机音质很好。", "배터리")
    assert codes_of(wrong_language(record("ja", JA), target)) == ["foreign_script"]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (("ja", "α波は8～13Hzである。"), ("zh", "α波为8至13赫兹。")),
        (("ja", "曲名は「Дорогой длинною」だ。"), ("zh", "曲名是《Дорогой длинною》。")),
        (("ja", "VPNの設定はLinuxとmacOSで違う。"), ("zh", "VPN的设置在Linux和macOS上不同。")),
        (("en", "Lanternfish 0.9.1 drops Python 3.8."), ("ja", "Lanternfish 0.9.1はPython 3.8を切る。")),
        (("ja", "良い！"), ("en", "Nice!")),
        (("ja", "京都へ。"), ("en", "To Kyoto.")),
        (("en", "Sushi!"), ("ja", "寿司！")),
        (("ja", "★★★★★"), ("en", "★★★★★")),
        (("ja", "αとβを測る。グエンさんも来た。"), ("zh", "测量α和β。Nguyễn先生也来了。")),
        (("ja", "λόγος（ロゴス）を論じた。"), ("zh", "论述了λόγος（逻各斯）。")),
        (("ja", "三宅さんと桐生さんが来た。"), ("en", "Miyake-san and Kiryu-san came to Ebisugaoka.")),
    ],
)
def test_what_good_texts_have_passes(source: tuple[str, str], target: tuple[str, str]) -> None:
    assert codes_of(wrong_language(record(*source), record(*target))) == []


def test_a_language_without_a_table_has_no_such_check_and_the_filter_can_say_so() -> None:
    pair = record("en", EN), record("qxx", "Whatever it says.")
    assert codes_of(wrong_language(*pair)) == []
    assert codes_of(length(*pair)) == []
    assert {"language", "length"} <= set(without_table("en", "qxx"))
    assert without_table("en", "zh") == []


def test_a_language_of_the_users_own_table_is_known_by_its_script() -> None:
    korean = declared(("Hangul",))
    assert korean.foreign.search("기차는 CPU를 떠났다.") is None
    assert korean.foreign.search("기차는 京都로 떠났다.")
