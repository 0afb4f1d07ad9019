"""A real Label Studio on loopback, out of the environment that `make label-studio` installs: server, project, calls of its API."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".venv-label-studio/bin/label-studio"
INSTALLED = ROOT / ".venv-label-studio/installed"  # the last thing that `make label-studio` writes
TOKEN = (
    "0123456789abcdef" * 2 + "01234567"
)  # of this server alone, which answers on loopback and is gone after the test
OWNER = "kei@example.org"
# Nothing is to leave the machine; a token that stands in a header is the older way, and needs to be allowed.
SETTINGS = {
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class LabelStudio:
    """The server in a folder of its own, with one user; stopped when the `with` ends."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder, self.port = folder, free_port()
        self.address = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> LabelStudio:
        command = [str(PROGRAM), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(self.port)]
        command += ["--data-dir", str(self.folder), "--username", OWNER, "--password", TOKEN, "--user-token", TOKEN]
        environment = {**os.environ, **SETTINGS, "HOME": str(self.folder)}
        self.log = (self.folder / "log.txt").open("wb")
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=subprocess.STDOUT)
        while not self.answers():
            assert self.process.poll() is None, (self.folder / "log.txt").read_text(errors="replace")[-3000:]
            time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()

    def answers(self) -> bool:
        try:
            return bool(self.call("GET", "/api/users/"))
        except (OSError, urllib.error.URLError):
            return False

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the API: what it answers, None where it answers nothing."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                said = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(
                f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:2000]}"
            ) from error
        return json.loads(said) if said else None

    def project(self, title: str, configuration: str, tasks: list[dict[str, Any]]) -> int:
        """A project with its labelling configuration and tasks; its number."""
        made = self.call("POST", "/api/projects", {"title": title, "label_config": configuration})
        number = int(made["id"])
        taken = self.call("POST", f"/api/projects/{number}/import", tasks)
        assert (taken["task_count"], taken["prediction_count"]) == (len(tasks), len(tasks)), taken
        return number

    def tasks(self, project: int) -> list[dict[str, Any]]:
        """The tasks as the server has them, with predictions and annotations."""
        found = self.call("GET", f"/api/tasks?project={project}&fields=all&page_size=200")
        rows: list[dict[str, Any]] = found["tasks"]
        return rows
