"""`kill -9` of a running translate at ten random moments, against a real HTTP server that fails in every way."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from stages.core.schema import read_checked
from stages.llm.request import Request
from tests.support.faulty import LOST, answers_always, faulty_records, passing_faults
from tests.support.openai_server import OpenAIServer
from tests.support.project import Project

TEXTS = 2000
CONCURRENCY = 16
KNOBS: dict[str, Any] = {"concurrency": CONCURRENCY, "timeout_s": 30.0, "retries": 3}


def latency(body: dict[str, Any]) -> float:
    """1 to 20 ms, by the request."""
    return 0.001 + int(Request(body).key[:4], 16) / 0xFFFF * 0.019


def filtered(project: Project) -> None:
    """Runs the filter's command line on what translate wrote."""
    command = [sys.executable, "-m", "stages.translation.filter", *project.filter_arguments("zh")]
    subprocess.run(command, cwd=project.folder, env=project.environment(), check=True)


def all_bytes(project: Project) -> dict[str, bytes]:
    """What translate and the filter wrote."""
    return {path.name: path.read_bytes() for path in project.folder.glob("*-zh.jsonl")} | project.outputs()


def test_a_run_killed_ten_times_under_faults_pays_nothing_twice_and_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    chance = random.Random(1)
    # While it starts; eight times as answers have been written; as the last has been and the output is to come.
    moments = [0, *sorted(chance.sample(range(1, TEXTS), 8)), TEXTS]
    records = faulty_records(TEXTS)
    with OpenAIServer(tmp_path / "answered.jsonl", latency=latency) as server:
        server.faults, server.always = passing_faults(records), answers_always(records)
        project = Project(tmp_path / "killed", records, **KNOBS)
        for moment in [*moments, None]:
            kept, before = project.cached(), (len(server.received), len(server.answered))
            process = project.start("translate", "zh", server.url)
            if moment is not None:
                while not server.wait(lambda moment=moment: len(set(server.answered)) >= moment, 1):  # type: ignore[misc]
                    assert process.poll() is None, process.communicate()[1]
                process.kill()
            out, err = process.communicate(timeout=300)
            assert process.returncode == (0 if moment is None else -9), err
            assert server.wait(lambda: server.busy == 0)
            sent = {key for _, key in server.received[before[0] :]}
            assert not kept & sent, "an answer that was kept was asked for again"
            assert kept <= project.cached(), "an answer was lost"
            # What the server answered in this life but is not in the cache was under way: one for each worker.
            lost = set(server.answered[before[1] :]) - project.cached()
            assert len(lost) <= (0 if moment is None else CONCURRENCY)
            assert moment is None or project.outputs() == {}, "something half-written was left"
        again = Counter(server.answered)
        assert len(again) == TEXTS
        assert sum(again.values()) - TEXTS <= len(moments) * CONCURRENCY
        assert [Request(body).key for body in server.bodies()] == server.answered
    filtered(project)

    ledger = read_checked(project.folder / "ledger-zh.jsonl", "ledger")
    assert sorted(line["source_id"] for line in ledger) == sorted(record["id"] for record in records)
    reasons = Counter(reason for line in ledger for reason in line["reasons"])
    assert {reason: reasons[reason] for reason in LOST.values()} == dict.fromkeys(LOST.values(), TEXTS // 20)

    with OpenAIServer(tmp_path / "unbroken.jsonl") as server:
        server.always = answers_always(records)
        unbroken = Project(tmp_path / "unbroken", records, **KNOBS)
        assert unbroken.run("translate", "zh", server.url)[0] == 0
    filtered(unbroken)
    assert all_bytes(project) == all_bytes(unbroken)
    print(f"{len(moments)} kills, {sum(again.values()) - TEXTS} of {TEXTS} requests answered twice")
