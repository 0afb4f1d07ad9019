"""The contenders of `benchmarks/llm_client.py` and its loopback server, each a process of its own.

    python benchmarks/llm_peers.py <name> <requests> <concurrency>

asks the server at OPENAI_BASE_URL that many times and prints one JSON line: seconds, CPU seconds, answers. Only the
standard library is imported at the top: the peers run under the interpreter of an environment of their own, which has
nothing of this project. `server` runs the server instead, and prints its port.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LATENCY_S = 0.05
MODEL = "loopback-1"
CONTENT = json.dumps({"text": "x" * 200, "spans": ["x"]})
ANSWER = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": CONTENT, "refusal": None}}
        ],
        "usage": {"prompt_tokens": 250, "completion_tokens": 60, "total_tokens": 310},
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)


def body(number: int) -> dict[str, Any]:
    """A request body of 1 KB."""
    text = f"{number:06}" + "a" * 840
    return {
        "model": MODEL,
        "messages": [{"role": "system", "content": "Translate."}, {"role": "user", "content": text}],
        "temperature": 0.0,
        "seed": 0,
        "max_tokens": 600,
    }


class Answering(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as little of it as POST needs: each request is answered 50 ms after its last byte."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.data = transport, b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            at = self.data[:end].lower().find(b"content-length:")
            length = int(self.data[at + 15 : end].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.data) < end + 4 + length:
                return
            self.data = self.data[end + 4 + length :]
            asyncio.get_running_loop().call_later(LATENCY_S, self.transport.write, HEAD + ANSWER)


async def server() -> None:
    """Serves on a free loopback port until it is ended."""
    listening = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=1024)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


async def workers(send: Callable[[dict[str, Any]], Awaitable[Any]], count: int, concurrency: int) -> int:
    """Sends all requests from so many workers; how many were answered."""
    todo, done = iter(range(count)), 0

    async def work() -> None:
        nonlocal done
        for number in todo:
            await send(body(number))
            done += 1

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return done


async def bare(count: int, concurrency: int) -> int:
    """aiohttp and nothing else: the floor."""
    import aiohttp

    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

        async def send(request: dict[str, Any]) -> Any:
            async with session.post(url, json=request) as response:
                return await response.json()

        return await workers(send, count, concurrency)


async def openai_sdk(count: int, concurrency: int, aiohttp: bool) -> int:
    """`chat.completions.create` of the openai package on one of its two transports, with a pool as large as asked for."""
    import openai

    try:
        from httpx2 import Limits
    except ImportError:
        from httpx import Limits  # type: ignore[no-redef]

    kind = openai.DefaultAioHttpClient if aiohttp else openai.DefaultAsyncHttpxClient
    limits = Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with openai.AsyncOpenAI(http_client=kind(limits=limits)) as client:
        return await workers(lambda request: client.chat.completions.create(**request), count, concurrency)


async def cookbook(count: int, concurrency: int) -> int:
    """As the OpenAI cookbook's api_request_parallel_processor: one loop that reads a file of requests, a task for each
    request, capacities of requests and tokens a minute, tokens counted by length here, a line appended for each result.

    The script itself bounds nothing but the rates; a semaphore bounds what is under way, so that all are asked alike.
    """
    import aiohttp

    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    headers = {"Authorization": "Bearer any"}
    folder = tempfile.mkdtemp()
    with open(f"{folder}/requests.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(body(number)) + "\n" for number in range(count))
    per_minute = 1e9
    requests_left = tokens_left = per_minute
    updated, done, gate, tasks = time.time(), 0, asyncio.Semaphore(concurrency), set[asyncio.Task[None]]()

    async def call(session: aiohttp.ClientSession, request: dict[str, Any], number: int) -> None:
        nonlocal done
        try:
            async with session.post(url=url, headers=headers, json=request) as response:
                answer = await response.json()
            with open(f"{folder}/results.jsonl", "a", encoding="utf-8") as results:
                results.write(json.dumps([request, answer, {"row": number}]) + "\n")
            done += 1
        finally:
            gate.release()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:
        with open(f"{folder}/requests.jsonl", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                request = json.loads(line)
                tokens = sum(len(message["content"]) // 4 for message in request["messages"]) + request["max_tokens"]
                now = time.time()
                requests_left = min(requests_left + per_minute * (now - updated) / 60, per_minute)
                tokens_left = min(tokens_left + per_minute * (now - updated) / 60, per_minute)
                updated, requests_left, tokens_left = now, requests_left - 1, tokens_left - tokens
                await gate.acquire()
                task = asyncio.create_task(call(session, request, number))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                await asyncio.sleep(0.001)
        await asyncio.gather(*tasks)
    return done


def curator(count: int, concurrency: int) -> int:
    """bespokelabs-curator's LLM with its openai backend, its cache in a new folder."""
    # It counts tokens by a table that tiktoken would download; litellm, which it needs, carries it.
    package_folder = Path((find_spec("litellm") or ModuleSpec("litellm", None)).origin or ".").parent
    os.environ["TIKTOKEN_CACHE_DIR"] = str(package_folder / "litellm_core_utils" / "tokenizers")
    from bespokelabs import curator as package

    class Translator(package.LLM):  # type: ignore[misc]
        def prompt(self, row: dict[str, Any]) -> list[dict[str, str]]:
            return list(body(row["number"])["messages"])

        def parse(self, row: dict[str, Any], response: str) -> dict[str, Any]:
            return {"number": row["number"], "answer": response}

    llm = Translator(
        model_name=MODEL,
        backend="openai",
        generation_params={"temperature": 0.0, "seed": 0, "max_tokens": 600},
        backend_params={
            "base_url": os.environ["OPENAI_BASE_URL"],
            "api_key": "any",
            "max_concurrent_requests": concurrency,
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 1_000_000_000,
        },
    )
    result = llm([{"number": number} for number in range(count)], working_dir=tempfile.mkdtemp())
    return len(getattr(result, "dataset", result))


def distilabel(count: int, concurrency: int) -> int:
    """distilabel's OpenAILLM under TextGeneration, in batches as large as the concurrency."""
    from distilabel.models import OpenAILLM
    from distilabel.steps.tasks import TextGeneration

    llm = OpenAILLM(
        model=MODEL,
        base_url=os.environ["OPENAI_BASE_URL"],
        api_key="any",
        generation_kwargs={"temperature": 0.0, "max_new_tokens": 600},
    )
    task = TextGeneration(llm=llm, input_batch_size=concurrency)
    task.load()
    done = 0
    for start in range(0, count, concurrency):
        numbers = range(start, min(start + concurrency, count))
        rows = next(task.process([{"instruction": body(number)["messages"][1]["content"]} for number in numbers]))
        done += sum(row["generation"] is not None for row in rows)
    return done


CONTENDERS: dict[str, tuple[str, Callable[[int, int], int]]] = {
    "bare": ("aiohttp", lambda count, width: asyncio.run(bare(count, width))),
    "openai_httpx": ("openai", lambda count, width: asyncio.run(openai_sdk(count, width, aiohttp=False))),
    "openai_aiohttp": ("openai", lambda count, width: asyncio.run(openai_sdk(count, width, aiohttp=True))),
    "cookbook": ("aiohttp", lambda count, width: asyncio.run(cookbook(count, width))),
    "curator": ("bespokelabs-curator", curator),
    "distilabel": ("distilabel", distilabel),
}


def cpu_seconds() -> float:
    """CPU time of this process and the children it has waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    name, *numbers = sys.argv[1:]
    if name == "server":
        asyncio.run(server())
    package, contender = CONTENDERS[name]
    contender(8, 8)  # imports and first connections are not what is measured
    cpu, start = cpu_seconds(), time.perf_counter()
    done = contender(int(numbers[0]), int(numbers[1]))
    seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "answers": done, package: version(package)}))


if __name__ == "__main__":
    main()
