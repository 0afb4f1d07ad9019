"""The free steps of span projection: what each finds, and what it must not."""

from __future__ import annotations

import pytest

from stages.translation.markup import Place
from stages.translation.projection import STEPS, find, fold, simplify, stem


@pytest.mark.parametrize(
    ("lang", "text", "part", "step", "found"),
    [
        ("en", "The cars stopped in Kyoto.", "Kyoto", "exact", "Kyoto"),
        ("en", "The Kyoto Shimbun reported it.", "kyoto shimbun", "folded", "Kyoto Shimbun"),
        ("en", "It costs ７ dollars.", "7 dollars", "folded", "７ dollars"),
        ("en", "The batteries ran out.", "battery", "inflected", "batteries"),
        ("en", "It stopped at once.", "stop", "inflected", "stopped"),
        ("en", "A factory closed.", "the factory", "inflected", "factory"),
        ("en", "The company's controls are easy.", "control", "inflected", "controls"),
        ("en", "Governor Takenakka spoke.", "Takenaka", "fuzzy", "Takenakka"),
        ("zh", "他住在大阪国际会馆。", "大阪國際會館", "folded", "大阪国际会馆"),
        ("zh", "马尔塔·奥尔森的雕刻", "马尔塔・奥尔森", "folded", "马尔塔·奥尔森"),
        ("ja", "ＡＢＣ社が発表した。", "ABC社", "folded", "ＡＢＣ社"),
        ("ja", "ｶﾞｽ会社が発表した。", "ガス会社", "folded", "ｶﾞｽ会社"),
    ],
)
def test_a_step_finds_a_part(lang: str, text: str, part: str, step: str, found: str) -> None:
    result = find(text, part, lang, [], STEPS)
    assert result is not None
    assert (result[0], text[result[1][0] : result[1][1]]) == (step, found)


def test_the_words_of_the_source_are_looked_for_where_they_may_stand() -> None:
    assert find("山顶有火口湖的镜池。", "冬不结冰", "zh", [], STEPS, "鏡池") == ("copied", (7, 9))
    assert find("It runs on macOS.", "the system", "en", [], STEPS, "macOS") == ("copied", (11, 16))
    assert find("ノートがある。", "本", "ja", [], ["copied"], "ノート") is None  # kana is left Japanese, or no copy
    assert find("山と川。", "河", "zh", [], ["copied"], "山") is None  # one character stands anywhere


@pytest.mark.parametrize(
    ("text", "part", "found"),
    [
        ("由气象局命名的。", "气象庁", "气象局"),
        ("在盛冈站开通。", "盛岡駅", "盛冈站"),
        ("白浜町，两天内", "浜町天", None),  # not over a comma
        ("续集很无聊。", "续编", None),  # one of two
    ],
)
def test_a_phrase_with_most_of_its_characters_in_place_is_near(text: str, part: str, found: str | None) -> None:
    result = find(text, part, "zh", [], ["near"])
    assert (result and text[slice(*result[1])]) == found


@pytest.mark.parametrize(
    ("lang", "text", "part"),
    [
        ("en", "They left the office.", "art"),
        ("en", "He is an artist.", "art"),  # inside a word
        ("en", "The red car.", "blue car"),
        ("zh", "他住在东京。", "东方明珠"),
        ("en", "Nothing.", ""),
    ],
)
def test_no_step_finds_what_is_not_there(lang: str, text: str, part: str) -> None:
    assert find(text, part, lang, [], STEPS) is None


def test_a_part_goes_to_the_first_place_that_no_other_span_holds() -> None:
    text = "Ito met Ito."
    taken: list[Place] = [(0, 3)]
    assert find(text, "Ito", "en", taken, STEPS) == ("exact", (8, 11))
    assert find(text, "Ito", "en", [*taken, (8, 11)], STEPS) is None


def test_a_step_that_is_switched_off_is_not_taken() -> None:
    assert find("The cars.", "car", "en", [], ["exact", "folded", "fuzzy"]) is None


def test_folding_keeps_a_map_of_places() -> None:
    folded, places = fold("ｶﾞ ス国")
    assert folded == "カ\u3099ス国"
    assert places == [0, 1, 3, 4]


def test_half_a_character_is_no_match() -> None:
    assert find("ガス会社", "カ", "ja", [], STEPS) is None
    assert find("Malmö is in Sweden.", "Malmo", "en", [], STEPS) == ("folded", (0, 5))


@pytest.mark.parametrize(
    ("lang", "text", "part", "step", "found"),
    [
        ("en", "He lives in Malmo\u0308 now.", "Malmö", "folded", "Malmo\u0308"),
        ("en", "Jose\u0301 sang.", "Jose", "folded", "Jose\u0301"),  # not without its accent
        ("ja", "カ\u3099ス会社", "ガス会社", "folded", "カ\u3099ス会社"),
        ("zh", "由ＡＢＣ公司生产。", "ABC公司", "folded", "ＡＢＣ公司"),
    ],
)
def test_composed_and_decomposed_letters_agree_and_a_span_ends_where_a_character_does(
    lang: str, text: str, part: str, step: str, found: str
) -> None:
    result = find(text, part, lang, [], STEPS)
    assert result is not None
    assert (result[0], text[slice(*result[1])]) == (step, found)


def test_simplified_text_keeps_its_length_and_what_is_good_chinese() -> None:
    assert simplify("国際会館で乾杯，著名な発電所") == "国际会馆で乾杯，著名な发电所"


def test_stems_of_inflected_words_are_one() -> None:
    assert stem("stops") == stem("stopped") == stem("stopping")
    assert stem("batteries") == stem("battery")
    assert stem("closes") == stem("closed") == stem("close")
    assert stem("is") == "is"
