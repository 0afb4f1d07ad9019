"""A review page that runs: its program in the test's own process or as one of its own, and calls to it as a browser makes them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn

from stages.calibration.address import listen
from stages.calibration.queue import Review
from stages.calibration.server import application
from stages.calibration.session import Session, Versions

TOKEN = "test-token"
KNOBS = Review(10, ["lang", "subset"], 0)


@dataclass
class Page:
    """A page that answers on a port."""

    port: int
    session: Session | None = None
    token: str = TOKEN

    def address(self, who: str = "kei") -> str:
        return f"http://127.0.0.1:{self.port}/?token={self.token}&annotator={who}"

    def raw(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, bytes]:
        """Any request, its headers as given; Host is the page's own unless they say otherwise."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=600)  # a busy machine is no fault
        try:
            connection.putrequest(method, path, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, call: str, who: str = "kei", **values: str) -> tuple[int, dict[str, Any]]:
        """A call of the page that asks."""
        path = f"/api/{call}?{urlencode({**values, 'annotator': who})}"
        status, data = self.raw("GET", path, {"X-Review-Token": self.token})
        return status, json.loads(data)

    def post(self, call: str, who: str = "kei", **values: Any) -> tuple[int, dict[str, Any]]:
        """A call of the page that changes something."""
        headers = {
            "X-Review-Token": self.token,
            "Content-Type": "application/json",
            "Origin": f"http://127.0.0.1:{self.port}",
        }
        status, data = self.raw("POST", f"/api/{call}", headers, json.dumps({**values, "annotator": who}).encode())
        return status, json.loads(data)

    def decide(self, name: str, decision: str, who: str = "kei", **fields: Any) -> tuple[int, dict[str, Any]]:
        """What a person does who looks at a record and decides."""
        record = self.get("record", who, id=name)[1]
        return self.post("decide", who, id=name, base_hash=record["hash"], decision=decision, fields=fields, seconds=3)


@contextmanager
def serving(
    data: Path,
    folder: Path | None = None,
    *,
    knobs: Review = KNOBS,
    blind: bool = False,
    versions: Versions | None = None,
) -> Iterator[Page]:
    """The page of a project's data on a free port of the loopback."""
    session = Session(data, ("ja", "en", "zh"), folder or data / "calibration", knobs, blind, versions)
    sock = listen(0)
    port = sock.getsockname()[1]
    settings = uvicorn.Config(application(session, TOKEN, port), log_level="warning", lifespan="off")
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Page(port, session)
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


def lines_of(folder: Path, names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The patches in a folder, of some annotators or of all."""
    files = [folder / f"{name}.jsonl" for name in names] if names else sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]
