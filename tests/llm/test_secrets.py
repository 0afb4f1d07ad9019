"""A key reaches the endpoint and nothing else: no file, cache, usage, error or line, whatever the endpoint says back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.hidden import hidden
from stages.llm.address import check_address
from tests.support.chat_server import chat_server
from tests.support.openai_server import RECORDS, answer
from tests.support.project import Project, module_of
from tests.wild.frame import run_command

KEY = "sk-marked-" + "0123456789abcdef" * 2
GATEWAY = "gateway-secret-" + "fedcba98" * 2
ECHO = f"Incorrect API key provided: {KEY} ({GATEWAY}).\nAuthorization: Bearer {KEY}"
ANSWERS: dict[str, Any] = {
    "401": {"status": 401, "error": {"message": ECHO, "code": f"bad {KEY}"}},
    "400": {"status": 400, "error": {"message": ECHO, "code": "content_filter"}},
    "500 of a proxy": {"status": 500, "raw": f"<html>{ECHO}</html>", "type": "text/html"},
    "error under 200": {"error": {"message": ECHO}},
    "error in a choice": {"error_in_choice": {"message": ECHO}},
    "no chat completion": {"raw": f'{{"detail": "{KEY}"}}'},
    "content": {"content": f'{{"text": "{KEY}", "spans": [], "label": "{KEY}", "class": "{KEY}"}}'},
    "refusal": {"refusal": ECHO},
    "end": {"content": "{}", "finish_reason": KEY},
}


def leaks(folder: Path) -> list[str]:
    """Files under a folder that hold a secret, in bytes or name."""
    found = []
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if any(secret.encode() in data or secret in path.name for secret in (KEY, GATEWAY)):
            found.append(path.name)
    return found


@pytest.mark.parametrize("said", ANSWERS)
def test_a_key_that_the_endpoint_echoes_is_kept_nowhere(said: str, tmp_path: Path) -> None:
    own = Project(tmp_path, RECORDS[-2:], retries=0, give_up_s=0.5)
    own.params(retries=0, give_up_s=0.5, parameters={"loopback-1": {"headers": {"X-Gateway": "$GATEWAY_TOKEN"}}})
    calls = 0

    def echo(body: dict[str, Any]) -> Any:
        nonlocal calls
        calls += 1
        return answer(body) if said == "400" and calls == 1 else ANSWERS[said]

    with chat_server(echo) as server:
        environment = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY, "GATEWAY_TOKEN": GATEWAY}
        environment |= {"LLM_MODE": "online", "LLM_CACHE": str(tmp_path / "cache")}
        for stage in ("tconer", "glossary", "translate"):
            code, printed = run_command([module_of(stage), *own.arguments(stage)], tmp_path, environment)
            assert isinstance(code, int), code
            assert KEY not in printed
            assert GATEWAY not in printed
        code, printed = run_command(["stages.llm.probe"], tmp_path, environment)
        assert isinstance(code, int), code
        assert KEY not in printed
        assert server.bodies
        assert not any(KEY in str(body) for body in server.bodies)
    assert leaks(tmp_path) == []


def test_a_password_in_the_address_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (f"http://user:{KEY}@localhost:1/v1", f"ftp://user:{KEY}@localhost", f"http://u:{KEY}@local host"):
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        with pytest.raises(UserError) as fault:
            check_address()
        assert KEY not in str(fault.value)


def test_short_values_and_other_variables_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    monkeypatch.setenv("SOME_NAME", "something long")
    assert hidden("any, something long") == "any, something long"
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh")
    assert hidden("a hf_abcdefgh b") == "a [HF_TOKEN] b"
