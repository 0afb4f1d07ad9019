"""Scores predictions against gold: TL, WL, ALL; format and grounding defects apart; bootstrap intervals.

    python -m stages.scoring.evaluate data/predictions/model.jsonl data/mix/test.jsonl --metrics metrics/evaluation.json \\
        --defects metrics/evaluation_defects.json --intervals metrics/evaluation_intervals.json
    python -m stages.scoring.evaluate data/predictions/model.jsonl data/mix/test.jsonl    # only prints a table

PRED holds predictions (`schemas/records/prediction.schema.json`), GOLD examples of the mix (`schemas/records/example.schema.json`), in
any order; where both hold nothing, the files of results are empty objects. What counts is written in docs/scoring.md. Resamples and seed come from the params section `evaluate`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.core import config
from stages.core.run import run
from stages.core.schema import write_checked_json
from stages.records.tasks import LEVELS
from stages.scoring import bootstrap
from stages.scoring.bootstrap import Evaluate
from stages.scoring.predictions import by_id, checked, nothing_asked, tell_missing
from stages.scoring.score import (
    Cell,
    Cells,
    counts_by_id,
    defects,
    judge_all,
    label_scores,
    nest,
    scopes,
    scores,
    tally,
)


def judge_files(predictions: str | Path, gold: str | Path) -> Cells:
    """Every record of two files, judged."""
    return judge_all(checked(gold, "example"), by_id(checked(predictions, "prediction")))


def repetitions(predictions: str | Path, gold: str | Path) -> dict[str, Any] | None:
    """Records whose output a repetition ended, nested like all results; None if the predictions do not say."""
    ended = {row["id"]: row["repeated"] for _, row in checked(predictions, "prediction") if "repeated" in row}
    if not ended:
        return None
    cells: dict[Cell, list[bool]] = {}
    for _, example in checked(gold, "example"):
        cells.setdefault((example["lang"], example["subset"]), []).append(ended.get(example["id"], False))

    def summary(parts: list[list[bool]]) -> dict[str, float]:
        records, n = sum(map(sum, parts)), sum(map(len, parts))
        return {"records": records, "percent": round(100 * records / n, 2)}

    return nest(cells, summary)


def with_repetitions(found: dict[str, Any], ended: dict[str, Any] | None) -> dict[str, Any]:
    """Defects with the count of `repetitions` beside them, in every cell and total."""
    if ended is None:
        return found
    cells = {
        lang: {name: {**row, "repetition": ended[lang][name]} for name, row in own.items()}
        for lang, own in found.items()
        if lang != "all"
    }
    return {**cells, "all": {**found["all"], "repetition": ended["all"]}}


def table(result: dict[str, Any]) -> str:
    """The scores as lines of text, a level that was not asked for as a dash."""
    from stages.scoring.tables import plain  # pandas, which only printing needs

    rows = [(name, *(row.get(level) for level in LEVELS), row["n"]) for name, row in scopes(result).items()]
    return plain(rows, ["", *LEVELS, "n"])


# What may be written, by the option that names its file, and the schema.
RESULTS = {
    "metrics": "evaluation_metrics",
    "defects": "defect_metrics",
    "intervals": "interval_metrics",
    "labels": "label_metrics",
}


def intervals(predictions: str | Path, gold: str | Path) -> dict[str, Any]:
    """The intervals of the scores, by section `evaluate` of the params."""
    knobs = config.read("evaluate", Evaluate)
    # A second reading: the draws need the texts that records share, the scores do without.
    rows = counts_by_id(checked(gold, "example"), by_id(checked(predictions, "prediction")))
    return bootstrap.intervals(rows, knobs.resamples, knobs.seed)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.scoring.evaluate", description=__doc__.split("\n")[0])
    parser.add_argument("predictions", metavar="PRED", help="JSONL of predictions")
    parser.add_argument("gold", metavar="GOLD", help="JSONL of examples, the test set")
    parser.add_argument("--metrics", metavar="FILE", help="write the scores here")
    parser.add_argument("--defects", metavar="FILE", help="write the format and grounding defects here")
    parser.add_argument("--intervals", metavar="FILE", help="write the intervals here")
    parser.add_argument("--labels", metavar="FILE", help="write the F1 of each text label here")
    options = parser.parse_args(arguments)
    files = {name: path for name in RESULTS if (path := getattr(options, name))}
    sides = options.predictions, options.gold
    if files and nothing_asked(options.gold, options.predictions):
        found: dict[str, Any] = dict.fromkeys(files, {})
        said = f"{options.gold} holds no example: nothing is scored"
    else:
        cells = judge_files(*sides)
        judged = [one for own in cells.values() for one in own]
        tell_missing(options.predictions, sum("no_prediction" in one.defects for one in judged), len(judged))
        tallies = tally(cells)
        result = scores(tallies)
        make = {
            "metrics": lambda: result,
            "defects": lambda: with_repetitions(defects(tallies), repetitions(*sides)),
            "intervals": lambda: intervals(*sides),
            "labels": lambda: label_scores(tallies),
        }
        found = {name: make[name]() for name in files}
        said = "all: " + ", ".join(f"{key} {value}" for key, value in result["all"].items()) if files else table(result)
    for name, path in files.items():
        write_checked_json(path, found[name], RESULTS[name])
    print(said)


if __name__ == "__main__":
    run(main)
