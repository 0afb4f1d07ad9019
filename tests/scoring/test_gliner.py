"""GLiNER as a system, by its own package on a tiny random model; skipped where this extra is not installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.core.schema import read_checked, write_checked
from stages.records.linear import parse, split_input
from stages.scoring import encoder_baseline
from stages.scoring.encoder_baseline import Labels

pytestmark = pytest.mark.skipif(importlib.util.find_spec("gliner") is None, reason="gliner is an extra")
EXAMPLES = [
    ("SCNM", "NER", "Ana Lima lives in Faro.", "Society/NER/"),
    ("TCONER", "Open NER", "A storm hit Oslo.", "Society/Open NER/:city;Oslo"),
    ("TCREE", "Event Extraction", "Ana left Faro.", "Society/Event Extraction/"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GLiNER of one layer with random weights, over printable ASCII."""
    import torch
    from gliner import GLiNER, GLiNERConfig
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("gliner")
    signs = [chr(n) for n in range(33, 127)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *signs, *(f"##{sign}" for sign in signs)]
    backend = Tokenizer(models.WordPiece({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    backend.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    named = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=backend, **named).save_pretrained(folder / "encoder")
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    bert = BertConfig(vocab_size=len(words), **sizes)
    torch.manual_seed(0)
    BertModel(bert).save_pretrained(folder / "encoder")
    config = GLiNERConfig(
        model_name=str(folder / "encoder"), hidden_size=32, max_len=128, dropout=0.0, encoder_config=bert.to_dict()
    )
    GLiNER.from_config(config).save_pretrained(folder / "model", safe_serialization=True)
    return folder / "model"


def test_its_answers_are_predictions_with_spans_of_the_text_and_labels_of_the_table(
    model: Path, tmp_path: Path
) -> None:
    rows = [
        {"id": f"{name}/{n}/en", "group": "0" * 16, "subset": name, "task": name, "lang": "en",
         "input": f"{text}/{word}", "output": output}
        for n, (name, word, text, output) in enumerate(EXAMPLES)
    ]  # fmt: skip
    for row, task in zip(rows, ("NER", "NER", "EE"), strict=True):
        row["task"] = task
    write_checked(tmp_path / "test.jsonl", rows, "example")
    out = tmp_path / "out.jsonl"
    given = ["--test", str(tmp_path / "test.jsonl"), "--train", str(tmp_path / "test.jsonl"), "--out", str(out)]
    encoder_baseline.main([*given, "--gliner", f"path:{model}"])
    found = {line["id"]: line["output"] for line in read_checked(out, "prediction")}
    assert found["TCREE/2/en"] == "/Event Extraction/"
    labels = encoder_baseline.subset("SCNM").word_labels["NER"]
    assert labels
    for row, known in zip(rows[:2], (labels["en"], ("city",)), strict=True):
        text, task = split_input(row["input"])
        extractions = parse(found[row["id"]], task).extractions
        assert extractions
        assert all(label in known and span in text for label, span in extractions)


def test_a_folder_that_holds_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not loaded: No config file found"):
        encoder_baseline.by_gliner(f"path:{tmp_path}", None, Labels(), [])
