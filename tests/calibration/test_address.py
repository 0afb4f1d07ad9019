"""The page's port and token: the same after a restart, one's own beside another page, and a port that is taken is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stages.calibration.address import listen, listen_again
from stages.core.errors import UserError


def test_a_page_that_is_started_again_has_its_address_and_another_has_its_own(tmp_path: Path) -> None:
    first, token = listen_again(tmp_path, "kei", "review")
    port = first.getsockname()[1]
    with listen_again(tmp_path, "aya", "review")[0] as other:
        assert other.getsockname()[1] != port
    (file,) = [file for file in (tmp_path / ".review").glob("*.json") if str(port) in file.read_text()]
    assert file.stat().st_mode & 0o77 == 0
    first.close()
    again, same = listen_again(tmp_path, "kei", "review")
    assert (again.getsockname()[1], same) == (port, token)
    blind, another = listen_again(tmp_path, "kei", "blind")
    blind.close()
    assert another != token
    again.close()
    blind, known = listen_again(tmp_path, "kei", "blind")  # each mode has its own, though the other's port is free
    blind.close()
    assert known == another
    again, same = listen_again(tmp_path, "kei", "review")
    assert (again.getsockname()[1], same) == (port, token)
    second, fresh = listen_again(tmp_path, "kei", "review")  # the first still runs
    assert second.getsockname()[1] != port
    assert fresh != token
    again.close()
    second.close()
    for broken in ("", "[]", '{"port": "x", "token": 3}', json.dumps({"port": 0, "token": token})):
        file.write_text(broken)
        found, made = listen_again(tmp_path, "kei", "review")
        found.close()
        assert made not in (token, "")


def test_a_port_that_is_taken_is_told_with_the_remedy() -> None:
    with listen(0) as server, pytest.raises(UserError, match="take another"):
        listen(server.getsockname()[1])
