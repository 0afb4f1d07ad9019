"""What a user would pick instead: any classifier of tokens and of texts in Hugging Face's form, or GLiNER, as a system.

    python -m stages.scoring.encoder_baseline --test data/mix/test.jsonl --out data/predictions/encoder.jsonl \\
        --words path:models/my-ner --text path:models/my-topics --labels my-labels.yaml
    python -m stages.scoring.encoder_baseline --test data/mix/test.jsonl --out data/predictions/gliner.jsonl \\
        --gliner hf:urchade/gliner_multi-v2.1@REVISION --train data/mix/train.jsonl

Predictions are in the form of every system's, and `python -m stages.scoring.evaluate` scores them by the same rules. A level that no
model is given for, and the extractions of relations and events, which no span classifier has, stay empty and count as missed:
read the cells that the model was made for. A label of a model is one of the record's language as it is, or what `--labels`
makes of it, a YAML of `text` and `words`, each {label of the model: label of a table in any language}; others are left out
and counted. docs/baselines.md tells more. Weights are safetensors; code of a repository is never run.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stages.core import config
from stages.core.errors import UserError
from stages.core.run import run
from stages.core.schema import read_checked, write_checked
from stages.records.linear import encode_list, parse, split_input
from stages.records.tasks import Subset, Task, subset

# How tags of tokens become spans. simple: as the tags stand, right where words have no spaces; first, average and max: whole words.
AGGREGATIONS = ("simple", "first", "average", "max")
Aggregation = Literal["simple", "first", "average", "max"]
Spans = list[tuple[str, str]]  # (label of the model, words of the text)
HUB = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})")
STRIDE = 32  # tokens that two windows of a long text share
BATCH = 16
OPEN = 25  # types that GLiNER is asked for where labels are open: the most common ones of training
THRESHOLD = 0.5  # GLiNER's own default


@dataclass(frozen=True)
class Labels:
    """File `--labels`."""

    text: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


def source(given: str) -> dict[str, Any]:
    """What `from_pretrained` takes for `path:<folder>` or `hf:<repo>@<commit>`.

    Raises:
        UserError: neither, no such folder, or no full commit hash.
    """
    if match := HUB.fullmatch(given):
        return {"pretrained_model_name_or_path": match["repo"], "revision": match["commit"]}
    kind, _, folder = given.partition(":")
    if kind == "path" and Path(folder).is_dir():
        return {"pretrained_model_name_or_path": folder, "local_files_only": True}
    fault = "is not pinned" if kind == "hf" else "no such folder" if kind == "path" else "cannot be read"
    raise UserError(given, fault, "write path:<folder> or hf:OWNER/MODEL@REVISION")


def classifier(
    given: str, kind: Literal["token-classification", "text-classification"], aggregation: Aggregation = "simple"
) -> Any:
    """A pipeline of transformers; `aggregation` is its `aggregation_strategy`.

    Raises:
        UserError: it is no classifier of that kind, or cannot be loaded.
    """
    from transformers import (
        AutoModelForSequenceClassification,
        AutoModelForTokenClassification,
        AutoTokenizer,
        pipeline,
    )

    tokens = kind == "token-classification"
    loader: Any = AutoModelForTokenClassification if tokens else AutoModelForSequenceClassification
    try:
        model = loader.from_pretrained(**source(given), use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(**source(given))
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise UserError(given, f"not loaded: {said}", "check the folder, the network, and HF_TOKEN if gated") from error
    if tokens and not tokenizer.is_fast:
        raise UserError(
            given, "its tokenizer does not say where a token stands", "choose a model with a fast tokenizer"
        )
    longest = getattr(model.config, "max_position_embeddings", None)
    if longest:
        tokenizer.model_max_length = min(tokenizer.model_max_length, longest)
    if not tokens:
        return pipeline(kind, model=model, tokenizer=tokenizer, truncation=True, batch_size=BATCH)
    stride = min(STRIDE, tokenizer.model_max_length // 4)
    return pipeline(
        kind, model=model, tokenizer=tokenizer, aggregation_strategy=aggregation, stride=stride, batch_size=BATCH
    )


def spans_of(text: str, found: Iterable[Mapping[str, Any]]) -> Spans:
    """A pipeline's answer as spans of the text, in its order, spaces at their ends left out."""
    spans = ((str(item["entity_group"]), text[item["start"] : item["end"]].strip()) for item in found)
    return [(label, span) for label, span in spans if span]


def in_language(label: str, tables: Mapping[str, Sequence[str]], lang: str, names: Mapping[str, str]) -> str | None:
    """The label of a table that a model's label stands for, in `lang`; None if there is none."""
    wanted = names.get(label, label)
    if wanted in tables[lang]:
        return wanted
    return next((tables[lang][row.index(wanted)] for row in tables.values() if wanted in row), None)


@dataclass
class System:
    """Who answers: a function from texts to top labels, and one from texts and the types to look for to spans."""

    names: Labels
    text: Callable[[list[str]], list[str]] | None
    words: Callable[[list[str], Sequence[str]], list[Spans]] | None
    open_labels: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    def predict(self, examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """One prediction an example, sorted by id."""
        cells: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
        for example in examples:
            cells.setdefault((example["subset"], example["task"], example["lang"]), []).append(example)
        result = []
        for (name, task_name, lang), own in sorted(cells.items()):
            entry, (_, task) = subset(name), split_input(own[0]["input"])
            texts = [split_input(example["input"])[0] for example in own]
            labels = self._labels(entry, lang, texts)
            words = self._words(entry, task, lang, texts, self.open_labels.get((name, task_name, lang), []))
            for example, label, items in zip(own, labels, words, strict=True):
                output = f"{label}/{task.word}/{encode_list(items, task.kind)}"
                result.append({"id": example["id"], "output": output, "finished": True})
        return sorted(result, key=lambda item: str(item["id"]))

    def _labels(self, entry: Subset, lang: str, texts: list[str]) -> list[str]:
        if self.text is None:
            return [""] * len(texts)
        found = [(label, in_language(label, entry.text_labels, lang, self.names.text)) for label in self.text(texts)]
        self.left_out.update(label for label, known in found if known is None)
        return [known or "" for _, known in found]

    def _words(
        self, entry: Subset, task: Task, lang: str, texts: list[str], common: Sequence[str]
    ) -> list[list[tuple[str, ...]]]:
        table = entry.word_labels[task.name]
        types = common if table is None else table[lang] if task.kind == "span" else ()
        if self.words is None or task.kind != "span":
            return [[] for _ in texts]
        result: list[list[tuple[str, ...]]] = []
        for spans in self.words(texts, types):
            items: list[tuple[str, ...]] = []
            for label, span in spans:
                known = self.names.words.get(label, label) if table is None else None
                known = known if table is None else in_language(label, table, lang, self.names.words)
                if known is None:
                    self.left_out[label] += 1
                else:
                    items.append((known, span))
            result.append(items)
        return result


def by_pipelines(words: str | None, text: str | None, names: Labels, aggregation: Aggregation = "simple") -> System:
    """A system of one or two classifiers."""
    tokens = None if words is None else classifier(words, "token-classification", aggregation)
    whole = None if text is None else classifier(text, "text-classification")
    return System(
        names,
        whole and (lambda texts: [str(item["label"]) for item in whole(texts)]),
        tokens and (lambda texts, _: [spans_of(one, found) for one, found in zip(texts, tokens(texts), strict=True)]),
    )


def by_gliner(given: str, text: str | None, names: Labels, train: Sequence[Mapping[str, Any]]) -> System:
    """GLiNER, asked for the labels of a table in the record's language, or where they are open for the most common of training.

    Raises:
        UserError: the package is not installed, or the model cannot be loaded.
    """
    where = source(given)
    if importlib.util.find_spec("gliner") is None:
        raise UserError("--gliner", "gliner is not installed", "`pip install gliner`, an optional extra")
    from gliner import GLiNER

    try:
        model = GLiNER.from_pretrained(where.pop("pretrained_model_name_or_path"), **where)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise UserError(given, f"not loaded: {said}", "check the folder or the network") from error

    def words(texts: list[str], types: Sequence[str]) -> list[Spans]:
        if not types:
            return [[] for _ in texts]
        found = [(one, model.predict_entities(one, list(types), threshold=THRESHOLD)) for one in texts]
        return [[(item["label"], one[item["start"] : item["end"]]) for item in own] for one, own in found]

    system = by_pipelines(None, text, names)
    system.words, system.open_labels = words, common_labels(train)
    return system


def common_labels(train: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str, str], list[str]]:
    """The most common word labels of training, by cell, where a table has none."""
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for example in train:
        task = split_input(example["input"])[1]
        if task.kind == "span" and subset(example["subset"]).word_labels[task.name] is None:
            own = counts.setdefault((example["subset"], example["task"], example["lang"]), Counter())
            own.update(label for label, _ in parse(example["output"], task).extractions)
    return {cell: sorted(own, key=lambda label: (-own[label], label))[:OPEN] for cell, own in counts.items()}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.scoring.encoder_baseline", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--test", required=True, help="examples of the mix")
    parser.add_argument("--out", required=True, help="where the predictions go")
    parser.add_argument("--words", metavar="MODEL", help="classifies tokens: path:<folder> or hf:<repo>@<commit>")
    parser.add_argument("--aggregation", choices=AGGREGATIONS, default="simple", help="of its tags into spans")
    parser.add_argument("--text", metavar="MODEL", help="classifies texts")
    parser.add_argument("--gliner", metavar="MODEL", help="in place of --words")
    parser.add_argument("--labels", metavar="FILE", help="YAML: what the models' labels are called here")
    parser.add_argument("--train", metavar="FILE", help="whose open labels GLiNER is asked for")
    given = parser.parse_args(arguments)
    if (given.words and given.gliner) or not (given.words or given.gliner or given.text):
        parser.error("give --words or --gliner, --text, or one of the former and --text")
    names = Labels()
    if given.labels:
        if not Path(given.labels).is_file():
            raise UserError(given.labels, "no such file", "a YAML of `text` and `words`")
        value = config.parse_yaml(Path(given.labels).read_text(encoding="utf-8"), given.labels)
        names = config.build(value, Labels, given.labels)
    test = read_checked(given.test, "example")
    if given.gliner:
        train = read_checked(given.train, "example") if given.train else []
        system = by_gliner(given.gliner, given.text, names, train)
    else:
        system = by_pipelines(given.words, given.text, names, given.aggregation)
    predictions = system.predict(test)
    write_checked(given.out, predictions, "prediction")
    print(f"{given.out}: {len(predictions)} predictions")
    if system.left_out:
        told = ", ".join(f"{label} {count}" for label, count in system.left_out.most_common())
        print(f"left out, in no table and not in --labels: {told}")


if __name__ == "__main__":
    run(main)
