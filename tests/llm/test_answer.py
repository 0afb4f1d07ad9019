"""What stages/llm/answer.py reads out of what models write."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.llm.answer import Answer, is_empty, json_answer, read

OBJECT = {"class": "Society"}
PLAIN = json.dumps(OBJECT)


def response(content: str, reason: str | None = "stop", refusal: str | None = None) -> dict[str, Any]:
    return {"content": content, "finish_reason": reason, "refusal": refusal, "model": "m", "usage": {}}


@pytest.mark.parametrize(
    ("content", "mended"),
    [
        (PLAIN, ()),
        (f" \n{PLAIN}\n", ()),
        (f"```json\n{PLAIN}\n```", ("fence",)),
        (f"```\n{PLAIN}```\n", ("fence",)),
        (f"~~~json\n{PLAIN}\n~~~", ("prose",)),
        (f"Here is the class you asked for:\n\n```JSON\n{PLAIN}\n```\nAnything else?", ("fence",)),
        (f"Sure! {PLAIN} Hope this helps.", ("prose",)),
        (f"\ufeff{PLAIN}", ()),
        (f"<think>Rain in a city.</think>\n{PLAIN}", ("thoughts",)),
        (f'<think>Not {{"class": "Sports"}}, I think, nor {{x}}.</think>{PLAIN}', ("thoughts",)),
        (f'It may be {{"class": "Sports"}}.</think>\n\n{PLAIN}', ("thoughts",)),  # the template opened the thoughts
        (f"[THINK]{{a}} or {{b}}[/THINK]```json\n{PLAIN}\n```", ("fence", "thoughts")),
        (f"<|channel|>analysis<|message|>{{}}<|end|><|channel|>final<|message|>{PLAIN}", ("thoughts",)),
        (f"The set {{Society, Sports}} has two; \\frac{{a}}{{b}} is none. {PLAIN}", ("prose",)),
        (f"{PLAIN}\n{PLAIN}", ("several",)),
        (f'{{"thought": "news of a town"}}\n{PLAIN}', ("several",)),
        (f'{PLAIN}\n{{"confidence": 0.9}}', ("several",)),
        ('{"class": "Society",}', ("comma",)),
        ('```json\n{"class": "Society" ,\n}\n```', ("comma", "fence")),
        (json.dumps(PLAIN), ("quoted",)),
    ],
)
def test_the_object_is_found_in_what_stands_around_it(content: str, mended: tuple[str, ...]) -> None:
    assert read(response(content), ["class"]) == Answer(OBJECT, None, mended)


@pytest.mark.parametrize(
    ("content", "value", "mended"),
    [
        ('{"text": "one\ntwo"}', {"text": "one\ntwo"}, ("line_break",)),
        ('{"text": "one\ttwo", "list": [1, 2, ],}', {"text": "one\ttwo", "list": [1, 2]}, ("comma", "line_break")),
        ('{"text": "half \\ud83d"}', {"text": "half \ufffd"}, ("surrogate",)),
        ('{"text": {"\\udc00": ["\\udfff"]}}', {"text": {"\ufffd": ["\ufffd"]}}, ("surrogate",)),
        ('{"text": "whole \\ud83d\\ude00"}', {"text": "whole 😀"}, ()),
        (
            "{'text': 'Society', 'sure': True, 'why': None}",
            {"text": "Society", "sure": True, "why": None},
            ("constant", "quotes"),
        ),
        ("{'text': \"l'eau\"}", {"text": "l'eau"}, ("quotes",)),
        ('{"text": "a", "score": NaN, "top": [-Infinity]}', {"text": "a", "score": None, "top": [None]}, ("constant",)),
        ('{"text": "a", // , }\n}', {"text": "a"}, ("comma", "comment")),
        ('{/* {"text": "b"} */ "text": "http://a.b // c"}', {"text": "http://a.b // c"}, ("comment",)),
        ('[{"text": "a"}]', {"text": "a"}, ("list",)),
        ('{"text": "a, ] and , } stay",}', {"text": "a, ] and , } stay"}, ("comma",)),
        ('x {"text": "a \\" } b"} y', {"text": 'a " } b'}, ("prose",)),
        ('{"text": "<think>"}', {"text": "<think>"}, ()),
    ],
)
def test_what_has_one_reading_only_is_mended(content: str, value: Any, mended: tuple[str, ...]) -> None:
    assert read(response(content), ["text"]) == Answer(value, None, mended)


@pytest.mark.parametrize(
    ("content", "failure"),
    [
        ("", "not_json"),
        ("Society", "not_json"),
        ("{'class': 'l'eau'}", "not_json"),  # where the string ends is a guess
        ("{'class': 'so-called \"Society\"'}", "not_json"),
        ("{class: 'Society'}", "not_json"),
        ('{"class": "Society"', "not_json"),
        ('{"class": Society}', "not_json"),
        ('{"class": "Society" "why": {"class": "Sports"}}', "not_json"),  # no part of a broken object
        ("<think>" + PLAIN, "not_json"),  # thoughts without an end
        ('```json\n{"class": NaNa}\n```', "not_json"),
        ('{"class": "Society\']}\n```json\n{" }', "not_json"),  # a string that was not closed, and runs on
        ('```json\n{"colour": "blue"}\n```', "not_json"),
        ('{"class": "Society"} or rather {"class": "Sports"}', "several_answers"),
        ('```json\n{"class": "Society"}\n```\nUser: more\n```json\n{"class": "Sports"}\n```', "several_answers"),
        ("[" * 100_000, "not_json"),
        ('{"class":' * 20_000, "not_json"),
        ('```{"class":' + "[" * 5_000 + "]" * 5_000 + "}```", "not_json"),
    ],
)
def test_what_has_no_reading_or_two_is_a_code(content: str, failure: str) -> None:
    assert json_answer(response(content), ["class"]) == (None, failure)


@pytest.mark.parametrize(
    ("reason", "refusal", "failure"),
    [
        ("length", None, "truncated"),
        ("MAX_TOKENS", None, "truncated"),
        ("content_filter", None, "filtered"),
        ("SAFETY", None, "filtered"),
        ("stop", "I cannot.", "refused"),
        ("endpoint_refused", None, "endpoint_refused"),
        (None, None, None),
        ("eos_token", None, None),
    ],
)
def test_why_an_answer_ended_comes_before_what_it_says(
    reason: str | None, refusal: str | None, failure: str | None
) -> None:
    assert read(response(PLAIN, reason, refusal)).failure == failure


def test_other_json_than_an_object_is_left_to_the_stage() -> None:
    assert json_answer(response('["a"]'), ["class"]) == (["a"], None)


def test_an_empty_answer_is_one_that_says_nothing_and_not_why() -> None:
    assert is_empty(response(" \n"))
    assert is_empty(response("", None))
    assert not is_empty(response("", "length"))
    assert not is_empty(response("", "stop", "no"))
    assert not is_empty(response("x"))


@given(st.text(alphabet='{}[]",:\\ \na1<think>/`', max_size=60))
def test_any_text_is_a_value_or_a_code(content: str) -> None:
    answer = read(response(content), ["a"])
    assert (answer.failure is None) or answer.value is None


@given(st.dictionaries(st.text(), st.text(), min_size=1), st.sampled_from(["```json\n%s\n```", "so: %s.", "%s\n\n%s"]))
def test_an_object_comes_back_as_it_was_from_fence_prose_and_said_twice(value: dict[str, str], around: str) -> None:
    content = around.replace("%s", json.dumps(value))
    assert json_answer(response(content), list(value)) == (value, None)


@pytest.mark.slow
def test_no_text_takes_long() -> None:
    begun = time.process_time()
    for content in ("{" * 200_000, '{"' * 100_000, '{"a": "' + "\\" * 200_001, "{a" * 100_000 + "}" * 100_000):
        read(response(content), ["a"])
    assert time.process_time() - begun < 10
