"""What an LLM thinks of the kept translations, and how far that can be believed: a second opinion, never a gate.

    python -m stages.judge --records data/tconer/records.jsonl \\
        --filtered data/filtered/ja.jsonl data/filtered/en.jsonl data/filtered/zh.jsonl \\
        --references data/raw/references.jsonl --prompt stages/prompts/judge/v1.yaml \\
        --responses data/responses.jsonl.gz --metrics metrics/judge.json --usage data/usage/judge.json

Of each language `judge.sample` texts are drawn whose translation was kept and that have a reference. The model grades the
translation, and in a call of its own the hand-made reference, by one fixed rubric from 1 to 5 at temperature 0, blind to
which is which. A judge that can be believed puts references above machine translations, and higher scores where chrF is
higher: both are reported beside its scores. With `judge.enabled` false nothing is asked, and the metrics say so.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from scipy.stats import spearmanr  # type: ignore[import-untyped]

from stages import params, prompt
from stages.joins import by_language
from stages.llm.answer import json_answer
from stages.llm.archive import Archive
from stages.llm.client import responses, usage
from stages.llm.request import Request, chat
from stages.measure import sentence_chrf
from stages.params import Llm
from stages.prompt import Prompt
from stages.record import Record, with_lang
from stages.run import run
from stages.schema import read_records, write_checked_json

SCORES = (1, 2, 3, 4, 5)
SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "enum": list(SCORES)}},
    "required": ["score"],
    "additionalProperties": False,
}


class Trial(NamedTuple):
    """One text with what is graded of it."""

    source: Record
    translation: Record
    reference: Record


class Graded(NamedTuple):
    """The scores of a trial's two texts, None where the answer held none; chrf is the translation's, 0 to 100."""

    translation: int | None
    reference: int | None
    chrf: float


def draw(
    records: Iterable[Record], kept: Iterable[Record], references: Mapping[str, Record], lang: str, size: int, seed: int
) -> list[Trial]:
    """At most `size` trials of a language, one a text, in the order of a hash of seed and group.

    So the texts are the same in every language where they were kept there, and records that are added change few.
    """
    sources = {with_lang(record["id"], lang): record for record in records if record["lang"] != lang}
    first: dict[str, Record] = {}
    for record in sorted(kept, key=lambda record: str(record["id"])):
        if record["id"] in references:
            first.setdefault(record["group"], record)
    ranked = sorted(first, key=lambda group: hashlib.sha256(f"{seed}:{group}".encode()).digest())[:size]
    return [Trial(sources[own["id"]], own, references[own["id"]]) for own in (first[group] for group in ranked)]


def build_request(source: Record, candidate: Record, spec: Prompt, llm: Llm) -> Request:
    """The call that grades one text; always at temperature 0."""
    names = {"source": spec.language(source["lang"]), "target": spec.language(candidate["lang"])}
    messages = [
        {"role": "system", "content": spec.render("system", **names)},
        {"role": "user", "content": spec.render("user", text=source["text"], candidate=candidate["text"])},
    ]
    return chat(replace(llm, temperature=0.0), messages, SCHEMA)


def read_score(response: dict[str, Any]) -> int | None:
    """The score of an answer, None where it holds none of the rubric's."""
    value, failure = json_answer(response, loose=True)
    score = value.get("score") if failure is None and isinstance(value, dict) else None
    return score if type(score) is int and score in SCORES else None


def spread(scores: Sequence[int | None]) -> dict[str, Any]:
    """Mean, standard deviation (n - 1) and counts of the scores; null where there are too few."""
    given = [score for score in scores if score is not None]
    return {
        "graded": len(given),
        "no_score": len(scores) - len(given),
        "mean": round(statistics.fmean(given), 2) if given else None,
        "sd": round(statistics.stdev(given), 2) if len(given) > 1 else None,
        "scores": {str(score): given.count(score) for score in SCORES},
    }


def rank_correlation(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Spearman's rho (Am. J. Psychol. 15(1), 1904); None below three pairs, or where one side is all the same."""
    if len(left) < 3 or len(set(left)) == 1 or len(set(right)) == 1:
        return None
    return round(float(spearmanr(left, right).statistic), 4)


def agreement(graded: Sequence[Graded]) -> dict[str, Any]:
    """The figures of some trials: the scores of either side, and what speaks for the judge."""
    both = [(one.reference, one.translation) for one in graded if one.reference and one.translation]
    order = Counter((reference > own) - (reference < own) for reference, own in both)
    scored = [(float(one.translation), one.chrf) for one in graded if one.translation is not None]
    return {
        "texts": len(graded),
        "translations": spread([one.translation for one in graded]),
        "references": spread([one.reference for one in graded]),
        "reference_above": order[1],
        "tied": order[0],
        "translation_above": order[-1],
        "rho_chrf": rank_correlation([score for score, _ in scored], [chrf for _, chrf in scored]),
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.judge", description=__doc__.split("\n")[0])
    parser.add_argument("--filtered", nargs="+", required=True, help="one file a language")
    for option in ("records", "references", "prompt", "responses", "metrics", "usage"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    languages, llm, knobs = params.read("languages"), params.read("llm"), params.read("judge")
    spec, archive = prompt.load(options.prompt), Archive(options.responses)
    trials: dict[str, list[Trial]] = {}
    if knobs.enabled:
        records, filtered = read_records(options.records), by_language(options.filtered, languages)
        references = {record["id"]: record for record in read_records(options.references)}
        for lang in languages:
            trials[lang] = draw(records, read_records(filtered[lang]), references, lang, knobs.sample, knobs.seed)
    requests = [
        build_request(trial.source, candidate, spec, llm)
        for own in trials.values()
        for trial in own
        for candidate in (trial.translation, trial.reference)
    ]
    answers = responses(requests, llm, archive)
    scores = iter([read_score(answer) for answer in answers])
    graded = {
        lang: [
            Graded(next(scores), next(scores), sentence_chrf(trial.translation["text"], trial.reference["text"]))
            for trial in own
        ]
        for lang, own in trials.items()
    }
    cells = {**graded, "all": [one for own in graded.values() for one in own]} if graded else {}
    found = {name: agreement(own) for name, own in cells.items()}
    write_checked_json(options.metrics, {"enabled": knobs.enabled, "languages": found}, "judge_metrics")
    write_checked_json(options.usage, usage(requests, answers, archive, spec), "usage")
    for name, cell in found.items():
        means = f"mean {cell['translations']['mean']} of {cell['texts']}, references {cell['references']['mean']}"
        print(f"{name}: {means}, reference above {cell['reference_above']}, rho with chrF {cell['rho_chrf']}")


if __name__ == "__main__":
    run(main)
