"""Translates every source record into one language: labels by table or glossary, text and spans by the LLM.

    python -m stages.translate --lang en --records data/tconer/records.jsonl --glossary data/glossary/en.json \\
        --prompt stages/prompts/translate/v1.yaml --responses data/responses.jsonl.gz \\
        --out data/translated/en.jsonl --usage data/usage/translate-en.json

One text, one translation: the records of one text go out in one call with the union of their spans, and each gets its own
back. The output has one line for each record that is to exist in the language (`schemas/translation.schema.json`): the
candidate record, or the code of why there is none. Whether a candidate is good is the filter's to say.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from stages import params, prompt
from stages.errors import UserError
from stages.llm.answer import json_answer
from stages.llm.archive import Archive
from stages.llm.client import responses, usage
from stages.llm.request import Request, chat
from stages.params import Llm
from stages.prompt import Prompt
from stages.record import Record, canonical, locate, with_lang
from stages.run import run
from stages.schema import read_checked_json, read_records, write_checked, write_checked_json
from stages.tasks import subset, task_of

Translation = dict[str, Any]


def span_texts(records: Sequence[Record]) -> list[str]:
    """The distinct span strings of one text's records, in text order: what one call asks for."""
    first: dict[str, int] = {}
    for record in records:
        for extraction in record["extractions"]:
            for span in extraction["spans"]:
                place = len(record["text"]) if span["start"] is None else span["start"]
                first[span["text"]] = min(place, first.get(span["text"], place))
    return sorted(first, key=lambda text: (first[text], text))


def build_request(records: Sequence[Record], lang: str, spec: Prompt, llm: Llm) -> Request:
    """The call for one text: instruction, one worked example, the text with its spans."""
    source, spans = records[0]["lang"], span_texts(records)
    shown, answer = spec.example(source), spec.example(lang)
    messages = [
        {"role": "system", "content": spec.render("system", source=spec.language(source), target=spec.language(lang))},
        {"role": "user", "content": spec.render("user", text=shown["text"], spans=shown["spans"])},
        {"role": "assistant", "content": spec.render("assistant", text=answer["text"], spans=answer["spans"])},
        {"role": "user", "content": spec.render("user", text=records[0]["text"], spans=spans)},
    ]
    schema = {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "spans": {"type": "array", "items": {"type": "string"}, "minItems": len(spans), "maxItems": len(spans)},
        },
        "required": ["text", "spans"],
        "additionalProperties": False,
    }
    return chat(llm, messages, schema)


def read_answer(response: dict[str, Any], spans: Sequence[str]) -> tuple[str, dict[str, str], str | None]:
    """(text, target span by source span, None), or ("", {}, failure) with the codes of `json_answer` and
    wrong_shape, span_count, empty_text, empty_span."""
    value, failure = json_answer(response)
    if failure:
        return "", {}, failure
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("text"), str)
        or not isinstance(value.get("spans"), list)
    ):
        return "", {}, "wrong_shape"
    if not all(isinstance(span, str) for span in value["spans"]):
        return "", {}, "wrong_shape"
    if len(value["spans"]) != len(spans):
        return "", {}, "span_count"
    text, targets = value["text"].strip(), [span.strip() for span in value["spans"]]
    if not text:
        return "", {}, "empty_text"
    if not all(targets):
        return "", {}, "empty_span"
    return text, dict(zip(spans, targets, strict=True)), None


def carry(record: Record, lang: str, text: str, targets: dict[str, str], glossary: dict[str, str]) -> Record:
    """The record in the target language: its own view of the text's one translation."""
    table, source, task = subset(record["subset"]), record["lang"], task_of(record["subset"], record["task"])
    open_labels = table.word_labels[task.name] is None
    extractions = []
    for extraction in record["extractions"]:
        label = extraction["label"]
        if label is not None:
            if open_labels and label not in glossary:
                raise UserError(record["id"], f"no glossary entry for {label!r}", f"run glossary@{lang} again")
            label = glossary[label] if open_labels else table.word_label(task.name, label, source, lang)
        spans = [{**span, "text": targets[span["text"]], "start": None} for span in extraction["spans"]]
        extractions.append({"label": label, "spans": spans})
    label = record["text_label"]
    return canonical(
        {
            **record,
            "id": with_lang(record["id"], lang),
            "lang": lang,
            "text": text,
            "text_label": None if label is None else table.text_label(label, source, lang),
            "extractions": locate(text, task.kind, extractions),
        }
    )


def by_text(records: Sequence[Record], lang: str) -> list[list[Record]]:
    """The records that are to be carried into `lang`, those of one text together, in the order of their ids.

    Raises:
        UserError: two records would get one id, or one of `lang` has it already.
    """
    texts: dict[tuple[str, str], list[Record]] = defaultdict(list)
    taken = {record["id"] for record in records if record["lang"] == lang}
    for record in records:
        if record["lang"] != lang:
            target = with_lang(record["id"], lang)
            if target in taken:
                raise UserError(record["id"], f"another record is {target!r} or becomes it", "change its native id")
            taken.add(target)
            texts[record["lang"], record["text"]].append(record)
    return list(texts.values())


def translate(
    records: Sequence[Record], lang: str, spec: Prompt, llm: Llm, archive: Archive, glossary: dict[str, str]
) -> tuple[list[Translation], dict[str, Any]]:
    """(one translation a record, sorted by id; the account of the calls)."""
    texts = by_text(records, lang)
    requests = [build_request(views, lang, spec, llm) for views in texts]
    answers = responses(requests, llm, archive)
    result = []
    for views, request, answer in zip(texts, requests, answers, strict=True):
        text, targets, failure = read_answer(answer, span_texts(views))
        for record in views:
            result.append(
                {
                    "id": with_lang(record["id"], lang),
                    "source_id": record["id"],
                    "response": request.key,
                    "failure": failure,
                    "record": None if failure else carry(record, lang, text, targets, glossary),
                }
            )
    return sorted(result, key=lambda item: str(item["id"])), usage(requests, answers, archive, spec)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.translate", description=__doc__.split("\n")[0])
    for option in ("lang", "records", "glossary", "prompt", "responses", "out", "usage"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    if options.lang not in params.read("languages"):
        raise UserError("--lang", f"unknown language {options.lang!r}", "add it to languages in params.yaml")
    labels = read_checked_json(options.glossary, "glossary")["labels"]
    glossary = {label: entry["label"] for label, entry in labels.items()}
    translations, account = translate(
        read_records(options.records),
        options.lang,
        prompt.load(options.prompt),
        params.read("llm"),
        Archive(options.responses),
        glossary,
    )
    write_checked(options.out, translations, "translation")
    write_checked_json(options.usage, account, "usage")
    failed = sum(item["failure"] is not None for item in translations)
    print(f"{options.lang}: {len(translations)} records from {account['calls']} calls, {failed} without an answer")


if __name__ == "__main__":
    run(main)
