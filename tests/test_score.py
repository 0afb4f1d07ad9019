"""The rules of docs/scoring.md: each by a case worked by hand, then on the sample with defects of known size planted."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.errors import UserError
from stages.files import write_jsonl
from stages.linear import VIEWS, View, encode, encode_list
from stages.params import Source
from stages.raw import sample
from stages.schema import faults
from stages.score import Cells, Counts, defects, intervals, judge, judge_all, label_scores, read_gold, scores, tally
from stages.tasks import task_of

ROOT = Path(__file__).resolve().parents[1]
TEXT = "東京で太郎は東京タワーを見た：a:b；Tokyo"
Example = dict[str, Any]


def example(output: str, *, subset: str = "SCNM", task: str = "NER", lang: str = "ja", number: int = 1) -> Example:
    return {
        "id": f"{subset}/{task}/own/{number:04d}/{lang}",
        "group": f"{number:016x}",
        "subset": subset,
        "task": task,
        "lang": lang,
        "input": f"{TEXT}/{task_of(subset, task).word}",
        "output": output,
    }


def cells(pairs: list[tuple[Example, str | None]]) -> Cells:
    predictions = {gold["id"]: (output, True) for gold, output in pairs if output is not None}
    return judge_all([("gold", gold) for gold, _ in pairs], predictions)


# --- one record, by hand ---------------------------------------------------------------------------------------------

RIGHT = "社会/NER/:人名;太郎:地名;東京"
EVENT = "政治/Event Extraction/:太郎;見た;東京タワー;:"
RELATION = "政治/Relation Extraction/:太郎;所在地;東京:"
# gold, prediction, (tl_hit, tl_pred, tl_gold, tp, n_pred, n_gold, exact), format defects, spans not in the text
CASES: dict[str, tuple[str, str | None, tuple[int, ...], set[str], int]] = {
    "gold itself": (RIGHT, RIGHT, (1, 1, 1, 2, 2, 2, 1), set(), 0),
    "another order": (RIGHT, "社会/NER/:地名;東京:人名;太郎", (1, 1, 1, 2, 2, 2, 1), set(), 0),
    "wrong text label": (RIGHT, "自然/NER/:人名;太郎:地名;東京", (0, 1, 1, 2, 2, 2, 0), set(), 0),
    "text label of another language": (
        RIGHT,
        "Society/NER/:人名;太郎:地名;東京",
        (0, 1, 1, 2, 2, 2, 0),
        {"unknown_text_label"},
        0,
    ),
    "no text label": (RIGHT, "/NER/:人名;太郎:地名;東京", (0, 0, 1, 2, 2, 2, 0), {"missing_text_label"}, 0),
    "right span, wrong label": (RIGHT, "社会/NER/:地名;太郎:地名;東京", (1, 1, 1, 1, 2, 2, 0), set(), 0),
    "label of no table": (RIGHT, "社会/NER/:人;太郎:地名;東京", (1, 1, 1, 1, 2, 2, 0), {"unknown_label"}, 0),
    "span too long": (RIGHT, "社会/NER/:人名;太郎は:地名;東京", (1, 1, 1, 1, 2, 2, 0), set(), 0),
    "one missing": (RIGHT, "社会/NER/:人名;太郎", (1, 1, 1, 1, 1, 2, 0), set(), 0),
    "predicted twice, once in gold": (
        RIGHT,
        "社会/NER/:人名;太郎:地名;東京:地名;東京",
        (1, 1, 1, 2, 3, 2, 0),
        set(),
        0,
    ),
    "twice in gold, predicted once": (
        "社会/NER/:地名;東京:地名;東京",
        "社会/NER/:地名;東京",
        (1, 1, 1, 1, 1, 2, 0),
        set(),
        0,
    ),
    "twice in both": (
        "社会/NER/:地名;東京:地名;東京",
        "社会/NER/:地名;東京:地名;東京",
        (1, 1, 1, 2, 2, 2, 1),
        set(),
        0,
    ),
    "empty against empty": ("社会/NER/", "社会/NER/", (1, 1, 1, 0, 0, 0, 1), set(), 0),
    "something against empty": ("社会/NER/", "社会/NER/:人名;太郎", (1, 1, 1, 0, 1, 0, 0), set(), 0),
    "other case": ("社会/NER/:地名;Tokyo", "社会/NER/:地名;tokyo", (1, 1, 1, 0, 1, 1, 0), set(), 1),
    "full width": ("社会/NER/:地名;Tokyo", "社会/NER/:地名;Ｔｏｋｙｏ", (1, 1, 1, 0, 1, 1, 0), set(), 1),
    "a space more": ("社会/NER/:地名;Tokyo", "社会/NER/:地名; Tokyo", (1, 1, 1, 0, 1, 1, 0), set(), 1),
    "text label with a space": ("社会/NER/", "社会 /NER/", (0, 1, 1, 0, 0, 0, 0), {"unknown_text_label"}, 0),
    "full-width delimiters are characters": (
        "社会/NER/:人名;見た：a",
        "社会/NER/:人名;見た：a",
        (1, 1, 1, 1, 1, 1, 1),
        set(),
        0,
    ),
    "full-width delimiters delimit nothing": (
        RIGHT,
        "社会/NER/：人名；太郎",
        (1, 1, 1, 0, 0, 2, 0),
        {"list_start"},
        0,
    ),
    "delimiter in a span": ("社会/NER/:人名;a\\:b", "社会/NER/:人名;a\\:b", (1, 1, 1, 1, 1, 1, 1), set(), 0),
    "delimiter not escaped": ("社会/NER/:人名;a\\:b", "社会/NER/:人名;a:b", (1, 1, 1, 0, 1, 1, 0), {"field_count"}, 0),
    "right, but for a delimiter at the end": (
        RIGHT,
        RIGHT + ":",
        (1, 1, 1, 2, 2, 2, 0),
        {"trailing_delimiter"},
        0,
    ),
    "right, but for the instruct word": (
        RIGHT,
        RIGHT.replace("/NER/", "/Open NER/"),
        (1, 1, 1, 2, 2, 2, 0),
        {"wrong_instruct_word"},
        0,
    ),
    "prose": (
        RIGHT,
        "わかりません。",
        (0, 1, 1, 0, 0, 2, 0),
        {"missing_instruct_word", "unknown_text_label"},
        0,
    ),
    "empty output": (RIGHT, "", (0, 0, 1, 0, 0, 2, 0), {"missing_instruct_word", "missing_text_label"}, 0),
    "no prediction": (RIGHT, None, (0, 0, 1, 0, 0, 2, 0), {"no_prediction"}, 0),
    "span not in the text": (RIGHT, "社会/NER/:人名;太郎:地名;大阪", (1, 1, 1, 1, 2, 2, 0), set(), 1),
    "gold span not in the text": ("社会/NER/:地名;大阪", "社会/NER/:地名;大阪", (1, 1, 1, 1, 1, 1, 1), set(), 1),
    "relation": (RELATION, RELATION, (1, 1, 1, 1, 1, 1, 1), set(), 0),
    "relation the wrong way": (
        RELATION,
        RELATION.replace("太郎;所在地;東京", "東京;所在地;太郎"),
        (1, 1, 1, 0, 1, 1, 0),
        set(),
        0,
    ),
    "relation of no table": (RELATION, RELATION.replace("所在地", "仲間"), (1, 1, 1, 0, 1, 1, 0), {"unknown_label"}, 0),
    "relation not closed": (RELATION, RELATION[:-1], (1, 1, 1, 1, 1, 1, 0), {"not_closed"}, 0),
    "event, one role empty": (EVENT, EVENT, (1, 1, 1, 1, 1, 1, 1), set(), 0),
    "event, a role too many": (EVENT, EVENT.replace(";:", ";昨日:"), (1, 1, 1, 0, 1, 1, 0), set(), 1),
    "not asked for the text label": ("/NER/:人名;太郎", "/NER/:人名;太郎", (0, 0, 0, 1, 1, 1, 1), set(), 0),
    "a text label nobody asked for": ("/NER/:人名;太郎", "社会/NER/:人名;太郎", (0, 1, 0, 1, 1, 1, 0), set(), 0),
}


@pytest.mark.parametrize("name", CASES)
def test_rule(name: str) -> None:
    gold, output, counts, kinds, ungrounded = CASES[name]
    word = gold.split("/")[1]
    task = {"NER": "NER", "Relation Extraction": "RE", "Event Extraction": "EE"}[word]
    judged = judge(read_gold(example(gold, subset="SCNM" if task == "NER" else "TCREE", task=task), "gold"), output)
    assert judged.counts == Counts(*counts)
    assert judged.defects == kinds
    assert judged.ungrounded == ungrounded


def test_an_unfinished_output_is_scored_as_it_stands_but_never_exact() -> None:
    judged = judge(read_gold(example(RIGHT), "gold"), RIGHT, False)
    assert judged.counts == Counts(1, 1, 1, 2, 2, 2, 0)
    assert judged.defects == {"not_finished"}


def test_open_labels_are_all_known() -> None:
    gold = example("政治/Open NER/:どんな型でも;太郎", subset="TCONER")
    assert judge(read_gold(gold, "gold"), gold["output"].replace("どんな", "こんな")).defects == set()


def test_only_filled_slots_of_an_event_are_spans() -> None:
    assert judge(read_gold(example(EVENT, subset="TCREE", task="EE"), "gold"), EVENT).spans == 3


# --- several records, by hand ----------------------------------------------------------------------------------------


def test_f1_is_micro_over_the_records_of_a_cell_and_over_all() -> None:
    judged = cells(
        [
            (example(RIGHT, number=1), RIGHT),  # 2 of 2 right
            (example(RIGHT, number=2), "自然/NER/:人名;東京"),  # label wrong; 0 of 1 right, 2 to find
            (example("Nature/NER/", lang="en"), "Nature/NER/:Person;Tokyo"),  # 0 of 1 right, none to find
        ]
    )
    assert scores(tally(judged)) == {
        "en": {
            "SCNM": {"TL": 100.0, "WL": 0.0, "ALL": 0.0, "n": 1},
            "all": {"TL": 100.0, "WL": 0.0, "ALL": 0.0, "n": 1},
        },
        "ja": {
            "SCNM": {"TL": 50.0, "WL": 57.14, "ALL": 50.0, "n": 2},  # 2*2 / (3 + 4)
            "all": {"TL": 50.0, "WL": 57.14, "ALL": 50.0, "n": 2},
        },
        "all": {"TL": 66.67, "WL": 50.0, "ALL": 33.33, "n": 3},  # 2*2 / (4 + 4)
    }


def test_a_missing_label_costs_recall_only() -> None:
    judged = cells([(example(RIGHT, number=1), RIGHT), (example(RIGHT, number=2), None)])
    assert scores(tally(judged))["all"] == {"TL": 66.67, "WL": 66.67, "ALL": 50.0, "n": 2}  # 2*1/(1+2), 2*2/(2+4)


def test_a_cell_with_nothing_to_find_and_nothing_found_has_wl_100() -> None:
    judged = cells([(example("Nature/NER/", lang="en"), "Nature/NER/"), (example(RIGHT), "社会/NER/")])
    result = scores(tally(judged))
    assert result["en"]["SCNM"]["WL"] == 100.0
    assert result["all"]["WL"] == 0.0  # and adds nothing to a total
    assert intervals(tally(judged), 50, 0)["intervals"]["en"]["SCNM"]["WL"] == {"low": 100.0, "high": 100.0}


def test_defects_count_records_by_kind_and_spans_not_in_the_text() -> None:
    judged = cells(
        [
            (example(RIGHT, number=1), "社会/NER/:人;太郎:人;東京:地名;大阪:地名;京都:"),  # one kind twice, one once
            (example(RIGHT, number=2), "社会/NER/:地名;大阪"),
            (example(RIGHT, number=3), RIGHT),
            (example(RIGHT, number=4), None),
        ]
    )
    assert defects(tally(judged))["ja"]["SCNM"] == {
        "n": 4,
        "format": {
            "records": 2,
            "percent": 50.0,
            "kinds": {"no_prediction": 1, "trailing_delimiter": 1, "unknown_label": 1},
        },
        "grounding": {"records": 2, "spans": 7, "not_in_text": 3, "percent": 42.86},
    }


# --- the sample: gold scores 100, planted defects move just their numbers --------------------------------------------


def examples(view: View) -> list[Example]:
    source, result = Source("sample", "sample", str(ROOT / "data" / "sample"), None, None), []
    for record in sample.records(source) + sample.references(source):
        if record["split"] == "test":
            given, output = encode(record, view)
            kept = {key: record[key] for key in ("id", "group", "subset", "task", "lang")}
            result.append({**kept, "input": given, "output": output})
    return sorted(result, key=lambda item: str(item["id"]))


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
    for _, row in leaves(intervals(tallies, 50, 0)["intervals"]):
        assert row == dict.fromkeys([*levels, "ALL"], {"low": 100.0, "high": 100.0})


Plant = Callable[[Example], str | None]


def other_label(gold: Example) -> str:
    label, rest = gold["output"].split("/", 1)
    return ("文芸" if label != "文芸" else "自然") + "/" + rest


def items_of(gold: Example) -> list[str]:
    """Each extraction of an SCNM output as it is written: what an unescaped colon begins. Not by the parser."""
    return re.split(r"(?<!\\):", gold["output"].split("/", 2)[2])[1:]


def first_again(gold: Example) -> str:
    return gold["output"] + "".join(":" + item for item in items_of(gold)[:1])


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
    assert intervals(after, 200, 1) == intervals(before, 200, 1)


# --- intervals -------------------------------------------------------------------------------------------------------


def half_right(n: int) -> list[tuple[Example, str | None]]:
    return [(example(RIGHT, number=k), RIGHT if k % 2 else "社会/NER/") for k in range(n)]


def test_interval_of_a_share_is_that_of_the_binomial() -> None:
    """Of 100 records with share 1/2, Binomial(100, 1/2) has its 2.5 % and 97.5 % points at 40 and 60."""
    result = intervals(tally(cells(half_right(100))), 20000, 0)["intervals"]
    assert result["all"]["ALL"] == {"low": 40.0, "high": 60.0}
    assert result["all"]["TL"] == {"low": 100.0, "high": 100.0}


def test_records_are_drawn_within_their_cell() -> None:
    """One cell all right and one all wrong: drawn over the cells, ALL would spread; within them it cannot."""
    right = [(example(RIGHT, number=k), RIGHT) for k in range(10)]
    wrong = [(example("Nature/NER/", lang="en", number=k), "Society/NER/") for k in range(10)]
    result = intervals(tally(cells([*right, *wrong])), 500, 0)["intervals"]
    assert result["all"]["ALL"] == {"low": 50.0, "high": 50.0}


def test_a_cell_has_the_same_interval_whatever_other_cells_there_are() -> None:
    alone = intervals(tally(cells(half_right(20))), 300, 7)["intervals"]
    beside = intervals(tally(cells([(example("Nature/NER/", lang="en"), ""), *half_right(20)])), 300, 7)["intervals"]
    assert beside["ja"]["SCNM"] == alone["ja"]["SCNM"]
    assert intervals(tally(cells(half_right(20))), 300, 8)["intervals"] != alone


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"output": "社会/NER/:人名"}, "field_count"),
        ({"output": "社交/NER/"}, "unknown_text_label"),
        ({"output": "社会/NER/:人;太郎"}, "unknown_label"),
        ({"lang": "fr"}, "unknown language 'fr'"),
        ({"task": "RE"}, "unknown task 'RE'"),
        ({"input": TEXT}, "no known instruct word"),
        ({"input": TEXT + "/Open NER"}, "its task's word is NER"),
    ],
)
def test_gold_that_cannot_be_scored_is_refused(change: dict[str, str], fault: str) -> None:
    with pytest.raises(UserError) as caught:
        read_gold({**example(RIGHT), **change}, "gold.jsonl:7")
    assert caught.value.place.startswith("gold.jsonl:7")
    assert fault in caught.value.fault
    assert caught.value.remedy


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    line = [sys.executable, "-m", "stages.evaluate", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8")


GOLD = [example(RIGHT, number=1), example(RIGHT, number=2)]
FINE = [{"id": item["id"], "output": item["output"], "finished": True} for item in GOLD]


@pytest.mark.parametrize(
    ("predictions", "gold", "fault"),
    [
        (None, GOLD, "pred.jsonl: no such file"),
        (FINE, [], "gold: holds no example"),
        ([*FINE, FINE[0]], GOLD, "pred.jsonl:3: duplicate id 'SCNM/NER/own/0001/ja'"),
        (FINE, [*GOLD, GOLD[1]], "gold.jsonl:3: duplicate id 'SCNM/NER/own/0002/ja'"),
        (FINE, GOLD[:1], "'SCNM/NER/own/0002/ja' is the id of no gold example"),
        ([{**FINE[0], "score": 1}], GOLD, "pred.jsonl:1: /: "),
        (FINE, [{**GOLD[0], "output": "社会/NER/:人名"}], "gold.jsonl:1: the gold output has format defects"),
        ([FINE[0], "{"], GOLD, "pred.jsonl:2: broken JSON"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path: Path, predictions: Any, gold: Any, fault: str) -> None:
    for name, rows in (("pred", predictions), ("gold", gold)):
        if rows is not None:
            lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
            (tmp_path / f"{name}.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    done = command(tmp_path / "pred.jsonl", tmp_path / "gold.jsonl", "--metrics", tmp_path / "metrics.json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert fault in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(")\n")  # the remedy
    assert sorted(tmp_path.iterdir()) == before


def test_command_writes_valid_files_or_prints_a_table(tmp_path: Path, joint: list[Example]) -> None:
    write_jsonl(tmp_path / "gold.jsonl", joint)
    rows = [{"id": item["id"], "output": item["output"], "finished": n % 2 == 0} for n, item in enumerate(joint)]
    write_jsonl(tmp_path / "pred.jsonl", rows[5:])
    files = {"metrics": "evaluation_metrics", "defects": "defect_metrics", "intervals": "interval_metrics"}
    options = [part for name in files for part in (f"--{name}", tmp_path / f"{name}.json")]
    contents = []
    for _ in range(2):
        done = command(tmp_path / "pred.jsonl", tmp_path / "gold.jsonl", *options)
        assert (done.returncode, done.stderr) == (0, "")
        contents.append([(tmp_path / f"{name}.json").read_bytes() for name in files])
    assert contents[0] == contents[1]
    for data, schema in zip(contents[0], files.values(), strict=True):
        assert faults(json.loads(data), schema) == []
    shown = command(tmp_path / "pred.jsonl", tmp_path / "gold.jsonl").stdout.splitlines()
    assert shown[0].split() == ["TL", "WL", "ALL", "n"]
    assert len(shown) == 26
    row = json.loads(contents[0][0])["ja"]["SCPOS-RW"]
    assert ["ja.SCPOS-RW", *(f"{row[key]:.2f}" for key in ("TL", "WL", "ALL")), str(row["n"])] in map(str.split, shown)


def test_each_text_label_has_its_own_f1() -> None:
    def example(n: int, label: str) -> tuple[str, dict[str, str]]:
        head = {"id": str(n), "group": "0" * 16, "subset": "SCNM", "task": "NER", "lang": "en"}
        return f"gold:{n}", {**head, "input": f"text {n}/NER", "output": f"{label}/NER/"}

    gold = [example(n, label) for n, label in enumerate(["Nature", "Nature", "Society", "Academia"])]
    said = ["Nature/NER/", "Society/NER/", "Society/NER/:Person;text", "no such/NER/"]
    predictions = {str(n): (output, True) for n, output in enumerate(said)}
    found = label_scores(gold, predictions)
    assert found == {"en": {"SCNM": {"Academia": 0.0, "Nature": 66.67, "Society": 66.67}}}
    assert label_scores(gold, {})["en"]["SCNM"]["Nature"] == 0.0
