"""The cheap baseline: what a trained model has to beat. Writes predictions as a model would, to be scored likewise.

    python -m stages.scoring.linear_baseline --train data/mix/train.jsonl --test data/mix/test.jsonl data/mix/second.jsonl \\
        --out data/predictions/baseline.jsonl data/predictions/second_baseline.jsonl

Files of examples and of predictions are given in pairs.

One model for each (sub-dataset, task, language), from its own training examples only:
- text level: character n-grams and logistic regression; the only label where training shows one;
- spans: the longest training spans found in the text, from left to right, with the label each most often had;
- relations and events: those of training whose parts all occur in the text.
A cell without training examples predicts nothing. An empty head or list in training, as some views of the mix have it,
is learnt like any other. The same files give the same bytes.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it comes with scikit-learn

from stages.core.run import run
from stages.core.schema import read_checked, write_checked
from stages.records.linear import encode_list, parse, split_input
from stages.records.record import occurrences
from stages.records.tasks import Task

Example = Mapping[str, Any]
Key = tuple[str, str, str]  # sub-dataset, task, language
NGRAMS = (1, 3)  # characters: needs no tokenizer, and covers a Chinese or Japanese word as well as an English affix
C = 10.0  # cross-validated on the training examples of the sample: accuracy 0.48 at 1, 0.55 at 10, 0.56 at 100
SOLVER = "newton-cg"  # ten times as fast as lbfgs on these cells, and it converges
ITERATIONS = 1000  # a bound that newton-cg does not come near


def _inside_word(text: str, at: int) -> bool:
    """Whether the place between two characters is within a run of ASCII letters or digits."""
    around = text[max(at - 1, 0) : at + 1]
    return 0 < at < len(text) and around.isascii() and around.isalnum()


def stands(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is cut out at word ends, so that `art` is not found in `party`; CJK has no such ends."""
    return not _inside_word(text, start) and not _inside_word(text, end)


def occurs(text: str, part: str) -> bool:
    """Whether `part` stands in the text."""
    return part in text and any(stands(text, start, start + len(part)) for start in occurrences(text, part))


@dataclass
class Words:
    """The word level of one cell: `labels` by span for span tasks, else the distinct `tuples` of training, sorted."""

    kind: str
    labels: dict[str, str] = field(default_factory=dict)
    lengths: dict[str, list[int]] = field(default_factory=dict)  # of the spans, longest first, by first character
    tuples: list[tuple[str, ...]] = field(default_factory=list)

    def predict(self, text: str) -> list[tuple[str, ...]]:
        """The extractions for a text, as field tuples."""
        if self.kind != "span":
            return [fields for fields in self.tuples if self._fits(fields, text)]
        found: list[tuple[str, ...]] = []
        at = 0
        while at < len(text):
            ends = (at + length for length in self.lengths.get(text[at], ()))
            end = next((end for end in ends if text[at:end] in self.labels and stands(text, at, end)), None)
            if end is None:
                at += 1
            else:
                found.append((self.labels[text[at:end]], text[at:end]))
                at = end
        return found

    def _fits(self, fields: tuple[str, ...], text: str) -> bool:
        parts = (fields[0], fields[2]) if self.kind == "relation" else fields
        return all(occurs(text, part) for part in parts if part)


def fit_words(extractions: Sequence[tuple[str, ...]], kind: str) -> Words:
    """The word level from all extractions of a cell's training examples."""
    if kind != "span":
        return Words(kind, tuples=sorted(set(extractions)))
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label, span in extractions:
        counts[span][label] += 1
    # Of labels that are equally common, the first in code point order.
    labels = {span: min(own, key=lambda label: (-own[label], label)) for span, own in counts.items()}
    lengths: dict[str, set[int]] = defaultdict(set)
    for span in labels:
        lengths[span[0]].add(len(span))
    return Words(kind, labels, {first: sorted(own, reverse=True) for first, own in lengths.items()})


def fit_text(texts: Sequence[str], labels: Sequence[str]) -> Pipeline | str:
    """The text level: a classifier, or the most common label where there is nothing to tell classes by."""
    if len(set(labels)) == 1 or not any(texts):
        counts = Counter(labels)
        return min(counts, key=lambda label: (-counts[label], label))
    features = TfidfVectorizer(analyzer="char", ngram_range=NGRAMS, sublinear_tf=True)
    model = make_pipeline(features, LogisticRegression(C=C, solver=SOLVER, max_iter=ITERATIONS))
    # One thread: sums are then taken in one order whatever the number of cores, and so little work is faster so.
    with threadpool_limits(1):
        return model.fit(texts, labels)


def _by_cell(examples: Sequence[Example]) -> dict[Key, list[Example]]:
    cells: dict[Key, list[Example]] = defaultdict(list)
    for example in sorted(examples, key=lambda example: str(example["id"])):
        cells[example["subset"], example["task"], example["lang"]].append(example)
    return cells


def _predict_cell(train: Sequence[Example], texts: Sequence[str], task: Task) -> list[str]:
    """The outputs for the texts of one cell."""
    if not train:
        labels, words = [""] * len(texts), Words(task.kind)
    else:
        read = [parse(example["output"], task) for example in train]
        model = fit_text([split_input(example["input"])[0] for example in train], [p.text_label or "" for p in read])
        labels = [model] * len(texts) if isinstance(model, str) else [str(label) for label in model.predict(texts)]
        words = fit_words([fields for parsed in read for fields in parsed.extractions], task.kind)
    return [
        f"{label}/{task.word}/{encode_list(words.predict(text), task.kind)}"
        for label, text in zip(labels, texts, strict=True)
    ]


def predict(train: Sequence[Example], test: Sequence[Example]) -> list[dict[str, Any]]:
    """One prediction for each test example, sorted by id."""
    known, result = _by_cell(train), []
    for key, examples in _by_cell(test).items():
        inputs = [split_input(example["input"]) for example in examples]
        outputs = _predict_cell(known.get(key, []), [text for text, _ in inputs], inputs[0][1])
        result += [
            {"id": example["id"], "output": output, "finished": True}
            for example, output in zip(examples, outputs, strict=True)
        ]
    return sorted(result, key=lambda item: str(item["id"]))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.scoring.linear_baseline", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True, nargs="+", metavar="FILE")
    parser.add_argument("--out", required=True, nargs="+", metavar="FILE", help="one for each file of --test")
    options = parser.parse_args(arguments)
    if len(options.test) != len(options.out):
        parser.error("give as many files for --test as for --out")
    train = read_checked(options.train, "example")
    for path, test in zip(options.out, [read_checked(path, "example") for path in options.test], strict=True):
        predictions = predict(train, test)
        write_checked(path, predictions, "prediction")
        print(f"{path}: {len(predictions)} predictions from {len(train)} training examples")


if __name__ == "__main__":
    run(main)
