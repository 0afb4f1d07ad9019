"""GLiNER's training form: tokens and entities by token places, as JSON lines or one JSON list.

A row is `{"tokenized_text": [token, …], "ner": [[first, last inclusive, type], …]}`. The text is the row's `text` where it has
one, else the tokens joined as `conll` joins them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stages.records.record import Record
from stages.sources.common import Source
from stages.sources.conll import align, join
from stages.sources.rows import Account, Document, placed, rows
from stages.sources.rows import records as read

FORM = 'the form is {"tokenized_text": [token], "ner": [[first, last inclusive, type]]}'


def documents(source: Source, path: Path, account: Account) -> Iterator[Document]:
    """One document a row."""
    for place, row in rows(path, account):
        match row:
            case {"tokenized_text": list(tokens), "ner": list(entities), **rest} if all(
                isinstance(t, str) for t in tokens
            ):
                pass
            case _:
                account.lose("rows", "wrong_shape")
                continue
        text, places = join(tokens, source.lang or "en")
        if isinstance(said := rest.get("text"), str):
            if (aligned := align(tokens, said)) is None:
                account.lose("rows", "tokens_not_in_the_text")
                continue
            text, places = said, aligned
        document = Document(place, text, rest.get("id"))
        for entity in entities:
            match entity:
                case [int(first), int(last), kind] if 0 <= first <= last < len(places):
                    mention = placed(text, kind, places[first][0], places[last][1], None, account)
                case _:
                    mention = placed(text, "?", None, None, None, account)
            if mention is not None:
                document.mentions.append(mention)
        yield document


def records(source: Source) -> list[Record]:
    """One record a row."""
    return read(source, documents, FORM)
