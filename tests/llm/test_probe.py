"""What stages/llm/probe.py finds out, against servers of each kind."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest

from stages.core import config
from stages.core.errors import UserError
from stages.llm import probe
from stages.llm.probe import FORMS, PATTERN
from stages.llm.request import Llm, Parameters
from tests.conftest import ROOT

LLM = replace(config.read("llm", Llm, ROOT / "params.yaml"), model="m", timeout_s=30.0)
SENTENCE = "The sky is blue."
REFUSAL = {418: "Unsupported value"}


def schema_of(form: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of either form, None where there is none."""
    if form.get("type") == "json_schema":
        return dict(form["json_schema"]["schema"])
    return form.get("schema")


def obedient(schema: dict[str, Any], pattern: bool = True) -> str:
    """What a constrained model writes."""
    wanted = schema["properties"]["answer"]
    if "enum" in wanted:
        return json.dumps({"answer": wanted["enum"][0]})
    assert wanted["pattern"] == PATTERN
    return json.dumps({"answer": "qxzq-777" if pattern else "blue"})


def openai_like(form: dict[str, Any]) -> str | int:
    if form.get("type") == "json_object":
        return 400 if "schema" in form else '{"sky": "blue"}'  # an unknown parameter
    schema = schema_of(form)
    return obedient(schema) if schema else SENTENCE


def llama_cpp_like(form: dict[str, Any]) -> str | int:
    if form.get("type") == "json_schema":
        return 500
    schema = schema_of(form)
    if schema:
        return obedient(schema, pattern=False)
    return '{"sky": "blue and' if form else SENTENCE  # cut by max_tokens


def json_mode_only(form: dict[str, Any]) -> str | int:
    return 422 if form.get("type") == "json_schema" else '{"sky": "blue"}' if form else SENTENCE


def transformers_like(form: dict[str, Any]) -> str | int:
    return SENTENCE


def polite(form: dict[str, Any]) -> str | int:
    """A plain model that answers in JSON of its own shape, though nobody makes it: fenced."""
    return '```json\n{"answer": "blue"}\n```'


@contextmanager
def serving(kind: Any, whole: bool = False) -> Iterator[openai.OpenAI]:
    """A client of a server that answers each request by its `response_format`, or by its whole body: with a content, a status,
    or a content and a finish_reason."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = kind(body if whole else body.get("response_format") or {})
            content, reason = reply if isinstance(reply, tuple) else (reply, "stop")
            message = {"role": "assistant", "content": content}
            choice = {"index": 0, "finish_reason": reason, "message": message}
            good = {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
            status = reply if isinstance(reply, int) else 200
            data = json.dumps(good if status == 200 else {"error": {"message": REFUSAL.get(status, "no")}}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        with openai.OpenAI(base_url=url, api_key="x", max_retries=0) as client:
            yield client
        server.shutdown()


@pytest.mark.parametrize(
    ("kind", "best", "told", "pattern"),
    [
        (openai_like, "json_schema", ["enforced", "refused (HTTP 400: no)", "enforced"], "enforced"),
        (llama_cpp_like, "json_object_schema", ["refused (HTTP 500: no)", "enforced", "enforced"], "ignored"),
        (json_mode_only, "json_object", ["refused (HTTP 422: no)", "ignored", "enforced"], None),
        (transformers_like, "none", ["ignored", "ignored", "ignored"], None),
        (polite, "none", ["ignored", "ignored", "ignored"], None),
    ],
)
def test_it_finds_the_strictest_form_that_is_enforced(kind: Any, best: str, told: list[str], pattern: str) -> None:
    with serving(kind) as client:
        form, found, own = probe.probe(client, LLM)
    assert (form, own) == (best, Parameters())
    assert [found[name] for name in FORMS] == told
    assert found.get("pattern") == pattern


def test_an_endpoint_that_refuses_everything_is_no_endpoint_without_forms() -> None:
    with serving(lambda form: 503) as client, pytest.raises(UserError, match="every request with HTTP 503"):
        probe.probe(client, LLM)


@pytest.mark.parametrize(("status", "name"), [(401, "AuthenticationError"), (404, "NotFoundError")])
def test_a_wrong_key_or_model_is_one_line(status: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with serving(lambda form: status) as client:
        monkeypatch.setenv("OPENAI_BASE_URL", str(client.base_url))
        monkeypatch.setenv("OPENAI_API_KEY", "x")
        with pytest.raises(UserError, match=f"{name}.*check OPENAI_BASE_URL, the key and llm.model"):
            probe.main([])


def test_the_command_prints_the_line_for_params(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(Path(ROOT))
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    with serving(llama_cpp_like) as client:
        monkeypatch.setenv("OPENAI_BASE_URL", str(client.base_url))
        probe.main([])
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "pattern: ignored",
        "params.yaml: llm: structured: json_object_schema",
    ]


def thinking(body: dict[str, Any]) -> Any:
    """A model that spends its first 500 tokens on thoughts, of an endpoint that enforces json_schema."""
    if body["max_tokens"] < 500:
        return "", "length"
    schema = schema_of(body.get("response_format") or {})
    return obedient(schema) if schema else SENTENCE


def endless(body: dict[str, Any]) -> Any:
    return ("Hmm, ", "length") if body.get("response_format") else SENTENCE


def test_a_cut_answer_is_no_ignored_form() -> None:
    with serving(thinking, whole=True) as client:
        assert probe.probe(client, LLM)[0] == "json_schema"
    with serving(endless, whole=True) as client:
        form, found, _ = probe.probe(client, LLM)
    assert form == "none"
    assert set(found.values()) == {"not told: the answer was cut at 4000 tokens"}


@pytest.mark.parametrize(
    ("refuses", "own"),
    [
        ({"max_tokens"}, Parameters("max_completion_tokens")),
        ({"seed"}, Parameters(leave_out=["seed"])),
        ({"max_tokens", "temperature", "seed"}, Parameters("max_completion_tokens", ["seed", "temperature"])),
    ],
)
def test_it_says_what_the_model_needs(
    refuses: set[str], own: Parameters, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda body: 400 if refuses & body.keys() else SENTENCE, whole=True) as client:
        assert probe.probe(client, LLM)[2] == own
        monkeypatch.chdir(Path(ROOT))
        monkeypatch.setenv("OPENAI_API_KEY", "x")
        monkeypatch.setenv("OPENAI_BASE_URL", str(client.base_url))
        probe.main([])
    assert "params.yaml: llm: parameters: {" in capsys.readouterr().out


def test_the_endpoints_message_is_shown() -> None:
    with (
        serving(lambda form: 418 if form else SENTENCE) as client,
    ):
        found = probe.probe(client, LLM)[1]
    assert found["json_schema"] == "refused (HTTP 418: Unsupported value)"
