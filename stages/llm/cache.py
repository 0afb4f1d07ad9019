"""Every response ever paid for, by the key of its request: one SQLite file outside the project's tree.

    python -m stages.llm.cache forget --id KEY …                       # or a record's id: its answer is asked for anew
    python -m stages.llm.cache forget --reason endpoint_refused empty  # or truncated, filtered, refused, not_json, …
    … --archive data/responses.jsonl.gz                                # there, too: what is recorded there comes first

Place: `$LLM_CACHE` (a folder), else the user's cache folder. It is neither a dep nor an out of DVC, so experiments in
temporary folders share it and `git clean` does not destroy paid work. Responses are committed as soon as they
are there, those that arrive together in one transaction. `reply.may_keep` says what may be kept.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import platformdirs

from stages.core.errors import UserError
from stages.core.files import iter_jsonl
from stages.core.run import run
from stages.llm.reply import may_keep, reasons


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
        response: dict[str, Any] | None = None if row is None else orjson.loads(row[0])
        if response is None or may_keep(response):
            return response
        self.forget([key])  # a gateway's failure that an earlier version took for an answer
        return None

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

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(key, response) of all that is kept."""
        try:
            for key, response in self._db.execute("SELECT key, response FROM responses"):
                yield key, orjson.loads(response)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def forget(self, keys: Sequence[str]) -> int:
        """Takes responses out, so that their requests are asked anew; how many there were."""
        try:
            return self._db.executemany("DELETE FROM responses WHERE key = ?", [(key,) for key in keys]).rowcount
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Ends the use of the file."""
        self._db.close()


def keys_of(identifier: str, lines: Sequence[Path]) -> list[str]:
    """The keys that an id stands for: its own, or those of a record's translations in `lines`.

    Raises:
        UserError: no line has it.
    """
    if len(identifier) == 64 and set(identifier) <= set("0123456789abcdef"):
        return [identifier]
    found = {
        line["response"] for path in lines for line in iter_jsonl(path) if identifier in (line["id"], line["source_id"])
    }
    if not found:
        where = ", ".join(map(str, lines)) or "data/translated, where no file is"
        raise UserError(identifier, f"is no key of a response, and no record of {where}", "take it from the ledger")
    return sorted(found)


def main(arguments: Sequence[str]) -> None:
    from stages.llm.archive import Archive, pack  # which is built on the cache

    parser = argparse.ArgumentParser(prog="python -m stages.llm.cache", description=__doc__.split("\n")[0])
    forget = parser.add_subparsers(dest="command", required=True).add_parser("forget", help="so that it is asked anew")
    what = forget.add_mutually_exclusive_group(required=True)
    what.add_argument("--id", nargs="+", help="keys of responses, or ids of records in data/translated")
    what.add_argument("--reason", nargs="+", help="codes of why an answer could not be used, or empty")
    forget.add_argument("--archive", help="take them out of this archive, too")
    options = parser.parse_args(arguments)
    cache, archive = Cache(), Archive(options.archive)
    entries = archive.entries
    if options.id:
        lines = sorted(Path("data/translated").glob("*.jsonl"))
        keys = {key for identifier in options.id for key in keys_of(identifier, lines)}
    else:
        wanted = set(options.reason)
        held = [*cache.rows(), *((key, response) for key, (_, response) in entries.items())]
        keys = {key for key, response in held if reasons(response) & wanted}
    print(f"{cache.forget(sorted(keys))} responses forgotten in {cache.path}")
    if options.archive:
        left = {key: entry for key, entry in entries.items() if key not in keys}
        if len(left) < len(entries):
            pack(options.archive, archive.card, left)
        print(f"{len(entries) - len(left)} taken out of {options.archive}, {len(left)} stay")
    cache.close()


if __name__ == "__main__":
    run(main)
