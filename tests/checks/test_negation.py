"""A negation that is lost or added is found; one that is said in another way, or an idiom, is not."""

from __future__ import annotations

from typing import Any

import pytest

from stages.checks.negation import negation_lost, negation_score
from tests.support.findings import codes_of


def record(lang: str, text: str) -> dict[str, Any]:
    return {"lang": lang, "text": text, "extractions": []}


def lost(source: tuple[str, str], target: tuple[str, str]) -> bool:
    return codes_of(negation_lost(record(*source), record(*target))) == ["negation_lost"]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (("ja", "電池では動作しない。"), ("en", "It runs on batteries.")),
        (("ja", "電池では動作しない。"), ("zh", "可用电池供电。")),
        (("ja", "鏡池は冬も凍らない。"), ("en", "Kagami Pond freezes even in winter.")),
        (("ja", "副作用は確認されませんでした。"), ("zh", "发现了副作用。")),
        (("ja", "一度も運休せず走った。"), ("en", "It once suspended service.")),
        (("ja", "正式な命名ではないし、根拠も弱い。"), ("en", "The name is official, and its basis is weak.")),
        (("ja", "毎日走っている。"), ("en", "It does not run every day.")),
        (("ja", "味は良い。"), ("zh", "味道不好。")),
        (("en", "Ibrahim Sesay did not play."), ("ja", "イブラヒム・セサイが出場した。")),
        (("en", "Nobody I talk to is hiring."), ("zh", "我聊过的人都在招人。")),
        (("en", "She can't attend."), ("ja", "彼女は出席できる。")),
    ],
)
def test_a_lost_or_added_negation_is_found(source: tuple[str, str], target: tuple[str, str]) -> None:
    assert lost(source, target)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (("ja", "電池では動作しない。"), ("en", "It does not run on batteries.")),
        (("ja", "電池では動作しない。"), ("zh", "不能用电池供电。")),
        (("ja", "人に害を及ぼすことはほとんどない。"), ("en", "It hardly ever harms humans.")),
        (("ja", "議会の承認はまだ得ていない。"), ("en", "It has yet to be approved by parliament.")),
        (("ja", "本当に不親切だ。"), ("zh", "真的很不友好。")),
        (("ja", "本当に不親切だ。"), ("en", "They are unhelpful.")),
        (("ja", "10%には届かなかった。"), ("en", "It fell short of 10%.")),
        (("ja", "行かなければならない。"), ("en", "I have to go.")),
        (("ja", "行かなければなりません。"), ("zh", "必须去。")),
        (("ja", "雨かもしれない。"), ("en", "It may rain.")),
        (("ja", "本だけでなく服も売る。"), ("zh", "还卖衣服和书。")),
        (("ja", "数時間ないし数日で死ぬ。"), ("zh", "数小时至数日内便会死亡。")),
        (("ja", "公園の一部をなし、川が流れる。"), ("en", "It forms part of the park, and a river runs through it.")),
        (("ja", "必ずまた買います。"), ("en", "I will buy it again.")),
        (("ja", "音質は良い。"), ("zh", "音质不错。")),
        (("ja", "赤ちゃんが泣き止みます。"), ("zh", "宝宝就不哭了。")),
        (("ja", "参加したのは男女別の二組。"), ("zh", "男女不同的两组参加了。")),
        (("en", "Not only flour but rye went up."), ("ja", "小麦粉もライ麦も上がった。")),
        (("en", "no nausea, no dizziness and no chest pain"), ("zh", "没有恶心、头晕或胸痛")),
        (("en", "The library charges no admission."), ("zh", "图书馆免费入场。")),
    ],
)
def test_another_way_to_deny_and_idioms_pass(source: tuple[str, str], target: tuple[str, str]) -> None:
    assert not lost(source, target)


def test_the_score_falls_with_each_word_that_could_stand_for_the_negation() -> None:
    source = record("ja", "水は漏れない。")
    scores = [
        negation_score(source, record("en", text))
        for text in ("It leaks water.", "It avoids water.", "It does not leak water.")
    ]
    assert scores == [1.0, 0.5, 0.0]
