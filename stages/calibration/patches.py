"""The files of patches, `data/calibration/*.jsonl`: what a patch is, read line by line, and written so that none is lost.

A patch is one decision of one person on one record (schema `patch`). Files are append-only; tools write one file an
annotator. Reading never fails: a line that is no patch, and a file that is none, is told with its place. A patch that
`append` has returned is on the disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from stages.core.errors import UserError
from stages.core.files import dumps
from stages.core.schema import schema_faults
from stages.records.record import Extraction, Record, canonical

Patch = dict[str, Any]
KEYS = ("record_id", "base_hash", "op", "before", "after", "annotator", "time", "reason", "seconds", "missing")
FIELDS = ("text", "text_label", "extractions")
BESIDE = ("README.md", "annotators.json")  # in a folder of patches, and no patches


class Line(NamedTuple):
    """A line of a patch file, or a file that is not read. `patch` is None where `fault` says what is wrong; `record_id` is
    what a broken line still tells of its record."""

    place: str
    patch: Patch | None
    fault: str = ""
    record_id: str | None = None


def record_hash(record: Record) -> str:
    """Hex SHA-256 of the record's canonical JSON: the guard of its patches."""
    return hashlib.sha256(dumps(canonical(record))).hexdigest()


def patch_hash(patch: Patch) -> str:
    """Hex SHA-256 by which a patch is named when it is withdrawn."""
    return hashlib.sha256(orjson.dumps(patch, option=orjson.OPT_SORT_KEYS)).hexdigest()


def content(record: Record) -> dict[str, Any]:
    """What a person can change of a record."""
    return {key: canonical(record)[key] for key in FIELDS}


def now() -> str:
    """The time as patches have it: UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def instant(time: str) -> datetime:
    """When a patch was made; a date alone is its first moment, in UTC. ValueError where there is no such time."""
    value = datetime.fromisoformat(time)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def make(
    record: Record,
    op: str,
    before: Any,
    after: Any,
    *,
    annotator: str,
    reason: str,
    seconds: float | None = None,
    missing: Sequence[Extraction] | None = None,
) -> Patch:
    """A patch of now for a record as it stands; UserError where it breaks the schema."""
    values = (record["id"], record_hash(record), op, before, after, annotator, now(), reason, seconds, missing or None)
    patch = dict(zip(KEYS, values, strict=True))
    for pointer, message in schema_faults(patch, "patch"):
        raise UserError(f"{record['id']}: {pointer}", message, "see docs/review.md")
    return patch


def read_line(data: bytes, place: str) -> Line:
    """One line as a patch, or what is wrong with it."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return Line(place, None, f"broken JSON: {error}")
    named = value.get("record_id") if isinstance(value, dict) else None
    named = named if isinstance(named, str) else None
    for pointer, message in schema_faults(value, "patch"):
        return Line(place, None, f"{pointer}: {message}"[:300], named)
    try:
        instant(value["time"])
    except ValueError as error:
        return Line(place, None, f"/time: {error}", named)
    return Line(place, {key: value.get(key) for key in KEYS})


def read(folder: str | Path) -> list[Line]:
    """Every line of every patch file of a folder, files by name, and every other file but the two beside them and hidden ones."""
    if not Path(folder).is_dir():
        raise UserError(str(folder), "no such folder", "patches live in data/calibration")
    lines = list[Line]()
    for path in sorted(Path(folder).iterdir()):
        if path.name.startswith(".") or path.name in BESIDE:
            continue
        if path.suffix != ".jsonl" or not path.is_file():
            lines.append(Line(path.name, None, "is no patch file: its name has to end in .jsonl"))
            continue
        for number, data in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
            if data.strip():
                lines.append(read_line(data, f"{path.name}:{number}"))
    return lines


def in_order(lines: Iterable[Line]) -> list[Line]:
    """Patches by the time of the decision; those of one time as they stand in their files."""
    return sorted((line for line in lines if line.patch), key=lambda line: instant((line.patch or {})["time"]))


def file_of(folder: str | Path, annotator: str) -> Path:
    """The file that an annotator's patches are appended to."""
    return Path(folder) / f"{annotator}.jsonl"


def append(folder: str | Path, annotator: str, patches: Sequence[Patch]) -> None:
    """Adds patches to the annotator's file; when it returns they are on the disk, and when it fails none is in the file.

    A line that a killed process left half-written is closed first, so that it spoils no other.

    Raises:
        UserError: a patch breaks the schema; the disk is full or the folder cannot be written.
    """
    for patch in patches:
        for pointer, message in schema_faults(patch, "patch"):
            raise UserError(f"{patch.get('record_id')}: {pointer}", message, "see docs/review.md")
    data, path = b"".join(dumps(patch) + b"\n" for patch in patches), file_of(folder, annotator)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                data = b"\n" + data
            try:
                written = 0
                while written < len(data):
                    written += os.write(handle, data[written:])
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        if not size:  # a new name is on the disk once its folder is
            parent = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(parent)
            finally:
                os.close(parent)
    except OSError as error:
        raise UserError(
            str(path), f"nothing was saved: {error.strerror}", "free the disk or the file, and try again"
        ) from error
