"""Characters that no reader sees, and those that stand for something lost."""

from __future__ import annotations

import pytest

from stages.text.characters import clean, garbled, lost


@pytest.mark.parametrize(
    "mark", ["\u200b", "\ufeff", "\u2060", "\u00ad", "\u202e", "\u2066", "\u200f", "\u034f", "\u3164", "\U000e0041", "\u200d"]
)  # fmt: skip
def test_an_invisible_character_that_says_nothing_is_taken_out_unless_it_is_to_be_kept(mark: str) -> None:
    assert clean(f"Mori{mark}oka") == ("Morioka", 1)
    assert clean(f"Mori{mark}oka", {mark}) == (f"Mori{mark}oka", 0)


@pytest.mark.parametrize(
    "text",
    [
        "👨\u200d👩\u200d👧",  # a family of three
        "👩🏽\u200d🔬",  # with a colour of skin
        "❤\ufe0f 1\ufe0f\u20e3",
        "葛\U000e0100城市",  # a shape of a Han character
        "می\u200cخواهم",  # Persian
        "क्\u200dष",  # Hindi
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # a flag
        "Café, 盛岡市。\tこ\n",
    ],
)
def test_one_that_says_something_stays(text: str) -> None:
    assert clean(text) == (text, 0)


def test_what_stands_for_something_lost_is_named() -> None:
    assert lost("a\0b\x1b\x85\ufffd\ue000\ufdd0") == {"\0", "\x1b", "\x85", "\ufffd", "\ue000", "\ufdd0"}
    assert lost("Café, 盛岡市。\t\r\n🎉") == set()


@pytest.mark.parametrize(
    "text", ["CafÃ©", "donâ€™t", "20 Â°C", "Ã‰cole", "ÐŸÑ€Ð¸Ð²ÐµÑ‚", "æ—¥æœ¬", "ðŸ˜€", "H̶i̶", "Z̴̡͓a", "𝐛𝐨𝐥𝐝", "ⓐⓑ", "⾼い"]
)
def test_text_that_was_decoded_wrongly_or_is_heaped_with_marks_is_named(text: str) -> None:
    assert garbled(text)


@pytest.mark.parametrize(
    "text",
    ["Café", "“CAFÉ”", "«SÍ»", "MANHÃ”", "20 °C, 5 km²", "Nguyễn", "e\u0302\u0301", "≠ ≮", "カ\u3099", "กำลัง", "葛\U000e0100城", "à ½", "𝑥 + 1", "① ②"],
)  # fmt: skip
def test_letters_with_the_marks_of_their_orthography_are_not(text: str) -> None:
    assert garbled(text) == set()
