"""Where the errors are: each gold and predicted extraction in exactly one class, labels confused, the worst records.

    python -m stages.scoring.error_analysis data/predictions/test.jsonl data/mix/test.jsonl --train data/mix/train.jsonl \\
        --errors metrics/errors.json --classes metrics/error_classes.csv --confusion metrics/confusion.csv \\
        --worst data/errors/worst.jsonl

PRED and GOLD are those of `stages.scoring.evaluate`, and the sums here are its counts. The classes are defined in docs/scoring.md.
Without --train nothing is said of what was seen in training. The confusion matrix has one row a record with a text label
in gold, as DVC's `confusion` template wants it, labels in English, so that languages can be set side by side.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stages.core.files import write_bytes
from stages.core.run import run
from stages.core.schema import write_checked, write_checked_json
from stages.records.record import locate, occurrences
from stages.records.tasks import FORMS, SUBSETS, subset
from stages.scoring.predictions import by_id, checked
from stages.scoring.score import (
    UNKNOWN,
    Gold,
    Judged,
    Prediction,
    Spec,
    judge_each,
    parse_output,
    read_gold,
)
from stages.scoring.tables import csv

Fields = tuple[str, ...]
Place = tuple[int, int]  # start and end in the text
PAIRED = ("right", "word_label", "too_long", "too_short", "overlap")  # a gold and a predicted extraction each
GOLD_ONLY = ("format", "missing")
PREDICTED_ONLY = ("grounding", "spurious")
KINDS = (*PAIRED, *GOLD_ONLY, *PREDICTED_ONLY, "unreadable")
# Defects after which something of the output was not read: an extraction of gold may have stood there.
LOST = {
    "missing_instruct_word",
    "missing_list",
    "list_start",
    "field_count",
    "empty_field",
    "not_finished",
    "no_prediction",
}
DROPPED = ("list_start", "field_count", "empty_field")  # one for each entry that the parser dropped
NONE, OTHER, EVENT = "(none)", "(other)", "(event)"
LABELS = 20  # the commonest of gold in a cell are told apart, the rest are OTHER: TCONER's are open
WORST = 5  # records a cell
FAMILIARITY = ("seen", "other_label", "unseen")


def spans_of(fields: Fields, spec: Spec) -> Fields:
    """The fields of an extraction that are spans, empty ones of an event too."""
    return tuple(fields[place] for place in spec.spans)


def label_of(fields: Fields, spec: Spec) -> str:
    """The label of an extraction; events have none."""
    return EVENT if FORMS[spec.task.kind].label is None else fields[spec.label]


def places_of(extractions: Sequence[Fields], text: str, spec: Spec) -> list[list[Place | None]]:
    """Where each span of each gold extraction stands, as `record.locate` finds it; None if it is empty or not there.

    Two labels of one mention share its place: `locate` gives it to the first, so the other gets the span's first place.
    """
    named = [{"label": None, "spans": [{"text": part} for part in spans_of(fields, spec)]} for fields in extractions]
    result = []
    for item in locate(text, spec.task.kind, named):
        row: list[Place | None] = []
        for span in item["spans"]:
            part = span["text"]
            start = text.find(part) if span["start"] is None else span["start"]
            row.append((start, start + len(part)) if part and start >= 0 else None)
        result.append(row)
    return result


def near(text: str, said: str, wanted: str, place: Place | None, taken: set[Place]) -> tuple[int, str] | None:
    """(code points shared, too_long, too_short or overlap) of a predicted span and the gold span at `place`.

    An output has no offsets, so the span may stand at any of its places but those where gold was found exactly (`taken`);
    that which shares most counts. Equal spans are ("", all shared). None if they share nothing.
    """
    if said == wanted:
        return len(said), ""
    if not said or place is None:
        return None
    low, high = place
    best: tuple[int, str] | None = None
    for start in occurrences(text, said):
        end = start + len(said)
        shared = min(end, high) - max(start, low)
        if shared > (best[0] if best else 0) and (start, end) not in taken:
            kind = "too_long" if start <= low and high <= end else "too_short" if low <= start and end <= high else ""
            best = shared, kind or "overlap"
    return best


def boundary(text: str, said: Fields, wanted: Fields, places: Sequence[Place | None], taken: set[Place]) -> Any:
    """(code points shared, kind) where every span is equal to its counterpart or overlaps it; else None."""
    total, kinds = 0, set[str]()
    for part, other, place in zip(said, wanted, places, strict=True):
        found = near(text, part, other, place, taken)
        if found is None:
            return None
        total += found[0]
        kinds.add(found[1])
    kinds.discard("")
    return total, kinds.pop() if len(kinds) == 1 else "overlap"


def sort_out(gold: Gold, extractions: Sequence[Fields], defects: Sequence[str]) -> Iterator[tuple[str, Fields | None]]:
    """(kind, extraction) once for each pair of gold and predicted extraction, and once for each that is left alone.

    `extractions` and `defects` (each as often as it occurs) are those of the output. The extraction of a pair is gold's.
    That of an entry that could not be read is None. The result does not depend on the order of the extractions.
    """
    spec, text, golden = gold.spec, gold.text, sorted(gold.extractions)
    said, wanted = list[Fields](), list(range(len(golden)))
    places, taken = places_of(golden, text, spec), set[Place]()
    for fields in sorted(extractions):
        match = next((n for n in wanted if golden[n] == fields), None)
        if match is None:
            said.append(fields)
            continue
        wanted.remove(match)
        if spec.task.kind == "span":
            taken |= {place for place in places[match] if place}
        yield "right", fields
    for fields in said.copy():
        spans = spans_of(fields, spec)
        match = next((n for n in wanted if spans_of(golden[n], spec) == spans), None)
        if match is not None:
            said.remove(fields)
            wanted.remove(match)
            yield "word_label", golden[match]
    pairs = []
    for k, fields in enumerate(said):
        for n in wanted:
            other = golden[n]
            if label_of(fields, spec) == label_of(other, spec):
                found = boundary(text, spans_of(fields, spec), spans_of(other, spec), places[n], taken)
                if found:
                    pairs.append((-found[0], fields, other, found[1], k, n))
    alone = set(range(len(said)))
    for _, _, other, kind, k, n in sorted(pairs):
        if k in alone and n in wanted:
            alone.remove(k)
            wanted.remove(n)
            yield kind, other
    for k in alone:
        astray = any(part and part not in text for part in spans_of(said[k], spec))
        yield "grounding" if astray else "spurious", said[k]
    lost = not LOST.isdisjoint(defects)
    for n in wanted:
        yield "format" if lost else "missing", golden[n]
    for kind in defects:
        if kind in DROPPED:
            yield "unreadable", None


class Training:
    """What extractions the training examples hold, by sub-dataset, task and language."""

    def __init__(self, examples: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        self.whole, self.spans = set[tuple[str, str, Fields]](), set[tuple[str, str, Fields]]()
        for place, example in examples:
            gold = read_gold(example, place)
            lang, name = gold.cell
            for fields in gold.extractions:
                self.whole.add((lang, name + gold.spec.ending, fields))
                self.spans.add((lang, name + gold.spec.ending, spans_of(fields, gold.spec)))

    def familiarity(self, fields: Fields, spec: Spec) -> str:
        """Whether the same extraction occurs in training, the same spans under another label, or neither."""
        lang, name = spec.cell
        if (lang, name + spec.ending, fields) in self.whole:
            return "seen"
        return "other_label" if (lang, name + spec.ending, spans_of(fields, spec)) in self.spans else "unseen"


class Worst(NamedTuple):
    """A record with errors; they sort by cell, most errors first, then by id."""

    cell: tuple[str, int]
    errors: int  # negative
    id: str
    row: dict[str, Any]


def text_kind(actual: str | None, said: str | None) -> str:
    """What became of a text label: right, wrong, unknown (in no table), missing, or unasked (gold has none)."""
    if actual is None:
        return "unasked"
    if said is None:
        return "missing"
    return "right" if actual == said else "unknown" if said == UNKNOWN else "wrong"


def in_english(label: str | None, lang: str, name: str) -> str:
    """A text label for the reader of the confusion matrix."""
    if label is None:
        return NONE
    return label if label == UNKNOWN else subset(name).text_label(label, lang, "en")


def worst_row(example: Mapping[str, Any], prediction: Prediction | None, kinds: Mapping[str, int]) -> dict[str, Any]:
    """A record of the list of the worst, schema `worst`."""
    output, finished = prediction or (None, False)
    return {
        **{key: example[key] for key in ("id", "group", "subset", "task", "lang")},
        "errors": sum(kinds.values()),
        "kinds": dict(sorted(kinds.items())),
        "input": example["input"],
        "gold": example["output"],
        "output": output,
        "finished": finished,
    }


class Breakdown:
    """Errors counted while records pass by: `words[lang, subset][kind, label]`, `text[lang, subset][gold, said]`, …"""

    def __init__(self, training: Training | None) -> None:
        self.training = training
        self.words: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
        self.text: dict[tuple[str, str], Counter[tuple[str | None, str | None]]] = {}
        self.known: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
        self.worst: dict[tuple[str, str], list[Worst]] = {}

    def add(self, example: Mapping[str, Any], gold: Gold, judged: Judged, prediction: Prediction | None) -> None:
        """One record and its prediction, None where there is none."""
        cell, spec = gold.cell, gold.spec
        output, finished = prediction or ("", False)
        _, extractions, defects = parse_output(output, spec)
        defects = [*(kind for kind in defects if kind in DROPPED), *judged.defects.difference(DROPPED)]
        words, known = self.words.setdefault(cell, Counter()), self.known.setdefault(cell, Counter())
        self.text.setdefault(cell, Counter())[judged.labels] += 1
        kinds = Counter[str]()
        for kind, fields in sort_out(gold, extractions, defects):
            words[kind, label_of(fields, spec) if fields else NONE] += 1
            kinds[kind] += kind != "right"
            if fields and kind == "right" and self.training:
                known[self.training.familiarity(fields, spec), "right"] += 1
        if self.training:
            for side, items in (("gold", gold.extractions), ("predicted", extractions)):
                for fields in items:
                    known[self.training.familiarity(fields, spec), side] += 1
        if judged.labels[0] != judged.labels[1]:
            kinds["text_label"] += 1
        kinds = +kinds
        if kinds:
            order = cell[0], SUBSETS.index(cell[1])
            row = Worst(order, -kinds.total(), example["id"], worst_row(example, prediction, kinds))
            own = self.worst.setdefault(cell, [])
            own.append(row)
            if len(own) > 100 * WORST:  # so that no more than these stay in memory
                own[:] = sorted(own)[:WORST]

    def worst_rows(self) -> list[dict[str, Any]]:
        """The worst records of each cell, most errors first."""
        return [item.row for own in sorted(map(sorted, self.worst.values())) for item in own[:WORST]]

    def errors(self) -> dict[str, Any]:
        """{words, text, training}: lists of rows, schema `error_metrics`."""
        result: dict[str, Any] = {"words": [], "text": [], "training": []}
        for lang, name in sorted(self.words, key=lambda cell: (cell[0], SUBSETS.index(cell[1]))):
            head = {"lang": lang, "subset": name}
            words, gold = Counter[tuple[str, str]](), Counter[str]()
            for (kind, label), n in self.words[lang, name].items():
                if kind in PAIRED or kind in GOLD_ONLY:
                    gold[label] += n
            told = {label for label, _ in sorted(gold.items(), key=lambda item: (-item[1], item[0]))[:LABELS]}
            for (kind, label), n in self.words[lang, name].items():
                words[kind, label if label in told or label == NONE else OTHER] += n
            for kind, label in sorted(words, key=lambda key: (KINDS.index(key[0]), key[1])):
                result["words"].append({**head, "kind": kind, "label": label, "n": words[kind, label]})
            rows = [
                (actual or NONE, said or NONE, text_kind(actual, said), n)
                for (actual, said), n in self.text[lang, name].items()
            ]
            for actual, said, kind, n in sorted(rows):
                if (actual, said) != (NONE, NONE):
                    result["text"].append({**head, "kind": kind, "actual": actual, "predicted": said, "n": n})
            known = self.known[lang, name]
            for what in FAMILIARITY if known else ():
                counts = {side: known[what, side] for side in ("gold", "predicted", "right")}
                result["training"].append({**head, "familiarity": what, **counts})
        return result

    def classes(self) -> bytes:
        """The classes of all extractions as CSV for a bar chart: DVC would mix up the lists of one JSON file."""
        cells = sorted(self.words.items(), key=lambda item: (item[0][0], SUBSETS.index(item[0][1])))
        rows = []
        for (lang, name), own in cells:
            sums = Counter[str]()
            for (kind, _), n in own.items():
                sums[kind] += n
            rows += [[kind, sums[kind], lang, name] for kind in KINDS]
        return csv(rows, ["class", "n", "lang", "subset"])

    def confusion(self) -> bytes:
        """The confusion matrix as CSV: actual, predicted, lang, subset; one row a record that has a label in gold."""
        rows = []
        for lang, name in sorted(self.text, key=lambda cell: (cell[0], SUBSETS.index(cell[1]))):
            pairs = [
                (in_english(actual, lang, name), in_english(said, lang, name), n)
                for (actual, said), n in self.text[lang, name].items()
                if actual is not None
            ]
            for actual, said, n in sorted(pairs):
                rows += [[actual, said, lang, name]] * n
        return csv(rows, ["actual", "predicted", "lang", "subset"])


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.scoring.error_analysis", description=__doc__.split("\n")[0])
    parser.add_argument("predictions", metavar="PRED", help="JSONL of predictions")
    parser.add_argument("gold", metavar="GOLD", help="JSONL of examples, the test set")
    parser.add_argument("--train", metavar="FILE", help="JSONL of the training examples: what was seen in them")
    for name in ("errors", "classes", "confusion", "worst"):
        parser.add_argument(f"--{name}", metavar="FILE", required=True)
    options = parser.parse_args(arguments)
    found = Breakdown(Training(checked(options.train, "example")) if options.train else None)
    predictions = by_id(checked(options.predictions, "prediction"))
    for example, gold, judged in judge_each(checked(options.gold, "example"), predictions):
        found.add(example, gold, judged, predictions.get(example["id"]))
    errors = found.errors()
    write_checked_json(options.errors, errors, "error_metrics")
    write_checked(options.worst, found.worst_rows(), "worst")
    write_bytes(options.classes, found.classes())
    write_bytes(options.confusion, found.confusion())
    sums = Counter[str]()
    for row in errors["words"]:
        sums[row["kind"]] += row["n"]
    print(", ".join(f"{kind} {sums[kind]}" for kind in KINDS))


if __name__ == "__main__":
    run(main)
