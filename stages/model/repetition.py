"""An extraction said more often than its words stand in the text ends an answer: the guard against the loops of small models.

An extraction stands in a gold list at most as often as its span stands in the text (overlapping places count; of several
spans, the product). The first one over that bound is not read from the text any more, and what follows hardly ever is
(docs/constrained.md has the figures): the answer ends before it. As with a stop sequence, what triggered the stop is no part
of the answer. `cut` is the rule, for an output from anywhere; `Watch` ends generation as soon as `cut` would.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from stages.model.common import decode
from stages.records.linear import parse, split_input
from stages.records.record import occurrences
from stages.records.tasks import FORMS, Task

_COLON = re.compile(r"\\[:;\\]|:")


def bound(text: str, fields: Sequence[str], task: Task) -> int:
    """How often an extraction can stand in a gold list of this text; at least once."""
    label = FORMS[task.kind].label
    places = (len(occurrences(text, span)) for n, span in enumerate(fields) if n != label and span)
    return max(1, math.prod(places))


def _entries(output: str, task: Task, ended: bool) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(place of its colon, fields) of each extraction that is well formed and that more follows, the last one if `ended`."""
    head = output.split("/", 2)
    start = len(output) - len(head[2]) if len(head) == 3 else len(output)
    colons = [match.start() for match in _COLON.finditer(output, start) if match.group() == ":"]
    for place, after in pairwise([*colons, len(output)]):
        if after == len(output) and not ended:
            return
        for fields in parse(f"/{task.word}/{output[place:after]}", task).extractions:
            yield place, fields


def cut(output: str, given: str, ended: bool = True) -> str | None:
    """The output up to where an extraction is said once too often, its list closed; None if none is.

    `given` is the input, `ended` whether the last extraction is whole.
    """
    text, task = split_input(given)
    said = Counter[tuple[str, ...]]()
    for place, fields in _entries(output, task, ended):
        said[fields] += 1
        if said[fields] > 1 and said[fields] > bound(text, fields, task):
            return output[:place] + ("" if task.kind == "span" else ":")
    return None


class Watch:
    """Says for the rows of a batch, after each of their tokens, whether generation is to end: `watch(row, ids)`."""

    def __init__(self, tokenizer: Any, examples: Sequence[Mapping[str, Any]]) -> None:
        self._tokenizer, self._inputs = tokenizer, [example["input"] for example in examples]
        self._colon: dict[int, bool] = {}  # whether a token has one: an extraction is whole when the next begins

    def __call__(self, row: int, ids: Sequence[int]) -> bool:
        token = ids[-1]
        if token not in self._colon:
            self._colon[token] = ":" in decode(self._tokenizer, [token])
        # A character that is cut at the end stands after the last colon, where nothing is whole yet.
        return self._colon[token] and cut(decode(self._tokenizer, ids), self._inputs[row], ended=False) is not None
