"""What to know of the data before training: leaks, near-duplicates, imbalance, labels at odds between views.

    python -m stages.dataset.data_checks --train data/mix/train.jsonl --test data/mix/test.jsonl data/mix/second.jsonl \\
        --metrics metrics/data_checks.json

The test part is all files of --test together.

- leak: a group in both parts; near-duplicate: a training and a test text of one language and of different groups whose
  character trigrams have a Jaccard similarity of `data_checks.near_duplicate` or more.
- imbalance, for each (language, sub-dataset, task) of the training part: the largest share of a text label, and the
  entropy of text labels over its maximum (Pielou's evenness, Journal of Theoretical Biology 13, 1966; 1 is balanced);
  labels that are tested and never trained on.
- views: records of one group and language with different text labels; one word with different labels in views that share
  a label table (SCPOS). A word with several labels within one view is ambiguous there, and compared with no other.

Alarms are a line each, and nothing is stopped: whether to train is the reader's to say.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core import config
from stages.core.config import Count, Share
from stages.core.errors import UserError
from stages.core.run import run
from stages.core.schema import read_checked, write_checked_json
from stages.dataset.near_duplicates import pairs
from stages.records.linear import parse, split_input
from stages.records.tasks import subset


@dataclass(frozen=True)
class DataChecks:
    """Section `data_checks`: from where on something is an alarm, and how many findings are listed."""

    near_duplicate: Share
    largest_share_above: Share
    show: Count


Cell = tuple[str, str, str]  # language, sub-dataset, task


@dataclass(frozen=True)
class Row:
    """What the checks look at of one example. `words` are (label, span) of a span task, of others none."""

    id: str
    group: str
    cell: Cell
    text: str
    label: str | None
    words: tuple[tuple[str, str], ...]


def read_row(example: Mapping[str, Any]) -> Row:
    """A row from an example of the mix."""
    text, task = split_input(example["input"])
    parsed = parse(example["output"], task)
    words = tuple((fields[0], fields[1]) for fields in parsed.extractions) if task.kind == "span" else ()
    cell = (example["lang"], example["subset"], example["task"])
    return Row(example["id"], example["group"], cell, text, parsed.text_label, words)


def near_duplicates(train: Sequence[Row], test: Sequence[Row], options: DataChecks) -> dict[str, Any]:
    """By language: texts of the test part, those with a near-duplicate in training, and the pairs, the nearest listed."""
    result: dict[str, Any] = {}
    for lang in sorted({row.cell[0] for row in test}):
        sides = []
        for rows in (train, test):
            texts: dict[str, list[Row]] = defaultdict(list)
            for row in rows:
                if row.cell[0] == lang:
                    texts[row.text].append(row)
            sides.append(texts)
        left, right = (list(side) for side in sides)
        found = []
        for k, n, similarity in pairs(left, right, options.near_duplicate):
            trained, tested = sides[0][left[k]], sides[1][right[n]]
            if {row.group for row in trained}.isdisjoint(row.group for row in tested):
                ids = min(row.id for row in trained), min(row.id for row in tested)
                found.append((-round(similarity, 4), *ids, right[n]))
        found.sort()
        result[lang] = {
            "texts": len(right),
            "texts_with_near_duplicate": len({pair[3] for pair in found}),
            "pairs": len(found),
            "nearest": [{"jaccard": -pair[0], "train": pair[1], "test": pair[2]} for pair in found[: options.show]],
        }
    return result


def evenness(counts: Iterable[int], classes: int) -> float | None:
    """Shannon entropy over its maximum, log of `classes`; None for fewer than two classes or nothing counted."""
    values = list(counts)
    total = sum(values)
    if classes < 2 or not total:
        return None
    return round(-sum(n / total * math.log(n / total) for n in values if n) / math.log(classes) + 0.0, 4)


def balance(train: Sequence[Row], test: Sequence[Row]) -> dict[str, Any]:
    """By cell, `<language>.<sub-dataset>.<task>`: how the text labels of training lie, and what only the test has."""
    cells = sorted({row.cell for row in (*train, *test)})
    own: dict[tuple[str, Cell], list[Row]] = defaultdict(list)
    for part, rows in (("train", train), ("test", test)):
        for row in rows:
            own[part, row.cell].append(row)
    result = {}
    for cell in cells:
        trained, tested = own["train", cell], own["test", cell]
        counts = Counter(row.label for row in trained if row.label is not None)
        known = {label for row in trained for label, _ in row.words}
        table = subset(cell[1]).word_labels[cell[2]]
        unseen_words = {label for row in tested for label, _ in row.words} - known
        result[".".join(cell)] = {
            "train": len(trained),
            "test": len(tested),
            "labels": dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
            "largest_share": round(max(counts.values()) / counts.total(), 4) if counts else None,
            "evenness": evenness(counts.values(), len(subset(cell[1]).text_labels[cell[0]])),
            "unseen_text_labels": sorted({row.label for row in tested if row.label is not None} - counts.keys()),
            # Open labels go into the hundreds: their number is told, those of a table by name.
            "unseen_word_labels": len(unseen_words) if table is None else sorted(unseen_words),
        }
    return result


def view_conflicts(rows: Sequence[Row], show: int) -> dict[str, Any]:
    """Texts whose views disagree: {count, listed} for text labels and for words."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group, row.cell[0]].append(row)
    labels, words = [], []
    for (group, lang), views in sorted(groups.items()):
        said = sorted({(row.label, row.id) for row in views if row.label is not None})
        if len({label for label, _ in said}) > 1:
            labels.append({"group": group, "lang": lang, "labels": {name: label for label, name in said}})
        words += word_conflicts(group, lang, views)
    return {
        name: {"count": len(found), "listed": found[:show]}
        for name, found in (("text_labels", labels), ("words", words))
    }


def word_conflicts(group: str, lang: str, views: Sequence[Row]) -> list[dict[str, Any]]:
    """Words with one label in one view and another in the next, among views that share a closed label table."""
    tables: dict[tuple[str, ...], dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for row in views:
        table = subset(row.cell[1]).word_labels[row.cell[2]]
        if not table:
            continue
        said: dict[str, set[str]] = defaultdict(set)
        for label, word in row.words:
            said[word].add(label)
        for word, own in said.items():
            if len(own) == 1:
                tables[table[lang]][word][row.id] = min(own)
    return [
        {"group": group, "lang": lang, "word": word, "labels": dict(sorted(own.items()))}
        for words in tables.values()
        for word, own in sorted(words.items())
        if len(set(own.values())) > 1
    ]


def find_alarms(found: Mapping[str, Any], options: DataChecks) -> list[dict[str, Any]]:
    """Every alarm as {kind, place, value, bound}, in a fixed order."""
    alarms: list[tuple[str, str, float, float]] = []
    if found["shared_groups"]["count"]:
        alarms.append(("leak", "groups in train and test", found["shared_groups"]["count"], 0))
    for lang, row in found["near_duplicates"].items():
        if row["pairs"]:
            alarms.append(("near_duplicates", f"{lang}: test texts", row["texts_with_near_duplicate"], 0))
    for cell, row in found["cells"].items():
        if row["test"] and not row["train"]:
            alarms.append(("untrained_cell", cell, row["test"], 0))
            continue
        if row["largest_share"] is not None and row["largest_share"] > options.largest_share_above:
            alarms.append(("imbalance", cell, row["largest_share"], options.largest_share_above))
        if unseen := row["unseen_text_labels"]:
            alarms.append(("untrained_label", f"{cell}: {', '.join(unseen)}", len(unseen), 0))
    for name, row in found["view_conflicts"].items():
        if row["count"]:
            alarms.append(("view_conflict", name, row["count"], 0))
    return [dict(zip(("kind", "place", "value", "bound"), alarm, strict=True)) for alarm in alarms]


def check(train: Sequence[Row], test: Sequence[Row], options: DataChecks) -> dict[str, Any]:
    """All findings (`schemas/dataset/data_checks.schema.json`).

    Raises:
        UserError: a threshold with which nothing could be found, or everything.
    """
    if not 0 < options.near_duplicate <= 1 or options.show < 0:
        fault = f"near_duplicate {options.near_duplicate}, show {options.show}"
        raise UserError("params.yaml: data_checks", fault, "near_duplicate above 0 up to 1, show from 0")
    shared = sorted({row.group for row in train} & {row.group for row in test})
    found = {
        "shared_groups": {"count": len(shared), "listed": shared[: options.show]},
        "near_duplicates": near_duplicates(train, test, options),
        "cells": balance(train, test),
        "view_conflicts": view_conflicts([*train, *test], options.show),
    }
    return {"alarms": find_alarms(found, options), **found}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.dataset.data_checks", description=__doc__.split("\n")[0])
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True, nargs="+", metavar="FILE")
    parser.add_argument("--metrics", required=True)
    given = parser.parse_args(arguments)
    train, test = (
        [read_row(example) for path in paths for example in read_checked(path, "example")]
        for paths in ([given.train], given.test)
    )
    result = check(train, test, config.read("data_checks", DataChecks))
    write_checked_json(given.metrics, result, "data_checks")
    for alarm in result["alarms"]:
        print(f"{alarm['kind']}: {alarm['place']}: {alarm['value']} (bound {alarm['bound']})")
    print(f"{len(result['alarms'])} alarms from {len(train)} training and {len(test)} test examples")


if __name__ == "__main__":
    run(main)
