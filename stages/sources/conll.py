"""Token-per-line files of CoNLL's kind: IOB2, IOB1, BIOES, BILOU and bare types (Few-NERD), as open entities.

A line is a token, columns parted by tabs (else by blanks), and its tag in the last column, or in the one before `-` columns
(Universal NER: number, token, tag; a sentence whose lines count from 1); a blank line ends a sentence; `#` comments and
`-DOCSTART-` lines are passed over, but a comment `# text = …` is the sentence's text. JSON rows of `tokens` and string `ner_tags` are read alike. Without a text comment
the text is the tokens joined: by a blank, in Japanese and Chinese by nothing save between two Latin words. A tag that continues
nothing starts an entity. `raw.sources` names the language (`lang`; English if absent).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.core.errors import UserError
from stages.core.files import read_bytes
from stages.records.record import Record
from stages.sources.common import Source
from stages.sources.rows import Account, Document, placed, rows
from stages.sources.rows import records as read

FORM = "a token and its tag on a line (O, B-X, I-X, …), a blank line after each sentence"
UNSPACED = ("ja", "zh")  # written without blanks between words
OUTSIDE = ("O", "o", "_")
_TAG = re.compile(r"O|[BIESLUM]-.+")
_COMMENT = re.compile(r"#\s*\w+\s*=")
_ENDS_IN_TAG = re.compile(r"\s(O|[BIESLU]-\S+)\s*$")  # then a `#` at the head is a token
_LATIN = re.compile(r"[A-Za-z0-9]")


def join(tokens: Sequence[str], lang: str) -> tuple[str, list[tuple[int, int]]]:
    """The text of tokens in a language, and the place of each."""
    text, places = "", list[tuple[int, int]]()
    for token in tokens:
        latin = text and _LATIN.match(text[-1]) and _LATIN.match(token)
        if text and (lang not in UNSPACED or latin):
            text += " "
        places.append((len(text), len(text) + len(token)))
        text += token
    return text, places


def align(tokens: Sequence[str], text: str) -> list[tuple[int, int]] | None:
    """The place of each token in a text that has them in this order, None where it has not."""
    places, at = list[tuple[int, int]](), 0
    for token in tokens:
        at = text.find(token, at)
        if at < 0:
            return None
        places.append((at, at + len(token)))
        at += len(token)
    return places


def entities(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """(type, first token, one past the last) of each entity; any scheme of prefixes, or bare types."""
    found, before = list[tuple[str, int, int]](), ("O", "")
    for n, tag in enumerate(tags):
        prefix, kind = (tag[0].upper(), tag[2:]) if tag[1:2] == "-" else ("O", "") if tag in OUTSIDE else ("I", tag)
        if prefix in "IELM" and before[1] == kind and before[0] in "BIM":
            found[-1] = (kind, found[-1][1], n + 1)
        elif prefix != "O":
            found.append((kind, n, n + 1))
        before = (prefix, kind)
    return found


class Sentence(NamedTuple):
    """A sentence as a file has it; `said` is the text that stands beside it."""

    place: str
    said: str | None
    tokens: list[str]
    tags: list[str]


def lines_of(path: Path) -> list[str]:
    """The lines of a file, by line ends alone: Unicode's other separators may stand in a token, and `splitlines` cuts there."""
    try:
        return re.split(r"\r\n|\n|\r", read_bytes(path).decode())
    except UnicodeDecodeError as error:
        raise UserError(str(path), f"is not UTF-8, at byte {error.start}", "save it as UTF-8") from error


def _columns(line: str, place: str) -> list[str]:
    """The columns of a line, up to its tag; by blanks or tabs alone: a no-break space is part of a token."""
    parts = line.split("\t") if "\t" in line else line.strip(" ").split(" ")
    parts = [part for part in parts if part] if "\t" not in line else parts
    while len(parts) > 2 and parts[-1] in ("-", ""):
        parts.pop()
    if len(parts) < 2 or not parts[0]:
        raise UserError(place, f"no tagged token: {line[:40]!r}", FORM)
    return parts


def _counts(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first column counts the lines of a sentence from 1; any other figure there is a token."""
    return all(len(row) > 2 and row[0] == str(n) for n, row in enumerate(rows, 1))


def _sentences(path: Path) -> Iterator[Sentence]:
    """Each sentence of a file of columns."""
    found, said, rows = list[tuple[str, str | None, list[list[str]]]](), None, list[list[str]]()
    for number, line in enumerate([*lines_of(path), ""], 1):
        comment = not rows and (_COMMENT.match(line) or (line.startswith("#") and not _ENDS_IN_TAG.search(line)))
        if comment:
            said = line.partition("# text = ")[2] or said
        elif line.startswith("-DOCSTART-"):
            continue
        elif line.strip(" \t"):
            rows.append(_columns(line, f"{path}:{number}"))
        elif rows:
            found.append((f"{path}:{number - len(rows)}", said, rows))
            said, rows = None, []
    all_count = all(_counts(rows) for _, _, rows in found if len(rows) > 1)
    for place, said, rows in found:
        numbered = _counts(rows) and (len(rows) > 1 or all_count)
        yield Sentence(place, said, [row[numbered] for row in rows], [row[-1] for row in rows])


def _rows(path: Path, account: Account) -> Iterator[Sentence]:
    for place, row in rows(path, account):
        given: dict[str, Any] = row if isinstance(row, dict) else {}
        tokens, tags = given.get("tokens"), given.get("ner_tags", given.get("tags"))
        if not isinstance(tokens, list) or not isinstance(tags, list) or len(tokens) != len(tags):
            account.lose("rows", "wrong_shape")
        elif not all(isinstance(part, str) for part in (*tokens, *tags)):
            raise UserError(place, "tags are numbers, or tokens no strings", "write the tags by name, as B-PER")
        else:
            said = given.get("text")
            yield Sentence(place, said if isinstance(said, str) else None, tokens, tags)


def documents(source: Source, path: Path, account: Account) -> Iterator[Document]:
    """One document a sentence."""
    is_json = read_bytes(path).lstrip()[:1] in (b"{", b"[")
    for place, said, tokens, tags in _rows(path, account) if is_json else _sentences(path):
        if not is_json:
            account.row(place)
        if (
            any(tag != "O" for tag in tags)
            and not any(_TAG.fullmatch(tag) for tag in tags)
            and len(set(tags)) == len(tags) > 3
        ):
            raise UserError(place, f"the last column holds no tags: {tags[0]!r}, {tags[1]!r}", FORM)
        text, places = join(tokens, source.lang or "en")
        if said:
            aligned = align(tokens, said)
            if aligned is None:
                account.lose("rows", "tokens_not_in_the_text")
                continue
            text, places = said, aligned
        found = [placed(text, kind, places[a][0], places[b - 1][1], None, account) for kind, a, b in entities(tags)]
        yield Document(place, text, mentions=[mention for mention in found if mention])


def records(source: Source) -> list[Record]:
    """One record a sentence."""
    return read(source, documents, FORM)
