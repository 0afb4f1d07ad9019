"""Records out to Label Studio, doccano and Argilla, the machine's annotations as predictions.

    python -m stages.calibration.patch to label-studio --lang en --task TCREE/RE --out tasks.json --config labels.xml

A row carries the record's id and hash, so that what comes back (`tool_answers`) is a patch like any other. A relation is an arrow
between two regions of label `argument`; an event is its roles' regions, joined by arrows. Places are code points, as Label Studio's page
counts since 2021 (its pull request 1559; seen on a real server). How doccano's and Argilla's pages count was not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from stages.calibration.apply import Unfit
from stages.calibration.patches import record_hash
from stages.records.record import Record
from stages.records.tasks import ROLES, subset, task_of

ARGUMENT = "argument"  # the label of a relation's ends


@dataclass
class Region:
    """A stretch of the text, in code points, with its label."""

    start: int
    end: int
    label: str


def regions_of(record: Record) -> tuple[dict[str, Region], list[tuple[str, str, str]]]:
    """The extractions of a record as regions and arrows; spans without a place are left out."""
    kind = task_of(record["subset"], record["task"]).kind
    regions, arrows = dict[str, Region](), list[tuple[str, str, str]]()
    for n, item in enumerate(record["extractions"]):
        spans = [span for span in item["spans"] if span["start"] is not None]
        names = list[str]()
        for k, span in enumerate(spans):
            label = item["label"] if kind == "span" else ARGUMENT if kind == "relation" else span["role"]
            region = Region(span["start"], span["start"] + len(span["text"]), label)
            same = next((name for name, other in regions.items() if kind == "relation" and other == region), None)
            names.append(same or f"r{n}-{k}")
            regions[names[-1]] = region
        if kind == "relation" and len(spans) == 2:
            arrows.append((names[0], item["label"], names[1]))
        elif kind == "event" and spans:
            first = next((k for k, span in enumerate(spans) if span["role"] == "trigger"), 0)
            arrows += [(names[first], spans[k]["role"], names[k]) for k in range(len(spans)) if k != first]
    return regions, arrows


def labels_of(record: Record, records: Sequence[Record]) -> tuple[list[str], list[str]]:
    """(labels of regions, labels of arrows) that a task of this record's kind may have."""
    kind, table = task_of(record["subset"], record["task"]).kind, subset(record["subset"]).word_labels[record["task"]]
    if kind == "event":
        return list(ROLES), list(ROLES)
    own = {item["label"] for other in records if other["task"] == record["task"] for item in other["extractions"]}
    labels = sorted(own) if table is None else list(table[record["lang"]])
    return ([ARGUMENT], labels) if kind == "relation" else (labels, [])


def label_studio_config(records: Sequence[Record]) -> str:
    """The labelling configuration of a project for records of one task and language."""
    labels, arrows = labels_of(records[0], records)
    classes = subset(records[0]["subset"]).text_labels[records[0]["lang"]]
    lines = [
        "<View>",
        '  <Header value="Source"/>',
        '  <Text name="source" value="$source_text"/>',
        '  <Header value="Translation"/>',
    ]
    lines += [
        '  <Labels name="label" toName="text">',
        *(f"    <Label value={quoteattr(label)}/>" for label in labels),
        "  </Labels>",
    ]
    lines.append('  <Text name="text" value="$text" granularity="symbol"/>')
    if arrows:
        lines += ["  <Relations>", *(f"    <Relation value={quoteattr(label)}/>" for label in arrows), "  </Relations>"]
    choices = (("class", classes), ("decision", ("accept", "reject")))
    for name, values in choices:
        lines += [f'  <Choices name="{name}" toName="text" choice="single">']
        lines += [*(f"    <Choice value={quoteattr(value)}/>" for value in values), "  </Choices>"]
    lines += [
        '  <TextArea name="correction" toName="text" placeholder="the corrected text" maxSubmissions="1"/>',
        "</View>",
    ]
    return "\n".join(lines) + "\n"


def label_studio(record: Record, source: Record | None) -> dict[str, Any]:
    """A task of Label Studio, the annotations of the record as its prediction."""
    text, (regions, arrows) = record["text"], regions_of(record)
    result: list[dict[str, Any]] = [
        {"id": name, "from_name": "label", "to_name": "text", "type": "labels"}
        | {
            "value": {
                "start": r.start,
                "end": r.end,
                "text": text[r.start : r.end],
                "labels": [r.label],
            }
        }
        for name, r in regions.items()
    ]
    result += [
        {"type": "relation", "from_id": a, "to_id": b, "direction": "right", "labels": [label]}
        for a, label, b in arrows
    ]
    if record["text_label"]:
        value = {"choices": [record["text_label"]]}
        result.append({"id": "class", "from_name": "class", "to_name": "text", "type": "choices", "value": value})
    data = {
        "text": text,
        "source_text": source["text"] if source else "",  # `source` is the page's own word for the whole task
        "record_id": record["id"],
        "base_hash": record_hash(record),
    }
    return {"data": data, "predictions": [{"model_version": "mmm", "result": result}]}


def doccano(record: Record, source: Record | None) -> dict[str, Any]:
    """A row of doccano's sequence labelling with relations; places in code points."""
    regions, arrows = regions_of(record)
    numbers = {name: n for n, name in enumerate(regions, 1)}
    return {
        "text": record["text"],
        "entities": [
            {"id": numbers[k], "label": r.label, "start_offset": r.start, "end_offset": r.end}
            for k, r in regions.items()
        ],
        "relations": [
            {"id": n, "from_id": numbers[a], "to_id": numbers[b], "type": label}
            for n, (a, label, b) in enumerate(arrows, 1)
        ],
        "cats": [record["text_label"]] if record["text_label"] else [],
        "record_id": record["id"],
        "base_hash": record_hash(record),
        "source": source["text"] if source else "",
    }


def argilla(record: Record, source: Record | None) -> dict[str, Any]:
    """A record of Argilla with suggestions for a span and a label question, and a text question for the correction.

    Raises:
        Unfit: it has relations or events, for which Argilla has no question.
    """
    if task_of(record["subset"], record["task"]).kind != "span":
        raise Unfit("Argilla has no question for relations and events: use Label Studio or doccano")
    spans = [{"start": r.start, "end": r.end, "label": r.label} for r in regions_of(record)[0].values()]
    suggestions: dict[str, Any] = {"spans": {"value": spans, "agent": "mmm"}}
    if record["text_label"]:
        suggestions["class"] = {"value": record["text_label"], "agent": "mmm"}
    fields = {"text": record["text"], "source": source["text"] if source else ""}
    metadata = {"record_id": record["id"], "base_hash": record_hash(record)}
    return {"id": record["id"], "fields": fields, "metadata": metadata, "suggestions": suggestions, "responses": {}}


WRITERS = {"label-studio": label_studio, "doccano": doccano, "argilla": argilla}
