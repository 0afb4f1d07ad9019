"""JSON and JSONL files: read with the line named on a fault, written whole or not at all.

The same objects always give the same bytes: UTF-8, keys in the order given, `\\n` line ends, no timestamps. gzip is read
wherever a file is gzip by its first bytes, and written where its name ends in `.gz`; a byte order mark is no part of a file.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import orjson

from stages.core.errors import UserError


def dumps(value: Any, *, indent: bool = False, place: str = "output") -> bytes:
    """JSON bytes of `value`, without a final line end; `place` is named when it cannot be written.

    Raises:
        UserError: the value holds a lone surrogate, which no UTF-8 file can carry.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0)
    except TypeError as error:
        raise UserError(
            place, f"not writable as JSON: {error}", "remove the lone surrogate or the foreign type"
        ) from error


def json_fault(data: bytes | str, error: orjson.JSONDecodeError) -> str:
    """What is wrong with text that is no JSON; of bytes in another encoding, that encoding is what is wrong."""
    if isinstance(data, bytes):
        encoding = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:64] else ""
        try:
            data.decode()
        except UnicodeDecodeError as found:
            return f"broken JSON: not UTF-8, at byte {found.start}" + (
                f" (it looks like {encoding})" if encoding else ""
            )
        if encoding:
            return f"broken JSON: not UTF-8 (it looks like {encoding})"
    return f"broken JSON: {error}"


def loads(data: bytes | str, place: str) -> Any:
    """One JSON value; `place` ("file:line") is named when it is broken."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        fault = json_fault(data, error)
        raise UserError(
            place, fault, "save the file as UTF-8" if "UTF-8" in fault else "fix or remove this line"
        ) from error


@contextmanager
def reading(path: str | Path) -> Iterator[IO[bytes]]:
    """A file's bytes, unpacked if it is gzip and without a byte order mark.

    Raises:
        UserError: there is no such file, it cannot be read, or its gzip is broken.
    """
    try:
        with open(path, "rb") as packed:
            file: IO[bytes] = packed
            if packed.peek(2)[:2] == b"\x1f\x8b":
                file = cast(IO[bytes], gzip.GzipFile(fileobj=packed))
            if cast(Any, file).peek(3)[:3] == b"\xef\xbb\xbf":
                file.read(3)
            yield file
    except FileNotFoundError as error:
        raise UserError(str(path), "no such file", "check the path; pipeline files are made by `make repro`") from error
    except IsADirectoryError as error:
        raise UserError(str(path), "is a directory", "name a file") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(str(path), f"broken gzip: {error}", "get the file again") from error


def read_bytes(path: str | Path) -> bytes:
    """The file's bytes, as `reading` gives them; a missing file is a UserError that says how files come to be."""
    with reading(path) as file:
        return file.read()


def read_json(path: str | Path) -> Any:
    """The JSON value of a whole file."""
    return loads(read_bytes(path), str(path))


def iter_lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line without its end) of each line of a JSONL file, blank lines passed over."""
    with reading(path) as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip(b"\r\n")
            if line:
                yield number, line


def iter_jsonl(path: str | Path) -> Iterator[Any]:
    """Each value of a JSONL file."""
    for number, line in iter_lines(path):
        yield loads(line, f"{path}:{number}")


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    if not path.name or path.is_dir():
        raise UserError(str(path), "is no place for a file", "name a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of `path` when the block ends well, and leaves no trace when it does not.

    What is written is packed by gzip where the name ends in `.gz`, without a name or time in it.
    """
    path = Path(path)
    with _replacing(path) as file:
        if path.suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                yield cast(IO[bytes], packed)
        else:
            yield file


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """A new folder that takes the place of `path` when the block ends well; otherwise what was there stays."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # of a run that was killed
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Writes a whole file by rename, its bytes as they are."""
    with _replacing(Path(path)) as file:
        file.write(data)


def write_json(path: str | Path, value: Any) -> None:
    """Writes one indented JSON value, ended by a line end."""
    data = dumps(value, indent=True, place=str(path)) + b"\n"
    with replacing(path) as file:
        file.write(data)


def write_jsonl(path: str | Path, values: Iterable[Any]) -> int:
    """Writes one JSON value a line; returns how many."""
    count = 0
    with replacing(path) as file:
        for value in values:
            file.write(dumps(value, place=str(path)) + b"\n")
            count += 1
    return count


def sha256_file(path: str | Path) -> str:
    """Hex SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except FileNotFoundError as error:
        raise UserError(str(path), "no such file", "check the path") from error
    except IsADirectoryError as error:
        raise UserError(str(path), "is a directory", "name a file") from error
    return digest.hexdigest()
