"""`params.yaml`: every key is known, present and of its type, or refused by name."""

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from typing import Any

import pytest

from stages.core import config, graph
from stages.core.config import build, load, parse_yaml
from stages.core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
KNOBS: dict[str, Any] = load(ROOT / "params.yaml")


def types() -> dict[str, Any]:
    """The type of each section: what the stage that reads it says, found in the code."""
    found = {}
    for path in sorted((ROOT / "stages").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for section, kind in graph.param_sections(name).items():
            if section not in found and kind in vars(module := importlib.import_module(name)):
                found[section] = getattr(module, kind)
    return found


TYPES = types()


def parse(knobs: dict[str, Any]) -> dict[str, Any]:
    """Every section in its type."""
    return {name: build(value, TYPES[name], f"params.yaml: {name}") for name, value in knobs.items()}


def keys(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every key below a mapping or list of mappings."""
    if isinstance(value, dict):
        return [path for key in value for path in [(*at, key), *keys(value[key], (*at, key))]]
    if isinstance(value, list):
        return [path for n, item in enumerate(value) for path in keys(item, (*at, n))]
    return []


def changed(path: tuple[Any, ...], value: Any = None, *, remove: bool = False) -> dict[str, Any]:
    """The project's params with one key set or removed."""
    knobs = copy.deepcopy(KNOBS)
    container: Any = knobs
    for key in path[:-1]:
        container = container[key]
    if remove:
        del container[path[-1]]
    else:
        container[path[-1]] = value
    return knobs


def refusal(knobs: dict[str, Any]) -> UserError:
    with pytest.raises(UserError) as caught:
        parse(knobs)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy
    return caught.value


def spelled(path: tuple[Any, ...]) -> str:
    """A path as messages spell it: `params.yaml: raw: sources[0]: name`."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, int):
            parts[-1] += f"[{part}]"
        else:
            parts.append(part)
    return ": ".join(["params.yaml", *parts])


def test_a_file_is_read_as_it_is_now_and_as_nobody_changed_it(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("mix: {sizes: [1]}\n", encoding="utf-8")
    load(path)["mix"]["sizes"].append(2)
    assert load(path) == {"mix": {"sizes": [1]}}
    path.write_text("mix: {sizes: [3]}\n", encoding="utf-8")
    assert load(path) == {"mix": {"sizes": [3]}}


def test_the_projects_params_load() -> None:
    assert set(KNOBS) <= set(TYPES)
    sections = parse(KNOBS)
    assert sections["languages"] == KNOBS["languages"]
    assert sections["train"].learning_rate == KNOBS["train"]["learning_rate"]
    assert [source.name for source in sections["raw"].sources] == [source["name"] for source in KNOBS["raw"]["sources"]]


OPTIONAL = {("raw", "second")}


@pytest.mark.parametrize("path", [path for path in keys(KNOBS) if len(path) > 1 and path not in OPTIONAL], ids=spelled)
def test_a_missing_key_is_named(path: tuple[Any, ...]) -> None:
    error = refusal(changed(path, remove=True))
    assert (error.place, error.fault) == (spelled(path), "missing key")


@pytest.mark.parametrize("section", [path for path in keys(KNOBS) if len(path) == 1 and path != ("languages",)])
def test_an_unknown_key_is_named_with_the_known_ones(section: tuple[Any, ...]) -> None:
    error = refusal(changed((*section, "epoch"), 3))
    assert (error.place, error.fault) == (spelled((*section, "epoch")), "unknown key")
    known = KNOBS[section[0]]
    assert all(key in error.remedy for key in known)


def test_of_a_misspelt_key_the_unknown_name_is_told_before_the_missing_one() -> None:
    knobs = changed(("train", "learning_rate"), remove=True)
    knobs["train"]["learning_rte"] = 0.001
    error = refusal(knobs)
    assert (error.place, error.fault) == ("params.yaml: train: learning_rte", "unknown key")
    assert "learning_rate" in error.remedy


WRONG: list[tuple[tuple[Any, ...], Any, str]] = [
    (("languages",), "ja", "is no list"),
    (("languages",), ["ja", 3], "3 is no str"),
    (("raw", "sources"), {"name": "x"}, "is no list"),
    (("raw", "sources", 0), "sample", "is no mapping"),
    (("raw", "sources", 0, "adapter"), "csv", "'csv' is not allowed"),
    (("raw", "sources", 0, "limit"), "10", "'10' is no int"),
    (("llm",), None, "is no mapping"),
    (("llm", "temperature"), "0", "'0' is no float"),
    (("llm", "temperature"), True, "True is no float"),
    (("llm", "seed"), True, "True is no int"),
    (("llm", "seed"), 1.0, "1.0 is no int"),
    (("llm", "seed"), None, "None is no int"),
    (("filter", "untranslated"), 1, "1 is no bool"),
    (("filter", "untranslated"), "yes", "'yes' is no bool"),
    (("mix", "view"), "both", "'both' is not allowed"),
    (("mix", "view"), ["joint"], "['joint'] is not allowed"),
    (("translate", "prompt"), 1, "1 is no str"),
]


@pytest.mark.parametrize(("path", "value", "fault"), WRONG)
def test_a_wrong_type_is_named(path: tuple[Any, ...], value: Any, fault: str) -> None:
    error = refusal(changed(path, value))
    item = "[1]" if value == ["ja", 3] else ""
    assert (error.place, error.fault) == (spelled(path) + item, fault)


def test_a_refused_choice_names_the_allowed_ones() -> None:
    assert refusal(changed(("mix", "view"), "both")).remedy == "one of joint, text, words, text_given, words_given"


def test_a_whole_number_is_taken_where_a_fraction_may_stand() -> None:
    epochs = parse(changed(("train", "epochs"), 2))["train"].epochs
    assert (epochs, type(epochs)) == (2.0, float)


def test_null_is_taken_where_it_means_something() -> None:
    assert parse(changed(("mix", "train_size"), None))["mix"].train_size is None
    assert parse(changed(("mix", "train_size"), 10))["mix"].train_size == 10


OUT_OF_BOUNDS: list[tuple[tuple[Any, ...], Any]] = [
    (("raw", "sources", 0, "limit"), -1),
    (("raw", "sources", 0, "name"), "my set"),
    (("mix", "train_size"), -1),
    (("mix", "train_size"), 0),
    (("mix", "test_share"), 1.5),
    (("train", "seed"), -3),
    (("train", "seed"), 2**40),
    (("train", "batch_size"), 0),
    (("train", "learning_rate"), 0.0),
    (("llm", "concurrency"), 0),
    (("llm", "timeout_s"), -1.0),
    (("evaluate", "resamples"), 0),
    (("languages",), []),
    (("languages",), ["../x"]),
    (("translate", "budget_usd"), -1),
]


@pytest.mark.parametrize(("path", "value"), OUT_OF_BOUNDS, ids=str)
def test_a_value_out_of_bounds_is_named(path: tuple[Any, ...], value: Any) -> None:
    error = refusal(changed(path, value))
    assert error.place.startswith(spelled(path))
    assert "is not allowed" in error.fault


def test_a_long_value_is_cut_in_the_message() -> None:
    assert len(str(refusal(changed(("mix", "view"), ["joint"] * 10_000)))) < 300


# --- the file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [("1e-05", 1e-05), ("1e-5", 1e-5), ("1.0e-05", 1e-05), ("1E+2", 100.0), ("5", 5), ("on", "on"), ("12:30", "12:30")],
)
def test_numbers_are_read_as_dvc_writes_them(written: str, value: Any) -> None:
    read = parse_yaml(f"train: {written}", "params.yaml")["train"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "a: [ja",
        "a: b: c",
        "\tx: 1",
        "!!python/object:os.system {}",
        "a: 1\na: 2",
        "a: .nan",
        "a: [.inf]",
        "a: -.inf",
        "a: 017",
        "a: -0o17",
        "a: 08",
        "a: &x [*x]",
        "? [a, b]\n: c",
        "[" * 1000,
        "a: !foo 1",
        "a: 2026-99-99",
        "a: 1\n---\nb: 2",
    ],
)
def test_what_is_no_params_file_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_yaml(text, "params.yaml")
    assert caught.value.place.startswith("params.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("data", [b"", b"[]", b"3", "raw: 訳".encode("shift_jis"), "raw: 1".encode("utf-16")])
def test_a_file_that_is_no_mapping_in_utf8_is_refused_by_name(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(data)
    with pytest.raises(UserError) as caught:
        load(path)
    assert caught.value.place.startswith(str(path))


def test_one_key_of_a_section_is_read_without_the_others(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("mix: {view: joint, foreign: 1}\n", encoding="utf-8")
    assert config.read("mix.view", str, path) == "joint"
    with pytest.raises(UserError, match="mix: seed: missing key"):
        config.read("mix.seed", int, path)


def test_a_missing_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such file \(run this from the project's top folder\)"):
        load(tmp_path / "params.yaml")
