"""Report, alarms, verification and generated docs: what each says of known figures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core import config
from stages.core.errors import UserError
from stages.records.validate import schema_of
from stages.report.alarms import Alarms, find_alarms
from stages.report.docs import render
from stages.report.inputs import METRICS, WORST
from stages.report.score_tables import verdict
from tests.support.pipeline import ROOT, here

LIMITS = dataclasses.replace(
    config.read("alarms", Alarms, ROOT / "params.yaml"),
    retention_below=0.8,
    format_defects_above=0.1,
    below_baseline=True,
    class_with_zero_f1=True,
)


def scores(tl: float, wl: float, exact: float) -> dict[str, Any]:
    cell = {"TL": tl, "WL": wl, "ALL": exact, "n": 10}
    return {"en": {"SCNM": dict(cell), "all": dict(cell)}, "all": dict(cell)}


def bounds() -> dict[str, Any]:
    cell = {level: {"low": 10.0, "high": 30.0} for level in ("TL", "WL", "ALL")}
    return {"en": {"SCNM": cell, "all": cell}, "all": cell}


def defects(records: int) -> dict[str, Any]:
    return {"en": {"SCNM": {"n": 10, "format": {"records": records}}}}


def alarms(
    retention: float = 1.0,
    model: float = 50.0,
    baseline: float = 40.0,
    broken: int = 0,
    label_f1: float = 1.0,
    **limits: Any,
) -> list[dict[str, Any]]:
    return find_alarms(
        {"en": {"all": {"retention": retention}}},
        scores(model, 60.0, 30.0),
        scores(baseline, 50.0, 20.0),
        defects(broken),
        {"en": {"SCNM": {"Nature": label_f1}}},
        dataclasses.replace(LIMITS, **limits),
    )


@pytest.mark.parametrize(
    ("kind", "figures"),
    [
        ("retention", {"retention": 0.79}),
        ("below_baseline", {"model": 39.9}),
        ("format_defects", {"broken": 2}),
        ("zero_f1", {"label_f1": 0.0}),
    ],
)
def test_each_sign_of_failure_raises_its_own_alarm(kind: str, figures: dict[str, Any]) -> None:
    assert alarms() == []
    assert [alarm["kind"] for alarm in alarms(**figures)] == [kind]


def test_alarms_follow_their_thresholds() -> None:
    assert alarms(retention=0.5, retention_below=0.4) == []
    assert alarms(model=1.0, below_baseline=False) == []
    assert alarms(label_f1=0.0, class_with_zero_f1=False) == []


def test_the_first_lines_say_where_the_model_does_not_beat_the_baseline() -> None:
    assert verdict(scores(50, 60, 30), scores(40, 50, 20), bounds()).startswith("The model beats the cheap baseline.")
    lost = verdict(scores(50, 60, 30), scores(40, 60, 31), bounds())
    assert lost.startswith("**The model does not beat the cheap baseline on WL, ALL.**")
    assert "TL 50 [10.0, 30.0] against 40" in lost
    assert "TL 1 of 1, WL 0 of 1, ALL 0 of 1" in lost


def test_docs_refuse_an_unknown_block() -> None:
    with pytest.raises(UserError, match="unknown generated block"):
        render("<!-- generated: nothing -->\n<!-- end -->", "README.md")


def test_the_generated_parts_of_the_docs_are_those_of_the_committed_files() -> None:
    done = here(["stages.report.docs", "--check"])
    assert done.returncode == 0, done.stderr


def test_every_committed_metric_passes_its_schema() -> None:
    files = sorted(str(path) for path in (ROOT / "metrics").glob("*.json"))
    assert files
    assert all(schema_of(path) != "record" for path in files)
    done = here(["stages.records.validate", *files])
    assert done.returncode == 0, done.stdout


def test_published_scores_carry_their_marks() -> None:
    entries = yaml.safe_load((ROOT / "stages/report/published.yaml").read_text(encoding="utf-8"))
    assert {entry["mark"] for entry in entries} <= {"P", "N", "I"}


def test_the_report_names_the_model_that_translated() -> None:
    report = (ROOT / "metrics/report.md").read_text(encoding="utf-8")
    translation = json.loads((ROOT / "metrics/translation.json").read_text(encoding="utf-8"))
    for row in translation.values():
        assert all(model in report for model in row["usage"]["models"])


def test_what_the_report_reads_is_what_dvc_watches() -> None:
    deps = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["report"]["deps"]
    watched = {path for path in deps if path.startswith(("metrics/", "data/"))}
    assert watched == {*(path for path, _ in METRICS.values()), WORST}


def test_a_project_without_model_or_references_has_a_report_of_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    outputs = ("report.md", "alarms.json", "headline.json")
    command = ["stages.report.report", *(word for name in outputs for word in (f"--{name.split('.')[0]}", name))]
    assert here(command, tmp_path).returncode == 0
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "Nothing was translated here." in text
    translation = json.loads((ROOT / "metrics/translation.json").read_text(encoding="utf-8"))
    for row in translation.values():
        for cell in row.values():
            for figure in ("chrf", "span_f1", "label_f1"):
                if isinstance(cell, dict):
                    cell.pop(figure, None)
                    cell.pop(f"{figure}_all", None)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/translation.json").write_text(json.dumps(translation), encoding="utf-8")
    assert here(command, tmp_path).returncode == 0
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "retention" in text
    assert "chrf kept" not in text
    assert "No model was scored here." in text
