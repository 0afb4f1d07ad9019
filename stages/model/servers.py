"""Prediction by others: any server with the OpenAI API, or vLLM in this process. Greedy, and no grammar: these are free answers.

`openai` asks `OPENAI_BASE_URL` (key `OPENAI_API_KEY`) for completions of `predict.served_model`, the name under which the server
has base and adapter together: `vllm serve models/base --enable-lora --lora-modules oiellm=models/oiellm`, or a merged model
(`make merge`) under `vllm serve`, `transformers serve` or llama.cpp. `vllm` loads base and adapter itself, on a GPU.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai

from stages.core.errors import UserError

Outputs = list[tuple[str, bool]]  # what was written, and whether it came to its end


def by_openai(prompts: Sequence[str], limit: int, at_once: int, model: str | None) -> Outputs:
    """One completion a prompt, at most `limit` tokens; `at_once` requests are under way together.

    Raises:
        UserError: no server or model is named, or it refuses or cannot be reached.
    """
    if model is None:
        raise UserError("predict.served_model", "is null, and backend openai has to name a model", "set it")
    if not os.environ.get("OPENAI_BASE_URL"):
        raise UserError("OPENAI_BASE_URL", "is not set", "give the server's address, such as http://localhost:8000/v1")
    client = openai.OpenAI(max_retries=4, api_key=os.environ.get("OPENAI_API_KEY", "none"))

    def ask(prompt: str) -> tuple[str, bool]:
        reply = client.completions.create(model=model, prompt=prompt, max_tokens=limit, temperature=0.0)
        choice = reply.choices[0]
        return choice.text, choice.finish_reason == "stop"

    try:
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(ask, prompts))
    except openai.APIConnectionError as error:
        raise UserError(
            str(client.base_url), "cannot be reached", "start the server, or set OPENAI_BASE_URL"
        ) from error
    except openai.APIError as error:
        fault = " ".join(str(error).split())[:200]
        raise UserError(str(client.base_url), fault, "see the server's log; its models are at /models") from error
    finally:
        client.close()


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
