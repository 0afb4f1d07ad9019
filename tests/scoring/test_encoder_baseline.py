"""Classifiers in Hugging Face's form as systems: tiny ones made here, with what they say decided by their weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    PreTrainedTokenizerFast,
)

from stages.core.errors import UserError
from stages.core.schema import read_checked, write_checked
from stages.records.linear import encode_input, parse
from stages.records.tasks import task_of
from stages.scoring import encoder_baseline
from stages.scoring.encoder_baseline import Labels, common_labels, in_language, source, spans_of
from stages.scoring.evaluate import judge_files
from stages.scoring.score import scores, tally

WORDS = ["[PAD]", "[UNK]", "Rei", "saw", "Tokyo", "Tower", "in", "東京", "へ"]
TAGS = ("O", "B-PER", "B-LOC", "I-LOC", "B-XYZ")
SAID = {"Rei": 1, "Tokyo": 2, "Tower": 3, "東京": 2, "in": 4}  # by word, its tag


def tokenizer() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]")


def config(labels: tuple[str, ...]) -> BertConfig:
    names = dict(enumerate(labels))
    return BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        id2label=names,
        label2id={label: n for n, label in names.items()},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`words`, a token classifier that says `SAID`, and `text`, one of texts that always says its second label."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encoders")
    words = BertForTokenClassification(config(TAGS)).eval()
    with torch.no_grad():  # a layer that passes on what it gets: the state is the word's embedding alone
        for name, weight in words.named_parameters():
            if name.endswith("output.dense.weight") or "position" in name or "token_type" in name:
                weight.zero_()
        states = words.bert(torch.arange(len(WORDS))[None]).last_hidden_state[0]
        wanted = torch.zeros(len(WORDS), len(TAGS))
        for n, word in enumerate(WORDS):
            wanted[n, SAID.get(word, 0)] = 5.0
        words.classifier.weight.copy_((torch.linalg.pinv(states) @ wanted).T)
        words.classifier.bias.zero_()
    words.save_pretrained(folder / "words")
    text = BertForSequenceClassification(config(("sports", "soc"))).eval()
    with torch.no_grad():
        text.classifier.weight.zero_()
        text.classifier.bias.copy_(torch.tensor([0.0, 1.0]))
    text.save_pretrained(folder / "text")
    for name in ("words", "text"):
        tokenizer().save_pretrained(folder / name)
    return folder


def example(identifier: str, text: str, output: str, lang: str = "en", task: str = "NER") -> dict[str, Any]:
    name = "SCNM" if task == "NER" else "TCREE"
    entry = task_of(name, task)
    row = {"id": identifier, "group": "0" * 16, "subset": name, "task": task, "lang": lang}
    return {**row, "input": encode_input(text, entry), "output": output}


EXAMPLES = [
    example("a", "Rei saw Tokyo Tower", "Society/NER/:Person;Rei:Location;Tokyo Tower"),
    example("b", "東京 へ", "社会/NER/:地名;東京", lang="ja"),
    example("c", "Rei saw Tokyo", "Society/Relation Extraction/:Rei;Located In;Tokyo:", task="RE"),
    example("d", "saw in", "Society/NER/"),
]
NAMES = "text: {soc: Society}\nwords: {PER: Person, LOC: Location}\n"


def test_a_token_and_a_text_classifier_answer_in_our_form(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_checked("test.jsonl", EXAMPLES, "example")
    Path("labels.yaml").write_text(NAMES, encoding="utf-8")
    models_given = ["--words", f"path:{folder}/words", "--text", f"path:{folder}/text", "--labels", "labels.yaml"]
    encoder_baseline.main(["--test", "test.jsonl", "--out", "out.jsonl", *models_given])
    said = {row["id"]: row["output"] for row in read_checked("out.jsonl", "prediction")}
    assert said == {
        "a": EXAMPLES[0]["output"],
        "b": EXAMPLES[1]["output"],
        "c": "Society/Relation Extraction/",
        "d": "Society/NER/",
    }
    assert "XYZ 1" in capsys.readouterr().out
    found = scores(tally(judge_files("out.jsonl", "test.jsonl")))
    assert found["en"]["SCNM"] == {"TL": 100.0, "WL": 100.0, "ALL": 100.0, "n": 2}
    assert found["ja"]["SCNM"]["ALL"] == 100.0


def test_a_level_without_a_model_stays_empty(folder: Path, tmp_path: Path) -> None:
    system = encoder_baseline.by_pipelines(None, f"path:{folder}/text", Labels(text={"soc": "社会"}))
    assert [row["output"] for row in system.predict(EXAMPLES[:2])] == ["Society/NER/", "社会/NER/"]
    system = encoder_baseline.by_pipelines(f"path:{folder}/words", None, Labels())
    assert [parse(row["output"], task_of("SCNM", "NER")).extractions for row in system.predict(EXAMPLES[:1])] == [[]]
    assert system.left_out == {"PER": 1, "LOC": 1}


def test_a_text_longer_than_the_model_is_read_whole_in_windows(folder: Path) -> None:
    text = " ".join(["saw"] * 150 + ["Rei"])
    system = encoder_baseline.by_pipelines(f"path:{folder}/words", None, Labels(words={"PER": "Person"}))
    assert system.predict([example("a", text, "Society/NER/")])[0]["output"] == "/NER/:Person;Rei"


def test_labels_are_those_of_a_table_in_any_language() -> None:
    tables = {"en": ("Person", "Location"), "ja": ("人名", "地名")}
    assert in_language("Location", tables, "ja", {}) == "地名"
    assert in_language("LOC", tables, "ja", {"LOC": "Location"}) == "地名"
    assert in_language("LOC", tables, "ja", {}) is None


def test_spans_lose_the_spaces_of_the_tokenizer_and_empty_ones_go() -> None:
    found = [{"entity_group": "A", "start": 1, "end": 4}, {"entity_group": "B", "start": 1, "end": 2}]
    assert spans_of("a bc", found) == [("A", "bc")]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("hf:dslim/bert-base-NER", "is not pinned"),
        ("hf:dslim/bert-base-NER@main", "is not pinned"),
        ("path:nowhere", "no such folder"),
        ("dslim/bert-base-NER", "cannot be read"),
    ],
)
def test_a_model_that_is_not_pinned_or_not_there_is_refused(given: str, fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        source(given)


def test_a_folder_without_a_model_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not loaded") as error:
        encoder_baseline.classifier(f"path:{tmp_path}", "token-classification")
    assert "\n" not in str(error.value)


def test_open_labels_are_the_most_common_ones_of_training() -> None:
    rows = [
        {**example(str(n), "a b", output), "subset": "TCONER", "input": "a b/Open NER"}
        for n, output in enumerate(["Society/Open NER/:city;a:person;b", "Society/Open NER/:person;a"])
    ]
    assert common_labels(rows) == {("TCONER", "NER", "en"): ["person", "city"]}


@pytest.mark.skipif(importlib.util.find_spec("gliner") is not None, reason="gliner is installed")
def test_gliner_that_is_not_installed_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gliner is not installed.*pip install gliner"):
        encoder_baseline.by_gliner(f"path:{tmp_path}", None, Labels(), [])
