"""Rivals' rules: each by cases worked by hand, gold under each, and the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.core.schema import faults
from stages.records.tasks import task_of
from stages.scoring.external_scorers import RULES, Case, main, rescore, table
from tests.support.scoring import TEXT, examples

NER, RELATIONS, EVENTS = task_of("SCNM", "NER"), task_of("TCREE", "RE"), task_of("TCREE", "EE")
LABELS = frozenset({"Person", "Location", "Product Name"})
TOWER = "Rei saw the Tokyo Tower in Tokyo"
EXACT = [rule for rule in RULES if rule.name != "ours, partial"]  # that one: test_partial.py
NAMES = [rule.name for rule in EXACT]
BY_NAME = {rule.name: rule for rule in RULES}
Spans = list[tuple[str, ...]]

# What the predictions get under each rule, in the order of RULES: right, predicted, gold.
SPAN_CASES: dict[str, tuple[str, Spans, Spans, list[tuple[int, int, int]]]] = {
    "a duplicate predicted": (
        TOWER,
        [("Person", "Rei")],
        [("Person", "Rei"), ("Person", "Rei")],
        # the text has one Rei: GoLLIE drops the second, sets never see it, GLiNER has no second place for it
        [(1, 2, 1), (1, 2, 1), (1, 1, 1), (1, 1, 1), (1, 2, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1)],
    ),
    "two mentions, one predicted": (
        TOWER,
        [("Location", "Tokyo"), ("Location", "Tokyo")],
        [("Location", "Tokyo")],
        [(1, 1, 2), (1, 1, 2), (1, 1, 1), (1, 1, 2), (1, 1, 2), (1, 1, 1), (1, 1, 1), (1, 1, 2)],
    ),
    "case": (
        TOWER,
        [("Person", "Rei")],
        [("Person", "REI")],
        [(0, 1, 1), (0, 1, 1), (1, 1, 1), (1, 1, 1), (0, 1, 1), (1, 1, 1), (1, 1, 1), (0, 1, 1)],
    ),
    "article and punctuation": (
        TOWER,
        [("Location", "Tokyo Tower")],
        [("Location", "the Tokyo Tower.")],
        # GoLLIE: with its full stop it is not in the text
        [(0, 1, 1), (0, 1, 1), (1, 1, 1), (0, 0, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1)],
    ),
    "not in the text": (
        TOWER,
        [("Person", "Rei")],
        [("Person", "Rei"), ("Person", "Ken")],
        [(1, 2, 1), (1, 2, 1), (1, 2, 1), (1, 1, 1), (1, 2, 1), (1, 2, 1), (1, 2, 1), (1, 2, 1)],
    ),
    "label in no table": (
        TOWER,
        [("Person", "Rei")],
        [("Human", "Rei")],
        [(0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 0, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1)],
    ),
    "nothing against nothing": (
        TOWER,
        [],
        [],
        # InstructUIE: the answer None is found
        [(0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (1, 1, 1), (0, 0, 0), (0, 0, 0)],
    ),
    "nothing against something": (
        TOWER,
        [("Person", "Rei")],
        [],
        # InstructUIE: the answer None is a wrong item
        [(0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 1, 1), (0, 0, 1), (0, 0, 1)],
    ),
    "full-width delimiters in a field": (
        "太郎は東京にいる",
        [("Person", "太郎"), ("Location", "東京")],
        [("Person", "太郎；Location：東京")],
        # only B2NER reads two entities there; GoLLIE does not find it in the text
        [(0, 1, 2), (0, 1, 2), (0, 1, 2), (0, 0, 2), (0, 1, 2), (0, 1, 2), (2, 2, 2), (0, 1, 2)],
    ),
    "title marks": (
        "《春》を読む",
        [("Product Name", "春")],
        [("Product Name", "《春》")],
        [(0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1), (1, 1, 1), (0, 1, 1)],
    ),
    "cut at a delimiter": (
        "Re: Spring is a novel",
        [("Product Name", "Re: Spring")],
        [("Product Name", "Re")],
        # the paper's format has no escape, so that gold itself is cut there
        [(0, 1, 1), (1, 1, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1)],
    ),
    "a square bracket in the span": (
        "Song [live] by Rei",
        [("Product Name", "Song [live]"), ("Person", "Rei")],
        [("Product Name", "Song [live]"), ("Person", "Rei")],
        # UniversalNER's list ends at the first ]
        [(2, 2, 2), (2, 2, 2), (1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2)],
    ),
    "one mention under two labels, in gold": (
        "Rei sleeps",
        [("Person", "Rei"), ("Product Name", "Rei")],
        [("Person", "Rei"), ("Product Name", "Rei")],
        # GoLLIE allows a string as often as the text has it
        [(2, 2, 2), (2, 2, 2), (2, 2, 2), (1, 1, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2)],
    ),
    "gold that is not in the text": (
        "Rei sleeps",
        [("Person", "Ken")],
        [("Person", "Ken")],
        [(1, 1, 1), (1, 1, 1), (1, 1, 1), (0, 0, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1), (0, 1, 0)],
    ),
}


@pytest.mark.parametrize("name", SPAN_CASES)
def test_spans_count_as_each_rule_says(name: str) -> None:
    text, gold, predicted, expected = SPAN_CASES[name]
    case = Case(NER, text, LABELS, gold, predicted)
    assert {rule.name: rule.counts(case) for rule in EXACT} == dict(zip(NAMES, expected, strict=True))


def test_relations_keep_direction_under_every_rule_that_has_them() -> None:
    gold: Spans = [("Tower", "Located In", "Tokyo")]
    case = Case(RELATIONS, "The Tower is in Tokyo", frozenset({"Located In"}), gold, [("Tokyo", "Located In", "Tower")])
    found = {rule.name: rule.counts(case) for rule in RULES}
    assert {name for name, triple in found.items() if triple is None} == {"UniversalNER", "GLiNER"}
    assert {triple for triple in found.values() if triple} == {(0, 1, 1)}
    same_but_case = case._replace(predicted=[("tower", "Located In", "TOKYO")])
    right = {rule.name for rule in RULES if rule.counts(same_but_case) == (1, 1, 1)}
    assert right == {"InstructUIE", "B2NER"}


def test_events_count_by_tuple_here_and_by_argument_there() -> None:
    gold: Spans = [("Rei", "saw", "Tower", "")]
    one_role_wrong: Spans = [("Rei", "saw", "Tokyo", "")]
    case = Case(EVENTS, "Rei saw Tower in Tokyo", frozenset(), gold, one_role_wrong)
    expected = {name: (0, 1, 1) if name in ("ours", "MMM/OIELLM") else (1, 2, 2) for name in NAMES}
    expected |= dict.fromkeys(("UniversalNER", "GLiNER"))  # type: ignore[arg-type]
    assert {rule.name: rule.counts(case) for rule in EXACT} == expected
    other_trigger = case._replace(predicted=[("Rei", "in", "Tower", "")])
    assert BY_NAME["GoLLIE"].counts(other_trigger) == (0, 2, 2), "arguments count under an equal trigger only"
    assert BY_NAME["IEPile"].counts(other_trigger) == (2, 2, 2)


def test_gold_scores_100_under_every_rule_on_the_sample() -> None:
    gold = examples("joint")
    result = rescore((("gold", item) for item in gold), {item["id"]: (item["output"], True) for item in gold})
    assert result["n"] == len(gold)
    for name, row in result["rules"].items():
        assert set(row["gold"].values()) == {100.0}, name
        assert set(row["spans"].values()) == {100.0}, name
    assert not faults(result, "external_scorer_metrics")


def test_nothing_at_all_is_100_for_us_and_0_for_most(tmp_path: Path) -> None:
    item = {**examples("text")[0], "subset": "SCNM", "task": "NER", "input": f"{TEXT}/NER", "lang": "ja"}
    item["output"] = "社会/NER/"
    rules = rescore([("gold", item)], {item["id"]: (item["output"], True)})["rules"]
    full = {name for name, row in rules.items() if row["spans"]["all"] == 100}
    assert full == {"ours", "ours, partial", "MMM/OIELLM", "InstructUIE"}
    assert {row["spans"]["all"] for name, row in rules.items() if name not in full} == {0.0}


def test_the_table_has_a_row_for_each_rule_and_a_dash_where_it_is_silent() -> None:
    gold = examples("joint")
    lines = table(rescore((("gold", item) for item in gold), {})).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == list(BY_NAME)
    assert "–" in lines[2 + list(BY_NAME).index("GLiNER")]
    assert "–" not in lines[2 + list(BY_NAME).index("GoLLIE")]
    assert len({line.count("|") for line in lines}) == 1


def test_predictions_of_another_test_set_are_refused() -> None:
    with pytest.raises(UserError, match="is the id of no gold example"):
        rescore([("gold", examples("joint")[0])], {"other": ("", True)})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere.jsonl"):
        main([str(tmp_path / "nowhere.jsonl"), str(tmp_path / "nowhere.jsonl")])
