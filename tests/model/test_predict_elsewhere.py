"""Prediction by a server gives what this process would; one text is answered in JSON and in colour; what is missing is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core.errors import UserError
from stages.core.schema import read_checked, write_checked
from stages.model import ask, base, predict, servers
from stages.model.common import decode, load_tokenizer
from stages.model.decoding import greedy
from stages.model.head import Head
from stages.records.record import Record
from tests.model.test_train import short_examples
from tests.support.pipeline import ROOT
from tests.support.tiny_llama import tiny_model, write_tiny_llama

LIMIT = 12


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def server(tiny: Path) -> Iterator[str]:
    """Completions of the tiny model on loopback."""
    model, tokenizer, lock = tiny_model().eval(), load_tokenizer(tiny), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if asked["model"] != "oiellm":
                self.answer(404, {"error": {"message": f"no model {asked['model']}"}})
                return
            ids = tokenizer(asked["prompt"]).input_ids
            with lock:
                [(out, finished)] = greedy(model, Head(model, None), [ids], 0, asked["max_tokens"])
            choice = {"index": 0, "text": decode(tokenizer, out), "finish_reason": "stop" if finished else "length"}
            self.answer(200, {"id": "1", "object": "text_completion", "created": 0, "model": "m", "choices": [choice]})

        def answer(self, code: int, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/v1"
        running.shutdown()


@pytest.fixture
def folder(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    knobs(base={"source": f"path:{tiny}", "sha256": None, "terms": []})
    base.main(["--out", "models/base"])
    return tmp_path


def knobs(**changes: dict[str, Any]) -> None:
    path = Path("params.yaml")
    values = yaml.safe_load((path if path.exists() else ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["predict"] |= {"batch_size": 3, "max_new_tokens": LIMIT, "precision": "fp32", "constrained": False}
    for section, entries in changes.items():
        values[section] |= entries
    path.write_text(yaml.safe_dump(values), encoding="utf-8")


def test_a_server_gives_what_this_process_would(
    folder: Path, server: str, sample: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checked("examples.jsonl", short_examples(sample, 7), "example")
    predict.main(["--examples", "examples.jsonl", "--out", "here.jsonl"])
    monkeypatch.setenv("OPENAI_BASE_URL", server)
    knobs(predict={"backend": "openai", "served_model": "oiellm"})
    predict.main(["--examples", "examples.jsonl", "--out", "there.jsonl"])
    assert read_checked("there.jsonl", "prediction") == read_checked("here.jsonl", "prediction")


@pytest.mark.parametrize(
    ("changes", "url", "fault"),
    [
        ({"backend": "openai", "served_model": None}, "", r"served_model: is null"),
        ({"backend": "openai", "served_model": "oiellm"}, "", r"OPENAI_BASE_URL: is not set"),
        ({"backend": "openai", "served_model": "other"}, "server", r"no model other"),
        ({"backend": "openai", "served_model": "oiellm", "constrained": True}, "server", r"has no grammar"),
        ({"backend": "vllm"}, "", r"vllm is not installed"),
    ],
)
def test_what_is_missing_is_told_in_one_line(
    folder: Path,
    server: str,
    sample: list[Record],
    monkeypatch: pytest.MonkeyPatch,
    changes: Any,
    url: str,
    fault: str,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server if url else "")
    knobs(predict=changes)
    write_checked("examples.jsonl", short_examples(sample, 2), "example")
    with pytest.raises(UserError, match=fault) as error:
        predict.main(["--examples", "examples.jsonl", "--out", "there.jsonl"])
    assert not Path("there.jsonl").exists()
    assert "\n" not in str(error.value)


KEY = "sk-marked-0123456789abcdef"


@contextmanager
def saying(body: bytes, code: int = 200, pause: float = 0.0) -> Iterator[str]:
    """A server that answers so, a byte each `pause` seconds where that is not 0."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):
                for byte in body if pause else ():
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(pause)
                self.wfile.write(b"" if pause else body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/v1"
        running.shutdown()


def completion(text: str) -> bytes:
    choice = {"index": 0, "text": text, "finish_reason": "stop"}
    return json.dumps(
        {"id": "1", "object": "text_completion", "created": 0, "model": "m", "choices": [choice]}
    ).encode()


@pytest.mark.parametrize(
    ("code", "body", "fault"),
    [
        (401, json.dumps({"error": {"message": f"wrong key {KEY}"}}).encode(), r"wrong key \[OPENAI_API_KEY\]"),
        (200, json.dumps({"error": {"message": f"wrong key {KEY}"}}).encode(), "no completion"),
        (200, f"<html>{KEY}</html>".encode(), "no completion"),
    ],
)
def test_a_key_that_a_server_echoes_is_not_told(
    code: int, body: bytes, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with saying(body, code) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        with pytest.raises(UserError, match=fault) as error:
            servers.by_openai(["a\n", "b\n"], LIMIT, 2, "oiellm")
    assert KEY not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_key_in_an_answer_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with saying(completion(f"say {KEY}")) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        assert servers.by_openai(["a\n"], LIMIT, 1, "oiellm") == [("say [OPENAI_API_KEY]", True)]


def test_an_answer_that_drips_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with saying(completion("x" * 1000), pause=0.05) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        began = time.monotonic()
        with pytest.raises(UserError, match="no whole answer within 0.7 s"):
            servers.by_openai(["a\n"], LIMIT, 1, "oiellm", seconds=0.7)
        assert time.monotonic() - began < 20


def test_one_text_is_answered_as_json_through_a_server(
    folder: Path, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server)
    knobs(predict={"backend": "openai", "served_model": "oiellm"})
    capsys.readouterr()
    predict.main(["--text", "Natsume Soseki wrote Kokoro.", "--task", "NER"])
    found = json.loads(capsys.readouterr().out)
    assert found["text"] == "Natsume Soseki wrote Kokoro."
    assert set(found) == {"text", "task", "text_label", "extractions", "defects", "finished", "repeated", "output"}


def test_an_answer_names_spans_by_their_place_and_shows_them_in_colour() -> None:
    text = "Natsume Soseki wrote Kokoro."
    output = "Literature/NER/:Person;Natsume Soseki:Product Name;Kokoro:Person;Ogai"
    found = ask.answer(text, "NER", {"output": output, "finished": True, "repeated": False})
    assert found["text_label"] == "Literature"
    assert [item["spans"][0]["start"] for item in found["extractions"]] == [0, 21, None]
    shown = ask.coloured(found)
    assert shown.startswith("\x1b[32mNatsume Soseki\x1b[0m wrote \x1b[33mKokoro\x1b[0m.")
    assert "text label: Literature" in shown


def test_a_task_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UserError, match="unknown task 'POS'.*NER"):
        ask.example("a", "POS", "en")
