"""Errors apart: each class by a case worked by hand, and sums that balance with the scores over whatever is predicted."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import UserError
from stages.core.files import write_jsonl
from stages.core.schema import faults
from stages.records.tasks import task_of
from stages.scoring.error_analysis import (
    GOLD_ONLY,
    KINDS,
    LABELS,
    PAIRED,
    PREDICTED_ONLY,
    WORST,
    Breakdown,
    Training,
    main,
    sort_out,
)
from stages.scoring.score import judge_all as judged_cells
from stages.scoring.score import judge_each, parse_output, read_gold, tally

TEXT = "東京で太郎は東京タワーを見た"
Example = dict[str, Any]


def example(output: str, number: int = 1, lang: str = "ja", text: str = TEXT) -> Example:
    name, task = {"NER": ("SCNM", "NER"), "Open NER": ("TCONER", "NER")}.get(output.split("/")[1], ("TCREE", ""))
    task = task or {"Relation Extraction": "RE", "Event Extraction": "EE"}[output.split("/")[1]]
    return {
        "id": f"{name}/{task}/own/{number:04d}/{lang}",
        "group": f"{number:016x}",
        "subset": name,
        "task": task,
        "lang": lang,
        "input": f"{text}/{task_of(name, task).word}",
        "output": output,
    }


def kinds(gold: str, output: str, text: str = TEXT, more: tuple[str, ...] = ()) -> dict[str, int]:
    read = read_gold(example(gold, text=text), "gold")
    _, found, defects = parse_output(output, read.spec)
    return dict(Counter(kind for kind, _ in sort_out(read, found, [*defects, *more])))


HEAD = "社会/NER/"
RELATION = "政治/Relation Extraction/"
EVENT = "政治/Event Extraction/"
# gold, prediction, how often each kind
CASES: dict[str, tuple[str, str, dict[str, int]]] = {
    "right": (HEAD + ":人名;太郎:地名;東京", HEAD + ":地名;東京:人名;太郎", {"right": 2}),
    "word label": (HEAD + ":人名;太郎", HEAD + ":地名;太郎", {"word_label": 1}),
    "too long": (HEAD + ":人名;太郎", HEAD + ":人名;太郎は", {"too_long": 1}),
    "too short": (HEAD + ":施設名;東京タワー", HEAD + ":施設名;タワー", {"too_short": 1}),
    "overlap": (HEAD + ":施設名;東京タワー", HEAD + ":施設名;タワーを見", {"overlap": 1}),
    "boundary and label": (HEAD + ":人名;太郎", HEAD + ":地名;太郎は", {"missing": 1, "spurious": 1}),
    "beside it": (HEAD + ":人名;太郎", HEAD + ":人名;見た", {"missing": 1, "spurious": 1}),
    "not in the text": (HEAD + ":人名;太郎", HEAD + ":人名;次郎", {"missing": 1, "grounding": 1}),
    "missing": (HEAD + ":人名;太郎", HEAD, {"missing": 1}),
    "spurious": (HEAD, HEAD + ":人名;太郎", {"spurious": 1}),
    "said twice": (HEAD + ":人名;太郎", HEAD + ":人名;太郎:人名;太郎", {"right": 1, "spurious": 1}),
    "twice in gold": (HEAD + ":人名;太郎:人名;太郎", HEAD + ":人名;太郎", {"right": 1, "missing": 1}),
    "entry not read": (HEAD + ":人名;太郎", HEAD + ":人名;太;郎", {"format": 1, "unreadable": 1}),
    "prose": (HEAD + ":人名;太郎:地名;東京", "太郎です", {"format": 2}),
    "one of two not read": (
        HEAD + ":人名;太郎:地名;東京",
        HEAD + ":人名;太郎:地名;",
        {"right": 1, "format": 1, "unreadable": 1},
    ),
    # 東京 stands alone and in 東京タワー: the first is gold's own, so a second 東京 can only be part of the tower.
    "place taken": (
        HEAD + ":地名;東京:施設名;東京タワー",
        HEAD + ":地名;東京:施設名;東京",
        {"right": 1, "too_short": 1},
    ),
    "label before boundary": (
        HEAD + ":人名;太郎:地名;太郎は",
        HEAD + ":地名;太郎",
        {"word_label": 1, "missing": 1},
    ),
    "most shared first": (
        HEAD + ":施設名;東京タワー",
        HEAD + ":施設名;タワー:施設名;東京タワ",
        {"too_short": 1, "spurious": 1},
    ),
    "two labels of one mention": (
        HEAD + ":人名;東京タワー:地名;東京タワー",
        HEAD + ":地名;タワー",
        {"missing": 1, "too_short": 1},
    ),
    "relation label": (RELATION + ":太郎;所在地;東京:", RELATION + ":太郎;仲間;東京:", {"word_label": 1}),
    "relation tail too long": (RELATION + ":太郎;所在地;東京:", RELATION + ":太郎;所在地;東京で:", {"too_long": 1}),
    "one end long, one short": (RELATION + ":太郎;所在地;東京:", RELATION + ":太;所在地;東京で:", {"overlap": 1}),
    "relation turned": (
        RELATION + ":太郎;所在地;東京:",
        RELATION + ":東京;所在地;太郎:",
        {"missing": 1, "spurious": 1},
    ),
    "event trigger too long": (EVENT + ":太郎;見;東京タワー;:", EVENT + ":太郎;見た;東京タワー;:", {"too_long": 1}),
    "event role too few": (EVENT + ":太郎;見た;東京タワー;:", EVENT + ":太郎;見た;;:", {"missing": 1, "spurious": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    gold, output, expected = CASES[name]
    assert kinds(gold, output) == expected


def test_after_a_cut_what_is_not_there_is_lost_to_the_format() -> None:
    assert kinds(HEAD + ":人名;太郎:地名;東京", HEAD + ":人名;太郎", more=("not_finished",)) == {
        "right": 1,
        "format": 1,
    }


SPANS = st.sampled_from(["東京", "太郎", "東京タワー", "タワー", "太郎は", "大阪", "見た", "京タ"])
LABEL = st.sampled_from(["人名", "地名", "施設名"])
ITEMS = st.lists(st.tuples(LABEL, SPANS), max_size=5)
TEXT_LABEL = st.sampled_from(["社会", "自然", ""])
BROKEN = st.sampled_from(["", "", "", ":人名", ":人名;", ":人名;太;郎", ":"])


def written(label: str, items: list[tuple[str, str]], end: str = "") -> str:
    return f"{label}/NER/" + "".join(f":{name};{span}" for name, span in items) + end


def run(pairs: list[tuple[Example, str | None]], training: Training | None = None) -> tuple[Breakdown, Any]:
    found = Breakdown(training)
    said = {gold["id"]: (output, True) for gold, output in pairs if output is not None}
    lines = [("gold", gold) for gold, _ in pairs]
    for gold, read, judged in judge_each(lines, said):
        found.add(gold, read, judged, said.get(gold["id"]))
    return found, tally(judged_cells(lines, said))


@given(st.lists(st.tuples(TEXT_LABEL, ITEMS, st.none() | st.tuples(TEXT_LABEL, ITEMS, BROKEN)), min_size=1, max_size=6))
def test_sums_balance_with_the_counts_of_the_scores(drawn: list[Any]) -> None:
    pairs = [
        (example(written(label, items), n, "ja"), None if said is None else written(*said))
        for n, (label, items, said) in enumerate(drawn)
    ]
    found, tallies = run(pairs, Training([("train", example(written("社会", drawn[0][1])))]))
    errors = found.errors()
    assert faults(errors, "error_metrics") == []
    n, sums = Counter[str](), Counter[str]()
    for row in errors["words"]:
        n[row["kind"]] += row["n"]
    for judged, times in tallies["ja", "SCNM"].items():
        for name, count in judged.counts._asdict().items():
            sums[name] += times * count
    assert n["right"] == sums["tp"]
    assert sum(n[kind] for kind in PAIRED + GOLD_ONLY) == sums["n_gold"]
    assert sum(n[kind] for kind in PAIRED + PREDICTED_ONLY) == sums["n_pred"]
    by_gold_label = Counter[str]()
    for row in errors["words"]:
        if row["kind"] in PAIRED + GOLD_ONLY:
            by_gold_label[row["label"]] += row["n"]
    assert by_gold_label == Counter(label for _, items, _ in drawn for label, _ in items)
    text = Counter[str]()
    for row in errors["text"]:
        text[row["kind"]] += row["n"]
    assert text["right"] == sums["tl_hit"]
    assert text["right"] + text["wrong"] + text["unknown"] + text["unasked"] == sums["tl_pred"]
    assert text.total() - text["unasked"] == sums["tl_gold"]
    known = {side: sum(row[side] for row in errors["training"]) for side in ("gold", "predicted", "right")}
    assert known == {"gold": sums["n_gold"], "predicted": sums["n_pred"], "right": sums["tp"]}
    assert all(faults(row, "worst") == [] for row in found.worst_rows())


@given(ITEMS, ITEMS, st.randoms(use_true_random=False))
def test_order_of_extractions_does_not_matter(gold: list[Any], said: list[Any], random: Any) -> None:
    before = kinds(written("社会", gold), written("社会", said))
    random.shuffle(gold)
    random.shuffle(said)
    assert kinds(written("社会", gold), written("社会", said)) == before


def test_confusion_is_in_english_with_what_is_in_no_table_and_what_is_not_there() -> None:
    labels = ["社会", "自然", "自然", "社会"]
    said = ["社会/NER/", "Society/NER/", "/NER/", "学問/NER/"]
    pairs = [(example(f"{label}/NER/", n), output) for n, (label, output) in enumerate(zip(labels, said, strict=True))]
    found, _ = run([*pairs, (example("Nature/NER/", lang="en"), "Nature/NER/")])
    rows = list(csv.reader(found.confusion().decode().splitlines()))
    assert rows == [
        ["actual", "predicted", "lang", "subset"],
        ["Nature", "Nature", "en", "SCNM"],
        ["Nature", "(none)", "ja", "SCNM"],
        ["Nature", "(unknown)", "ja", "SCNM"],
        ["Society", "Academia", "ja", "SCNM"],
        ["Society", "Society", "ja", "SCNM"],
    ]
    text = [(row["kind"], row["actual"], row["predicted"]) for row in found.errors()["text"] if row["lang"] == "ja"]
    assert set(text) == {
        ("right", "社会", "社会"),
        ("unknown", "自然", "(unknown)"),
        ("missing", "自然", "(none)"),
        ("wrong", "社会", "学問"),
    }


def test_training_tells_seen_extractions_from_seen_spans_and_unseen_ones() -> None:
    training = Training(
        [("train", example(HEAD + ":人名;太郎:地名;東京")), ("train", example("Nature/NER/:Event;見た", lang="en"))]
    )
    gold = example(HEAD + ":人名;太郎:施設名;東京:人名;見た")
    rows = run([(gold, HEAD + ":人名;太郎:人名;見た:地名;東京")], training)[0].errors()["training"]
    assert [(row["familiarity"], row["gold"], row["predicted"], row["right"]) for row in rows] == [
        ("seen", 1, 2, 1),
        ("other_label", 1, 0, 0),
        ("unseen", 1, 1, 1),  # 見た is known in English only
    ]
    assert run([(gold, None)])[0].errors()["training"] == []


def test_open_labels_beyond_the_commonest_are_one() -> None:
    items = "".join(f":型{n:03d};太郎" for n in range(LABELS + 5))
    rows = run([(example("政治/Open NER/:型024;東京" + items), "政治/Open NER/:自作;見た")])[0].errors()["words"]
    told = {row["label"]: row["n"] for row in rows if row["kind"] == "missing"}
    assert len(told) == LABELS + 1
    assert (told["型024"], told["型000"], told["(other)"]) == (2, 1, 5)
    assert [row["label"] for row in rows if row["kind"] == "spurious"] == ["(other)"]


def test_the_worst_records_of_a_cell_come_first_and_right_ones_never() -> None:
    pairs: list[tuple[Example, str | None]] = [(example(HEAD, n), HEAD + ":人名;太郎" * n) for n in range(WORST + 3)]
    rows = run(pairs)[0].worst_rows()
    assert [(row["errors"], row["kinds"]) for row in rows] == [(n, {"spurious": n}) for n in range(WORST + 2, 2, -1)]
    assert rows[0]["output"] == HEAD + ":人名;太郎" * (WORST + 2)
    assert run(pairs[:1])[0].worst_rows() == []


def test_the_command_writes_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = [example(HEAD + ":人名;太郎", 1), example(HEAD + ":人名;太郎", 2)]
    write_jsonl(tmp_path / "gold.jsonl", gold)
    write_jsonl(tmp_path / "pred.jsonl", [{"id": gold[0]["id"], "output": HEAD + ":人名;太郎は", "finished": True}])
    files = [str(tmp_path / name) for name in ("errors.json", "confusion.csv", "worst.jsonl", "classes.csv")]
    given_files = [str(tmp_path / "pred.jsonl"), str(tmp_path / "gold.jsonl")]
    line = [*given_files, "--errors", files[0], "--confusion", files[1], "--worst", files[2], "--classes", files[3]]
    main(line)
    assert "too_long 1" in capsys.readouterr().out
    assert json.loads(Path(files[0]).read_text())["training"] == []
    assert {"class,n,lang,subset", "too_long,1,ja,SCNM", "format,1,ja,SCNM"} < set(
        Path(files[3]).read_text().split("\n")
    )
    rows = [json.loads(row) for row in Path(files[2]).read_text().splitlines()]
    assert [(row["id"], row["output"]) for row in rows] == [
        (gold[1]["id"], None),
        (gold[0]["id"], HEAD + ":人名;太郎は"),
    ]
    write_jsonl(tmp_path / "gold.jsonl", [{**gold[0], "output": "社会/NER/:人名"}])
    with pytest.raises(UserError, match="format defects"):
        main(line)


def test_kinds_are_each_in_one_place() -> None:
    assert sorted(KINDS) == sorted({*PAIRED, *GOLD_ONLY, *PREDICTED_ONLY, "unreadable"})
