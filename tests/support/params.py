"""The project's params, changed for a folder of a test's own. Read and written hundreds of times a run: by the quick ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from stages.core import config
from stages.core.graph import ROOT


def params() -> dict[str, Any]:
    """The sections of the project's params.yaml, to be changed at will."""
    return config.load(ROOT / config.PATH)


def write_params(folder: Path, values: dict[str, Any]) -> None:
    """Writes them as a folder's own."""
    text = yaml.dump(values, Dumper=yaml.CSafeDumper, allow_unicode=True)
    (folder / config.PATH).write_text(text, encoding="utf-8")
