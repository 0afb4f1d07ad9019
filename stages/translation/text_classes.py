"""Gives a text-level class to every source record that has none, by the LLM, from its sub-dataset's closed set.

    python -m stages.translation.text_classes --records data/raw/records.jsonl --prompt stages/prompts/tconer/v1.yaml \\
        --responses data/responses.jsonl.gz --out data/tconer/records.jsonl --usage data/usage/tconer.json

TCONER is open-domain NER (Pile-NER and its like) plus such a class; SCNM's classes are missing in its Wikipedia source.
Records that have a class pass unchanged, and with none to classify no call is made. A text for which the answer is no class
of the set keeps null.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from stages.core.run import run
from stages.llm.answer import json_answer
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request, chat
from stages.llm.session import LlmSession
from stages.records.record import Record
from stages.records.rules import read_records, write_records
from stages.records.tasks import subset


def build_request(record: Record, spec: Prompt, llm: Llm) -> Request:
    """The call for one text: the closed set is in the instruction and, as an enum, in the schema."""
    labels = subset(record["subset"]).text_labels[record["lang"]]
    schema = {
        "type": "object",
        "properties": {"class": {"enum": list(labels)}},
        "required": ["class"],
        "additionalProperties": False,
    }
    messages = [
        {"role": "system", "content": spec.render("system", labels=", ".join(labels))},
        {"role": "user", "content": spec.render("user", text=record["text"])},
    ]
    return chat(llm, messages, schema)


def read_class(record: Record, response: dict[str, Any]) -> str | None:
    """The class that the answer names, or None."""
    value, failure = json_answer(response, ["class"])
    label = value.get("class") if failure is None and isinstance(value, dict) else None
    return label if label in subset(record["subset"]).text_labels[record["lang"]] else None


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.translation.text_classes", description=__doc__.split("\n")[0]
    )
    for option in ("records", "out"):
        parser.add_argument(f"--{option}", required=True)
    LlmSession.add_arguments(parser)
    options = parser.parse_args(arguments)
    session = LlmSession.of(options)
    records = read_records(options.records)
    todo = [record for record in records if record["text_label"] is None]
    requests = [build_request(record, session.spec, session.llm) for record in todo]
    answers = session.ask(requests)
    for record, answer in zip(todo, answers, strict=True):
        label = read_class(record, answer)
        record["text_label"], record["text_label_origin"] = label, label and "llm"
    write_records(options.out, records)
    session.write(options.usage)
    classified = sum(record["text_label"] is not None for record in todo)
    told = session.told({request.key: record["id"] for request, record in zip(requests, todo, strict=True)})
    print(f"{len(records)} records, {classified} of {len(todo)} classified by {session.llm.model}{told}")


if __name__ == "__main__":
    run(main)
