"""What JSON Schema cannot say of a record: ids agree with their fields, labels are in the table of their sub-dataset and

language, span counts and roles fit the task, spans stand where `start` says. Records are read and written through here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

from stages.core.schema import Fault, Rule, read_checked, write_checked
from stages.records.record import Record, sort_records
from stages.records.tasks import DELIMITERS, FORMS, ROLES, SUBSETS, Form, subset, subsets

ROLE_ORDERS = frozenset(some for count in range(1, len(ROLES) + 1) for some in combinations(ROLES, count))

# Of one sub-dataset, task, source and language: how many spans an extraction has (0: as many as roles), text labels, word
# labels (None: open), how an id begins and ends.
_Table = tuple[int, frozenset[str], frozenset[str] | None, str, str]


def _spans(form: Form) -> int:
    return 0 if form.label is None else len(form.spans)


@lru_cache(maxsize=1024)
def _table(name: str, task: str, source: str, lang: str) -> _Table | None:
    """None where there is no such table."""
    entry = subsets().get(name)
    if entry is None or task not in entry.word_labels or lang not in entry.text_labels:
        return None
    table = entry.word_labels[task]
    words = None if table is None else frozenset(table.get(lang, ()))
    row = frozenset(entry.text_labels[lang])
    return _spans(FORMS[entry.tasks[task].kind]), row, words, f"{name}/{task}/{source}/", f"/{lang}"


def record_faults(record: Record) -> list[Fault]:
    """What is wrong with a record that its schema accepts: ids, labels, spans.

    Every record passes through here, so the common case builds nothing: pointers and messages are made for faults alone.
    """
    name, task, lang, text = record["subset"], record["task"], record["lang"], record["text"]
    table = _table(name, task, record["source"], lang)
    if table is None:
        return [_no_table(name, task, lang)]
    count, text_labels, word_labels, first, last = table
    identifier, label = record["id"], record["text_label"]
    found: list[Fault] = []
    if not (identifier.startswith(first) and identifier.endswith(last)):
        found.append(("/id", f"{identifier!r} does not read {first}…{last}"))
    if (label is None) != (record["text_label_origin"] is None):
        found.append(("/text_label_origin", "text_label and text_label_origin are null together or not at all"))
    if label is not None and label not in text_labels:
        found.append(("/text_label", f"unknown label {label!r}: one of {_row(name, lang)}"))
    for n, extraction in enumerate(record["extractions"]):
        spans, label = extraction["spans"], extraction["label"]
        if not count:
            if label is not None:
                found.append((f"/extractions/{n}/label", "an event's label is null"))
            if tuple([span.get("role") for span in spans]) not in ROLE_ORDERS:
                said = f"an event's roles are {', '.join(ROLES)}, in this order, each at most once"
                found.append((f"/extractions/{n}/spans", said))
        else:
            if len(spans) != count:
                found.append((f"/extractions/{n}/spans", f"{len(spans)} spans, a {_kind(name, task)} task has {count}"))
            if label is None:
                found.append((f"/extractions/{n}/label", "label is null, only an event's is"))
            elif word_labels is None:
                if not DELIMITERS.isdisjoint(label):
                    said = f"label {label!r} holds a delimiter of the linear format"
                    found.append((f"/extractions/{n}/label", said))
            elif label not in word_labels:
                said = f"unknown label {label!r}: one of {_row(name, lang, task)}"
                found.append((f"/extractions/{n}/label", said))
        for k, span in enumerate(spans):
            start, part = span["start"], span["text"]
            if type(start) is int:
                if not text.startswith(part, start):
                    said = f"the text has {text[start : start + len(part)]!r} at {start}, not {part!r}"
                    found.append((f"/extractions/{n}/spans/{k}/start", said))
            elif start is not None:  # 3.0 is an integer to JSON Schema, and no index to Python
                said = f"{start!r} is no whole number: write it without a fraction or exponent"
                found.append((f"/extractions/{n}/spans/{k}/start", said))
            if count and "role" in span:
                found.append((f"/extractions/{n}/spans/{k}/role", "only events have roles"))
    return found


def _no_table(name: str, task: str, lang: str) -> Fault:
    if name not in SUBSETS:
        return "/subset", f"unknown sub-dataset {name!r}: one of {', '.join(SUBSETS)}"
    entry = subset(name)
    if task not in entry.tasks:
        return "/task", f"{task!r} is no task of {name}: one of {', '.join(entry.tasks)}"
    return "/lang", f"unknown language {lang!r} of {name}: one of {', '.join(entry.languages)}"


def _row(name: str, lang: str, task: str | None = None) -> str:
    entry = subset(name)
    table = entry.text_labels if task is None else entry.word_labels[task]
    return ", ".join((table or {}).get(lang, ()))


def _kind(name: str, task: str) -> str:
    return subset(name).tasks[task].kind


def carried_faults(value: dict[str, Any]) -> Sequence[Fault]:
    """The faults of the record inside a translation."""
    record = value["record"]
    return () if record is None else [("/record" + pointer, message) for pointer, message in record_faults(record)]


def read_records(path: str | Path) -> list[Record]:
    """The records of a JSONL file."""
    return read_checked(path, "record", record_faults)


def write_records(path: str | Path, records: Iterable[Record]) -> None:
    """Writes records sorted by id, in canonical form."""
    write_checked(path, sort_records(records), "record", record_faults)


RULES: dict[str, Rule] = {"record": record_faults, "translation": carried_faults}
