"""The graph guards itself: `dvc.yaml` is checked against the code, the params and the schemas."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core.config import load
from stages.core.graph import ROOT, local_imports, param_sections
from stages.core.schema import names
from stages.records.validate import ARTIFACTS

PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
LANGUAGES = load(ROOT / "params.yaml").languages
# Functions that take a schema's name, with the argument's place, or that stand for one schema.
READERS: dict[str, int | str] = {
    "read_checked": 1,
    "read_checked_json": 1,
    "checked": 1,
    "write_checked": 2,
    "write_checked_json": 2,
    "faults": 1,
    "read_records": "record",
    "write_records": "record",
    "record_faults": "record",
}


def module_of(stage: str) -> str:
    """The stage's module, from its command."""
    words = shlex.split(PIPELINE[stage]["cmd"])
    assert words[:2] == ["python", "-m"], f"{stage}: one `python -m stages.x` a stage"
    return words[2]


def paths_of(stage: str, key: str) -> list[str]:
    """Paths under deps, outs, metrics or plots, as dvc.yaml writes them."""
    return [next(iter(item)) if isinstance(item, dict) else item for item in PIPELINE[stage].get(key, [])]


def outputs_of(stage: str) -> list[str]:
    return [path for key in ("outs", "metrics", "plots") for path in paths_of(stage, key)]


def nodes(module: str) -> Iterator[ast.AST]:
    """The syntax of all the code that a stage can import."""
    for path in local_imports(module):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def with_references(names: set[str]) -> set[str]:
    """Schemas and those that they refer to, in turn."""
    found, todo = set(names), list(names)
    while todo:
        text = (ROOT / "schemas" / f"{todo.pop()}.schema.json").read_text(encoding="utf-8")
        new = set(re.findall(r'"\$ref": "([a-z_]+)\.schema\.json', text)) - found
        found |= new
        todo += new
    return found


def schemas_called(module: str) -> set[str]:
    """Schemas that the calls in a stage's code name for certain."""
    found = set()
    for node in nodes(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in READERS:
            reader = READERS[node.func.id]
            argument = None if isinstance(reader, str) or len(node.args) <= reader else node.args[reader]
            if not isinstance(reader, str) and argument is None:
                continue
            if argument is None:
                found.add(str(reader))
            elif isinstance(argument, ast.Constant):
                found.add(str(argument.value))
    return with_references(found)


def schemas_named(module: str) -> set[str]:
    """Schemas whose names stand anywhere in a stage's code, as in a table of names."""
    words = {node.value for node in nodes(module) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return with_references(words & set(names()) | schemas_called(module))


stages = pytest.mark.parametrize("stage", list(PIPELINE))


@stages
def test_deps_list_exactly_the_code_a_stage_can_import(stage: str) -> None:
    code = {path for path in paths_of(stage, "deps") if path.endswith(".py")}
    needed = {path.relative_to(ROOT).as_posix() for path in local_imports(module_of(stage))}
    assert code == needed, f"missing {sorted(needed - code)}, too many {sorted(code - needed)}"


@stages
def test_deps_list_the_schemas_and_label_tables_a_stage_uses(stage: str) -> None:
    deps = paths_of(stage, "deps")
    declared = {Path(path).name.removesuffix(".schema.json") for path in deps if path.endswith(".schema.json")}
    assert schemas_called(module_of(stage)) <= declared <= schemas_named(module_of(stage))
    if ROOT / "stages" / "tasks.py" in local_imports(module_of(stage)):
        assert "schemas/labels" in deps


@stages
def test_data_files_that_stand_beside_the_code_are_deps(stage: str) -> None:
    # prices.yaml, word lists: read by the code's own place, so that they are in no command.
    for path in local_imports(module_of(stage)):
        text = path.read_text(encoding="utf-8")
        for file in path.parent.glob("*.*"):
            if file.suffix in (".yaml", ".txt") and f'"{file.name}"' in text:
                assert file.relative_to(ROOT).as_posix() in paths_of(stage, "deps"), stage


@stages
def test_params_declared_are_those_read(stage: str) -> None:
    declared = set(PIPELINE[stage].get("params", []))
    assert declared == param_sections(module_of(stage))


@stages
def test_every_file_in_a_command_is_a_dep_or_an_output(stage: str) -> None:
    words = [word for word in shlex.split(PIPELINE[stage]["cmd"])[3:] if "/" in word]
    declared = {*paths_of(stage, "deps"), *outputs_of(stage)}
    assert [word for word in words if word not in declared] == []


@stages
def test_every_output_has_a_schema(stage: str) -> None:
    for path in outputs_of(stage):
        if path.endswith((".jsonl", ".json")):
            place = path.replace("${item.lang}", LANGUAGES[0]).replace("${item.shots}", "0")
            assert any(fnmatch(place, pattern) for pattern in ARTIFACTS), path


def test_every_artifact_schema_exists() -> None:
    for name in ARTIFACTS.values():
        schema = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"] == f"{name}.schema.json"


@stages
def test_joins_list_every_language_of_the_params(stage: str) -> None:
    if "matrix" in PIPELINE[stage]:
        return
    languages = "|".join(LANGUAGES)
    families: dict[str, set[str]] = {}
    for path in paths_of(stage, "deps"):
        if path.startswith("data/") and (match := re.fullmatch(rf"(.*[/-])({languages})(\.[a-z.]+)", path)):
            families.setdefault(match[1] + "*" + match[3], set()).add(match[2])
    for family, found in families.items():
        assert found == set(LANGUAGES), family


def test_matrix_stages_run_over_the_languages_of_the_params_or_the_examples_shown() -> None:
    for stage, entry in PIPELINE.items():
        if "matrix" in entry:
            assert entry["matrix"] in ({"lang": "${languages}"}, {"shots": ["0", "k"]}), stage


def test_no_file_is_made_by_two_stages() -> None:
    made = [path for stage in PIPELINE for path in outputs_of(stage)]
    assert len(made) == len(set(made))


def test_every_section_of_the_params_is_read_by_a_stage() -> None:
    sections = {name for stage in PIPELINE for name in PIPELINE[stage].get("params", [])}
    prompts = {match for stage in PIPELINE for match in re.findall(r"\$\{(\w+)\.\w+\}", PIPELINE[stage]["cmd"])} - {
        "item"
    }
    assert sections | prompts == set(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")))
