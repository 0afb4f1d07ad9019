"""The same predictions under the rules of other projects: how much of a score is the scorer.

    python -m stages.scoring.external_scorers data/predictions/test.jsonl data/mix/test.jsonl --metrics metrics/external_scorers.json

Each rule is written from what its source does; docs/external-scorers.md tells it in words and says where it is read. All of them get
what our parser keeps of an output, since a rival's reader knows its own format only, and all are F1 in percent, summed over
the records of a scope. Relations and events are apart, for not every rule has them. `gold` is what gold gets as its own
prediction: a rule under which it is not 100 has no place for something that gold says.
"""

from __future__ import annotations

import argparse
import re
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from stages.core.run import run
from stages.core.schema import write_checked_json
from stages.records.linear import parse_parts
from stages.records.record import locate
from stages.records.tasks import FORMS, ROLES, Task
from stages.scoring.partial import partial_matches
from stages.scoring.predictions import by_id, checked, tell_missing
from stages.scoring.score import Cell, Prediction, f1, judge_each, parse_output
from stages.scoring.tables import fixed, markdown

Fields = tuple[str, ...]
Triple = tuple[float, int, int]  # right, of the partial score parts of one too; predicted, gold
KINDS = {"span": "spans", "relation": "relations", "event": "events"}


class Case(NamedTuple):
    """One record: what gold says and what was predicted; `words` are its word labels, None where any may stand."""

    task: Task
    text: str
    words: frozenset[str] | None
    gold: Sequence[Fields]
    predicted: Sequence[Fields]


class Rule(NamedTuple):
    """A way to count; None from `counts` where it has no place for the kind of task. `empty` is F1 of nothing at all."""

    name: str
    source: str
    counts: Callable[[Case], Triple | None]
    empty: float


def of_multisets(gold: Iterable[Any], predicted: Iterable[Any]) -> Triple:
    """Each gold item is found once at most."""
    left, right = Counter(gold), Counter(predicted)
    return (left & right).total(), right.total(), left.total()


def of_sets(gold: Iterable[Any], predicted: Iterable[Any]) -> Triple:
    """Duplicates count once."""
    left, right = set(gold), set(predicted)
    return len(left & right), len(right), len(left)


def roles_of(event: Fields) -> list[tuple[str, str]]:
    """(role, text) of an event's arguments that are not missing; the trigger is none."""
    return [(role, part) for role, part in zip(ROLES, event, strict=True) if part and role != "trigger"]


# --- ours and the paper's --------------------------------------------------------------------------------------------


def ours(case: Case) -> Triple:
    return of_multisets(case.gold, case.predicted)


def ours_partial(case: Case) -> Triple:
    """Ours with part of a span counting in part (`partial.py`)."""
    form = FORMS[case.task.kind]

    def split(items: Sequence[Fields]) -> list[tuple[str, Fields]]:
        spans = (tuple(fields[place] for place in form.spans) for fields in items)
        labels = ("" if form.label is None else fields[form.label] for fields in items)
        return list(zip(labels, spans, strict=True))

    right = partial_matches(case.text, split(case.gold), split(case.predicted))
    return right, len(case.predicted), len(case.gold)


def paper(case: Case) -> Triple:
    """Pairs as their format writes them, without escapes: a delimiter inside a field makes the entry unreadable."""

    def read(items: Sequence[Fields]) -> list[Fields]:
        written = "".join(":" + ";".join(fields) for fields in items)
        closing = ":" if items and case.task.kind != "span" else ""
        return parse_parts(f"/{case.task.word}/{written}{closing}", case.task, "paper")[1]

    return of_multisets(read(case.gold), read(case.predicted))


# --- UniversalNER ----------------------------------------------------------------------------------------------------


def universal_ner(case: Case) -> Triple | None:
    """One list of strings a type; lower case, no ASCII punctuation, no English articles, no duplicates.

    A list is read up to its first `]`, so a span that holds one leaves its type without any. For the same reason a list
    of lists, as tuples would need, always reads as empty: relations and events have no place.
    """
    if case.task.kind != "span":
        return None

    def plain(span: str) -> str:
        kept = "".join(character for character in span.lower() if character not in string.punctuation)
        return " ".join(re.sub(r"\b(?:an?|the)\b", " ", kept).split())

    def read(items: Sequence[Fields]) -> set[Fields]:
        unreadable = {label for label, span in items if "]" in span}
        return {(label, plain(span)) for label, span in items if label not in unreadable}

    return of_sets(read(case.gold), read(case.predicted))


# --- GoLLIE ----------------------------------------------------------------------------------------------------------


def gollie(case: Case) -> Triple:
    """Predictions are filtered against the text first; then multisets: spans without case, relations with it.

    Out goes a label that is not defined, a span that the text does not have (case ignored), and a span, or an event of a
    trigger, that comes more often than its string is in the text, whatever its labels. Of an event the arguments count,
    under a trigger that is equal.
    """
    text, kind = case.text.lower(), case.task.kind
    seen = Counter[str]()

    def excess(key: str) -> bool:
        seen[key] += 1
        return bool(key) and text.count(key) < seen[key]

    def defined(label: str) -> bool:
        return case.words is None or label in case.words

    if kind == "event":
        return _gollie_events(case, excess)
    if kind == "relation":
        kept = [
            (head, label, tail)
            for head, label, tail in case.predicted
            if defined(label) and head.lower() in text and tail.lower() in text
        ]
        return of_multisets(case.gold, kept)
    spans = [
        (label, span.lower().strip())
        for label, span in case.predicted
        if defined(label) and span.lower().strip() in text and not excess(span.lower())
    ]
    return of_multisets([(label, span.lower().strip()) for label, span in case.gold], spans)


def _gollie_events(case: Case, excess: Callable[[str], bool]) -> Triple:
    text, trigger = case.text.lower(), ROLES.index("trigger")
    left = list(case.gold)
    right = predicted = 0
    for event in case.predicted:
        if event[trigger].lower() not in text or excess(event[trigger].lower()):
            continue
        said = [(role, part) for role, part in roles_of(event) if part.lower() in text]
        predicted += len(said)
        partner = next((other for other in left if other[trigger] == event[trigger]), None)
        if partner is not None:
            left.remove(partner)
            right += len(set(said) & set(roles_of(partner)))
    return right, predicted, sum(len(roles_of(event)) for event in case.gold)


# --- IEPile ----------------------------------------------------------------------------------------------------------


def iepile(case: Case) -> Triple:
    """Multisets of exact tuples; of events the arguments, each with its role."""
    if case.task.kind != "event":
        return of_multisets(case.gold, case.predicted)
    gold, predicted = ([pair for event in items for pair in roles_of(event)] for items in (case.gold, case.predicted))
    return of_multisets(gold, predicted)


# --- InstructUIE and B2NER -------------------------------------------------------------------------------------------


def answer(items: Sequence[Fields], kind: str) -> str:
    """What InstructUIE and B2NER write: `label: span; label: span`, `relation: head, tail`, `role: argument`, or None."""
    if kind == "span":
        parts = [f"{label}: {span}" for label, span in items]
    elif kind == "relation":
        parts = [f"{label}: {head}, {tail}" for head, label, tail in items]
    else:
        parts = [f"{role}: {part}" for event in items for role, part in roles_of(event)]
    return "; ".join(parts) or "None"


def instruct_fold(value: str) -> str:
    """Lower case, white space folded and none beside punctuation, no braces, runs of , . ; as one, one word for place."""
    value = re.sub(r"\s*([,:().;_'-])\s*", r"\1", " ".join(value.split())).lower()
    value = re.sub(r"([,.;])\1+", r"\1", re.sub(r"[{}]", "", value))
    return value.replace("’", "'").replace("location", "located")


def instruct_uie(case: Case) -> Triple:
    """Sets of folded strings, cut at `;` only, so that full-width delimiters cut nothing; a span answer None is an item."""

    def read(items: Sequence[Fields]) -> set[str]:
        found = {instruct_fold(part) for part in instruct_fold(answer(items, case.task.kind)).split(";")}
        return found if case.task.kind == "span" else {part for part in found if ":" in part}

    return of_sets(read(case.gold), read(case.predicted))


WIDE = str.maketrans("；：，’‘“”", ";:,''\"\"")


def b2ner_fold(value: str) -> str:
    """InstructUIE's folding, full-width delimiters and curly quotes made ASCII, and marks round what is named removed.

    Of what follows the last colon: `@` and `#` at the ends go, the first title in 《》 stands for the whole, and so does
    what brackets enclose.
    """
    value = instruct_fold(value).translate(WIDE).replace("located", "location").replace("organisation", "organization")
    label, colon, named = value.rpartition(":")
    if not colon:
        return value
    named = named.strip("@#")
    for enclosed in (r"《(.+?)》", r"^[《》<>（）()]+(.+?)[《》<>（）()]+$"):
        if found := re.search(enclosed, named):
            named = found.group(1)
    return f"{label}:{named}"


def b2ner(case: Case) -> Triple:
    """Sets of folded strings; what has no colon, as None, is no item."""

    def read(items: Sequence[Fields]) -> set[str]:
        found = {b2ner_fold(part) for part in b2ner_fold(answer(items, case.task.kind)).split(";")}
        return {part for part in found if ":" in part}

    return of_sets(read(case.gold), read(case.predicted))


# --- GLiNER ----------------------------------------------------------------------------------------------------------


def gliner(case: Case) -> Triple | None:
    """Sets of (label, place). Strings have none, so the mentions of a label take the places of their string in turn.

    Gold that is not in the text cannot be written down there, and is left out; such a prediction is a wrong one.
    """
    if case.task.kind != "span":
        return None

    def places(items: Sequence[Fields]) -> set[tuple[str, str, int | None]]:
        spans = defaultdict(list)
        for label, span in items:
            spans[label].append({"label": label, "spans": [{"text": span}]})
        placed = ((label, locate(case.text, "span", own)) for label, own in spans.items())
        found = ((label, entry["spans"][0]) for label, own in placed for entry in own)
        return {
            (label, span["text"], span["start"])
            for label, span in found
            if span["start"] is not None or span["text"] not in case.text
        }

    return of_sets((item for item in places(case.gold) if item[2] is not None), places(case.predicted))


RULES = (
    Rule("ours", "docs/scoring.md", ours, 100.0),
    Rule("ours, partial", "docs/scoring.md, stages/scoring/partial.py", ours_partial, 100.0),
    Rule("MMM/OIELLM", "arXiv 2407.10953 and its model card; inferred, the scorer is not public", paper, 100.0),
    Rule("UniversalNER", "github.com/universal-ner/universal-ner, src/eval/evaluate.py", universal_ner, 0.0),
    Rule(
        "GoLLIE",
        "github.com/hitz-zentroa/GoLLIE, src/evaluate.py, src/tasks/utils_scorer.py, utils_typing.py",
        gollie,
        0.0,
    ),
    Rule("IEPile", "github.com/zjunlp/IEPile, ie2instruction/eval", iepile, 0.0),
    Rule("InstructUIE", "github.com/BeyonderXX/InstructUIE, src/evaluation/evaluator.py", instruct_uie, 0.0),
    Rule("B2NER", "github.com/UmeanNever/B2NER, src/evaluation/evaluator.py", b2ner, 0.0),
    Rule("GLiNER", "github.com/urchade/GLiNER, gliner/evaluation/evaluator.py", gliner, 0.0),
)


def rescore(examples: Iterable[tuple[str, Mapping[str, Any]]], predictions: Mapping[str, Prediction]) -> dict[str, Any]:
    """{n, rules: {name: {source, spans: {<lang>, all, mean}, relations, events, gold: {spans, relations, events}}}}.

    `mean` is over the cells, (language, sub-dataset), as many papers average data sets. A key is missing where the rule has
    no place for the kind, or the test set no record of it.

    Raises:
        UserError: as `score.judge_each`.
    """
    n, sums = 0, dict[tuple[str, str, str, Cell], Triple]()
    for example, gold, _ in judge_each(examples, predictions):
        n += 1
        said = predictions.get(example["id"])
        found = parse_output(said[0], gold.spec)[1] if said else []
        case = Case(gold.spec.task, gold.text, gold.spec.words, gold.extractions, found)
        for rule in RULES:
            for who, own in (("model", case), ("gold", case._replace(predicted=gold.extractions))):
                if (triple := rule.counts(own)) is not None:
                    key = rule.name, who, KINDS[case.task.kind], gold.cell
                    sums[key] = added([sums.get(key, (0, 0, 0)), triple])
    return {"n": n, "rules": {rule.name: _scores(rule, sums) for rule in RULES}}


def added(triples: Iterable[Triple]) -> Triple:
    """Their sum, part by part."""
    right, predicted, gold = (sum(parts) for parts in zip(*triples, strict=True))
    return right, predicted, gold


def _scores(rule: Rule, sums: Mapping[tuple[str, str, str, Cell], Triple]) -> dict[str, Any]:
    def score(triples: Iterable[Triple]) -> float:
        right, predicted, gold = added(triples)
        return round(f1(right, predicted, gold) if predicted + gold else rule.empty, 2)

    def cells(who: str, kind: str) -> dict[Cell, Triple]:
        return {key[3]: triple for key, triple in sums.items() if key[:3] == (rule.name, who, kind)}

    result: dict[str, Any] = {"source": rule.source, "gold": {}}
    for kind in KINDS.values():
        own = cells("model", kind)
        if not own:
            continue
        result["gold"][kind] = score(cells("gold", kind).values())
        if kind != "spans":
            result[kind] = score(own.values())
            continue
        langs = sorted({lang for lang, _ in own})
        result[kind] = {lang: score(triple for cell, triple in own.items() if cell[0] == lang) for lang in langs}
        result[kind]["all"] = score(own.values())
        result[kind]["mean"] = round(sum(score([triple]) for triple in own.values()) / len(own), 2)
    return result


def table(metrics: dict[str, Any]) -> str:
    """The rules as a Markdown table, one row each, a dash where a rule has nothing to say."""
    rules = metrics["rules"]
    columns = list(dict.fromkeys(key for row in rules.values() for key in row.get("spans", {})))
    kinds = list(dict.fromkeys(key for row in rules.values() for key in row["gold"]))

    rows = []
    for name, row in rules.items():
        told = {key: row.get("spans", {}).get(key) for key in columns}
        told |= {kind: row.get(kind) for kind in kinds if kind != "spans"}
        told |= {f"gold, {kind}": row["gold"].get(kind) for kind in kinds}
        rows.append({"rule": name, **{key: fixed(value) for key, value in told.items()}})
    return markdown(pd.DataFrame(rows))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.scoring.external_scorers", description=__doc__.split("\n")[0]
    )
    parser.add_argument("predictions", metavar="PRED", help="JSONL of predictions")
    parser.add_argument("gold", metavar="GOLD", help="JSONL of examples, the test set")
    parser.add_argument("--metrics", metavar="FILE", help="write the scores here")
    options = parser.parse_args(arguments)
    predictions = by_id(checked(options.predictions, "prediction"))
    result = rescore(checked(options.gold, "example"), predictions)
    tell_missing(options.predictions, result["n"] - len(predictions), result["n"])
    if options.metrics:
        write_checked_json(options.metrics, result, "external_scorer_metrics")
    print(table(result))


if __name__ == "__main__":
    run(main)
