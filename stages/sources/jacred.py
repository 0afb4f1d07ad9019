"""JacRED and other files in DocRED's form: documents with entities and relations between them.

A row is `{"title", "sents": [[token, …], …], "vertexSet": [[{"name", "sent_id", "pos": [start, end], "type"}, …], …], "labels":
[{"h", "t", "r", "evidence"}]}`; `pos` counts tokens of the sentence. The text is the tokens joined, as `conll` joins them. Under
a task of entities every mention is one, by its type; under a task of relations (`task: RE`) each label joins the first mentions
of its two entities, and `labels:` of the source names relations by the table's words. A mention whose tokens are not in its
sentence is lost and counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.records.record import Record
from stages.sources.common import Source
from stages.sources.conll import join
from stages.sources.rows import Account, Document, Mention, listed, placed, rows
from stages.sources.rows import records as read

FORM = 'the form is {"sents", "vertexSet": [[{"sent_id", "pos": [start, end], "type"}]], "labels": [{"h", "t", "r"}]}'


def _mention(given: Any, document: Document, places: list[list[tuple[int, int]]], account: Account) -> Mention | None:
    match given:
        case {"sent_id": int(sentence), "pos": [int(start), int(end)], "type": kind} if 0 <= sentence < len(
            places
        ) and 0 <= start < end <= len(places[sentence]):
            low, high = places[sentence][start][0], places[sentence][end - 1][1]
            return placed(document.text, kind, low, high, None, account)
    return placed(document.text, given.get("type") if isinstance(given, dict) else None, None, None, None, account)


def documents(source: Source, path: Path, account: Account) -> Iterator[Document]:
    """One document a row."""
    lang = source.lang or "ja"
    for place, row in rows(path, account):
        match row:
            case {"sents": list(sents), "vertexSet": list(vertices), **rest} if all(
                isinstance(sent, list) and all(isinstance(token, str) for token in sent) for sent in sents
            ):
                text, flat = join([token for sent in sents for token in sent], lang)
            case _:
                account.lose("rows", "wrong_shape")
                continue
        document, firsts, places = (
            Document(place, text, rest.get("title")),
            dict[int, int](),
            list[list[tuple[int, int]]](),
        )
        for sent in sents:
            at = sum(map(len, places))
            places.append(flat[at : at + len(sent)])
        for n, vertex in enumerate(vertices):
            for given in vertex if isinstance(vertex, list) else [vertex]:
                if (mention := _mention(given, document, places, account)) is not None:
                    firsts.setdefault(n, len(document.mentions))
                    document.mentions.append(mention)
        for given in listed(rest.get("labels")):
            match given:
                case {"h": int(head), "t": int(tail), "r": label}:
                    document.relate(firsts.get(head), label, firsts.get(tail), account)
                case _:
                    document.relate(None, "", None, account)
        yield document


def records(source: Source) -> list[Record]:
    """One record a document; Japanese unless `lang` says other, relations go to TCREE unless `subset` says other."""
    return read(source, documents, FORM, name="TCREE" if source.task == "RE" else "TCONER", lang="ja")
