"""A hub that nobody answers at: real tries, with the real waits between them, which take most of a minute."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from tests.support.params import params
from tests.support.pipeline import ROOT


def test_a_hub_out_of_reach_is_one_line(tmp_path: Path) -> None:
    knobs = params()
    knobs["base"] = {"source": "hf:no/model@" + "0" * 40, "sha256": None, "terms": []}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "stages.model.base", "--out", "models/base"],
        cwd=tmp_path,
        env={
            "PATH": "",
            "PYTHONPATH": str(ROOT),
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HF_HUB_VERBOSITY": "error",  # as the Makefile has it: each retry is told otherwise
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "not loaded" in done.stderr
    assert not (tmp_path / "models").exists()
