"""Constrained prediction: a model that knows nothing still writes well-formed answers, alone as in a batch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import LlamaForCausalLM

from stages.core.schema import read_checked, write_checked
from stages.model import base, predict
from stages.model.common import load_tokenizer, output_ids, prompt_ids
from stages.model.decoding import greedy
from stages.model.grammar import Answer, Vocabulary
from stages.model.head import Head
from stages.model.repetition import cut
from stages.records.linear import View, encode, parse, split_input
from stages.records.record import Record
from tests.support.params import params
from tests.support.tiny_llama import tiny_model, write_tiny_llama

LIMIT = 60
Examples = list[dict[str, Any]]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("tiny"))


def examples_of(sample: list[Record], view: View) -> Examples:
    """Eight short ones of several tasks and languages."""
    rows = []
    for record in sample:
        source, target = encode(record, view)
        row = {key: record[key] for key in ("id", "group", "subset", "task", "lang")}
        rows.append({**row, "input": source, "output": target})
    short = sorted(rows, key=lambda row: (len(row["input"].encode()), row["id"]))[:40:5]
    assert len({row["subset"] for row in short}) > 1
    return short


def is_well_formed(example: dict[str, Any], prediction: dict[str, Any]) -> bool:
    text, task = split_input(example["input"])
    parsed = parse(prediction["output"], task)
    labels = {"span": (0,), "relation": (1,), "event": ()}[task.kind]
    spans = [part for fields in parsed.extractions for n, part in enumerate(fields) if n not in labels]
    return prediction["finished"] and not parsed.defects and all(span in text for span in spans)


@pytest.mark.parametrize("view", ["joint", "text"])
def test_a_random_model_writes_well_formed_answers_only_if_constrained(
    sample: list[Record], tiny: Path, view: View
) -> None:
    model, tokenizer, examples = tiny_model().eval(), load_tokenizer(tiny), examples_of(sample, view)
    free = predict.predict(model, tokenizer, examples, 4, LIMIT)
    bound = predict.predict(model, tokenizer, examples, 4, LIMIT, view)
    looping = predict.predict(model, tokenizer, examples, 4, LIMIT, view, stop_repetition=False)
    for row, one, other in zip(examples, bound, looping, strict=True):  # the guard only ever shortens an answer
        assert one["output"] == (cut(other["output"], row["input"], other["finished"]) or other["output"])
        assert one["repeated"] == (one["output"] != other["output"])
    assert any(row["repeated"] for row in bound) == (view == "joint")
    assert not any(map(is_well_formed, examples, free))
    finished = [pair for pair in zip(examples, bound, strict=True) if pair[1]["finished"]]
    assert len(finished) == len(examples) if view == "text" else finished
    assert all(is_well_formed(*pair) for pair in finished)


def test_a_constrained_batch_predicts_what_each_example_alone_does(sample: list[Record], tiny: Path) -> None:
    model, tokenizer, examples = tiny_model().eval(), load_tokenizer(tiny), examples_of(sample, "joint")
    batch = predict.predict(model, tokenizer, examples, 8, LIMIT, "joint")
    assert [item for row in examples for item in predict.predict(model, tokenizer, [row], 1, LIMIT, "joint")] == batch


class MaskAlone(Answer):
    """Refuses the best token without a look, so that the mask is asked for every one."""

    def add(self, token: int) -> bool:
        return False


class Counting(Answer):
    """Counts the best tokens that were added and those that were refused."""

    seen: Counter[bool] = Counter()

    def add(self, token: int) -> bool:
        added = super().add(token)
        self.seen[added] += 1
        return added


def learn(model: LlamaForCausalLM, tokenizer: Any, examples: Examples, steps: int) -> None:
    """Fits the model to the answers, so that much of what it would write may come."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        for row in examples:
            prompt = prompt_ids(tokenizer, row["input"])
            ids = torch.tensor([[*prompt, *output_ids(tokenizer, row["output"]), tokenizer.eos_token_id]])
            labels = ids.clone()
            labels[:, : len(prompt)] = -100
            model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def test_the_mask_is_needed_only_where_the_best_token_is_refused(sample: list[Record], tiny: Path) -> None:
    """In bf16, the tokens alike in pairs: no best score is the only one, and of a pair the first is tried, whichever is right."""
    model, tokenizer, examples = tiny_model(tied=False), load_tokenizer(tiny), examples_of(sample, "joint")
    learn(model, tokenizer, examples, 12)
    rows = model.get_output_embeddings().weight.data
    rows[2::2] = rows[1:-1:2]
    model = model.to(torch.bfloat16).eval()
    vocabulary = Vocabulary(tokenizer, model.config.vocab_size)
    prompts = [prompt_ids(tokenizer, row["input"]) for row in examples]
    some = sorted({vocabulary.end, *range(20, 200), *(token for prompt in prompts for token in prompt)})

    for head in (Head(model, None), Head(model, some)):

        def outputs(kind: type[Answer], head: Head = head) -> list[tuple[list[int], bool]]:
            answers = [kind(vocabulary, row, "joint") for row in examples]
            return greedy(model, head, prompts, vocabulary.end, LIMIT, answers)

        Counting.seen.clear()
        assert outputs(Counting) == outputs(MaskAlone)
        assert min(Counting.seen[True], Counting.seen[False]) > 20


def test_the_flag_does_what_the_param_does(
    sample: list[Record], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs = params()
    knobs["base"] = {"source": f"path:{tiny}", "sha256": None, "terms": []}
    monkeypatch.chdir(tmp_path)

    def predicted(name: str, constrained: bool, *flags: str) -> Examples:
        knobs["predict"] |= {"batch_size": 4, "max_new_tokens": 30, "precision": "fp32", "constrained": constrained}
        Path("params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
        predict.main(["--base", "models/base", "--examples", "examples.jsonl", "--out", name, *flags])
        return read_checked(name, "prediction")

    Path("params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    base.main(["--out", "models/base"])
    write_checked("examples.jsonl", examples_of(sample, "joint")[:4], "example")
    free, by_param = predicted("free.jsonl", False), predicted("param.jsonl", True)
    assert by_param == predicted("flag.jsonl", False, "--constrained") != free
