"""What README, docs and docstrings tell a reader to type: commands parse, targets and files exist. Nothing of it is run here."""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stages.core.graph import ROOT, module_path
from tests.support.params import params
from tests.test_pipeline import PIPELINE, outputs_of

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "data").glob("*/*.md")),
]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TOPS = "stages|schemas|data|metrics|models|tests|benchmarks|docs|profiles|release-store|projects"
OWN = ("data/external/", "data/reading/", "projects/", "schemas/labels/languages/")  # where a reader's own files lie
HOLE = re.compile(r"<[\w|-]+>|\{[^}]*\}|\*+|…|\b[A-Z][A-Z-]*[A-Z]\b")  # what a reader fills in: <name>, NAME, …


class Command(NamedTuple):
    place: str
    text: str
    whole: bool  # False: named in a sentence, where required options may be left out

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def runs(text: str) -> list[str]:
    """The commands of one shell line, without comments and variables set for it."""
    text = re.split(r"\s{2,}(?=[a-z#])", re.sub(r"(^|\s)#.*", "", text).strip())[0]
    parts = [re.sub(r"^\s*(?:[A-Z_]+=\S* )+", "", part).strip() for part in re.split(r"&&|;|\|", text)]
    return [part for part in parts if re.match(r"(python -m|make|dvc|pytest|ruff) ", part)]


def lines(text: str) -> str:
    """Continued lines joined."""
    return re.sub(r"[ \t]*\\\\?\n\s*", " ", text)


def of_page(path: Path) -> Iterator[Command]:
    """Commands of fenced and indented blocks, whole, and of code in sentences."""
    place, text = str(path.relative_to(ROOT)), lines(path.read_text(encoding="utf-8"))
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```", text, flags=re.S | re.M):
        for line in block.splitlines():
            yield from (Command(place, run, True) for run in runs(line))
    text = re.sub(r"^ *```.*?^ *```", "", text, flags=re.S | re.M)
    for line in text.splitlines():
        if line.startswith("    "):
            yield from (Command(place, run, True) for run in runs(line))
        for code in re.findall(r"`([^`]+)`", line):
            yield from (Command(place, run, False) for run in runs(code))


def of_docstring(path: Path) -> Iterator[Command]:
    """Commands of a module's docstring, whose indented lines are commands to type."""
    said = lines(ast.get_docstring(ast.parse(path.read_bytes())) or "")
    for line in said.splitlines():
        if line.startswith("    "):
            yield from (Command(str(path.relative_to(ROOT)), run, True) for run in runs(line))


COMMANDS = sorted(
    {
        *(command for page in PAGES for command in of_page(page)),
        *(command for path in (ROOT / "stages").glob("*/*.py") for command in of_docstring(path)),
    }
)


class Parsed(Exception):
    """The options were read."""


def parse(module: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What the module's command line says against `words`; it stops where the options are read, before any work."""
    read = argparse.ArgumentParser.parse_args

    def stop(self: argparse.ArgumentParser, *given: Any, **named: Any) -> None:
        read(self, *given, **named)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            importlib.import_module(module).main(words)
    except Parsed:
        return ""
    except SystemExit:
        return said.getvalue().strip().splitlines()[-1]
    return f"{module} reads no options"


def arguments(text: str) -> list[str]:
    """Words of a command: options in brackets are given, an ellipsis at the end is not."""
    words = shlex.split(text.replace("[", "").replace("]", ""))
    return words[:-1] if words[-1] == "…" and not words[-2].startswith("-") else words


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.text.startswith("python -m ")], ids=str)
def test_a_command_of_python_parses(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    _, _, module, *words = arguments(command.text)
    if HOLE.search(module):
        return
    if not (path := module_path(module)) or path.name == "__init__.py":
        module += ".__main__"
    assert module_path(module), f"{command.place}: no command {module}"
    if not words and not (command.whole and module.startswith("stages.")):
        return
    said = parse(module, words, monkeypatch)
    if "arguments are required" in said and (not command.whole or "…" in command.text):
        return
    if (choice := re.search(r"invalid choice: '([^']+)'", said)) and HOLE.fullmatch(choice[1]):
        return
    assert not said, f"{command.place}: {command.text}: {said}"


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.text.startswith("make ")], ids=str)
def test_a_target_of_make_exists(command: Command) -> None:
    for word in arguments(command.text)[1:]:
        name, is_variable, _ = word.partition("=")
        known = rf"\$\((?:or \$\()?{name}\b" if is_variable else rf"^{re.escape(name)}:"
        assert re.search(known, MAKEFILE, flags=re.M), f"{command.place}: {command.text}: make knows no {name}"


@cache
def tracked() -> frozenset[str]:
    """Paths in git, and the folders above them."""
    found = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    return frozenset(str(above) for path in found for above in (Path(path), *Path(path).parents))


@cache
def made() -> frozenset[str]:
    """Paths that the pipeline makes, each language in turn, or that a .dvc file pins."""
    languages = params()["languages"]
    outs = {out.replace("${item.lang}", lang) for stage in PIPELINE for out in outputs_of(stage) for lang in languages}
    outs |= {path.removesuffix(".dvc") for path in tracked() if path.endswith(".dvc")}
    return frozenset(str(above) for path in outs for above in (Path(path), *Path(path).parents))


@cache
def code() -> str:
    """All that names a file which a command makes."""
    files = [
        ROOT / "Makefile",
        ROOT / "dvc.yaml",
        *(ROOT / "stages").rglob("*.py"),
        *(ROOT / "benchmarks").glob("*.py"),
    ]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def exists(path: str) -> bool:
    """Whether a path, with holes for what a reader fills in, is in git or made by the pipeline or by a command of ours."""
    path = path.rstrip("/")
    if f"{path}/".startswith(OWN):
        return True
    if HOLE.search(path):
        pattern = re.compile(r"[^/]*".join(map(re.escape, HOLE.split(path))))
        folders = Path(HOLE.split(path)[0] + "x").parent.parts
        return any(map(pattern.fullmatch, tracked() | made())) or all(folder in code() for folder in folders)
    return path in tracked() | made() or any(path.startswith(f"{out}/") for out in made() - tracked()) or path in code()


def is_stage_or_output(target: str) -> bool:
    return target in PIPELINE or target.split("@")[0] in {name.split("@")[0] for name in PIPELINE} or exists(target)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.text.startswith("dvc ")], ids=str)
def test_a_command_of_dvc_parses_and_names_what_exists(command: Command) -> None:
    dvc = pytest.importorskip("dvc.cli.parser")
    words = [re.sub(r"^\$\((\w+)\)$", r"\1", word) for word in arguments(command.text)[1:]]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options = vars(dvc.get_main_parser().parse_args(words))
    except (SystemExit, Exception) as error:
        if not command.whole and "required" in said.getvalue():
            return
        pytest.fail(f"{command.place}: {command.text}: {error}: {said.getvalue()}")
    if words[:1] != ["import-url"]:
        for target in options.get("targets") or []:
            assert is_stage_or_output(target), f"{command.place}: {command.text}: no stage or output {target}"
    knobs = params()
    for change in options.get("set_param") or []:
        value: Any = knobs
        for key in change.partition("=")[0].split("."):
            assert key in value, f"{command.place}: {command.text}: no param {key}"
            value = value[key]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = []
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in link and str((page.parent / link).resolve().relative_to(ROOT)) not in tracked():
            missing.append(link)
    if (
        page.name == "tutorial.md"
    ):  # its files lie in the project that it makes: tests/integration/test_tutorial.py runs it
        text = ""
    code = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^(?: *```\w*\n)(.*?)^ *```", text, flags=re.S | re.M)]
    for path in re.findall(rf"(?<![\w/.:-])(?:{TOPS})/[\w@<>{{}}*./-]*[\w>}}*/]", "\n".join(code)):
        if not exists(path):
            missing.append(path)
    assert not missing, f"{page.name} names what is not there: {missing}"


def test_files_that_code_names_exist() -> None:
    """Paths of this repository in comments, docstrings and messages; not what a command makes, or a reader fills in."""
    made = (*OWN, "benchmarks/results/", "tests/downloads")
    tops = "stages|schemas|tests|benchmarks|docs|profiles|requirements"
    own = [path for path in tracked() if re.match(r"(stages|benchmarks|profiles|tests)/.*\.(py|yaml|j2)$", path)]
    missing = []
    for name in ["Makefile", "params.yaml", "dvc.yaml", "pyproject.toml", "torch.txt", *own]:
        text = (ROOT / name).read_text(encoding="utf-8")
        for path in re.findall(rf"(?<![\w/.:-])(?:{tops})/[\w@<>{{}}*./-]*[\w>}}*/]", text):
            filled_in = HOLE.search(path) or re.search(r"[{}]", path) or f"{path}/".startswith(made)
            if not filled_in and path.rstrip("/") not in tracked():
                missing.append(f"{name}: {path}")
    assert not missing, f"named and not there: {missing}"
