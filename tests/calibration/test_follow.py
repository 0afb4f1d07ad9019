"""Spans follow an edit: to the right mention, through changed words, out of sight, in scripts without blanks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.calibration.follow import follow, moved


@pytest.mark.parametrize(
    ("old", "new", "start", "words", "after"),
    [
        # the annotated mention is the second of two
        ("The Nada ward museum stands in Nada ward, Kobe.", "The Nada ward museum is in Nada ward, Kobe.", 31, "Nada ward", (27, "Nada ward")),
        # something before it, something after it
        ("A b c", "Indeed, a very B: A b c", 2, "b", (20, "b")),
        ("Kume was born.", "Kume Masao was born.", 0, "Kume", (0, "Kume")),
        # its words are replaced, at an end, in the middle, as a whole
        ("Kaneda Shinko wrote it.", "Kaneda Shiko wrote it.", 0, "Kaneda Shinko", (0, "Kaneda Shiko")),
        ("in Nada ward, Kobe", "in Nada district, Kobe", 3, "Nada ward", (3, "Nada district")),
        ("the Green old Party was", "the Green new Party was", 4, "Green old Party", (4, "Green new Party")),
        ("by Kaneda in 2011", "by Kunugi in 2011", 3, "Kaneda", (3, "Kunugi")),
        # it is gone
        ("The museum stands in Nada ward, Kobe.", "The museum stands in Kobe.", 21, "Nada ward", None),
        # the sentence is turned round: it stands there once
        ("In Kobe lives Kume, who sings.", "Kume, who sings, lives in Kobe.", 14, "Kume", (0, "Kume")),
        # Japanese: a particle, a name by one character, an emoji before it
        ("灘区の博物館は神戸市の灘区に立つ。", "灘区の博物館が神戸市の灘区に立つ。", 11, "灘区", (11, "灘区")),
        ("作家の久米正雄は書いた。", "作家の粂正雄は書いた。", 3, "久米正雄", (3, "粂正雄")),
        ("と𠮷野は鳥を見た。", "👩‍👩‍👧と𠮷野は鳥を見た。", 1, "𠮷野", (6, "𠮷野")),
        # zh, one word changed for a longer one next to it
        ("他出生于松江。", "他于1987年出生于松江市。", 4, "松江", (10, "松江")),
    ],
)  # fmt: skip
def test_a_span_follows_its_words(old: str, new: str, start: int, words: str, after: tuple[int, str] | None) -> None:
    assert old[start : start + len(words)] == words
    found = moved(old, new, [{"label": "x", "spans": [{"text": words, "start": start}]}])[0]["spans"][0]
    assert found == ({"text": words, "start": None} if after is None else {"text": after[1], "start": after[0]})


def test_of_two_mentions_one_is_struck_out_and_only_one_place_is_left() -> None:
    places = follow("Kobe and Kobe are here.", "Kobe is here.", [(0, 4), (9, 13)])
    assert sorted(places, key=str) == [(0, 4), None]


@given(st.text(max_size=40), st.text(max_size=40), st.data())
def test_whatever_the_edit_a_place_holds_words_of_the_new_text(old: str, new: str, data: st.DataObject) -> None:
    if not old:
        return
    start = data.draw(st.integers(0, len(old) - 1))
    end = data.draw(st.integers(start + 1, len(old)))
    (place,) = follow(old, new, [(start, end)])
    if place is not None:
        assert 0 <= place[0] < place[1] <= len(new)
        assert new[place[0] : place[1]].strip() == new[place[0] : place[1]]
    if old == new and old[start:end].strip() == old[start:end]:
        assert place == (start, end)


@given(st.text(min_size=1, max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_what_is_put_before_and_after_a_text_moves_its_spans_and_no_more(text: str, before: str, after: str) -> None:
    words = text.strip()
    if not words or words in before or words in after:
        return
    (place,) = follow(f"<{words}>", f"{before}<{words}>{after}", [(1, 1 + len(words))])
    assert place is None or f"{before}<{words}>{after}"[place[0] : place[1]]
