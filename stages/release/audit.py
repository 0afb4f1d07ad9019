"""What is installed, audited: known vulnerabilities by pip-audit, and licences against `licences.yaml`.

    make audit       # python -m stages.release.audit --pip-audit .venv-audit/bin/pip-audit

Licences are those that packages name in their installed metadata. Where pip-audit's database cannot be reached, one line says so.
Exit code 1 if a package has a known vulnerability, or a licence that the list does not allow.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import config
from stages.core.errors import UserError
from stages.core.run import run

TABLE = Path(__file__).with_name("licences.yaml")


@dataclass(frozen=True)
class Known:
    """A package that is allowed by name, as long as its metadata say the same."""

    metadata: str
    holds: str


@dataclass(frozen=True)
class Licences:
    """`licences.yaml`: SPDX identifiers that are allowed, other names of them, packages by name."""

    allowed: list[str]
    names: dict[str, str]
    packages: dict[str, Known]


def stated(metadata: Mapping[str, Any], classifiers: Sequence[str]) -> str:
    """The licence as a package's metadata (PEP 566's JSON) have it: the SPDX expression, else the classifiers, else the short field."""
    if expression := metadata.get("license_expression"):
        return str(expression)
    found = [line.rsplit(" :: ", 1)[-1] for line in classifiers if line.startswith("License :: ")]
    if specific := [name for name in found if name != "OSI Approved"]:
        return "; ".join(specific)
    return str(metadata.get("license") or "").strip().split("\n")[0][:80]


def allows(expression: str, licences: Licences) -> bool:
    """Whether an SPDX expression, or names joined by `;`, can be met by allowed licences alone."""
    expression = licences.names.get(expression.strip(), expression.strip())
    if expression in licences.allowed:
        return True
    for joint, decide in ((";", all), (" OR ", any), (" AND ", all)):
        parts = _split(expression, joint)
        if len(parts) > 1:
            return decide(allows(part, licences) for part in parts)
    inner = re.fullmatch(r"\((.*)\)", expression)
    return bool(inner) and allows(inner[1], licences) if inner else False


def _split(expression: str, joint: str) -> list[str]:
    """The parts of an expression at a joint that stands in no parentheses."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(expression):
        depth += (char == "(") - (char == ")")
        if depth == 0 and at >= start and expression.startswith(joint, at):
            parts.append(expression[start:at])
            start = at + len(joint)
    return [*parts, expression[start:]]


def refused(found: Mapping[str, str], licences: Licences) -> Iterator[tuple[str, str]]:
    """(package, licence) of each that is not allowed."""
    for name, expression in sorted(found.items()):
        known = licences.packages.get(name)
        if not allows(expression, licences) and (known is None or known.metadata != expression):
            yield name, expression or "none stated"


def installed() -> dict[str, str]:
    """The licence of each installed package, this project aside."""
    found = {}
    for package in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()
        found[name] = stated(package.metadata.json, package.metadata.get_all("Classifier") or [])
    found.pop("mmm-ie", None)
    return found


def vulnerabilities(report: Any) -> tuple[int, list[str]]:
    """(packages that were looked up, `name version: ids` of each with known vulnerabilities) of pip-audit's JSON."""
    looked, told = 0, []
    for package in report["dependencies"]:
        if "skip_reason" not in package:
            looked += 1
            if ids := [entry["id"] for entry in package["vulns"]]:
                told.append(f"{package['name']} {package['version']}: {', '.join(ids)}")
    return looked, told


def ask(command: str, requirements: str) -> tuple[int, list[str]]:
    """The same of pip-audit itself; nothing looked up where it is not there or its database is not reached."""
    words = [command, "--format", "json", "--progress-spinner", "off", "--no-deps", "--disable-pip", "-r", requirements]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
        return vulnerabilities(json.loads(done.stdout))
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return 0, []


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.release.audit", description=__doc__.split("\n")[0])
    parser.add_argument("--pip-audit", default="pip-audit", metavar="COMMAND")
    parser.add_argument("--requirements", default="requirements/dev.lock", metavar="FILE")
    options = parser.parse_args(arguments)
    licences = config.build(config.parse_yaml(TABLE.read_text(encoding="utf-8"), str(TABLE)), Licences, TABLE.name)
    found = installed()
    wrong = list(refused(found, licences))
    print(f"licences: {len(found)} packages, {len(wrong)} not allowed by {TABLE.name}")
    for name, expression in wrong:
        print(f"  {name}: {expression}")
    looked, told = ask(options.pip_audit, options.requirements)
    if looked:
        print(f"vulnerabilities: {looked} packages looked up, {len(told)} with known ones")
        print("".join(f"  {line}\n" for line in told), end="")
    else:
        print("vulnerabilities: not looked up, pip-audit or its database (pypi.org) cannot be reached")
    if wrong or told:
        remedy = "take another version or package, or state in licences.yaml why it may stay"
        raise UserError("audit", f"{len(wrong)} licences and {len(told)} packages to look at", remedy)


if __name__ == "__main__":
    run(main)
