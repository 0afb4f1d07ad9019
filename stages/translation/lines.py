"""The output of translate: a line for each record that is to exist in a language, read and written with its record checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stages.core.schema import read_checked, write_checked
from stages.records.rules import carried_faults

Translation = dict[str, Any]


def read_translations(path: str | Path) -> list[Translation]:
    """The translations of a JSONL file."""
    return read_checked(path, "translation", carried_faults)


def write_translations(path: str | Path, translations: Iterable[Translation]) -> None:
    """Writes translations in the order given."""
    write_checked(path, translations, "translation", carried_faults)
