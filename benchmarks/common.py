"""What the benchmarks share: a fair clock, the table, and the results file with the machine it was measured on."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.core.files import write_bytes, write_json

RESULTS = Path(__file__).resolve().parent / "results"
PAGE = RESULTS.parents[1] / "docs/benchmarks.md"


def seconds(work: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The least wall-clock seconds of each piece of work over `rounds`, taken in turn so that all meet the same load."""
    least = dict.fromkeys(work, float("inf"))
    for _ in range(rounds):
        for name, function in work.items():
            start = time.perf_counter()
            function()
            least[name] = min(least[name], time.perf_counter() - start)
    return least


def machine() -> dict[str, Any]:
    """Processor, cores and Python: without them a figure says little."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor()
    return {"processor": processor, "cores": os.cpu_count(), "python": platform.python_version()}


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """First column to the left, the rest to the right."""
    cells = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for first, *rest in cells:
        print(
            first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)), sep="  "
        )


def write_results(name: str, results: dict[str, Any]) -> None:
    """Writes `benchmarks/results/<name>.json`, the machine included, and docs/benchmarks.md, which shows it, anew."""
    from stages.report import docs  # not for those who only want the clock: it brings pandas and more

    write_json(RESULTS / f"{name}.json", {**results, "machine": machine()})
    if PAGE.exists():
        write_bytes(PAGE, docs.render(PAGE.read_text(encoding="utf-8"), str(PAGE)).encode())
