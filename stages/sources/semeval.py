"""SemEval-2016 task 5 (aspect-based sentiment): XML reviews with polarity on spans, as SCPOS-RW in English.

Reads `<sentence id="…"><text>…</text><Opinions><Opinion target="…" category="…" polarity="positive" from="0" to="5"/>…`, and
SemEval-2014's `<aspectTerm term polarity from to>`. Offsets count code points and must hold the target; an opinion whose target
is NULL has no span and is counted as aside; polarities become SCPOS' word labels, and `conflict` (2014) is lost and counted.
Entities and external references in the XML are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from stages.core.errors import UserError
from stages.core.files import read_bytes
from stages.records.record import Record
from stages.sources.chabsa import opinion, with_polarities
from stages.sources.common import Source
from stages.sources.rows import Account, Document
from stages.sources.rows import records as read

FORM = "XML of <sentence id><text/><Opinions><Opinion target category polarity from to/></Opinions></sentence>"


class _Declared(Exception):
    """A document type is declared."""


class _Plain(ElementTree.TreeBuilder):
    """A tree of a document without a type: refused by the parser, so in every encoding, and where its words are text they pass."""

    def doctype(self, *_: str | None) -> None:
        """Called where a declaration begins, before its entities are read."""
        raise _Declared


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and value.isdecimal() else None


def documents(source: Source, path: Path, account: Account) -> Iterator[Document]:
    """One document a sentence."""
    try:
        root = ElementTree.fromstring(read_bytes(path), ElementTree.XMLParser(target=_Plain()))
    except _Declared as error:
        raise UserError(str(path), "declares a document type or entities", "take the declaration out") from error
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # or an encoding that nobody knows
        raise UserError(str(path), f"broken XML: {error}", FORM) from error
    for sentence in root.iter("sentence"):
        place = f"{path}: {sentence.get('id')}"
        account.row(place)
        text = sentence.findtext("text")
        if text is None:
            account.lose("rows", "wrong_shape")
            continue
        document = Document(place, text, sentence.get("id"))
        for given in (*sentence.iter("Opinion"), *sentence.iter("aspectTerm")):
            found = {
                "target": given.get("target", given.get("term")),
                "polarity": given.get("polarity"),
                "from": _number(given.get("from")),
                "to": _number(given.get("to")),
            }
            opinion(document, found, account)
        yield document


def records(source: Source) -> list[Record]:
    """One record a sentence."""
    return read(with_polarities(source, "en"), documents, FORM, name="SCPOS-RW", task="RW", lang="en")
