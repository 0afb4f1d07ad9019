"""What the whole pipeline would ask and cost, every stage and arm, from the source records alone; sends and writes nothing.

    dvc repro raw                       # asks nothing
    python -m stages.report.price

A row is a stage (and a language): its distinct calls, those that archive and cache hold, and of the open ones tokens and USD
(`stages/llm/estimate.py`). A call that two rows would make stands in the first. What depends on an answer that is not there yet
stands in rows `at most`, with a sum of its own: the calls for spans that lose their tags, each beside a translation as
long as `llm.max_tokens` lets it be, the attempts of a stronger model, and the texts that the likelihood check measures before
there are translations. The arms of the prompt comparison count where
`prompts.ask` wants them; a stage that dvc.yaml does not have has no row. The LLM baseline asks for the test set; before there is one, for every reference and natural text.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from stages.core import config
from stages.core.config import Languages
from stages.core.run import run
from stages.core.schema import read_checked
from stages.llm import prompt
from stages.llm.archive import Archive
from stages.llm.cache import Cache
from stages.llm.cost import completion_tokens_bound, cost_usd, prompt_tokens_bound
from stages.llm.estimate import AT_MOST, estimate, table
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request, measured
from stages.records.linear import split_input
from stages.records.record import Record
from stages.records.rules import read_records
from stages.report.compare_prompts import Prompts
from stages.scoring import llm_baseline
from stages.translation import class_agreement, glossary, likelihood, text_classes
from stages.translation.attempt import Attempt, read_answer
from stages.translation.lines import read_translations
from stages.translation.source_text import by_text
from stages.translation.tagged import Tagged
from stages.translation.translate import Translate, form_of

Row = dict[str, Any]


def options_of(stage: str, pipeline: Path = Path("dvc.yaml")) -> dict[str, list[str]]:
    """The options of a stage's command in dvc.yaml, each with its values; `_` stands for `${…}`. None where no stage is."""
    stages = yaml.safe_load(pipeline.read_text(encoding="utf-8"))["stages"]
    command = stages.get(stage, {"cmd": ""})["cmd"]
    found: dict[str, list[str]] = {}
    name = ""
    for word in shlex.split(re.sub(r"\$\{[^}]*\}", "_", command)):
        if word.startswith("--"):
            found[name := word[2:]] = []
        elif name:
            found[name].append(word)
    return found


@dataclass
class Bill:
    """The rows so far, by name; `seen` are the keys of the requests in them."""

    archive: Archive
    cache: Cache
    rows: dict[str, Row] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def recorded(self, request: Request) -> dict[str, Any] | None:
        """The response of a request, where archive or cache has it."""
        return self.archive.get(request.key) or self.cache.get(request.key)

    def add(self, name: str, requests: Sequence[Request], llm: Llm) -> None:
        """A row of requests that are known, those of earlier rows left out."""
        new = [request for request in requests if request.key not in self.seen]
        self.seen |= {request.key for request in new}
        if new:
            self.rows[name] = estimate(new, llm, self.archive, self.cache)

    def add_bound(self, name: str, bodies: Sequence[dict[str, Any]], more: int, llm: Llm) -> None:
        """A row of calls that answers may lead to, each with at most `more` prompt tokens than its body here has."""
        if not bodies:
            return
        most = (
            sum(map(prompt_tokens_bound, bodies)) + more * len(bodies),
            sum(map(completion_tokens_bound, bodies)),
        )
        row: Row = {"calls": len(bodies), "cached": 0, "open": len(bodies), "prompt_tokens": 0, "completion_tokens": 0}
        for suffix, batch in (("", False), ("_batch", True)):
            bound = cost_usd(llm.model, *most, batch=batch)
            row |= {f"usd{suffix}": None if bound is None else Decimal(0), f"usd{suffix}_bound": bound}
        self.rows[f"{name}{AT_MOST}"] = row


def translations(bill: Bill, name: str, records: Sequence[Record], lang: str, spec: Prompt, llm: Llm) -> None:
    """The rows of one language under one prompt."""
    projection = config.read("translate", Translate).projection
    form = form_of(lang, spec, llm, projection, bill.archive)
    known, unknown = list[Request](), list[dict[str, Any]]()
    again = list[dict[str, Any]]()
    for source in by_text(records, lang):
        first = form.request(source)
        known.append(first)
        if not isinstance(form, Tagged):
            continue
        response = bill.recorded(first)
        if response is not None:
            attempt = read_answer(response, source, lang, projection, first.key, "first")
        else:
            attempt = Attempt(source, lang, projection, first.key, "first", None)
        if projection.ask_span and attempt.missing():
            find = form.find_request(attempt)
            known += [find] if response is not None else []
            unknown += [find.body] if response is None else []
        if projection.stronger_model and (response is None or any(attempt.faultiness())):
            strong = replace(form, llm=replace(llm, model=projection.stronger_model))
            again.append(strong.request(source).body)
            if projection.ask_span and source.marks:
                again.append(strong.find_request(Attempt(source, lang, projection, "", "stronger", None)).body)
    bill.add(name, known, llm)
    bill.add_bound(f"{name}: lost spans", unknown, llm.max_tokens, llm)
    if projection.stronger_model:
        stronger = replace(llm, model=projection.stronger_model)
        bill.add_bound(f"{name}: {stronger.model}", again, llm.max_tokens, stronger)


def likelihoods(bill: Bill, records: Sequence[Record], lang: str, llm: Llm) -> None:
    """The row of the likelihood check of one language, where dvc.yaml has its stage (docs/fidelity.md). While texts are still to
    be translated, each is measured beside a translation as long as `llm.max_tokens` lets it be."""
    given = options_of("likelihood")
    if not given:
        return
    spec, sources = prompt.load(given["prompt"][0]), {record["id"]: record for record in records}
    made = Path(given["translated"][0]).with_name(f"{lang}.jsonl")
    row = bill.rows.get(f"translate {lang}", {"open": 0})
    lines = read_translations(made) if made.exists() else []
    others = {record["id"] for record in records if record["lang"] != lang}
    if not row["open"] and {line["source_id"] for line in lines} == others:
        bill.add(
            f"likelihood {lang}", [item.request for item in likelihood.asked(lines, sources, lang, spec, llm)], llm
        )
        return
    texts = {record["text"]: record["lang"] for record in records if record["lang"] != lang}
    bodies = [
        measured(llm, likelihood.text_of(spec, source, lang, variant, "")).body
        for text, source in texts.items()
        for _, variant in likelihood.variants(text, source)
    ]
    bill.add_bound(f"likelihood {lang}", bodies, llm.max_tokens, llm)


def baseline(cache: Cache, llm: Llm, records: Sequence[Record]) -> Iterator[tuple[str, Row]]:
    """The rows of the LLM baseline, whose model and archive are its own."""
    given = options_of("llm_baseline")
    if not given:
        return
    own = replace(llm, model=given["model"][0] if given.get("model") else llm.model)
    spec, options = prompt.load(given["prompt"][0]), config.read("llm_baseline", llm_baseline.LlmBaseline)
    bill, references = Bill(Archive(given["responses"][0]), cache), read_records(given["references"][0])
    if Path(given["test"][0]).exists():
        examples = read_checked(given["test"][0], "example")
        asked = [(llm_baseline.cell_of(example), split_input(example["input"])[0]) for example in examples]
        groups, known = {example["group"] for example in examples}, True
    else:
        natural = Path(given["records"][0]).with_name("natural.jsonl")
        texts = references + (read_records(natural) if natural.exists() else [])
        asked, groups, known = [(llm_baseline.cell_of(record), record["text"]) for record in texts], set(), False
    pool = llm_baseline.draw([*records, *references], groups, options)
    for shots in ("0", "k"):
        shown = pool if shots == "k" else {}
        requests = [
            llm_baseline.build_request(cell, text, shown.get(cell, ()), spec, own, options.max_items)
            for cell, text in asked
        ]
        name = f"llm_baseline {shots} shots"
        if known:
            bill.add(name, requests, own)
        else:
            bill.add_bound(name, [request.body for request in requests], 0, own)
    yield from bill.rows.items()


def price(records: Sequence[Record]) -> dict[str, Row]:
    """Every row, by name."""
    llm, languages = config.read("llm", Llm), config.read("languages", Languages)
    knobs, given, arms = config.read("translate", Translate), options_of("translate"), options_of("prompts")
    wanted = bool(arms) and config.read("prompts", Prompts).ask
    bill = Bill(Archive(given["responses"][0]), Cache())
    spec = prompt.load(options_of("tconer")["prompt"][0])
    todo = [record for record in records if record["text_label"] is None]
    bill.add("classes", [text_classes.build_request(record, spec, llm) for record in todo], llm)
    spec = prompt.load(options_of("glossary")["prompt"][0])
    for lang in languages:
        labels = glossary.open_labels(records, lang)
        bill.add(f"glossary {lang}", [glossary.build_request(*label, lang, spec, llm) for label in labels], llm)
    for lang in languages:
        own = prompt.load(Path(given["prompt"][0]).with_name(f"{knobs.prompt}.yaml"))
        translations(bill, f"translate {lang}", records, lang, own, llm)
    for lang in languages:
        likelihoods(bill, records, lang, llm)
    if classes := options_of("classes"):
        spec, texts = prompt.load(classes["prompt"][0]), class_agreement.known_texts(records)
        bill.add("class agreement", [text_classes.build_request(record, spec, llm) for record in texts], llm)
    for path in arms["prompts"] if wanted else ():
        for lang in languages:
            translations(bill, f"prompts {Path(path).stem} {lang}", records, lang, prompt.load(path), llm)
    bill.rows |= dict(baseline(bill.cache, llm, records))
    bill.cache.close()
    return bill.rows


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.report.price", description=__doc__.split("\n")[0])
    parser.add_argument("--records", default="data/raw/records.jsonl", help="the source records")
    options = parser.parse_args(arguments)
    print(table(price(read_records(options.records))))
    limit = config.read("translate", Translate).budget_usd
    print(f"translate.budget_usd, for all of it: {'no limit' if limit is None else f'{limit} USD'}")


if __name__ == "__main__":
    run(main)
