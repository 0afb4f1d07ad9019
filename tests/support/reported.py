"""A small project's artifacts for the report: hostile and plain records, translated, filtered, mixed and predicted."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.core import config
from stages.core.files import dumps
from stages.llm import prompt
from stages.llm.archive import pack
from stages.llm.request import Llm
from stages.records.linear import encode
from stages.records.record import Record
from stages.records.rules import write_records
from stages.translation.projection import Projection
from stages.translation.source_text import by_text
from stages.translation.tagged import Tagged
from tests.support.openai_server import ROOT, record

HOSTILE = "</script><img src=x onerror='hacked=1'> \u2028 <!-- {{ 7*7 }} & \" ' 京都"


def write_lines(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(dumps(line) + b"\n" for line in lines))


def example(own: Record) -> dict[str, Any]:
    given, output = encode(own)
    return {**{key: own[key] for key in ("id", "group", "subset", "task", "lang")}, "input": given, "output": output}


def recorded(folder: Path, source: Record, answer: dict[str, Any]) -> str:
    """Packs the archive of one response, the answer of the default prompt to a text that goes into English; its key."""
    spec, llm = (
        prompt.load(str(ROOT / "stages/prompts/translate/v2.yaml")),
        config.read("llm", Llm, folder / "params.yaml"),
    )
    steps = config.read("translate.projection", Projection, folder / "params.yaml")
    request = Tagged("en", spec, llm, steps).request(by_text([source], "en")[0])
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    said = {
        "content": dumps(answer).decode(),
        "refusal": None,
        "finish_reason": "stop",
        "model": llm.model,
        "usage": usage,
    }
    pack(folder / "data/responses.jsonl.gz", {"model": llm.model}, {request.key: (request.body, said)})
    return request.key


def project(folder: Path, natural: int = 3) -> Path:
    """Records 1 to 4: kept, repaired, quarantined, without an answer; 1 and 2 are the test set, in the source language too."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "params.yaml", folder / "params.yaml")
    texts = ["京都に行った。", HOSTILE, "京都は雨だ。", "京都で会った。"]
    sources = [record("SCNM", "NER", f"{n:04d}", text, "社会", [("地名", "京都")]) for n, text in enumerate(texts, 1)]
    english = ["He went to Kyoto.", HOSTILE.replace("京都", "Kyoto"), "Rain in Tokyo.", "They met in Kyoto."]
    made = [
        record(
            "SCNM",
            "NER",
            f"{n:04d}",
            text,
            "Society",
            [("Location", "Kyoto" if "Kyoto" in text else "Tokyo")],
            lang="en",
        )
        for n, text in enumerate(english, 1)
    ]
    for own, source in zip(made, sources, strict=True):
        own["group"] = source["group"]
    references = [{**own, "text": own["text"].replace("Tokyo", "Kyoto")} for own in made]
    for own in references:
        own["extractions"] = [{"label": "Location", "spans": [{"text": "Kyoto", "start": own["text"].index("Kyoto")}]}]
    fates = [
        ("kept", []),
        ("repaired", []),
        ("quarantined", ["name_changed"]),
        ("quarantined", ["no_answer_truncated"]),
    ]
    translated, ledger = [], []
    for own, source, (outcome, reasons) in zip(made, sources, fates, strict=True):
        failed = "truncated" if reasons == ["no_answer_truncated"] else None
        both = {"id": own["id"], "source_id": source["id"]}
        translated.append(
            {**both, "response": "0" * 64, "failure": failed, "model": "first", "steps": {"tag": 1}, "record": None if failed else own}
        )  # fmt: skip
        ledger.append(
            {**both, "subset": "SCNM", "lang": "en", "outcome": outcome, "reasons": reasons, "model": "first", "steps": {"tag": 1}, "dropped": 0}
        )  # fmt: skip
    data = folder / "data"
    corpus = [
        {**record("SCNM", "NER", f"{n:05d}", f"Number {n} is in Kyoto.", "Society", [("Location", "Kyoto")], lang="en")}
        for n in range(natural)
    ]
    corpus = [{**own, "id": own["id"].replace("/own/", "/corpus/"), "source": "corpus"} for own in corpus]
    second = [record("SCNM", "NER", "2001", "Number 9 is in Osaka.", "Society", [("Location", "Osaka")], lang="en")]
    second = [{**own, "id": own["id"].replace("/own/", "/second/"), "source": "second"} for own in second]
    for path, records in {
        "tconer/records.jsonl": sources,
        "raw/references.jsonl": references,
        "raw/natural.jsonl": corpus,
        "raw/second.jsonl": second,
        "calibrated/en.jsonl": made[:2],
    }.items():
        write_records(data / path, records)
    write_lines(data / "translated/en.jsonl", translated)
    write_lines(data / "ledger/en.jsonl", ledger)
    patch = {"place": "data/calibration/a.jsonl:1", "outcome": "applied", "message": "", "record_id": made[0]["id"]}
    patch |= {"op": "text", "annotator": "a", "time": "2026-01-01T00:00:00Z", "seconds": None, "changed": ["text"]}
    write_lines(data / "calibrated/en.report.jsonl", [{**patch, "unplaced": 0, "patch": None, "now": None}])
    write_lines(data / "mix/train.jsonl", [example(own) for own in corpus[:2]])
    tests = [example(own) for own in (*references[:2], *sources[:2])]
    write_lines(data / "mix/test.jsonl", tests)
    write_lines(data / "mix/test_translated.jsonl", [example(own) for own in made[:2]])
    said = [own["output"] for own in tests]
    said[1] = "Society/NER/:Person;<b>Kyoto</b>"
    write_lines(
        data / "predictions/test.jsonl",
        [{"id": own["id"], "output": output, "finished": True} for own, output in zip(tests, said, strict=True)],
    )
    return folder
