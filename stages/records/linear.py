"""The linear format: what the model reads and writes.

Input `{text}/{instruct word}`, the text untouched. Output `{text label}/{instruct word}/{list}`, where the list is
`:{label};{span}` for each span, or `:{head};{label};{tail}` for each relation and `:{subject};{trigger};{object};{time}`
for each event, these two closed by one more `:`. A record without extractions ends after the last `/`.
The form is that of the published model card, e.g. `Literature/NER/:Person;Marlon Brando:Product Name;On the Waterfront`.

In the output only, a backslash escapes `:` and `;` inside a field, and itself where it would otherwise be read as an
escape (before `:`, `;` or a backslash, and at the end of a field). A record without these characters is byte for byte
in the paper's form. `dialect="paper"` reads without escapes, and takes the forerunner's `:無い;` for an empty list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from stages.core.errors import UserError
from stages.records.record import Record, fields_of
from stages.records.tasks import FORMS, Kind, Task, by_word, task_of

Dialect = Literal["mmm", "paper"]
View = Literal["joint", "text", "words", "text_given", "words_given"]
VIEWS: tuple[View, ...] = ("joint", "text", "words", "text_given", "words_given")

_ESCAPED = re.compile(r"\\([:;\\])")
_NEEDS_ESCAPE = re.compile(r"[:;]|\\(?=[:;\\]|\Z)")
# A field ends at an unescaped delimiter. `(?s:.)` lets a line break stand in a field.
_TOKEN = re.compile(r"\\[:;\\]|[:;]")


@dataclass(slots=True)
class Parsed:
    """What an output says. `extractions` are field tuples in the order of the format (see `record.fields_of`);

    `defects` are kinds from: missing_instruct_word, wrong_instruct_word, missing_list, list_start, field_count,
    empty_field, not_closed, trailing_delimiter. A missing label is None and no defect here: not every view has one, so
    those who asked for it count `missing_text_label`.
    """

    text_label: str | None
    extractions: list[tuple[str, ...]] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)


def escape(value: str) -> str:
    """A field as it stands in an output."""
    return _NEEDS_ESCAPE.sub(lambda match: "\\" + match.group(), value)


def unescape(value: str) -> str:
    """The inverse of `escape`; any string is accepted."""
    return _ESCAPED.sub(r"\1", value)


def encode_list(extractions: list[tuple[str, ...]], kind: str) -> str:
    """The list part of an output from field tuples."""
    parts = "".join(":" + ";".join(map(escape, fields)) for fields in extractions)
    return parts + ":" if parts and kind != "span" else parts


def encode_input(text: str, task: Task) -> str:
    """The model's input for a text."""
    return f"{text}/{task.word}"


def split_input(value: str) -> tuple[str, Task]:
    """The text and the task of an input: the last `/` before a known instruct word ends the text."""
    text, slash, word = value.rpartition("/")
    if not slash or word not in by_word():
        raise UserError("input", f"ends in no known instruct word: …{value[-30:]!r}", "one of " + ", ".join(by_word()))
    return text, by_word()[word]


def encode(record: Record, view: View = "joint") -> tuple[str, str]:
    """The record as (input, output).

    Views: `joint` asks for both levels, `text` and `words` for one; `text_given` puts the gold text label into the
    input (`{text}/{label}/{word}`) and asks for the words, `words_given` puts the gold list there and asks for the label.
    """
    task = task_of(record["subset"], record["task"])
    label = record["text_label"] or ""
    if "/" in label:
        raise UserError(record["id"], f"text label {label!r} holds a slash", "rename the label")
    items = encode_list([fields_of(item, task) for item in record["extractions"]], task.kind)
    text = record["text"]
    if view == "text_given":
        text = f"{text}/{label}"
    elif view == "words_given":
        text = f"{text}/{items}"
    asks_label, asks_words = view in ("joint", "text", "words_given"), view in ("joint", "words", "text_given")
    output = f"{label if asks_label else ''}/{task.word}/{items if asks_words else ''}"
    return encode_input(text, task), output


def parse(output: str, task: Task, dialect: Dialect = "mmm") -> Parsed:
    """What an output says, for any string whatever: nothing is raised, every defect is reported by its kind."""
    return Parsed(*parse_parts(output, task, dialect))


def parse_parts(
    output: str, task: Task, dialect: Dialect = "mmm"
) -> tuple[str | None, list[tuple[str, ...]], list[str]]:
    """The fields of `parse` as a plain tuple: for the scorer, which would make an object for each record only to unpack it."""
    label, *rest = output.split("/", 2)
    if not rest:  # with a delimiter it is no label, but a list without its head
        return (None if ":" in label or ";" in label else label or None), [], ["missing_instruct_word"]
    extractions: list[tuple[str, ...]] = []
    defects = [] if rest[0] == task.word else ["wrong_instruct_word"]
    if len(rest) == 1:
        defects.append("missing_list")
    elif rest[1]:
        _parse_list(rest[1], task.kind, dialect, extractions, defects)
    return label or None, extractions, defects


def _parse_list(
    items: str, kind: Kind, dialect: Dialect, extractions: list[tuple[str, ...]], defects: list[str]
) -> None:
    escaped = dialect == "mmm" and "\\" in items
    entries = _split(items, ":") if escaped else items.split(":")
    if entries[0]:
        defects.append("list_start")
    closed = len(entries) > 1 and not entries[-1]
    if closed:
        entries.pop()
    if closed == (kind == "span"):
        defects.append("trailing_delimiter" if closed else "not_closed")
    del entries[0]
    if dialect == "paper":
        entries = [entry for entry in entries if entry != "無い;"]
    width, event = len(FORMS[kind].fields), kind == "event"
    for entry in entries:
        fields = tuple(map(unescape, _split(entry, ";"))) if escaped and "\\" in entry else tuple(entry.split(";"))
        if len(fields) != width:
            defects.append("field_count")
        elif "" in fields and not (event and any(fields)):
            defects.append("empty_field")
        else:
            extractions.append(fields)


def _split(value: str, delimiter: str) -> list[str]:
    """`value.split(delimiter)`, but not where it is escaped; the parts are still escaped."""
    pieces, start = [], 0
    for match in _TOKEN.finditer(value):
        if match.group() == delimiter:
            pieces.append(value[start : match.start()])
            start = match.end()
    pieces.append(value[start:])
    return pieces
