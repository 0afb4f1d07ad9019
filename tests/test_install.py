"""What a command of the Makefile installs holds all that it imports, and the locks of the parts are one solution."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from stages.core.graph import ROOT, module_path
from tests.test_pipeline import PIPELINE

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PARTS = ("data", "model", "train", "dev")
TORCH = "torch"  # torch.txt


def plain(name: str) -> str:
    """A distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def lock(part: str) -> dict[str, str]:
    """The entry of each distribution, with marker and hashes."""
    text = (ROOT / f"requirements/{part}.lock").read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=[^ #])", "\n" + text) if "==" in entry]
    found: dict[str, str] = {}
    for entry in entries:
        name = plain(entry.split("==")[0])
        found[name] = found.get(name, "") + entry.strip()
    return found


def held(parts: tuple[str, ...]) -> set[str]:
    """Distributions that these parts install."""
    return {name for part in parts for name in lock(part)} | ({TORCH} if parts != ("data",) else set())


def named(part: str) -> set[str]:
    """Distributions that pyproject.toml names for a part, and for every command."""
    own = [*PROJECT["project"]["optional-dependencies"].get(part, []), *PROJECT["dependency-groups"].get(part, [])]
    return {plain(re.match(r"[\w.-]+", line)[0]) for line in [*PROJECT["project"]["dependencies"], *own]}  # type: ignore[index]


@pytest.mark.parametrize("part", PARTS)
def test_a_lock_is_of_the_one_solution(part: str) -> None:
    whole = lock("dev")
    assert {name for name, entry in lock(part).items() if whole.get(name) != entry} == set(), "make lock"
    assert {name for name, entry in lock(part).items() if "--hash=sha256:" not in entry} == set()
    assert named(part) - held((part,)) - {"mmm-ie"} == set(), "make lock"


@cache
def top_imports(path: Path) -> tuple[str, ...]:
    """Modules that a file imports when it is imported itself, as written."""
    return tuple(_top_imports(path))


def _top_imports(path: Path) -> Iterator[str]:
    todo: list[ast.AST] = [ast.parse(path.read_bytes())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            todo += ast.iter_child_nodes(node)


@cache
def foreign(module: str) -> frozenset[str]:
    """Names of the packages from elsewhere that `python -m module` imports at its start."""
    todo, seen, found = [module, f"{module}.__main__"], set[str](), set[str]()
    while todo:
        name = todo.pop()
        if name in seen or not (path := module_path(name)):
            continue
        seen.add(name)
        parts = name.split(".")
        todo += [".".join(parts[:n]) for n in range(1, len(parts))]
        for other in top_imports(path):
            if other.split(".")[0] in ("stages", "tests", "benchmarks"):
                todo.append(other)
            else:
                found.add(other.split(".")[0])
    return frozenset(found - sys.stdlib_module_names - {"__future__"})


@cache
def brought() -> Mapping[str, list[str]]:
    """The distributions here that bring each package."""
    return packages_distributions()


def commands() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """(target, the parts it installs, a module it runs) of the Makefile, the stages of `dvc repro …` among them."""
    asked = {name: value.split() for name, value in re.findall(r"^(ASKING|BASELINES) := (.*)$", MAKEFILE, flags=re.M)}
    for target, needs, recipe in re.findall(r"^([\w-]+):([^\n]*)\n((?:\t[^\n]*\n)+)", MAKEFILE, flags=re.M):
        parts = tuple(re.findall(r"\.venv/with-(\w+)", needs))
        modules = set(re.findall(r"python -m ([\w.]+)", recipe))
        for words in re.findall(r"dvc repro ?([^\n]*)", recipe):
            wanted = [stage for name in re.findall(r"\$\((\w+)\)", words) for stage in asked[name]] or words.split()
            modules |= {
                re.search(r"python -m ([\w.]+)", stage["cmd"])[1]  # type: ignore[index]
                for name, stage in PIPELINE.items()
                if not wanted or name.split("@")[0] in {word.split("@")[0] for word in wanted}
            }
        yield from ((target, parts, module) for module in sorted(modules))


FOUND = sorted(set(commands()))


def test_the_commands_are_found() -> None:
    assert {("pull", ("model",), "stages.model.predict"), ("compare", ("data",), "stages.report.compare_prompts")} <= {
        *FOUND
    }
    assert {"stages.model.train", "stages.report.report"} <= {
        module for target, _, module in FOUND if target == "repro"
    }


@pytest.mark.parametrize(
    ("target", "parts", "module"), FOUND, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_a_command_imports_is_installed_for_it(target: str, parts: tuple[str, ...], module: str) -> None:
    there = held(parts)
    missing = {name for name in foreign(module) if not {plain(of) for of in brought().get(name, [name])} & there}
    assert not missing, f"make {target} installs {parts}, {module} imports {missing}"


def test_a_package_that_is_not_installed_is_told_in_one_line_with_its_part() -> None:
    run = "import runpy, sys; sys.modules[{0!r}] = None; runpy.run_module({1!r}, run_name='__main__')"
    for package, module, part in (
        ("torch", "stages.model.train", "train"),
        ("jieba", "stages.translation.filter", "data"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", run.format(package, module)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (1, f"{package}: is not installed (make install PART={part})\n")
