"""spaCy's DocBin (`spacy train`): entities in `doc.ents`, all spans, nested ones too, in `doc.spans["sc"]`, the class in `doc.cats`.

spaCy is an extra (`pip install spacy`): nothing else needs it, and it is imported only here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.exports.tokens import flat, places, tokenise
from stages.records.record import Record

KEY = "sc"  # under which spaCy's span categoriser looks


def _spacy() -> Any:
    if find_spec("spacy") is None:
        raise UserError("spacy", "is not installed", "pip install spacy, or pip install -e '.[spacy]'")
    import spacy
    import spacy.tokens

    return spacy


def words_of(text: str, tokens: Sequence[tuple[int, int]]) -> tuple[list[str], list[bool]]:
    """spaCy's words and whether one blank follows each; any other white space is a word of its own."""
    words, spaces, at = list[str](), list[bool](), 0
    for start, end in [*tokens, (len(text), len(text))]:
        gap = text[at:start]
        if gap.startswith(" ") and words and not spaces[-1]:
            spaces[-1], gap = True, gap[1:]
        if gap:
            words.append(gap)
            spaces.append(False)
        if end > start:
            words.append(text[start:end])
            spaces.append(False)
        at = end
    return words, spaces


def write(records: Sequence[Record], path: Path) -> None:
    """The records of one language as a DocBin."""
    spacy = _spacy()
    bin_, blank = spacy.tokens.DocBin(store_user_data=True), spacy.blank("xx")
    for record in records:
        text, spans = record["text"], places(record["extractions"])
        words, spaces = words_of(text, tokenise(text, spans))
        doc = spacy.tokens.Doc(blank.vocab, words=words, spaces=spaces)
        doc.user_data["id"] = record["id"]
        made = {span: doc.char_span(span.start, span.end, span.label, alignment_mode="contract") for span in spans}
        doc.set_ents([made[span] for span in flat(spans) if made[span] is not None])
        doc.spans[KEY] = [span for span in made.values() if span is not None]
        if record["text_label"]:
            doc.cats = {record["text_label"]: 1.0}
        bin_.add(doc)
    path.write_bytes(bin_.to_bytes())


def read(path: Path) -> Iterator[tuple[str, str | None, list[tuple[str, str, int]]]]:
    """(text, class, (label, words, start) of each span) of each document."""
    spacy = _spacy()
    for doc in spacy.tokens.DocBin().from_bytes(path.read_bytes()).get_docs(spacy.blank("xx").vocab):
        label = max(doc.cats, key=doc.cats.get) if doc.cats else None
        yield doc.text, label, [(span.label_, span.text, span.start_char) for span in doc.spans.get(KEY, [])]
