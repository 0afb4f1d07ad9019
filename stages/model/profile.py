"""Profiles: training runs of every size as small files of overrides, `profiles/<name>.yaml`.

    python -m stages.model.profile llama3-8b              what it needs on each device; refused where it cannot fit
    python -m stages.model.profile llama3-8b --apply      written into params.yaml; then `dvc repro train`

A profile names its overrides (`params`), the model's config in `profiles/configs/`, and the devices that it is for. Profiles
lie over `sample`, which spells out the defaults of all that any of them changes: so one can go from each to each.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from ruamel.yaml import YAML
from ruamel.yaml.nodes import Node, ScalarNode, SequenceNode

from stages.core import config
from stages.core.config import Count
from stages.core.errors import UserError
from stages.core.files import replacing
from stages.core.run import run
from stages.model.common import dtype_of
from stages.model.memory import GB, Estimate, check_fits, estimate
from stages.model.options import Train

FOLDER = Path(__file__).resolve().parents[2] / "profiles"
DEFAULT = "sample"


@dataclass(frozen=True)
class Profile:
    """One file of `profiles/`."""

    config: str
    devices: Count
    memory_gb: Annotated[float, Field(gt=0)]
    rows: Count | None
    params: dict[str, dict[str, Any]]


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read(name: str) -> Profile:
    """A profile by its name; UserError names the known ones."""
    path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise UserError(name, "no such profile", f"one of {', '.join(names())}")
    value = config.parse_yaml(path.read_text(encoding="utf-8"), str(path))
    return config.build(value, Profile, f"profiles/{name}.yaml")


def overrides(name: str) -> dict[str, dict[str, Any]]:
    """What a profile sets, section by section: its own over the defaults."""
    base, own = read(DEFAULT).params, read(name).params
    for section, values in own.items():
        if unknown := values.keys() - base.get(section, {}).keys():
            fault = f"{section}.{min(unknown)} has no default in profiles/{DEFAULT}.yaml"
            raise UserError(f"profiles/{name}.yaml", fault, "add it there, as params.yaml has it")
    return {section: {**values, **own.get(section, {})} for section, values in base.items()}


def train_options(name: str) -> Train:
    """Section `train` under a profile."""
    section = config.load()["train"] | overrides(name)["train"]
    return config.build(section, Train, f"params.yaml under profiles/{name}.yaml: train")


def needs(name: str) -> Estimate:
    """What one device needs under a profile."""
    profile, options = read(name), train_options(name)
    # A profile for GPUs is counted as GPUs compute, wherever it is asked.
    dtype = dtype_of("bf16" if options.precision == "auto" and profile.memory_gb >= 16 else options.precision)
    path = FOLDER / "configs" / f"{profile.config}.json"
    return estimate(path, options, dtype, profile.devices, rows=profile.rows)


def _written(value: Any) -> str:
    """A value as it stands behind its key, of a list one item."""
    if value is None:
        return "null"
    text = StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.dump({"": value}, text)
    return text.getvalue().partition(": ")[2].rstrip("\n")


def _set(text: str, key: Node, old: Node, value: Any) -> str:
    """A YAML text with another value behind one key, which keeps its line's comment; all other lines stay as they are."""
    block = isinstance(old, SequenceNode) and not old.flow_style and bool(old.value)
    last = old.value[-1] if block else old
    start = key.end_mark.index + 1  # behind the colon
    # Where a value is not written at all, its marks are those of what comes next.
    empty = isinstance(old, ScalarNode) and not old.value and old.style is None
    rest = start if block or empty else old.end_mark.index
    comment = text[rest:].partition("\n")[0]
    end = text.find("\n", last.end_mark.index) if block else rest + len(comment)
    if isinstance(value, list) and value:
        indent = "\n" + " " * (key.start_mark.column + 2) + "- "
        new = comment + "".join(indent + _written(item) for item in value)
    else:
        new = f" {_written(value)}{comment}"
    return text[:start] + new + (text[end:] if end >= 0 else "")


def apply(name: str, path: Path = config.PATH) -> list[str]:
    """Writes a profile into a params file and leaves every line as it is but those of what changes; returns these keys."""
    wanted = overrides(name)
    train_options(name)
    before = text = path.read_bytes().decode()  # whatever ends its lines
    values = config.parse_yaml(text, str(path))
    changed = [
        (section, key, value)
        for section, entries in wanted.items()
        for key, value in entries.items()
        if values[section][key] != value
    ]
    for section, key, value in changed:
        nodes = {found.value: part for found, part in YAML().compose(text).value}
        key_node, old = next(pair for pair in nodes[section].value if pair[0].value == key)
        text = _set(text, key_node, old, value)
    if text != before:
        with replacing(path) as file:
            file.write(text.encode())
    return [f"{section}.{key}" for section, key, _ in changed]


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.model.profile", description=__doc__.split("\n")[0])
    parser.add_argument("name", help=", ".join(names()))
    parser.add_argument("--apply", action="store_true", help="write it into params.yaml")
    parser.add_argument("--memory", type=float, metavar="GB", help="of one device, instead of what the profile is for")
    given = parser.parse_args(arguments)
    profile, options = read(given.name), train_options(given.name)
    found = needs(given.name)
    memory = given.memory or profile.memory_gb
    print(f"{given.name}: {profile.devices} device(s) of {memory:g} GB, train.method {options.method}")
    print(f"  {found.parameters:,} parameters, {found.trainable:,} trained")
    print(f"  {found.told()}")
    check_fits(found, memory * GB, given.name, "asked")
    if given.apply:
        changed = apply(given.name)
        print(f"  params.yaml: {', '.join(changed) or 'nothing to change'}; now `dvc repro train`")


if __name__ == "__main__":
    run(main)
