"""`kill -9` of a running translate at random moments, against a real HTTP server, until it is done."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

from stages.llm.request import Request
from tests.openai_server import OpenAIServer, Project, record

TEXTS = 80
CONCURRENCY = 4
PLACES = ("盛岡市", "灘区", "霧沢町", "Re: 谷")
RECORDS = [
    record("SCNM", "NER", f"{n:03}", f"第{n}回の集会は{PLACES[n % 4]}で開かれた。", "社会", [("地名", PLACES[n % 4])])
    for n in range(TEXTS)
]


def latency(body: dict[str, Any]) -> float:
    """5 to 45 ms, by the request."""
    return 0.005 + int(Request(body).key[:4], 16) / 0xFFFF * 0.04


def test_a_killed_run_starts_again_without_paying_twice_and_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    chance = random.Random(1)
    with OpenAIServer(tmp_path / "answered.jsonl", latency=latency) as server:
        project = Project(tmp_path / "killed", RECORDS, concurrency=CONCURRENCY)
        kills = 0
        while True:
            kept, before = project.cached(), len(server.received)
            process = project.start("translate", "zh", server.url)
            # The first while it starts; the others as a request comes in, or as an answer has been written.
            seen: list[Any] = chance.choice((server.received, server.answered))
            count = chance.randint(1, 20) if kills else 0
            if count <= TEXTS - len(kept):
                goal = len(seen) + count
                assert server.wait(lambda seen=seen, goal=goal: len(seen) >= goal)  # type: ignore[misc]
                process.kill()
            out, err = process.communicate(timeout=120)
            assert server.wait(lambda: server.busy == 0)
            sent = [key for _, key in server.received[before:]]
            assert not kept & set(sent), "an answer that was kept was asked for again"
            assert kept <= project.cached(), "an answer was lost"
            if process.returncode == 0:
                break
            assert process.returncode == -9, err
            kills += 1
            assert project.outputs() == {}, "something half-written was left"
            # What the server had answered in this life but is not in the cache was in flight: one for each worker.
            lost = set(server.answered) - project.cached()
            assert len(lost & set(sent)) <= CONCURRENCY
        assert kills >= 4
        again = Counter(server.answered)
        assert len(again) == TEXTS
        assert sum(again.values()) - TEXTS <= kills * CONCURRENCY
        assert [Request(body).key for body in server.bodies()] == server.answered

    with OpenAIServer(tmp_path / "unbroken.jsonl", latency=latency) as server:
        unbroken = Project(tmp_path / "unbroken", RECORDS, concurrency=CONCURRENCY)
        assert unbroken.run("translate", "zh", server.url)[0] == 0
    assert project.outputs() == unbroken.outputs()
    print(f"{kills} kills, {sum(again.values()) - TEXTS} of {TEXTS} requests answered twice")
