"""Splits by group and writes the linear format: what the model trains on and is tested on.

    python -m stages.dataset.mix --calibrated data/calibrated \\
        --filtered data/filtered \\
        --records data/tconer/records.jsonl --references data/raw/references.jsonl --natural data/raw/natural.jsonl \\
        --held-out data/raw/second.jsonl --train data/mix/train.jsonl --test data/mix/test.jsonl \\
        --test-translated data/mix/test_translated.jsonl --second data/mix/second.jsonl --metrics metrics/mix.json

A group is all records of one source text: its split is the source's own, else decided by the hash of the group, so that no
view or translation of a training text is tested on. The test set is frozen: records in their source's language and, where
there are hand-made references, these in the other languages, the same under every prompt and filter. Translated test
records stand apart, and so does the second frozen test set, of which no group may be in another part. In training, what stands for a source text in another language is its kept machine translation
(`translations: machine`), that after people's corrections (`calibrated`), or its hand-made reference (`reference`). Natural
records, written in each language, are added. `train_size` takes as many of each cell as there are, in turn, until it is
full: a small mix has all cells alike. It draws from the shortest texts of each cell (`train_shortest`), which give more
examples in the same time. A record without a text label cannot be an example of most views: it is left out and counted;
so is, unless `unplaced` says otherwise, one with a span that is not in its text, as a correction of the text may leave it.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from stages.core import config
from stages.core.config import Count, Languages, Seed, Share
from stages.core.errors import UserError
from stages.core.joins import by_language
from stages.core.run import run
from stages.core.schema import write_checked, write_checked_json
from stages.records.linear import View, encode
from stages.records.record import Record, unaligned
from stages.records.rules import read_records


@dataclass(frozen=True)
class Mix:
    """Section `mix`: the split, the size and the view of the training data."""

    view: View
    unplaced: Literal["leave_out", "keep", "error"]
    translations: Literal["machine", "calibrated", "reference"]
    test_share: Share
    train_size: Count | None
    train_shortest: Annotated[float, Field(gt=0, le=1)]
    seed: Seed


Example = dict[str, str]


def rank(seed: int, name: str) -> float:
    """A number in [0, 1) that depends on the seed and the name alone: the same when records are added."""
    return int(hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()[:13], 16) / 16**13


def split_of(records: Iterable[Record], options: Mix) -> dict[str, str]:
    """train or test by group. A group with a test record in its source's own split is a test group."""
    given: dict[str, set[str | None]] = {}
    for record in records:
        given.setdefault(record["group"], set()).add(record["split"])
    result = {}
    for group, splits in given.items():
        if "test" in splits:
            result[group] = "test"
        elif "train" in splits:
            result[group] = "train"
        else:
            result[group] = "test" if rank(options.seed, group) < options.test_share else "train"
    return result


def example_of(record: Record, options: Mix) -> Example:
    """The record in the linear format, under the view of the params."""
    source, target = encode(record, options.view)
    return {
        **{key: record[key] for key in ("id", "group", "subset", "task", "lang")},
        "input": source,
        "output": target,
    }


def balanced(records: Sequence[Record], size: int, shortest: float, seed: int) -> list[Record]:
    """So many records: one of each cell (language, sub-dataset, task) in turn, in an order that the seed decides.

    Of each cell the share `shortest` is drawn from first, by length of text; the longer ones come when these are used up.
    """
    cells: dict[tuple[str, str, str], list[Record]] = {}
    for record in sorted(records, key=lambda record: rank(seed, record["id"])):
        cells.setdefault((record["lang"], record["subset"], record["task"]), []).append(record)
    turns = []
    for cell, own in cells.items():
        lengths = sorted(len(record["text"]) for record in own)
        longest = lengths[math.ceil(shortest * len(lengths)) - 1]
        own.sort(key=lambda record: len(record["text"]) > longest)  # stable: by rank within
        turns += [(turn, cell) for turn in range(len(own))]
    return [cells[cell][turn] for turn, cell in sorted(turns)[:size]]


def origin_of(record: Record, sources: Set[str], natural: Set[str], references: Set[str]) -> str:
    """How a text came to be in its language: source, natural, reference (hand-made translation) or translated."""
    named = (("natural", natural), ("source", sources), ("reference", references))
    return next((origin for origin, ids in named if record["id"] in ids), "translated")


def divided(
    records: Sequence[Record],
    sources: Set[str],
    references: Sequence[Record],
    natural: Sequence[Record],
    options: Mix,
) -> tuple[dict[str, list[Record]], int]:
    """(the records of train, test and test_translated, how many are in none for want of a text label).

    In training, one of a translation and a hand-made reference stands for a source text in another language, as
    `translations` says; in the test set both are there, in parts of their own.
    """
    splits = split_of([*records, *natural], options)
    parts: dict[str, list[Record]] = {"train": [], "test": [], "test_translated": []}
    own, unlabelled = {record["id"] for record in natural}, 0
    for record in [*records, *natural]:
        if record["text_label"] is None and options.view != "words":
            unlabelled += 1
            continue
        translated = record["id"] not in sources and record["id"] not in own
        part = splits[record["group"]]
        if part == "train" and translated and options.translations == "reference":
            continue
        parts["test_translated" if part == "test" and translated else part].append(record)
    wanted = ("test", "train") if options.translations == "reference" else ("test",)
    for part in wanted:
        parts[part] += [reference for reference in references if splits.get(reference["group"]) == part]
    return parts, unlabelled


def placed(records: Sequence[Record], options: Mix) -> list[Record]:
    """Those whose spans are all in their texts; UserError names the first other, where `unplaced` says so."""
    lost = {record["id"]: words[0] for record in records if (words := unaligned(record))}
    if lost and options.unplaced == "error":
        place, remedy = min(lost), "correct it, or set mix.unplaced to leave_out"
        raise UserError(place, f"{lost[place]!r} is not in the text", remedy)
    return [record for record in records if record["id"] not in lost]


def refuse_leaks(parts: Mapping[str, Sequence[Record]]) -> None:
    """UserError where a group of a test set is in another part: train and test, and the second set with any."""
    groups = {name: {record["group"] for record in part} for name, part in parts.items()}
    for one, other in (("train", "test"), *((name, "second") for name in groups if name != "second")):
        if leaked := groups[one] & groups[other]:
            raise UserError(f"group {min(leaked)}", f"is in {one} and in {other}", "this is a fault of mix: report it")


def mix(
    records: Sequence[Record],
    sources: Set[str],
    references: Sequence[Record],
    options: Mix,
    natural: Sequence[Record] = (),
    held_out: Sequence[Record] = (),
) -> tuple[dict[str, list[Example]], Counter[str], Counter[str]]:
    """(examples of train, test, test_translated and second sorted by id, counts of what was left out by reason, and training
    examples by origin).

    `sources` are the ids of the records that are not translations.
    """
    parts, unlabelled = divided(records, sources, references, natural, options)
    parts, left_out = {**parts, "second": list(held_out)}, Counter(no_text_label=unlabelled)
    for name in ("train", "test_translated") if options.unplaced != "keep" else ():  # the frozen test set stays whole
        whole, parts[name] = parts[name], placed(parts[name], options)
        left_out["unplaced"] += len(whole) - len(parts[name])
    if options.train_size is not None and len(parts["train"]) > options.train_size:
        left_out["train_size"] = len(parts["train"]) - options.train_size
        parts["train"] = balanced(parts["train"], options.train_size, options.train_shortest, options.seed)
    refuse_leaks(parts)
    own = {record["id"] for record in natural}
    made = {reference["id"] for reference in references} if options.translations == "reference" else set[str]()
    origins = Counter(origin_of(record, sources, own, made) for record in parts["train"])
    examples = {
        name: sorted((example_of(record, options) for record in part), key=lambda example: example["id"])
        for name, part in parts.items()
    }
    return examples, left_out, origins


def counts(examples: Sequence[Example], languages: Sequence[str]) -> dict[str, Any]:
    """Examples by language and sub-dataset, and groups."""
    cells = Counter((example["lang"], example["subset"]) for example in examples)
    return {
        "examples": len(examples),
        "groups": len({example["group"] for example in examples}),
        **{lang: {name: n for (code, name), n in sorted(cells.items()) if code == lang} for lang in languages},
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.dataset.mix", description=__doc__.split("\n")[0])
    for option in ("calibrated", "filtered"):
        parser.add_argument(f"--{option}", required=True, help="folder of one file a language")
    for option in (
        "records",
        "references",
        "natural",
        "held-out",
        "train",
        "test",
        "test-translated",
        "second",
        "metrics",
    ):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    languages, knobs = config.read("languages", Languages), config.read("mix", Mix)
    calibrated, filtered = by_language(options.calibrated, languages), by_language(options.filtered, languages)
    files = filtered if knobs.translations == "machine" else calibrated
    records = [record for path in files.values() for record in read_records(path)]
    sources = {record["id"] for record in read_records(options.records)}
    natural = read_records(options.natural)
    if knobs.translations == "machine":  # only those are filtered that were translated
        records = [*read_records(options.records), *records]
    examples, left_out, origins = mix(
        records, sources, read_records(options.references), knobs, natural, read_records(options.held_out)
    )
    if not examples["train"] or not examples["test"]:
        raise UserError("mix", "no training or no test example is left", "see metrics/translation.json, mix.test_share")
    write_checked(options.train, examples["train"], "example")
    write_checked(options.test, examples["test"], "example")
    write_checked(options.test_translated, examples["test_translated"], "example")
    write_checked(options.second, examples["second"], "example")
    metrics = {name: counts(part, languages) for name, part in examples.items()}
    reasons = ("no_text_label", "unplaced", "train_size")
    metrics["train_by_origin"] = dict(sorted(origins.items()))
    metrics["left_out"] = {reason: left_out[reason] for reason in reasons}
    write_checked_json(options.metrics, metrics, "mix_metrics")
    print(", ".join(f"{name} {len(part)}" for name, part in examples.items()))


if __name__ == "__main__":
    run(main)
