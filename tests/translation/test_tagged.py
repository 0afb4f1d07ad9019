"""Translation under a prompt with tagged spans: whole runs of the stage against a loopback endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from stages.core.files import read_json
from stages.llm.request import Llm, Request
from stages.translation.filter import Filter, filter_records
from stages.translation.markup import tag
from stages.translation.source_text import by_text
from stages.translation.tagged import Tagged
from tests.support.openai_server import NEWS, RECORDS, record
from tests.support.tagged import FREE, GOOD, ONE, SPEC, TWO, Stage, finds, only, says, spans

# --- tags ------------------------------------------------------------------------------------------------------------


def test_tags_in_another_order_give_every_view_its_own_spans_places_and_labels(stage: Stage) -> None:
    views = [view for view in RECORDS if view["text"] == NEWS]
    answer = says(
        "On <e4>the 3rd</e4>, <e3>Mayor</e3> <e2>Toko Ebina</e2> of <e1>Kirisawa</e1> <e6>submitted</e6> the "
        "<e5>budget</e5>."
    )
    lines = stage(views, lambda body: answer)
    text = "On the 3rd, Mayor Toko Ebina of Kirisawa submitted the budget."
    assert len(stage.bodies) == 1
    assert {line["record"]["text"] for line in lines.values()} == {text}
    relations, events = lines["TCREE/RE/own/news/en"], lines["TCREE/EE/own/news/en"]
    assert spans(relations) == [("Toko Ebina", 18), ("Mayor", 12), ("Kirisawa", 32), ("Toko Ebina", 18)]
    assert [item["label"] for item in relations["record"]["extractions"]] == ["Position", "Leader"]
    assert spans(events) == [("Toko Ebina", 18), ("submitted", 41), ("budget", 55), ("the 3rd", 3)]
    roles = [span["role"] for item in events["record"]["extractions"] for span in item["spans"]]
    assert roles == ["subject", "trigger", "object", "time"]
    assert (relations["steps"], events["steps"], relations["model"]) == ({"tag": 4}, {"tag": 4}, "first")


NESTED = "東京大学病院は東京にある。"
VIEWS = [
    record("SCNM", "NER", "n", NESTED, "社会", [("施設名", "東京大学病院"), ("地名", "東京")]),
    record("TCREE", "RE", "n", NESTED, "健康", [("所在地", "東京大学病院", "東京")]),
]


def test_nested_and_shared_spans_of_several_views_go_out_once(stage: Stage) -> None:
    lines = stage(VIEWS, lambda body: says("The <e1><e2>Tokyo</e2> University Hospital</e1> is in <e3>Tokyo</e3>."))
    question = stage.bodies[0]["messages"][-1]["content"]
    assert question == "<e1><e2>東京</e2>大学病院</e1>は<e3>東京</e3>にある。"
    assert spans(lines["SCNM/NER/own/n/en"]) == [("Tokyo University Hospital", 4), ("Tokyo", 36)]
    assert spans(lines["TCREE/RE/own/n/en"]) == [("Tokyo University Hospital", 4), ("Tokyo", 4)]


def test_a_lost_tag_inside_another_span_is_looked_for_there_and_not_at_a_place_that_is_taken(stage: Stage) -> None:
    answer = says("In <e3>Tokyo</e3> stands the <e1>Tokyo University Hospital</e1>.", e2="Tokyo")
    lines = stage(VIEWS, lambda body: answer)
    line = lines["TCREE/RE/own/n/en"]
    assert spans(line) == [("Tokyo University Hospital", 20), ("Tokyo", 20)]
    assert line["steps"] == {"tag": 1, "exact": 1}


def test_of_two_spans_that_cross_the_untagged_one_is_found_by_its_part(stage: Stage) -> None:
    text = "東京大学病院にいる。"
    views = [
        record("SCNM", "NER", "a", text, "社会", [("施設名", "東京大学")]),
        record("TCREE", "RE", "b", text, "健康", [("所在地", "大学病院", "東京大学")]),
    ]
    lines = stage(views, lambda body: says("He is at the <e1>Todai</e1> hospital.", e1="Todai", e2="Todai hospital"))
    assert stage.bodies[0]["messages"][-1]["content"] == "<e1>東京大学</e1>病院にいる。"
    schema = stage.bodies[0]["response_format"]["schema"]["properties"]["parts"]
    assert schema["required"] == ["e1", "e2"]
    assert spans(lines["TCREE/RE/own/b/en"]) == [("Todai hospital", 13), ("Todai", 13)]


def test_markup_in_the_source_goes_out_escaped_and_comes_back_as_it_was(stage: Stage) -> None:
    text = 'Take <e1> & "Aspirin" < 75 mg; &lt; stays.'
    views = [record("TCONER", "NER", "m", text, "Health", [("drug", "Aspirin")], lang="en")]
    lines = stage(views, lambda body: says('&lt;e1> &amp; "<e1>アスピリン</e1>" &lt; 75 mg、&amp;lt; を飲む。'), "ja")
    question = stage.bodies[0]["messages"][-1]["content"]
    assert question == 'Take &lt;e1> &amp; "<e1>Aspirin</e1>" &lt; 75 mg; &amp;lt; stays.'
    line = only(lines)
    assert line["record"]["text"] == '<e1> & "アスピリン" < 75 mg、&lt; を飲む。'
    assert spans(line) == [("アスピリン", 8)]


def test_a_text_without_spans_is_translated_too(stage: Stage) -> None:
    lines = stage([record("SCNM", "NER", "none", "特になし。", "自然", [])], lambda body: says("Nothing much."))
    assert (only(lines)["record"]["text"], only(lines)["steps"]) == ("Nothing much.", {})


def test_a_lost_tag_around_two_others_one_in_the_other_is_found_around_them(stage: Stage) -> None:
    text = "東京大学病院にいる。"
    words = [("施設名", "東京大学病院"), ("施設名", "東京大学"), ("地名", "東京")]
    views = [record("SCNM", "NER", str(n), text, "社会", [word]) for n, word in enumerate(words)]
    answer = says("He is at <e2><e3>Tokyo</e3> University</e2> Hospital.", e1="Tokyo University Hospital")
    lines = stage(views, lambda body: answer)
    assert stage.bodies[0]["messages"][-1]["content"] == "<e1><e2><e3>東京</e3>大学</e2>病院</e1>にいる。"
    assert [spans(line)[0] for line in lines.values()] == [
        ("Tokyo University Hospital", 9),
        ("Tokyo University", 9),
        ("Tokyo", 9),
    ]


def test_a_word_that_the_source_has_twice_may_stand_once_in_the_translation_but_no_other_word_there(
    stage: Stage,
) -> None:
    text = "京都は京都だ。"
    twice = [record("SCNM", "NER", "twice", text, "社会", [("地名", "京都"), ("地名", "京都")])]
    line = only(stage(twice, lambda body: says("<e1>Kyoto</e1> is itself.", e2="Kyoto")))
    assert (spans(line), line["steps"]) == ([("Kyoto", 0), ("Kyoto", 0)], {"tag": 1, "exact": 1})
    line = only(stage(TWO, lambda body: says("In <e1>Kyoto</e1> one shops.", e2="Kyoto"), ask_span=False))
    assert line["steps"] == {"tag": 1, "lost": 1}


@pytest.mark.parametrize(
    ("answer", "expected", "steps"),
    [
        # Tags numbered by their order in the translation: each stands on the other's words.
        (says("In <e1>Kyoto</e1> <e2>Hanako</e2> shopped.", e1="Hanako", e2="Kyoto"), [9, 3], {"exact": 2}),
        # Closed at the end of the sentence only.
        (says("<e1>Hanako</e1> shopped in <e2>Kyoto for some batteries.</e2>", e2="Kyoto"), [0, 18],
         {"tag": 1, "exact": 1}),
        # A part that is not in the text decides nothing.
        (says("In <e2>Kyoto</e2> <e1>Hanako</e1> shopped.", e1="Taro", e2="Nara"), [9, 3], {"tag": 2}),
        # A little more or less than the part: the tag stands.
        (says("In <e2>old Kyoto</e2> <e1>Hanako</e1> shopped.", e2="Kyoto"), [13, 3], {"tag": 2}),
    ],
)  # fmt: skip
def test_where_tag_and_listed_part_disagree_the_part_decides_if_it_is_in_the_text(
    stage: Stage, answer: str, expected: list[int], steps: dict[str, int]
) -> None:
    line = only(stage(TWO, lambda body: answer))
    assert [start for _, start in spans(line)] == expected
    assert line["steps"] == steps


# --- the free steps --------------------------------------------------------------------------------------------------

LOST = [
    ("en", says("Hanako bought it in Kyoto.", e1="Kyoto"), "exact", "Kyoto", {"folded": 1}),
    ("zh", says("花子在马尔塔·奥买了。", e1="马尔塔・奥"), "folded", "马尔塔·奥", {"lost": 1}),
    ("en", says("Hanako bought the batteries.", e1="battery"), "inflected", "batteries", {"lost": 1}),
    ("zh", says("花子在京都买了。"), "copied", "京都", {"lost": 1}),
    ("zh", says("花子在马耳塔国际会馆买了。", e1="马尔塔国际会馆"), "near", "马耳塔国际会馆", {"lost": 1}),
    ("en", says("Hanako bought it in Kyotto City.", e1="Kyoto City"), "fuzzy", "Kyotto City", {"lost": 1}),
]


@pytest.mark.parametrize(("lang", "answer", "step", "found", "without"), LOST)
def test_a_lost_tag_is_found_by_the_step_and_not_where_it_is_switched_off(
    stage: Stage, lang: str, answer: str, step: str, found: str, without: dict[str, int]
) -> None:
    alone = {"ask_span": False, "near": step == "near"}  # near finds what others do, too
    line = only(stage(ONE, lambda body: answer, lang, **alone))
    assert ([text for text, _ in spans(line)], line["steps"]) == ([found], {step: 1})
    line = only(stage(ONE, lambda body: answer, lang, **{**alone, step: False}))
    assert line["steps"] == without
    assert (spans(line)[0][1] is None) == ("lost" in without)
    assert len(stage.bodies) == 0  # paid for in the first run


def test_a_span_that_nothing_finds_keeps_the_words_that_were_looked_for_and_has_no_place(stage: Stage) -> None:
    line = only(stage(ONE, lambda body: says("Hanako shopped.", e1="Kyoto"), ask_span=False))
    assert (spans(line), line["steps"]) == ([("Kyoto", None)], {"lost": 1})


def test_the_two_outcomes_of_a_lost_span_are_the_records_and_the_spans(stage: Stage) -> None:
    line = only(stage(TWO, lambda body: says("<e1>Hanako</e1> shopped."), ask_span=False))
    for unaligned, kept, outcome, dropped in (("record", 0, "quarantined", 0), ("span", 1, "repaired", 1)):
        records, quarantine, ledger = filter_records(TWO, [line], "en", Filter(True, unaligned), None)  # type: ignore[arg-type]
        assert (len(records), len(quarantine)) == (kept, 1 - kept)
        assert (ledger[0]["outcome"], ledger[0]["dropped"]) == (outcome, dropped)
    assert quarantine == []
    assert [item["label"] for item in records[0]["extractions"]] == ["Person"]


def test_other_shapes_of_characters_are_made_simplified_in_text_spans_and_count(stage: Stage) -> None:
    answer = says("花子在<e1>東京</e1>買了電池。")
    line = only(stage(ONE, lambda body: answer, "zh"))
    assert (line["record"]["text"], spans(line)) == ("花子在东京买了电池。", [("东京", 3)])
    assert line["steps"] == {"tag": 1, "shapes": 3}
    line = only(stage(ONE, lambda body: answer, "zh", shapes=False))
    assert (line["record"]["text"], line["steps"]) == ("花子在東京買了電池。", {"tag": 1})


# --- the steps that ask ----------------------------------------------------------------------------------------------


def asked(first: str, found: str) -> Callable[[dict[str, Any]], str]:
    return lambda body: found if finds(body) else first


def test_a_missing_span_is_asked_for_with_source_and_translation_and_only_once(stage: Stage) -> None:
    answer = asked(says("In Kyoto, <e1>Hanako</e1> shopped.", e1="Hanako"), '{"京都": "Kyoto"}')
    line = only(stage(TWO, answer))
    assert (spans(line), line["steps"]) == ([("Hanako", 10), ("Kyoto", 3)], {"tag": 1, "asked": 1})
    first, second = stage.bodies
    assert second["response_format"]["schema"]["required"] == ["京都"]
    question = second["messages"][-1]["content"].splitlines()
    assert question == ["花子は京都で電池を買った。", "In Kyoto, Hanako shopped.", '{"京都":"?"}']
    assert read_json(stage.folder / "usage" / "translate-en.json")["calls"] == 2


@pytest.mark.parametrize("found", ['{"京都": "Nara"}', '{"京都": ""}', '{"京都": null}', "[]", "sorry"])
def test_an_answer_that_is_not_in_the_translation_finds_nothing(stage: Stage, found: str) -> None:
    line = only(stage(ONE, asked(says("Hanako shopped in Kyoto."), found)))
    assert (line["steps"], spans(line)[0][1]) == ({"lost": 1}, None)


def test_a_span_asked_for_in_vain_keeps_the_words_that_were_looked_for(stage: Stage) -> None:
    line = only(stage(ONE, asked(says("Hanako shopped.", e1="Kyoto"), '{"京都": ""}')))
    assert (spans(line), line["steps"]) == ([("Kyoto", None)], {"lost": 1})


def test_no_span_is_asked_for_where_the_step_is_off_or_nothing_is_missing(stage: Stage) -> None:
    stage(ONE, lambda body: says("Hanako shopped."), ask_span=False)
    assert [finds(body) for body in stage.bodies] == [False]
    stage(TWO, lambda body: says("<e1>Hanako</e1> shopped in <e2>Kyoto</e2>."))
    assert [finds(body) for body in stage.bodies] == [False]


BAD = says("Hanako shopped in きょうと.")


def test_a_good_record_is_not_asked_of_the_stronger_model(stage: Stage) -> None:
    line = only(stage(ONE, lambda body: GOOD, stronger_model="big"))
    assert (line["model"], len(stage.bodies)) == ("first", 1)


def test_what_is_still_faulty_goes_to_the_stronger_model_in_the_same_words(stage: Stage) -> None:
    line = only(stage(ONE, lambda body: GOOD if body["model"] == "big" else BAD, ask_span=False, stronger_model="big"))
    assert (line["model"], line["steps"]) == ("stronger", {"tag": 1})
    first, stronger = stage.bodies
    assert stronger == {**first, "model": "big"}
    assert line["response"] == Request(stronger).key
    assert read_json(stage.folder / "usage" / "translate-en.json")["models"] == ["big", "loopback-1"]


def test_the_stronger_model_is_asked_for_its_own_missing_spans(stage: Stage) -> None:
    def answer(body: dict[str, Any]) -> str:
        if body["model"] != "big":
            return '{"京都": ""}' if finds(body) else BAD
        return '{"京都": "Kyoto"}' if finds(body) else says("Hanako shopped in Kyoto.")

    line = only(stage(ONE, answer, stronger_model="big"))
    assert (line["model"], line["steps"]) == ("stronger", {"asked": 1})
    assert [(body["model"], finds(body)) for body in stage.bodies] == [
        ("loopback-1", False),
        ("loopback-1", True),
        ("big", False),
        ("big", True),
    ]


# --- answers that are none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({"content": GOOD, "finish_reason": "length"}, "truncated"),
        ({"content": None, "refusal": "I cannot."}, "refused"),
        ({"content": "", "finish_reason": "content_filter"}, "filtered"),
        ("I would rather not.", "not_json"),
        ('{"parts": {"e1": "Kyoto"}}', "wrong_shape"),
        (says("<e1> </e1>"), "empty_text"),
    ],
)
def test_an_unusable_answer_is_named_and_asks_for_no_spans(
    stage: Stage, answer: str | dict[str, Any], failure: str
) -> None:
    line = only(stage(ONE, lambda body: answer))
    assert (line["failure"], line["record"], line["steps"], len(stage.bodies)) == (failure, None, {}, 1)


@pytest.mark.parametrize(
    "parts", [[], "e1", None, {"e1": 3}, {"e1": ["Kyoto"]}, {"e9": "Kyoto"}], ids=lambda parts: json.dumps(parts)
)
def test_parts_of_a_wrong_shape_do_not_lose_the_text(stage: Stage, parts: Any) -> None:
    content = json.dumps({"text": "Hanako shopped in <e1>Kyoto</e1>.", "parts": parts})
    assert spans(only(stage(ONE, lambda body: content))) == [("Kyoto", 18)]


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "Here is the translation:\n{}\nAnything else?"])
def test_an_endpoint_without_a_json_mode_may_put_its_answer_into_a_fence(stage: Stage, fence: str) -> None:
    line = only(stage(ONE, lambda body: fence.replace("{}", GOOD), llm={"structured": "none"}))
    assert "response_format" not in stage.bodies[0]
    assert (line["failure"], spans(line)) == (None, [("Kyoto", 18)])


def test_the_request_does_not_depend_on_the_order_of_the_views() -> None:
    llm = Llm("m", "none", 0.0, 0, 600, 1, 30.0, 0, None, None, 600.0, 0, {})
    (source,), (turned,) = by_text(VIEWS, "en"), by_text(VIEWS[::-1], "en")
    form = Tagged("en", SPEC, llm, FREE)
    assert form.request(source).key == form.request(turned).key
    assert form.request(source).body["messages"][-1]["content"] == tag(NESTED, source.marks)
    assert source.marks == turned.marks == {1: (0, 6), 2: (0, 2), 3: (7, 9)}
