"""Licences of what is installed: expressions are read as SPDX means them, and an unknown one is refused by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stages.core import config
from stages.core.errors import UserError
from stages.release.audit import TABLE, Licences, allows, ask, installed, main, refused, stated, vulnerabilities

LICENCES = config.build(
    config.parse_yaml(TABLE.read_text(encoding="utf-8"), "licences.yaml"), Licences, "licences.yaml"
)


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT License", True),
        ("GPL-3.0-only", False),
        ("Apache-2.0 OR GPL-2.0-or-later", True),
        ("MIT AND GPL-2.0-only", False),
        ("MPL-2.0 AND (Apache-2.0 OR GPL-2.0-only)", True),
        ("(MIT AND GPL-2.0-only) OR 0BSD", True),
        ("Apache-2.0 AND Apache-2.0 WITH LLVM-exception", True),
        ("MIT License; GNU Affero General Public License v3", False),
        ("", False),
        ("MITISH", False),
    ],
)
def test_an_expression_is_met_by_allowed_licences_alone(expression: str, allowed: bool) -> None:
    assert allows(expression, LICENCES) is allowed


def test_the_expression_comes_before_classifiers_and_field() -> None:
    lines = ["License :: OSI Approved", "License :: OSI Approved :: MIT License"]
    assert stated({"license_expression": "0BSD", "license": "x"}, lines) == "0BSD"
    assert stated({"license": "x"}, lines) == "MIT License"
    assert stated({"license": "EPL-2.0\nlong text"}, lines[:1]) == "EPL-2.0"


def test_a_package_by_name_is_allowed_as_long_as_it_says_the_same() -> None:
    assert list(refused({"pygit2": "GPLv2 with linking exception"}, LICENCES)) == []
    assert list(refused({"pygit2": "AGPL", "new": ""}, LICENCES)) == [("new", "none stated"), ("pygit2", "AGPL")]


def test_what_is_installed_here_is_allowed() -> None:
    assert list(refused(installed(), LICENCES)) == []


def test_a_report_of_pip_audit_is_read_and_one_that_skipped_all_looked_up_nothing() -> None:
    skipped = {"name": "a", "skip_reason": "Dependency not found on PyPI"}
    fine, bad = {"name": "b", "version": "1", "vulns": []}, {"name": "c", "version": "2", "vulns": [{"id": "PYSEC-1"}]}
    assert vulnerabilities({"dependencies": [skipped]}) == (0, [])
    assert vulnerabilities({"dependencies": [skipped, fine, bad]}) == (2, ["c 2: PYSEC-1"])


def test_a_known_vulnerability_is_an_error_and_no_database_is_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = tmp_path / "pip-audit"
    said = '{"dependencies": [{"name": "c", "version": "2", "vulns": [{"id": "PYSEC-1"}]}]}'
    command.write_text(f"#!{sys.executable}\nprint('{said}')\n", encoding="utf-8")
    command.chmod(0o755)
    with pytest.raises(UserError, match="0 licences and 1 packages"):
        main(["--pip-audit", str(command)])
    assert "c 2: PYSEC-1" in capsys.readouterr().out
    assert ask(str(tmp_path / "none"), "requirements/dev.lock") == (0, [])
    main(["--pip-audit", str(tmp_path / "none")])
    assert "cannot be reached" in capsys.readouterr().out
