"""A short run of the fuzz test; the full one is `python -m tests.wild.fuzz`."""

from __future__ import annotations

from tests.wild.fuzz import fuzz, unsound


def test_broken_params_files_and_arguments_end_in_no_traceback() -> None:
    ended, fallen = fuzz(80, 0)
    assert fallen == {}
    assert ended.total() >= 80


def test_what_is_broken_was_sound() -> None:
    assert unsound() == []
