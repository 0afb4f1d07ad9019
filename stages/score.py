"""What predictions are worth beside their gold: counts for each record, and from them scores, defects and intervals.

The rules and the reasons for them stand in docs/scoring.md; `python -m stages.evaluate` is the command. Everything here
is pure, and the counting imports neither torch nor numpy. A cell is a (language, sub-dataset); results are nested as
`{lang: {SUBSET: …, "all": …}, "all": …}`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from stages.errors import UserError
from stages.linear import Parsed, parse, split_input
from stages.tasks import SUBSETS, Task, subset, task_of

LEVEL = 95  # of the intervals, in percent
# By the task's kind, the fields of an extraction that are spans, and the one that is its label (`record.fields_of`).
SPAN_FIELDS = {"span": (1,), "relation": (0, 2), "event": (0, 1, 2, 3)}
LABEL_FIELD = {"span": 0, "relation": 1}

NO_DEFECTS = frozenset[str]()

V = TypeVar("V")
Cell = tuple[str, str]  # language, sub-dataset
Prediction = tuple[str, bool]  # output, finished


class Counts(NamedTuple):
    """What one record adds to the sums: text labels, extractions (tp: right ones), and whether all of it is right."""

    tl_hit: int
    tl_pred: int
    tl_gold: int
    tp: int
    n_pred: int
    n_gold: int
    exact: int


class Judged(NamedTuple):
    """One prediction beside its gold: counts, the kinds of its format defects, its spans and those not in the text."""

    counts: Counts
    defects: frozenset[str]
    spans: int
    ungrounded: int


class Spec(NamedTuple):
    """What an output of one (sub-dataset, task, language) may say; `words` is None where any word label may stand."""

    task: Task
    text_labels: frozenset[str]
    words: frozenset[str] | None


class Gold(NamedTuple):
    """An example of the mix, read: `text` is the input without the instruct word."""

    cell: Cell
    spec: Spec
    text: str
    label: str | None
    extractions: list[tuple[str, ...]]


Cells = dict[Cell, list[Judged]]
Tallies = dict[Cell, Counter[Judged]]


@cache
def spec_of(subset_name: str, task_name: str, lang: str) -> Spec:
    """The spec of a sub-dataset's task in a language; UserError names the known ones."""
    entry, task = subset(subset_name), task_of(subset_name, task_name)
    if lang not in entry.languages:
        raise UserError(subset_name, f"unknown language {lang!r}", f"one of {', '.join(entry.languages)}")
    table = entry.word_labels[task_name]
    closed = table is not None and task.kind in LABEL_FIELD
    return Spec(task, frozenset(entry.text_labels[lang]), frozenset(table[lang]) if table and closed else None)


def _defects(parsed: Parsed, spec: Spec) -> list[str]:
    """The kinds of `linear.parse`, and labels that are in no table."""
    found = parsed.defects
    if parsed.text_label is not None and parsed.text_label not in spec.text_labels:
        found.append("unknown_text_label")
    if spec.words is not None:
        at = LABEL_FIELD[spec.task.kind]
        if any(fields[at] not in spec.words for fields in parsed.extractions):
            found.append("unknown_label")
    return found


def read_gold(example: Mapping[str, Any], place: str) -> Gold:
    """An example that its schema accepts, read for scoring.

    Raises:
        UserError: its task, language or instruct word does not fit, or its output is not well formed. So gold, taken as
            predictions, always scores 100.
    """
    try:
        spec = spec_of(example["subset"], example["task"], example["lang"])
        text, task = split_input(example["input"])
    except UserError as error:
        raise UserError(f"{place}: {error.place}", error.fault, error.remedy) from error
    if task.word != spec.task.word:
        raise UserError(place, f"its input ends in /{task.word}, its task's word is {spec.task.word}", "make it anew")
    parsed = parse(example["output"], task)
    defects = _defects(parsed, spec)
    if defects:
        raise UserError(place, f"the gold output has format defects: {', '.join(defects)}", "write it by linear.encode")
    return Gold((example["lang"], example["subset"]), spec, text, parsed.text_label, parsed.extractions)


def judge(gold: Gold, output: str | None, finished: bool = True) -> Judged:
    """One output beside its gold; `output` None is a record without prediction, which counts as an empty output."""
    tl_gold, n_gold = int(gold.label is not None), len(gold.extractions)
    if output is None:
        return Judged(Counts(0, 0, tl_gold, 0, 0, n_gold, 0), frozenset(("no_prediction",)), 0, 0)
    parsed = parse(output, gold.spec.task)
    defects = _defects(parsed, gold.spec)
    if tl_gold and parsed.text_label is None:
        defects.append("missing_text_label")
    if not finished:
        defects.append("not_finished")
    left: dict[tuple[str, ...], int] = {}
    for fields in gold.extractions:
        left[fields] = left.get(fields, 0) + 1
    tp = spans = ungrounded = 0
    places = SPAN_FIELDS[gold.spec.task.kind]
    for fields in parsed.extractions:
        if left.get(fields):
            left[fields] -= 1
            tp += 1
        for place in places:
            if fields[place]:  # an event's slot may be empty
                spans += 1
                if fields[place] not in gold.text:
                    ungrounded += 1
    n_pred, right = len(parsed.extractions), parsed.text_label == gold.label
    exact = right and tp == n_pred == n_gold and not defects
    tl_hit, tl_pred = int(right and tl_gold), int(parsed.text_label is not None)
    counts = Counts(tl_hit, tl_pred, tl_gold, tp, n_pred, n_gold, int(exact))
    return Judged(counts, frozenset(defects) if defects else NO_DEFECTS, spans, ungrounded)


def judge_all(examples: Iterable[tuple[str, Mapping[str, Any]]], predictions: Mapping[str, Prediction]) -> Cells:
    """Every example beside its prediction, by cell, cells and records in the order of the examples.

    `examples` are (place, example), the place for messages; `predictions` are by the examples' ids.

    Raises:
        UserError: no examples, an id that comes twice, a prediction for an id that no example has, or gold that is not
            well formed.
    """
    cells: Cells = {}
    seen = set[str]()
    known: dict[Judged, Judged] = {}  # one object for all equal judgements: a fraction of the memory, and faster
    found = 0
    for place, example in examples:
        identifier = example["id"]
        if identifier in seen:
            raise UserError(place, f"duplicate id {identifier!r}", "remove one of the two examples")
        seen.add(identifier)
        gold = read_gold(example, place)
        prediction = predictions.get(identifier)
        if prediction is None:
            judged = judge(gold, None)
        else:
            found += 1
            judged = judge(gold, *prediction)
        cells.setdefault(gold.cell, []).append(known.setdefault(judged, judged))
    if not seen:
        raise UserError("gold", "holds no example", "score against a test set that is not empty")
    if found < len(predictions):
        stray = min(identifier for identifier in predictions if identifier not in seen)
        raise UserError("predictions", f"{stray!r} is the id of no gold example", "score against the file predicted on")
    return cells


def tally(cells: Cells) -> Tallies:
    """How often each judgement occurs in a cell: what all results are computed from, since equal ones add the same."""
    return {cell: Counter(judged) for cell, judged in cells.items()}


def nest(cells: Mapping[Cell, V], summary: Callable[[list[V]], Any]) -> dict[str, Any]:
    """`summary` of each cell, of all cells of a language, and of all: `{lang: {SUBSET: …, "all": …}, "all": …}`."""
    result: dict[str, Any] = {}
    for lang in sorted({lang for lang, _ in cells}):
        own = {name: cells[lang, name] for name in SUBSETS if (lang, name) in cells}
        result[lang] = {name: summary([value]) for name, value in own.items()}
        result[lang]["all"] = summary(list(own.values()))
    result["all"] = summary(list(cells.values()))
    return result


def asked(tallies: Tallies) -> tuple[bool, bool]:
    """Whether the gold asks for text labels, and for extractions: whether any record of the whole file has one."""
    counts = [judged.counts for own in tallies.values() for judged in own]
    return any(item.tl_gold for item in counts), any(item.n_gold for item in counts)


def f1(tp: int, predicted: int, gold: int) -> float:
    """Micro F1 in percent, 2 tp / (predicted + gold); 100 where there is nothing to find and nothing was found."""
    return 200 * tp / (predicted + gold) if predicted + gold else 100.0


def scores(tallies: Tallies) -> dict[str, Any]:
    """{TL, WL, ALL, n} nested, in percent with 2 digits; a level that the gold does not ask for has no key."""
    text, words = asked(tallies)

    def summary(parts: list[Counter[Judged]]) -> dict[str, float]:
        n, sums = 0, [0] * len(Counts._fields)
        for judged, times in chain.from_iterable(part.items() for part in parts):
            n += times
            sums = [total + times * count for total, count in zip(sums, judged.counts, strict=True)]
        total = Counts(*sums)
        result: dict[str, float] = {}
        if text:
            result["TL"] = round(f1(total.tl_hit, total.tl_pred, total.tl_gold), 2)
        if words:
            result["WL"] = round(f1(total.tp, total.n_pred, total.n_gold), 2)
        return {**result, "ALL": round(100 * total.exact / n, 2), "n": n}

    return nest(tallies, summary)


def defects(tallies: Tallies) -> dict[str, Any]:
    """Format and grounding defects, nested: counts, and shares in percent with 2 digits.

    `format.kinds` counts the records that show a kind; a record may show several.
    """

    def summary(parts: list[Counter[Judged]]) -> dict[str, Any]:
        sums, kinds = Counter[str](), Counter[str]()
        for judged, times in chain.from_iterable(part.items() for part in parts):
            sums["n"] += times
            sums["broken"] += times * bool(judged.defects)
            sums["spans"] += times * judged.spans
            sums["ungrounded"] += times * judged.ungrounded
            sums["astray"] += times * bool(judged.ungrounded)
            for kind in judged.defects:
                kinds[kind] += times
        return {
            "n": sums["n"],
            "format": {
                "records": sums["broken"],
                "percent": round(100 * sums["broken"] / sums["n"], 2),
                "kinds": dict(sorted(kinds.items())),
            },
            "grounding": {
                "records": sums["astray"],
                "spans": sums["spans"],
                "not_in_text": sums["ungrounded"],
                "percent": round(100 * sums["ungrounded"] / max(sums["spans"], 1), 2),
            },
        }

    return nest(tallies, summary)


def label_scores(
    examples: Iterable[tuple[str, Mapping[str, Any]]], predictions: Mapping[str, Prediction]
) -> dict[str, Any]:
    """F1 in percent of each text label that gold has, `{lang: {SUBSET: {label: F1}}}`: a class never got right shows."""
    hit, predicted, gold_n = Counter[tuple[Cell, str]](), Counter[tuple[Cell, str]](), Counter[tuple[Cell, str]]()
    for place, example in examples:
        gold = read_gold(example, place)
        label = parse(predictions.get(example["id"], ("", False))[0], gold.spec.task).text_label
        if gold.label is not None:
            gold_n[gold.cell, gold.label] += 1
            hit[gold.cell, gold.label] += label == gold.label
        if label is not None:
            predicted[gold.cell, label] += 1
    result: dict[str, Any] = {}
    for (lang, name), label in sorted(gold_n):
        key = (lang, name), label
        row = result.setdefault(lang, {}).setdefault(name, {})
        row[label] = round(f1(hit[key], predicted[key], gold_n[key]), 2)
    return result


def intervals(tallies: Tallies, resamples: int, seed: int) -> dict[str, Any]:
    """Bootstrap percentile intervals of the scores: {resamples, seed, level, intervals: nested {TL, WL, ALL}}.

    Records are drawn with replacement within their cell (stratified), and cells are summed for the totals. Records with
    equal counts are alike to every score, so how often each kind of record is drawn is one multinomial draw: the same
    distribution as drawing records one by one, at a cost that does not grow with their number. Each cell has its own
    generator, so that its interval does not depend on which other cells there are.

    Raises:
        UserError: fewer than one resample.
    """
    import numpy as np  # here, since the counting does without

    if resamples < 1:
        raise UserError("evaluate: resamples", f"{resamples} is not enough", "1000 or more, in params.yaml")
    text, words = asked(tallies)
    totals = {}
    for cell, own in tallies.items():
        kinds: Counter[Counts] = Counter()
        for judged, times in own.items():
            kinds[judged.counts] += times
        rows, weights = zip(*sorted(kinds.items()), strict=True)
        n = sum(weights)
        generator = np.random.default_rng([seed, *".".join(cell).encode()])
        draws = generator.multinomial(n, np.array(weights) / n, size=resamples)
        totals[cell] = draws @ np.array([(*counts, 1) for counts in rows])  # resamples x (the counts, records)

    def span(values: Any) -> dict[str, float]:
        low, high = np.percentile(values, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
        return {"low": round(float(low), 2), "high": round(float(high), 2)}

    def f1_of_each(tp: Any, predicted: Any, gold: Any) -> Any:
        both = predicted + gold
        return np.where(both > 0, 200 * tp / np.maximum(both, 1), 100.0)

    def summary(parts: list[Any]) -> dict[str, dict[str, float]]:
        tl_hit, tl_pred, tl_gold, tp, n_pred, n_gold, exact, n = np.sum(parts, axis=0).T
        result = {}
        if text:
            result["TL"] = span(f1_of_each(tl_hit, tl_pred, tl_gold))
        if words:
            result["WL"] = span(f1_of_each(tp, n_pred, n_gold))
        return {**result, "ALL": span(100 * exact / n)}

    return {"resamples": resamples, "seed": seed, "level": LEVEL, "intervals": nest(totals, summary)}
