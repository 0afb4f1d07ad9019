"""UD_Japanese-GSD's NER layer (`*.ne.conllu`, Megagon Labs, CC BY-SA 4.0), and other CoNLL-U with entities in MISC.

Ten columns parted by tabs; the last holds `NE=` with a BILUO or IOB tag (`NE=B-PERSON`, or `NE=O`), and `SpaceAfter=No`. The
text is that of the comment `# text = …`; without one, the tokens with a blank where no `SpaceAfter=No` stands. The native id is
`# sent_id = …`. Multiword lines (1-2) and empty nodes (1.1) are passed over. The language is Japanese unless `lang` says other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from stages.core.errors import UserError
from stages.records.record import Record
from stages.sources.common import Source
from stages.sources.conll import align, entities, lines_of
from stages.sources.rows import Account, Document, placed
from stages.sources.rows import records as read

FORM = "CoNLL-U, ten columns parted by tabs, NE=B-PERSON and the like in the last"
_TAG = re.compile(r"(?:^|\|)NE=([^|]+)")


def _document(place: str, comments: dict[str, str], lines: list[list[str]], account: Account) -> Document | None:
    text = (
        comments.get("text")
        or "".join(parts[1] + ("" if "SpaceAfter=No" in parts[9] else " ") for parts in lines).rstrip()
    )
    places = align([parts[1] for parts in lines], text)
    if places is None:
        account.lose("rows", "tokens_not_in_the_text")
        return None
    tags = [found[1] if (found := _TAG.search(parts[9])) else "O" for parts in lines]
    mentions = [placed(text, kind, places[a][0], places[b - 1][1], None, account) for kind, a, b in entities(tags)]
    return Document(place, text, comments.get("sent_id"), mentions=[mention for mention in mentions if mention])


def documents(source: Source, path: Path, account: Account) -> Iterator[Document]:
    """One document a sentence."""
    comments, lines, first = dict[str, str](), list[list[str]](), 0
    for number, line in enumerate([*lines_of(path), ""], 1):
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            comments[key.strip()] = value.strip()
        elif line.strip():
            parts = line.split("\t")
            if len(parts) != 10:
                raise UserError(f"{path}:{number}", f"{len(parts)} columns, not ten", FORM)
            if parts[0].isdigit():
                first = first if lines else number
                lines.append(parts)
        elif lines:
            place = f"{path}:{first}"
            account.row(place)
            document = _document(place, comments, lines, account)
            if document is not None:
                yield document
            comments, lines = {}, []


def records(source: Source) -> list[Record]:
    """One record a sentence."""
    return read(source, documents, FORM, lang="ja")
