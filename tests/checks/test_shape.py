"""Too short, too long, looping, cut off, or talking about the task: each is found, and good translations are not."""

from __future__ import annotations

import pytest

from stages.checks.shape import commentary, cut_off, length, repetition
from stages.records.record import Record
from tests.support.findings import codes_of

JA = "雲母岳は、富山県と長野県の県境にある標高2,381.4mの火山で、山頂には火口湖の鏡池がある。鏡池は冬も凍らない。"
EN = (
    "Mount Kirara is a 2,381.4 m volcano on the border between Toyama Prefecture and Nagano Prefecture. At its summit is a "
    "crater lake, Kagami Pond. Kagami Pond does not freeze even in winter."
)
ZH = "云母岳是位于富山县与长野县交界处的火山，海拔2381.4米，山顶有火口湖镜池。镜池冬季也不结冰。"


def record(lang: str, text: str) -> Record:
    return {"lang": lang, "text": text, "extractions": []}


@pytest.mark.parametrize(
    ("source", "target"),
    [(("ja", JA), ("en", EN)), (("ja", JA), ("zh", ZH)), (("en", EN), ("ja", JA)), (("en", EN), ("zh", ZH))],
)
def test_a_good_translation_passes_every_check(source: tuple[str, str], target: tuple[str, str]) -> None:
    for check in (length, repetition, cut_off, commentary):
        assert codes_of(check(record(*source), record(*target))) == []


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (("ja", JA), ("en", "The NPO"), ["too_short"]),
        (("ja", JA), ("en", ""), ["too_short"]),
        (("ja", JA), ("en", EN * 3), ["too_long"]),
        (("ja", JA), ("zh", ZH[:20]), ["too_short"]),
        (("ja", JA), ("zh", ZH * 2), ["too_long"]),
        (("en", EN), ("ja", JA[:25]), ["too_short"]),
        (("en", EN), ("zh", ZH * 3), ["too_long"]),
        # a short source has no measured ratio
        (("ja", "とても良い。"), ("en", "I really like this one."), []),
        (("ja", "最高！"), ("zh", "太棒了！"), []),
        (("ja", "最高！"), ("zh", "这是我买过的最好的东西，强烈推荐给大家！"), ["too_long"]),
    ],
)
def test_length(source: tuple[str, str], target: tuple[str, str], expected: list[str]) -> None:
    assert codes_of(length(record(*source), record(*target))) == expected


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("良い。", "It is very good very good very good."),
        ("良い。", "非常好非常好非常好。"),
        ("良い。", "この本は良いこの本は良いこの本は良い"),
        ("安くて良い本だ。", "The book is cheap and good. The book is cheap and good."),
        ("安くて良い本だ。", "这本书又便宜又好看真不错，这本书又便宜又好看真不错。"),
        ("池は凍らない。", "the pond does not freeze when the pond does not freeze though the pond does not freeze"),
    ],
)
def test_a_loop_is_repetition(source: str, target: str) -> None:
    lang = "en" if target.isascii() else "zh"
    assert codes_of(repetition(record("ja", source), record(lang, target))) == ["repeated"]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("ははは、とても良い。", "Ha ha, very, very good."),
        ("ははは", "哈哈哈哈哈哈"),
        ("えー………", "Well.........."),
        ("1000000000円", "1,000,000,000 yen"),
        ("良い良い良いと言う。", "好的好的好的，他说。"),
        ("「買う。買う。」", "“I buy it. I buy it.”"),
        ("安くて良い本だ。安くて良い本だ。", "The book is cheap and good. The book is cheap and good."),
        ("鏡池がある。鏡池は凍らない。", "There is Kagami Pond. Kagami Pond does not freeze."),
        ("同社は北嶺ホールディングスの子会社。", "北嶺ホールディングス的子公司是北嶺ホールディングス的。"),
        ("表", "---------- | ----------"),
    ],
)
def test_what_is_no_repetition(source: str, target: str) -> None:
    lang = "en" if target.isascii() else "zh"
    assert codes_of(repetition(record("ja", source), record(lang, target))) == []


@pytest.mark.parametrize(
    ("source", "lang", "target"),
    [
        ("終わった。", "en", "The NPO"),
        ("終わった。", "en", "It ended and the"),
        ("終わった。", "en", "It ended,"),
        ("終わった。", "zh", "结束了，"),
        ("終わった。", "zh", "结束了，但是他"),
        ("終わった", "zh", "结束了、"),
        ("終わった😊", "en", "It ended because"),
        ("終わった。", "en", ""),
        ("「終わった」と話した。", "zh", "他说：“"),
    ],
)
def test_cut_off(source: str, lang: str, target: str) -> None:
    assert codes_of(cut_off(record("ja", source), record(lang, target))) == ["cut_off"]


@pytest.mark.parametrize(
    ("source", "lang", "target"),
    [
        ("終わった。", "en", "It ended."),
        ("終わった。", "en", "“It ended.”"),
        ("終わった。", "en", "It ended 😊"),
        ("終わった！", "zh", "结束了！❤️"),
        ("終わった", "en", "It ended"),
        ("雲母岳の標高", "zh", "云母岳的海拔"),
        ("終わった😊", "zh", "结束了😊"),
        ("「終わった。」", "zh", "“结束了”。"),
        ("終わった…", "en", "It ended..."),
        ("値段:", "en", "Price:"),
        ("終わった（5日）。", "zh", "结束了（5日）"),
    ],
)
def test_a_whole_text_is_not_cut_off(source: str, lang: str, target: str) -> None:
    assert codes_of(cut_off(record("ja", source), record(lang, target))) == []


@pytest.mark.parametrize(
    "target",
    [
        "As an AI language model, I like this.",
        "Here is the translation: It is good.",
        "Here's your translated text: It is good.",
        "Sure, here is the English version: It is good.",
        "Translation: It is good.",
        "It is good. (Note: the original text is informal.)",
        "I'm sorry, but I can't assist with that request.",
        "I cannot translate this text.",
        "It is good. Translator's note: informal.",
        "It is good. Let me know if you need more.",
        "以下是翻译：很好。",
        "以下为中文译文：很好。",
        "译文：很好。",
        "很好。（注：原文为口语。）",
        "作为一个人工智能语言模型，我觉得很好。",
        "抱歉，我无法翻译这段内容。",
        "好的，翻译如下：很好。",
        "很好。希望对你有帮助。",
        "以下は翻訳です：良い。",
        "翻訳：良い。",
        "AIアシスタントとして、良いと思います。",
        "申し訳ありませんが、翻訳できません。",
        "はい、訳は次の通りです。良い。",
    ],
)
def test_commentary(target: str) -> None:
    assert codes_of(commentary(record("ja", "とても良い。"), record("en", target))) == ["commentary"]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("とても良い。", "Here is a good book: the version in red. Sure it is."),
        ("ここが良い。", "Here is the best place in town."),
        ("音がしない。", "I'm sorry I bought it; a musical note: silence."[:18] + " it."),
        ("以下の点が良い。", "以下几点很好。"),
        ("お勧めします。", "希望大家都来买。"),
        ("当然です。", "当然，很好。"),
        ("翻訳: 良い。", "Translation: good."),
        ("AIとして紹介された。", "It was introduced as an AI."),
        ("注: 別売りです。", "Note: sold separately."),
        ("はい、良いです。", "はい、良いです。"),
    ],
)
def test_what_is_no_commentary(source: str, target: str) -> None:
    assert codes_of(commentary(record("ja", source), record("en", target))) == []
