"""How a stage runs: `run(main)` under `if __name__ == "__main__"`.

A UserError ends it with one line and exit code 1. The code that the stage can import is hashed at the start and again at
the end: DVC hashes deps after the command, so an edit during a long run would otherwise be locked as what made the result.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from stages.core.errors import UserError
from stages.core.files import sha256_file
from stages.core.graph import ROOT, local_imports


def code_state(module: str) -> dict[str, str]:
    """SHA-256 of every project file that `module` imports, itself included, by path."""
    return {str(path.relative_to(ROOT)): sha256_file(path) for path in local_imports(module)}


def run(main: Callable[[Sequence[str]], int | None], arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs `main` with the command line's arguments and exits as a stage should."""
    spec = sys.modules["__main__"].__spec__
    module = spec.name.removesuffix(".__main__") if spec else "stages"
    try:
        before = code_state(module)
        code = main(sys.argv[1:] if arguments is None else arguments) or 0
        after = code_state(module)
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        if changed:
            raise UserError(changed[0], "changed while the stage ran", "run it again: its output is of neither version")
    except UserError as error:
        print(error, file=sys.stderr)
        code = 1
    except BrokenPipeError:
        code = 1
    except OSError as error:  # no right to read it, a name too long, a full disk
        said = UserError(str(error.filename or module), error.strerror or str(error), "see the path and its rights")
        print(said, file=sys.stderr)
        code = 1
    sys.exit(code)
