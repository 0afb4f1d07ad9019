"""The pipeline guards itself: `dvc.yaml` is checked against the code, the params and the schemas."""

from __future__ import annotations

import ast
import json
import re
import shlex
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from stages.core import config, graph
from stages.core.config import Languages
from stages.core.graph import ROOT
from stages.core.schema import names, paths
from stages.records.validate import ARTIFACTS

TEXT = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
PARAMS = ROOT / "params.yaml"
LANGUAGES: list[str] = config.read("languages", Languages, PARAMS)


def resolved() -> dict[str, Any]:
    """The stages as DVC sees them but for the languages: one entry for each item of a `foreach`."""
    stages: dict[str, Any] = {}
    for name, entry in yaml.safe_load(TEXT)["stages"].items():
        if "foreach" not in entry:
            stages[name] = entry
            continue
        for key, item in entry["foreach"].items():
            text = json.dumps(entry["do"]).replace("${key}", key)
            for field, value in item.items():
                text = text.replace("${item." + field + "}", value)
            stages[f"{name}@{key}"] = json.loads(text)
    return stages


PIPELINE = resolved()


def module_of(stage: str) -> str:
    """The stage's module, from its command."""
    words = shlex.split(PIPELINE[stage]["cmd"])
    assert words[:2] == ["python", "-m"], f"{stage}: one `python -m stages.room.stage` a stage"
    return words[2]


def paths_of(stage: str, key: str) -> list[str]:
    """Paths under deps, outs or metrics, as dvc.yaml writes them."""
    return [next(iter(item)) if isinstance(item, dict) else item for item in PIPELINE[stage].get(key, [])]


def outputs_of(stage: str) -> list[str]:
    return [path for key in ("outs", "metrics") for path in paths_of(stage, key)]


def folders_of(schemas: set[str]) -> set[str]:
    """The folders of schemas and of those that they refer to, in turn."""
    found, todo = set(schemas), list(schemas)
    while todo:
        new = (
            set(re.findall(r'"\$ref": "([a-z_]+)\.schema\.json', paths()[todo.pop()].read_text(encoding="utf-8")))
            - found
        )
        found |= new
        todo += new
    return {f"schemas/{paths()[name].parent.name}" for name in found}


def schemas_named(module: str) -> set[str]:
    """Schemas whose names stand anywhere in a stage's code, as in a table of names."""
    nodes = [node for path in graph.local_imports(module) for node in graph.syntax(path)]
    return {str(node.value) for node in nodes if isinstance(node, ast.Constant)} & set(names())


stages = pytest.mark.parametrize("stage", list(PIPELINE))


@stages
def test_a_stage_depends_on_the_rooms_that_its_code_imports(stage: str) -> None:
    rooms = {path for path in paths_of(stage, "deps") if re.fullmatch(r"stages/[a-z]+", path)}
    assert rooms == {f"stages/{room}" for room in graph.rooms_of(module_of(stage))}


@stages
def test_a_stage_depends_on_the_schemas_and_label_tables_that_it_uses(stage: str) -> None:
    module, deps = module_of(stage), set(paths_of(stage, "deps"))
    declared = {path for path in deps if path.startswith("schemas/")} - {"schemas/labels"}
    assert folders_of(graph.schemas_called(module)) <= declared <= folders_of(schemas_named(module))
    assert ("schemas/labels" in deps) == ("records" in graph.rooms_of(module))


@stages
def test_params_declared_are_those_read(stage: str) -> None:
    assert set(PIPELINE[stage].get("params", [])) == set(graph.param_sections(module_of(stage)))


@stages
def test_every_file_in_a_command_is_a_dep_or_an_output(stage: str) -> None:
    words = [word for word in shlex.split(PIPELINE[stage]["cmd"])[3:] if "/" in word]
    declared = {*paths_of(stage, "deps"), *outputs_of(stage)}
    folders = tuple(f"{path}/" for path in paths_of(stage, "deps"))
    assert [word for word in words if word not in declared and not word.startswith(folders)] == []


@stages
def test_every_output_has_a_schema(stage: str) -> None:
    for path in outputs_of(stage):
        if path.endswith((".jsonl", ".json")):
            place = path.replace("${item.lang}", LANGUAGES[0]).replace("${item.shots}", "0")
            assert any(fnmatch(place, pattern) for pattern in ARTIFACTS), path


def test_every_artifact_schema_exists() -> None:
    for name in ARTIFACTS.values():
        schema = json.loads(paths()[name].read_text(encoding="utf-8"))
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"] == f"{name}.schema.json"


@stages
def test_no_stage_names_a_language_so_that_one_is_a_word_of_the_params(stage: str) -> None:
    named = rf".*[/-]({'|'.join(LANGUAGES)})(\.[a-z.]+)"
    words = [*shlex.split(PIPELINE[stage]["cmd"]), *paths_of(stage, "deps"), *outputs_of(stage)]
    assert not [word for word in words if word.startswith("data/") and re.fullmatch(named, word)]


def test_matrix_stages_run_over_the_languages_of_the_params_or_the_examples_shown() -> None:
    for stage, entry in PIPELINE.items():
        if "matrix" in entry:
            assert entry["matrix"] in ({"lang": "${languages}"}, {"shots": ["0", "k"]}), stage


def test_no_file_is_made_by_two_stages() -> None:
    made = [path for stage in PIPELINE for path in outputs_of(stage)]
    assert len(made) == len(set(made))


def test_every_section_of_the_params_is_read_by_a_stage_or_the_review_page() -> None:
    read = {name.split(".")[0] for stage in PIPELINE for name in PIPELINE[stage].get("params", [])}
    read |= {name.split(".")[0] for name in graph.param_sections("stages.calibration.page")}
    assert read == set(config.load(PARAMS))


def test_the_pipeline_fits_on_a_few_screens() -> None:
    assert len(TEXT.splitlines()) <= 450


def test_imports_go_one_way() -> None:
    assert sorted(graph.ROOMS) == sorted(path.parent.name for path in ROOT.glob("stages/*/__init__.py"))
    for room, others in graph.arrows().items():
        later = [other for other in others if graph.ROOMS.index(other) > graph.ROOMS.index(room)]
        assert not later, f"{room} imports {later}: the order of the rooms is that of stages/core/graph.py"


@pytest.mark.parametrize("room", graph.ROOMS)
def test_a_room_says_what_lives_in_it(room: str) -> None:
    text = ast.get_docstring(ast.parse((ROOT / "stages" / room / "__init__.py").read_text(encoding="utf-8")))
    assert text
    assert len(text.split()) >= 25


def test_no_module_is_longer_than_can_be_read_at_a_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): length
        for folder in ("stages", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if (length := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}


def test_the_drawing_of_the_house_is_that_of_its_imports() -> None:
    assert f"```mermaid\n{graph.drawing()}\n```" in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
