"""Where the page answers: on the same port and with the same token after a restart, so that a tab that is still open goes on with what was
typed there.

They lie in `.review/` of the folder of data, a file a person and mode that only its owner may read, outside git.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
from contextlib import suppress
from pathlib import Path

import orjson

from stages.core.errors import UserError

TOKEN = re.compile(r"[\w-]{20,100}")


def listen(port: int) -> socket.socket:
    """A listening socket of the loopback; port 0 takes any that is free.

    Raises:
        UserError: another program listens there, or it is no port.
    """
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", port))
        server.listen(64)
    except (OSError, OverflowError) as error:
        server.close()
        said = getattr(error, "strerror", None) or str(error)
        raise UserError(f"--port {port}", f"cannot listen there: {said}", "take another, or leave it out") from error
    return server


def listen_again(data: Path, who: str, mode: str, port: int = 0) -> tuple[socket.socket, str]:
    """(a socket, the token): those of this person's last page of this mode if its port is free, or else others; `port` names one."""
    file = data / ".review" / f"{mode}-{hashlib.sha256(who.encode()).hexdigest()[:12]}.json"
    known, token = _read(file)
    if port in (0, known):
        with suppress(UserError):
            return listen(known), token
    server, token = listen(port), secrets.token_urlsafe(24)
    with suppress(OSError):  # a folder that cannot be written is told when a decision is
        _write(file, server.getsockname()[1], token)
    return server, token


def _read(file: Path) -> tuple[int, str]:
    """What is remembered; a port that nobody can have where nothing is."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        value = orjson.loads(file.read_bytes())
        if TOKEN.fullmatch(value["token"]) and 0 < value["port"] < 1 << 16:
            return value["port"], value["token"]
    return -1, ""


def _write(file: Path, port: int, token: str) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    (file.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(orjson.dumps({"port": port, "token": token}))
