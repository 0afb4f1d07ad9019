"""Exports that are JSON rows: GLiNER, doccano, Label Studio, UniversalNER's conversations, IEPile's instructions, linear."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from stages.exports.tokens import in_tokens, places, tokenise
from stages.records.linear import encode
from stages.records.record import Record
from stages.records.tasks import subset, task_of

INSTRUCTIONS = {  # of IEPile, for the task's kind
    "span": "You are an expert in named entity recognition. Please extract entities that match the schema definition from the input. Return an empty list if the entity type does not exist. Please respond in the format of a JSON string.",
    "relation": "You are an expert in relationship extraction. Please extract relationship triples that match the schema definition from the input. Return an empty list for relationships that do not exist. Please respond in the format of a JSON string.",
    "event": "You are an expert in event extraction. Please extract events from the input that conform to the schema definition. Return an empty list for events that do not exist, and return NAN for arguments that do not exist. If an argument has multiple values, please return a list. Respond in the format of a JSON string.",
}
TASKS = {"span": "NER", "relation": "RE", "event": "EE"}
EVENT = "event"  # the one type of our events


def kind_of(record: Record) -> str:
    """The kind of the record's task."""
    return task_of(record["subset"], record["task"]).kind


def labels_of(record: Record) -> list[str]:
    """The labels that may be asked for: those of the table, or of an open one those of the record."""
    table = subset(record["subset"]).word_labels[record["task"]]
    own = dict.fromkeys(item["label"] for item in record["extractions"])
    return list(own if table is None else table.get(record["lang"], ()))


def gliner(record: Record) -> dict[str, Any]:
    """A row of GLiNER's training data."""
    spans = places(record["extractions"])
    tokens = tokenise(record["text"], spans)
    found = [(*at, span.label) for span in spans if (at := in_tokens(span, tokens)) is not None]
    words = [record["text"][start:end] for start, end in tokens]
    return {"id": record["id"], "text": record["text"], "tokenized_text": words, "ner": [list(item) for item in found]}


def _ends(record: Record) -> tuple[dict[tuple[str, int], int], list[tuple[int, str, int]]]:
    """(number of each distinct argument of the record's relations, relations by the numbers of their ends)."""
    numbers, found = dict[tuple[str, int], int](), list[tuple[int, str, int]]()
    for item in record["extractions"]:
        ends = [(span["text"], span["start"]) for span in item["spans"]]
        if all(start is not None for _, start in ends):
            head, tail = (numbers.setdefault(end, len(numbers) + 1) for end in ends)
            found.append((head, item["label"], tail))
    return numbers, found


def _regions(record: Record) -> tuple[list[tuple[int, int, int, str]], list[tuple[int, str, int]]]:
    """((number, start, end, label) of each region, relations by numbers); ends of relations are labelled `argument`."""
    if kind_of(record) == "relation":
        numbers, relations = _ends(record)
        return [(n, start, start + len(text), "argument") for (text, start), n in numbers.items()], relations
    return [(n, *span) for n, span in enumerate(places(record["extractions"]), 1)], []


def doccano(record: Record) -> dict[str, Any]:
    """A row of a doccano project of sequence labelling with relations, and with the text's class under `cats`."""
    regions, relations = _regions(record)
    row: dict[str, Any] = {"id": record["id"], "text": record["text"]}
    row["entities"] = [{"id": n, "label": label, "start_offset": a, "end_offset": b} for n, a, b, label in regions]
    row["relations"] = [
        {"id": n, "from_id": a, "to_id": b, "type": label} for n, (a, label, b) in enumerate(relations, 1)
    ]
    row["cats"] = [record["text_label"]] if record["text_label"] else []
    return row


def label_studio(record: Record) -> dict[str, Any]:
    """A task of Label Studio with one annotation; offsets in code points, as its page counts since 2021 (its pull request 1559)."""
    text, (regions, relations) = record["text"], _regions(record)
    common = {"from_name": "label", "to_name": "text", "type": "labels"}
    result: list[dict[str, Any]] = [
        {"id": str(n), **common, "value": {"start": a, "end": b, "text": text[a:b], "labels": [label]}}
        for n, a, b, label in regions
    ]
    for head, label, tail in relations:
        ends = {"from_id": str(head), "to_id": str(tail), "direction": "right"}
        result.append({"type": "relation", **ends, "labels": [label]})
    if record["text_label"]:
        choices = {"choices": [record["text_label"]]}
        result.append({"id": "class", "from_name": "class", "to_name": "text", "type": "choices", "value": choices})
    return {"id": record["id"], "data": {"text": text}, "annotations": [{"result": result}]}


def universal_ner(record: Record) -> dict[str, Any]:
    """A conversation of UniversalNER: a question for each label that the record may have."""
    found = defaultdict[str, list[str]](list)
    for item in record["extractions"]:
        found[item["label"]].append(item["spans"][0]["text"])
    turns = [("human", f"Text: {record['text']}"), ("gpt", "I've read this text.")]
    for label in labels_of(record):
        answer = json.dumps(found[label], ensure_ascii=False)
        turns += [("human", f"What describes {label} in the text?"), ("gpt", answer)]
    return {"id": record["id"], "conversations": [{"from": who, "value": value} for who, value in turns]}


def iepile(record: Record) -> dict[str, Any]:
    """A row of IEPile: the instruction with its schema and input, and the output, both JSON in a string."""
    kind, output = kind_of(record), dict[str, list[Any]]()
    schema: list[Any] = labels_of(record)
    for item in record["extractions"]:
        words = [span["text"] for span in item["spans"]]
        if kind == "span":
            output.setdefault(item["label"], []).append(words[0])
        elif kind == "relation":
            output.setdefault(item["label"], []).append({"head": words[0], "tail": words[1]})
        else:
            roles = {span["role"]: span["text"] for span in item["spans"]}
            trigger = roles.pop("trigger", "NAN")
            output.setdefault(EVENT, []).append({"trigger": trigger, "arguments": roles})
    if kind == "event":
        schema = [{"event_type": EVENT, "trigger": True, "arguments": ["subject", "object", "time"]}]
    else:
        output = {label: output.get(label, []) for label in schema}
    instruction = {"instruction": INSTRUCTIONS[kind], "schema": schema, "input": record["text"]}
    return {
        "id": record["id"],
        "task": TASKS[kind],
        "source": record["source"],
        "instruction": json.dumps(instruction, ensure_ascii=False),
        "output": json.dumps(output, ensure_ascii=False),
    }


def linear(record: Record) -> dict[str, str]:
    """The paper's form, `{text}/{instruct word}` and `{text label}/{instruct word}/{list}`."""
    given, output = encode(record)
    return {"input": given, "output": output}


def rows(records: Sequence[Record], make: Any) -> str:
    """JSON lines."""
    return "".join(json.dumps(make(record), ensure_ascii=False) + "\n" for record in records)
