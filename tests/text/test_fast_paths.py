"""What is looked up, skipped or shared for speed gives what the plain way gives."""

from __future__ import annotations

from itertools import accumulate

import opencc  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.checks.shape import LOOP, loops
from stages.text.phonetics import _DROPS, _SWAPS, likenesses
from stages.text.readings import _read_exactly, _read_nearly, _voiced, fold_han, reads_as
from stages.text.spelling import _KANA, _SMALL, kana_key, latin_key, romaji, unlike_kana

NAMES = st.text("川原山田太郎はやぶさキノコッー々一", min_size=1, max_size=7)
KEYS = st.text("kawagrytoinuesm", max_size=9)
SOUNDS = st.text("aiueokstnrhmSTf", max_size=8)


@settings(max_examples=150, deadline=None)
@given(NAMES, KEYS, st.booleans())
@pytest.mark.parametrize("spelt", ["", "kawa", "yamada", "hayabusa", "noko", "taroga"])
def test_a_reading_looked_up_by_letter_is_the_one_with_no_edits(spelt: str, text: str, key: str, whole: bool) -> None:
    for asked in (spelt + key, spelt):
        found = _read_exactly(text, asked, whole)
        assert found == reads_as(text, asked, whole=whole) == _read_nearly(text, asked, whole, 0)
        nearly = _read_nearly(text, asked, whole, 1)
        assert nearly == reads_as(text, asked, whole=whole, budget=1)


@settings(max_examples=300, deadline=None)
@given(st.text(sorted({*_KANA, *_SMALL}), max_size=6))
def test_no_key_of_kana_is_unlike_kana(kana: str) -> None:
    assert not any(map(unlike_kana, _voiced(kana_key(kana))))
    assert [unlike_kana(latin_key(word)) for word in ("Sakura", "Carla", "Alstromer")] == [0, 1, 3]


def distance(part: str, other: str, within: bool) -> int:
    """Wagner and Fischer's, a cell at a time."""
    row = [0] * (len(other) + 1) if within else [0, *accumulate(int(_DROPS[ord(letter)]) for letter in other)]
    for a in part:
        new = [row[0] + int(_DROPS[ord(a)])]
        for n, b in enumerate(other):
            swapped = row[n] + int(_SWAPS[ord(a), ord(b)])
            new.append(min(swapped, row[n + 1] + int(_DROPS[ord(a)]), new[n] + int(_DROPS[ord(b)])))
        row = new
    return min(row) if within else row[-1]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(SOUNDS, SOUNDS), min_size=1, max_size=8))
def test_sounds_compared_at_once_are_as_alike_as_one_by_one(asked: list[tuple[str, str]]) -> None:
    for (part, other), (whole, within) in zip(asked, likenesses(asked), strict=True):
        if not part or not other:
            assert whole == within == 0
            continue
        own, theirs = (sum(int(_DROPS[ord(letter)]) for letter in sound) for sound in (part, other))
        assert whole == 1 - distance(part, other, False) / ((own + theirs) / 2)
        assert within == 1 - distance(part, other, True) / own


def test_a_sound_of_a_book_s_length_is_compared_by_its_beginning() -> None:
    (whole, _), (other, _) = likenesses([("kasutora" * 5_000, "kasutora" * 4_000), ("kasutora", "kasutora")])
    assert whole == other == 1


@given(
    st.text(
        "ァアィイゥウェエォオカガキギクグコゴサシジスズチッツヅテデトドナニネノハフヘホマミムメモャヤュユョヨラリルレロワヲンヴーあさんょっ・A",
        max_size=8,
    )
)
def test_a_key_of_kana_is_that_of_its_letters(kana: str) -> None:
    assert kana_key(kana) == latin_key(romaji(kana))


@given(st.text("ab、 会", max_size=40), st.text("ab 会", min_size=1, max_size=12))
def test_what_may_loop_is_asked_first(text: str, again: str) -> None:
    for whole in (text, text + again * 3 + text):
        found = any(any(map(str.isalpha, m[1])) and len(set(m[1].strip())) > 1 for m in LOOP.finditer(whole))
        assert loops(whole) == found


def test_shapes_are_opencc_s_with_and_without_its_phrases() -> None:
    convert = opencc.OpenCC("t2s").convert
    for text in ("", "乾隆皇帝", "乾燥的頭髮", "不瞭解", "一目瞭然國家", "發展與圖書館"):
        assert fold_han(text) == convert(text)
