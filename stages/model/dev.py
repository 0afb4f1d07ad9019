"""TL, WL and ALL of a dev slice while training: what early stopping and the choice of a checkpoint go by.

The slice is `dev_examples` of the held-out groups, all cells alike as far as they reach, in an order that the seed decides: it is
never trained on, and no test group is in it. The model in training answers it greedily, without the guard against
repetitions; the project's scorer judges the answers in a process of its own. So training imports no scorer, and an edit of the
scorer makes no trained model stale; a killed run goes on only under the scorer that it began with.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from accelerate.utils import broadcast_object_list, gather_object
from datasets import Dataset

from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.schema import write_checked
from stages.model.common import decode
from stages.model.decoding import greedy
from stages.model.head import Head

SCORER = "stages.scoring.evaluate"
LEVELS = ("TL", "WL", "ALL")
FIELDS = ("id", "group", "subset", "task", "lang", "input", "output")
BATCH = 32  # prompts that one process answers at once
ROOT = Path(__file__).resolve().parents[2]


def dev_slice(held: Dataset, count: int, seed: int) -> Dataset:
    """So many rows of the held-out set: one of each cell (language, sub-dataset, task) in turn."""
    columns = (held["id"], held["lang"], held["subset"], held["task"])
    rows = [(row, *cell) for row, cell in enumerate(zip(*columns, strict=True))]
    rows.sort(key=lambda row: hashlib.sha256(f"{seed}/{row[1]}".encode()).digest())
    seen: Counter[tuple[str, ...]] = Counter()
    turns = []
    for row, _, *cell in rows:
        turns.append((seen[tuple(cell)], tuple(cell), row))
        seen[tuple(cell)] += 1
    return held.select(sorted(row for _, _, row in sorted(turns)[:count]))


def scored(predictions: Sequence[dict[str, Any]], gold: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The levels that the gold asks for, over all of it, in percent.

    Raises:
        UserError: the scorer refuses; its own line is told.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_checked(folder / "predictions.jsonl", predictions, "prediction")
        write_checked(folder / "gold.jsonl", gold, "example")
        files = [str(folder / "predictions.jsonl"), str(folder / "gold.jsonl")]
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        done = subprocess.run(
            [sys.executable, "-m", SCORER, *files, "--metrics", str(folder / "metrics.json")],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["the scorer failed"])[-1]
            raise UserError("train.dev_points", said, "mend the examples, or set it to 0")
        found = read_json(folder / "metrics.json")["all"]
    return {level: float(found[level]) for level in LEVELS if level in found}


def worth(scores: Mapping[str, float]) -> float:
    """What points are compared by: the mean of the levels."""
    return sum(scores.values()) / len(scores)


class Dev:
    """The slice and how it is answered. `points` are the steps after which it is."""

    def __init__(self, rows: Dataset, model: Any, tokenizer: Any, tokens: Sequence[int] | None, limit: int) -> None:
        """`tokens` are those of a cut head; `limit` is of new tokens."""
        self._rows, self._model, self._tokenizer, self._limit = rows, model, tokenizer, limit
        self._prompts = [ids[:start] for ids, start in zip(rows["ids"], rows["start"], strict=True)]
        self._gold = [{key: row[key] for key in FIELDS} for row in rows.select_columns(list(FIELDS))]
        if tokens is not None:  # as in prediction: what a text holds can be copied
            tokens = sorted({*tokens, *(token for prompt in self._prompts for token in prompt)})
        self._head = Head(model, tokens)

    def __len__(self) -> int:
        return len(self._gold)

    def scores(self, process: int, processes: int) -> dict[str, float]:
        """Of the model as it is; all processes have to call it, each answers its share, and all get the same."""
        order = sorted(range(len(self)), key=lambda row: -len(self._prompts[row]))[process::processes]
        found = []
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            prompts, end = [self._prompts[row] for row in batch], self._tokenizer.eos_token_id
            for row, (ids, finished) in zip(
                batch, greedy(self._model, self._head, prompts, end, self._limit), strict=True
            ):
                found.append(
                    {"id": self._gold[row]["id"], "output": decode(self._tokenizer, ids), "finished": finished}
                )
        if processes == 1:
            return scored(found, self._gold)
        told: list[Any] = gather_object(found)
        result = [scored(told, self._gold) if process == 0 else None]
        broadcast_object_list(result)
        scores = result[0]
        assert scores is not None
        return scores
