"""What a newcomer does with DVC, in a fresh clone with an empty HOME: rebuild the data side, replay, experiment, pull."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.report.verify import lock_differences

ROOT = Path(__file__).resolve().parents[2]
# Commands of the README that want a screen, wait for a person, or train.
NOT_RUN = ("xdg-open ", "make review ", "dvc exp run -S mix.view=")
UNSHARE = ["unshare", "--map-root-user", "--net"]


class Clone:
    """A clone of HEAD, with this environment's commands and a HOME of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "clone"
        home = folder / "home"
        home.mkdir()
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "LLM_CACHE": str(folder / "cache"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_AUTHOR_NAME": "t",
            "GIT_AUTHOR_EMAIL": "t@example.org",
            "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@example.org",
        }
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LLM_MODE"):
            self.environment.pop(name, None)
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.path)], check=True)

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(
            command, cwd=self.path, env=self.environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def lock(self) -> dict[str, dict[str, object]]:
        lock: dict[str, dict[str, object]] = yaml.safe_load((self.path / "dvc.lock").read_text(encoding="utf-8"))
        return lock


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = Clone(tmp_path_factory.mktemp("clone"))
    made.run("dvc", "pull", "--quiet", "data/responses.jsonl.gz.dvc")
    made.run("dvc", "repro", "quality", "mix")
    return made


def test_the_data_side_is_rebuilt_with_the_committed_hashes(clone: Clone) -> None:
    committed = yaml.safe_load(subprocess.check_output(["git", "show", "HEAD:dvc.lock"], cwd=clone.path))
    rebuilt = clone.lock()
    made = {"stages": {name: stage for name, stage in rebuilt["stages"].items() if name in committed["stages"]}}
    assert {"raw", "translate@en", "translate@zh", "mix", "quality"} <= made["stages"].keys()
    assert list(lock_differences(committed, rebuilt)) == []
    assert clone.run("git", "status", "--porcelain") == ""


def test_a_second_repro_has_nothing_to_do(clone: Clone) -> None:
    assert "Running stage" not in clone.run("dvc", "repro", "quality", "mix")


def test_replay_with_the_network_denied_gives_the_same_bytes(clone: Clone) -> None:
    if shutil.which("unshare") is None or subprocess.run([*UNSHARE, "true"], check=False).returncode:
        pytest.skip("unshare cannot make a network namespace here")
    before = clone.lock()
    assert "Running stage 'translate@en'" in clone.run(
        *UNSHARE, "dvc", "repro", "--force", "--single-item", "translate@en"
    )
    assert clone.lock() == before


def test_a_response_that_is_not_recorded_is_one_line_that_says_what_to_set(clone: Clone) -> None:
    prompts = clone.path / "stages/prompts/translate"
    text = (prompts / "v1.yaml").read_text(encoding="utf-8")
    (prompts / "mine.yaml").write_text(text.replace("professional", "careful"), encoding="utf-8")
    knobs = clone.path / "params.yaml"
    old = knobs.read_text(encoding="utf-8")
    knobs.write_text(old.replace("prompt: v2 ", "prompt: mine "), encoding="utf-8")
    lock = clone.lock()
    told = clone.run("dvc", "repro", "translate@en", code=255)
    knobs.write_text(old, encoding="utf-8")
    (prompts / "mine.yaml").unlink()
    assert "120 of 120 requests have no recorded response" in told
    assert "LLM_MODE=online" in told
    assert "Traceback" not in told
    assert clone.lock() == lock
    clone.run("dvc", "checkout", "--quiet", "translate@en")


def test_the_commands_of_the_readme_run_and_say_the_same_of_two_prompts(clone: Clone) -> None:
    text = (clone.path / "README.md").read_text(encoding="utf-8").partition("## Start")[2]
    runs = [
        re.split(r"\s{2,}#|\s+# ", line)[0].strip()
        for line in re.findall(r"```sh\n(.*?)```", text, re.S)[1].splitlines()
    ]
    runs = [run for run in runs if run and not run.startswith(("#", *NOT_RUN))]
    gold = [json.loads(line) for line in (clone.path / "data/mix/test.jsonl").open(encoding="utf-8")]
    for name, wrong in (("baseline", True), ("test", False)):  # nothing is trained here: answers made of the gold ones
        path = clone.path / f"data/predictions/{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        lines = [{"id": e["id"], "output": "" if wrong else e["output"], "finished": True} for e in gold]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    said = {run: clone.run(*re.sub(r"^make ", "make -o .venv/with-data ", run).split()) for run in runs}
    assert len(said) > 5
    assert "en.chrf_all" in said["dvc metrics show"]
    assert "SCNM/NER/sample/0012" in next(told for run, told in said.items() if "trace" in run)
    # After the experiment with v1 the workspace differs from HEAD by the prompt alone: the table has the same figures.
    changed = json.loads(clone.run("dvc", "metrics", "diff", "--json"))["metrics/headline/translation.json"]
    table = next(told for run, told in said.items() if run.startswith("make compare"))
    for lang in ("ja", "en", "zh"):
        for figure, row in (("kept", "kept of"), ("chrf", "chrF of the kept"), ("span_f1_all", "span F1 of all")):
            line = next(line for line in table.splitlines() if line.startswith(lang) and row in line)
            both = re.findall(r"\d+(?:\.\d+)?", line.split(row)[1].replace("(", " ("))
            values = [both[1], both[3]] if figure == "kept" else both[:2]
            told = changed[f"{lang}.{figure}"]
            assert [float(value) for value in values] == pytest.approx([told["new"], told["old"]], abs=0.005), line
    for path in (clone.path / "data/predictions").iterdir():
        path.unlink()
    clone.run("git", "checkout", "--quiet", ".")
    clone.run("dvc", "checkout", "--quiet", "--allow-missing")


def test_the_released_adapter_comes_without_an_account(clone: Clone) -> None:
    clone.run("dvc", "pull", "models/oiellm")
    assert (clone.path / "models/oiellm/ADAPTER.json").exists()
    assert (clone.path / "models/oiellm/adapter_model.safetensors").stat().st_size < 20_000_000


def test_the_graph_can_be_drawn(clone: Clone) -> None:
    assert "translate@zh" in clone.run("dvc", "dag", "--mermaid")
