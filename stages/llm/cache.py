"""Every response ever paid for, by the key of its request: one SQLite file outside the project's tree.

Place: `$LLM_CACHE` (a folder), else the user's cache folder. It is neither a dep nor an out of DVC, so experiments in
temporary folders share it and `git clean` does not destroy paid work. Responses are committed as soon as they
are there, those that arrive together in one transaction.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import platformdirs

from stages.core.errors import UserError


def default_folder() -> Path:
    """`$LLM_CACHE`, else e.g. `~/.cache/mmm-ie` on Linux."""
    return Path(os.environ.get("LLM_CACHE") or platformdirs.user_cache_dir("mmm-ie"))


class Cache:
    """A table key -> (request, response), both JSON. Safe for several processes at once."""

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or default_folder()) / "responses.sqlite"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            # WAL with synchronous=NORMAL: a commit survives a killed process without an fsync for each response.
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS responses (key TEXT PRIMARY KEY, request BLOB, response BLOB)")
        except (OSError, sqlite3.Error) as error:
            raise UserError(
                str(self.path), f"cache not usable: {error}", "set LLM_CACHE to a writable folder"
            ) from error

    def _unusable(self, error: sqlite3.Error) -> UserError:
        fault = f"cache not usable: {error}"
        return UserError(str(self.path), fault, "free the disk, or set LLM_CACHE to another folder")

    def _row(self, statement: str, key: str) -> tuple[bytes, ...] | None:
        try:
            row: tuple[bytes, ...] | None = self._db.execute(statement, (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        return row

    def get(self, key: str) -> dict[str, Any] | None:
        """The response of that key, or None."""
        row = self._row("SELECT response FROM responses WHERE key = ?", key)
        return None if row is None else orjson.loads(row[0])

    def entry(self, key: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """(request, response) of that key, or None."""
        row = self._row("SELECT request, response FROM responses WHERE key = ?", key)
        return None if row is None else (orjson.loads(row[0]), orjson.loads(row[1]))

    def put(self, key: str, request: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
        """Keeps a response for good, and returns what is kept: the first one of a key stays.

        So two processes that asked the same at once go on with the same answer, the one that will be packed.
        """
        return self.put_all([(key, request, response)])[0]

    def put_all(self, entries: Sequence[tuple[str, dict[str, Any], dict[str, Any]]]) -> list[dict[str, Any]]:
        """`put` of many in one transaction: all are kept when it returns, or none."""
        rows = [(key, orjson.dumps(request), orjson.dumps(response)) for key, request, response in entries]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                new = self._db.executemany("INSERT OR IGNORE INTO responses VALUES (?, ?, ?)", rows).rowcount
            except sqlite3.Error:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        if new == len(rows):
            return [response for _, _, response in entries]
        return [self.get(key) or response for key, _, response in entries]

    def close(self) -> None:
        """Ends the use of the file."""
        self._db.close()
