"""Asking by OpenAI's Batch API, at half the price and within a day, or by files that another program answers.

    LLM_MODE=batch python -m stages.translation.translate …               # submits, waits, joins; killed, it goes on where it was
    python -m stages.llm.batch poll                           # what is under way; joins what is done
    LLM_MODE=write python -m stages.translation.translate …               # only writes the request files, and names them
    vllm run-batch -i REQUESTS -o ANSWERS --model MODEL       # vLLM answers the same file
    python -m stages.llm.batch join REQUESTS ANSWERS …        # puts the answers into the cache
    python -m stages.llm.batch submit REQUESTS                # or the Batch API does

A request file has a line for each request, `custom_id` its key: answers are joined on it, in any order. Every answer goes
into the same cache as those that came online. What is under way stands in `batches.json` in the cache's folder, so that
a killed run finds its batches again. A batch is submitted once: its file's id is written down first, and where the reply
to a submission was lost, the endpoint's list is asked for a batch of that file before another is made.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
from openai.types import Batch as RemoteBatch

from stages.core import config
from stages.core.config import Count, Seconds
from stages.core.errors import UserError
from stages.core.files import read_bytes
from stages.core.run import run
from stages.core.schema import read_checked_json, write_checked_json
from stages.llm.address import check_address
from stages.llm.batch_file import URL, Bodies, Joined, join, keep, read_file, take, write_file
from stages.llm.cache import Cache
from stages.llm.cost import Budget, prompt_tokens
from stages.llm.deadline import client as client_of
from stages.llm.faults import told as fault_of
from stages.llm.progress import bar
from stages.llm.reply import Response, refused
from stages.llm.request import Llm, Request


@dataclass(frozen=True)
class Batch:
    """Section `batch`: how `LLM_MODE=batch` asks. Nothing of it is part of a response's identity."""

    enqueued_tokens: Count
    poll_s: Seconds


SHOWN = 100  # requests that `join` names
DONE = ("completed", "failed", "expired", "cancelled")
Row = dict[str, Any]  # of batches.json: {endpoint, file, input_file_id, created_at, id, model, tokens}


class State:
    """`batches.json` and the request files of the batches in it; changed by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.path, self.files = folder / "batches.json", folder / "batches"

    def rows(self, endpoint: str) -> list[Row]:
        """The batches under way at an endpoint."""
        return [row for row in self._read() if row["endpoint"] == endpoint]

    def bodies(self, row: Row) -> Bodies:
        """The requests of a batch."""
        return read_file(self.files / row["file"])

    def write(self, row: Row, keep: bool = True) -> None:
        """Adds or replaces a row, or takes it out with its file; the caller holds the lock."""
        others = [other for other in self._read() if other["input_file_id"] != row["input_file_id"]]
        write_checked_json(self.path, {"batches": [*others, row] if keep else others}, "batches")
        if not keep and all(other["file"] != row["file"] for other in others):
            (self.files / row["file"]).unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process submits at a time; the system frees the lock of a killed one."""
        self.files.mkdir(parents=True, exist_ok=True)
        with open(self.files / "lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _read(self) -> list[Row]:
        if not self.path.exists():
            return []
        rows: list[Row] = read_checked_json(self.path, "batches")["batches"]
        return rows


class Batches:
    """The Batch API of one endpoint, and the batches there: submits, finds again, collects."""

    def __init__(self, client: openai.OpenAI, cache: Cache, settings: Batch, retries: int) -> None:
        self.client, self.cache, self.settings, self.retries = client, cache, settings, retries
        self.endpoint, self.state = str(client.base_url), State(cache.path.parent)

    def open(self) -> list[Row]:
        """The batches under way; one whose submission was cut is submitted now. The caller holds the lock."""
        return [row if row["id"] else self._create(row) for row in self.state.rows(self.endpoint)]

    def submit(self, requests: Sequence[Request]) -> Row:
        """Uploads the requests and makes a batch of them; the caller holds the lock."""
        path = write_file(requests, self.state.files)
        with open(path, "rb") as file:
            upload = self.client.files.create(file=(path.name, file), purpose="batch")
        row = {
            "endpoint": self.endpoint,
            "file": path.name,
            "input_file_id": upload.id,
            "created_at": upload.created_at,
            "id": None,
            "model": requests[0].body["model"],
            "tokens": sum(prompt_tokens(request.body) for request in requests),
        }
        self.state.write(row)
        return self._create(row)

    def _create(self, row: Row) -> Row:
        """Makes the batch of an uploaded file, unless the endpoint has one; the SDK's retries could make two."""
        once, pause = self.client.with_options(max_retries=0), min(1.0, self.settings.poll_s)
        for attempt in range(self.retries + 1):
            if (remote := self._made(row)) is not None:
                break
            try:
                remote = once.batches.create(input_file_id=row["input_file_id"], endpoint=URL, completion_window="24h")
                break
            except (openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError):
                if attempt == self.retries:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, self.settings.poll_s)
            except openai.APIStatusError:  # it will refuse this file the next time, too
                self.state.write(row, keep=False)
                raise
        assert remote is not None  # the loop ends by break or raise
        row = {**row, "id": remote.id}
        self.state.write(row)
        return row

    def _made(self, row: Row) -> RemoteBatch | None:
        """The batch of a row's file, if its submission got through. The list begins with the newest."""
        for remote in self.client.batches.list(limit=100):
            if remote.input_file_id == row["input_file_id"]:
                return remote
            if remote.created_at < row["created_at"]:
                break
        return None

    def collect(self, row: Row, remote: RemoteBatch, bodies: Bodies) -> tuple[Joined, str | None]:
        """Takes in a batch that is done: (what became of its requests, None or the code that it failed with)."""
        lines = list[bytes]()
        for name in filter(None, (remote.output_file_id, remote.error_file_id)):
            lines += self.client.files.content(name).content.split(b"\n")
        joined, code = join(bodies, lines), None
        try:
            joined.answers = keep(bodies, joined, self.cache, remote.id)
        finally:  # and not before: another run that does not find it under way asks the cache
            with self.state.locked():
                self.state.write(row, keep=False)
        if remote.status == "failed":
            fault = remote.errors.data[0] if remote.errors and remote.errors.data else None
            code = (fault and fault.code) or "failed"
            told = f"{code}: {fault.message if fault else 'no reason given'}"
            joined.later = dict.fromkeys(bodies, told)
        return joined, code


class Asking:
    """One run of `ask_batch`: what is still to be asked, and what is set aside of the budget for what is under way."""

    def __init__(self, requests: Sequence[Request], batches: Batches, budget: Budget | None) -> None:
        self.batches, self.settings, self.budget = batches, batches.settings, budget
        self.todo = {request.key: request for request in requests}
        self.total = len(self.todo)
        self.found: dict[str, Response] = {}
        self.failed: dict[str, str] = {}
        self.tries, self.reserved, self.seen = Counter[str](), set[str](), dict[str, Bodies]()
        self.full = False  # the endpoint said that too many tokens are enqueued

    def run(self) -> dict[str, Response]:
        """Fills the queue, waits for a batch, takes it in; until no request is left."""
        first = pause = min(1.0, self.settings.poll_s)
        with bar(self.total, "Batch") as progress:
            while self.todo:
                rows = self.fill()
                done = [(row, remote) for row in rows if (remote := self.look(row)).status in DONE]
                for row, remote in done:
                    bodies = self.seen.pop(row["id"])
                    self.settle(row, bodies, *self.batches.collect(row, remote, bodies))
                progress.update(len(self.found) + len(self.failed) - progress.n)
                if self.budget is not None and self.budget.total is not None:
                    progress.set_postfix_str(f"{self.budget.total:.4f} USD")
                pause = first if done and not self.full else pause
                if self.todo and (self.full or not done):
                    time.sleep(pause)
                    pause = min(2 * pause, self.settings.poll_s)
        return self.found

    def look(self, row: Row) -> RemoteBatch:
        return self.batches.client.batches.retrieve(row["id"])

    def fill(self) -> list[Row]:
        """Submits what the queue has room for; the batches under way, those of other runs too.

        Raises:
            UserError: nothing is under way, and the budget or the queue has no room for the next request.
        """
        with self.batches.state.locked():
            rows = self.batches.open()
            for identifier in self.seen.keys() - {row["id"] for row in rows}:  # another run took it in
                for key in self.todo.keys() & self.seen[identifier].keys():
                    if (response := self.batches.cache.get(key)) is not None:
                        self.answered(key, response)
                    else:
                        self.release(key)
            self.seen = {row["id"]: self.seen.get(row["id"]) or self.batches.state.bodies(row) for row in rows}
            under_way = {key for bodies in self.seen.values() for key in bodies}
            for key in self.todo.keys() & under_way - self.reserved:
                self.reserved.add(key)
                if self.budget is not None:
                    self.budget.sent(self.todo[key].body)
            rest = [request for key, request in self.todo.items() if key not in under_way]
            while rest and not (self.full and rows):
                model = rest[0].body["model"]
                room = self.settings.enqueued_tokens - sum(row["tokens"] for row in rows if row["model"] == model)
                taken = take(rest, room, self.budget)
                if not taken:
                    break
                self.reserved |= {request.key for request in taken}
                rows.append(row := self.batches.submit(taken))
                self.seen[row["id"]] = {request.key: request.body for request in taken}
                rest = rest[len(taken) :]
        if not rows and rest:
            if take(rest[:1], self.settings.enqueued_tokens) and self.budget is not None:
                raise self.budget.stop(len(rest))
            fault = f"a request of {prompt_tokens(rest[0].body)} tokens does not fit into a batch"
            raise UserError("params.yaml: batch: enqueued_tokens", fault, "raise it, or leave this text out")
        return rows

    def settle(self, row: Row, bodies: Bodies, joined: Joined, code: str | None) -> None:
        """What became of a batch's requests, of this run's among them.

        Raises:
            UserError: the endpoint refused the batch as a whole, and not only because its queue is full.
        """
        for key in self.todo.keys() & bodies.keys():
            if key in joined.answers:
                self.answered(key, joined.answers[key])
                continue
            self.release(key)
            self.tries[key] += code != "token_limit_exceeded" or not self.seen
            if self.tries[key] > self.batches.retries:
                said, body = joined.later.get(key, "no answer"), self.todo[key].body
                if key in joined.faults and self.found:  # others are answered: the fault is its own
                    self.answered(key, self.batches.cache.put(key, body, refused(body["model"], said)))
                else:
                    self.failed[key] = said
                    del self.todo[key]
        self.full = code == "token_limit_exceeded"  # any other batch that is done leaves room
        if code not in (None, "token_limit_exceeded"):
            told = next(iter(joined.later.values()))[:200]
            raise UserError(self.batches.endpoint, f"batch {row['id']} is refused: {told}", "mend this, run again")

    def release(self, key: str) -> None:
        """No answer came of what was under way: its sum is free again."""
        self.reserved.discard(key)
        if self.budget is not None:
            self.budget.refused(self.todo[key].body)

    def answered(self, key: str, response: Response) -> None:
        request, self.found[key] = self.todo.pop(key), response
        if self.budget is not None:
            if key in self.reserved:
                self.budget.spent(response, request.body)
            else:
                self.budget.paid(response)
        self.reserved.discard(key)


def ask_batch(requests: Sequence[Request], llm: Llm, cache: Cache, budget: Budget | None = None) -> dict[str, Response]:
    """A response for each request, by key, through the Batch API; every answer is in the cache as soon as it is here.

    Raises:
        UserError: no key; the endpoint cannot be used or refuses a batch, or all its requests; the budget is used up;
            requests that `llm.retries` further batches did not answer. What is under way then is found again.
    """
    if not os.environ.get("OPENAI_API_KEY"):
        raise UserError("OPENAI_API_KEY", "is not set", "set it to the key of the endpoint's account")
    check_address()
    with client_of(llm.timeout_s, llm.retries) as client:
        batches = Batches(client, cache, config.read("batch", Batch), llm.retries)
        asking = Asking(requests, batches, budget)
        try:
            found = asking.run()
        except openai.OpenAIError as error:
            remedy = f"answers are kept, and {batches.state.path} says what is under way: check the key, run again"
            raise UserError(str(client.base_url), fault_of(error), remedy) from error
    if asking.failed:
        key, told = next(iter(asking.failed.items()))
        fault = f"{len(asking.failed)} of {asking.total} requests failed, the first ({key}) with: {told[:200]}"
        raise UserError(str(client.base_url), fault, f"{len(found)} answers are kept; mend this and run again")
    return found


# --- command line ----------------------------------------------------------------------------------------------------


def join_files(requests: str, answers: Sequence[str], cache: Cache) -> int:
    """Puts the answers of files into the cache and says what is left; the number of requests that are still open."""
    bodies = read_file(requests)
    joined = join(bodies, (line for path in answers for line in read_bytes(path).split(b"\n")))
    keep(bodies, joined, cache, " ".join(answers))
    answered, rest = len(joined.answers), [key for key in bodies if key not in joined.answers]
    still_open = [key for key in rest if key not in joined.failed]
    print(f"{answered} of {len(bodies)} requests are answered, {len(joined.failed)} refused, {len(still_open)} open")
    for key in rest[:SHOWN]:
        refused = key in joined.failed
        said = f"refused: {joined.failed[key]}" if refused else f"open: {joined.later.get(key, 'no line')}"
        print(f"{key} {said}")
    if len(rest) > SHOWN:
        print(f"… and {len(rest) - SHOWN} more")
    return len(still_open)


def poll(files: Sequence[str], batches: Batches, joining: bool) -> None:
    """Makes a batch of each request file, of what is neither answered nor under way, and says how far every batch is; with
    `joining` the answers of those that are done go into the cache."""
    with batches.state.locked():
        rows = batches.open()
        bodies = {row["id"]: batches.state.bodies(row) for row in rows}
        under_way = {key for keys in bodies.values() for key in keys}
        for path in files:
            new = {key: body for key, body in read_file(path).items() if key not in under_way}
            if requests := [Request(body) for key, body in new.items() if batches.cache.get(key) is None]:
                rows.append(batches.submit(requests))
                under_way |= new.keys()
    for row in rows:
        remote = batches.client.batches.retrieve(row["id"])
        counts = remote.request_counts
        told = f"{counts.completed} of {counts.total} done" if counts else "not counted yet"
        if remote.status in DONE and joining:
            joined, code = batches.collect(row, remote, bodies[row["id"]])
            told = f"{len(joined.answers)} of {counts.total if counts else '?'} answers joined"
            told += f", {code}" if code else ""
        print(f"{row['id']} {remote.status}: {told}")


def main(arguments: Sequence[str]) -> int | None:
    """The command line; `join` returns 1 where a request is still open."""
    parser = argparse.ArgumentParser(prog="python -m stages.llm.batch", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("poll", help="what is under way; joins what is done")
    submit = commands.add_parser("submit", help="makes a batch of each request file")
    submit.add_argument("files", nargs="+")
    joining = commands.add_parser("join", help="puts answers into the cache")
    joining.add_argument("requests")
    joining.add_argument("answers", nargs="+")
    options = parser.parse_args(arguments)
    cache = Cache()
    if options.command == "join":
        return int(bool(join_files(options.requests, options.answers, cache)))
    if not os.environ.get("OPENAI_API_KEY"):
        raise UserError("OPENAI_API_KEY", "is not set", "set it to the key of the endpoint's account")
    llm = config.read("llm", Llm)
    check_address()
    with client_of(llm.timeout_s, llm.retries) as client:
        batches = Batches(client, cache, config.read("batch", Batch), llm.retries)
        try:
            poll(options.files if options.command == "submit" else (), batches, options.command == "poll")
        except openai.OpenAIError as error:
            raise UserError(str(client.base_url), fault_of(error), "check the key") from error
    return None


if __name__ == "__main__":
    run(main)
