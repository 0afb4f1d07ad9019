"""What is read from the source as a stage's dependencies: `stages.core.graph` on the real package and on small files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stages.core.graph import ROOT, imported_modules, local_imports, module_path, param_sections
from stages.core.run import code_state


def files(module: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in local_imports(module)}


def test_imports_are_followed_through_other_modules_and_packages() -> None:
    assert files("stages.records.tasks") == {
        "stages/__init__.py",
        "stages/records/__init__.py",
        "stages/records/tasks.py",
        "stages/core/__init__.py",
        "stages/core/files.py",
        "stages/core/errors.py",
        "stages/core/schema.py",
    }
    assert files("stages.records.record") == files("stages.records.tasks") | {"stages/records/record.py"}
    assert {"stages/llm/__init__.py", "stages/llm/client.py", "stages/llm/cache.py"} <= files(
        "stages.translation.translate"
    )


def test_what_a_stage_does_not_import_is_no_dependency() -> None:
    assert "stages/translation/translate.py" not in files("stages.records.validate")
    assert not any(path.startswith("stages/llm/") for path in files("stages.dataset.mix"))


def test_record_format_validation_and_replay_import_neither_torch_nor_openai() -> None:
    code = (
        "import sys, stages.records.linear, stages.records.rules, stages.records.validate, stages.sources.sample, "
        "stages.scoring.score, stages.translation.translate; "
        "print({'torch', 'openai', 'transformers', 'pandas', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("module", ["stages.records.validate", "stages.dataset.mix", "stages.sources.raw"])
def test_the_static_imports_are_those_that_python_makes(module: str) -> None:
    """No project file that is loaded at run time is missing from what the source says."""
    code = (
        f"import importlib, sys; importlib.import_module({module!r})\n"
        f"print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'stages' and m.__file__), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {Path(line) for line in done.stdout.split("\n") if line}
    assert loaded
    assert loaded <= set(local_imports(module))


def test_every_form_of_import_is_seen_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text(
        "import json, stages.core.files as f\n"
        "from stages.core import errors\n"
        "from stages.sources import sample, common\n"
        "from stages.records.record import Record\n"
        "def later():\n    from stages.records.linear import parse\n    import stages.no_such_module\n"
        "text = 'import stages.dataset.mix'\n",
        encoding="utf-8",
    )
    assert imported_modules(path) == {
        "stages.core",
        "stages.core.files",
        "stages.core.errors",
        "stages.sources",
        "stages.sources.sample",
        "stages.sources.common",
        "stages.records.record",
        "stages.records.linear",
    }


def test_a_module_from_elsewhere_has_no_path() -> None:
    assert module_path("stages.sources.raw") == ROOT / "stages" / "sources" / "raw.py"
    assert module_path("stages.records.linear") == ROOT / "stages" / "records" / "linear.py"
    assert module_path("stages.no_such_module") is None
    assert local_imports("stages.no_such_module") == ()


@pytest.mark.parametrize("arguments", [["NO.SUCH"], ["stages.records.validate", "stages.records.no_such"]])
def test_a_module_that_is_not_there_is_refused_in_one_line(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "stages.core.graph", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"{arguments[-1]}: no module of this project (write it as stages.<room>.<stage>)\n"


def test_the_params_sections_of_a_stage_are_the_literal_reads_in_all_its_code() -> None:
    assert param_sections("stages.dataset.mix") == {"languages": "Languages", "mix": "Mix"}
    assert "raw" in param_sections("stages.sources.raw")
    assert "train" not in param_sections("stages.sources.raw")
    assert "mix" in param_sections("stages.dataset.mix")
    assert "llm" in param_sections("stages.translation.translate")
    assert param_sections("stages.records.linear") == {}


def test_the_code_state_changes_with_the_code_alone() -> None:
    before = code_state("stages.records.linear")
    assert before == code_state("stages.records.linear")
    assert set(before) == files("stages.records.linear")
    assert all(len(digest) == 64 for digest in before.values())
