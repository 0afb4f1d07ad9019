"""The command line under wrong input: sound files and params, broken in a place or two, never end in a traceback.

    python -m tests.wild.fuzz [--tries 2000] [--seed 0]

A try takes a command of the pipeline that needs no endpoint, breaks its params, files or arguments, and runs it in this process.
It holds if the command ends with an exit code and, where that is not 0, with lines of bounded length. Prints how many tries of
each command ended with which code, and of each fault the shortest example.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from stages.core.config import build, load
from stages.core.errors import LIMIT
from stages.core.run import run
from stages.dataset.mix import Mix, example_of
from stages.records.record import Record
from stages.sources import sample
from stages.sources.common import Source
from stages.sources.raw import ADAPTERS
from tests.sources.test_imports import EXPECTED
from tests.wild.frame import ROOT, command_of, run_command

ODD: list[Any] = [
    None, True, -1, 0, 1, 3.5, 10**6, "", " ", "x", "ja", "ja\n", "a/b", "\u200b", "🎵", "NER", "TCREE", "SCNM", [], {}, [[]],
    ["x"], {"text": "x"}, {"a": {"b": []}}, "x" * 3000, [0] * 300, "2026-11-30", "data/none", "data", "../x", "人名", "en",
]  # fmt: skip
BYTES = [
    b"",
    b"\n",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\x1f\x8b\x08\x00",
    b"[",
    b"{",
    b'"',
    b"\xed\xa0\x80",
    b"\\ud800",
    b"1e999",
]
Files = dict[str, bytes]
Scene = tuple[str, list[str], dict[str, Any], Files]  # name, command, params, files


def _lines(rows: Sequence[Any]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _data() -> Files:
    """Some records of the sample at every station of the pipeline."""
    source = Source("sample", "sample", str(ROOT / "data" / "sample"), None, 3)
    records, references = sample.records(source), sample.references(source)
    files = {"data/tconer/records.jsonl": _lines(records), "data/raw/references.jsonl": _lines(references)}
    for lang in ("ja", "en", "zh"):
        own = [record for record in references if record["lang"] == lang]
        rows = [_translation(record) for record in own]
        files |= {f"data/{place}/{lang}.jsonl": _lines(own) for place in ("filtered", "calibrated")}
        files |= {f"data/{place}/{lang}.jsonl": _lines(rows) for place in ("translated", "quarantine")}
    options = build(load(ROOT / "params.yaml")["mix"], Mix, "mix")
    test = [{**example_of(record, options)} for record in records if record["split"] == "test"]
    predictions = [{"id": row["id"], "output": row["output"], "finished": True} for row in test]
    files |= {f"data/mix/{part}.jsonl": _lines(test) for part in ("train", "test")}
    files |= {"data/raw/natural.jsonl": b"", "data/raw/second.jsonl": b"", "data/mix/second.jsonl": b""}
    return {**files, "data/predictions/test.jsonl": _lines(predictions)}


def _translation(record: Record) -> dict[str, Any]:
    lang = "en" if record["subset"] == "TCONER" else "ja"
    fields = {"response": "0" * 64, "failure": None, "model": "first", "steps": {}}
    return {"id": record["id"], "source_id": record["id"].rpartition("/")[0] + "/" + lang, **fields, "record": record}


@cache
def scenes() -> list[Scene]:
    """Every command with sound params and files."""
    params, data = load(ROOT / "params.yaml"), _data()
    found = list[Scene]()

    def add(name: str, words: list[str], sections: Sequence[str], files: Files, **changes: Any) -> None:
        kept = {section: params[section] for section in sections}
        found.append((name, words, copy.deepcopy({**kept, **changes}), files))

    imports = [(adapter, content, options) for adapter, content, options, _ in EXPECTED]
    imports.append(
        (
            "wikipedia",
            '[{"curid": "1", "text": "雪の盛岡市", "entities": [{"name": "盛岡市", "span": [2, 5], "type": "地名"}]}]',
            {},
        )
    )
    imports.append(("jsonl", [{**row, "source": "own", "id": row["id"].replace("sample", "own")} for row in map(orjson.loads, data["data/tconer/records.jsonl"].splitlines()[:3])], {}))  # fmt: skip
    assert {adapter for adapter, _, _ in imports} <= set(ADAPTERS)
    for adapter, content, options in imports:
        text = (
            content
            if isinstance(content, str)
            else _lines(content if isinstance(content, list) else [content]).decode()
        )
        entry = {"name": "own", "adapter": adapter, "path": "own.txt", "pin": None, "limit": None, **options}
        add(
            f"raw {adapter}",
            command_of({"stage": "raw"}),
            ["languages"],
            {"own.txt": text.encode()},
            raw={"sources": [entry]},
        )
    for stage, sections in [("calibrate", ["languages"]), ("filter", ["checks", "filter", "languages"]), ("mix", ["languages", "mix"]), ("data_checks", ["data_checks"])]:  # fmt: skip
        words = command_of({"stage": stage, "lang": "en"})
        files = {name: content for name, content in data.items() if name in words or str(Path(name).parent) in words}
        add(stage, words, sections, {**files, "data/calibration/p.jsonl": b""} if stage == "calibrate" else files)
    words = command_of({"run": "python -m stages.scoring.evaluate data/predictions/test.jsonl data/mix/test.jsonl --metrics m/a.json --defects m/b.json --intervals m/c.json --labels m/d.json"})  # fmt: skip
    add(
        "evaluate",
        words,
        [],
        {name: data[name] for name in words[1:3]},
        evaluate={**params["evaluate"], "resamples": 10},
    )
    record = {"own.jsonl": data["data/filtered/en.jsonl"]}
    add("validate", ["stages.records.validate", "own.jsonl"], [], record)
    add("roundtrip", ["stages.records.roundtrip", "own.jsonl"], [], record)
    for form in ("conll", "doccano", "iepile", "label_studio", "universal_ner", "linear", "parquet"):
        add(f"export {form}", ["stages.exports.export", "--format", form, "--out", "out", "own.jsonl"], [], record)
    add("graph", ["stages.core.graph", "stages.dataset.mix"], [], {})
    return found


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *places(value[key])]]


def odd_value(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value changed in one place: another value, a key gone, a key more."""
    value = copy.deepcopy(value)
    found = places(value)
    if not found:
        return draw(st.sampled_from(ODD))
    container, key = found[draw(st.integers(0, 10**6)) % len(found)]
    match draw(st.sampled_from(["set", "set", "set", "delete", "add"])):
        case "set":
            container[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
        case "delete":
            del container[key]
        case _ if isinstance(container, dict):
            container["odd"] = copy.deepcopy(draw(st.sampled_from(ODD)))
        case _:
            container.append(copy.deepcopy(draw(st.sampled_from(ODD))))
    return value


def odd_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """A file changed in one place: a JSON value in a line, or bytes put in, cut off, doubled, in another encoding."""
    lines = data.splitlines(keepends=True) or [b""]
    n = draw(st.integers(0, 10**6)) % len(lines)
    at = draw(st.integers(0, 10**6)) % (len(data) + 1)
    match draw(st.sampled_from(["json", "json", "json", "insert", "cut", "line", "twice", "encoding", "list"])):
        case "json":
            try:
                lines[n] = json.dumps(odd_value(draw, json.loads(lines[n]))).encode() + b"\n"
            except ValueError:
                lines[n] = draw(st.sampled_from(BYTES)) + lines[n]
            return b"".join(lines)
        case "insert":
            return data[:at] + draw(st.sampled_from(BYTES)) + data[at:]
        case "cut":
            return data[:at]
        case "line":
            return b"".join(lines[:n] + lines[n + 1 :])
        case "twice":
            return data + lines[n]
        case "encoding":
            return data.decode("utf-8", "replace").encode(
                draw(st.sampled_from(["utf-16", "utf-8-sig", "cp932", "utf-32"])), "replace"
            )
    return b"[" + b",".join(line.strip() for line in lines) + b"]"


@st.composite
def tries(draw: st.DrawFn) -> tuple[str, list[str], bytes, Files]:
    """(name, command, params.yaml, files) of a command that is broken in one to three places."""
    name, words, params, files = draw(st.sampled_from(scenes()))
    words, files = list(words), dict(files)
    written = yaml.safe_dump(params, allow_unicode=True).encode()
    for _ in range(draw(st.integers(1, 3))):
        match draw(st.sampled_from(["params", "file", "file", "file", "argument", "yaml", "gone"])):
            case "params" if params:
                params = odd_value(draw, params)
                written = yaml.safe_dump(params, allow_unicode=True).encode()
            case "yaml":
                written = odd_bytes(draw, written)
            case "argument":
                words[draw(st.integers(1, len(words) - 1))] = draw(
                    st.sampled_from(["x", "", "-1", "--no", "data", "own.txt", "zh", "é" * 300])
                )
            case "gone" if files:
                del files[draw(st.sampled_from(sorted(files)))]
            case _ if files:
                chosen = draw(st.sampled_from(sorted(files)))
                files[chosen] = odd_bytes(draw, files[chosen])
    return name, words, written, files


def attempt(words: list[str], params: bytes, files: Files) -> int:
    """The exit code of one try; AssertionError where it ended as no command may."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "stages").symlink_to(ROOT / "stages")
        (folder / "params.yaml").write_bytes(params)
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        code, printed = run_command(words, folder, {"LLM_MODE": "replay"})
        assert isinstance(code, int), code
        if code == 1:
            assert printed.strip(), "a failure without a word"
            long = [line for line in printed.splitlines() if len(line) > LIMIT]
            assert not long, f"a line of {len(long[0])} characters: {long[0][:200]}"
        left = list(folder.rglob(".*.tmp"))
        assert not left, f"half written: {left}"
        return code


def unsound() -> list[str]:
    """The commands that fail as they are, unbroken: there should be none."""
    return [
        name
        for name, words, params, files in scenes()
        if attempt(words, yaml.safe_dump(params, allow_unicode=True).encode(), files)
    ]


def fuzz(count: int, start: int) -> tuple[Counter[tuple[str, int]], dict[tuple[str, str], str]]:
    """(how many tries of each command ended with each exit code, what fell: an example by command and fault)."""
    ended, fallen = Counter[tuple[str, int]](), dict[tuple[str, str], str]()

    @seed(start)
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])  # fmt: skip
    @given(tries())
    def one(case: tuple[str, list[str], bytes, Files]) -> None:
        name, words, params, files = case
        try:
            ended[name, attempt(words, params, files)] += 1
        except AssertionError as error:
            told = str(error).strip().splitlines()
            shown = {path: data[:2000].decode("utf-8", "replace") for path, data in files.items()}
            example = f"{chr(10).join(told[-6:])}\n  {words}\n  {params[:1500]!r}\n  {shown}"
            known = fallen.get((name, told[-1]), example)
            fallen[name, told[-1]] = min(example, known, key=len)

    one()
    return ended, fallen


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wild.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--tries", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    ended, fallen = fuzz(options.tries, options.seed)
    for name in sorted({name for name, _ in ended}):
        print(f"{name}: " + ", ".join(f"exit {code} {n}" for (own, code), n in sorted(ended.items()) if own == name))
    for (name, _), example in fallen.items():
        print(f"{name} fell: {example}")
    print(f"{ended.total()} tries ended as they should, {len(fallen)} faults")
    return int(bool(fallen))


if __name__ == "__main__":
    run(main)
