"""A real chat endpoint on loopback whose answers are a function of the request body."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# A content, or a whole choice: {"content", "finish_reason", "refusal", "error_in_choice"}, or a failure: {"status", "error"}.
# "usage" and "choices" take the place of the server's own, "headers" come on top; "raw" is a whole body, of content type
# "type"; "drip" sends a blank each tenth of a second and no end.
Answer = Callable[[dict[str, Any]], str | dict[str, Any]]


class ChatServer(ThreadingHTTPServer):
    """`url` is the OPENAI_BASE_URL; `bodies` are the requests, in the order of their arrival."""

    bodies: list[dict[str, Any]]
    ended: threading.Event

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def chat_server(answer: Answer, tokens: tuple[int, int] = (5, 2)) -> Iterator[ChatServer]:
    """Answers each request as `answer` says, at `tokens` (of prompt, of completion) each."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.bodies.append(body)
            said = answer(body)
            told = said if isinstance(said, dict) else {"content": said}
            message = {"role": "assistant", "content": told.get("content"), "refusal": told.get("refusal")}
            choice = {"index": 0, "finish_reason": told.get("finish_reason", "stop"), "message": message}
            if "error_in_choice" in told:
                choice["error"] = told["error_in_choice"]
            usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
            reply = {"id": "1", "object": "chat.completion", "created": 0, "model": body["model"]}
            own = {"choices": told.get("choices", [choice]), "usage": told.get("usage", usage)}
            data = json.dumps({**reply, **own}).encode()
            if "error" in told:
                data = json.dumps({"error": told["error"]}).encode()
            data = told["raw"].encode() if "raw" in told else data
            self.send_response(told.get("status", 200))
            self.send_header("Content-Type", told.get("type", "application/json"))
            for name, value in told.get("headers", {}).items():
                self.send_header(name, value)
            if told.get("drip"):
                self.end_headers()
                self.drip()
                return
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def drip(self) -> None:
            with suppress(OSError):
                while not server.ended.wait(0.1):
                    self.wfile.write(b" ")

    server = ChatServer(("127.0.0.1", 0), Handler)
    server.bodies, server.ended = [], threading.Event()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
