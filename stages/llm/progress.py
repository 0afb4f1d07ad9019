"""The bar of calls that are answered: on a terminal as it moves, in a log a line a minute.

A run shorter than a minute says nothing of it in a log, so that a fault there is one line.
"""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

MINUTE = 60.0  # seconds between two lines of a log


def bar(total: int, name: str, every: float = MINUTE) -> tqdm[Any]:
    """A bar on stderr of so many calls, in a log at most once in `every` seconds."""
    delay, low, high = (0.0, 0.1, 10.0) if sys.stderr.isatty() else (every, every, every)
    return tqdm(total=total, desc=name, unit="call", delay=delay, mininterval=low, maxinterval=high)
