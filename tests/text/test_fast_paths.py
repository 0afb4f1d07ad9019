"""What is looked up, skipped or shared for speed gives what the plain way gives."""

from __future__ import annotations

import opencc  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.text.phonetics import likeliest, likeness
from stages.text.readings import _read_exactly, _read_nearly, fold_han

NAMES = st.text("川原山田太郎はやぶさキノコッー々一", min_size=1, max_size=7)
KEYS = st.text("kawagrytoinuesm", max_size=9)
SOUNDS = st.text("aiueokstnrhmSTf", max_size=8)


@settings(max_examples=150, deadline=None)
@given(NAMES, KEYS, st.booleans())
@pytest.mark.parametrize("spelt", ["", "kawa", "yamada", "hayabusa", "noko", "taroga"])
def test_a_reading_looked_up_by_letter_is_the_one_with_no_edits(spelt: str, text: str, key: str, whole: bool) -> None:
    for asked in (spelt + key, spelt):
        assert _read_exactly(text, asked, whole) == _read_nearly(text, asked, whole, 0)


@settings(max_examples=200, deadline=None)
@given(st.lists(SOUNDS, min_size=1, max_size=5), SOUNDS, st.booleans())
def test_sounds_that_begin_alike_are_compared_as_one_by_one(parts: list[str], other: str, within: bool) -> None:
    best = max(likeness(part, other, within=within) for part in parts)
    assert likeliest(tuple(sorted(parts)), other, within=within) == best


def test_shapes_are_opencc_s_with_and_without_its_phrases() -> None:
    convert = opencc.OpenCC("t2s").convert
    for text in ("", "乾隆皇帝", "乾燥的頭髮", "不瞭解", "一目瞭然國家", "發展與圖書館"):
        assert fold_han(text) == convert(text)
