"""Every format of an export in one table: how it is written and read back, and what it cannot carry.

`FORMATS[name].write(records, path)` writes records of one task and language; `read(path, record)` gives, for each record in
order, what another tool finds there: text, class, extractions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from stages.core.files import iter_jsonl, replacing
from stages.exports import docbin, json_forms
from stages.exports.iob import bilou, iob2, lines
from stages.records.linear import parse, split_input
from stages.records.record import Extraction, Record, from_fields, locate
from stages.records.tasks import ROLES, task_of
from stages.sources import conll, doccano, gliner, label_studio, pile
from stages.sources.common import Source
from stages.sources.rows import Account, Documents, extraction, labelled

FEATURES = ("text", "nested", "discontinuous", "relations", "events", "text label", "offsets", "roles")


class Back(NamedTuple):
    """What a file says of one record."""

    text: str
    text_label: str | None
    extractions: list[Extraction]


@dataclass(frozen=True)
class Format:
    """One format; `cannot` is of `FEATURES`, `kinds` the kinds of task that it takes at all."""

    suffix: str
    says: str
    cannot: tuple[str, ...]
    kinds: tuple[str, ...]
    write: Callable[[Sequence[Record], Path], None]
    read: Callable[[Path, Record], Iterator[Back]]


def _text(path: Path, content: str) -> None:
    with replacing(path) as file:
        file.write(content.encode())


def _columns(tag: Callable[[str, int, int], str], comments: bool = True) -> Callable[[Sequence[Record], Path], None]:
    return lambda records, path: _text(path, "\n".join(lines(records, tag, comments)) + "\n")


def _rows(make: Callable[[Record], Any]) -> Callable[[Sequence[Record], Path], None]:
    return lambda records, path: _text(path, json_forms.rows(records, make))


def _list(make: Callable[[Record], Any]) -> Callable[[Sequence[Record], Path], None]:
    def write(records: Sequence[Record], path: Path) -> None:
        with replacing(path) as file:
            file.write(orjson.dumps([make(record) for record in records], option=orjson.OPT_INDENT_2) + b"\n")

    return write


def _adapter(documents: Documents) -> Callable[[Path, Record], Iterator[Back]]:
    """Reads by an adapter of `sources`."""

    def read(path: Path, record: Record) -> Iterator[Back]:
        account, kind = Account(), json_forms.kind_of(record)
        source = Source("back", "jsonl", str(path), None, None, lang=record["lang"])
        for document in documents(source, path, account):
            found = [extraction(label, mentions) for label, mentions in labelled(document, kind, account)]
            yield Back(document.text, document.text_label, found)

    return read


def _docbin(path: Path, record: Record) -> Iterator[Back]:
    for text, label, spans in docbin.read(path):
        yield Back(text, label, [{"label": kind, "spans": [{"text": t, "start": at}]} for kind, t, at in spans])


def _located(text: str, kind: str, extractions: Sequence[Extraction]) -> list[Extraction]:
    """The extractions at the places that a reader without offsets gives them; a nested one at its first."""
    found = locate(text, kind, extractions)
    for span in (span for item in found for span in item["spans"] if span["start"] is None):
        if (start := text.find(span["text"])) >= 0:
            span["start"] = start
    return found


def _iepile(path: Path, record: Record) -> Iterator[Back]:
    kind = json_forms.kind_of(record)
    for row in iter_jsonl(path):
        text, output = orjson.loads(row["instruction"])["input"], orjson.loads(row["output"])
        found = list[Extraction]()
        for label, items in output.items():
            for item in items:
                if kind == "span":
                    found.append({"label": label, "spans": [{"text": item, "start": None}]})
                elif kind == "relation":
                    ends = [{"text": item[end], "start": None} for end in ("head", "tail")]
                    found.append({"label": label, "spans": ends})
                else:
                    words = {"trigger": item["trigger"], **item["arguments"]}
                    roles = [role for role in ROLES if words.get(role, "NAN") != "NAN"]
                    spans = [{"text": words[role], "start": None, "role": role} for role in roles]
                    found.append({"label": None, "spans": spans})
        yield Back(text, None, _located(text, kind, found))


def _linear(path: Path, record: Record) -> Iterator[Back]:
    for row in orjson.loads(path.read_bytes()):
        text, task = split_input(row["input"])
        parsed = parse(row["output"], task_of(record["subset"], record["task"]))
        found = _located(text, task.kind, [from_fields(fields, task) for fields in parsed.extractions])
        yield Back(text, parsed.text_label, found)


def _write_parquet(records: Sequence[Record], path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    text = pyarrow.string()
    span = pyarrow.struct([("text", text), ("start", pyarrow.int64()), ("role", text)])
    item = pyarrow.struct([("label", text), ("spans", pyarrow.list_(span))])
    names = [name for name in records[0] if name != "extractions"]
    schema = pyarrow.schema([*((name, text) for name in names), ("extractions", pyarrow.list_(item))])
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(records), schema=schema), path)


def _parquet(path: Path, record: Record) -> Iterator[Back]:
    import pyarrow.parquet

    for row in pyarrow.parquet.read_table(path).to_pylist():
        for item in row["extractions"]:
            item["spans"] = [
                {key: value for key, value in span.items() if key != "role" or value is not None}
                for span in item["spans"]
            ]
        yield Back(row["text"], row["text_label"], row["extractions"])


SPAN, ENDS, ALL = ("span",), ("span", "relation"), ("span", "relation", "event")
NOT_HERE = ("relations", "events", "roles")
FORMATS: dict[str, Format] = {
    "parquet": Format("parquet", "Hugging Face datasets", ("discontinuous",), ALL, _write_parquet, _parquet),
    "conll": Format(
        "conll",
        "CoNLL columns, IOB2, with comments",
        ("nested", "discontinuous", *NOT_HERE, "text label"),
        SPAN,
        _columns(iob2),
        _adapter(conll.documents),
    ),
    "bilou": Format(
        "bilou",
        "CoNLL columns, BILOU, with comments",
        ("nested", "discontinuous", *NOT_HERE, "text label"),
        SPAN,
        _columns(bilou),
        _adapter(conll.documents),
    ),
    "conll2003": Format(
        "conll",
        "CoNLL columns, IOB2, nothing but tokens and tags",
        ("text", "nested", "discontinuous", *NOT_HERE, "text label", "offsets"),
        SPAN,
        _columns(iob2, comments=False),
        _adapter(conll.documents),
    ),
    "gliner": Format(
        "jsonl",
        "GLiNER training data",
        ("discontinuous", *NOT_HERE, "text label"),
        SPAN,
        _rows(json_forms.gliner),
        _adapter(gliner.documents),
    ),
    "docbin": Format("spacy", "spaCy DocBin", ("discontinuous", *NOT_HERE), SPAN, docbin.write, _docbin),
    "label_studio": Format(
        "json",
        "Label Studio tasks",
        ("discontinuous", "events", "roles"),
        ENDS,
        _list(json_forms.label_studio),
        _adapter(label_studio.documents),
    ),
    "doccano": Format(
        "jsonl",
        "doccano, sequence labelling with relations",
        ("discontinuous", "events", "roles"),
        ENDS,
        _rows(json_forms.doccano),
        _adapter(doccano.documents),
    ),
    "universal_ner": Format(
        "jsonl",
        "UniversalNER conversations",
        ("discontinuous", *NOT_HERE, "text label", "offsets"),
        SPAN,
        _rows(json_forms.universal_ner),
        _adapter(pile.documents),
    ),
    "iepile": Format(
        "jsonl",
        "IEPile instructions",
        ("discontinuous", "text label", "offsets"),
        ALL,
        _rows(json_forms.iepile),
        _iepile,
    ),
    "linear": Format(
        "json", "the paper's linear format", ("discontinuous", "offsets"), ALL, _list(json_forms.linear), _linear
    ),
}
