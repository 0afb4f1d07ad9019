"""The command `python -m stages.scoring.evaluate`: what it writes, and what it refuses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stages.core.files import write_jsonl
from stages.core.schema import faults
from tests.support.pipeline import here
from tests.support.scoring import RIGHT, example, examples


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return here(["stages.scoring.evaluate", *arguments])


GOLD = [example(RIGHT, number=1), example(RIGHT, number=2)]
FINE = [{"id": item["id"], "output": item["output"], "finished": True} for item in GOLD]


@pytest.mark.parametrize(
    ("predictions", "gold", "fault"),
    [
        (None, GOLD, "pred.jsonl: no such file"),
        (FINE, [], "gold: holds no example"),
        ([*FINE, FINE[0]], GOLD, "pred.jsonl:3: duplicate id 'SCNM/NER/own/0001/ja'"),
        (FINE, [*GOLD, GOLD[1]], "gold.jsonl:3: duplicate id 'SCNM/NER/own/0002/ja'"),
        (FINE, GOLD[:1], "'SCNM/NER/own/0002/ja' is the id of no gold example"),
        ([{**FINE[0], "score": 1}], GOLD, "pred.jsonl:1: /: "),
        (FINE, [{**GOLD[0], "output": "社会/NER/:人名"}], "gold.jsonl:1: the gold output has format defects"),
        ([FINE[0], "{"], GOLD, "pred.jsonl:2: broken JSON"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path: Path, predictions: Any, gold: Any, fault: str) -> None:
    for name, rows in (("pred", predictions), ("gold", gold)):
        if rows is not None:
            lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
            (tmp_path / f"{name}.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    done = command(tmp_path / "pred.jsonl", tmp_path / "gold.jsonl", "--metrics", tmp_path / "metrics.json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert fault in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(")\n")  # the remedy
    assert sorted(tmp_path.iterdir()) == before


def test_examples_without_a_prediction_are_told(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "gold.jsonl", GOLD)
    write_jsonl(tmp_path / "pred.jsonl", FINE[:1])
    pred, gold = str(tmp_path / "pred.jsonl"), str(tmp_path / "gold.jsonl")
    said = f"warning: {pred}: no prediction for 1 of 2 examples, which count as wrong"
    for words in (["evaluate", pred, gold], ["external_scorers", pred, gold], ["compare", pred, pred, "--gold", gold]):
        done = here([f"stages.scoring.{words[0]}", *words[1:]])
        assert done.returncode == 0
        assert said in done.stderr, words


def test_command_writes_valid_files_or_prints_a_table(tmp_path: Path) -> None:
    joint = examples("joint")
    write_jsonl(tmp_path / "gold.jsonl", joint)
    rows = [{"id": item["id"], "output": item["output"], "finished": n % 2 == 0} for n, item in enumerate(joint)]
    write_jsonl(tmp_path / "pred.jsonl", rows[5:])
    files = {"metrics": "evaluation_metrics", "defects": "defect_metrics", "intervals": "interval_metrics"}
    options = [part for name in files for part in (f"--{name}", tmp_path / f"{name}.json")]
    contents = []
    for _ in range(2):
        done = command(tmp_path / "pred.jsonl", tmp_path / "gold.jsonl", *options)
        assert (done.returncode, len(done.stderr.splitlines())) == (0, 1)  # that five have no prediction
        contents.append([(tmp_path / f"{name}.json").read_bytes() for name in files])
    assert contents[0] == contents[1]
    for data, schema in zip(contents[0], files.values(), strict=True):
        assert faults(json.loads(data), schema) == []
    shown = command(tmp_path / "pred.jsonl", tmp_path / "gold.jsonl").stdout.splitlines()
    assert shown[0].split() == ["TL", "WL", "ALL", "n"]
    assert len(shown) == 26
    row = json.loads(contents[0][0])["ja"]["SCPOS-RW"]
    assert ["ja.SCPOS-RW", *(f"{row[key]:.2f}" for key in ("TL", "WL", "ALL")), str(row["n"])] in map(str.split, shown)


def test_outputs_that_a_repetition_ended_are_counted_where_the_predictions_say_so(tmp_path: Path) -> None:
    joint = examples("joint")
    write_jsonl(tmp_path / "gold.jsonl", joint)
    ended = [n for n, item in enumerate(joint) if item["lang"] == "ja"][:3]
    for said in (True, False):
        more = [{"repeated": n in ended} if said else {} for n in range(len(joint))]
        rows = [{"id": item["id"], "output": item["output"], "finished": True} for item in joint]
        write_jsonl(tmp_path / "pred.jsonl", [{**row, **own} for row, own in zip(rows, more, strict=True)])
        command(tmp_path / "pred.jsonl", tmp_path / "gold.jsonl", "--defects", tmp_path / "defects.json")
        found = json.loads((tmp_path / "defects.json").read_bytes())
        assert faults(found, "defect_metrics") == []
        if said:
            assert found["all"]["repetition"] == {"records": 3, "percent": round(300 / len(joint), 2)}
            assert found["ja"]["all"]["repetition"]["records"] == 3
            assert sum(row["repetition"]["records"] for name, row in found["ja"].items() if name != "all") == 3
            assert found["all"]["format"]["records"] == 0
        else:
            assert "repetition" not in found["all"]


def test_a_test_set_without_examples_has_empty_results_that_their_schemas_accept(tmp_path: Path) -> None:
    for name in ("pred", "gold"):
        (tmp_path / f"{name}.jsonl").write_bytes(b"")
    pred, gold = tmp_path / "pred.jsonl", tmp_path / "gold.jsonl"
    files = {
        "metrics": "evaluation_metrics",
        "defects": "defect_metrics",
        "intervals": "interval_metrics",
        "labels": "label_metrics",
    }
    options = [part for name in files for part in (f"--{name}", tmp_path / f"{name}.json")]
    done = command(pred, gold, *options)
    assert (done.returncode, done.stdout) == (0, f"{gold} holds no example: nothing is scored\n")
    compared = tmp_path / "compared.json"
    done = here(["stages.scoring.compare", pred, pred, "--gold", gold, "--metrics", compared])
    assert (done.returncode, done.stdout) == (0, f"{gold} holds no example: nothing is compared\n")
    for path, schema in [
        (compared, "comparison"),
        *((tmp_path / f"{name}.json", schema) for name, schema in files.items()),
    ]:
        assert json.loads(path.read_text(encoding="utf-8")) == {}
        assert faults({}, schema) == []
    assert faults({"en": {}}, "evaluation_metrics")  # anything else is whole
    assert command(pred, gold).returncode == 1  # a table of nothing is nobody's wish
