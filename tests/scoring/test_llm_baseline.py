"""The LLM baseline and the class agreement: requests, what an answer is worth, and whole runs against a loopback server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core import config
from stages.core.files import read_json
from stages.core.schema import file_faults, write_checked
from stages.llm import prompt
from stages.llm.request import Llm
from stages.records.linear import encode, parse
from stages.records.record import Record
from stages.records.rules import write_records
from stages.records.tasks import subsets, task_of
from stages.scoring import llm_baseline
from stages.scoring.evaluate import judge_files
from stages.scoring.llm_baseline import LlmBaseline, answer_of, answer_schema, build_request, cell_of, draw, read_answer
from stages.scoring.score import scores, tally
from stages.translation import class_agreement
from tests.support.params import params

ROOT = Path(__file__).resolve().parents[2]
LLM = config.read("llm", Llm, ROOT / "params.yaml")
KNOBS = config.read("llm_baseline", LlmBaseline, ROOT / "params.yaml")
SPEC = prompt.load(ROOT / "stages/prompts/baseline/v1.yaml")
Answer = Callable[[dict[str, Any]], str]


def said(content: str, finish: str = "stop") -> dict[str, Any]:
    return {"content": content, "finish_reason": finish, "refusal": None}


def test_the_answer_that_gold_stands_for_is_read_back_as_gold(sample: list[Record]) -> None:
    for record in sample:
        output, faults = read_answer(said(json.dumps(answer_of(record))), cell_of(record))
        assert (output, faults) == (encode(record)[1], [])


def test_every_cell_has_an_instruction_and_a_schema_with_its_closed_labels() -> None:
    for name, entry in subsets().items():
        for task in entry.tasks:
            for lang in entry.languages:
                body = build_request((name, task, lang), "x", [], SPEC, LLM, 16).body
                instruction = body["messages"][0]["content"]
                table = entry.word_labels[task]
                for label in (*entry.text_labels[lang], *((table or {}).get(lang, ()))):
                    assert json.dumps(label, ensure_ascii=False) in instruction
                assert answer_schema((name, task, lang), 16)["properties"]["class"]["enum"] == list(
                    entry.text_labels[lang]
                )


def test_examples_are_of_the_cell_and_never_of_a_test_group(sample: list[Record]) -> None:
    test_groups = {record["group"] for record in sample if record["split"] == "test"}
    shown = draw(sample, test_groups, KNOBS)
    assert len(shown) == 24
    for cell, records in shown.items():
        assert len(records) == KNOBS.shots
        assert all(cell_of(record) == cell and record["group"] not in test_groups for record in records)
        classes = len({record["text_label"] for record in records})
        assert classes == min(len(records), len(subsets()[cell[0]].text_labels[cell[2]]))
    assert draw(list(reversed(sample)), test_groups, KNOBS) == shown


def test_the_questions_of_a_cell_share_all_but_their_last_message(sample: list[Record]) -> None:
    shown = sample[:3]
    bodies = [build_request(cell_of(shown[0]), text, shown, SPEC, LLM, 16).body for text in ("a", "b")]
    assert bodies[0]["messages"][:-1] == bodies[1]["messages"][:-1]
    assert len(bodies[0]["messages"]) == 8


NER = ("SCNM", "NER", "en")
EE = ("TCREE", "EE", "en")


@pytest.mark.parametrize(
    ("cell", "content", "finish", "output", "faults"),
    [
        (NER, "{", "stop", "", ["not_json"]),
        (NER, '{"class": "Nature", "list": []}', "length", "", ["truncated"]),
        (NER, "[]", "stop", "", ["wrong_shape"]),
        (NER, '{"class": "Nature", "list": {}}', "stop", "", ["wrong_shape"]),
        (NER, '{"class": 1, "list": []}', "stop", "", ["wrong_shape"]),
        (NER, '{"class": "Nature", "list": [{"label": "Person"}]}', "stop", "Nature/NER/", ["wrong_item"]),
        (NER, '{"class": "Nature", "list": [{"label": "Person", "text": ""}, 3]}', "stop", "Nature/NER/",
         ["wrong_item", "wrong_item"]),
        (NER, '{"class": "Nature", "list": [{"label": "Dog", "text": "Rex"}]}', "stop", "Nature/NER/:Dog;Rex",
         ["unknown_word_label"]),
        (NER, '{"class": "Gossip", "list": [{"label": "Person", "text": "a:b"}]}', "stop", r"Gossip/NER/:Person;a\:b",
         ["unknown_text_label"]),
        (NER, '{"class": "A/B", "list": [{"label": "Person", "text": "a"}]}', "stop", "/NER/:Person;a",
         ["unknown_text_label"]),
        (EE, '{"class": "Health", "list": [{"subject": "", "trigger": "won", "object": "", "time": ""}]}', "stop",
         "Health/Event Extraction/:;won;;:", []),
        (EE, '{"class": "Health", "list": [{"subject": "", "trigger": "", "object": "", "time": ""}]}', "stop",
         "Health/Event Extraction/", ["wrong_item"]),
    ],
)  # fmt: skip
def test_each_format_error_has_its_name_and_what_is_sound_is_kept(
    cell: tuple[str, str, str], content: str, finish: str, output: str, faults: list[str]
) -> None:
    assert read_answer(said(content, finish), cell) == (output, faults)
    parsed = parse(output, task_of(cell[0], cell[1]))
    assert not output or not parsed.defects


# --- whole runs ------------------------------------------------------------------------------------------------------


class _Quiet(ThreadingHTTPServer):
    bodies: list[dict[str, Any]]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], _Quiet]]:
    """Starts a chat endpoint on loopback that answers as the given function says."""
    servers = []

    def start(answer: Answer) -> _Quiet:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                """Keeps the test's output clean."""

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.bodies.append(body)
                choice = {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": answer(body)},
                }
                usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
                reply = {
                    "id": "1",
                    "object": "chat.completion",
                    "created": 0,
                    "model": "m",
                    "choices": [choice],
                    "usage": usage,
                }
                data = json.dumps(reply).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        server = _Quiet(("127.0.0.1", 0), Handler)
        server.bodies = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def go(
    main: Callable[[list[str]], None], folder: Path, server: _Quiet | None, patch: pytest.MonkeyPatch, *more: str
) -> None:
    knobs = params()
    knobs["llm"] |= {"structured": "json_object_schema", "concurrency": 2, "timeout_s": 30.0, "retries": 0}
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs, allow_unicode=True), encoding="utf-8")
    patch.chdir(folder)
    patch.setenv("LLM_CACHE", str(folder / "cache"))
    patch.setenv("LLM_MODE", "online" if server else "replay")
    patch.setenv("OPENAI_API_KEY", "any")
    patch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1" if server else "http://127.0.0.1:1/v1")
    main(["--records", "records.jsonl", "--responses", "none.gz", "--usage", "usage.json", *more])


def write(folder: Path, sample: list[Record]) -> dict[str, Record]:
    """Records, references, and the examples of some English test texts, which it returns by task and text."""
    sources = [record for record in sample if record["lang"] == ("en" if record["subset"] == "TCONER" else "ja")]
    write_records(folder / "records.jsonl", sources)
    write_records(folder / "references.jsonl", [record for record in sample if record not in sources])
    test = [record for record in sample if record["lang"] == "en" and record["split"] == "test"][::5]
    fields = ("id", "group", "subset", "task", "lang")
    examples = [
        {**{key: record[key] for key in fields}, **dict(zip(("input", "output"), encode(record), strict=True))}
        for record in test
    ]
    write_checked(folder / "test.jsonl", sorted(examples, key=lambda example: str(example["id"])), "example")
    return {f"{record['task']} {record['text']}": record for record in test}


@pytest.mark.parametrize(("shots", "turns"), [("0", 2), ("k", 2 + 2 * KNOBS.shots)])
def test_a_model_that_answers_gold_scores_100_and_the_run_replays(
    tmp_path: Path,
    sample: list[Record],
    serve: Callable[[Answer], _Quiet],
    monkeypatch: pytest.MonkeyPatch,
    shots: str,
    turns: int,
) -> None:
    gold = write(tmp_path, sample)
    by_instruction = {
        build_request(cell_of(record), "x", [], SPEC, LLM, 16).body["messages"][0]["content"]: record["task"]
        for record in gold.values()
    }

    def answer(body: dict[str, Any]) -> str:
        task = by_instruction[body["messages"][0]["content"]]
        return json.dumps(answer_of(gold[f"{task} {json.loads(body['messages'][-1]['content'])['text']}"]))

    server = serve(answer)
    files = ["--references", "references.jsonl", "--test", "test.jsonl", "--prompt", SPEC.path, "--shots", shots]
    files += ["--model", "another-model"]
    outputs = ["--out", "out.jsonl", "--metrics", "format.json"]
    go(llm_baseline.main, tmp_path, server, monkeypatch, *files, *outputs)
    assert {len(body["messages"]) for body in server.bodies} == {turns}
    assert {body["model"] for body in server.bodies} == {"another-model"}
    for body in server.bodies:
        texts = [json.loads(m["content"])["text"] for m in body["messages"][1::2]]
        assert len(set(texts)) == len(texts), "a question is among its own examples"
    result = scores(tally(judge_files("out.jsonl", "test.jsonl")))["all"]
    assert (result["TL"], result["WL"], result["ALL"]) == (100.0, 100.0, 100.0)
    assert read_json("format.json")["broken"] == 0
    assert list(file_faults("format.json", "llm_format_metrics")) == []
    first, asked = (tmp_path / "out.jsonl").read_bytes(), len(server.bodies)
    go(llm_baseline.main, tmp_path, None, monkeypatch, *files, *outputs)
    assert (tmp_path / "out.jsonl").read_bytes() == first
    assert len(server.bodies) == asked


def test_broken_answers_are_counted_apart_and_scored_as_wrong(
    tmp_path: Path, sample: list[Record], serve: Callable[[Answer], _Quiet], monkeypatch: pytest.MonkeyPatch
) -> None:
    gold = write(tmp_path, sample)
    server = serve(lambda body: "Sure! Here it is.")
    files = ["--references", "references.jsonl", "--test", "test.jsonl", "--prompt", SPEC.path, "--shots", "0"]
    go(llm_baseline.main, tmp_path, server, monkeypatch, *files, "--out", "out.jsonl", "--metrics", "format.json")
    counts = read_json("format.json")
    assert (counts["records"], counts["broken"], counts["not_json"]) == (len(gold), len(gold), len(gold))
    assert scores(tally(judge_files("out.jsonl", "test.jsonl")))["all"]["ALL"] == 0


def test_kappa_and_accuracy_of_a_hand_worked_table() -> None:
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed 0.7, by chance 0.5, kappa 0.4.
    gold = ["yes"] * 25 + ["no"] * 25
    answers: list[str | None] = [*["yes"] * 20, *["no"] * 5, *["yes"] * 10, *["no"] * 15]
    result = class_agreement.agreement(gold, answers)
    assert (result["accuracy"], result["kappa"]) == (70.0, 0.4)
    assert result["classes"]["yes"] == {"right": 20, "gold": 25, "answered": 30}


def test_no_class_is_wrong_and_nothing_to_compare_is_null() -> None:
    result = class_agreement.agreement(["yes", "no"], [None, "no"])
    assert (result["no_class"], result["accuracy"]) == (1, 50.0)
    assert class_agreement.agreement([], [])["accuracy"] is None
    assert class_agreement.agreement(["yes"], ["yes"])["kappa"] is None


def test_the_agreement_asks_each_text_with_a_class_once_by_the_prompt_of_tconer(
    tmp_path: Path, sample: list[Record], serve: Callable[[Answer], _Quiet], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, sample)
    server = serve(lambda body: '{"class": "Sports"}')
    spec = ROOT / "stages/prompts/tconer/v1.yaml"
    go(class_agreement.main, tmp_path, server, monkeypatch, "--prompt", str(spec), "--metrics", "classes.json")
    result = read_json("classes.json")
    gold = [record["text_label"] for record in sample if record["subset"] == "TCONER" and record["lang"] == "en"]
    assert len(server.bodies) == result["texts"] == len(gold) == 40
    assert result["accuracy"] == round(100 * gold.count("Sports") / 40, 2)
    assert list(file_faults("classes.json", "class_metrics")) == []
