"""What is fetched from the web stays out of git; the file that pins it does not, or `dvc import-url` refuses to write it."""

import shutil
import subprocess

import pytest

from tests.support.project import ROOT


@pytest.mark.parametrize(
    ("path", "ignored"), [("FILE", True), ("FILE.dvc", False), (".gitignore", False), ("README.md", False)]
)
def test_a_pin_of_a_fetched_file_is_committed(path: str, ignored: bool) -> None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout")
    asked = subprocess.run(["git", "check-ignore", "-q", f"data/external/{path}"], cwd=ROOT, check=False)
    assert asked.returncode == (0 if ignored else 1)
