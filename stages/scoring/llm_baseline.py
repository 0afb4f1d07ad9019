"""Any LLM as a baseline, without training: zero-shot, or with examples before the question.

    python -m stages.scoring.llm_baseline --shots 0 --records data/raw/records.jsonl --references data/raw/references.jsonl \\
        --test data/mix/test.jsonl --prompt stages/prompts/baseline/v1.yaml \\
        --responses data/responses-baseline.jsonl.gz --out data/predictions/llm_0shot.jsonl \\
        --metrics metrics/llm_0shot_format.json --usage data/usage-baseline/0shot.json --model NAME

`--shots k` shows `llm_baseline.shots` examples of the same sub-dataset, task and language: source records and hand-made
references, never translations by an LLM, and none of a group of the test set. They are the same for all questions of a
cell and come first, and the cells go out one after the other, so that a server can keep the prefix.

The model is asked for JSON with the content of the linear format, which is encoded here: what is measured is what it
extracts, not how well it copies a notation that it has never seen. Closed labels are an enum, and a list has at most
`llm_baseline.max_items` items, so that a model that repeats itself ends before the token limit; an endpoint that
enforces a schema therefore makes few format errors. Those that remain are counted apart, and an answer with one is
scored for what is sound in it. Both levels are asked for, as the joint view of the mix has them.
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core import config
from stages.core.config import Count, Seed
from stages.core.files import dumps
from stages.core.run import run
from stages.core.schema import read_checked, write_checked, write_checked_json
from stages.llm.answer import json_answer
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request, chat
from stages.llm.session import LlmSession
from stages.records.linear import encode_list, split_input
from stages.records.record import Record, fields_of
from stages.records.rules import read_records
from stages.records.tasks import FORMS, Task, subset, task_of


@dataclass(frozen=True)
class LlmBaseline:
    """Section `llm_baseline`: the examples that are shown, and the longest list that may be answered."""

    shots: Count
    seed: Seed
    max_items: Count


Cell = tuple[str, str, str]  # sub-dataset, task, language
# No answer at all (these end a prediction; the rare are written only where they occur), then faults in one.
ERRORS = ("truncated", "refused", "filtered", "not_json", "wrong_shape")
RARE = ("endpoint_refused", "several_answers")
FLAWS = ("wrong_item", "unknown_text_label", "unknown_word_label")


def cell_of(record: Mapping[str, Any]) -> Cell:
    """Where a record or an example belongs."""
    return record["subset"], record["task"], record["lang"]


def word_labels(cell: Cell) -> tuple[str, ...] | None:
    """The closed word labels of a cell, none for events; None where they are open."""
    table = subset(cell[0]).word_labels[cell[1]]
    return None if table is None else table.get(cell[2], ())


def draw(records: Iterable[Record], test_groups: set[str], options: LlmBaseline) -> dict[Cell, list[Record]]:
    """The examples of each cell: in an order by hash of the seed and the group, those with a class not yet shown first.

    The hash makes the choice the same in every language and view, and stable when records are added.
    """
    pools: dict[Cell, list[Record]] = defaultdict(list)
    for record in records:
        if record["text_label"] is not None and record["group"] not in test_groups:
            pools[cell_of(record)].append(record)
    result = {}
    for cell, pool in pools.items():
        pool.sort(key=lambda record: hashlib.sha256(f"{options.seed}:{record['group']}".encode()).digest())
        first = {record["text_label"]: n for n, record in reversed(list(enumerate(pool)))}
        fresh = [pool[n] for n in sorted(first.values())]
        rest = [record for n, record in enumerate(pool) if n != first[record["text_label"]]]
        result[cell] = (fresh + rest)[: options.shots]
    return result


def answer_of(record: Record) -> dict[str, Any]:
    """The answer that a record stands for."""
    task = task_of(record["subset"], record["task"])
    items = [dict(zip(FORMS[task.kind].fields, fields_of(item, task), strict=True)) for item in record["extractions"]]
    return {"class": record["text_label"], "list": items}


def answer_schema(cell: Cell, max_items: int) -> dict[str, Any]:
    """The JSON Schema of an answer: closed labels as enums, every key required, nothing else allowed."""
    keys, labels = FORMS[task_of(cell[0], cell[1]).kind].fields, word_labels(cell)
    properties: dict[str, Any] = {key: {"type": "string"} for key in keys}
    if labels:
        properties["label"] = {"enum": list(labels)}
    item = {"type": "object", "properties": properties, "required": list(keys), "additionalProperties": False}
    return {
        "type": "object",
        "properties": {
            "class": {"enum": list(subset(cell[0]).text_labels[cell[2]])},
            "list": {"type": "array", "items": item, "maxItems": max_items},
        },
        "required": ["class", "list"],
        "additionalProperties": False,
    }


def build_request(cell: Cell, text: str, shown: Sequence[Record], spec: Prompt, llm: Llm, max_items: int) -> Request:
    """The call for one text: the instruction of its cell, the cell's examples, the text."""
    labels = {"text_labels": list(subset(cell[0]).text_labels[cell[2]]), "word_labels": list(word_labels(cell) or ())}
    instruction = spec.render("system", **labels) + "\n" + spec.render(f"{cell[0]}/{cell[1]}", **labels)
    messages = [{"role": "system", "content": instruction}]
    for record in shown:
        messages.append({"role": "user", "content": spec.render("user", text=record["text"])})
        messages.append({"role": "assistant", "content": dumps(answer_of(record)).decode()})
    messages.append({"role": "user", "content": spec.render("user", text=text)})
    return chat(llm, messages, answer_schema(cell, max_items))


def read_items(value: Sequence[Any], cell: Cell, task: Task) -> tuple[list[tuple[str, ...]], list[str]]:
    """(field tuples of the sound items, flaws). An item is sound if it has its keys, all strings, and none empty that
    an output must have; a label outside the table is a flaw and stays, to be scored as the wrong label that it is."""
    keys, labels = FORMS[task.kind].fields, word_labels(cell)
    found: list[tuple[str, ...]] = []
    flaws: list[str] = []
    for item in value:
        fields = [item.get(key) for key in keys] if isinstance(item, dict) else []
        sound = len(fields) == len(FORMS[task.kind].fields) and all(isinstance(part, str) for part in fields)
        if not sound or not (any(fields) if task.kind == "event" else all(fields)):
            flaws.append("wrong_item")
            continue
        if labels and item["label"] not in labels:
            flaws.append("unknown_word_label")
        found.append(tuple(map(str, fields)))
    return found, flaws


def read_answer(response: Mapping[str, Any], cell: Cell) -> tuple[str, list[str]]:
    """(the prediction in the linear format, errors and flaws); the prediction is empty where there is no answer."""
    task = task_of(cell[0], cell[1])
    value, failure = json_answer(dict(response))
    if failure:
        return "", [failure]
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("class"), str)
        or not isinstance(value.get("list"), list)
    ):
        return "", ["wrong_shape"]
    items, flaws = read_items(value["list"], cell, task)
    label = value["class"]
    if label not in subset(cell[0]).text_labels[cell[2]]:
        flaws.append("unknown_text_label")
        label = "" if "/" in label else label  # a slash would end the label and spoil the rest of the output
    return f"{label}/{task.word}/{encode_list(items, task.kind)}", flaws


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.scoring.llm_baseline", description=__doc__.split("\n")[0])
    parser.add_argument("--shots", required=True, choices=("0", "k"), help="k: llm_baseline.shots of params.yaml")
    parser.add_argument("--model", help="ask this one instead of llm.model")
    for option in ("records", "references", "test", "out", "metrics"):
        parser.add_argument(f"--{option}", required=True)
    LlmSession.add_arguments(parser)
    given = parser.parse_args(arguments)
    options, session = config.read("llm_baseline", LlmBaseline), LlmSession.of(given, given.model)
    test = sorted(read_checked(given.test, "example"), key=lambda example: (cell_of(example), example["id"]))
    shown: dict[Cell, list[Record]] = {}
    if given.shots == "k":
        pool = read_records(given.records) + read_records(given.references)
        shown = draw(pool, {example["group"] for example in test}, options)
    requests = [
        build_request(
            cell,
            split_input(example["input"])[0],
            shown.get(cell, ()),
            session.spec,
            session.llm,
            options.max_items,
        )
        for example in test
        for cell in [cell_of(example)]
    ]
    counts: Counter[str] = Counter()
    predictions = []
    for example, answer in zip(test, session.ask(requests), strict=True):
        output, faults = read_answer(answer, cell_of(example))
        counts.update(set(faults))
        counts["broken"] += bool(faults)
        predictions.append({"id": example["id"], "output": output, "finished": "truncated" not in faults})
    write_checked(given.out, sorted(predictions, key=lambda item: str(item["id"])), "prediction")
    metrics = {"records": len(test), **{name: counts[name] for name in ("broken", *ERRORS, *FLAWS)}}
    metrics |= {name: counts[name] for name in RARE if counts[name]}
    write_checked_json(given.metrics, metrics, "llm_format_metrics")
    session.write(given.usage)
    told = session.told({request.key: example["id"] for request, example in zip(requests, test, strict=True)})
    print(f"{len(test)} predictions by {session.llm.model}, {counts['broken']} with a format error{told}")


if __name__ == "__main__":
    run(main)
