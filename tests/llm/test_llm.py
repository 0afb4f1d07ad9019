"""What stages/llm promises: identity of requests, the cache, the archive, and the client against a real endpoint."""

from __future__ import annotations

import dataclasses
import gzip
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.files import write_json
from stages.llm import archive
from stages.llm.answer import json_answer
from stages.llm.archive import Archive, pack
from stages.llm.cache import Cache, default_folder
from stages.llm.client import responses
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request, chat, response_format
from stages.llm.session import LlmSession
from tests.support.openai_server import MODEL, ROOT, OpenAIServer

LLM = Llm(MODEL, "json_object_schema", 0.0, 0, 600, 4, 30.0, 2, None, None, 600.0, 0, {})
SPEC = Prompt("prompt.yaml", "a" * 64, {})
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"label": {"type": "string"}}}


def ask(word: str, llm: Llm = LLM, schema: dict[str, Any] = SCHEMA) -> Request:
    """A request that the server answers with the image of a word."""
    return chat(llm, [{"role": "user", "content": json.dumps({"type": word})}], schema)


def response(content: str = "{}", reason: str = "stop", refusal: str | None = None) -> dict[str, Any]:
    tokens = {"prompt_tokens": 3, "completion_tokens": 2}
    return {"content": content, "finish_reason": reason, "refusal": refusal, "model": MODEL, "usage": tokens}


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """A server, as the endpoint of this process."""
    with OpenAIServer(tmp_path / "answered.jsonl") as server:
        server.as_endpoint(monkeypatch, tmp_path / "cache")
        yield server


# --- identity --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"model": "other"}, {"temperature": 0.1}, {"seed": 1}, {"max_tokens": 601}, {"structured": "json_schema"}],
)
def test_the_key_changes_with_every_setting_that_changes_the_answer(change: dict[str, Any]) -> None:
    assert ask("a", dataclasses.replace(LLM, **change)).key != ask("a").key


@pytest.mark.parametrize(
    "change",
    [
        {"concurrency": 9},
        {"timeout_s": 1.0},
        {"retries": 9},
        {"requests_per_minute": 9},
        {"tokens_per_minute": 9},
        {"give_up_s": 9.0},
    ],
)
def test_the_key_stays_under_settings_that_do_not(change: dict[str, Any]) -> None:
    assert ask("a", dataclasses.replace(LLM, **change)).key == ask("a").key


def test_the_key_changes_with_messages_and_schema_but_not_with_the_order_of_keys() -> None:
    first = ask("a")
    assert ask("b").key != first.key
    assert ask("a", schema={"type": "object"}).key != first.key
    assert Request(dict(reversed(first.body.items()))).key == first.key
    turned = [*first.body["messages"], {"role": "user", "content": "more"}]
    keys = {Request({**first.body, "messages": messages}).key for messages in (turned, turned[::-1])}
    assert len(keys | {first.key}) == 3


@pytest.mark.parametrize(
    ("structured", "form"),
    [
        ("json_schema", {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}),
        ("json_object_schema", {"type": "json_object", "schema": SCHEMA}),
        ("json_object", {"type": "json_object"}),
        ("none", None),
    ],
)
def test_each_kind_of_endpoint_is_told_of_the_schema_in_its_own_way(structured: str, form: Any) -> None:
    assert response_format(structured, SCHEMA) == form
    body = ask("a", dataclasses.replace(LLM, structured=structured)).body  # type: ignore[arg-type]
    assert body.get("response_format") == form


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (response('{"a": 1}'), ({"a": 1}, None)),
        (response('{"a": 1}', "length"), (None, "truncated")),
        (response('{"a": 1}', "content_filter"), (None, "filtered")),
        (response('{"a": 1}', "stop", "no"), (None, "refused")),
        (response("", "length", "no"), (None, "refused")),
        (response("{"), (None, "not_json")),
        (response('{"a": NaN}'), ({"a": None}, None)),
        (response("[" * 100_000), (None, "not_json")),
    ],
)
def test_an_answer_is_json_or_a_code(given: dict[str, Any], expected: Any) -> None:
    assert json_answer(given) == expected


# --- cache -----------------------------------------------------------------------------------------------------------


def test_the_first_response_of_a_key_stays_and_is_what_put_returns(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.put("k", {"a": 1}, response("1")) == response("1")
    assert cache.put("k", {"a": 1}, response("2")) == response("1")
    assert Cache(tmp_path).entry("k") == ({"a": 1}, response("1"))
    assert (cache.get("other"), cache.entry("other")) == (None, None)


def test_many_are_put_as_one_is(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put("b", {}, response("old"))
    entries = [(key, {"asked": key}, response(key)) for key in "abc"]
    assert cache.put_all(entries) == [response("a"), response("old"), response("c")]
    assert Cache(tmp_path).entry("c") == ({"asked": "c"}, response("c"))


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LLM_CACHE", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv("LLM_CACHE")
    assert ROOT not in default_folder().parents  # `git clean` must not reach it


def test_processes_that_start_at_once_share_one_cache_and_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from stages.llm.cache import Cache; sys.stdin.readline(); cache = Cache(pathlib.Path(sys.argv[1]));"
        "[cache.put(f'{sys.argv[2]}-{n}', {}, {'n': n}) for n in range(200)];"
        "print(cache.put('same', {}, {'by': sys.argv[2]})['by'])"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), str(n)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(3)
    ]
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    told = {worker.communicate()[0] for worker in workers}
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    cache = Cache(tmp_path)
    assert all(cache.get(f"{n}-{k}") == {"n": k} for n in range(3) for k in range(200))
    assert told == {f"{(cache.get('same') or {})['by']}\n"}


def test_an_unusable_cache_says_to_set_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="LLM_CACHE"):
        Cache(tmp_path / "file")
    (tmp_path / "responses.sqlite").write_bytes(b"no database, but long enough to be looked at as one" * 50)
    with pytest.raises(UserError, match="LLM_CACHE"):
        Cache(tmp_path)


def test_a_cache_that_breaks_while_in_use_ends_with_one_line(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with sqlite3.connect(tmp_path / "responses.sqlite") as db:
        db.execute("DROP TABLE responses")
    for use in (lambda: cache.get("k"), lambda: cache.put("k", {}, {})):
        with pytest.raises(UserError, match="cache not usable"):
            use()


# --- archive ---------------------------------------------------------------------------------------------------------

ENTRIES = {request.key: (request.body, response(word)) for word in "abc" for request in [ask(word)]}


def test_an_archive_gives_back_what_was_packed_and_its_bytes_do_not_depend_on_order(tmp_path: Path) -> None:
    pack(tmp_path / "1.gz", {"model": MODEL}, ENTRIES)
    pack(tmp_path / "2.gz", {"model": MODEL}, dict(reversed(ENTRIES.items())))
    assert (tmp_path / "1.gz").read_bytes() == (tmp_path / "2.gz").read_bytes()
    assert (tmp_path / "1.gz").read_bytes()[4:8] == bytes(4)  # no time in the gzip header
    read = Archive(tmp_path / "1.gz")
    assert (read.card, read.entries) == ({"model": MODEL}, ENTRIES)
    assert read.get(ask("b").key) == response("b")
    assert read.get("0" * 64) is None


def test_no_archive_is_an_empty_one(tmp_path: Path) -> None:
    for path in (None, tmp_path / "none.gz"):
        assert (Archive(path).card, Archive(path).entries) == ({}, {})


def _edited(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data).replace(b'"seed":0', b'"seed":1', 1))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: b"outs:\n- md5: 1\n", id="a .dvc file"),
        pytest.param(lambda data: data[: len(data) // 2], id="cut"),
        pytest.param(lambda data: data[:60] + bytes(30) + data[90:], id="overwritten"),
        pytest.param(lambda data: data[:10] + b"\xff" * 20 + data[30:], id="overwritten from the start"),
        pytest.param(lambda data: gzip.compress(b'{"key": "k"}\n'), id="no card"),
        pytest.param(lambda data: gzip.compress(b'{"card": {}}\n{"key": "k"}\n'), id="no request"),
        pytest.param(lambda data: gzip.compress(b'{"card": {}}\n[]\n'), id="a list"),
        pytest.param(lambda data: gzip.compress(b'{"card": {}}\n{"key": \n'), id="broken JSON"),
        pytest.param(lambda data: gzip.compress(b'{"card": {}}\n{"key": "\xff"}\n'), id="not UTF-8"),
        pytest.param(_edited, id="a request that was edited"),
    ],
)
def test_a_broken_archive_is_one_line_with_the_remedy(tmp_path: Path, spoil: Any) -> None:
    path = tmp_path / "responses.jsonl.gz"
    pack(path, {}, ENTRIES)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UserError, match="broken archive") as caught:
        Archive(path)
    assert caught.value.place == str(path)
    assert "dvc pull" in caught.value.remedy


def account(folder: Path, name: str, words: str, source: Archive, sha256: str = "a" * 64) -> None:
    """A usage file as a stage writes it."""
    answers = {ask(word).key: response(word) for word in words}
    LlmSession(LLM, Prompt(f"{name}.yaml", sha256, {}), source, answers=answers).write(folder / f"{name}.json")


def test_packing_adds_what_the_usage_files_name_and_drops_only_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_CACHE", str(tmp_path / "cache"))
    cache, out = Cache(), tmp_path / "responses.jsonl.gz"
    for word in "bcd":
        cache.put(ask(word).key, ask(word).body, response(word))
    pack(out, {"model": MODEL, "prompts": {"old.yaml": "0"}}, {ask("a").key: ENTRIES[ask("a").key]})
    (tmp_path / "usage").mkdir()
    account(tmp_path / "usage", "one", "b", Archive(None))
    write_json(tmp_path / "card.json", {"model": MODEL, "server": "s"})
    arguments = ["--card", str(tmp_path / "card.json"), "--usage", str(tmp_path / "usage"), "--out", str(out)]

    archive.main(arguments)
    assert Archive(out).entries.keys() == {ask("a").key, ask("b").key}
    assert Archive(out).card == {"model": MODEL, "server": "s", "prompts": {"old.yaml": "0", "one.yaml": "a" * 64}}
    assert "2 responses in" in capsys.readouterr().out

    account(tmp_path / "usage", "two", "cb", Archive(None), sha256="b" * 64)
    archive.main([*arguments, "--drop"])
    assert Archive(out).entries == {key: ENTRIES[key] for key in (ask("b").key, ask("c").key)}
    assert Archive(out).card["prompts"] == {"one.yaml": "a" * 64, "two.yaml": "b" * 64}
    assert ": 1 new, 1 dropped" in capsys.readouterr().out

    (tmp_path / "cache" / "responses.sqlite").unlink()
    before = out.read_bytes()
    archive.main(arguments)
    assert out.read_bytes() == before


def test_an_archive_of_several_models_has_a_card_for_each_and_none_speaks_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_CACHE", str(tmp_path / "cache"))
    out, other = tmp_path / "r.gz", ask("z", dataclasses.replace(LLM, model="other"))
    pack(out, {"model": MODEL, "server": "s", "prompts": {}}, ENTRIES)
    Cache().put(other.key, other.body, response("z"))
    session = LlmSession(LLM, SPEC, Archive(None))
    session.answers[other.key] = response("z")
    session.write(tmp_path / "usage" / "one.json")
    write_json(tmp_path / "card.json", {"model": "third"})
    arguments = ["--card", str(tmp_path / "card.json"), "--usage", str(tmp_path / "usage"), "--out", str(out)]
    with pytest.raises(UserError, match="speaks of model 'third', and the responses are by loopback-1, other"):
        archive.main(arguments)
    write_json(tmp_path / "card.json", {"model": "other", "server": "t"})
    archive.main(arguments)
    packed = Archive(out)
    assert len(packed.entries) == len(ENTRIES) + 1
    assert packed.card_of({MODEL}) == {"model": MODEL, "server": "s", "prompts": {"prompt.yaml": "a" * 64}}
    assert packed.card_of({"other"})["server"] == "t"
    assert packed.card_of({MODEL, "other"}) == packed.card_of({"third"}) == {}


@pytest.mark.parametrize("case", ["no folder", "unknown response", "no usage file"])
def test_packing_what_is_not_there_leaves_the_archive_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setenv("LLM_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "responses.jsonl.gz"
    pack(out, {}, ENTRIES)
    before = out.read_bytes()
    write_json(tmp_path / "card.json", {})
    if case != "no folder":
        (tmp_path / "usage").mkdir()
        account(tmp_path / "usage", "one", "z", Archive(None))
    if case == "no usage file":
        write_json(tmp_path / "usage" / "one.json", {"a": 1})
    with pytest.raises(UserError):
        archive.main(["--card", str(tmp_path / "card.json"), "--usage", str(tmp_path / "usage"), "--out", str(out)])
    assert out.read_bytes() == before


def test_usage_counts_each_call_once_and_shows_the_card_only_where_it_speaks_for_every_response(tmp_path: Path) -> None:
    pack(tmp_path / "r.gz", {"model": MODEL}, ENTRIES)
    packed = Archive(tmp_path / "r.gz")
    words = ["a", "b", "a"]
    session = LlmSession(LLM, SPEC, packed)
    assert session.ask([ask(word) for word in words]) == [response(word) for word in words]
    assert session.account() == {
        "prompt": "prompt.yaml",
        "prompt_sha256": "a" * 64,
        "models": [MODEL],
        "card": {"model": MODEL},
        "calls": 2,
        "prompt_tokens": 6,
        "completion_tokens": 4,
        "responses": sorted([ask("a").key, ask("b").key]),
    }
    # One response that another model may have given: the card says nothing of that one.
    session.answers[ask("z").key] = response()
    assert session.account()["card"] == {}
    assert LlmSession(LLM, SPEC, packed).account()["card"] == {"model": MODEL}


# --- client ----------------------------------------------------------------------------------------------------------


def contents(words: Any, llm: Llm = LLM) -> list[str]:
    return [json.loads(r["content"])["label"] for r in responses([ask(w, llm) for w in words], llm, Archive(None))]


def test_answers_come_in_the_order_of_the_requests_and_equal_requests_share_a_call(online: OpenAIServer) -> None:
    words = [f"w{n % 20}" for n in range(60)]
    distinct = dict(zip(words, contents(words), strict=True))
    assert contents(reversed(words)) == [distinct[word] for word in reversed(words)]
    assert len(set(distinct.values())) == 20
    assert len(online.received) == len(online.answered) == len(online.bodies()) == 20
    assert [Request(body).key for body in online.bodies()] == online.answered


def test_no_more_requests_are_under_way_than_allowed(tmp_path: Path, online: OpenAIServer) -> None:
    # Each request waits until three are there at once: fewer would hang, and a fourth would be counted.
    online.latency = lambda body: 0.0 if online.wait(lambda: online.busiest >= 3, 20) else 0.0
    contents([f"w{n}" for n in range(12)], dataclasses.replace(LLM, concurrency=3))
    assert online.busiest == 3


KNOBS = [{"concurrency": 0}, {"retries": -1}, {"timeout_s": 0.0}, {"requests_per_minute": 0}, {"tokens_per_minute": 0}]


@pytest.mark.parametrize("change", KNOBS)
def test_knobs_out_of_range_are_refused(online: OpenAIServer, change: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="params.yaml: llm"):
        contents(["a"], dataclasses.replace(LLM, **change))
    assert online.received == []


def test_the_archive_comes_before_the_cache_and_both_before_the_endpoint(tmp_path: Path, online: OpenAIServer) -> None:
    request = ask("a")
    cached = Cache().put(request.key, request.body, response("cached"))
    assert responses([request], LLM, Archive(None)) == [cached]
    pack(tmp_path / "r.gz", {}, {request.key: (request.body, response("archived"))})
    assert responses([request], LLM, Archive(tmp_path / "r.gz")) == [response("archived")]
    assert online.received == []


@pytest.mark.parametrize("mode", [None, "replay", "Online"])
def test_only_the_word_online_opens_a_connection(
    online: OpenAIServer, monkeypatch: pytest.MonkeyPatch, mode: str | None
) -> None:
    if mode is None:
        monkeypatch.delenv("LLM_MODE")
    else:
        monkeypatch.setenv("LLM_MODE", mode)
    with pytest.raises(UserError, match="2 of 2 requests have no recorded response"):
        contents(["a", "b", "a"])
    assert online.received == []
