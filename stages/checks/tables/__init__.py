"""Word lists and thresholds of the checks, each file with its source or the measurement that set it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from stages.core.config import parse_yaml

TABLES = Path(__file__).parent


@cache
def table(name: str) -> dict[str, Any]:
    """The content of `<name>.yaml` beside this module."""
    path = TABLES / f"{name}.yaml"
    value: dict[str, Any] = parse_yaml(path.read_text(encoding="utf-8"), path.name)
    return value
