"""A blocking client of the endpoint whose every request ends in time, however its reply drips: batch and probe ask by it.

The transport's own timeouts hold only between two bytes. Here a request has `llm.timeout_s` from its connection to the last
byte of its reply; what is sent and received may take longer, as a file of a batch does, but no longer than it would at `SLOWEST`.
"""

from __future__ import annotations

import asyncio
from typing import Final

import httpx2
import openai

SLOWEST: Final = 20_000  # bytes a second: 200 MB, the most of a file, in three hours


class Deadline(httpx2.BaseTransport):
    """A transport for a blocking client; it drives an asynchronous one, which alone can be stopped anywhere.

    Raises:
        httpx2.ReadTimeout: the reply was not whole in time.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.runner = seconds, asyncio.Runner()
        self.client = httpx2.AsyncClient(timeout=seconds)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The whole reply."""
        return self.runner.run(self._whole(request))

    async def _whole(self, request: httpx2.Request) -> httpx2.Response:
        allowed = self.seconds + int(request.headers.get("Content-Length", 0)) / SLOWEST
        body = bytearray()
        try:
            async with asyncio.timeout(allowed) as limit:
                reply = await self.client.send(request, stream=True)
                try:
                    async for part in reply.aiter_raw():
                        body += part
                        limit.reschedule((limit.when() or 0.0) + len(part) / SLOWEST)
                finally:
                    await reply.aclose()
        except TimeoutError as error:
            raise httpx2.ReadTimeout(f"no whole answer within llm.timeout_s ({self.seconds:g} s)") from error
        return httpx2.Response(reply.status_code, headers=reply.headers, stream=httpx2.ByteStream(bytes(body)))

    def close(self) -> None:
        """Closes the connections."""
        self.runner.run(self.client.aclose())
        self.runner.close()


def client(seconds: float, retries: int) -> openai.OpenAI:
    """The SDK's blocking client, with a deadline for each request and so many retries."""
    return openai.OpenAI(
        http_client=openai.DefaultHttpxClient(transport=Deadline(seconds)), timeout=seconds, max_retries=retries
    )
