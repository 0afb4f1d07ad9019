"""The scorer on the sample: gold scores 100, defects of known size move just their numbers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from stages.records.linear import VIEWS, View, encode_list
from stages.scoring.score import defects, scores, tally
from tests.support.scoring import Example, cells, examples


@pytest.fixture(scope="module")
def joint() -> list[Example]:
    return examples("joint")


def leaves(tree: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{lang}.{name}", row) for lang, own in tree.items() if lang != "all" for name, row in own.items()] + [
        ("all", tree["all"])
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_gold_as_predictions_scores_100_everywhere(view: View) -> None:
    tallies = tally(cells([(gold, gold["output"]) for gold in examples(view)]))
    levels = {"joint": {"TL", "WL"}, "text": {"TL"}, "words_given": {"TL"}}.get(view, {"WL"})
    found = leaves(scores(tallies))
    assert len(found) == 25  # 21 cells, three languages, all
    for name, row in found:
        assert {key: value for key, value in row.items() if key != "n"} == dict.fromkeys([*levels, "ALL"], 100.0), name
    assert all(row["format"]["records"] == 0 == row["grounding"]["records"] for _, row in leaves(defects(tallies)))


Plant = Callable[[Example], str | None]


def other_label(gold: Example) -> str:
    label, rest = str(gold["output"]).split("/", 1)
    return ("文芸" if label != "文芸" else "自然") + "/" + rest


def items_of(gold: Example) -> list[str]:
    """Each extraction of an SCNM output as it is written: what an unescaped colon begins. Not by the parser."""
    return re.split(r"(?<!\\):", gold["output"].split("/", 2)[2])[1:]


def first_again(gold: Example) -> str:
    return str(gold["output"]) + "".join(":" + item for item in items_of(gold)[:1])


def unreadable(gold: Example) -> str:
    return "すみません；わかりません"


def with_span(span: str) -> Plant:
    return lambda gold: gold["output"] + encode_list([("人名", span)], "span")


def japanese(joint: list[Example]) -> list[Example]:
    return [item for item in joint if (item["subset"], item["lang"]) == ("SCNM", "ja")]


def planted(joint: list[Example], plant: Plant, k: int) -> tuple[dict[str, Any], dict[str, Any], list[Example]]:
    """(scores, defects) with the first k records of ja.SCNM that have extractions spoilt, and these k."""
    spoilt = [item for item in japanese(joint) if items_of(item)][:k]
    assert len(spoilt) == k
    pairs = [(item, plant(item) if item in spoilt else item["output"]) for item in joint]
    tallies = tally(cells(pairs))
    return scores(tallies), defects(tallies), spoilt


def size(items: list[Example]) -> int:
    """Extractions of SCNM examples."""
    return sum(len(items_of(item)) for item in items)


def only_moved(tree: dict[str, Any]) -> None:
    """No number beside those of ja.SCNM, ja.all and all is touched."""
    for name, row in leaves(tree):
        if name not in ("ja.SCNM", "ja.all", "all"):
            assert {row["TL"], row["WL"], row["ALL"]} == {100.0}, name


@pytest.mark.parametrize("k", [1, 3, 7])
def test_k_wrong_labels_move_tl_and_all_by_k_of_n(joint: list[Example], k: int) -> None:
    result, found, _ = planted(joint, other_label, k)
    for row in (result["ja"]["SCNM"], result["ja"]["all"], result["all"]):
        share = round(100 * (row["n"] - k) / row["n"], 2)
        assert (row["TL"], row["WL"], row["ALL"]) == (share, 100.0, share)
    only_moved(result)
    assert found["all"]["format"]["records"] == 0


@pytest.mark.parametrize("k", [1, 5])
def test_k_duplicated_extractions_move_wl_and_all(joint: list[Example], k: int) -> None:
    result, found, _ = planted(joint, first_again, k)
    row = result["ja"]["SCNM"]
    gold = size(japanese(joint))
    assert row["WL"] == round(200 * gold / (2 * gold + k), 2)
    assert row["TL"] == 100.0
    assert row["ALL"] == round(100 * (row["n"] - k) / row["n"], 2)
    only_moved(result)
    assert found["all"]["format"]["records"] == found["all"]["grounding"]["records"] == 0


@pytest.mark.parametrize(
    ("plant", "tl_pred", "kinds"),
    [
        (unreadable, 1, {"missing_instruct_word": 4, "unknown_text_label": 4}),
        (lambda gold: "", 0, {"missing_instruct_word": 4, "missing_text_label": 4}),
        (lambda gold: None, 0, {"no_prediction": 4}),
    ],
)
def test_k_unreadable_outputs_lose_both_levels(
    joint: list[Example], plant: Plant, tl_pred: int, kinds: dict[str, int]
) -> None:
    k = 4
    result, found, spoilt = planted(joint, plant, k)
    row = result["ja"]["SCNM"]
    gold, lost, n = size(japanese(joint)), size(spoilt), row["n"]
    assert row["TL"] == round(200 * (n - k) / (n + n - k * (1 - tl_pred)), 2)
    assert row["WL"] == round(200 * (gold - lost) / (2 * gold - lost), 2)
    assert row["ALL"] == round(100 * (n - k) / n, 2)
    only_moved(result)
    assert found["all"]["format"] == {"records": k, "percent": round(100 * k / len(joint), 2), "kinds": kinds}
    assert found["all"]["grounding"]["records"] == 0


def test_a_span_not_in_the_text_costs_as_much_as_any_wrong_one_and_is_counted_apart(joint: list[Example]) -> None:
    in_text, apart, _ = planted(joint, with_span("。"), 2)
    elsewhere, found, _ = planted(joint, with_span("どこにもない語"), 2)
    assert in_text == elsewhere
    assert apart["all"]["grounding"]["not_in_text"] == 0
    assert found["all"]["grounding"]["not_in_text"] == found["all"]["grounding"]["records"] == 2
    assert found["ja"]["SCNM"]["grounding"]["not_in_text"] == 2
    assert found["all"]["format"]["records"] == 0


def test_order_of_records_and_extractions_does_not_matter(joint: list[Example]) -> None:
    gold = [item for item in joint if item["subset"] == "SCNM"]
    outputs = [other_label(item) if n % 3 else first_again(item) for n, item in enumerate(gold)]
    turned = []
    for output in outputs:
        label, word, _ = output.split("/", 2)
        turned.append(f"{label}/{word}/" + "".join(":" + item for item in reversed(items_of({"output": output}))))
    assert turned != outputs
    pairs: list[tuple[Example, str | None]] = list(zip(gold, turned, strict=True))
    random.Random(0).shuffle(pairs)
    before, after = tally(cells(list(zip(gold, outputs, strict=True)))), tally(cells(pairs))
    assert scores(after) == scores(before)
    assert defects(after) == defects(before)
