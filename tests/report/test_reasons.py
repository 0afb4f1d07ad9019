"""docs/faq.md explains every reason code and every kind of alarm that the code can give, and no other."""

from __future__ import annotations

import ast
import csv
import re

from stages.core import config
from stages.core.graph import ROOT
from stages.report.docs import REASONS

TABLE = config.parse_yaml(REASONS.read_text(encoding="utf-8"), "reasons.yaml")
EXPLAINED = {code for group, codes in TABLE.items() if group != "alarms" for code in codes}
CODE = re.compile(r"[a-z]+(_[a-z]+)+|repeated|commentary|unaligned")


def strings(path: str, kinds: tuple[type[ast.AST], ...]) -> set[str]:
    """Codes that stand as string constants within such nodes of a module."""
    tree = ast.parse((ROOT / path).read_bytes())
    nodes = [part for node in ast.walk(tree) if isinstance(node, kinds) for part in ast.walk(node)]
    found = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {code for code in found if CODE.fullmatch(code)}


def given() -> set[str]:
    """Codes of findings, of the filter's own rules, of debris, and of answers that are none."""
    found = set(strings("stages/text/writing_systems.py", (ast.Yield,)))
    found |= strings("stages/translation/debris.py", (ast.Yield,)) | strings(
        "stages/checks/untranslated.py", (ast.Yield,)
    )
    found |= set(
        config.parse_yaml((ROOT / "stages/translation/debris.yaml").read_text(encoding="utf-8"), "debris.yaml")
    )
    for path in (ROOT / "stages/checks").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("Finding", "_finding")
            ):
                found |= {part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)}
    failures = {"not_json", "several_answers", "truncated", "filtered", "refused", "endpoint_refused"}
    failures |= {"wrong_shape", "empty_text"}
    return found | {"unaligned", "untranslated_text"} | {f"no_answer_{code}" for code in failures}


def test_every_reason_code_is_explained_and_no_other() -> None:
    assert given() - {"date_changed", "number_changed"} <= EXPLAINED
    assert EXPLAINED - given() <= {"date_changed", "number_changed"}


def test_the_codes_of_the_committed_run_and_of_the_risk_are_explained() -> None:
    with (ROOT / "metrics/reasons.csv").open(encoding="utf-8") as file:
        run = {row["reason"] for row in csv.DictReader(file)}
    tables = [
        config.parse_yaml((ROOT / f"stages/checks/tables/{name}.yaml").read_text(encoding="utf-8"), name)
        for name in ("risk", "certain")
    ]
    assert run | set(tables[0]["weights"]) | set(tables[1]["codes"]) <= EXPLAINED


def test_the_alarms_are_explained() -> None:
    text = (ROOT / "stages/report/alarms.py").read_text(encoding="utf-8")
    assert set(TABLE["alarms"]) == set(re.findall(r'\(\(?"(\w+)", (?:lang|f")', text))
