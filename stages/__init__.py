"""MMM: the stages of the pipeline (`python -m stages.<room>.<name>`) and the library they share."""

from __future__ import annotations

import sys
from pathlib import Path
from traceback import walk_tb
from types import TracebackType

HERE = Path(__file__).parent


def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A package that is not installed is told in one line, with the part that brings it; all else as Python tells it."""
    rooms = [
        path.parent.name for frame, _ in walk_tb(trace) if HERE in (path := Path(frame.f_code.co_filename)).parents
    ]
    if not (isinstance(error, ModuleNotFoundError) and rooms) or (error.name or "").startswith("stages"):
        sys.__excepthook__(kind, error, trace)
        return
    part = "train" if rooms[-1] == "model" else "data"
    print(f"{error.name}: is not installed (make install PART={part})", file=sys.stderr)


sys.excepthook = told
