"""Translates every source record into one language: labels by table or glossary, text and spans by the LLM.

    python -m stages.translation.translate --lang en --records data/tconer/records.jsonl --glossary data/glossary/en.json \\
        --prompt stages/prompts/translate/v2.yaml --responses data/responses.jsonl.gz \\
        --out data/translated/en.jsonl --usage data/usage/translate-en.json
    python -m stages.translation.translate --estimate    # what each language would ask and cost; sends and writes nothing

One text, one translation: the records of one text go out in one call with the union of their spans, and each gets its own
back. A prompt's `spans` says how: `listed` (v1, the paper's way: text and list, nothing repaired) or `tagged` (v2: numbered
tags, then the steps of `translate.projection`). The output has one line for each record that is to exist in the language
(`schemas/translation.schema.json`): the candidate record and the steps that found its spans, or the code of why there is
none. Whether a candidate is good is the filter's to say.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stages.core import config
from stages.core.config import Languages, Money
from stages.core.errors import UserError
from stages.core.run import run
from stages.core.schema import read_checked_json
from stages.llm import prompt
from stages.llm.archive import Archive
from stages.llm.cache import Cache
from stages.llm.client import Response
from stages.llm.cost import Budget, prices
from stages.llm.estimate import estimate, table
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request
from stages.llm.session import LlmSession
from stages.records.record import Extraction, Record, canonical, locate, with_lang
from stages.records.rules import read_records
from stages.records.tasks import subset, task_of
from stages.translation import listed, tagged
from stages.translation.lines import write_translations
from stages.translation.projection import Projection
from stages.translation.tagged import Attempt


@dataclass(frozen=True)
class Translate:
    """Section `translate`; a sum of money is read as a decimal."""

    prompt: str
    budget_usd: Money | None
    priced_as: str | None
    projection: Projection


Translation = dict[str, Any]
Ask = Callable[[Sequence[Request]], list[Response]]


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


def with_listed(
    record: Record, lang: str, text: str, targets: Mapping[str, str], glossary: Mapping[str, str]
) -> Record:
    """The view of a text whose spans came back as a list: each is looked for in the translation, verbatim."""
    extractions = [
        {
            "label": item["label"],
            "spans": [{**span, "text": targets[span["text"]], "start": None} for span in item["spans"]],
        }
        for item in record["extractions"]
    ]
    kind = task_of(record["subset"], record["task"]).kind
    return carried(record, lang, text, locate(text, kind, extractions), glossary)


def with_tagged(
    record: Record, lang: str, attempt: Attempt, places: Mapping[tuple[int, int], int], glossary: Mapping[str, str]
) -> tuple[Record, Counter[str]]:
    """The view of a text whose spans came back as tags, and how many of its spans each step of the projection found.

    `places` are the indices of the text's marks. A span that no step found keeps the words that were looked for and has no
    place: step `lost`.
    """
    steps, extractions = Counter[str](), []
    for item in record["extractions"]:
        spans = []
        for span in item["spans"]:
            n = None if span["start"] is None else places[span["start"], span["start"] + len(span["text"])]
            if n in attempt.places:
                step, (start, end) = attempt.places[n]
                spans.append({**span, "text": attempt.text[start:end], "start": start})
            else:
                step = "lost"
                words = attempt.parts.get(-1 if n is None else n) or span["text"]
                spans.append({**span, "text": words, "start": None})
            steps[step] += 1
        extractions.append({"label": item["label"], "spans": spans})
    return carried(record, lang, attempt.text, extractions, glossary), steps


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


def by_listed(
    texts: Sequence[list[Record]], lang: str, spec: Prompt, llm: Llm, ask: Ask, glossary: Mapping[str, str]
) -> list[Translation]:
    """The translations under a prompt with listed spans: one call a text, and what it says is taken as it is."""
    requests = [listed.build_request(views, lang, spec, llm) for views in texts]
    result = []
    for views, request, answer in zip(texts, requests, ask(requests), strict=True):
        text, targets, failure = listed.read_answer(answer, listed.span_texts(views))
        for record in views:
            target = None if failure else with_listed(record, lang, text, targets, glossary)
            result.append(line(record, lang, request.key, failure, target, "first", Counter()))
    return result


def by_tagged(
    texts: Sequence[list[Record]],
    lang: str,
    spec: Prompt,
    llm: Llm,
    ask: Ask,
    glossary: Mapping[str, str],
    projection: Projection,
) -> list[Translation]:
    """The translations under a prompt with tagged spans, and span projection.

    A text goes on to a stronger model, if there is one, only while something is wrong with it. On each rung the free steps come first, then the missing spans are asked for. Of all
    attempts at a text the least faulty counts, of equals the earlier.
    """
    firsts = [tagged.build_request(views, lang, spec, llm) for views in texts]
    best: list[Attempt | None] = [None] * len(texts)
    for rung in ("first", "stronger") if projection.stronger_model else ("first",):
        todo, requests = list[int](), list[Request]()
        for n, views in enumerate(texts):
            attempt = best[n]
            if attempt is None:
                requests.append(firsts[n])
            elif not tagged.is_flawed(attempt, views, lang):
                continue
            else:
                requests.append(Request({**firsts[n].body, "model": projection.stronger_model}))
            todo.append(n)
        attempts = [
            tagged.read_answer(answer, texts[n], lang, projection, request, rung)
            for n, request, answer in zip(todo, requests, ask(requests), strict=True)
        ]
        if projection.ask_span:
            model = llm if rung != "stronger" else replace(llm, model=str(projection.stronger_model))
            ask_spans(attempts, [texts[n] for n in todo], lang, spec, model, ask, projection)
        for n, attempt in zip(todo, attempts, strict=True):
            marks, old = tagged.marks_of(texts[n]), best[n]
            if old is not None and not old.failure and 2 * len(attempt.text) < len(old.text):
                continue  # it gave up: an ellipsis has few faults
            if old is None or attempt.faultiness(marks, lang) < old.faultiness(marks, lang):
                best[n] = attempt
    result = []
    for views, attempt in zip(texts, best, strict=True):
        assert attempt is not None
        places = {place: n for n, place in enumerate(tagged.marks_of(views))}
        for record in views:
            target, steps = None, Counter[str]()
            if attempt.failure is None:
                target, steps = with_tagged(record, lang, attempt, places, glossary)
                steps["shapes"] = attempt.shapes
            result.append(line(record, lang, attempt.key, attempt.failure, target, attempt.rung, steps))
    return result


def ask_spans(
    attempts: Sequence[Attempt],
    texts: Sequence[list[Record]],
    lang: str,
    spec: Prompt,
    llm: Llm,
    ask: Ask,
    projection: Projection,
) -> None:
    """Asks for the spans that the attempts miss, one call a text, and puts them in where they are in the translation."""
    missing = [
        (attempt, views)
        for attempt, views in zip(attempts, texts, strict=True)
        if attempt.failure is None and attempt.missing(tagged.marks_of(views))
    ]
    answers = ask([tagged.find_request(views, lang, attempt, spec, llm) for attempt, views in missing])
    for (attempt, views), answer in zip(missing, answers, strict=True):
        tagged.read_find(answer, attempt, views, lang, projection)


def line(
    record: Record, lang: str, key: str, failure: str | None, target: Record | None, rung: str, steps: Counter[str]
) -> Translation:
    """One line of the output."""
    return {
        "id": with_lang(record["id"], lang),
        "source_id": record["id"],
        "response": key,
        "failure": failure,
        "rung": rung,
        "steps": {step: count for step, count in sorted(steps.items()) if count},
        "record": target,
    }


def translate(
    records: Sequence[Record],
    lang: str,
    session: LlmSession,
    glossary: Mapping[str, str],
    projection: Projection,
) -> list[Translation]:
    """One translation a record, sorted by id."""
    texts, spec, llm = by_text(records, lang), session.spec, session.llm
    if spec.tagged:
        result = by_tagged(texts, lang, spec, llm, session.ask, glossary, projection)
    else:
        result = by_listed(texts, lang, spec, llm, session.ask, glossary)
    return sorted(result, key=lambda item: str(item["id"]))


def estimates(lang: str | None, records: str, path: str, archive: str, llm: Llm) -> str:
    """What the calls to be made would cost, as a table: of one language, or of all with their sum."""
    spec, items, recorded, cache = prompt.load(path), read_records(records), Archive(archive), Cache()
    form = tagged if spec.tagged else listed
    rows = {}
    for code in [lang] if lang else config.read("languages", Languages):
        requests = [form.build_request(views, code, spec, llm) for views in by_text(items, code)]
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
        print(estimates(options.lang, records, path, archive, llm))
        return
    session, records = LlmSession.of(options), read_records(options.records)
    labels = read_checked_json(options.glossary, "glossary")["labels"]
    glossary = {label: entry["label"] for label, entry in labels.items()}
    in_batches = os.environ.get("LLM_MODE") == "batch"
    budget = Budget(knobs.budget_usd, llm.model, in_batches) if knobs.budget_usd is not None else None
    session.budget = budget
    stronger = knobs.projection.stronger_model
    if budget and stronger and prices().get(stronger) != prices()[llm.model]:
        fault = f"is kept at the price of {llm.model!r}, and stronger_model {stronger!r} has another or none"
        raise UserError("translate.budget_usd", fault, "set one of the two to null")
    translations = translate(records, options.lang, session, glossary, knobs.projection)
    write_translations(options.out, translations)
    session.write(options.usage)
    failed = sum(item["failure"] is not None for item in translations)
    print(f"{options.lang}: {len(translations)} records from {len(session.answers)} calls, {failed} without an answer")


if __name__ == "__main__":
    run(main)
