"""A loopback HTTP server that speaks OpenAI's Files and Batch API, with the faults that a test orders."""

from __future__ import annotations

import email
import email.policy
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROMPT_TOKENS, COMPLETION_TOKENS = 20, 500  # of every answer


@dataclass
class Plan:
    """What becomes of one batch; a plan is used for one batch, in order, and the last one for all that follow."""

    status: str = "completed"
    polls: int = 1  # how often it is looked at before it is done
    answered: int | None = None  # only so many of its requests, the rest expires
    lines: dict[int, int] = field(default_factory=dict)  # HTTP status by place in the file, 200 else
    twice: bool = False  # each answer a second time, with other words
    foreign: bool = False  # an answer to a request of nobody
    code: str = ""  # of the error with which it fails as a whole
    reply: str = "whole"  # to its making: whole, lost (the connection breaks), hang, refused
    drips: int = 0  # how many of the looks at it are answered by blanks without an end


def answer(body: dict[str, Any]) -> str:
    """The right content for a request: its last message, backwards."""
    return str(body["messages"][-1]["content"])[::-1]


def line(key: str, body: dict[str, Any], content: str | None = None, status: int = 200) -> str:
    """A line of an output or error file."""
    message = {"role": "assistant", "content": answer(body) if content is None else content, "refusal": None}
    completion = {
        "id": "c", "object": "chat.completion", "created": 0, "model": body["model"],
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS},
    }  # fmt: skip
    error = {"error": {"message": f"refused with {status}", "type": "invalid_request_error"}}
    response = {"status_code": status, "request_id": "r", "body": completion if status == 200 else error}
    return json.dumps({"id": "b", "custom_id": key, "response": response, "error": None})


class BatchServer:
    """Use it as a context; `made` and `paid` count batches and answered requests."""

    def __init__(
        self,
        *plans: Plan,
        queue: int = 10**9,
        upload_faults: int = 0,
        say: Callable[[dict[str, Any]], str] = answer,
    ) -> None:
        self.say = say
        self.plans, self.queue, self.upload_faults = list(plans) or [Plan()], queue, upload_faults
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.looks: dict[str, int] = {}
        self.plan_of: dict[str, Plan] = {}
        self.paid: list[str] = []  # keys, as often as they were answered
        self.lock, self.stopped, self.making = threading.RLock(), threading.Event(), threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> BatchServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def made(self) -> int:
        """How many batches there are, those that failed as a whole not counted."""
        return sum(batch["status"] != "failed" for batch in self.batches.values())

    def requests_of(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.files[batch["input_file_id"]].splitlines()]

    def open_requests(self) -> int:
        """Requests of the batches that are not done."""
        return sum(len(self.requests_of(b)) for b in self.batches.values() if b["status"] == "in_progress")

    def make(self, file: str) -> tuple[dict[str, Any], Plan]:
        plan = self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]
        number = len(self.batches)
        batch = {
            "id": f"batch_{number}", "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": file,
            "completion_window": "24h", "status": "in_progress", "created_at": 1000 + number, "errors": None,
            "output_file_id": None, "error_file_id": None,
        }  # fmt: skip
        code = plan.code
        if self.open_requests() + len(self.requests_of(batch)) > self.queue:
            code = "token_limit_exceeded"
        if code:
            fault = {"code": code, "message": f"{code}, says the server", "line": 1, "param": None}
            batch |= {"status": "failed", "errors": {"object": "list", "data": [fault]}}
        self.batches[batch["id"]], self.plan_of[batch["id"]], self.looks[batch["id"]] = batch, plan, 0
        return batch, plan

    def look(self, name: str) -> dict[str, Any]:
        batch, plan = self.batches[name], self.plan_of[name]
        self.looks[name] += 1
        if batch["status"] == "in_progress" and self.looks[name] >= plan.polls:
            self.finish(batch, plan)
        return batch

    def drip(self, name: str) -> bool:
        """Whether this look is answered so."""
        with self.lock:
            plan = self.plan_of[name]
            plan.drips -= 1
            return plan.drips >= 0

    def finish(self, batch: dict[str, Any], plan: Plan) -> None:
        """Answers in the reverse order, the errors in a file of their own."""
        output, errors = [], []
        for place, request in reversed(list(enumerate(self.requests_of(batch)))):
            key, body = request["custom_id"], request["body"]
            status = plan.lines.get(place, 200)
            if plan.answered is not None and place >= plan.answered:
                expired = {"code": "batch_expired", "message": "This request could not be executed in time."}
                errors.append(json.dumps({"id": "b", "custom_id": key, "response": None, "error": expired}))
            elif status != 200:
                errors.append(line(key, body, status=status))
            else:
                output.append(line(key, body, self.say(body)))
                self.paid.append(key)
                output += [line(key, body, "said again")] * plan.twice
        if plan.foreign:
            output.append(line("f" * 64, {"model": "m", "messages": [{"content": "foreign"}]}))
        for kind, lines in (("output", output), ("error", errors)):
            if lines:
                self.files[f"{kind}_{batch['id']}"] = "\n".join(lines).encode() + b"\n"
                batch[f"{kind}_file_id"] = f"{kind}_{batch['id']}"
        batch["status"] = plan.status
        total = len(self.requests_of(batch))
        batch["request_counts"] = {"total": total, "completed": len(output), "failed": len(errors)}

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                """Nothing on stderr."""

            def do_GET(self) -> None:
                parts = self.path.split("?")[0].split("/")[2:]
                if self.headers["Authorization"] != "Bearer right":
                    self.send(401, b'{"error": {"message": "Incorrect API key"}}')
                elif parts[0] == "files":
                    self.send(200, server.files[parts[1]])
                elif len(parts) == 1:
                    with server.lock:
                        newest = sorted(server.batches.values(), key=lambda batch: -batch["created_at"])
                        self.send(200, json.dumps({"object": "list", "data": newest, "has_more": False}).encode())
                elif server.drip(parts[1]):
                    self.send_response(200)
                    self.end_headers()
                    with suppress(OSError):
                        while not server.stopped.wait(0.1):
                            self.wfile.write(b" ")
                else:
                    with server.lock:
                        self.send(200, json.dumps(server.look(parts[1])).encode())

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Authorization"] != "Bearer right":
                    self.send(401, b'{"error": {"message": "Incorrect API key"}}')
                elif self.path == "/v1/files" and server.upload_faults:
                    server.upload_faults -= 1
                    self.send(500, b'{"error": {"message": "later"}}')
                elif server.plans[0].reply == "refused" and self.path == "/v1/batches":
                    server.plans.pop(0)
                    self.send(400, b'{"error": {"message": "Billing hard limit has been reached"}}')
                elif self.path == "/v1/files":
                    head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
                    form = email.message_from_bytes(head + data, policy=email.policy.HTTP)
                    fields = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
                    assert fields["purpose"].get_content().strip() == "batch"
                    with server.lock:
                        name = f"file_{len(server.files)}"
                        server.files[name] = fields["file"].get_payload(decode=True)
                    made = {"id": name, "object": "file", "bytes": len(server.files[name]), "created_at": 1000,
                            "filename": "f", "purpose": "batch", "status": "processed"}  # fmt: skip
                    self.send(200, json.dumps(made).encode())
                else:
                    with server.lock:
                        batch, plan = server.make(json.loads(data)["input_file_id"])
                    server.making.set()
                    if plan.reply == "hang":
                        server.stopped.wait()
                    if plan.reply != "whole":
                        self.close_connection = True
                        return
                    self.send(200, json.dumps(batch).encode())

            def send(self, status: int, data: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return Handler
