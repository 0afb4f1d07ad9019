"""`params.yaml`, read by one typed loader: each section is a dataclass, unknown and missing keys are refused by name.

A stage says which sections it reads with `read("mix")` and the like; `tests/test_graph.py` checks that `dvc.yaml`
declares just these. The comments on what a knob does stand in `params.yaml` itself.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

import yaml

from stages.errors import UserError

PATH = Path("params.yaml")


@dataclass(frozen=True)
class Source:
    """One source of raw records; `adapter` is a module of `stages.raw`, `path` its file or folder, `pin` its SHA-256."""

    name: str
    adapter: Literal["sample", "wikipedia", "hironsan", "mmm", "pile", "jsonl"]
    path: str
    pin: str | None
    limit: int | None


@dataclass(frozen=True)
class Raw:
    sources: list[Source]


@dataclass(frozen=True)
class Llm:
    """How the LLM is asked; see `stages/llm/`. The fields up to `max_tokens` are part of a response's identity."""

    model: str
    structured: Literal["json_schema", "json_object_schema", "json_object", "none"]
    temperature: float
    seed: int
    max_tokens: int
    concurrency: int
    timeout_s: float
    retries: int
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    give_up_s: float = 600.0


@dataclass(frozen=True)
class Batch:
    """How `LLM_MODE=batch` asks; see `stages/llm/batch.py`. Nothing of it is part of a response's identity."""

    enqueued_tokens: int
    poll_s: float


@dataclass(frozen=True)
class Ladder:
    """Which steps of the repair ladder are taken; of prompts with tagged spans only. See `stages/ladder.py`."""

    shapes: bool
    exact: bool
    folded: bool
    copied: bool
    inflected: bool
    fuzzy: bool
    near: bool
    ask_span: bool
    again: bool
    stronger_model: str | None


@dataclass(frozen=True)
class Translate:
    prompt: str
    budget_usd: Decimal | None
    priced_as: str | None
    ladder: Ladder


@dataclass(frozen=True)
class Filter:
    untranslated: bool
    unaligned: Literal["record", "span", "keep"]


@dataclass(frozen=True)
class Fidelity:
    seed: int
    limit: int


@dataclass(frozen=True)
class Checks:
    """One switch for each check of `stages.checks.CHECKS`."""

    length: bool
    repetition: bool
    cut_off: bool
    commentary: bool
    residue: bool
    numbers: bool
    names: bool
    negation: bool
    span_offset: bool
    span_boundary: bool
    span_swapped: bool
    clause: bool


@dataclass(frozen=True)
class Judge:
    enabled: bool
    sample: int
    seed: int


@dataclass(frozen=True)
class Mix:
    view: Literal["joint", "text", "words", "text_given", "words_given"]
    test_share: float
    train_size: int | None
    seed: int


@dataclass(frozen=True)
class Base:
    source: str
    sha256: str | None


@dataclass(frozen=True)
class Train:
    method: Literal["lora", "full"]
    seed: int
    epochs: float
    batch_size: int
    learning_rate: float
    warmup_share: float
    lora_r: int
    lora_alpha: int
    lora_dropout: float
    max_tokens: int
    over_length: Literal["error", "drop"]
    precision: Literal["auto", "fp32", "bf16"]
    validation_share: float
    save_every: int


@dataclass(frozen=True)
class Predict:
    batch_size: int
    max_new_tokens: int
    precision: Literal["auto", "fp32", "bf16"]
    constrained: bool


@dataclass(frozen=True)
class DataChecks:
    near_duplicate: float
    largest_share_above: float
    show: int


@dataclass(frozen=True)
class LlmBaseline:
    shots: int
    seed: int
    max_items: int


@dataclass(frozen=True)
class Evaluate:
    resamples: int
    seed: int


@dataclass(frozen=True)
class Alarms:
    retention_below: float
    format_defects_above: float
    below_baseline: bool
    class_with_zero_f1: bool


@dataclass(frozen=True)
class Params:
    languages: list[str]
    raw: Raw
    llm: Llm
    batch: Batch
    translate: Translate
    filter: Filter
    checks: Checks
    fidelity: Fidelity
    judge: Judge
    mix: Mix
    base: Base
    train: Train
    predict: Predict
    llm_baseline: LlmBaseline
    data_checks: DataChecks
    evaluate: Evaluate
    alarms: Alarms


def _build(kind: Any, value: Any, at: str) -> Any:
    """`value` as a `kind`, or a UserError that names the key."""
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise UserError(at, "is no mapping", "see the comments in params.yaml")
        hints = typing.get_type_hints(kind)
        for key in value:
            if key not in hints:
                raise UserError(f"{at}: {key}", "unknown key", f"one of {', '.join(hints)}")
        for key in hints:
            if key not in value:
                raise UserError(
                    f"{at}: {key}", "missing key", "every key is written out; take it from git's params.yaml"
                )
        return kind(**{key: _build(hint, value[key], f"{at}: {key}") for key, hint in hints.items()})  # type: ignore[operator]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        if value not in arguments:
            raise UserError(at, f"{value!r} is not allowed", f"one of {', '.join(map(str, arguments))}")
        return value
    if origin is types.UnionType:
        return None if value is None else _build(arguments[0], value, at)
    if origin is list:
        if not isinstance(value, list):
            raise UserError(at, "is no list", "write it as a YAML list")
        return [_build(arguments[0], item, f"{at}[{n}]") for n, item in enumerate(value)]
    if kind is Decimal:
        return _decimal(value, at)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(at, f"{value!r} is no {kind.__name__}", "see the comments in params.yaml")
    return value


def _decimal(value: Any, at: str) -> Decimal:
    """A sum of money, from a number or a string; through `str`, so that 0.1 is a tenth."""
    try:
        number = Decimal("nan" if isinstance(value, bool) else str(value))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or number < 0:
        raise UserError(at, f"{value!r} is no sum of money", "a decimal from 0, as a number or a string")
    return number


def parse(text: str, place: str = "params.yaml") -> Params:
    """All parameters from YAML text; UserError names a wrong key."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(place, "broken YAML: " + " ".join(str(error).split()), "fix this line") from error
    params: Params = _build(Params, raw, place)
    return params


def load(path: Path = PATH) -> Params:
    """All parameters of the project, checked as a whole."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as error:
        raise UserError(str(path), "no such file", "run this from the project's top folder") from error


@typing.overload
def read(section: Literal["languages"]) -> list[str]: ...
@typing.overload
def read(section: Literal["raw"]) -> Raw: ...
@typing.overload
def read(section: Literal["llm"]) -> Llm: ...
@typing.overload
def read(section: Literal["batch"]) -> Batch: ...
@typing.overload
def read(section: Literal["translate"]) -> Translate: ...
@typing.overload
def read(section: Literal["filter"]) -> Filter: ...
@typing.overload
def read(section: Literal["fidelity"]) -> Fidelity: ...
@typing.overload
def read(section: Literal["checks"]) -> Checks: ...
@typing.overload
def read(section: Literal["judge"]) -> Judge: ...
@typing.overload
def read(section: Literal["mix"]) -> Mix: ...
@typing.overload
def read(section: Literal["base"]) -> Base: ...
@typing.overload
def read(section: Literal["train"]) -> Train: ...
@typing.overload
def read(section: Literal["predict"]) -> Predict: ...
@typing.overload
def read(section: Literal["data_checks"]) -> DataChecks: ...
@typing.overload
def read(section: Literal["llm_baseline"]) -> LlmBaseline: ...
@typing.overload
def read(section: Literal["evaluate"]) -> Evaluate: ...
@typing.overload
def read(section: Literal["alarms"]) -> Alarms: ...
def read(section: str) -> Any:
    """One section of the project's `params.yaml`; the whole file is checked."""
    return getattr(load(), section)
