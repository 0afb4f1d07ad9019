"""The cheap baseline on toy sets worked by hand, and on the sample."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stages.core.files import iter_jsonl, write_jsonl
from stages.core.schema import faults
from stages.records.linear import VIEWS, View, encode, parse
from stages.records.tasks import task_of
from stages.scoring.linear_baseline import fit_text, fit_words, occurs, predict
from stages.scoring.score import defects, judge_all, scores, tally
from stages.sources import sample
from stages.sources.common import Source
from tests.support.pipeline import ROOT, here
from tests.support.scoring import example as scoring_example

Example = dict[str, Any]


def example(
    text: str, output: str = "/NER/", *, subset: str = "SCNM", task: str = "NER", lang: str = "ja", number: int = 0
) -> Example:
    return scoring_example(output, text=text, subset=subset, task=task, lang=lang, number=number)


def outputs(train: list[Example], test: list[Example]) -> list[str]:
    numbered = [{**item, "id": f"{n:04d}{item['id']}"} for n, item in enumerate(test)]
    return [item["output"] for item in predict(train, numbered)]


def views(view: View) -> tuple[list[Example], list[Example]]:
    """The training and test examples of the sample's own records, the references left out."""
    source = Source("sample", "sample", str(ROOT / "data" / "sample"), None, None)
    parts: dict[str, list[Example]] = {"train": [], "test": []}
    for record in sample.records(source):
        given, output = encode(record, view)
        kept = {key: record[key] for key in ("id", "group", "subset", "task", "lang")}
        parts[record["split"]].append({**kept, "input": given, "output": output})
    return parts["train"], parts["test"]


# --- text level ------------------------------------------------------------------------------------------------------


def test_the_classifier_tells_labels_apart_by_their_characters() -> None:
    texts = ["海と山と川", "川の魚と山", "会社と法律", "法律の会社員"]
    train = [example(text, f"{'自然' if n < 2 else '社会'}/NER/", number=n) for n, text in enumerate(texts)]
    assert outputs(train, [example("山の川"), example("会社の法律")]) == ["自然/NER/", "社会/NER/"]


def test_a_cell_with_one_label_predicts_it() -> None:
    assert outputs([example("海", "自然/NER/")], [example("会社")]) == ["自然/NER/"]


def test_without_any_characters_the_most_common_label_is_predicted() -> None:
    assert fit_text(["", "", ""], ["b", "a", "a"]) == "a"
    assert fit_text(["", ""], ["b", "a"]) == "a"


def test_a_cell_without_training_examples_predicts_nothing() -> None:
    train = [example("東京", "社会/NER/:地名;東京")]
    assert outputs(train, [example("東京", lang="zh")]) == ["/NER/"]
    assert outputs(train, [example("東京", subset="TCREE", task="EE")]) == ["/Event Extraction/"]


def test_each_cell_learns_from_its_own_examples_only() -> None:
    train = [
        example("東京", "社会/NER/:地名;東京"),
        example("東京", "文化/Open NER/:city;東京", subset="TCONER"),
    ]
    assert outputs(train, [example("東京"), example("東京", subset="TCONER")]) == [
        "社会/NER/:地名;東京",
        "文化/Open NER/:city;東京",
    ]


# --- word level ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("training", "text", "found"),
    [
        ([("地名", "東京"), ("法人名", "東京電力")], "東京電力は東京", [("法人名", "東京電力"), ("地名", "東京")]),
        ([("地名", "東京"), ("地名", "京都")], "東京都", [("地名", "東京")]),  # from the left, no overlap
        ([("地名", "東京")], "東京東京", [("地名", "東京"), ("地名", "東京")]),
        ([("人名", "千葉"), ("地名", "千葉"), ("地名", "千葉")], "千葉", [("地名", "千葉")]),  # the commonest label
        ([("b", "x"), ("a", "x")], "x", [("a", "x")]),  # equally common: the first
        ([("art", "art")], "a party of art, art.", [("art", "art"), ("art", "art")]),  # at word ends
        ([("org", "US"), ("org", "USA")], "USAは", [("org", "USA")]),
        ([("org", "US")], "USA 3US US3", []),
        ([("org", "AI")], "AI技術", [("org", "AI")]),  # CJK has no word ends
        ([("time", "a:b")], "a:b;", [("time", "a:b")]),
        ([], "東京", []),
    ],
)
def test_spans_are_the_longest_of_training_from_left_to_right(
    training: list[tuple[str, ...]], text: str, found: list[tuple[str, ...]]
) -> None:
    assert fit_words(training, "span").predict(text) == found


def test_relations_need_head_and_tail_in_the_text() -> None:
    words = fit_words([("太郎", "所属", "A社"), ("花子", "所属", "B社"), ("太郎", "所属", "A社")], "relation")
    assert words.predict("太郎はA社の人") == [("太郎", "所属", "A社")]
    assert words.predict("太郎はB社の人") == []


def test_events_need_all_their_parts_in_the_text() -> None:
    words = fit_words([("太郎", "勝つ", "", "昨日"), ("", "負ける", "", "")], "event")
    assert words.predict("昨日、太郎は勝つ") == [("太郎", "勝つ", "", "昨日")]
    assert words.predict("太郎は勝つか負けるか") == [("", "負ける", "", "")]


def test_a_part_occurs_where_any_of_its_places_is_at_word_ends() -> None:
    assert occurs("party, art", "art")
    assert not occurs("party", "art")
    assert not occurs("東京", "art")


def test_outputs_are_well_formed_for_every_kind_of_task() -> None:
    event = "政治/Event Extraction/:太郎;a\\:b;;:"
    relation = "政治/Relation Extraction/:太郎;所属;a\\:b:"
    for task, output in (("EE", event), ("RE", relation)):
        train = [example("太郎 a:b", output, subset="TCREE", task=task)]
        assert outputs(train, [example("a:b 太郎", subset="TCREE", task=task)]) == [output]


# --- views and the sample --------------------------------------------------------------------------------------------


def test_a_level_that_training_does_not_show_is_not_predicted() -> None:
    text = [example("東京", "社会/NER/", number=0), example("海", "自然/NER/", number=1)]
    assert outputs(text, [example("東京")]) == ["社会/NER/"]
    words = [example("東京", "/NER/:地名;東京", number=0), example("海", "/NER/", number=1)]
    assert outputs(words, [example("東京")]) == ["/NER/:地名;東京"]


@pytest.mark.parametrize("view", VIEWS)
def test_on_the_sample_nothing_is_malformed_or_outside_the_text(view: View) -> None:
    train, test = views(view)
    predictions = predict(train, test)
    assert [item["id"] for item in predictions] == sorted(item["id"] for item in test)
    assert [fault for item in predictions for fault in faults(item, "prediction")] == []
    tallies = tally(judge_all([("gold", item) for item in test], {p["id"]: (p["output"], True) for p in predictions}))
    total = defects(tallies)["all"]
    assert total["format"]["records"] == total["grounding"]["records"] == 0
    assert all(0 < value < 100 for value in scores(tallies)["all"].values() if isinstance(value, float))


def test_on_its_own_training_examples_it_recalls_every_relation_and_event() -> None:
    train, _ = views("joint")
    own = [item for item in train if item["subset"] == "TCREE"]
    for gold, found in zip(sorted(own, key=lambda item: str(item["id"])), predict(own, own), strict=True):
        task = task_of("TCREE", gold["task"])
        assert set(parse(gold["output"], task).extractions) <= set(parse(found["output"], task).extractions)


# --- the command -----------------------------------------------------------------------------------------------------


def words(folder: Path) -> list[str]:
    options = [(f"--{option}", str(folder / f"{option}.jsonl")) for option in ("train", "test", "out")]
    return ["stages.scoring.linear_baseline", *(word for pair in options for word in pair)]


def under_hash_seed(folder: Path, seed: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", *words(folder)]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8")


@pytest.mark.slow
def test_the_same_examples_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    train, test = views("joint")
    written = []
    for seed in ("1", "2"):
        write_jsonl(tmp_path / "train.jsonl", train)
        write_jsonl(tmp_path / "test.jsonl", test)
        done = under_hash_seed(tmp_path, seed)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{tmp_path / 'out.jsonl'}: {len(test)} predictions from {len(train)} training examples\n"
        written.append((tmp_path / "out.jsonl").read_bytes())
        random.Random(0).shuffle(train)
        random.Random(1).shuffle(test)
    assert written[0] == written[1]
    assert len(list(iter_jsonl(tmp_path / "out.jsonl"))) == len(test)


def test_bad_input_is_one_line_and_writes_nothing(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [example("東京")])
    write_jsonl(tmp_path / "test.jsonl", [{**example("東京"), "label": "x"}])
    done = here(words(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"{tmp_path}/test.jsonl:1: /: " in done.stderr
    assert not (tmp_path / "out.jsonl").exists()
    (tmp_path / "train.jsonl").unlink()
    assert "train.jsonl: no such file" in here(words(tmp_path)).stderr
