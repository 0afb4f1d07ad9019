"""Asks a model which it finds likelier: a translation after its source, or after the source without one of its negations.

    LLM_MODE=online python -m stages.translation.likelihood --lang en --records data/tconer/records.jsonl \\
        --translated data/translated/en.jsonl --prompt stages/prompts/likelihood/v1.yaml \\
        --responses data/responses.jsonl.gz --out data/likelihood/en.jsonl --usage data/usage/likelihood/en.json

For an endpoint that gives the log-probabilities of a text (`/completions` with `echo`: vLLM, llama-cpp-python). No part of the
default pipeline: with `checks.likelihood: true`, `filter --likelihood FILE` takes a negation that the translation is likelier
without as evidence (`negation_unlikely`), beside what the checks find. What it finds was measured: docs/fidelity.md. A source text
without a negation, or of a language without a table (`stages/checks/tables/negation.yaml`), asks nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stages.checks.negation import evidence, without_negation
from stages.core.errors import UserError
from stages.core.run import run
from stages.core.schema import write_checked
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request, measured
from stages.llm.session import LlmSession
from stages.records.record import Record
from stages.records.rules import read_records
from stages.translation.lines import Translation, read_translations

MOST = 3  # negations of a text that are looked at


def text_of(spec: Prompt, source: str, target: str, text: str, translation: str) -> str:
    """The text that is measured: worked examples, the source's line, and as its last line the translation."""
    names = {"source": spec.language(source), "target": spec.language(target)}
    shown = [
        spec.render("system", **names, tagged=one[source], translation=one[target])
        for one in spec.examples(source, target)
    ]
    return "".join(shown) + spec.render("user", **names, tagged=_line(text), translation=_line(translation))


def _line(text: str) -> str:
    return " ".join(text.splitlines())


def log_probability(value: dict[str, Any], name: str) -> float:
    """The sum over the tokens of the last line after `name:`, natural logarithm.

    The line is told by its tokens and not by their offsets, which go astray where a token is half a character.
    """
    tokens, found = value["tokens"], value["logprobs"]
    breaks = [n for n, token in enumerate(tokens[:-1]) if "\n" in token]
    first, read = (breaks[-1] + 1, tokens[breaks[-1]].rpartition("\n")[2]) if breaks else (1, "")
    while first < len(tokens) and len(read) <= len(name):
        read += tokens[first]
        first += 1
    return float(sum(found[first:]))


class Asked(NamedTuple):
    """A text to be measured: of which translation, without the negation at which place of the source (None: with all)."""

    translation: str
    place: tuple[int, int] | None
    request: Request


def variants(text: str, lang: str) -> Iterator[tuple[tuple[int, int] | None, str]]:
    """The source text as it is, place None, and without each of its first `MOST` negations; nothing where it has none."""
    negations = list(without_negation(text, lang))[:MOST]
    if negations:
        yield None, text
        yield from negations


def asked(
    translations: Sequence[Translation], sources: Mapping[str, Record], lang: str, spec: Prompt, llm: Llm
) -> list[Asked]:
    """What is measured of each translation, that of the whole source first; nothing of one that failed."""
    return [
        Asked(item["id"], place, measured(llm, text_of(spec, source["lang"], lang, text, item["record"]["text"])))
        for item in translations
        if not item["failure"] and (source := sources[item["source_id"]])
        for place, text in variants(source["text"], source["lang"])
    ]


def margins(
    translations: Sequence[Translation], sources: dict[str, Record], lang: str, session: LlmSession
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """For each translation whose source text has negations, in the order given: `id`, and for each of them where it stands in
    the source and its margin: log p(translation | source) less log p(translation | source without it). Beside it the id of the
    translation that each request, by its key, is of."""
    spec, llm = session.spec, session.llm
    items = asked(translations, sources, lang, spec, llm)
    session.ask([item.request for item in items])
    lines: dict[str, dict[str, Any]] = {}
    with_it = dict[str, float | None]()
    for name, place, request in items:
        answer = session.read[request.key].value  # None where the endpoint refused this text
        value = answer and log_probability(answer, spec.language(lang))
        if place is None:
            with_it[name] = value
        elif value is not None and (first := with_it[name]) is not None:
            line = lines.setdefault(name, {"id": name, "negations": []})
            line["negations"].append({"start": place[0], "end": place[1], "margin": round(first - value, 4)})
    return list(lines.values()), {item.request.key: item.translation for item in items}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.translation.likelihood", description=__doc__.split("\n")[0])
    for option in ("lang", "records", "translated", "out"):
        parser.add_argument(f"--{option}", required=True)
    LlmSession.add_arguments(parser)
    options = parser.parse_args(arguments)
    session = LlmSession.of(options)
    sources = {record["id"]: record for record in read_records(options.records)}
    translations = read_translations(options.translated)
    if lost := [item["id"] for item in translations if item["source_id"] not in sources]:
        raise UserError(
            lost[0], f"its source record is not in {options.records}", "give the records that were translated"
        )
    lines, names = margins(translations, sources, options.lang, session)
    write_checked(options.out, lines, "likelihood")
    session.write(options.usage)
    against = sum(bool(evidence(line)) for line in lines)
    told = f"{len(lines)} translations of texts with a negation, {against} likelier without it"
    print(f"{options.lang}: {told}{session.told(names)}")


if __name__ == "__main__":
    run(main)
