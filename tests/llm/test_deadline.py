"""A blocking request ends in time, wherever its reply stops; a file that keeps coming may take longer."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import openai
import pytest

from stages.llm.deadline import SLOWEST, client
from stages.llm.faults import told


class Handler(BaseHTTPRequestHandler):
    """A reply by the path's last word."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.path.rpartition("/")[2]
        with suppress(OSError):
            if kind == "headers":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                self.drip()
            self.send_response(200)
            if kind == "packed":
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            if kind == "body":
                self.drip()
            if kind == "steady":
                for _ in range(4):
                    self.wfile.write(b"x" * SLOWEST)
                    time.sleep(0.2)
            self.wfile.write(gzip.compress(b"{}") if kind == "packed" else b"{}")

    def drip(self) -> None:
        for _ in range(100):
            self.wfile.write(b" ")
            time.sleep(0.1)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@pytest.fixture
def endpoint(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[openai.OpenAI]:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with client(0.5, 0) as own:
        yield own


@pytest.mark.parametrize("kind", ["body", "headers"])
def test_a_drip_ends_at_the_deadline(endpoint: openai.OpenAI, kind: str) -> None:
    begun = time.monotonic()
    with pytest.raises(openai.APITimeoutError) as caught:
        endpoint.post(f"/{kind}", cast_to=httpx2.Response)
    assert time.monotonic() - begun < 5
    assert told(caught.value) == "APITimeoutError: no whole answer within llm.timeout_s (0.5 s)"


def test_a_file_that_keeps_coming_takes_its_time(endpoint: openai.OpenAI) -> None:
    assert len(endpoint.post("/steady", cast_to=httpx2.Response).content) == 4 * SLOWEST + 2


def test_a_packed_reply_is_unpacked(endpoint: openai.OpenAI) -> None:
    assert endpoint.post("/packed", cast_to=httpx2.Response).content == b"{}"
