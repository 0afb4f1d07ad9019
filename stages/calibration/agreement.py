"""Do two people annotate alike? Kappa, alpha and span F1 with intervals, and every disagreement for a third to decide.

    python -m stages.calibration.agreement --corpus data/corpus data/corpus-second --names first second \\
        --metrics metrics/agreement.json --disagreements data/agreement/disagreements.jsonl
    python -m stages.calibration.agreement --patches data/blind --metrics … --disagreements …

From two folders in the corpus' form, of which the second may hold some of the texts, or from the patches that people made blind on the review page.
Compared is what both annotated: a view of a text in a language. The text level is Cohen's kappa of two and Krippendorff's alpha of all, by family since
each has its own labels. The word level is F1 between two, strict (same label, same places) and partial (same label; a pair counts by the share of
code points in common), and alpha over code points for mentions. Intervals are of 95 %, texts drawn with replacement. What is named after one
person twice is refused.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from stages.calibration.annotations import Annotation, Annotations, distinct, of_corpus, of_patches
from stages.calibration.desk import open_desk
from stages.calibration.measures import alpha, coincidences, f1, interval, kappa, matched
from stages.calibration.patches import read
from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.run import run
from stages.core.schema import write_checked, write_checked_json

Both = tuple[Annotation, Annotation]


class Draw:
    """How intervals are made: so many resamples from a seed."""

    def __init__(self, resamples: int, seed: int) -> None:
        self.resamples, self.seed = resamples, seed

    def of(self, statistics: Any, measure: Any) -> dict[str, float | None]:
        """The measure of per-text statistics, with its interval."""
        return interval(np.array(statistics, dtype=float), measure, self.resamples, self.seed)


def _by_unit(pairs: Sequence[Both]) -> dict[str, list[Both]]:
    units: dict[str, list[Both]] = {}
    for pair in pairs:
        units.setdefault(pair[0].unit, []).append(pair)
    return units


def text_level(pairs: Sequence[Both], draw: Draw) -> dict[str, Any]:
    """Agreement on the label of the whole text, each text once; labels that are null are left out."""
    labels = [
        (unit[0][0].text_label, unit[0][1].text_label)
        for unit in _by_unit(pairs).values()
        if unit[0][0].text_label and unit[0][1].text_label
    ]
    values = sorted({str(label) for pair in labels for label in pair})
    if not labels:
        return {"texts": 0, "agreement": None, "kappa": {"value": None, "low": None, "high": None}}
    tables = np.zeros((len(labels), len(values), len(values)))
    for n, (one, other) in enumerate(labels):
        tables[n, values.index(str(one)), values.index(str(other))] = 1
    same = sum(one == other for one, other in labels)
    return {"texts": len(labels), "agreement": round(same / len(labels), 4), "kappa": draw.of(tables, kappa)}


def _codes(annotation: Annotation) -> list[str]:
    """The labels of each code point, "" for none."""
    codes = [list[str]() for _ in annotation.text]
    for item in annotation.extractions:
        for span in item["spans"]:
            for at in range(
                span["start"] or 0, (span["start"] or 0) + len(span["text"]) if span["start"] is not None else 0
            ):
                codes[at].append(str(item["label"]))
    return ["|".join(sorted(some)) for some in codes]


def word_level(pairs: Sequence[Both], draw: Draw) -> dict[str, Any]:
    """Agreement on extractions: strict and partial F1, and of mentions alpha over code points."""
    strict, partial, units = list[list[float]](), list[list[float]](), _by_unit(pairs)
    for unit in units.values():
        sums = np.zeros(4)
        for one, other in unit:
            sums += (*matched(one.extractions, other.extractions), len(one.extractions), len(other.extractions))
        strict.append([sums[0], sums[2], sums[3]])
        partial.append([sums[1], sums[2], sums[3]])
    result: dict[str, Any] = {
        "records": len(pairs),
        "extractions": [int(sum(row[n] for row in strict)) for n in (1, 2)],
        "strict_f1": draw.of(strict, f1),
        "partial_f1": draw.of(partial, f1),
        "alpha": None,
    }
    if all(one.task not in ("RE", "EE") for one, _ in pairs):
        coded = [[(_codes(one), _codes(other)) for one, other in unit] for unit in units.values()]
        values = sorted({code for unit in coded for pair in unit for codes in pair for code in codes})
        counts = [
            sum(coincidences(list(zip(one, other, strict=True)), values) for one, other in unit) for unit in coded
        ]
        result["alpha"] = draw.of(counts, alpha)
    return result


def compare(name: str, other: str, first: Annotations, second: Annotations, draw: Draw) -> dict[str, Any]:
    """The agreement of two people over what both annotated."""
    shared = [(first[key], second[key]) for key in sorted(first.keys() & second.keys())]
    same = [pair for pair in shared if pair[0].text == pair[1].text]
    pairs = [pair for pair in same if not pair[0].rejected and not pair[1].rejected]
    families: dict[str, list[Both]] = {}
    cells: dict[tuple[str, str, str], list[Both]] = {}
    for pair in pairs:
        one = pair[0]
        families.setdefault(one.family if one.unit.startswith(one.family) else f"{one.family}/{one.lang}", []).append(
            pair
        )
        cells.setdefault((one.name.split("/")[0], one.task, one.lang), []).append(pair)
    decisions = np.zeros((2, 2))
    for one, two in same:
        decisions[int(one.rejected), int(two.rejected)] += 1
    return {
        "annotators": [name, other],
        "records": len(pairs),
        "only_one": [len(first.keys() - second.keys()), len(second.keys() - first.keys())],
        "text_differs": len(shared) - len(same),
        "rejected": {"both": int(decisions[1, 1]), "one": int(decisions[0, 1] + decisions[1, 0])},
        "text": {family: text_level(own, draw) for family, own in sorted(families.items())},
        "words": word_level(pairs, draw) if pairs else None,
        "cells": [
            {"subset": subset, "task": task, "lang": lang, **word_level(own, draw)}
            for (subset, task, lang), own in sorted(cells.items())
        ],
    }


def text_alpha(people: dict[str, Annotations], draw: Draw) -> dict[str, Any]:
    """Krippendorff's alpha of all annotators' text labels, by family: units with one label count nothing."""
    given: dict[str, dict[str, dict[str, str]]] = {}
    for who, own in people.items():
        for one in own.values():
            if one.text_label and not one.rejected:
                family = one.family if one.unit.startswith(one.family) else f"{one.family}/{one.lang}"
                given.setdefault(family, {}).setdefault(one.unit, {}).setdefault(who, one.text_label)
    result = {}
    for family, units in sorted(given.items()):
        lists = [list(unit.values()) for unit in units.values() if len(unit) > 1]
        values = sorted({value for unit in lists for value in unit})
        if lists:
            result[family] = {
                "texts": len(lists),
                "alpha": draw.of([coincidences([unit], values) for unit in lists], alpha),
            }
    return result


def disagreements(people: dict[str, Annotations]) -> Iterator[dict[str, Any]]:
    """Every record that two annotated differently, with what each has, by id."""
    for name in sorted({key for own in people.values() for key in own}):
        versions = {who: own[name] for who, own in people.items() if name in own}
        shown = {
            who: {
                "rejected": one.rejected,
                "text": one.text,
                "text_label": one.text_label,
                "extractions": sorted(one.extractions, key=lambda item: [span["start"] or 0 for span in item["spans"]]),
            }
            for who, one in versions.items()
        }
        if any(one != other for one, other in combinations(shown.values(), 2)):
            yield {"id": name, "versions": shown}


def agreement(people: dict[str, Annotations], draw: Draw) -> dict[str, Any]:
    """Everything of metrics/agreement.json.

    Raises:
        UserError: fewer than two people, one under two names, or nothing that two of them annotated.
    """
    distinct(list(people))
    pairs = [compare(a, b, people[a], people[b], draw) for a, b in combinations(people, 2)]
    if not any(pair["records"] or pair["rejected"]["both"] or pair["rejected"]["one"] for pair in pairs):
        raise UserError(
            "agreement",
            "no record was annotated by two people, with the same text",
            "let both annotate the same records",
        )
    return {
        "resamples": draw.resamples,
        "seed": draw.seed,
        "annotators": {name: len(own) for name, own in people.items()},
        "disagreements": sum(1 for _ in disagreements(people)),
        "text_alpha": text_alpha(people, draw),
        "pairs": pairs,
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.calibration.agreement", description=__doc__.split("\n")[0])
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--corpus", nargs=2, metavar="FOLDER", help="two folders in the form of data/corpus")
    form.add_argument("--patches", metavar="FOLDER", help="patches of several people, made blind")
    parser.add_argument("--names", nargs=2, metavar="NAME", help="who annotated the two folders")
    parser.add_argument("--data", default="data", help="the folder of artifacts that the patches are of (default data)")
    parser.add_argument("--metrics", required=True)
    parser.add_argument("--disagreements", required=True)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.resamples < 1 or options.seed < 0:
        parser.error("--resamples takes a number from 1, --seed one from 0")
    languages = config.read("languages", Languages)
    if options.corpus:
        if not options.names:
            parser.error("--corpus needs --names: who annotated the one folder and the other")
        if Path(options.corpus[0]).resolve() == Path(options.corpus[1]).resolve():
            raise UserError(options.corpus[0], "is named twice", "agreement is between two people")
        distinct(options.names)
        types = Path(options.corpus[0]) / "types.json"
        people = {
            name: of_corpus(folder, types, languages)
            for name, folder in zip(options.names, options.corpus, strict=True)
        }
    else:
        people = of_patches(open_desk(options.data, languages), read(options.patches))
    metrics = agreement(people, Draw(options.resamples, options.seed))
    write_checked(options.disagreements, disagreements(people), "disagreement")
    write_checked_json(options.metrics, metrics, "agreement_metrics")
    for pair in metrics["pairs"]:
        words = pair["words"] or {"strict_f1": {"value": None}, "partial_f1": {"value": None}}
        print(
            f"{' and '.join(pair['annotators'])}: {pair['records']} records, strict F1 {words['strict_f1']['value']}, ",
            end="",
        )
        print(f"partial F1 {words['partial_f1']['value']}")


if __name__ == "__main__":
    run(main)
