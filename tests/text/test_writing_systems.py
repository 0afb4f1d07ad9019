"""Which Han characters are Chinese, and what counts as left of the source language."""

from __future__ import annotations

import pytest

from stages.text.writing_systems import chinese_shape, untranslated


@pytest.mark.parametrize(
    ("shape", "characters"),
    [
        ("good", "国发广图大学公司々〇〻松冈"),
        ("japanese", "発広図気圧鉄駅県塩歯沢渋亜円會國圖經働込枠匂値姫氷"),
        ("shared", "浜芸弁予糸缶"),
        # rare simplified characters, and Japanese ones that Chinese keeps in names
        ("rare", "镕堃喆赟䌷榊埼笹榎潟𠮷"),
    ],
)
def test_a_han_character_has_a_chinese_shape_or_not(shape: str, characters: str) -> None:
    assert {character: chinese_shape(character) for character in characters} == dict.fromkeys(characters, shape)


@pytest.mark.parametrize("text", ["𠮷野家开了新店。", "他住在新潟市。", "朱镕基来了。", "埼玉县", "竹﨑"])
def test_a_rare_character_is_no_sign_of_an_untranslated_text(text: str) -> None:
    assert list(untranslated("zh", [text])) == []


@pytest.mark.parametrize("text", ["広岛", "刷新連盟", "劳働", "图书舘"])
def test_a_shape_that_chinese_does_not_write_is(text: str) -> None:
    assert list(untranslated("zh", [text])) == ["untranslated_han"]
