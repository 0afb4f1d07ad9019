"""What each stage's code depends on, read from the source: the ground for `dvc.yaml`'s deps and their test.

python -m stages.core.graph translate      # prints the files that stages/translate imports, as dvc.yaml deps
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def module_path(module: str) -> Path | None:
    """The file of a project module (`a.b` is a/b.py, or a/b/__init__.py), None for modules from elsewhere."""
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def imported_modules(path: Path) -> set[str]:
    """Names of the project modules that one file imports, wherever the import stands in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "stages" and module_path(name)}


@cache
def local_imports(module: str) -> tuple[Path, ...]:
    """Every project file that `python -m module` may run, sorted: its own and, in turn, all it imports.

    Package `__init__.py` files on the way are part of it.
    """
    todo, seen = [module, f"{module}.__main__"], set[Path]()
    while todo:
        name = todo.pop()
        path = module_path(name)
        if path is None or path in seen:
            continue
        seen.add(path)
        todo += imported_modules(path)
        parts = name.split(".")
        todo += [".".join(parts[:n]) for n in range(1, len(parts))]
    return tuple(sorted(seen))


def param_sections(module: str) -> set[str]:
    """Sections of params.yaml that a stage reads: the arguments of `params.read("…")` in its code."""
    found = set()
    for path in local_imports(module):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "read"
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "params"
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(str(node.args[0].value))
    return found


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for file in local_imports(f"stages.{name}"):
            print(f"      - {file.relative_to(ROOT)}")
        print(f"    params: {sorted(param_sections(f'stages.{name}'))}")
