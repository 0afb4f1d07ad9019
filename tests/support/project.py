"""A folder in which stages run against a loopback endpoint, as DVC runs them."""

from __future__ import annotations

import contextlib
import importlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stages.core.files import read_json, write_json
from stages.records.record import Record
from stages.records.rules import write_records
from stages.translation.lines import read_translations
from tests.support.openai_server import MODEL, RECORDS, ROOT, image
from tests.support.params import params, write_params


def module_of(stage: str) -> str:
    return f"stages.translation.{stage.replace('tconer', 'text_classes')}"


class Project:
    """A temporary folder with params.yaml, records and glossaries; stages run in it as DVC runs them."""

    def __init__(self, folder: Path, records: Sequence[Record] = RECORDS, **llm: Any) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        write_records(folder / "records.jsonl", list(records))
        for lang in ("ja", "en", "zh"):
            entry = {"kept": None, "response": "0" * 64}
            labels = {label: {"label": image(label), **entry} for label in ("drug", "city")}
            write_json(folder / f"glossary-{lang}.json", {"lang": lang, "labels": labels})
        self.params(**llm)

    def params(self, **llm: Any) -> None:
        """Writes params.yaml: the project's, with this server's model, v1, no checks, and what is given."""
        values = params()
        base = {"model": MODEL, "structured": "json_object_schema", "temperature": 0.0, "seed": 0, "max_tokens": 600}
        values["llm"] = {**base, "concurrency": 2, "timeout_s": 30.0, "retries": 2}
        values["llm"] |= {"requests_per_minute": None, "tokens_per_minute": None, "give_up_s": 60.0}
        values["llm"] |= {"empty_retries": 0, "parameters": {}, **llm}
        values["translate"]["prompt"] = "v1"
        # What this server writes is no translation.
        values["checks"] = {key: False if isinstance(value, bool) else value for key, value in values["checks"].items()}
        write_params(self.folder, values)
        self.values = values

    def arguments(self, stage: str, lang: str = "en", **options: Any) -> list[str]:
        """The stage's arguments: outputs `out-<stage>-<lang>.…`, usage `usage/<stage>-<lang>.json`."""
        name = f"{stage}-{lang}"
        given: dict[str, Any] = {
            "records": "records.jsonl",
            "prompt": ROOT / "stages" / "prompts" / stage / "v1.yaml",
            "responses": "responses.jsonl.gz",
            "out": f"out-{name}.json" if stage == "glossary" else f"out-{name}.jsonl",
            "usage": f"usage/{name}.json",
        }
        if stage != "tconer":
            given["lang"] = lang
        if stage == "translate":
            given["glossary"] = f"glossary-{lang}.json"
        return [word for key, value in {**given, **options}.items() for word in (f"--{key}", str(value))]

    def filter_arguments(self, lang: str = "en") -> list[str]:
        """The filter's: what translate wrote, into `kept-`, `quarantine-` and `ledger-<lang>.jsonl`."""
        made = {f"--{name}": self.folder / f"{name}-{lang}.jsonl" for name in ("kept", "quarantine", "ledger")}
        given = {"--lang": lang, "--records": "records.jsonl", "--translated": f"out-translate-{lang}.jsonl", **made}
        return [str(word) for pair in given.items() for word in pair]

    def environment(self, url: str | None = None, **more: str) -> dict[str, str]:
        """Of a stage: online where a url is given, replay with no key else; the cache is this folder's."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "LLM_"))}
        online = {"LLM_MODE": "online", "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "any"} if url else {}
        return {**kept, "PYTHONPATH": str(ROOT), "LLM_CACHE": str(self.folder / "cache"), **online, **more}

    def start(self, stage: str, lang: str = "en", url: str | None = None, **options: Any) -> subprocess.Popen[str]:
        """The stage as a process of its own, with its output in pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", module_of(stage), *self.arguments(stage, lang, **options)],
            cwd=self.folder,
            env=self.environment(url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, stage: str, lang: str = "en", url: str | None = None, **options: Any) -> tuple[int, str, str]:
        """(exit code, stdout, stderr) of the stage as a process."""
        process = self.start(stage, lang, url, **options)
        out, err = process.communicate(timeout=600)  # on a busy machine
        return process.returncode, out, err

    def here(
        self, patch: pytest.MonkeyPatch, stage: str, lang: str = "en", url: str | None = None, **options: Any
    ) -> None:
        """The stage's main in this process, which is quicker: in this folder and environment."""
        patch.chdir(self.folder)
        for name, value in self.environment(url).items():
            patch.setenv(name, value)
        if not url:
            for name in ("LLM_MODE", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
                patch.delenv(name, raising=False)
        importlib.import_module(module_of(stage)).main(self.arguments(stage, lang, **options))

    def translations(self, lang: str = "en") -> dict[str, dict[str, Any]]:
        """What translate wrote, by id."""
        values = read_translations(self.folder / f"out-translate-{lang}.jsonl")
        return {value["id"]: value for value in values}

    def usage(self, name: str) -> Any:
        """One usage file."""
        return read_json(self.folder / "usage" / f"{name}.json")

    def cached(self) -> set[str]:
        """Keys in the cache, read as another process would."""
        path = self.folder / "cache" / "responses.sqlite"
        if not path.exists():
            return set()
        with contextlib.closing(sqlite3.connect(path)) as db:
            try:
                return {key for (key,) in db.execute("SELECT key FROM responses")}
            except sqlite3.OperationalError:  # killed before the table was made
                return set()

    def outputs(self) -> dict[str, bytes]:
        """Every output there is, temporary files too, by name."""
        made = [path for pattern in ("out-*", "usage/*", ".*") for path in self.folder.glob(pattern)]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in sorted(made)}
