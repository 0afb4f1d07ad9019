"""How fast the LLM client asks and replays, beside a bare aiohttp loop and its peers; what memory it takes.

    python -m benchmarks.llm_client

3,000 requests of 1 KB to a loopback server (a process of its own) that answers each after 50 ms, from 64 and 256 workers,
our cache's writes included. Every contender runs as a process, in turn over the rounds; the least time counts. Peers that
the project does not use are installed into environments of their own in the user's cache folder. Then 10,000 and 100,000
records go through the client, a window at a time, first from the endpoint, then from the cache. Writes
`benchmarks/results/llm_client.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from benchmarks.common import print_table, write_results
from benchmarks.llm_peers import CONTENDERS, MODEL, body, cpu_seconds
from stages.llm.archive import Archive
from stages.llm.client import responses
from stages.llm.request import Llm, Request

REQUESTS = 3000
WINDOW = 4096  # requests held at once
PEERS = Path(__file__).with_name("llm_peers.py")
ROOT = PEERS.parent.parent
# Installed apart, since they bring what the project must not depend on.
APART = {
    "curator": ("bespokelabs-curator==0.1.31",),
    "distilabel": ("distilabel[openai]==1.5.3", "requests"),  # which it imports and does not ask for
}
Run = dict[str, Any]


# --- ours, in a process of its own -----------------------------------------------------------------------------------


def settings(concurrency: int) -> Llm:
    return Llm(MODEL, "none", 0.0, 0, 600, concurrency, 30.0, 4, None, None, 600.0)


def ours(count: int, concurrency: int) -> Run:
    """Seconds and CPU seconds of `responses` with a new cache."""
    requests = [Request(body(number)) for number in range(count)]
    # As with the others: imports and the like are not what is measured.
    responses([Request(body(count + number)) for number in range(8)], settings(8), Archive(None))
    cpu, start = cpu_seconds(), time.perf_counter()
    answers = responses(requests, settings(concurrency), Archive(None))
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "cpu_seconds": cpu_seconds() - cpu, "answers": len(answers)}


def in_windows(count: int, concurrency: int) -> Run:
    """Seconds and peak memory of `responses`, requests made on the way, so many at once."""
    start = time.perf_counter()
    answers = sum(
        1
        for start in range(0, count, WINDOW)
        for _ in responses(
            [Request(body(number)) for number in range(start, min(count, start + WINDOW))],
            settings(concurrency),
            Archive(None),
        )
    )
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "answers": answers, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


# --- the runs --------------------------------------------------------------------------------------------------------


@contextmanager
def served() -> Iterator[dict[str, str]]:
    """The environment in which contenders meet the server."""
    process = subprocess.Popen([sys.executable, str(PEERS), "server"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        url = f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        local = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "any", "LLM_MODE": "online", "PYTHONPATH": str(ROOT)}
        # The peers' own reports home, and tables drawn as they go, are no part of what is measured.
        quiet = {"TELEMETRY_ENABLED": "0", "CURATOR_DISABLE_RICH_DISPLAY": "1", "DO_NOT_TRACK": "1"}
        yield {**os.environ, **local, **quiet}
    finally:
        process.terminate()
        process.wait()


def measured(command: Sequence[str], environment: dict[str, str]) -> Run:
    """What the process says of itself in its last line."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(" ".join(done.stderr.split())[-300:])
    result: Run = json.loads(done.stdout.splitlines()[-1])
    return result


def python_of(name: str) -> str:
    """The interpreter of a contender; makes its environment if it has none."""
    if name not in APART:
        return sys.executable
    folder = Path(platformdirs.user_cache_dir("mmm-ie-benchmarks")) / name
    python = folder / "bin" / "python"
    made = folder / "made"
    if not made.exists() or made.read_text(encoding="utf-8").split() != list(APART[name]):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        done = subprocess.run([str(python), "-m", "pip", "install", "-q", *APART[name]], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError("cannot be installed: " + " ".join(done.stderr.split())[-300:])
        made.write_text(" ".join(APART[name]), encoding="utf-8")
    return str(python)


def contend(names: Sequence[str], widths: Sequence[int], rounds: int) -> dict[str, Run]:
    """The fastest run of each contender at each width: {name: {width: run}}, or {name: {"reason": …}}."""
    best: dict[str, Run] = {name: {} for name in names}
    with served() as environment:
        for _ in range(rounds):
            for width in widths:
                for name in names:
                    if "reason" in best[name]:
                        continue
                    with tempfile.TemporaryDirectory() as cache:
                        command = [sys.executable, "-m", "benchmarks.llm_client", "--run", "ours"]
                        try:
                            if name != "ours":
                                command = [python_of(name), str(PEERS), name]
                            numbers = [str(REQUESTS), str(width)]
                            run = measured([*command, *numbers], {**environment, "LLM_CACHE": cache})
                            if run["answers"] != REQUESTS:
                                raise RuntimeError(f"{run['answers']} of {REQUESTS} answers")
                        except (RuntimeError, subprocess.SubprocessError) as error:
                            best[name] = {"reason": str(error)}
                            continue
                    print(f"{name} at {width}: {run['seconds']:.2f} s, {run['cpu_seconds']:.2f} s CPU", file=sys.stderr)
                    best[name][str(width)] = min(best[name].get(str(width), run), run, key=lambda one: one["seconds"])
    return best


def memory(counts: Sequence[int]) -> dict[str, Any]:
    """Streaming so many records from the endpoint, then from the cache."""
    result: dict[str, Any] = {"memory_mb": {}, "memory_mb_replay": {}}
    for count in counts:
        with served() as environment, tempfile.TemporaryDirectory() as cache:
            environment["LLM_CACHE"] = cache
            command = [sys.executable, "-m", "benchmarks.llm_client", "--run", "windows", str(count), "256"]
            online = measured(command, environment)
            replay = measured(command, {**environment, "LLM_MODE": "replay"})
        result["memory_mb"][str(count)] = round(online["mb"], 1)
        result["memory_mb_replay"][str(count)] = round(replay["mb"], 1)
        result[f"replay_{count // 1000}k_s"] = round(replay["seconds"], 2)
    return result


def figures(best: dict[str, Run]) -> dict[str, Any]:
    """Requests a second and CPU a request, by contender and width."""
    rows: dict[str, Any] = {}
    for name, runs in best.items():
        row: dict[str, Any] = {"rps_64": None, "rps_256": None, "cpu_ms_64": None, "cpu_ms_256": None}
        for width, run in runs.items():
            if width == "reason":
                row["reason"] = run
                continue
            row[f"rps_{width}"] = round(REQUESTS / run["seconds"], 1)
            row[f"cpu_ms_{width}"] = round(run["cpu_seconds"] / REQUESTS * 1000, 3)
            row |= {f"version of {key}": text for key, text in run.items() if isinstance(text, str)}
        rows[name] = row
    return rows


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.llm_client", description=__doc__.split("\n")[0])
    parser.add_argument("--run", nargs=3, metavar=("WHAT", "COUNT", "CONCURRENCY"), help="one run, as a process")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="these contenders, nothing is written")
    options = parser.parse_args(arguments)
    if options.run:
        what, count, width = options.run[0], int(options.run[1]), int(options.run[2])
        print(json.dumps((ours if what == "ours" else in_windows)(count, width)))
        return
    names = options.only or ["ours", *CONTENDERS]
    best = contend(names, (64, 256), options.rounds)
    rows = figures(best)
    shown = ("rps_64", "rps_256", "cpu_ms_64", "cpu_ms_256", "reason")
    print_table(("contender", *shown), [(name, *(row.get(key, "") for key in shown)) for name, row in rows.items()])
    if options.only:
        return
    mine, bare = rows["ours"], rows["bare"]
    results = {
        "requests": REQUESTS,
        "rounds": options.rounds,
        "vs_bare_loop_64": round(bare["rps_64"] / mine["rps_64"], 3),
        **{key: mine[key] for key in ("cpu_ms_256", "cpu_ms_64", "rps_256", "rps_64")},
        "bare_loop": bare,
        "peers": {name: row for name, row in rows.items() if name not in ("ours", "bare")},
        **memory((10_000, 100_000)),
    }
    print(json.dumps(results, indent=2))
    write_results("llm_client", results)


if __name__ == "__main__":
    main(sys.argv[1:])
