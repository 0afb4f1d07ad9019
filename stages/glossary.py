"""Translates each distinct open label (TCONER's entity types) into one language, once.

    python -m stages.glossary --lang ja --records data/tconer/records.jsonl --prompt stages/prompts/glossary/v1.yaml \\
        --responses data/responses.jsonl.gz --out data/glossary/ja.json --usage data/usage/glossary-ja.json

A label whose translation cannot be had (no answer, empty, a delimiter of the linear format in it) stays as it is, and the
entry says why in `kept`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from stages import params, prompt
from stages.llm.answer import json_answer
from stages.llm.archive import Archive
from stages.llm.client import responses, usage
from stages.llm.request import Request, chat
from stages.params import Llm
from stages.prompt import Prompt
from stages.record import Record
from stages.run import run
from stages.schema import read_records, write_checked_json
from stages.tasks import DELIMITERS, subset

SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string"}},
    "required": ["label"],
    "additionalProperties": False,
}


def open_labels(records: Sequence[Record], lang: str) -> list[tuple[str, str]]:
    """(source language, label) of every distinct open label that is to be carried into `lang`, sorted."""
    return sorted(
        {
            (record["lang"], extraction["label"])
            for record in records
            if record["lang"] != lang and subset(record["subset"]).word_labels[record["task"]] is None
            for extraction in record["extractions"]
        }
    )


def build_request(source: str, label: str, lang: str, spec: Prompt, llm: Llm) -> Request:
    """The call for one label."""
    messages = [
        {"role": "system", "content": spec.render("system", source=spec.language(source), target=spec.language(lang))},
        {"role": "user", "content": spec.render("user", label=spec.example(source))},
        {"role": "assistant", "content": spec.render("assistant", label=spec.example(lang))},
        {"role": "user", "content": spec.render("user", label=label)},
    ]
    return chat(llm, messages, SCHEMA)


def read_label(response: dict[str, Any]) -> tuple[str, str | None]:
    """(label, None), or ("", why there is none)."""
    value, failure = json_answer(response)
    if failure is None and not (isinstance(value, dict) and isinstance(value.get("label"), str)):
        failure = "wrong_shape"
    if failure:
        return "", failure
    label = value["label"].strip()
    if not label:
        return "", "empty"
    return ("", "delimiter") if not DELIMITERS.isdisjoint(label) else (label, None)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.glossary", description=__doc__.split("\n")[0])
    for option in ("lang", "records", "prompt", "responses", "out", "usage"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    llm, spec, archive = params.read("llm"), prompt.load(options.prompt), Archive(options.responses)
    labels = open_labels(read_records(options.records), options.lang)
    requests = [build_request(source, label, options.lang, spec, llm) for source, label in labels]
    answers = responses(requests, llm, archive)
    entries = {}
    for (_, label), request, answer in zip(labels, requests, answers, strict=True):
        translated, kept = read_label(answer)
        entries[label] = {"label": translated or label, "kept": kept, "response": request.key}
    write_checked_json(options.out, {"lang": options.lang, "labels": entries}, "glossary")
    write_checked_json(options.usage, usage(requests, answers, archive, spec), "usage")
    print(f"{options.lang}: {len(entries)} labels")


if __name__ == "__main__":
    run(main)
