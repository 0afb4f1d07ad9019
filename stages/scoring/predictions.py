"""Predictions and examples read line by line for scoring, each line parsed and checked once."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.files import iter_lines, loads
from stages.core.schema import compiled, faults
from stages.scoring.score import Prediction


def checked(path: str | Path, name: str) -> Iterator[tuple[str, Any]]:
    """(place, value) of each line that its schema accepts, each read once; UserError names the first fault."""
    is_valid, path = compiled(name), str(path)  # a string: a Path is slow to print, once a line
    for number, line in iter_lines(path):
        place = f"{path}:{number}"
        value = loads(line, place)
        if not is_valid(value):
            pointer, message = faults(value, name)[0]
            remedy = f"see all faults with `python -m stages.records.validate --schema {name} {path}`"
            raise UserError(f"{place}: {pointer}", message, remedy)
        yield place, value


def nothing_asked(gold: str | Path, *predictions: str | Path) -> bool:
    """Whether a test set holds no example, and the predictions of it none: a project may have none of a kind (`raw.second`, or
    translations of test texts), and then nothing is scored, which is no fault."""
    return not any(checked(gold, "example")) and not any(
        line for path in predictions for line in checked(path, "prediction")
    )


def tell_missing(path: str | Path, missing: int, total: int) -> None:
    """Says, where it is so, that examples have no prediction: a file cut short would else pass for a bad model."""
    if missing:
        said = f"warning: {path}: no prediction for {missing} of {total} examples, which count as wrong"
        print(said, file=sys.stderr)


def by_id(lines: Iterable[tuple[str, Any]]) -> dict[str, Prediction]:
    """(output, finished) by id of checked predictions; UserError on an id that comes twice."""
    result: dict[str, Prediction] = {}
    for place, value in lines:
        prediction = value["output"], value["finished"]
        if result.setdefault(value["id"], prediction) is not prediction:
            raise UserError(place, f"duplicate id {value['id']!r}", "keep one prediction for each example")
    return result
