"""Tags around spans: what goes in comes out, and any string is read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.translation.markup import Place, nested, pattern, read, tag


def numbered(*places: Place) -> dict[int, Place]:
    """Marks as a source text numbers them."""
    return dict(enumerate(sorted(places, key=lambda place: (place[0], -place[1])), start=1))


@st.composite
def marked(draw: Any) -> tuple[str, dict[int, Place]]:
    """A text without white space at its ends, and marks in it, also nested, crossing and side by side."""
    text = "「" + draw(st.text(max_size=20)) + draw(st.sampled_from(["", "<e1>", "&amp;", "</e2>", "a < b & c"])) + "。"
    places = st.tuples(st.integers(0, len(text) - 1), st.integers(1, len(text))).filter(lambda p: p[0] < p[1])
    solid = places.filter(lambda p: text[p[0] : p[1]].strip() == text[p[0] : p[1]] != "")
    return text, numbered(*draw(st.sets(solid, max_size=6)))


@given(marked())
def test_a_tagged_text_is_read_back_with_every_mark_in_its_place(case: tuple[str, dict[int, Place]]) -> None:
    text, marks = case
    result = read(tag(text, marks), len(marks), text)
    assert result.text == text
    assert not result.faults
    assert result.places == {number: marks[number] for number in nested(marks)}


@given(st.text(alphabet="<>/e12&;amp lt\n東", max_size=40), st.integers(0, 3))
def test_any_string_is_read_and_every_place_holds_words(tagged: str, ids: int) -> None:
    result = read(tagged, ids)
    for number, (start, end) in result.places.items():
        assert 1 <= number <= ids
        assert 0 <= start < end <= len(result.text)
        assert result.text[start:end].strip() == result.text[start:end]


@given(marked())
def test_the_pattern_accepts_a_tagged_text_and_no_open_tag(case: tuple[str, dict[int, Place]]) -> None:
    text, marks = case
    if "<" in text or "\n" in text or not text.isprintable():
        return
    form = re.compile(pattern(marks, "^<"))
    assert form.fullmatch(tag(text, marks))
    assert not form.fullmatch("<e1>" + tag(text, {}))


@pytest.mark.parametrize(
    ("tagged", "text", "places", "faults"),
    [
        ("In <e2>Kyoto</e2>, <e1>Ito</e1> sang.", "In Kyoto, Ito sang.", {1: (10, 13), 2: (3, 8)}, []),
        ("<e1>the <e2>red</e2> car</e1>", "the red car", {1: (0, 11), 2: (4, 7)}, []),
        (" <e1> Ito </e1> sang. ", "Ito  sang.", {1: (0, 3)}, []),
        ("<e1>Ito sang.", "Ito sang.", {}, ["unclosed_tag"]),
        ("Ito</e1> sang.", "Ito sang.", {}, ["unclosed_tag"]),
        ("<e1>Ito</e1> and <e1>Ito</e1>", "Ito and Ito", {1: (0, 3)}, ["duplicate_tag"]),
        ("<e1>Ito</e1> in <e9>Kyoto</e9>", "Ito in Kyoto", {1: (0, 3)}, ["unknown_tag", "unknown_tag"]),
        ("<e1></e1>Ito", "Ito", {}, ["empty_tag"]),
        ("a &lt; b &amp; c", "a < b & c", {}, []),
    ],
)
def test_tags_of_a_translation(tagged: str, text: str, places: dict[int, Place], faults: list[str]) -> None:
    result = read(tagged, 2)
    assert (result.text, result.places, result.faults) == (text, places, faults)


def test_a_mark_that_crosses_another_is_left_to_projection() -> None:
    assert tag("東京都知事", numbered((0, 3), (2, 5))) == "<e1>東京都</e1>知事"
    assert tag("東京都知事", numbered((0, 5), (0, 2), (3, 5))) == "<e1><e2>東京</e2>都<e3>知事</e3></e1>"


# Opening and closing tag as models write them: the kinds of issue reports, and more of each.
MANGLED = [
    ("<E1>", "</E1>"),
    ("< e1 >", "< / e1 >"),
    ("<e 1>", "</e 1>"),
    ("＜e1＞", "＜/e1＞"),
    ("＜ｅ１＞", "＜／ｅ１＞"),
    ("&lt;e1&gt;", "&lt;/e1&gt;"),
    ("&#60;e1&#62;", "&#60;/e1&#62;"),
    ("\\u003ce1\\u003e", "\\u003c/e1\\u003e"),
    ("<e1>", "<\\/e1>"),
    ("[e1]", "[/e1]"),
    ("{e1}", "{/e1}"),
    ("【e1】", "【/e1】"),
    ("(e1)", "(/e1)"),
    ("‹e1›", "‹/e1›"),
    ("«e1»", "«/e1»"),
    ('<e1 type="person">', "</e1>"),
    ("<e1 id=1 class='x'>", "</e1>"),
    ("<e01>", "</e01>"),
    ("<e001>", "</e1>"),
    ("<e1 ", "</e1>"),
    ("<e1>", "</e1"),
    ("e1>", "</e1>"),
    ("<e1>", "/e1>"),
    ("<e1>", "<e1/>"),
    ("<e1>", "<e1>"),
    ("<e1>", "</e>"),
]


@pytest.mark.parametrize(("opening", "closing"), MANGLED)
def test_a_mangled_tag_is_read_for_what_it_is(opening: str, closing: str) -> None:
    result = read(f"The poet {opening}Yukari Shiratori{closing} was born in <e2>Morioka</e2>.", 2, "詩人の白鳥")
    assert result.text == "The poet Yukari Shiratori was born in Morioka."
    assert result.places == {1: (9, 25), 2: (38, 45)}


@pytest.mark.parametrize(
    ("tagged", "source", "text", "places"),
    [
        # What the source has itself is text, escaped or not.
        ("The <e1> element is used in <e1>Kobe</e1>.", "<e1>要素を神戸で使う。", "The <e1> element is used in Kobe.", {1: (28, 32)}),
        ("The &lt;e1> element, <e1>Kobe</e1>.", "<e1>要素、神戸。", "The <e1> element, Kobe.", {1: (18, 22)}),
        ("In <e1>Kobe</e1> one writes </e1>.", "神戸では</e1>と書く。", "In Kobe one writes </e1>.", {1: (3, 7)}),
        ("See [e1] in <e1>Kobe</e1>.", "神戸の[e1]を見よ。", "See [e1] in Kobe.", {1: (12, 16)}),
        # No tag: no number of this text, no bracket, one bracket alone.
        ("See [e9] and e1 of (e1).", "神戸。", "See [e9] and e1 of (e1).", {}),
    ],
)  # fmt: skip
def test_what_looks_like_a_tag_and_is_text_stays(tagged: str, source: str, text: str, places: dict[int, Place]) -> None:
    result = read(tagged, 1, source)
    assert (result.text, result.places) == (text, places)
