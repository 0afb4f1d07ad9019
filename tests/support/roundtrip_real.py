"""Real texts through raw, validate and the linear format: `make roundtrip` prints what is lost, exit code 1 if anything.

The Wikipedia sentences are read from `../shared/data` (or `$MMM_SHARED`), hironsancorpus from `tests/downloads`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
WIKIPEDIA = Path(os.environ.get("MMM_SHARED", ROOT.parent / "shared")) / "data" / "ner-wikipedia-ja" / "ner.json"
HIRONSAN = ROOT / "tests" / "downloads" / "hironsancorpus-0.1.2.tar.gz"
PINS = {"hironsan": "9ea6a147c7f62433c19492eeaef1da846e038722e01f7c8dc40c406ee7504ae1", "wikipedia": None}


def main() -> int:
    knobs = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    paths = {"wikipedia": WIKIPEDIA, "hironsan": HIRONSAN}
    knobs["raw"]["sources"] = [
        {"name": name, "adapter": name, "path": str(path), "pin": PINS[name], "limit": None}
        for name, path in paths.items()
        if path.exists()
    ]
    for name, path in paths.items():
        if not path.exists():
            print(f"{name}: {path} is absent, not run")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
        for command in (
            ["stages.sources.raw", "--records", "records.jsonl", "--references", "references.jsonl"],
            ["stages.records.validate", "--schema", "record", "records.jsonl"],
            ["stages.records.roundtrip", "records.jsonl"],
        ):
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            code = subprocess.run([sys.executable, "-m", *command], cwd=folder, env=environment).returncode
            if code:
                return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
