"""What the adapters share: the pinned file of a source, and a record from its parts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from stages.core.config import Count, Language
from stages.core.errors import UserError
from stages.core.files import sha256_file
from stages.records.record import Extraction, Record, group_of, normalise, record_id
from stages.records.tasks import subset

# What stands in place of a text file, by its first bytes: (what it is, what to do). gzip is read as it is.
FOREIGN: dict[bytes, tuple[str, str]] = {
    b"PK\x03\x04": ("a zip archive, or an office document", "unpack it, and name a file of it"),
    b"BZh": ("packed by bzip2", "unpack it"),
    b"\xfd7zXZ": ("packed by xz", "unpack it"),
    b"\x28\xb5\x2f\xfd": ("packed by zstd", "unpack it"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it"),
    b"PAR1": ("a Parquet table", "write its rows as JSON lines"),
    b"ARROW1": ("an Arrow table", "write its rows as JSON lines"),
    b"SQLite format 3": ("a database", "write its rows as JSON lines"),
    b"%PDF": ("a PDF", "name a file of annotated texts"),
    b"version https://git-lfs": ("what Git LFS left in place of the file", "git lfs pull"),
    b"<!doctype html": ("a web page", "download the file itself, not the page that shows it"),
    b"<html": ("a web page", "download the file itself, not the page that shows it"),
}


def refuse_foreign(path: Path) -> None:
    """UserError where a file is no text but something that holds, packs or shows one."""
    with open(path, "rb") as file:
        head = file.read(64)
    for magic, (what, remedy) in FOREIGN.items():
        if head.startswith(magic) or (magic[:1] == b"<" and head.lstrip().lower().startswith(magic)):
            raise UserError(str(path), f"is {what}", remedy)


@dataclass(frozen=True)
class Source:
    """One source of raw records; `adapter` is a module of `stages.sources`, `path` its file or folder, `pin` its SHA-256.

    The others have a default each. `subset` to `labels` are for imports (`stages.sources.rows`): the sub-dataset and task that
    the records are of, their language, and labels to rename, `{label of the file: label of the table}`. `licence` and `credit`
    (whom to name) are for releases (`stages.sources.licences`).
    """

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]  # part of every id
    adapter: Literal[
        "sample", "corpus", "references", "jsonl", "mmm", "wikipedia", "hironsan", "pile",
        "conll", "ud_ner", "cluener", "chabsa", "semeval", "jacred", "doccano", "label_studio", "prodigy", "gliner",
    ]  # fmt: skip
    path: str
    pin: str | None
    limit: Count | None
    subset: str | None = None
    task: str | None = None
    lang: Language | None = None
    labels: dict[str, str] = field(default_factory=dict)
    licence: str | None = None
    credit: str | None = None


def present(source: Source, path: Path) -> Path:
    """A file of the source, once it is there."""
    if not path.exists():
        raise UserError(str(path), "no such file", f"put it there, or take {source.name!r} out of raw.sources")
    return path


def pinned(source: Source) -> Path:
    """The source's file, once its SHA-256 is the pinned one (a null pin takes any)."""
    path = present(source, Path(source.path))
    if source.pin is not None and (found := sha256_file(path)) != source.pin:
        raise UserError(
            source.path, f"SHA-256 is {found}, not the pinned one", "get the pinned file, or change the pin"
        )
    if path.is_file():
        refuse_foreign(path)
    return path


def native_of(given: Any, text: str) -> str:
    """The id that a row gives itself, else a hash of its text."""
    if isinstance(given, str | int) and str(given).strip():
        return re.sub(r"[/\s]", "_", str(given))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Natives:
    """Native ids, told apart: the second of two equal ones ends in `-2`, or the next number that is free."""

    def __init__(self) -> None:
        self._taken = set[str]()

    def apart(self, base: str) -> str:
        """`base`, or `base-2`, `base-3`, … where it is taken."""
        name = next(name for name in chain([base], (f"{base}-{n}" for n in count(2))) if name not in self._taken)
        self._taken.add(name)
        return name


def make_record(
    *,
    subset_name: str,
    task: str,
    source: str,
    native: str,
    lang: str,
    text: str,
    text_label: str | None,
    extractions: list[Extraction],
    split: str | None = None,
    group: str | None = None,
) -> Record:
    """A source record; its group is the hash of its text unless one is given."""
    subset(subset_name)
    return {
        "id": record_id(subset_name, task, source, native, lang),
        "group": group or group_of(text),
        "subset": subset_name,
        "task": task,
        "source": source,
        "lang": lang,
        "split": split,
        "text": text,
        "text_label": text_label,
        "text_label_origin": None if text_label is None else "source",
        "extractions": extractions,
    }


def check_text(text: Any, place: str) -> str:
    """A non-empty string that UTF-8 can carry, or a UserError that names the place."""
    if not isinstance(text, str) or not text:
        raise UserError(place, "text is missing or empty", "remove the record or give its text")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(place, f"lone surrogate at {error.start}", "repair the text's encoding") from error
    return text


def check_groups(records: Sequence[Record]) -> None:
    """A group is one source text: in each language it has one text, and a text has one group.

    Raises:
        UserError: names the first record that breaks this. A split by group would be none: texts of one group go to one
            side, and a text in two groups may stand on both.
    """
    texts: dict[tuple[str, str], tuple[str, str]] = {}
    groups: dict[tuple[str, str], tuple[str, str]] = {}
    for record in records:
        text, group, lang, name = normalise(record["text"]), record["group"], record["lang"], record["id"]
        other, first = texts.setdefault((group, lang), (text, name))
        if other != text:
            fault = f"group {group} has another text in {lang}, that of {first}"
            raise UserError(name, fault, "leave `group` out: it is computed from the text")
        other, first = groups.setdefault((text, lang), (group, name))
        if other != group:
            fault = f"its text stands in group {other} too, in {first}"
            raise UserError(name, fault, "give both one group, or leave `group` out: it is computed from the text")
