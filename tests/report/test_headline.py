"""What a terminal shows: few headline figures, at most ten lines of alarms, plots without a network."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from stages.core.schema import faults
from stages.report import plots, quality, report
from stages.report.alarms import show
from stages.report.inputs import read_metrics
from tests.support.pipeline import ROOT


def test_dvc_compares_the_headline_figures_only() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    made = [next(iter(item)) for entry in stages.values() for item in entry.get("do", entry).get("metrics", [])]
    assert sorted(made) == ["metrics/headline/scores.json", "metrics/headline/translation.json"]


def test_the_headline_is_a_few_figures_of_the_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    given = read_metrics()
    assert given["translation"]
    assert given["evaluation"]
    ours = quality.headline(given["translation"])
    scores = report.headline(given, 3)
    assert not faults(ours, "headline")
    assert not faults(scores, "headline")
    assert ours["en"]["retention"] == given["translation"]["en"]["all"]["retention"]
    assert scores["evaluation"]["WL"] == given["evaluation"]["all"]["WL"]
    assert scores["alarms"] == {"n": 3}
    none = dict.fromkeys(given)
    assert report.headline(none, 0) == {"alarms": {"n": 0}}


@pytest.mark.parametrize("kinds", [0, 3, 40])
def test_alarms_take_ten_lines_at_most_and_none_is_uncounted(
    kinds: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alarms = [
        {"kind": f"kind{n:02d}", "place": f"en.SCNM: {'label' * 30}", "value": 0.0, "bound": 0.0}
        for n in range(kinds)
        for _ in range(2)
    ]
    path = tmp_path / "alarms.json"
    path.write_text(json.dumps({"alarms": alarms}), encoding="utf-8")
    show(str(path))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{2 * kinds} alarms")
    assert str(path) in lines[0]
    assert len(lines) == min(kinds + 1, 10)
    assert max(map(len, lines[1:]), default=0) < 130
    if kinds > 8:
        assert lines[-1].strip() == f"… and {kinds - 8} more kinds and languages"


def test_the_template_of_plots_holds_the_library_and_names_no_server(tmp_path: Path) -> None:
    plots.main(["--out", str(tmp_path / "template.html")])
    text = (tmp_path / "template.html").read_text(encoding="utf-8")
    assert "{plot_divs}" in text
    assert "vegaEmbed" in text
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text.split("<script>")[0] + text.split("</script>")[-1])
