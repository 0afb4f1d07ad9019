"""The own-data command up to its yes, as a process: what it reads, and what it refuses before it asks anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.core.files import write_jsonl
from tests.support.pipeline import ROOT

TABLE = {
    "subset": "NEWS", "source_lang": "en", "text_labels": {"en": ["Weather", "Other"], "ja": ["天気", "他"]},
    "tasks": {
        "NER": {"kind": "span", "word": "News NER", "labels": {"en": ["What", "Where"], "ja": ["何", "所"]}},
        "RE": {"kind": "relation", "word": "News RE", "labels": {"en": ["In", "Near"], "ja": ["中", "近"]}},
    },
}  # fmt: skip
ENTITIES = [
    {"id": 1, "label": "What", "start_offset": 0, "end_offset": 4},
    {"id": 2, "label": "Where", "start_offset": 8, "end_offset": 12},
]
RELATIONS = [{"from_id": 1, "to_id": 2, "type": "In"}]


@pytest.mark.slow
def test_files_of_which_one_has_relations_and_a_budget_that_no_price_can_keep(tmp_path: Path) -> None:
    (tmp_path / "NEWS.json").write_text(json.dumps(TABLE), encoding="utf-8")
    write_jsonl(tmp_path / "a.jsonl", [{"text": "Snow in Kobe.", "entities": ENTITIES, "relations": RELATIONS}])
    write_jsonl(tmp_path / "b.jsonl", [{"text": "Rain in Oslo.", "entities": ENTITIES, "relations": []}])
    words = "a.jsonl b.jsonl --lang en --table NEWS.json --task NER RE --to ja --model nobody-s --into p --budget 1"
    done = subprocess.run(
        [sys.executable, "-m", "stages.project.translate", *words.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LLM_CACHE": str(tmp_path / "cache"), "LLM_MODE": "online"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "a-RE: 1 records; lost: nothing" in done.stdout
    assert "b: 1 records; lost: nothing" in done.stdout
    assert "b-RE: 0 records; data/external/b.jsonl has no relation" in done.stdout
    assert "3 records," in done.stdout
    # The price is said, and the budget refused, before anybody is asked for a yes.
    assert "translate ja" in done.stdout
    assert done.stderr.startswith("translate.budget_usd: nobody-s has no price, so no budget can be kept")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
