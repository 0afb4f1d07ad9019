"""Checks before training: each fault is planted in sound data and found, and sound data raises no alarm."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.schema import faults, write_checked
from stages.dataset import data_checks
from stages.dataset.data_checks import DataChecks, Row, check, evenness, read_row
from stages.dataset.near_duplicates import jaccard, pairs, trigrams
from stages.records.linear import encode
from stages.records.record import Record

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = config.read("data_checks", DataChecks, ROOT / "params.yaml")
Parts = tuple[list[Row], list[Row]]


def example(record: Record) -> dict[str, Any]:
    source, target = encode(record)
    fields = ("id", "group", "subset", "task", "lang")
    return {**{key: record[key] for key in fields}, "input": source, "output": target}


@pytest.fixture
def sound(sample: list[Record]) -> Parts:
    """Train and test of the sample with its hand-made references, in every cell."""
    rows = [(record["split"], read_row(example(record))) for record in sample]
    return [row for split, row in rows if split == "train"], [row for split, row in rows if split == "test"]


def kinds(train: list[Row], test: list[Row]) -> list[tuple[str, str]]:
    result = check(train, test, OPTIONS)
    assert faults(result, "data_checks") == []
    return [(alarm["kind"], alarm["place"]) for alarm in result["alarms"]]


def test_sound_data_raises_no_alarm(sound: Parts) -> None:
    assert kinds(*sound) == []


def test_a_planted_leak_is_found_by_its_group(sound: Parts) -> None:
    train, test = sound
    planted = test[5]
    result = check([*train, planted], test, OPTIONS)
    assert result["shared_groups"] == {"count": 1, "listed": [planted.group]}
    assert kinds([*train, planted], test)[0] == ("leak", "groups in train and test")


@pytest.mark.parametrize("lang", ["ja", "en", "zh"])
def test_a_leak_with_another_group_and_a_changed_word_is_found_by_its_text(sound: Parts, lang: str) -> None:
    train, test = sound
    victim = next(row for row in test if row.cell[0] == lang and len(row.text) > 40)
    middle = len(victim.text) // 2
    changed = victim.text[:middle].upper() + "某" + victim.text[middle + 1 :]
    planted = dataclasses.replace(victim, id="planted", group="0" * 16, text=changed)
    found = check([*train, planted], test, OPTIONS)["near_duplicates"]
    nearest = found[lang]["nearest"]
    assert [(pair["train"], pair["test"][: -len(lang)]) for pair in nearest] == [("planted", victim.id[: -len(lang)])]
    assert found[lang]["texts_with_near_duplicate"] == 1
    assert kinds([*train, planted], test) == [("near_duplicates", f"{lang}: test texts")]


def test_a_label_that_is_only_tested_is_named(sound: Parts) -> None:
    train, test = sound
    less = [row for row in train if row.cell != ("en", "SCNM", "NER") or row.label != "Nature"]
    assert kinds(less, test) == [("untrained_label", "en.SCNM.NER: Nature")]
    cell = check(less, test, OPTIONS)["cells"]["en.SCNM.NER"]
    assert cell["unseen_text_labels"] == ["Nature"]
    assert cell["evenness"] < 1


def test_a_cell_without_training_examples_is_one_alarm(sound: Parts) -> None:
    train, test = sound
    less = [row for row in train if row.cell != ("zh", "TCREE", "RE")]
    assert kinds(less, test) == [("untrained_cell", "zh.TCREE.RE")]


def test_an_unbalanced_cell_is_told_with_its_share(sound: Parts) -> None:
    train, test = sound
    many = [row for row in train if row.cell == ("ja", "SCPOS-N", "N") and row.label == "積極"]
    copies = [dataclasses.replace(row, id=f"{row.id}{n}") for row in many for n in range(9)]
    result = check([*train, *copies], test, OPTIONS)
    assert [(alarm["kind"], alarm["place"]) for alarm in result["alarms"]] == [("imbalance", "ja.SCPOS-N.N")]
    assert result["cells"]["ja.SCPOS-N.N"]["largest_share"] == result["alarms"][0]["value"] > 0.8


def test_views_that_disagree_on_the_text_label_are_listed(sound: Parts) -> None:
    train, test = sound
    at = next(n for n, row in enumerate(train) if row.cell == ("ja", "SCPOS-N", "N") and row.label == "積極")
    wrong = dataclasses.replace(train[at], label="消極")
    conflicts = check([*train[:at], wrong, *train[at + 1 :]], test, OPTIONS)["view_conflicts"]
    assert conflicts["text_labels"]["count"] == 1
    listed = conflicts["text_labels"]["listed"][0]
    assert (listed["group"], listed["labels"][wrong.id]) == (wrong.group, "消極")
    assert len(listed["labels"]) == 4


def test_a_word_with_another_polarity_in_another_view_is_listed(sound: Parts) -> None:
    train, test = sound
    at = next(n for n, row in enumerate(train) if row.cell == ("zh", "SCPOS-ADJ", "ADJ") and row.words)
    label, word = train[at].words[0]
    other = "负面" if label == "正面" else "正面"
    wrong = dataclasses.replace(train[at], words=((other, word), *train[at].words[1:]))
    listed = check([*train[:at], wrong, *train[at + 1 :]], test, OPTIONS)["view_conflicts"]["words"]["listed"]
    assert [(item["group"], item["word"]) for item in listed] == [(wrong.group, word)]
    assert listed[0]["labels"][wrong.id] == other


def test_a_word_with_two_polarities_in_one_view_is_no_conflict() -> None:
    both = (("正面", "轻"), ("负面", "轻"))
    adj = Row("a", "0" * 16, ("zh", "SCPOS-ADJ", "ADJ"), "轻轻", "积极", both)
    adjn = dataclasses.replace(adj, id="b", cell=("zh", "SCPOS-ADJN", "ADJN"), words=both[:1])
    assert data_checks.word_conflicts("0" * 16, "zh", [adj, adjn]) == []


def test_evenness_of_hand_worked_counts() -> None:
    assert evenness([5, 5], 2) == 1
    assert evenness([7], 2) == 0
    assert evenness([1, 1], 4) == 0.5
    assert evenness([3], 1) is None
    assert evenness([], 2) is None


# --- the join --------------------------------------------------------------------------------------------------------

TEXTS = st.lists(st.text(alphabet="ab東 ", max_size=14), max_size=12)


@given(TEXTS, TEXTS, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_the_join_finds_just_what_comparing_all_with_all_finds(left: list[str], right: list[str], bound: float) -> None:
    obvious = [
        (k, n, jaccard(trigrams(one), trigrams(other)))
        for k, one in enumerate(left)
        for n, other in enumerate(right)
        if jaccard(trigrams(one), trigrams(other)) >= bound
    ]
    assert list(pairs(left, right, bound)) == obvious


def test_similarity_is_of_trigrams_without_case_width_or_spacing() -> None:
    assert list(pairs(["ABC  def"], ["ａｂｃ def"], 1.0)) == [(0, 0, 1.0)]
    # abc bcd cde | abc bcd cdf: two of four.
    assert list(pairs(["abcde"], ["abcdf"], 0.5)) == [(0, 0, 0.5)]
    assert list(pairs(["a"], ["a", "b", ""], 0.5)) == [(0, 0, 1.0)]


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_writes_the_metrics_and_a_line_an_alarm(
    tmp_path: Path, sample: list[Record], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    english = [record for record in sample if record["id"].startswith("SCNM/NER") and record["lang"] == "en"]
    for part in ("train", "test"):
        rows = [example(record) for record in english if record["split"] == part]
        if part == "train":
            rows.append(example(next(record for record in english if record["split"] == "test")))
        write_checked(tmp_path / f"{part}.jsonl", rows, "example")
    paths = {part: str(tmp_path / f"{part}.jsonl") for part in ("train", "test")}
    metrics = str(tmp_path / "data_checks.json")
    data_checks.main(["--train", paths["train"], "--test", paths["test"], "--metrics", metrics])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["leak: groups in train and test: 1 (bound 0)", "1 alarms from 28 training and 13 test examples"]
    assert faults(read_json(metrics), "data_checks") == []


def test_a_threshold_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="near_duplicate 0"):
        check([], [], dataclasses.replace(OPTIONS, near_duplicate=0.0))
