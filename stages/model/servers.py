"""Prediction by others: any server with the OpenAI API, or vLLM in this process. Greedy, and no grammar: these are free answers.

`openai` asks `OPENAI_BASE_URL` (key `OPENAI_API_KEY`) for completions of `predict.served_model`, the name under which the server
has base and adapter together: `vllm serve models/base --enable-lora --lora-modules oiellm=models/oiellm`, or a merged model
(`make merge`) under `vllm serve`, `transformers serve` or llama.cpp. `vllm` loads base and adapter itself, on a GPU.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Sequence
from typing import Any

from stages.core.errors import UserError
from stages.core.hidden import hidden

TIMEOUT_S = 600.0  # of one answer, its retries included, from the connection to the last byte
Outputs = list[tuple[str, bool]]  # what was written, and whether it came to its end


def by_openai(
    prompts: Sequence[str], limit: int, at_once: int, model: str | None, seconds: float = TIMEOUT_S
) -> Outputs:
    """One completion a prompt, at most `limit` tokens; `at_once` requests are under way together, each for `seconds` at most.

    Raises:
        UserError: no server or model is named, or it refuses, cannot be reached, or does not end an answer in time.
    """
    if model is None:
        raise UserError("predict.served_model", "is null, and backend openai has to name a model", "set it")
    if not os.environ.get("OPENAI_BASE_URL"):
        raise UserError("OPENAI_BASE_URL", "is not set", "give the server's address, such as http://localhost:8000/v1")
    return asyncio.run(_completions(prompts, limit, at_once, model, seconds))


async def _completions(prompts: Sequence[str], limit: int, at_once: int, model: str, seconds: float) -> Outputs:
    import openai  # half a second, which those who compute here need not wait

    client = openai.AsyncOpenAI(max_retries=4, api_key=os.environ.get("OPENAI_API_KEY", "none"), timeout=seconds)
    place, gate = hidden(str(client.base_url)), asyncio.Semaphore(at_once)

    async def ask(prompt: str) -> tuple[str, bool]:
        # The client's own timeout holds only between two bytes: an answer that drips would never end.
        async with gate, asyncio.timeout(seconds):
            reply = await client.completions.create(model=model, prompt=prompt, max_tokens=limit, temperature=0.0)
        if not getattr(reply, "choices", None):  # a web page, or an error under HTTP 200
            raise UserError(place, "answers, but with no completion", "see the server's log")
        choice = reply.choices[0]
        return hidden(choice.text or ""), choice.finish_reason == "stop"

    tasks = [asyncio.create_task(ask(prompt)) for prompt in prompts]
    try:
        return await asyncio.gather(*tasks)
    except TimeoutError as error:
        raise UserError(place, f"no whole answer within {seconds:g} s", "see the server's log") from error
    except ValueError as error:  # no JSON
        raise UserError(place, "answers, but with no completion", "see the server's log") from error
    except openai.APIConnectionError as error:
        raise UserError(place, "cannot be reached", "start the server, or set OPENAI_BASE_URL") from error
    except openai.OpenAIError as error:
        fault = " ".join(hidden(str(error)).split())[:200]
        raise UserError(place, fault, "see the server's log; its models are at /models") from error
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.close()


def by_vllm(
    prompts: Sequence[Sequence[int]], decode: Any, limit: int, base: str, adapter: str | None, rank: int
) -> Outputs:
    """The same by vLLM, from token ids; `rank` is that of the adapter's matrices, 0 for a whole model.

    Raises:
        UserError: vLLM is not installed.
    """
    if importlib.util.find_spec("vllm") is None:
        raise UserError(
            "predict.backend", "vllm is not installed", "`pip install vllm` where there is a GPU, or set hf"
        )
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    whole = adapter is not None and rank == 0
    model = LLM(model=adapter if whole else base, tokenizer=base, enable_lora=rank > 0, max_lora_rank=max(rank, 8))
    lora = LoRARequest("adapter", 1, adapter) if rank else None
    given = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
    found = model.generate(given, SamplingParams(temperature=0.0, max_tokens=limit), lora_request=lora)
    first = [item.outputs[0] for item in found]
    return [(decode(item.token_ids), item.finish_reason == "stop") for item in first]
