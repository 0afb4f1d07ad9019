"""A real loopback HTTP server that speaks `/v1/chat/completions` and `/v1/completions`, and a folder in which stages run against it.

Answers are computed from the request: each letter and digit becomes a Latin letter, so that a span of the text becomes a
span of its translation. Faults come on order: `server.faults["蛯名"] = ["500", "429"]` meets the next two requests whose
last message (or text) holds that word; `server.always["蛯名"] = "refusal"` is met by each, as by a model that always answers so.
Every body it answered goes to a file, a line each, in the order of the answers.
"""

from __future__ import annotations

import json
import re
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stages.llm.request import Request
from stages.records.record import Record, locate
from stages.sources.common import make_record

ROOT = Path(__file__).resolve().parents[2]
MODEL = "loopback-1"


def _with(right: str, **changes: Any) -> tuple[str, str, None]:
    return json.dumps({**json.loads(right), **changes}), "stop", None


# Wrong contents by fault: (content, finish_reason, refusal), from the right content.
CONTENT: dict[str, Callable[[str], tuple[str | None, str, str | None]]] = {
    "cut_whole": lambda right: (right, "length", None),  # looks whole, as under a schema
    "cut": lambda right: (right[: len(right) // 2], "length", None),
    "refusal": lambda right: (None, "stop", "I cannot help with that."),
    "content_filter": lambda right: ("", "content_filter", None),
    "empty": lambda right: (None, "stop", None),
    "not_json": lambda right: ("Here is the translation: " + right[1:], "stop", None),
    "wrong_shape": lambda right: ('["text", "spans"]', "stop", None),
    "no_text": lambda right: ('{"spans": []}', "stop", None),
    "span_number": lambda right: _with(right, spans=[1]),
    "span_count": lambda right: _with(right, spans=["x"] * 9),
    "empty_text": lambda right: _with(right, text=" \n"),
    "empty_span": lambda right: _with(right, spans=[" ", *json.loads(right)["spans"][1:]]),
    "lone_surrogate": lambda right: ("\ud83d" + right, "stop", None),
    "other_class": lambda right: ('{"class": "Gossip"}', "stop", None),
    "class_list": lambda right: ('{"class": ["Politics"]}', "stop", None),
    "empty_label": lambda right: ('{"label": " "}', "stop", None),
    "delimiter": lambda right: ('{"label": "a;b"}', "stop", None),
}
# Whole bodies that are no chat completion, by fault: (status, content type, body).
BODIES = {
    "html": (200, "text/html", b"<html>a web page</html>"),
    "broken_body": (200, "application/json", b'{"choices": ['),
    "no_choices": (200, "application/json", b'{"error": {"message": "overloaded"}}'),
    "not_utf8": (200, "application/json", b'{"choices": [{"message": {"content": "\xff"}}]}'),
    "error_body": (200, "application/json", b'{"error": {"message": "Provider returned error", "code": 502}}'),
    "choice_error": (
        200,
        "application/json",
        b'{"choices": [{"finish_reason": "error", "error": {"code": 502, "message": "Upstream broke"},'
        b' "message": {"role": "assistant", "content": ""}}]}',
    ),
    "finish_error": (
        200,
        "application/json",
        b'{"choices": [{"finish_reason": "error", "message": {"role": "assistant", "content": null}}]}',
    ),
    "policy": (
        400,
        "application/json",
        b'{"error": {"code": "content_filter", "message": "The prompt was\\nfiltered", "status": 400}}',
    ),
    "too_long": (400, "application/json", b'{"error": {"code": "context_length_exceeded", "message": "8193 tokens"}}'),
    "flagged": (403, "application/json", b'{"error": {"code": 403, "message": "Your input was flagged"}}'),
    "unprocessable": (422, "text/plain", b"no such thing"),
    "unknown_parameter": (400, "application/json", b'{"error": {"message": "Unsupported parameter: max_tokens"}}'),
    "payment": (402, "application/json", b'{"error": {"message": "Insufficient credits"}}'),
    "no_money": (429, "application/json", b'{"error": {"message": "no credit left", "code": "insufficient_quota"}}'),
}


def image(text: str) -> str:
    """The text with each letter and digit put into a-z, one by one."""
    return "".join(chr(ord("a") + ord(char) % 26) if char.isalnum() else char for char in text)


def echoed(text: str) -> dict[str, Any]:
    """The tokens of a text, words and the blanks before them, with a log-probability each: -1 for a word that the text has
    had before, else -5. One token more is written after it."""
    tokens = [*re.findall(r"\s?[^\s]+|\s", text), " more"]
    seen, values = set[str](), list[float | None]()
    for token in tokens:
        values.append((-1.0 if token.strip() in seen else -5.0) if values else None)
        seen.add(token.strip())
    return {"tokens": tokens, "token_logprobs": values, "text_offset": [0] * len(tokens), "top_logprobs": None}


def last_text(body: dict[str, Any]) -> str:
    """What a request asks last: its last message, or the text to be measured."""
    return str(body["prompt"] if "prompt" in body else body["messages"][-1]["content"])


def answer(body: dict[str, Any]) -> str:
    """The right content for a request: a translation with its spans, a label, or a class of the schema's enum."""
    content = body["messages"][-1]["content"]
    if not content.startswith("{"):  # the plain question that tells whose fault a failure is
        return "{}"
    asked = json.loads(content)
    if "spans" in asked:
        return json.dumps({"text": image(asked["text"]), "spans": [image(span) for span in asked["spans"]]})
    if "type" in asked:
        return json.dumps({"label": image(asked["type"])})
    classes = body["response_format"]["schema"]["properties"]["class"]["enum"]
    return json.dumps({"class": classes[len(asked["text"]) % len(classes)]})


class _Http(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed breaks its connections off; anything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class OpenAIServer:
    """`with OpenAIServer(log) as server`: `server.url` is the OPENAI_BASE_URL. `latency` is in seconds, by request body;
    `varying` puts the answer's number into its text, as a sampling model would answer anew each time."""

    def __init__(
        self, log: Path, *, latency: Callable[[dict[str, Any]], float] = lambda body: 0.0, varying: bool = False
    ) -> None:
        self.log, self.latency, self.varying = log, latency, varying
        self.faults: dict[str, list[str]] = {}
        self.always: dict[str, str] = {}
        self.models = {MODEL}
        self.measures = True  # whether it gives the log-probabilities of a text
        self.usage: Any = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        self.headers: list[dict[str, str]] = []  # of each request
        self.received: list[tuple[float, str]] = []  # (monotonic seconds, key), faults and broken-off ones too
        self.answered: list[str] = []  # keys, once the whole answer is written
        self.beside: list[int] = []  # of each received: how many were under way then, itself included
        self.busiest = self.busy = 0  # requests at once: most so far, now
        self.change, self.stopped = threading.Condition(), threading.Event()
        self._http = _Http(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> OpenAIServer:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._http.server_close()

    def wait(self, reached: Callable[[], bool], seconds: float = 60.0) -> bool:
        """Waits until `reached` holds, looked at after each request and answer; False if the time is over."""
        with self.change:
            return self.change.wait_for(reached, seconds)

    def next_fault(self, body: dict[str, Any]) -> str | None:
        """The fault ordered for this request, which is then used up."""
        with self.change:
            for marker, orders in self.faults.items():
                if orders and marker in last_text(body):
                    return orders.pop(0)
            for marker, fault in self.always.items():
                if marker in last_text(body):
                    return fault
        return None

    def as_endpoint(self, patch: pytest.MonkeyPatch, cache: Path) -> None:
        """This process asks this server from now on, and keeps the answers in that folder."""
        patch.setenv("LLM_MODE", "online")
        patch.setenv("OPENAI_BASE_URL", self.url)
        patch.setenv("OPENAI_API_KEY", "any")
        patch.setenv("LLM_CACHE", str(cache))

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                """Nothing on stderr."""

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                data = self.rfile.read(length)
                if len(data) < length:  # the client was killed as it wrote
                    self.close_connection = True
                    return
                body = json.loads(data)
                key = Request(body).key
                server.headers.append({name.lower(): value for name, value in self.headers.items()})
                with server.change:
                    server.received.append((time.monotonic(), key))
                    server.busy += 1
                    server.busiest = max(server.busiest, server.busy)
                    server.beside.append(server.busy)
                    server.change.notify_all()
                try:
                    self.respond(body, key)
                finally:
                    with server.change:
                        server.busy -= 1
                        server.change.notify_all()

            def respond(self, body: dict[str, Any], key: str) -> None:
                fault = server.next_fault(body)
                server.stopped.wait(server.latency(body))
                if fault == "hang":  # until the client leaves
                    while not server.stopped.is_set() and not select.select([self.connection], [], [], 0.1)[0]:
                        pass
                    self.close_connection = True
                elif fault == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                elif fault and fault[:3] in ("429", "500"):
                    # "429" asks for a whole second as endpoints do, "429:60" for a minute, "500" for nothing.
                    code, _, seconds = fault.partition(":")
                    wait = {"Retry-After": seconds or "1"} if code == "429" else {}
                    self.send(int(code), "application/json", b'{"error": {"message": "later"}}', wait)
                elif fault in BODIES:
                    self.send(*BODIES[fault])
                elif body["model"] not in server.models:
                    message = f"The model `{body['model']}` does not exist"
                    self.send(404, "application/json", json.dumps({"error": {"message": message}}).encode())
                elif fault == "half":
                    self.send(200, "application/json", self.completion(body, None)[:40], {"Content-Length": "4000"})
                    self.close_connection = True
                else:
                    self.send(200, "application/json", self.completion(body, fault))
                    with server.change:
                        server.answered.append(key)
                        with open(server.log, "a", encoding="utf-8") as log:
                            log.write(json.dumps(body, ensure_ascii=False) + "\n")
                        server.change.notify_all()

            def completion(self, body: dict[str, Any], fault: str | None) -> bytes:
                if "prompt" in body:
                    logprobs = echoed(body["prompt"]) if server.measures else None
                    choice = {
                        "index": 0,
                        "finish_reason": "length",
                        "text": body["prompt"] + " more",
                        "logprobs": logprobs,
                    }
                    reply = {"object": "text_completion", "model": body["model"], "choices": [choice]}
                    return json.dumps({**reply, "usage": server.usage}).encode()
                right = answer(body)
                if server.varying:
                    right = json.dumps({**json.loads(right), "text": f"answer {len(server.received)}"})
                # An id of its own, that of another answer, or none: nothing may hang on it.
                name = {"same_id": "cmpl-1", "no_id": None}.get(fault or "", f"cmpl-{len(server.received)}")
                content, reason, refusal = CONTENT[fault](right) if fault in CONTENT else (right, "stop", None)
                message = {"role": "assistant", "content": content, "refusal": refusal}
                choice = {"index": 0, "finish_reason": reason, "message": message}
                return json.dumps(
                    {
                        "id": name,
                        "object": "chat.completion",
                        "created": 0,
                        "model": body["model"],
                        "choices": [choice],
                        "usage": server.usage,
                    }
                ).encode()

            def send(self, status: int, kind: str, data: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                # In two pieces, so that a kill can fall between them.
                self.wfile.write(data[: len(data) // 2])
                self.wfile.flush()
                self.wfile.write(data[len(data) // 2 :])
                self.wfile.flush()

        return Handler

    def bodies(self) -> list[dict[str, Any]]:
        """The bodies it answered."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines]


# --- a folder to run stages in ---------------------------------------------------------------------------------------


def record(
    name: str, task: str, native: str, text: str, label: str | None, items: Sequence[tuple[Any, ...]], lang: str = "ja"
) -> Record:
    """A record from (label, span …) tuples; an event's are (None, (role, span) …)."""
    extractions = [
        {
            "label": head,
            "spans": [
                {"text": s, "start": None} if isinstance(s, str) else {"text": s[1], "start": None, "role": s[0]}
                for s in spans
            ],
        }
        for head, *spans in items
    ]
    kind = {"RE": "relation", "EE": "event"}.get(task, "span")
    return make_record(
        subset_name=name,
        task=task,
        source="own",
        native=native,
        lang=lang,
        text=text,
        text_label=label,
        extractions=locate(text, kind, extractions),
    )


NEWS = "霧沢市の蛯名透子市長は3日、予算案を市議会に提出した。"
REVIEW = "画面は美しいが、電池は弱く、音は弱い。"
TWICE = "灘区の記念館は、神戸市灘区にある。"
OPEN = "Aspirin {75 mg} was given in Porto; it helped."
RECORDS = [
    record("TCREE", "RE", "news", NEWS, "政治", [("役職", "蛯名透子", "市長"), ("代表", "霧沢市", "蛯名透子")]),
    record(
        "TCREE", "EE", "news", NEWS, "政治",
        [(None, ("subject", "蛯名透子"), ("trigger", "提出"), ("object", "予算案"), ("time", "3日"))],
    ),
    record("SCPOS-RW", "RW", "review", REVIEW, "消極", [("ポジティブ", "美しい"), ("ネガティブ", "弱い")]),
    record("SCPOS-N", "N", "review", REVIEW, "消極", [("ポジティブ", "画面"), ("ネガティブ", "電池"), ("ネガティブ", "音")]),
    record("SCNM", "NER", "twice", TWICE, "社会", [("地名", "灘区"), ("施設名", "記念館"), ("地名", "神戸市"), ("地名", "灘区")]),
    record("SCNM", "NER", "none", "特になし。", "自然", []),
    record("TCONER", "NER", "open", OPEN, "Health", [("drug", "Aspirin"), ("city", "Porto")], lang="en"),
]  # fmt: skip
