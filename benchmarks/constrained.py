"""What constrained decoding costs a token: the same examples predicted freely and constrained, in turn.

    python -m benchmarks.constrained

Needs models/base, models/adapter and data/mix/test.jsonl (`dvc repro train`). The outputs differ, so their tokens are
counted, and the batches empty differently: `ratio` compares whole runs. The third row leaves the model out: it makes the
grammars and asks them again for the tokens of the constrained outputs. Writes `benchmarks/results/constrained.json`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.common import print_table, seconds, write_results
from stages.core.errors import UserError
from stages.core.schema import read_checked
from stages.model.common import dtype_of, load_tokenizer, prompt_ids
from stages.model.decoding import greedy
from stages.model.grammar import Answer, Vocabulary
from stages.model.head import Head
from stages.model.predict import load
from stages.model.repetition import Watch
from stages.records.linear import VIEWS, View

Outputs = list[tuple[list[int], bool]]


class Noted(Answer):
    """An answer that notes its tokens, and whether the scores of all were asked for each."""

    def __init__(self, vocabulary: Vocabulary, example: Any, view: View) -> None:
        super().__init__(vocabulary, example, view)
        self.steps: list[tuple[int, bool]] = []

    def add(self, token: int) -> bool:
        added = super().add(token)
        if added:
            self.steps.append((token, False))
        return added

    def choose(self, scores: torch.Tensor, tokens: NDArray[np.int64] | None = None) -> int:
        token = super().choose(scores, tokens)
        self.steps.append((token, True))
        return token


def tokens_of(outputs: Outputs) -> int:
    return sum(len(ids) + finished for ids, finished in outputs)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.constrained", description=__doc__.split("\n")[0])
    parser.add_argument("--base", default="models/base")
    parser.add_argument("--adapter", default="models/adapter")
    parser.add_argument("--examples", default="data/mix/test.jsonl")
    parser.add_argument("--view", choices=VIEWS, default="joint", help="of the examples (default joint)")
    parser.add_argument("--records", type=int, default=96, help="spread over the file (default 96)")
    parser.add_argument("--batch-size", type=int, default=16, help="(default 16)")
    parser.add_argument("--max-new-tokens", type=int, default=192, help="(default 192)")
    parser.add_argument("--rounds", type=int, default=2, help="the best of so many counts (default 2)")
    options = parser.parse_args(arguments)
    view: View = options.view
    examples: list[Any] = read_checked(options.examples, "example")
    if not examples:
        raise UserError(options.examples, "holds no example", "name a file of the mix")
    examples = examples[:: max(1, len(examples) // options.records)][: options.records]
    tokenizer = load_tokenizer(options.base)
    model = load(options.base, options.adapter, dtype_of("auto"))
    vocabulary = Vocabulary(tokenizer, model.config.vocab_size)
    rows = sorted(((prompt_ids(tokenizer, row["input"]), row) for row in examples), key=lambda pair: -len(pair[0]))
    written: dict[str, Outputs] = {}
    noted: list[Noted] = []

    def run(name: str, constrained: bool) -> None:
        outputs: Outputs = []
        noted.clear()  # of a round before; the constrained run is the last
        for start in range(0, len(rows), options.batch_size):
            batch = rows[start : start + options.batch_size]
            answers = [Noted(vocabulary, row, view) for _, row in batch] if constrained else []
            noted.extend(answers)
            prompts, stop = [prompt for prompt, _ in batch], Watch(tokenizer, [row for _, row in batch])
            outputs += greedy(model, Head(model, None), prompts, vocabulary.end, options.max_new_tokens, answers, stop)
        written[name] = outputs

    def ask_again() -> None:
        for was, (_, row) in zip(noted, rows, strict=True):
            answer = Answer(vocabulary, row, view)
            for token, refused in was.steps:
                if refused:
                    scores[token] = 1
                    answer.choose(scores)
                    scores[token] = 0
                else:
                    answer.add(token)

    scores = torch.zeros(model.config.vocab_size)
    least = seconds(
        {"free": lambda: run("free", False), "constrained": lambda: run("constrained", True)}, options.rounds
    )
    least |= seconds({"constraint": ask_again}, options.rounds)
    tokens = {name: tokens_of(outputs) for name, outputs in written.items()}
    tokens["constraint"] = tokens["constrained"]
    cost = {name: 1000 * least[name] / tokens[name] for name in least}
    cut = {name: sum(not finished for _, finished in outputs) for name, outputs in written.items()}
    print_table(
        ["decoding", "tokens", "cut", "ms/token"],
        [
            ["free", f"{tokens['free']:,}", cut["free"], f"{cost['free']:.2f}"],
            ["constrained", f"{tokens['constrained']:,}", cut["constrained"], f"{cost['constrained']:.2f}"],
            ["the constraint alone", f"{tokens['constraint']:,}", "", f"{cost['constraint']:.2f}"],
        ],
    )
    write_results(
        "constrained",
        {
            "ratio": round(cost["constrained"] / cost["free"], 3),
            "constraint_share": round(cost["constraint"] / cost["constrained"], 3),
            "free_ms_per_token": round(cost["free"], 2),
            "constrained_ms_per_token": round(cost["constrained"], 2),
            "constraint_ms_per_token": round(cost["constraint"], 3),
            "refused_share": round(
                sum(refused for was in noted for _, refused in was.steps) / tokens["constrained"], 3
            ),
            "free_tokens": tokens["free"],
            "constrained_tokens": tokens["constrained"],
            "free_cut": cut["free"],
            "constrained_cut": cut["constrained"],
            "records": len(rows),
            "batch_size": options.batch_size,
            "rounds": options.rounds,
        },
    )


if __name__ == "__main__":
    main(sys.argv[1:])
