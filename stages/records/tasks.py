"""The tasks and their labels, read from `schemas/labels/*.json`: a sub-dataset is data, not code.

Each table holds the sub-dataset's tasks with their instruct words, and every label in every language, in one order, so
that a label's place in the list is what carries it from one language to another. TCONER's word labels are open: its
table has none, and the glossary stage translates each distinct one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from stages.core.errors import UserError
from stages.core.files import read_json

LABELS = Path(__file__).resolve().parents[2] / "schemas" / "labels"
# The order of the report, and the order in which prompts were published.
SUBSETS = ("SCNM", "SCPOS-RW", "SCPOS-ADJN", "SCPOS-ADJ", "SCPOS-N", "TCREE", "TCONER")
Kind = Literal["span", "relation", "event"]
ROLES = ("subject", "trigger", "object", "time")
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
            raise UserError(what, f"unknown language {lang!r}", f"add a column to the table in {LABELS.name}/")
    try:
        return table[target][table[source].index(label)]
    except ValueError:
        raise UserError(what, f"unknown label {label!r}", f"one of {', '.join(table[source])}") from None


def _load(name: str) -> Subset:
    raw = read_json(LABELS / f"{name}.json")
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
    """Every task by its instruct word (without the slash)."""
    return {task.word: task for entry in subsets().values() for task in entry.tasks.values()}
