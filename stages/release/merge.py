"""Base and adapter made one model, for servers that know no adapters; what it answers is checked to be the same.

    python -m stages.release.merge --adapter models/oiellm --examples data/mix/test.jsonl --out models/merged

The adapter's weights are added in fp32 to the base as it was trained on, never to a quantised one, and stored in the type that
prediction computes in. The merged model and the adapter then answer `--records` of the examples; where one answer differs,
nothing is kept. The folder is one that `stages.model.predict --adapter` reads, and that vLLM or `transformers serve` load.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import read_json, replacing_folder
from stages.core.run import run
from stages.core.schema import read_checked, read_checked_json, write_checked_json
from stages.model.common import (
    ADAPTER,
    BASE,
    FORMAT,
    HEAD,
    TERMS,
    dtype_of,
    load_tokenizer,
    writing,
)
from stages.model.predict import Predict, load, predict


def check(base: str, adapter: str) -> None:
    """UserError if there is nothing to merge, or the base is quantised."""
    if read_checked_json(Path(adapter) / ADAPTER, "adapter")["method"] == "full":
        raise UserError(adapter, "is a whole model, with nothing to merge", "serve it as it is")
    if "quantization_config" in read_json(Path(base) / "config.json"):
        raise UserError(base, "is quantised: merged weights would be others", "make it anew with `dvc repro base`")


def spread(examples: Sequence[Any], count: int) -> list[Any]:
    """So many of the examples, from all over the file."""
    return list(examples[:: max(1, len(examples) // count)][:count])


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.release.merge", description=__doc__.split("\n")[0])
    parser.add_argument("--base", default="models/base")
    parser.add_argument("--adapter", default="models/oiellm")
    parser.add_argument("--examples", required=True, help="on which the answers are compared")
    parser.add_argument("--records", type=int, default=32, help="of the examples (default 32)")
    parser.add_argument("--out", required=True)
    given = parser.parse_args(arguments)
    check(given.base, given.adapter)
    knobs = config.read("predict", Predict)
    examples = spread(read_checked(given.examples, "example"), given.records)
    if not examples:
        raise UserError(given.examples, "holds no example", "name a file of the mix")
    tokenizer, dtype = load_tokenizer(given.base), dtype_of(knobs.precision)
    model = load(given.base, given.adapter, dtype)
    by_adapter = predict(model, tokenizer, examples, knobs.batch_size, knobs.max_new_tokens, adapter=given.adapter)
    with writing(given.out), replacing_folder(given.out) as folder:
        model.save_pretrained(folder, max_shard_size="1TB")
        tokenizer.save_pretrained(folder)
        for path in (*Path(given.base).glob(f"{TERMS}*"), Path(given.adapter) / HEAD):
            if path.exists():
                shutil.copyfile(path, folder / path.name)
        bound = {"format": FORMAT, "method": "full", "base": read_checked_json(Path(given.base) / BASE, "base")}
        write_checked_json(folder / ADAPTER, bound, "adapter")
        merged = load(given.base, str(folder), dtype)
        found = predict(merged, tokenizer, examples, knobs.batch_size, knobs.max_new_tokens, adapter=str(folder))
        if apart := [one["id"] for one, other in zip(by_adapter, found, strict=True) if one != other]:
            fault = f"{len(apart)} of {len(examples)} answers differ from the adapter's, first {apart[0]}"
            raise UserError(given.out, fault, "set predict.precision to fp32, and merge again")
    print(f"{given.out}: {len(examples)} of {len(examples)} answers are the adapter's")


if __name__ == "__main__":
    run(main)
