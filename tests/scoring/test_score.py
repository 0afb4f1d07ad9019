"""The rules of docs/scoring.md: each by a case worked by hand."""

from __future__ import annotations

import pytest

from stages.core.errors import UserError
from stages.scoring.score import Counts, defects, judge, judge_all, label_scores, read_gold, scores, tally
from tests.support.scoring import RIGHT, TEXT, cells, example

# --- one record, by hand ---------------------------------------------------------------------------------------------

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


def test_each_text_label_has_its_own_f1() -> None:
    def example(n: int, label: str) -> tuple[str, dict[str, str]]:
        head = {"id": str(n), "group": "0" * 16, "subset": "SCNM", "task": "NER", "lang": "en"}
        return f"gold:{n}", {**head, "input": f"text {n}/NER", "output": f"{label}/NER/"}

    gold = [example(n, label) for n, label in enumerate(["Nature", "Nature", "Society", "Academia"])]
    said = ["Nature/NER/", "Society/NER/", "Society/NER/:Person;text", "no such/NER/"]
    predictions = {str(n): (output, True) for n, output in enumerate(said)}
    found = label_scores(tally(judge_all(gold, predictions)))
    assert found == {"en": {"SCNM": {"Academia": 0.0, "Nature": 66.67, "Society": 66.67}}}
    assert label_scores(tally(judge_all(gold, {})))["en"]["SCNM"]["Nature"] == 0.0


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
