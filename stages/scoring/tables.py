"""Tables as Markdown, as plain text and as CSV, from rows of figures: what every report and every docs page is made with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

MISSING = "–"  # where there is no figure


def markdown(frame: pd.DataFrame) -> str:
    """A Markdown table; missing values are empty, numbers have the digits they came with."""
    if frame.empty:
        return "none"
    return str(frame.astype(object).where(frame.notna(), "").to_markdown(index=False, disable_numparse=True))


def plain(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> str:
    """A table for the terminal, right-aligned but for the first column: figures with 2 digits, a dash for None."""
    told = [[fixed(value) if value is None or isinstance(value, float) else value for value in row] for row in rows]
    sides = ("left", *["right"] * (len(columns) - 1))
    frame = pd.DataFrame(told, columns=list(columns), dtype=object)
    return str(frame.to_markdown(index=False, tablefmt="plain", disable_numparse=True, colalign=sides))


def fixed(value: float | None, digits: int = 2) -> str:
    """A figure as it is printed, a dash where there is none."""
    return MISSING if value is None else f"{value:.{digits}f}"


def csv(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> bytes:
    """A CSV file in UTF-8, lines ended by a line feed."""
    return pd.DataFrame(rows, columns=list(columns), dtype=object).to_csv(index=False, lineterminator="\n").encode()
