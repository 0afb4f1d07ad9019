"""What a waiting run shows in a log, where there is no terminal."""

from __future__ import annotations

import time

import pytest

from stages.llm.progress import bar


def test_a_log_has_a_line_each_interval_and_a_short_run_none(capsys: pytest.CaptureFixture[str]) -> None:
    with bar(3, "translate/v2.yaml", every=0.2) as progress:
        progress.update()
        time.sleep(0.3)
        progress.update()
    assert "translate/v2.yaml:  67%" in capsys.readouterr().err
    with bar(3, "translate/v2.yaml") as progress:
        progress.update(3)
    assert capsys.readouterr().err == ""
