"""What predictions are worth beside their gold: counts for each record, and from them scores, defects and intervals.

The rules and the reasons for them stand in docs/scoring.md; `python -m stages.scoring.evaluate` is the command. Everything here
is pure, and the counting imports neither torch nor numpy. A cell is a (language, sub-dataset); results are nested as
`{lang: {SUBSET: …, "all": …}, "all": …}`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from stages.core.errors import UserError
from stages.records.linear import parse_parts, split_input
from stages.records.tasks import FORMS, SUBSETS, Task, subset, task_of

NO_DEFECTS = frozenset[str]()
UNKNOWN = "(unknown)"  # stands for every text label that is in no table

new = tuple.__new__  # what a NamedTuple's constructor calls, a Python call less for each record

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
    """One prediction beside its gold: counts, the kinds of its format defects, its spans and those not in the text.

    `labels` are the text labels of gold and prediction, the latter `UNKNOWN` where it is in no table.
    """

    counts: Counts
    defects: frozenset[str]
    spans: int
    ungrounded: int
    labels: tuple[str | None, str | None]


class Spec(NamedTuple):
    """What an output of one (sub-dataset, task, language) may say; `words` is None where any word label may stand.

    `ending` is how its inputs end; `spans` are the fields that are spans, `label` the one that is the label, where checked.
    """

    cell: Cell
    task: Task
    ending: str
    spans: tuple[int, ...]
    label: int
    text_labels: frozenset[str]
    words: frozenset[str] | None


class Gold(NamedTuple):
    """An example of the mix, read: `text` is the input without the instruct word, `output` is what the rest was read of."""

    cell: Cell
    spec: Spec
    text: str
    output: str
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
    table, form = entry.word_labels[task_name], FORMS[task.kind]
    words = frozenset(table[lang]) if table and form.label is not None else None
    text_labels = frozenset(entry.text_labels[lang])
    return Spec((lang, subset_name), task, "/" + task.word, form.spans, form.label or 0, text_labels, words)


def read_gold(example: Mapping[str, Any], place: str) -> Gold:
    """An example that its schema accepts, read for scoring.

    Raises:
        UserError: its task, language or instruct word does not fit, or its output is not well formed. So gold, taken as
            predictions, always scores 100.
    """
    given: str = example["input"]
    try:
        spec = spec_of(example["subset"], example["task"], example["lang"])
        if not given.endswith(spec.ending):
            _, task = split_input(given)
            raise UserError("input", f"ends in /{task.word}, its task's word is {spec.task.word}", "make it anew")
    except UserError as error:
        raise UserError(f"{place}: {error.place}", error.fault, error.remedy) from error
    output = example["output"]
    label, extractions, defects = parse_output(output, spec)
    if defects:
        fault = f"the gold output has format defects: {', '.join(dict.fromkeys(defects))}"
        raise UserError(place, fault, "write it by linear.encode")
    return new(Gold, (spec.cell, spec, given[: -len(spec.ending)], output, label, extractions))


def parse_output(output: str, spec: Spec) -> tuple[str | None, list[tuple[str, ...]], list[str]]:
    """(text label, extractions, format defects) of an output: those of `linear.parse`, and labels that are in no table."""
    text_label, extractions, found = parse_parts(output, spec.task)
    if text_label is not None and text_label not in spec.text_labels:
        found.append("unknown_text_label")
    if (words := spec.words) is not None:
        at = spec.label
        for fields in extractions:
            if fields[at] not in words:
                found.append("unknown_label")
                break
    return text_label, extractions, found


def judge(gold: Gold, output: str | None, finished: bool = True) -> Judged:
    """One output beside its gold; `output` None is a record without prediction, which counts as an empty output."""
    _, spec, text, gold_output, gold_label, gold_extractions = gold
    tl_gold, n_gold = int(gold_label is not None), len(gold_extractions)
    if output is None:
        none = Counts(0, 0, tl_gold, 0, 0, n_gold, 0)
        return Judged(none, frozenset(("no_prediction",)), 0, 0, (gold_label, None))
    if output != gold_output:
        label, extractions, defects = parse_output(output, spec)
    else:
        label, extractions, defects = gold_label, gold_extractions, []
    if tl_gold and label is None:
        defects.append("missing_text_label")
    if not finished:
        defects.append("not_finished")
    n_pred, tp, spans, ungrounded = len(extractions), 0, 0, 0
    left, places = gold_extractions.copy(), spec.spans
    for fields in extractions:
        if fields in left:  # gold's few are faster searched than counted
            left.remove(fields)
            tp += 1
        for place in places:
            if span := fields[place]:  # an event's slot may be empty
                spans += 1
                if span not in text:
                    ungrounded += 1
    right = label == gold_label
    exact = right and tp == n_pred == n_gold and not defects
    hit, tl_pred = int(right and tl_gold), int(label is not None)
    counts = new(Counts, (hit, tl_pred, tl_gold, tp, n_pred, n_gold, int(exact)))
    if not defects:
        return new(Judged, (counts, NO_DEFECTS, spans, ungrounded, (gold_label, label)))
    said = UNKNOWN if "unknown_text_label" in defects else label
    return new(Judged, (counts, frozenset(defects), spans, ungrounded, (gold_label, said)))


def judge_each(
    examples: Iterable[tuple[str, Mapping[str, Any]]], predictions: Mapping[str, Prediction]
) -> Iterator[tuple[Mapping[str, Any], Gold, Judged]]:
    """Each example with what was read of it and the judgement of its prediction, in the order of the examples.

    `examples` are (place, example), the place for messages; `predictions` are by the examples' ids.

    Raises:
        UserError: no examples, an id that comes twice, a prediction for an id that no example has, or gold that is not
            well formed.
    """
    empty, left, unpredicted = True, dict(predictions), set[str]()
    for place, example in examples:
        empty, identifier = False, example["id"]
        gold = read_gold(example, place)
        prediction = left.pop(identifier, None)
        if prediction is not None:
            yield example, gold, judge(gold, *prediction)
            continue
        if identifier in predictions or identifier in unpredicted:
            raise UserError(place, f"duplicate id {identifier!r}", "remove one of the two examples")
        unpredicted.add(identifier)
        yield example, gold, judge(gold, None)
    if empty:
        raise UserError("gold", "holds no example", "score against a test set that is not empty")
    if left:
        fault = f"{min(left)!r} is the id of no gold example"
        raise UserError("predictions", fault, "score against the file predicted on")


def judge_all(examples: Iterable[tuple[str, Mapping[str, Any]]], predictions: Mapping[str, Prediction]) -> Cells:
    """Every judgement of `judge_each`, which see, by cell, cells and records in the order of the examples."""
    cells: Cells = {}
    known: dict[Judged, Judged] = {}  # one object for all equal judgements: a fraction of the memory, and faster
    for _, gold, judged in judge_each(examples, predictions):
        cells.setdefault(gold.cell, []).append(known.setdefault(judged, judged))
    return cells


def counts_by_id(
    examples: Iterable[tuple[str, Mapping[str, Any]]], predictions: Mapping[str, Prediction]
) -> Iterator[tuple[str, str, Cell, Counts]]:
    """(id, group, cell, counts) of each example, as `judge_each` gives them: what paired and grouped draws need."""
    for example, gold, judged in judge_each(examples, predictions):
        yield example["id"], example["group"], gold.cell, judged.counts


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
    return result  # "all" last, as `totals` and all tables have it


def totals(nested: Mapping[str, Any]) -> dict[str, Any]:
    """What `nest` made of each whole language, by language, and last, under "all", of all of them; {} of an empty file."""
    return {lang: own if lang == "all" else own["all"] for lang, own in nested.items()}


def scopes(nested: Mapping[str, Any]) -> dict[str, Any]:
    """All that `nest` made, by name: `en.SCNM` a cell, `en.all` a language, and last `all`."""
    rows = {f"{lang}.{name}": row for lang, own in nested.items() if lang != "all" for name, row in own.items()}
    return {**rows, "all": nested["all"]}


def asked(tallies: Tallies) -> tuple[bool, bool]:
    """Whether the gold asks for text labels, and for extractions: whether any record of the whole file has one."""
    counts = [judged.counts for own in tallies.values() for judged in own]
    return any(item.tl_gold for item in counts), any(item.n_gold for item in counts)


def f1(tp: float, predicted: int, gold: int) -> float:
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


def label_pairs(tallies: Tallies) -> dict[Cell, Counter[tuple[str | None, str | None]]]:
    """How often each pair of text labels, (gold, predicted), occurs in a cell: its confusion matrix."""
    pairs: dict[Cell, Counter[tuple[str | None, str | None]]] = {}
    for cell, own in tallies.items():
        matrix = pairs[cell] = Counter()
        for judged, times in own.items():
            matrix[judged.labels] += times
    return pairs


def label_scores(tallies: Tallies) -> dict[str, Any]:
    """F1 in percent of each text label that gold has, `{lang: {SUBSET: {label: F1}}}`: a class never got right shows."""
    result: dict[str, Any] = {}
    for (lang, name), matrix in sorted(label_pairs(tallies).items()):
        gold, predicted = Counter[str | None](), Counter[str | None]()
        for (actual, said), times in matrix.items():
            gold[actual] += times
            predicted[said] += times
        labels = sorted(label for label in gold if label is not None)
        if labels:
            row = {label: round(f1(matrix[label, label], predicted[label], gold[label]), 2) for label in labels}
            result.setdefault(lang, {})[name] = row
    return result
