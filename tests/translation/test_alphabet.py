"""The schema that endpoints enforce: it lets a right translation of any source through, and no source language."""

from __future__ import annotations

import pytest
import regex

from stages.records.record import Record
from stages.translation.source_text import by_text
from stages.translation.tagged import Tagged, alphabet_for
from tests.support.openai_server import record
from tests.support.tagged import FREE, SPEC
from tests.translation.test_tagged_reading import LLM


def lets(records: list[Record], lang: str, text: str, recorded: frozenset[str] = frozenset()) -> bool:
    """Whether the pattern of the answer's text, if there is one, lets it through."""
    (source,) = by_text(records, lang)
    body = Tagged(lang, SPEC, LLM, FREE, recorded).request(source).body
    form = body["response_format"]["schema"]["properties"]["text"].get("pattern")
    return form is None or bool(regex.fullmatch(form.removeprefix("^").removesuffix("$"), text))


@pytest.mark.parametrize(
    ("source", "lang", "right", "wrong"),
    [
        ("京都で楽しかった🎉", "en", "<e1>Kyoto</e1> was fun 🎉", "<e1>京都</e1> was fun 🎉"),
        ("京都★★☆、音は♪。", "zh", "<e1>京都</e1>★★☆，声音♪。", "<e1>京都</e1>は★★☆。"),
        ("京都[仮]の^-^]", "en", "<e1>Kyoto</e1> [tentative] ^-^]", "<e1>京都</e1>"),
        ("京都の𠮷野家。", "zh", "<e1>京都</e1>的𠮷野家。", "<e1>京都</e1>の𠮷野家。"),
        ("京都の𠮷野家。", "en", "Yoshinoya of <e1>Kyoto</e1>.", "𠮷 of <e1>Kyoto</e1>."),  # its one rare letter
        ("京都は‼️⁉︎ⅣⅥ①", "zh", "<e1>京都</e1>‼️⁉︎ⅣⅥ①", "<e1>きょうと</e1>"),
    ],
)
def test_what_the_source_holds_may_come_back_and_the_source_language_may_not(
    source: str, lang: str, right: str, wrong: str
) -> None:
    views = [record("SCNM", "NER", "1", source, "社会", [("地名", "京都")])]
    assert lets(views, lang, right)
    assert not lets(views, lang, wrong)


@pytest.mark.parametrize("text", ['京都は"古都"だ。', "京都は\n古都だ。", "京都の\\だ。", "京都の\tだ。"])
def test_what_json_escapes_lifts_the_pattern(text: str) -> None:
    assert lets([record("SCNM", "NER", "1", text, "社会", [("地名", "京都")])], "en", '<e1>Kyoto</e1> is\n"old\\".')


def test_a_span_with_an_angle_bracket_may_be_listed() -> None:
    views = [record("SCNM", "NER", "1", "a<bは京都だ。", "社会", [("製品名", "a<b"), ("地名", "京都")])]
    (source,) = by_text(views, "en")
    parts = Tagged("en", SPEC, LLM, FREE).request(source).body["response_format"]["schema"]["properties"]["parts"]
    assert "pattern" not in parts["properties"]["e1"]
    assert "pattern" in parts["properties"]["e2"]


def test_a_text_within_the_alphabets_is_asked_as_ever() -> None:
    own, target = (str(SPEC.by_language("allowed", lang)) for lang in ("ja", "en"))
    assert alphabet_for("「京都」へ、7日に<行った>。", target, own, "en") == target


def test_a_response_recorded_under_the_alphabet_alone_stands() -> None:
    views = [record("SCNM", "NER", "1", "京都🎉", "社会", [("地名", "京都")])]
    (source,) = by_text(views, "en")
    form = Tagged("en", SPEC, LLM, FREE)
    narrow = form._request(source, str(SPEC.by_language("allowed", "en")))
    assert form.request(source).key != narrow.key
    assert Tagged("en", SPEC, LLM, FREE, frozenset([narrow.key])).request(source).key == narrow.key
    assert not lets(views, "en", "<e1>Kyoto</e1>🎉", frozenset([narrow.key]))
