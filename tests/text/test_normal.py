"""A normalised text is the same whatever the code points, and every place in it leads back to the text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text.normal import normalised

TEXTS = st.text(st.sampled_from("がｶﾞ1１Ａaé\u0301\u3099ﾟ🎉👩\u200d🔬한\u1112\u1161 、｡！½²㎡"), max_size=30)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("ｶﾞｲﾄﾞﾌﾞｯｸ", "ガイドブック"),
        (unicodedata.normalize("NFD", "ポケットのがま口"), "ポケットのがま口"),
        ("Ｒ２－Ｄ２", "R2－D2"),
        ("１２３４円｡", "1234円。"),
        ("真的吗！５²", "真的吗！5²"),
        ("Ame\u0301lie", "Amélie"),
    ],
)
def test_forms_of_one_text_are_one(text: str, normal: str) -> None:
    assert normalised(text).text == normal


@given(TEXTS)
def test_normalising_again_changes_nothing(text: str) -> None:
    once = normalised(text).text
    assert normalised(once).text == once


@given(TEXTS, st.data())
def test_every_stretch_comes_from_the_stretch_that_its_place_names(text: str, data: st.DataObject) -> None:
    normal = normalised(text)
    start = data.draw(st.integers(0, len(normal.text)))
    low, high = normal.place(start, len(normal.text))
    assert 0 <= low <= high == len(text)
    assert normal.find(low) <= start  # a cluster of several code points is one place
    assert normalised(text[:low]).text + normalised(text[low:]).text == normal.text or not text[:low]
