"""Prodigy's JSONL (`prodigy db-out`): spans by offsets, relations, and the annotator's verdict.

A row is `{"text", "spans": [{"start", "end", "label"}], "relations": [{"head_span", "child_span", "label"}], "accept": ["class"],
"answer": "accept"}`; without spans, the class may stand as `label`. Only accepted rows are taken (a row without `answer` counts as such); rejected and ignored ones are counted
as aside. Offsets count code points, as in Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.records.record import Record
from stages.sources.common import Source
from stages.sources.rows import Account, Document, listed, placed, rows
from stages.sources.rows import records as read

FORM = 'the form is {"text", "spans": [{"start", "end", "label"}], "answer"}'


def documents(source: Source, path: Path, account: Account) -> Iterator[Document]:
    """One document an accepted row."""
    for place, row in rows(path, account):
        match row:
            case {"text": str(text), **rest}:
                pass
            case _:
                account.lose("rows", "wrong_shape")
                continue
        if rest.get("answer", "accept") != "accept":
            account.aside[f"rows of answer {rest['answer']}"] += 1
            continue
        document, at = Document(place, text, rest.get("id")), dict[str, int]()
        for span in listed(rest.get("spans")):
            given: dict[str, Any] = span if isinstance(span, dict) else {}
            start, end = given.get("start"), given.get("end")
            if (mention := placed(text, given.get("label"), start, end, given.get("text"), account)) is not None:
                at[f"{start}-{end}"] = len(document.mentions)
                document.mentions.append(mention)
        for label in [*listed(rest.get("accept")), None if rest.get("spans") else rest.get("label")]:
            document.classify(label, account)
        for relation in listed(rest.get("relations")):
            match relation:
                case {"head_span": {"start": a, "end": b}, "child_span": {"start": c, "end": d}, "label": label}:
                    document.relate(at.get(f"{a}-{b}"), label, at.get(f"{c}-{d}"), account)
                case _:
                    document.relate(None, "", None, account)
        yield document


def records(source: Source) -> list[Record]:
    """One record an accepted row."""
    return read(source, documents, FORM, name="TCREE" if source.task == "RE" else "TCONER")
