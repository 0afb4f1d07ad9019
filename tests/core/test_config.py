"""`params.yaml`: every key is known, present and of its type, or refused by name."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core.config import load, parse
from stages.core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
KNOBS: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def keys(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every key below a mapping or list of mappings."""
    if isinstance(value, dict):
        return [path for key in value for path in [(*at, key), *keys(value[key], (*at, key))]]
    if isinstance(value, list):
        return [path for n, item in enumerate(value) for path in keys(item, (*at, n))]
    return []


def changed(path: tuple[Any, ...], value: Any = None, *, remove: bool = False) -> str:
    """The project's params as YAML, with one key set or removed."""
    knobs = copy.deepcopy(KNOBS)
    container: Any = knobs
    for key in path[:-1]:
        container = container[key]
    if remove:
        del container[path[-1]]
    else:
        container[path[-1]] = value
    return yaml.safe_dump(knobs)


def refusal(text: str) -> UserError:
    with pytest.raises(UserError) as caught:
        parse(text)
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


def test_the_projects_params_load() -> None:
    params = load(ROOT / "params.yaml")
    assert params.languages == KNOBS["languages"]
    assert params.train.learning_rate == KNOBS["train"]["learning_rate"]
    assert [source.name for source in params.raw.sources] == [source["name"] for source in KNOBS["raw"]["sources"]]


@pytest.mark.parametrize("path", keys(KNOBS), ids=spelled)
def test_a_missing_key_is_named(path: tuple[Any, ...]) -> None:
    error = refusal(changed(path, remove=True))
    assert (error.place, error.fault) == (spelled(path), "missing key")


@pytest.mark.parametrize("section", [(), *(path for path in keys(KNOBS) if len(path) == 1 and path != ("languages",))])
def test_an_unknown_key_is_named_with_the_known_ones(section: tuple[Any, ...]) -> None:
    error = refusal(changed((*section, "epoch"), 3))
    assert (error.place, error.fault) == (spelled((*section, "epoch")), "unknown key")
    known = KNOBS[section[0]] if section else KNOBS
    assert all(key in error.remedy for key in known)


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
    epochs = parse(changed(("train", "epochs"), 2)).train.epochs
    assert (epochs, type(epochs)) == (2.0, float)


def test_null_is_taken_where_it_means_something() -> None:
    assert parse(changed(("mix", "train_size"), None)).mix.train_size is None
    assert parse(changed(("mix", "train_size"), 10)).mix.train_size == 10


@pytest.mark.parametrize("text", ["", "[]", "3", "languages: [ja", "a: b: c", "\tx: 1", "!!python/object:os.system {}"])
def test_what_is_no_params_file_is_refused_in_one_line(text: str) -> None:
    assert refusal(text).place == "params.yaml"


def test_a_missing_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such file \(run this from the project's top folder\)"):
        load(tmp_path / "params.yaml")
