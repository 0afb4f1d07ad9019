"""Label Studio's JSON export of texts: a list of tasks, each with its annotations.

A task is `{"id", "data": {"text"}, "annotations": [{"result": [{"id", "type": "labels", "value": {"start", "end", "text",
"labels"}}, {"type": "choices", "value": {"choices"}}, {"type": "relation", "from_id", "to_id", "labels"}], "was_cancelled"}]}`.
The first annotation that was not cancelled counts; further ones are counted as aside, as are tasks without any. The text is
`data.text`, or the only string of `data`. Offsets count code points, and are checked against the words beside them; exports of
versions before 2021's end count UTF-16 units, which are taken where only so the words stand there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.records.record import Record
from stages.sources.common import Source
from stages.sources.rows import Account, Document, listed, placed, rows
from stages.sources.rows import records as read

FORM = 'the form is [{"data": {"text"}, "annotations": [{"result": [{"type", "value"}]}]}], the export named JSON'


def _text(data: Any) -> str | None:
    if not isinstance(data, dict):
        return None
    texts = [value for value in data.values() if isinstance(value, str)]
    found = data.get("text", texts[0] if len(texts) == 1 else None)
    return found if isinstance(found, str) else None


def _read(document: Document, results: list[Any], account: Account) -> None:
    """Adds what one annotation says of a text."""
    ids = dict[str, int]()
    spans = ("labels", "hypertextlabels")
    for item in (item for item in results if isinstance(item, dict)):
        value: dict[str, Any] = item["value"] if isinstance(item.get("value"), dict) else {}
        if item.get("type") in spans:
            for label in listed(value.get(item["type"], value.get("labels"))) or [None]:
                start, end, said = value.get("start"), value.get("end"), value.get("text")
                mention = placed(document.text, label, start, end, said, account, utf16=True)
                if mention is not None:
                    ids.setdefault(str(item.get("id")), len(document.mentions))
                    document.mentions.append(mention)
        elif item.get("type") == "choices":
            for choice in listed(value.get("choices")):
                document.classify(choice, account)
        elif item.get("type") != "relation":
            account.aside[f"results of type {item.get('type')}"] += 1
    for item in (item for item in results if isinstance(item, dict) and item.get("type") == "relation"):
        head, tail = ids.get(str(item.get("from_id"))), ids.get(str(item.get("to_id")))
        for label in listed(item.get("labels")) or [None]:
            document.relate(head, label, tail, account)


def documents(source: Source, path: Path, account: Account) -> Iterator[Document]:
    """One document a task that somebody annotated."""
    for place, row in rows(path, account):
        given: dict[str, Any] = row if isinstance(row, dict) else {}
        text, annotations = _text(given.get("data")), given.get("annotations", given.get("completions"))
        if text is None or not isinstance(annotations, list):
            account.lose("rows", "wrong_shape")
            continue
        sound = [a for a in annotations if isinstance(a, dict) and not a.get("was_cancelled")]
        account.aside["further annotations of a task"] += max(0, len(sound) - 1)
        if not sound:
            account.aside["tasks without annotation"] += 1
            continue
        document = Document(place, text, given.get("id"))
        _read(document, listed(sound[0].get("result")), account)
        yield document


def records(source: Source) -> list[Record]:
    """One record a task."""
    return read(source, documents, FORM, name="TCREE" if source.task == "RE" else "TCONER")
