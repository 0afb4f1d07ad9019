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


def exit_code(work: Callable[[], int | None], place: str = "stages") -> int:
    """The exit code of some work; what a user can mend is printed in one line, what is a fault of the code is raised."""
    try:
        return work() or 0
    except UserError as error:
        print(error, file=sys.stderr)
    except BrokenPipeError:
        pass
    except OSError as error:  # no right to read it, a name too long, a full disk
        said = UserError(str(error.filename or place), error.strerror or str(error), "see the path and its rights")
        print(said, file=sys.stderr)
    return 1


def run(main: Callable[[Sequence[str]], int | None], arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs `main` with the command line's arguments and exits as a stage should."""
    spec = sys.modules["__main__"].__spec__
    module = spec.name.removesuffix(".__main__") if spec else "stages"

    def work() -> int | None:
        before = code_state(module)
        code = main(sys.argv[1:] if arguments is None else arguments)
        after = code_state(module)
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        if changed:
            raise UserError(changed[0], "changed while the stage ran", "run it again: its output is of neither version")
        return code

    sys.exit(exit_code(work, module))
