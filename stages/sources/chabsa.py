"""chABSA-dataset (TIS Inc., CC BY 4.0): sentences of Japanese securities reports with polarity on spans, as SCPOS-RW.

A file is one company's JSON, `{"header", "sentences": [{"sentence", "opinions": [{"target", "category", "polarity", "from",
"to"}]}]}`, or `path` is a folder of them. `from` and `to` count code points, `to` past the end; the target must stand there.
Polarities become SCPOS' word labels (positive, neutral, negative); an opinion whose target is NULL has no span and is counted as
aside. Texts have no class. With `subset: TCONER` and `labels`, polarities may be named otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.files import loads, read_bytes
from stages.records.record import Record
from stages.records.tasks import subset
from stages.sources.common import Source
from stages.sources.rows import Account, Document, placed
from stages.sources.rows import records as read

FORM = 'the form is {"sentences": [{"sentence", "opinions": [{"target", "category", "polarity", "from", "to"}]}]}'
POLARITIES = ("positive", "neutral", "negative")  # in the order of the rows of SCPOS' tables


def polarity_labels(lang: str) -> dict[str, str]:
    """SCPOS' word labels by the names that the field gives polarities."""
    table = subset("SCPOS-RW").word_labels["RW"] or {}
    return dict(zip(POLARITIES, table.get(lang, ()), strict=False))


def with_polarities(source: Source, lang: str) -> Source:
    """The source with SCPOS' names for polarities, where it goes there and does not name them itself."""
    own = source.subset is None or source.subset.startswith("SCPOS")
    return replace(source, labels={**polarity_labels(source.lang or lang), **source.labels}) if own else source


def opinion(document: Document, given: Any, account: Account) -> None:
    """Adds an opinion to its text; one without a target is aside."""
    found: dict[str, Any] = given if isinstance(given, dict) else {}
    target = found.get("target")
    if target is None or target == "NULL":
        account.aside["opinions without a target"] += 1
        return
    mention = placed(document.text, found.get("polarity"), found.get("from"), found.get("to"), target, account)
    if mention is not None:
        document.mentions.append(mention)


def documents(source: Source, path: Path, account: Account) -> Iterator[Document]:
    """One document a sentence."""
    # Names with a dot are a system's own: macOS packs a `._NAME.json` beside each file.
    files = [file for file in sorted(path.glob("*.json")) if file.name[0] != "."] if path.is_dir() else [path]
    for file in files:
        value = loads(read_bytes(file), str(file))
        sentences = value.get("sentences") if isinstance(value, dict) else None
        if not isinstance(sentences, list):
            raise UserError(str(file), "has no list of sentences", FORM)
        for n, sentence in enumerate(sentences):
            place = f"{file}: sentences[{n}]"
            account.row(place)
            match sentence:
                case {"sentence": str(text), "opinions": list(opinions)}:
                    document = Document(place, text, f"{file.stem}-{n}")
                    for given in opinions:
                        opinion(document, given, account)
                    yield document
                case _:
                    account.lose("rows", "wrong_shape")


def records(source: Source) -> list[Record]:
    """One record a sentence."""
    return read(with_polarities(source, "ja"), documents, FORM, name="SCPOS-RW", task="RW", lang="ja")
