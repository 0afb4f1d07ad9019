"""Comparing two systems: planted effects, null effects, corrections, and the sides that can be named."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dvc.repo import Repo

from benchmarks.common import RESULTS
from benchmarks.compare import by_record, planted, rates, simulated
from stages.core.errors import UserError
from stages.core.files import read_json, write_jsonl
from stages.core.schema import faults
from stages.scoring.compare import GOLD, PREDICTIONS, compare, compare_sides, holm, main, p_value, same_gold, table
from tests.support.scoring import ROOT, examples

Lines = list[dict[str, Any]]


def predictions(gold: Lines, wrong: int) -> Lines:
    """Gold's own outputs, but nothing for every text whose hash is divisible by `wrong`."""
    return [
        {"id": item["id"], "output": "" if int(item["group"], 16) % wrong == 0 else item["output"], "finished": True}
        for item in gold
    ]


@pytest.fixture(scope="module")
def gold() -> Lines:
    return examples("joint")


@pytest.fixture
def files(gold: Lines, tmp_path: Path) -> tuple[str, str, str]:
    """(A, B, gold) as files; B is right more often."""
    paths = [str(tmp_path / name) for name in ("a.jsonl", "b.jsonl", "gold.jsonl")]
    for path, lines in zip(paths, (predictions(gold, 2), predictions(gold, 5), gold), strict=True):
        write_jsonl(path, lines)
    return paths[0], paths[1], paths[2]


@pytest.mark.slow
def test_a_planted_effect_is_found_with_the_stated_power() -> None:
    generator = np.random.default_rng(1)
    tables = (simulated(100, planted(100), generator) for _ in range(150))
    found = rates(tables, 200)
    assert 70 <= found["ALL"] <= 90, "80 % within three binomial errors"
    assert found["detectable"] == pytest.approx(100 * planted(100), rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("texts", [13, 100], ids=["a cell of the sample", "many texts"])
def test_a_null_effect_is_found_in_one_table_of_twenty(texts: int) -> None:
    generator = np.random.default_rng(2)
    found = rates((simulated(texts, 0.0, generator) for _ in range(80)), 200)
    assert found["ALL"] <= 12.4, "5 % within three binomial errors"
    assert found["WL"] <= 12.4


@pytest.mark.slow
def test_records_of_a_text_taken_for_independent_find_effects_that_are_not_there() -> None:
    generator = np.random.default_rng(3)
    found = rates((by_record(simulated(100, 0.0, generator)) for _ in range(40)), 200)
    assert found["ALL"] > 12.4, "which is why groups are drawn"


def test_the_committed_measurements_say_what_the_docs_say() -> None:
    result = read_json(RESULTS / "compare.json")
    assert max(result["seconds_10000_draws_of_5000_records"].values()) < 1
    assert result["tables"] == 1000
    for texts in (13, 52, 200):
        null = result[f"{texts} texts"]["null"]
        assert all(2.9 <= null[level] <= 7.1 for level in ("WL", "ALL")), "5 % within three binomial errors"
    for texts in (52, 200):
        assert 76.2 <= result[f"{texts} texts"]["planted"]["ALL"] <= 83.8, "80 % likewise"


def test_holm_by_hand() -> None:
    # the least of four times 4, the next times 3, never below the one before; in the order given
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def test_p_counts_the_draws_as_far_off_as_observed() -> None:
    drawn = np.array([5.0, 1.0, 9.0, 10.0, 4.0] * 20_000)  # off 5 by 0, 4, 4, 5, 1
    # widened by next to nothing for so many texts: one draw of five is as far off as the difference itself
    assert p_value(5.0, drawn, 10_000_000, 1000) == pytest.approx((20_000 + 1) / 100_001)
    assert p_value(0.0, drawn, 1000, 0) == 1
    assert p_value(5.0, np.full(999, 5.0), 13, 5) == 2**-4, "five texts to none can be chance once in 16 times"
    assert p_value(5.0, np.full(999, 5.0), 1, 1) == 1


def test_one_side_better_on_most_texts_is_significant_and_equal_sides_are_not(files: tuple[str, str, str]) -> None:
    a, b, gold = files
    result = compare_sides(a, b, gold, 500, 0)
    whole = result["comparison"]["all"]["ALL"]
    assert whole["difference"] == pytest.approx(whole["b"] - whole["a"], abs=0.011)
    assert 0 < whole["low"] < whole["difference"] < whole["high"]
    assert whole["p"] < 0.05
    assert whole["detectable"] > 0
    same = compare_sides(a, a, gold, 100, 0)["comparison"]["all"]["ALL"]
    assert (same["difference"], same["low"], same["high"], same["p"]) == (0, 0, 0, 1)
    assert "detectable" not in same
    turned = compare_sides(b, a, gold, 500, 0)["comparison"]["all"]["ALL"]
    assert (turned["difference"], turned["p"]) == (-whole["difference"], whole["p"])


def test_there_are_21_cells_corrected_over_their_number_and_totals_that_are_not(files: tuple[str, str, str]) -> None:
    result = compare_sides(*files, 300, 0)
    assert not faults(result, "comparison")
    nested = result["comparison"]
    cells = [row for lang in ("ja", "en", "zh") for name, row in nested[lang].items() if name != "all"]
    assert len(cells) == 21
    assert all(row["TL"]["holm"] >= row["TL"]["p"] for row in cells)
    least = min(row["WL"]["p"] for row in cells)
    assert min(row["WL"]["holm"] for row in cells) == pytest.approx(min(1.0, 21 * least), abs=1e-4)
    assert "holm" not in nested["all"]["TL"]
    assert "holm" not in nested["ja"]["all"]["TL"]
    assert nested["all"]["groups"] < nested["all"]["n"]


def test_folders_hold_predictions_and_gold_and_the_metrics_are_a_file(
    gold: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, wrong in (("one", 2), ("two", 5)):
        write_jsonl(tmp_path / name / PREDICTIONS, predictions(gold, wrong))
        write_jsonl(tmp_path / name / GOLD, gold)
    monkeypatch.chdir(ROOT)  # where params.yaml is
    metrics = tmp_path / "metrics.json"
    main([str(tmp_path / "one"), str(tmp_path / "two"), "--metrics", str(metrics)])
    assert not faults(read_json(metrics), "comparison")
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("ja.")]) == 3 * 8


def test_another_gold_is_refused_with_the_ids_that_differ(gold: Lines, tmp_path: Path) -> None:
    changed = [{**gold[0], "output": gold[0]["output"] + ":x;y"}, *gold[2:]]
    a, b, turned = tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "c.jsonl"
    write_jsonl(a, gold)
    write_jsonl(b, changed)
    write_jsonl(turned, gold[::-1])
    with pytest.raises(UserError, match=f"2 of {len(gold)} ids differ: ") as caught:
        same_gold(a, b, ("A", "B"))
    assert gold[0]["id"] in str(caught.value)
    assert gold[1]["id"] in str(caught.value)
    assert same_gold(a, turned, ("A", "B")) == same_gold(a, a, ("A", "B"))


def test_a_revision_is_read_from_the_cache_without_a_network(
    gold: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "t")
        monkeypatch.setenv(f"{name}_EMAIL", "t@localhost")

    def git(*words: str) -> None:
        subprocess.run(["git", *words], check=True, capture_output=True)

    git("init", "--quiet")
    repo = Repo.init()
    write_jsonl(GOLD, gold)
    write_jsonl(PREDICTIONS, predictions(gold, 2))
    repo.add([GOLD, PREDICTIONS])
    repo.close()
    git("add", "--all")
    git("commit", "--quiet", "--message", "one")
    write_jsonl(Path("new") / GOLD, gold)
    write_jsonl(Path("new") / PREDICTIONS, predictions(gold, 5))
    Path(GOLD).unlink()
    Path(PREDICTIONS).unlink()
    result = compare_sides("HEAD", "new", "unused", 100, 0)
    assert result["comparison"]["all"]["ALL"]["difference"] > 0
    with pytest.raises(UserError, match="no-such: neither a file nor a folder"):
        compare_sides("no-such", "new", "unused", 100, 0)


def test_one_text_only_shows_nothing() -> None:
    rows = simulated(1, 0.0, np.random.default_rng(0))
    result = compare(rows, 100, 0)
    assert result["all"]["ALL"]["p"] == 1
    head = {"a": "a", "b": "b", "gold_sha256": "0" * 64, "resamples": 100, "seed": 0, "level": 95, "power": 0.8}
    assert not faults(json.loads(json.dumps({**head, "comparison": result})), "comparison")
    assert table({**head, "comparison": result})
