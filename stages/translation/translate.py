"""Translates every source record into one language: labels by table or glossary, text and spans by the LLM.

    python -m stages.translation.translate --lang en --records data/tconer/records.jsonl --glossary data/glossary/en.json \\
        --prompt stages/prompts/translate/v2.yaml --responses data/responses.jsonl.gz \\
        --out data/translated/en.jsonl --usage data/usage/translate/en.json
    python -m stages.translation.translate --estimate    # what each language would ask and cost; sends and writes nothing

One text, one translation: the records of one text go out in one call with the union of their spans (`SourceText`), and each
gets its own back. A prompt's `spans` says how: `listed` (v1, the paper's way: text and list, nothing repaired) or `tagged`
(v2: numbered tags, then the steps of `translate.projection`). The output has one line for each record that is to exist in
the language (`schemas/translation/translation.schema.json`): the candidate record and the steps that found its spans, or the
code of why there is none. Whether a candidate is good is the filter's to say.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core import config
from stages.core.config import Languages, Money
from stages.core.errors import UserError
from stages.core.run import run
from stages.core.schema import read_checked_json
from stages.llm import prompt
from stages.llm.archive import Archive
from stages.llm.cache import Cache
from stages.llm.estimate import estimate, table
from stages.llm.prompt import Prompt
from stages.llm.request import Llm
from stages.llm.session import LlmSession
from stages.records.record import Extraction, Record, canonical, with_lang
from stages.records.rules import read_records
from stages.records.tasks import subset, task_of
from stages.translation.lines import write_translations
from stages.translation.listed import Listed
from stages.translation.projection import Projection
from stages.translation.source_text import Form, SourceText, Translated, by_text
from stages.translation.tagged import Tagged


@dataclass(frozen=True)
class Translate:
    """Section `translate`; a sum of money is read as a decimal."""

    prompt: str
    budget_usd: Money | None
    priced_as: str | None
    projection: Projection


Translation = dict[str, Any]


def carried(record: Record, lang: str, text: str, extractions: list[Extraction], glossary: Mapping[str, str]) -> Record:
    """The record in the target language: its text, its labels by table or glossary, the given spans."""
    names, source, task = subset(record["subset"]), record["lang"], task_of(record["subset"], record["task"])
    open_labels = names.word_labels[task.name] is None
    for extraction in extractions:
        label = extraction["label"]
        if label is not None:
            if open_labels and label not in glossary:
                raise UserError(record["id"], f"no glossary entry for {label!r}", f"run glossary@{lang} again")
            extraction["label"] = glossary[label] if open_labels else names.word_label(task.name, label, source, lang)
    label = record["text_label"]
    return canonical(
        {
            **record,
            "id": with_lang(record["id"], lang),
            "lang": lang,
            "text": text,
            "text_label": None if label is None else names.text_label(label, source, lang),
            "extractions": extractions,
        }
    )


def lines(source: SourceText, made: Translated, lang: str, glossary: Mapping[str, str]) -> list[Translation]:
    """The lines of the output for one text, a view each."""
    result = []
    for n, view in enumerate(source.views):
        steps = {} if made.failure else made.steps[n]
        record = None if made.failure else carried(view, lang, made.text, made.extractions[n], glossary)
        result.append(
            {
                "id": with_lang(view["id"], lang),
                "source_id": view["id"],
                "response": made.response,
                "failure": made.failure,
                "model": made.model,
                "steps": {step: count for step, count in sorted(steps.items()) if count},
                "record": record,
            }
        )
    return result


def form_of(lang: str, spec: Prompt, llm: Llm, projection: Projection, recorded: Archive) -> Form:
    """The form that a prompt's `spans` names; `recorded` are the keys of the responses that are there."""
    return Tagged(lang, spec, llm, projection, recorded) if spec.tagged else Listed(lang, spec, llm)


def translate(
    records: Sequence[Record],
    lang: str,
    session: LlmSession,
    glossary: Mapping[str, str],
    projection: Projection,
) -> list[Translation]:
    """One translation a record, sorted by id."""
    texts = by_text(records, lang)
    made = form_of(lang, session.spec, session.llm, projection, session.archive).translate(texts, session.ask)
    result = [line for pair in zip(texts, made, strict=True) for line in lines(*pair, lang, glossary)]
    for item in result:
        if words := session.refusal(item["response"]):
            item["endpoint"] = words
    return sorted(result, key=lambda item: str(item["id"]))


def estimates(lang: str | None, records: str, path: str, archive: str, llm: Llm, projection: Projection) -> str:
    """What the calls to be made would cost, as a table: of one language, or of all with their sum."""
    spec, items, recorded, cache = prompt.load(path), read_records(records), Archive(archive), Cache()
    rows = {}
    for code in [lang] if lang else config.read("languages", Languages):
        form = form_of(code, spec, llm, projection, recorded)
        requests = [form.request(source) for source in by_text(items, code)]
        rows[code] = estimate(requests, llm, recorded, cache)
    return table(rows)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.translation.translate", description=__doc__.split("\n")[0])
    asks = "--estimate" in arguments
    for option in ("lang", "glossary", "out"):
        parser.add_argument(f"--{option}", required=not asks)
    parser.add_argument("--records", required=not asks, help="with --estimate, the pipeline's own by default")
    LlmSession.add_arguments(parser, required=not asks)
    parser.add_argument("--estimate", action="store_true", help="only say what the calls to be made would cost")
    options = parser.parse_args(arguments)
    llm, knobs = config.read("llm", Llm), config.read("translate", Translate)
    if options.lang is not None and options.lang not in config.read("languages", Languages):
        raise UserError("--lang", f"unknown language {options.lang!r}", "add it to languages in params.yaml")
    if options.estimate:
        path = options.prompt or f"stages/prompts/translate/{knobs.prompt}.yaml"
        records, archive = (
            options.records or "data/tconer/records.jsonl",
            options.responses or "data/responses.jsonl.gz",
        )
        print(estimates(options.lang, records, path, archive, llm, knobs.projection))
        return
    session, records = LlmSession.of(options), read_records(options.records)
    labels = read_checked_json(options.glossary, "glossary")["labels"]
    glossary = {label: entry["label"] for label, entry in labels.items()}
    if session.budget and knobs.projection.stronger_model:
        session.budget.check(knobs.projection.stronger_model)  # before anything is paid
    translations = translate(records, options.lang, session, glossary, knobs.projection)
    write_translations(options.out, translations)
    session.write(options.usage)
    failed = sum(item["failure"] is not None for item in translations)
    told = session.told({item["response"]: item["id"] for item in reversed(translations)})
    counts = f"{len(translations)} records from {len(session.answers)} calls, {failed} without an answer"
    print(f"{options.lang}: {counts}{told}")


if __name__ == "__main__":
    run(main)
