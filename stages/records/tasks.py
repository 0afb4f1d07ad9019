"""The tasks and their labels, read from `schemas/labels/*.json`: a sub-dataset is data, not code.

A file there is a sub-dataset, of the paper or of one's own (schema `labels`). Each table holds the sub-dataset's tasks with their instruct words, and every label in every language, in one order, so
that a label's place in the list is what carries it from one language to another. TCONER's word labels are open: its
table has none, and the glossary stage translates each distinct one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import regex

from stages.core.errors import UserError
from stages.core.schema import read_checked_json


def _tables() -> Path:
    """`schemas/labels` beside the `stages` that this was imported by: where a project links to this code, its own tables."""
    own = Path(__file__).absolute().parents[2] / "schemas" / "labels"
    return own if own.is_dir() else Path(__file__).resolve().parents[2] / "schemas" / "labels"


LABELS = _tables()
LANGUAGES = LABELS / "languages"
# What a score is of: the text-level label, the word-level extractions, the whole record.
LEVELS = ("TL", "WL", "ALL")
Kind = Literal["span", "relation", "event"]
ROLES = ("subject", "trigger", "object", "time")


@dataclass(frozen=True)
class Form:
    """How extractions of a kind are written: the fields of the linear format in order, and which one is the label."""

    fields: tuple[str, ...]
    label: int | None

    @property
    def spans(self) -> tuple[int, ...]:
        """The places of the fields that are words of the text."""
        return tuple(n for n in range(len(self.fields)) if n != self.label)


FORMS: dict[Kind, Form] = {
    "span": Form(("label", "text"), 0),
    "relation": Form(("head", "label", "tail"), 1),
    "event": Form(ROLES, None),
}
# What no label may hold: the delimiters of the linear format and its escape.
DELIMITERS = frozenset(":;/\\\n\r")


@dataclass(frozen=True)
class Task:
    """One extraction task: `kind` is span (one span), relation (head and tail) or event (up to four roles)."""

    name: str
    kind: Kind
    word: str


@dataclass(frozen=True)
class Subset:
    """A sub-dataset. `text_labels[lang]` and `word_labels[task][lang]` are in one order over all languages.

    `word_labels[task]` is None where labels are open, and empty where extractions carry no label (events).
    """

    name: str
    languages: tuple[str, ...]
    source_lang: str
    tasks: dict[str, Task]
    text_labels: dict[str, tuple[str, ...]]
    word_labels: dict[str, dict[str, tuple[str, ...]] | None]

    def text_label(self, label: str, source: str, target: str) -> str:
        """The text-level label `label` of language `source`, in `target`; UserError where it is unknown."""
        return _across(self.text_labels, label, source, target, f"{self.name} text label")

    def word_label(self, task: str, label: str, source: str, target: str) -> str:
        """The same for a word-level label of a closed table."""
        table = self.word_labels[task]
        if table is None:
            raise UserError(f"{self.name}/{task}", "its labels are open", "translate them with the glossary")
        return _across(table, label, source, target, f"{self.name}/{task} label")


def _across(table: dict[str, tuple[str, ...]], label: str, source: str, target: str, what: str) -> str:
    for lang in (source, target):
        if lang not in table:
            raise UserError(
                what,
                f"unknown language {lang!r}",
                f"give it a table with this column: {LABELS.name}/{LANGUAGES.name}/{lang}.json",
            )
    try:
        return table[target][table[source].index(label)]
    except ValueError:
        raise UserError(what, f"unknown label {label!r}", f"one of {', '.join(table[source])}") from None


@cache
def languages() -> dict[str, dict[str, Any]]:
    """The tables of the languages that were added beside those of the label tables, by code (schema `language`)."""
    tables = {}
    for path in sorted(LANGUAGES.glob("*.json")):
        tables[path.stem] = read_checked_json(path, "language", "docs/architecture.md says how a language is added")
        if tables[path.stem]["language"] != path.stem:
            raise UserError(f"{path}: /language", "is not the file's name", "rename one of them")
        try:
            regex.compile(_class(tables[path.stem]))
        except regex.error as error:
            raise UserError(f"{path}: /script", f"has an unknown script: {error}", "use Unicode's names") from error
    return tables


def _class(table: dict[str, Any]) -> str:
    letters = "".join(rf"\p{{Script={script}}}" for script in table.get("script", []))
    return letters and f"[{letters}]"


def script_class(lang: str) -> str:
    """A regular expression for the letters of a language's scripts; "" where no table names them."""
    return _class(languages().get(lang, {}))


def _with_columns(name: str, raw: dict[str, Any]) -> dict[str, Any]:
    """A sub-dataset's table with the columns that the languages' own tables have for it."""
    for lang, table in languages().items():
        own = table["labels"].get(name)
        if own is None:
            continue
        places = [(raw["text_labels"], own["text_labels"], "text_labels")]
        for task, entry in raw["tasks"].items():
            if entry["labels"]:
                places.append((entry["labels"], own["tasks"].get(task, []), task))
        for columns, column, what in places:
            wanted = len(columns[raw["source_lang"]])
            if len(column) != wanted:
                place = f"{LANGUAGES / lang}.json: /labels/{name}: {what}"
                raise UserError(place, f"{len(column)} labels", f"{wanted} are needed, in the order of the others")
            columns[lang] = column
    return raw


def _load(name: str) -> Subset:
    path = LABELS / f"{name}.json"
    raw = _with_columns(name, read_checked_json(path, "labels", "docs/architecture.md says how a sub-dataset is added"))
    if raw["subset"] != name:
        raise UserError(f"{path}: /subset", f"is {raw['subset']!r}, not the file's name", "rename one of them")
    words: dict[str, dict[str, tuple[str, ...]] | None] = {}
    tasks = {}
    for task, entry in raw["tasks"].items():
        tasks[task] = Task(task, entry["kind"], entry["word"])
        labels = entry["labels"]
        words[task] = None if labels is None else {lang: tuple(row) for lang, row in labels.items()}
    return Subset(
        name=name,
        languages=tuple(raw["text_labels"]),
        source_lang=raw["source_lang"],
        tasks=tasks,
        text_labels={lang: tuple(row) for lang, row in raw["text_labels"].items()},
        word_labels=words,
    )


def _order(path: Path) -> tuple[float, str]:
    """Where a table stands among the others: by its `order`, those without one behind, by name."""
    found = re.search(rb'"order"\s*:\s*(\d+)', path.read_bytes())
    return (int(found[1]) if found else math.inf, path.stem)


# The order of the report, and the order in which prompts were published.
SUBSETS = tuple(path.stem for path in sorted(LABELS.glob("*.json"), key=_order))


@cache
def subsets() -> dict[str, Subset]:
    """All sub-datasets by name, in the order of `SUBSETS`."""
    return {name: _load(name) for name in SUBSETS}


def subset(name: str) -> Subset:
    """The sub-dataset of that name; UserError names the known ones."""
    try:
        return subsets()[name]
    except KeyError:
        raise UserError("subset", f"unknown sub-dataset {name!r}", f"one of {', '.join(SUBSETS)}") from None


def task_of(subset_name: str, task: str) -> Task:
    """The task of a sub-dataset; UserError names the known ones."""
    tasks = subset(subset_name).tasks
    if task not in tasks:
        raise UserError(subset_name, f"unknown task {task!r}", f"one of {', '.join(tasks)}")
    return tasks[task]


@cache
def by_word() -> dict[str, Task]:
    """Every task by its instruct word (without the slash); UserError where two tasks share one."""
    found: dict[str, Task] = {}
    for entry in subsets().values():
        for task in entry.tasks.values():
            if found.setdefault(task.word, task) != task:
                fault = f"instruct word {task.word!r} is that of another task, {found[task.word].name}"
                raise UserError(str(LABELS / f"{entry.name}.json"), fault, "give the task a word of its own")
    return found
