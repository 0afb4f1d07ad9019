"""What each stage's code depends on, read from the source: the ground for `dvc.yaml`'s deps, for the order of the rooms and

for the drawing of docs/architecture.md.

    python -m stages.core.graph stages.dataset.mix      # the deps and params of a stage, as dvc.yaml has them
    python -m stages.core.graph --drawing               # rooms and arrows, as mermaid
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from stages.core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
# Imports go from a room to those before it, or stay within it.
ROOMS = (
    "core",
    "records",
    "text",
    "sources",
    "llm",
    "checks",
    "translation",
    "calibration",
    "fidelity",
    "dataset",
    "exports",
    "model",
    "scoring",
    "report",
    "project",
    "release",
)
# Functions that take a schema's name, with the argument's place, or that stand for one schema.
READERS: dict[str, int | str] = {
    "read_checked": 1,
    "read_checked_json": 1,
    "checked": 1,
    "faults": 1,
    "schema_faults": 1,
    "file_faults": 1,
    "write_checked": 2,
    "write_checked_json": 2,
    "read_records": "record",
    "write_records": "record",
    "read_translations": "translation",
    "write_translations": "translation",
}


def module_path(module: str) -> Path | None:
    """The file of a project module (`a.b` is a/b.py, or a/b/__init__.py), None for modules from elsewhere."""
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def syntax(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a file's syntax."""
    return tuple(ast.walk(ast.parse(path.read_bytes())))


def imported_modules(path: Path) -> set[str]:
    """Names of the project modules that one file imports, wherever the import stands in it."""
    found = set()
    for node in syntax(path):
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


def room_of(path: Path) -> str | None:
    """The room that a file of `stages/` lives in."""
    parts = path.relative_to(ROOT / "stages").parts
    return parts[0] if len(parts) > 1 else None


def rooms_of(module: str) -> list[str]:
    """The rooms whose code a stage can run, in the order of `ROOMS`."""
    found = {room_of(path) for path in local_imports(module)}
    return [room for room in ROOMS if room in found]


def calls(module: str) -> Iterator[ast.Call]:
    """Every call in the code that a stage can run."""
    for path in local_imports(module):
        yield from (node for node in syntax(path) if isinstance(node, ast.Call))


def schemas_called(module: str) -> set[str]:
    """The schemas that a stage's code certainly reads or writes by."""
    found = set()
    for node in calls(module):
        if isinstance(node.func, ast.Name) and (reader := READERS.get(node.func.id)) is not None:
            if isinstance(reader, str):
                found.add(reader)
            elif len(node.args) > reader and isinstance(argument := node.args[reader], ast.Constant):
                found.add(str(argument.value))
    return found


def param_sections(module: str) -> dict[str, str]:
    """What a stage reads of params.yaml, by `config.read("mix", Mix)` in its code: section, and the name of its type."""
    found = {}
    for node in calls(module):
        called = node.func
        if (
            isinstance(called, ast.Attribute)
            and called.attr == "read"
            and isinstance(called.value, ast.Name)
            and called.value.id == "config"
            and isinstance(node.args[0], ast.Constant)
        ):
            found[str(node.args[0].value)] = ast.unparse(node.args[1])
    return dict(sorted(found.items()))


def arrows() -> dict[str, list[str]]:
    """For each room those that its files import, in the order of `ROOMS`."""
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for room in ROOMS:
        for path in (ROOT / "stages" / room).rglob("*.py"):
            found[room] |= {name.split(".")[1] for name in imported_modules(path) if "." in name} - {room}
    return {room: [other for other in ROOMS if other in found[room]] for room in ROOMS}


def drawing() -> str:
    """The rooms and their arrows as mermaid; arrows to core, which every room has, are left out."""
    lines = ["flowchart BT"]
    for room, others in arrows().items():
        lines += [f"  {room} --> {other}" for other in others if other != "core"] or [f"  {room}"]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.core.graph", description=__doc__.split("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--drawing", action="store_true")
    options = parser.parse_args(arguments)
    if not options.drawing and not options.modules:
        parser.error("name a module, or --drawing")
    if options.drawing:
        print(drawing())
    for module in options.modules:
        if module_path(module) is None:
            sys.exit(str(UserError(module, "no module of this project", "write it as stages.<room>.<stage>")))
        names = schemas_called(module)
        folders = {path.parent.name for path in ROOT.glob("schemas/*/*.json") if path.name.split(".")[0] in names}
        rooms = rooms_of(module)
        deps = [f"stages/{room}" for room in rooms] + [f"schemas/{folder}" for folder in ROOMS if folder in folders]
        deps += ["schemas/labels"] if "records" in rooms else []
        print(f"deps: [{', '.join(deps)}]\nparams: [{', '.join(param_sections(module))}]")


if __name__ == "__main__":
    main()
