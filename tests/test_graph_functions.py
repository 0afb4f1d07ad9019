"""What is read from the source as a stage's dependencies: `stages.graph` on the real package and on small files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stages.graph import ROOT, imported_modules, local_imports, module_path, param_sections
from stages.run import code_state


def files(module: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in local_imports(module)}


def test_imports_are_followed_through_other_modules_and_packages() -> None:
    assert files("stages.tasks") == {"stages/__init__.py", "stages/tasks.py", "stages/files.py", "stages/errors.py"}
    assert files("stages.record") == files("stages.tasks") | {"stages/record.py"}
    assert {"stages/llm/__init__.py", "stages/llm/client.py", "stages/llm/cache.py"} <= files("stages.translate")


def test_a_package_that_is_run_counts_its_main_and_the_modules_it_imports() -> None:
    assert {"stages/raw/__init__.py", "stages/raw/__main__.py", "stages/raw/sample.py"} <= files("stages.raw")


def test_what_a_stage_does_not_import_is_no_dependency() -> None:
    assert "stages/translate.py" not in files("stages.validate")
    assert not any(path.startswith("stages/llm/") for path in files("stages.mix"))


def test_record_format_and_validation_import_neither_torch_nor_openai() -> None:
    code = (
        "import sys, stages.linear, stages.schema, stages.validate, stages.raw.sample; "
        "print({'torch', 'openai', 'transformers', 'pandas', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("module", ["stages.validate", "stages.mix", "stages.raw"])
def test_the_static_imports_are_those_that_python_makes(module: str) -> None:
    """No project file that is loaded at run time is missing from what the source says."""
    code = (
        f"import sys, runpy; sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module({module!r}, run_name='imported')\n"
        f"except SystemExit: pass\n"
        f"print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'stages' and m.__file__), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {Path(line) for line in done.stdout.split("\n") if line}
    assert loaded
    assert loaded <= set(local_imports(module))


def test_every_form_of_import_is_seen_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text(
        "import json, stages.files as f\n"
        "from stages import errors\n"
        "from stages.raw import sample, common\n"
        "from stages.record import Record\n"
        "def later():\n    from stages.linear import parse\n    import stages.no_such_module\n"
        "text = 'import stages.mix'\n",
        encoding="utf-8",
    )
    assert imported_modules(path) == {
        "stages",
        "stages.files",
        "stages.errors",
        "stages.raw",
        "stages.raw.sample",
        "stages.raw.common",
        "stages.record",
        "stages.linear",
    }


def test_a_module_from_elsewhere_has_no_path() -> None:
    assert module_path("stages.raw") == ROOT / "stages" / "raw" / "__init__.py"
    assert module_path("stages.linear") == ROOT / "stages" / "linear.py"
    assert module_path("stages.no_such_module") is None
    assert local_imports("stages.no_such_module") == ()


def test_the_params_sections_of_a_stage_are_the_literal_reads_in_all_its_code() -> None:
    assert "raw" in param_sections("stages.raw")
    assert "train" not in param_sections("stages.raw")
    assert "mix" in param_sections("stages.mix")
    assert "llm" in param_sections("stages.translate")
    assert param_sections("stages.linear") == set()


def test_the_code_state_changes_with_the_code_alone() -> None:
    before = code_state("stages.linear")
    assert before == code_state("stages.linear")
    assert set(before) == files("stages.linear")
    assert all(len(digest) == 64 for digest in before.values())
