"""What the tests of translation share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tagged import Stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path / "project", monkeypatch)
