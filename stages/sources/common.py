"""What the adapters share: the pinned file of a source, and a record from its parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from stages.core.config import Count
from stages.core.errors import UserError
from stages.core.files import sha256_file
from stages.records.record import Extraction, Record, group_of, record_id
from stages.records.tasks import subset


@dataclass(frozen=True)
class Source:
    """One source of raw records; `adapter` is a module of `stages.sources`, `path` its file or folder, `pin` its SHA-256."""

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]  # part of every id
    adapter: Literal["sample", "wikipedia", "hironsan", "mmm", "pile", "jsonl", "corpus"]
    path: str
    pin: str | None
    limit: Count | None


def pinned(source: Source) -> Path:
    """The source's file, once its SHA-256 is the pinned one (a null pin takes any)."""
    path = Path(source.path)
    if not path.exists():
        raise UserError(source.path, "no such file", f"put it there, or take {source.name!r} out of raw.sources")
    if source.pin is not None and (found := sha256_file(path)) != source.pin:
        raise UserError(
            source.path, f"SHA-256 is {found}, not the pinned one", "get the pinned file, or change the pin"
        )
    return path


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
