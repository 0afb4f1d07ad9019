"""The mix: the split by group, what stands in training, the views, and the frozen test set."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from pathlib import Path

import pytest

from stages.core import config
from stages.core.errors import UserError
from stages.dataset.mix import Mix, balanced, mix, split_of
from stages.dataset.mix import main as mix_main
from stages.records.linear import parse, split_input
from stages.records.record import Record
from stages.records.rules import write_records
from stages.records.tasks import task_of
from tests.support.pipeline import ROOT

MIX = dataclasses.replace(
    config.read("mix", Mix, ROOT / "params.yaml"), view="joint", train_size=None, translations="calibrated"
)


def all_of(records: list[Record]) -> set[str]:
    return {record["id"] for record in records}


def test_no_group_is_in_train_and_test(records: list[Record], references: list[Record]) -> None:
    parts, _, _ = mix(records + references, all_of(records), references, MIX)
    groups = {name: {example["group"] for example in part} for name, part in parts.items()}
    assert not groups["train"] & (groups["test"] | groups["test_translated"])
    assert len(groups["train"] | groups["test"]) == 160


def test_the_test_set_is_the_same_whatever_was_translated(records: list[Record], references: list[Record]) -> None:
    whole, _, _ = mix(records + references, all_of(records), references, MIX)
    none, _, _ = mix(records, all_of(records), references, MIX)
    assert whole["test"] == none["test"]
    cells = Counter((example["lang"], example["subset"]) for example in none["test"])
    assert len(cells) == 21
    assert min(cells.values()) >= 13
    assert none["test_translated"] == []
    assert len(whole["test_translated"]) == 208


def test_groups_without_a_split_are_split_by_hash_and_stay_when_others_join(records: list[Record]) -> None:
    free = [{**record, "split": None} for record in records]
    splits = split_of(free, MIX)
    share = Counter(splits.values())["test"] / len(splits)
    assert 0.2 < share < 0.46
    assert split_of(free[: len(free) // 2], MIX).items() <= splits.items()


def test_one_test_record_makes_its_whole_group_a_test_group(records: list[Record]) -> None:
    group = [{**record, "split": split} for record, split in zip(records[:2], ("train", "test"), strict=True)]
    group[1]["group"] = group[0]["group"]
    assert split_of(group, MIX) == {group[0]["group"]: "test"}


def test_views_ask_for_one_level_or_give_it(records: list[Record], references: list[Record]) -> None:
    joint = {e["id"]: e for e in mix(records, all_of(records), references, MIX)[0]["test"]}
    for view in ("text", "words", "text_given", "words_given"):
        for example in mix(records, all_of(records), references, dataclasses.replace(MIX, view=view))[0]["test"]:
            whole = joint[example["id"]]
            task = task_of(example["subset"], example["task"])
            full, parsed = parse(whole["output"], task), parse(example["output"], task)
            asks_label, asks_words = view in ("text", "words_given"), view in ("words", "text_given")
            assert parsed.text_label == (full.text_label if asks_label else None)
            assert parsed.extractions == (full.extractions if asks_words else [])
            given = split_input(example["input"])[0].removeprefix(split_input(whole["input"])[0])
            if view == "text_given":
                assert given == "/" + str(full.text_label)
            elif view == "words_given":
                assert given.startswith("/")
                assert parse(f"x/{task.word}{given}", task).extractions == full.extractions
            else:
                assert given == ""


def test_train_size_takes_a_stable_part_and_counts_the_rest(records: list[Record], references: list[Record]) -> None:
    whole, _, _ = mix(records, all_of(records), references, MIX)
    small, left_out, _ = mix(records, all_of(records), references, dataclasses.replace(MIX, train_size=50))
    assert len(small["train"]) == 50
    assert left_out["train_size"] == len(whole["train"]) - 50
    fewer, _, _ = mix(records, all_of(records), references, dataclasses.replace(MIX, train_size=20))
    assert {e["id"] for e in fewer["train"]} <= {e["id"] for e in small["train"]}


def test_a_small_mix_has_all_cells_alike(records: list[Record], references: list[Record]) -> None:
    small, _, _ = mix(records, all_of(records), references, dataclasses.replace(MIX, train_size=35))
    cells = Counter((example["lang"], example["subset"], example["task"]) for example in small["train"])
    assert max(cells.values()) - min(cells.values()) <= 1


def test_a_small_mix_draws_from_the_shortest_texts_of_each_cell_first(
    records: list[Record], references: list[Record]
) -> None:
    cell = [record for record in records if record["subset"] == "SCNM"]
    lengths = {record["id"]: len(record["text"]) for record in cell}
    half = sorted(lengths.values())[: math.ceil(len(cell) / 2)]
    drawn = balanced(cell, len(half), 0.5, 0)
    assert sorted(lengths[record["id"]] for record in drawn) == half
    assert [record["id"] for record in balanced(cell, len(cell), 0.5, 0)][: len(half)] == [r["id"] for r in drawn]
    assert {record["id"] for record in balanced(cell, len(cell), 0.5, 0)} == set(lengths)  # the longer ones after them


def test_references_stand_for_the_translations_of_training_groups_if_that_is_wanted(
    records: list[Record], references: list[Record]
) -> None:
    wanted = dataclasses.replace(MIX, translations="reference")
    broken = [{**record, "text": "machine translation", "extractions": []} for record in references]
    parts, _, origins = mix(records + broken, all_of(records), references, wanted)
    assert not any("machine translation" in example["input"] for example in parts["train"])
    assert sum("machine translation" in example["input"] for example in parts["test_translated"]) == 208
    assert origins["reference"] == 2 * origins["source"]
    assert origins["translated"] == 0


def test_natural_records_join_the_training_data_and_never_the_test_set(
    records: list[Record], references: list[Record]
) -> None:
    native = [
        {**record, "id": record["id"].replace("sample", "own"), "source": "own", "group": "f" * 16, "split": "train"}
        for record in references[:3]
    ]
    parts, _, origins = mix(records, all_of(records), references, MIX, native)
    assert {record["id"] for record in native} <= {example["id"] for example in parts["train"]}
    assert origins["natural"] == 3
    assert parts["test"] == mix(records, all_of(records), references, MIX)[0]["test"]


def held_out(references: list[Record]) -> list[Record]:
    """Three records of a source and groups of their own."""
    return [
        {**record, "id": record["id"].replace("sample", "second"), "source": "second", "group": f"{n}" * 16}
        for n, record in enumerate(references[:3])
    ]


def test_the_second_frozen_set_is_a_part_of_its_own_and_shares_no_group(
    records: list[Record], references: list[Record]
) -> None:
    small = dataclasses.replace(MIX, train_size=50)
    second = held_out(references)
    parts, _, _ = mix(records, all_of(records), references, small, (), second)
    assert {example["id"] for example in parts.pop("second")} == all_of(second)
    without, _, _ = mix(records, all_of(records), references, small)
    assert without.pop("second") == []
    assert parts == without
    for split in ("train", "test"):
        group = next(record["group"] for record in records if record["split"] == split)
        with pytest.raises(UserError, match=f"group {group}: is in {split} and in second"):
            mix(records, all_of(records), references, MIX, (), [{**second[0], "group": group}])


def test_the_mix_takes_the_files_that_translations_names(
    records: list[Record], references: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    knobs = config.load(ROOT / "params.yaml")
    knobs["mix"] |= {"translations": "machine", "train_size": None}
    Path("params.yaml").write_text(json.dumps(knobs), encoding="utf-8")  # JSON is YAML
    for lang in ("ja", "en", "zh"):
        own = [record for record in references if record["lang"] == lang]
        write_records(f"filtered/{lang}.jsonl", own)
        write_records(f"calibrated/{lang}.jsonl", [r for r in records if r["lang"] == lang])
    for name, rows in (
        ("records", records),
        ("references", references),
        ("natural", []),
        ("held-out", held_out(references)),
    ):
        write_records(f"{name}.jsonl", rows)
    words = ["--filtered", "filtered", "--calibrated", "calibrated"]
    for name in ("records", "references", "natural", "held-out", "train", "test", "test-translated", "second"):
        words += [f"--{name}", f"{name}.jsonl"]
    mix_main([*words, "--metrics", "mix.json"])
    made = json.loads(Path("mix.json").read_bytes())["train_by_origin"]
    assert made["translated"] == 2 * made["source"]


def test_records_without_a_text_label_are_left_out_and_counted(records: list[Record], references: list[Record]) -> None:
    blank = [{**record, "text_label": None, "text_label_origin": None} for record in records[:3]] + records[3:]
    _, left_out, _ = mix(blank, all_of(blank), references, MIX)
    assert left_out["no_text_label"] == 3
    _, left_out, _ = mix(blank, all_of(blank), references, dataclasses.replace(MIX, view="words"))
    assert left_out["no_text_label"] == 0


def test_mix_is_a_pure_function_of_params(records: list[Record], references: list[Record]) -> None:
    assert isinstance(MIX, Mix)
    assert mix(records[::-1], all_of(records), references[::-1], MIX) == mix(records, all_of(records), references, MIX)


def test_a_record_with_a_span_that_is_not_in_its_text_is_left_out_and_counted(
    records: list[Record], references: list[Record]
) -> None:
    lost = next(record for record in records if record["split"] == "train" and record["extractions"])
    item = lost["extractions"][0]
    gone = {**item, "spans": [{**span, "start": None} for span in item["spans"]]}
    broken = {**lost, "extractions": [gone, *lost["extractions"][1:]]}
    some = [broken if record is lost else record for record in records]

    def trained(unplaced: str) -> tuple[set[str], int]:
        parts, left_out, _ = mix(some, all_of(some), references, dataclasses.replace(MIX, unplaced=unplaced))
        return {example["id"] for example in parts["train"]}, left_out["unplaced"]

    whole, none = trained("keep")
    assert trained("leave_out") == (whole - {lost["id"]}, 1)
    assert (lost["id"] in whole, none) == (True, 0)
    with pytest.raises(UserError, match="is not in the text"):
        trained("error")
