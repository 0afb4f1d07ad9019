"""CLUENER2020 (CLUE benchmark): Chinese NER, JSON lines, as open entities.

A row is `{"text", "label": {type: {words: [[start, end], …]}}}`; `end` is inclusive and offsets count code points, which the
words are checked against. A row of the test file has no `label`: it is a text without entities.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stages.records.record import Record
from stages.sources.common import Source
from stages.sources.rows import Account, Document, placed, rows
from stages.sources.rows import records as read

FORM = 'the form is {"text", "label": {type: {words: [[start, end inclusive]]}}}'


def documents(source: Source, path: Path, account: Account) -> Iterator[Document]:
    """One document a row."""
    for place, row in rows(path, account):
        match row:
            case {"text": str(text), **rest} if isinstance(types := rest.get("label", {}), dict):
                document = Document(place, text, rest.get("id"))
            case _:
                account.lose("rows", "wrong_shape")
                continue
        for kind, found in types.items():
            for words, places in found.items() if isinstance(found, dict) else [("", [None])]:
                for at in places if isinstance(places, list) else [None]:
                    start, end = at if isinstance(at, list) and len(at) == 2 else (None, None)
                    past = end + 1 if type(end) is int else None
                    if (mention := placed(text, kind, start, past, words, account)) is not None:
                        document.mentions.append(mention)
        yield document


def records(source: Source) -> list[Record]:
    """One record a row; Chinese unless `lang` says other."""
    return read(source, documents, FORM, lang="zh")
