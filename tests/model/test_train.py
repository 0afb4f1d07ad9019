"""Training and prediction: with a tiny random base the real stages learn what they are shown, and nothing else passes."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import dropwhile
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tokenizers import normalizers
from torch.nn import functional
from torch.nn.modules.module import register_module_forward_pre_hook

from stages.core.errors import UserError
from stages.core.files import write_json
from stages.core.schema import write_checked
from stages.model import base, predict, train
from stages.model import examples as data
from stages.model.common import load_model, load_tokenizer, output_ids, prompt_ids
from stages.model.decoding import greedy
from stages.model.fit import Completions
from stages.model.head import Head
from stages.model.options import Train
from stages.model.packing import IGNORED, collate
from stages.records.linear import encode
from stages.records.record import Record
from tests.support.params import params
from tests.support.pipeline import here
from tests.support.tiny_llama import byte_tokenizer, write_tiny_llama

Examples = list[dict[str, Any]]
OPTIONS = Train(
    method="lora",
    seed=0,
    epochs=2.0,
    batch_size=4,
    micro_batch=None,
    learning_rate=0.01,
    warmup_share=0.1,
    lora_r=4,
    lora_alpha=8,
    lora_dropout=0.1,
    max_tokens=400,
    over_length="error",
    precision="fp32",
    activation_checkpointing=False,
    validation_share=0.2,
    dev_points=0,
    dev_examples=60,
    keep="last",
    early_stop=None,
    save_every=1000,
    head="full",
    processes=1,
    accelerate=None,
)


def short_examples(sample: Sequence[Record], count: int) -> Examples:
    """The shortest examples that extract something, from all languages in turn and as many tasks as there are."""
    rows = []
    for record in sample:
        if record["extractions"]:
            given, wanted = encode(record)
            row = {key: record[key] for key in ("id", "group", "subset", "task", "lang")}
            rows.append({**row, "input": given, "output": wanted})
    rows.sort(key=lambda row: (len((row["input"] + row["output"]).encode()), row["id"]))
    seen: Counter[tuple[str, ...]] = Counter()
    ranked = []
    for row in rows:  # the nth of its task and language comes before any (n + 1)th
        seen[row["task"], row["lang"]] += 1
        ranked.append((seen[row["task"], row["lang"]], row))
    ranked.sort(key=lambda pair: pair[0])
    return sorted((row for _, row in ranked[:count]), key=lambda row: str(row["id"]))


def work_folder(folder: Path, examples: Examples, tiny: Path, **options: Any) -> Path:
    """A folder with params, examples and a base made by the real stage."""
    knobs = params()
    knobs["base"] = {"source": f"path:{tiny}", "sha256": None, "terms": []}
    knobs["train"] |= {"precision": "fp32", **options}
    knobs["predict"] |= {"precision": "fp32"}
    folder.mkdir(exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    write_checked(folder / "train.jsonl", examples, "example")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        base.main(["--out", "models/base"])
    return folder


TRAIN = (
    "--base models/base --train train.jsonl --out models/adapter --metrics metrics/train.json --loss metrics/loss.csv"
)
PREDICT = "--base models/base --adapter models/adapter --examples train.jsonl --out out.jsonl"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("tiny"), tied=False)


@pytest.fixture(scope="module")
def trained(sample: list[Record], tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after a short LoRA run."""
    options = {"epochs": 2.0, "batch_size": 4, "lora_r": 4, "lora_alpha": 8, "validation_share": 0.2}
    folder = work_folder(tmp_path_factory.mktemp("trained"), short_examples(sample, 20), tiny, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train.main(TRAIN.split())
    return folder


def test_an_adapter_is_small_and_holds_no_path_of_this_machine(trained: Path) -> None:
    folder = trained / "models" / "adapter"
    assert {path.name for path in folder.iterdir()} == {
        "ADAPTER.json",
        "adapter_config.json",
        "adapter_model.safetensors",
        "head_tokens.json",
    }
    assert str(trained) not in (folder / "adapter_config.json").read_text()
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "models/base"
    bound, identity = json.loads((folder / "ADAPTER.json").read_text()), (trained / "models/base/BASE.json").read_text()
    assert bound == {"format": 1, "method": "lora", "base": json.loads(identity)}
    assert {path.name for path in (trained / "models").iterdir()} - {".checkpoints"} == {"adapter", "base"}


def test_the_loss_curve_starts_before_the_first_step_and_ends_at_the_last(trained: Path) -> None:
    rows = list(csv.DictReader((trained / "metrics" / "loss.csv").open()))
    metrics = json.loads((trained / "metrics" / "train.json").read_text())
    assert int(rows[0]["step"]) == 0
    assert int(rows[-1]["step"]) == metrics["steps"]
    assert {0.5, 1.0, 1.5, 2.0} <= {float(row["epoch"]) for row in rows}
    assert all(float(row["validation_loss"]) > 0 for row in rows)
    assert float(rows[0]["validation_loss"]) > metrics["validation_loss"] == float(rows[-1]["validation_loss"])


def test_a_second_run_gives_the_same_bytes(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    again = TRAIN.replace("models/adapter", "models/again").replace("metrics/", "again/")
    train.main(again.split())
    for name in ("adapter_model.safetensors", "adapter_config.json", "ADAPTER.json"):
        assert (trained / "models/again" / name).read_bytes() == (trained / "models/adapter" / name).read_bytes(), name
    for name in ("train.json", "loss.csv"):
        assert (trained / "again" / name).read_bytes() == (trained / "metrics" / name).read_bytes(), name


def test_the_merged_adapter_is_the_trained_model(sample: list[Record], tiny: Path, tmp_path: Path) -> None:
    work = work_folder(tmp_path / "work", short_examples(sample, 4), tiny)
    causal, wrapped = train.trainable_model(str(work / "models/base"), OPTIONS, torch.float32)
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in wrapped.parameters():
            if weight.requires_grad:
                weight.copy_(torch.randn_like(weight).bfloat16())
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    identity = json.loads((work / "models/base/BASE.json").read_text())
    weights = {name: weight for name, weight in causal.named_parameters() if weight.requires_grad}
    train.save(wrapped, weights, None, adapter, OPTIONS, identity)
    merged = predict.load(str(work / "models/base"), str(adapter), torch.float32)
    ids = torch.arange(1, 60)[None]
    with torch.no_grad():
        expected, plain = causal.eval()(ids).logits, load_model(work / "models/base", torch.float32)(ids).logits
        torch.testing.assert_close(merged(ids).logits, expected, rtol=1e-3, atol=1e-3)
    assert (expected - plain).abs().max() > 0.1


def test_an_adapter_of_another_base_is_refused_by_name(sample: list[Record], trained: Path, tmp_path: Path) -> None:
    other = work_folder(tmp_path / "other", short_examples(sample, 4), write_tiny_llama(tmp_path / "tiny", seed=1))
    command = PREDICT.replace("models/adapter", str(trained / "models" / "adapter"))
    done = here(["stages.model.predict", *command.split()], other)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    weights = [json.loads((folder / "models/base/BASE.json").read_text())["sha256"] for folder in (trained, other)]
    assert all(each[:12] in done.stderr for each in weights)
    assert not (other / "out.jsonl").exists()


def test_an_example_over_the_limit_is_named_or_counted_never_cut(sample: list[Record], tiny: Path) -> None:
    examples, tokenizer = short_examples(sample, 12), load_tokenizer(tiny)
    sizes = {row["id"]: len((row["input"] + "\n" + row["output"]).encode()) + 1 for row in examples}
    longest = max(sizes, key=lambda name: sizes[name])
    with pytest.raises(UserError, match=r"longer than train\.max_tokens") as error:
        data.prepare(examples, tokenizer, replace(OPTIONS, max_tokens=sizes[longest] - 1))
    assert error.value.place in sizes
    assert sizes[error.value.place] == sizes[longest]
    limit = sorted(sizes.values())[6]
    learned, held, over = data.prepare(examples, tokenizer, replace(OPTIONS, max_tokens=limit, over_length="drop"))
    kept = [*learned, *held]
    assert over == sum(size > limit for size in sizes.values()) > 0
    assert {row["id"] for row in kept} == {name for name, size in sizes.items() if size <= limit}
    assert all(len(row["ids"]) == sizes[row["id"]] for row in kept)


def test_held_out_groups_are_whole(sample: list[Record], tiny: Path) -> None:
    examples = short_examples(sample, 60)
    learned, held, _ = data.prepare(examples, load_tokenizer(tiny), replace(OPTIONS, max_tokens=10_000))
    groups = {row["group"] for row in examples}
    assert not set(learned["group"]) & set(held["group"])
    assert len(set(held["group"])) == -(-len(groups) // 5)
    assert len(learned) + len(held) == 60


def test_an_output_that_its_tokens_change_is_an_error(sample: list[Record]) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace(" ", "")
    example = next(row for row in short_examples(sample, 40) if " " in row["output"])
    with pytest.raises(UserError, match="the tokenizer turns the output") as error:
        data.tokenise(example, tokenizer)
    assert error.value.place == example["id"]


def test_special_tokens_in_a_text_are_plain_text(tiny: Path) -> None:
    tokenizer = load_tokenizer(tiny)
    row = data.tokenise({"id": "x", "input": "a<end>b/NER", "output": "l/NER/:Person;<end>"}, tokenizer)
    assert row["ids"].count(tokenizer.eos_token_id) == 1
    assert row["ids"][: row["start"]] == prompt_ids(tokenizer, "a<end>b/NER")
    assert row["ids"][row["start"] :] == [*output_ids(tokenizer, "l/NER/:Person;<end>"), tokenizer.eos_token_id]


def test_the_loss_is_of_the_outputs_alone_and_knows_no_padding(sample: list[Record], tiny: Path) -> None:
    tokenizer, model = load_tokenizer(tiny), load_model(tiny, torch.float32)
    rows = [data.tokenise(row, tokenizer) for row in short_examples(sample, 6)]
    with torch.no_grad():
        whole = Completions(model, Head(model, None))(**(batch := collate(rows)))
        expected = 0.0
        for row in rows:
            ids = torch.tensor(row["ids"])
            logits = model(ids[None]).logits[0]
            start = row["start"]
            expected += float(functional.cross_entropy(logits[start - 1 : -1], ids[start:], reduction="sum"))
    assert int((batch["labels"] != IGNORED).sum()) == sum(len(row["ids"]) - row["start"] for row in rows)
    assert float(whole) == pytest.approx(expected, rel=1e-4)


def test_a_batch_predicts_what_each_prompt_alone_does(sample: list[Record], trained: Path) -> None:
    model = predict.load(str(trained / "models/base"), str(trained / "models/adapter"), torch.float32)
    tokenizer = load_tokenizer(trained / "models/base")
    prompts = [prompt_ids(tokenizer, row["input"]) for row in short_examples(sample, 8)]
    # An end token that this model does write, so that rows leave the batch at different times.
    written = Counter(token for ids, _ in greedy(model, Head(model, None), prompts, 0, 12) for token in ids)
    for end in list(written)[:3]:
        alone = [greedy(model, Head(model, None), [prompt], end, 12)[0] for prompt in prompts]
        assert greedy(model, Head(model, None), prompts, end, 12) == alone
    assert all(len(ids) <= 12 and (finished or len(ids) == 12) for ids, finished in alone)


def answering(trained: Path, folder: Path, **options: Any) -> Path:
    """A folder with the trained models, that predicts by these options."""
    shutil.copytree(trained / "models", folder / "models")
    knobs = yaml.safe_load((trained / "params.yaml").read_text(encoding="utf-8"))
    knobs["predict"] |= options
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    return folder


def test_predictions_go_to_the_file_of_their_examples(
    sample: list[Record], trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(answering(trained, tmp_path, max_new_tokens=3))
    parts = {"a": short_examples(sample, 5), "b": list(reversed(short_examples(sample, 3)))}
    for name, rows in parts.items():
        write_checked(f"{name}.jsonl", rows, "example")
    command = "--base models/base --examples a.jsonl b.jsonl --out a.out.jsonl b.out.jsonl"
    predict.main(command.split())
    for name, rows in parts.items():
        lines = [json.loads(line) for line in Path(f"{name}.out.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [line["id"] for line in lines] == [row["id"] for row in rows]
        assert not any(line["finished"] for line in lines)


def test_the_answers_of_a_file_do_not_depend_on_another_file(
    sample: list[Record], trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by the batches that reach the model, in which padding moves bf16, nor by the tokens that may be written."""
    monkeypatch.chdir(answering(trained, tmp_path, batch_size=8, max_new_tokens=12))
    write_json("models/adapter/head_tokens.json", [])  # all that it may write are the tokens of its inputs
    tokenizer, rows = load_tokenizer("models/base"), short_examples(sample, 12)
    parts = {"a": [row for row in rows if row["lang"] == "en"], "b": [row for row in rows if row["lang"] != "en"]}
    owner = {tuple(prompt_ids(tokenizer, row["input"])): name for name, part in parts.items() for row in part}
    assert len(owner) == len(rows), "an input is told from the others by its tokens"
    for name, part in parts.items():
        write_checked(f"{name}.jsonl", part, "example")
    batches: list[list[str]] = []

    def note(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        if isinstance(module, torch.nn.Embedding):
            unpadded = [
                tuple(dropwhile(lambda token: token == tokenizer.pad_token_id, ids)) for ids in inputs[0].tolist()
            ]
            batches.append([owner[ids] for ids in unpadded if ids in owner])

    common = ["--base", "models/base", "--adapter", "models/adapter", "--examples"]
    predict.main([*common, "a.jsonl", "--out", "alone.jsonl"])
    with register_module_forward_pre_hook(note):
        predict.main([*common, "a.jsonl", "b.jsonl", "--out", "both.jsonl", "b.out.jsonl"])
    assert Path("alone.jsonl").read_bytes() == Path("both.jsonl").read_bytes()
    assert Counter(name for batch in batches for name in batch) == Counter(owner.values())
    assert all(len(set(batch)) <= 1 for batch in batches)
