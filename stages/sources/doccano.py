"""doccano's JSONL exports, of sequence labelling, of relations and of text classes; and spaCy's old triples.

A row is `{"id", "text", "label": [[start, end, label], …]}` (also `labels`, or `entities`), or with relations `{"text", "entities":
[{"id", "label", "start_offset", "end_offset"}], "relations": [{"from_id", "to_id", "type"}]}`; `label: ["class"]` or `cats` (a
list, or spaCy's `{"class": 1.0}`) is the text's class. Offsets count code points, as doccano does. A row gives entities or, under
`task: RE`, relations.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.records.record import Record
from stages.sources.common import Source
from stages.sources.rows import Account, Document, listed, placed, rows
from stages.sources.rows import records as read

FORM = 'the form is {"text", "label": [[start, end, label]]}, or {"text", "entities", "relations"}'


def _annotations(row: dict[str, Any]) -> list[Any]:
    return [item for key in ("label", "labels", "entities") if isinstance(row.get(key), list) for item in row[key]]


def documents(source: Source, path: Path, account: Account) -> Iterator[Document]:
    """One document a row."""
    for place, row in rows(path, account):
        given: dict[str, Any] = row if isinstance(row, dict) else {}
        text = given.get("text", given.get("data"))
        if not isinstance(text, str):
            account.lose("rows", "wrong_shape")
            continue
        document, ids = Document(place, text, given.get("id")), dict[str, int]()
        for item in _annotations(given):
            match item:
                case str(label):
                    document.classify(label, account)
                    continue
                case [start, end, label]:
                    identity = None
                case {"start_offset": start, "end_offset": end, "label": label}:
                    identity = item.get("id")
                case _:
                    start, end, label, identity = None, None, "?", None
            if (mention := placed(text, label, start, end, None, account)) is not None:
                ids[str(identity)] = len(document.mentions)
                document.mentions.append(mention)
        cats = given.get("cats")
        if isinstance(cats, dict):  # spaCy's: how far each class holds
            cats = [label for label, held in cats.items() if isinstance(held, int | float) and held >= 0.5]
        for label in listed(cats):
            document.classify(label, account)
        for relation in listed(given.get("relations")):
            match relation:
                case {"from_id": head, "to_id": tail, "type": label}:
                    document.relate(ids.get(str(head)), label, ids.get(str(tail)), account)
                case _:
                    document.relate(None, "", None, account)
        yield document


def records(source: Source) -> list[Record]:
    """One record a row."""
    return read(source, documents, FORM, name="TCREE" if source.task == "RE" else "TCONER")
