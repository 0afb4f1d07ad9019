"""Spans with wrong offsets, cut words, or another phrase's label; a clause lost; and what passes."""

from __future__ import annotations

from typing import Any

import pytest

from stages.checks import CHECKS, Checks, faults
from stages.checks.clause import clause_lost, clause_score
from stages.checks.spans import boundary_faults, resemblance, span_boundary, span_offset, span_swapped
from stages.core import config
from stages.core.files import read_json
from tests.support.findings import codes_of

ENGLISH = "Marta Olsen moved to Matsue in 2,381 days; her sculptures weigh 4.5 kg."
CHINESE = "野见山䌷的小说以四万十川为舞台，2024年6月1日上映，盖子太紧。"


def record(lang: str, text: str, *spans: tuple[str, int], label: str = "人名") -> dict[str, Any]:
    return {
        "subset": "SCNM",
        "task": "NER",
        "lang": lang,
        "text": text,
        "extractions": [{"label": label, "spans": [{"text": part, "start": start}]} for part, start in spans],
    }


def at(text: str, part: str) -> tuple[str, int]:
    return part, text.index(part)


EMPTY = record("ja", "野見山紬の小説は四万十川を舞台とする。")


@pytest.mark.parametrize("shift", [-3, -1, 1, 2, 100])
def test_a_shifted_start_is_found(shift: int) -> None:
    part, start = at(ENGLISH, "Matsue")
    assert codes_of(span_offset(EMPTY, record("en", ENGLISH, (part, start + shift)))) == ["span_offset"]


def test_a_right_start_and_a_span_without_one_pass() -> None:
    target = record("en", ENGLISH, at(ENGLISH, "Matsue"))
    target["extractions"][0]["spans"].append({"text": "Kurashiki", "start": None})
    assert codes_of(span_offset(EMPTY, target)) == []


@pytest.mark.parametrize(
    "part",
    ["atsue", "Mats", "Matsue ", " Matsue", "Matsue i", "381", "2,3", "days;", "in 2,381", "4", "sculptures weigh 4"],
)
def test_an_english_span_that_ends_wrongly_is_found(part: str) -> None:
    assert codes_of(span_boundary(EMPTY, record("en", ENGLISH, at(ENGLISH, part)))) == ["span_boundary"]


@pytest.mark.parametrize("part", ["Matsue", "Marta Olsen", "2,381 days", "sculpture", "4.5 kg", "to Matsue"])
def test_an_english_span_of_whole_words_passes(part: str) -> None:
    assert boundary_faults(EMPTY, record("en", ENGLISH, at(ENGLISH, part))) == []


@pytest.mark.parametrize("part", ["见山䌷", "野见山䌷的", "万十川", "舞台，", "的小说", "24年", "月1日", "川为舞"])
def test_a_chinese_span_that_ends_wrongly_is_found(part: str) -> None:
    source = record("ja", EMPTY["text"], at(EMPTY["text"], "野見山紬"), at(EMPTY["text"], "四万十川"))
    assert codes_of(span_boundary(source, record("zh", CHINESE, at(CHINESE, part)))) == ["span_boundary"]


@pytest.mark.parametrize("part", ["野见山䌷", "四万十川", "小说", "2024年6月1日", "紧", "舞台"])
def test_a_chinese_span_of_whole_words_passes(part: str) -> None:
    source = record("ja", EMPTY["text"], at(EMPTY["text"], "野見山紬"), at(EMPTY["text"], "四万十川"))
    assert boundary_faults(source, record("zh", CHINESE, at(CHINESE, part))) == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("她是一名踏板钢棒吉他手。", "踏板钢棒吉他"),
        ("他在大街上走。", "大街"),
        ("袋子的密封条也是坏的。", "坏的"),
        ("渡轮从都拉斯出发。", "都拉斯"),
    ],
)
def test_a_chinese_span_may_end_before_an_affix_and_begin_like_a_function_word(text: str, part: str) -> None:
    assert boundary_faults(record("en", "x"), record("zh", text, at(text, part))) == []


def labelled(lang: str, text: str, *pairs: tuple[str, str]) -> dict[str, Any]:
    result = record(lang, text)
    result["extractions"] = [
        {"label": label, "spans": [{"text": part, "start": text.index(part)}]} for label, part in pairs
    ]
    return result


SOURCE = labelled(
    "ja",
    "野見山紬の小説『渡し守』は四万十川を舞台とする。",
    ("人名", "野見山紬"),
    ("製品名", "渡し守"),
    ("地名", "四万十川"),
)
NOVEL = "Tsumugi Nomiyama's novel The Ferryman is set on the Shimanto River."


@pytest.mark.parametrize(
    "pairs",
    [
        [("Location", "Shimanto River"), ("Person", "Tsumugi Nomiyama"), ("Product Name", "The Ferryman")],
        [("Person", "Tsumugi Nomiyama"), ("Product Name", "The Ferryman"), ("Location", "Shimanto River")],
    ],
)
def test_labels_on_their_phrases_pass_in_any_order(pairs: list[tuple[str, str]]) -> None:
    assert codes_of(span_swapped(SOURCE, labelled("en", NOVEL, *pairs))) == []


@pytest.mark.parametrize(
    "pairs",
    [
        [("Person", "Shimanto River"), ("Product Name", "The Ferryman"), ("Location", "Tsumugi Nomiyama")],
        [("Person", "novel"), ("Product Name", "The Ferryman"), ("Location", "Shimanto River")],
        [("Person", "Tsumugi Nomiyama"), ("Product Name", "Shimanto River"), ("Location", "Shimanto River")],
    ],
)
def test_a_label_on_another_phrase_is_found(pairs: list[tuple[str, str]]) -> None:
    assert codes_of(span_swapped(SOURCE, labelled("en", NOVEL, *pairs))) == ["span_swapped"]


def test_resemblance_needs_no_dictionary() -> None:
    assert resemblance("野見山紬", "野见山䌷", "ja", "zh") == 1.0
    assert resemblance("野見山紬", "Tsumugi Nomiyama", "ja", "en") == 1.0
    assert resemblance("ゴールウェイ", "Galway", "ja", "en") > 0.5
    assert resemblance("電池", "Galway", "ja", "en") == 0.0


def test_a_lost_clause_is_found_by_length_and_words() -> None:
    source = record(
        "ja", "伊勢湾台風は、1959年9月に東海地方を襲った台風であり、木曽川の堤防が決壊し、約15万棟の家屋が全半壊した。"
    )
    whole = "伊势湾台风是1959年9月袭击东海地区的台风，木曾川堤坝溃决，约15万栋房屋全毁或半毁。"
    cut = "伊势湾台风是1959年9月袭击东海地区的台风。"
    assert codes_of(clause_lost(source, record("zh", whole))) == []
    assert codes_of(clause_lost(source, record("zh", cut))) == ["clause_lost", "words_lost"]
    assert clause_score(source, record("zh", cut)) > clause_score(source, record("zh", whole))


def test_each_check_has_a_switch_that_turns_it_off() -> None:
    section = config.read("checks", Checks)
    assert set(CHECKS) == set(vars(section)) - {"refuse", "warn", "warned", "likelihood"}
    target = record("en", ENGLISH, ("Matsue", 3))
    only = Checks(0.9, 0.5, "keep", **{name: name == "span_offset" for name in CHECKS})
    none = Checks(0.9, 0.5, "keep", **dict.fromkeys(CHECKS, False))
    assert faults(EMPTY, target, only) == ["span_offset"]
    assert faults(EMPTY, target, none) == []


def test_the_labels_that_name_kinds_are_labels_of_the_tables() -> None:
    from stages.checks.kinds import KINDS, RELATIONS

    relations = read_json("schemas/labels/TCREE.json")["tasks"]["RE"]["labels"]["ja"]
    entities = read_json("schemas/labels/SCNM.json")["tasks"]["NER"]["labels"]["ja"]
    assert set(RELATIONS) == set(relations)
    assert set(entities) <= set(KINDS)
