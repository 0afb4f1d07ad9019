"""Cases from the wild: inputs that broke this product or others like it, each with what is right.

A kind is a folder `cases/<kind>/` with a `case.yaml`:

    what: one line, what the kind is
    seen: where it was met
    stage: raw                  # a stage of dvc.yaml, whose command is run, or several; or `run: python -m … …`
    then: python -m … …         # what is run after that
    lang: en                    # of a stage that runs once a language
    params: {mix: {seed: -1}}   # laid over the project's params, key by key
    files: {data/x.jsonl: …}    # text; or {text, encoding, gzip, repeat}, or {json} or {rows} or {copy: path in the project}
    answers: [{when: regex, say: text, finish_reason: …}, {status: 400, error: {…}}]   # an endpoint's, where a stage asks one;
                                # what else one may have: tests/support/chat_server.py; `times: 1`: only so often
    batch: [{lines: {0: 400}}]  # the answers come by the Batch API, with the Plans of tests/support/batch_server.py
    environment: {OPENAI_BASE_URL: …}
    exit: 1                     # the exit code
    says: regex                 # searched in what is printed
    out: {path: {lines: 3, has: [regex], lacks: [regex]}}    # path: null where nothing may be written
    open: why                   # of a case that is known to fall; tried and counted, and no failure of the tests
    cases: {name: {…}}          # the instances, each laid over the above

A case holds if all of it is so, if no exception but those for users is raised, and if no line of an error is longer than 300
characters. Commands run in this process, each in a new folder.
"""

from __future__ import annotations

import contextlib
import copy
import gzip
import importlib
import io
import json
import math
import re
import shlex
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stages.core.errors import LIMIT
from stages.core.run import exit_code
from tests.support.batch_server import BatchServer, Plan
from tests.support.chat_server import ChatServer, chat_server
from tests.support.params import params, write_params
from tests.support.pipeline import STAGES, surroundings

ROOT = Path(__file__).resolve().parents[2]
CASES = Path(__file__).resolve().parent / "cases"
KEYS = {
    "what",
    "seen",
    "stage",
    "run",
    "then",
    "lang",
    "params",
    "files",
    "answers",
    "batch",
    "exit",
    "says",
    "out",
    "open",
    "environment",
}


@dataclass(frozen=True)
class Case:
    """One input and what is right for it; `name` is kind/instance."""

    name: str
    given: dict[str, Any]

    @property
    def kind(self) -> str:
        """The folder it stands in."""
        return self.name.split("/")[0]


def laid_over(under: Any, over: Any) -> Any:
    """`over` in place of `under`; mappings are merged key by key."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return copy.deepcopy(over)
    return {**under, **{key: laid_over(under.get(key), value) for key, value in over.items()}}


def cases(folder: Path = CASES) -> list[Case]:
    """Every case, by name."""
    found = []
    for path in sorted(folder.glob("*/case.yaml")):
        given = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        for name, over in given.pop("cases").items():
            case = Case(f"{path.parent.name}/{name}", laid_over(given, over or {}))
            unknown = sorted(case.given.keys() - KEYS)
            if unknown:
                raise ValueError(f"{path}: {name}: unknown keys {unknown}")
            found.append(case)
    return found


def content(value: Any) -> bytes:
    """The bytes of a file of a case."""
    given = {"text": value} if isinstance(value, str) else value
    if "copy" in given:
        return (ROOT / given["copy"]).read_bytes()
    if "rows" in given:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in given["rows"])
    elif "json" in given:
        text = json.dumps(given["json"], ensure_ascii=False)
    else:
        text = given["text"]
    data = (text * given.get("repeat", 1)).encode(given.get("encoding", "utf-8"))
    return gzip.compress(data) if given.get("gzip") else data


def commands_of(given: Mapping[str, Any]) -> list[list[str]]:
    """The words of each command."""
    stages = given["stage"] if isinstance(given.get("stage"), list) else [given.get("stage")]
    first = [command_of({**given, "stage": stage}) for stage in stages]
    return [*first, command_of({"run": given["then"]})] if "then" in given else first


def command_of(given: Mapping[str, Any]) -> list[str]:
    """The words of a command after `python -m`."""
    text = given.get("run") or STAGES[given["stage"]]["cmd"]
    prompt = given.get("params", {}).get("translate", {}).get("prompt", "v2")
    text = text.replace("${item.lang}", given.get("lang", "")).replace("${translate.prompt}", prompt)
    words = shlex.split(text)
    if words[:2] != ["python", "-m"]:
        raise ValueError(f"no python -m command: {text}")
    return words[2:]


def prepare(given: Mapping[str, Any], folder: Path) -> None:
    """Writes params and files."""
    own = laid_over(params(), {"raw": {"second": None}})  # a case has its own files alone
    write_params(folder, laid_over(own, given.get("params", {})))
    (folder / "stages").symlink_to(ROOT / "stages")
    for name, value in given.get("files", {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(value))


def run_command(words: list[str], folder: Path, environment: Mapping[str, str]) -> tuple[int | str, str]:
    """(exit code, all that was printed); the code is a traceback where an exception got out."""
    out, own = io.StringIO(), {"LLM_CACHE": str(folder / "cache"), **environment}
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), surroundings(folder, own):
        try:
            main = importlib.import_module(words[0]).main
            return exit_code(lambda: main(words[1:])), out.getvalue()
        except SystemExit as end:  # argparse, and commands that end so
            if isinstance(end.code, str):
                print(end.code)
            return (end.code if isinstance(end.code, int) else int(end.code is not None)), out.getvalue()
        except Exception:
            return traceback.format_exc(), out.getvalue()


def _wrong_output(path: Path, expected: Any) -> Iterator[str]:
    if expected is None:
        if path.exists():
            yield f"{path.name} was written"
        return
    if not path.exists():
        yield f"{path.name} was not written"
        return
    text = path.read_text(encoding="utf-8")
    if "lines" in expected and len(text.splitlines()) != expected["lines"]:
        yield f"{path.name} has {len(text.splitlines())} lines, not {expected['lines']}"
    yield from (f"{path.name} lacks {part}" for part in expected.get("has", []) if not re.search(part, text))
    yield from (f"{path.name} has {part}" for part in expected.get("lacks", []) if re.search(part, text))


def answering(entries: list[dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What an endpoint answers: the first entry that fits and is not used up."""
    used = Counter[int]()

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        said = json.dumps(body["messages"], ensure_ascii=False)
        fits = (
            n
            for n, entry in enumerate(entries)
            if re.search(entry.get("when", ""), said) and used[n] < entry.get("times", math.inf)
        )
        n = next(fits)
        used[n] += 1
        return {"content": entries[n].get("say"), "finish_reason": "stop", **entries[n]}

    return answer


def faults(case: Case) -> list[str]:
    """What is not as the case says; empty if it holds."""
    given = case.given
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder, environment = Path(name).resolve(), {"LLM_MODE": "replay"}
        prepare(given, folder)
        if "answers" in given:
            answers = answering(given["answers"])
            server: ChatServer | BatchServer
            if "batch" in given:
                plans = [Plan(**plan) for plan in given["batch"]]
                server = stack.enter_context(BatchServer(*plans, say=lambda body: str(answers(body)["content"])))
            else:
                server = stack.enter_context(chat_server(answers))
            environment = {"LLM_MODE": "batch" if "batch" in given else "online", "OPENAI_API_KEY": "right"}
            environment["OPENAI_BASE_URL"] = server.url
        environment |= given.get("environment", {})
        code, printed = 0, ""
        for words in commands_of(given):
            code, said = run_command(words, folder, environment)
            printed += said
            if isinstance(code, str):
                return [code]
            if code:
                break
        found = [] if code == given.get("exit", 0) else [f"exit code {code}: {printed[-500:]}"]
        if not re.search(given.get("says", ""), printed):
            found.append(f"says {printed[-500:]!r}, not {given['says']!r}")
        if code and any(len(line) > LIMIT for line in printed.splitlines()):
            found.append("a line is longer than a message may be")
        for path, expected in given.get("out", {}).items():
            found += _wrong_output(folder / path, expected)
        return found
