"""How an answer with tags is read, and when a second attempt counts: the functions, without a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from stages.core import config
from stages.llm.request import Llm, Request
from stages.translation.attempt import read_answer
from stages.translation.source_text import by_text
from stages.translation.tagged import Tagged
from stages.translation.translate import lines
from tests.support.openai_server import ROOT, record
from tests.support.tagged import FREE, SPEC

LLM = config.read("llm", Llm, ROOT / "params.yaml")
TEXT = "花子は京都で電池を買った。"
(SOURCE,) = by_text([record("SCNM", "NER", "1", TEXT, "社会", [("人名", "花子"), ("地名", "京都")])], "en")


def response(text: str, **parts: str) -> dict[str, Any]:
    content = json.dumps({"text": text, "parts": parts})
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    return {"content": content, "finish_reason": "stop", "refusal": None, "model": "m", "usage": usage}


def test_a_tag_around_what_is_listed_for_another_number_is_that_ones() -> None:
    answer = response("In <e1>Kyoto</e1> batteries were bought.", e1="Hanako", e2="Kyoto")
    attempt = read_answer(answer, SOURCE, "en", FREE, "0" * 64, "first")
    assert attempt.places == {2: ("exact", (3, 8))}
    assert attempt.missing() == [1]


@pytest.mark.parametrize(
    ("second", "model", "text"),
    [
        ("<e1>Hanako</e1> bought batteries in <e2>Kyoto</e2>.", "stronger", "Hanako bought batteries in Kyoto."),
        ("<e1>H</e1> <e2>K</e2>", "first", "Hanako bought some batteries there."),  # it gave up: fewer faults, no text
        ("<e1>Hanako</e1> bought a few batteries.", "first", "Hanako bought some batteries there."),  # as faulty
    ],
)  # fmt: skip
def test_a_second_attempt_counts_if_it_is_a_translation_with_fewer_faults(second: str, model: str, text: str) -> None:
    def ask(requests: Sequence[Request]) -> list[dict[str, Any]]:
        first = "<e1>Hanako</e1> bought some batteries there."
        return [response(second if r.body["model"] == "big" else first) for r in requests]

    (made,) = Tagged("en", SPEC, LLM, FREE).translate([SOURCE], ask)
    (line,) = lines(SOURCE, made, "en", {})
    assert (line["model"], line["record"]["text"]) == (model, text)


def test_composed_and_decomposed_words_are_the_same_to_tags_and_answers() -> None:
    decomposed = "カ\u3099ブリエルは京都にいる。"  # as a macOS file name or a PDF has it
    (source,) = by_text(
        [record("SCNM", "NER", "1", decomposed, "社会", [("人名", decomposed[:6]), ("地名", "京都")])], "en"
    )
    attempt = read_answer(
        response("<e1>Gabriél</e1> is there.", e1="Gabrie\u0301l"), source, "en", FREE, "0" * 64, "first"
    )
    assert attempt.places == {1: ("tag", (0, 7))}
    answer = response("Ga\u0301bor is there.")
    attempt = read_answer(answer, source, "en", FREE, "0" * 64, "first")
    said = {"ガブリエル": "Gábor", "京都": "there"}
    attempt.take_asked({**answer, "content": json.dumps(said)})
    assert attempt.places == {1: ("asked", (0, 6)), 2: ("asked", (10, 15))}
