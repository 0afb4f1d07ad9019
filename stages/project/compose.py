"""A project's `dvc.yaml` and `params.yaml`, taken from this repository's: the chosen stages, and the knobs that they read.

So a project's stages are this repository's to the letter, but for deps that no chosen stage makes (the sample, the corpus,
references' measures) and for the prompts, which are the project's own.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from stages.core.graph import ROOT, rooms_of

TRANSLATE = (
    "raw", "tconer", "glossary", "translate", "filter", "quality", "calibrate", "calibration", "report_html",
)  # fmt: skip
STUDY = (
    *TRANSLATE, "mix", "data_checks", "base", "train", "predict", "baseline", "evaluate", "error_analysis", "report",
)  # fmt: skip
OWN_STAGES, OWN_KNOBS = Path(__file__).with_name("stages.yaml"), Path(__file__).with_name("knobs.yaml")
# What a project has from the start.
GIVEN = ("data/external", "data/calibration", "data/glossary-review", "data/reading", "data/responses.jsonl.gz")
SECOND = "second"  # the frozen test set of this repository's own texts: a project has none, so nothing is scored on it
PAGE_ONLY = ("review",)  # sections that no stage reads: the review page's
WIDTH = 120
Stage = dict[str, Any]


def _paths(entry: Stage, key: str) -> list[str]:
    """Paths under deps, outs or metrics."""
    return [next(iter(item)) if isinstance(item, dict) else item for item in entry.get(key, [])]


def _items(entry: Stage) -> Iterator[tuple[str, Stage]]:
    """(key, stage) of each item of a `foreach`; ("", the stage) of any other."""
    if "foreach" not in entry:
        yield "", entry
        return
    for key, item in entry["foreach"].items():
        text = json.dumps(entry["do"]).replace("${key}", key)
        for field, value in item.items():
            text = text.replace("${item." + field + "}", value)
        yield key, json.loads(text)


def _made(entry: Stage) -> set[str]:
    return {path for _, stage in _items(entry) for key in ("outs", "metrics") for path in _paths(stage, key)}


def _is_there(path: str, there: set[str]) -> bool:
    return path.startswith(("stages/", "schemas/", "prompts/")) or any(
        path == other or other.startswith(path + "/") for other in there
    )


def stages(names: Sequence[str]) -> dict[str, Stage]:
    """The stages of that name, in the order of this repository's, and those that only a project has."""
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8").replace("stages/prompts/", "prompts/")
    chosen = {name: entry for name, entry in yaml.safe_load(text)["stages"].items() if name in names}
    chosen |= yaml.safe_load(OWN_STAGES.read_text(encoding="utf-8"))
    there = {*GIVEN, *(path for entry in chosen.values() for path in _made(entry))}
    for entry in chosen.values():
        if "foreach" in entry:  # what is evaluated is what a chosen stage predicts
            left = [
                key for key, stage in _items(entry) if all(_is_there(path, there) for path in _paths(stage, "deps"))
            ]
            entry["foreach"] = {
                key: item for key, item in entry["foreach"].items() if key in left and item.get("gold") != SECOND
            }
    there = {*GIVEN, *(path for entry in chosen.values() for path in _made(entry))}
    for entry in chosen.values():
        stage = entry.get("do", entry)
        if "foreach" not in entry:
            stage["deps"] = [path for path in stage["deps"] if _is_there(path, there)]
        module = stage["cmd"].split()[2]
        if module.startswith("stages.project.") or module.startswith("stages.exports."):
            rooms = [f"stages/{room}" for room in rooms_of(module)]
            tables = ["schemas/labels"]
            stage["deps"] = list(dict.fromkeys([*rooms, *tables, *stage["deps"]]))
    return chosen


def pipeline(names: Sequence[str]) -> str:
    """The text of the project's dvc.yaml."""
    chosen = stages(names)
    made = {path for entry in chosen.values() for path in _made(entry)}
    plots = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    value = {"stages": chosen, "plots": [plot for plot in plots if next(iter(plot)) in made]}
    text: str = yaml.safe_dump(value, sort_keys=False, default_flow_style=None, width=WIDTH, allow_unicode=True)
    return (
        "# The stages are those of the code that `stages` links to; docs/pipeline.md there says what each does.\n"
        + text
    )


def sections(names: Sequence[str]) -> set[str]:
    """The sections of params.yaml that the stages of that name read."""
    read = {name.split(".")[0] for entry in stages(names).values() for name in entry.get("do", entry).get("params", [])}
    return read | set(PAGE_ONLY)


def _round_trip() -> YAML:
    found = YAML()
    found.width, found.preserve_quotes = 10 * WIDTH, True  # no line is folded
    found.indent(mapping=2, sequence=4, offset=2)
    found.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return found


def _flow(value: Any) -> Any:
    """A list or mapping as it is written on one line."""
    if isinstance(value, list) and not any(isinstance(item, dict) for item in value):
        value = CommentedSeq(value)
        value.fa.set_flow_style()
    elif isinstance(value, list):
        value = [_flow(item) for item in value]
    elif isinstance(value, dict):
        value = CommentedMap(value)
        value.fa.set_flow_style()
    return value


def with_values(text: str, values: Mapping[str, Any]) -> str:
    """A params.yaml with some values set (`llm.model`), its comments kept."""
    parser = _round_trip()
    knobs = parser.load(text)
    for name, value in values.items():
        *above, last = name.split(".")
        place = knobs
        for part in above:
            place = place[part]
        place[last] = _flow(value)
    out = io.StringIO()
    parser.dump(knobs, out)
    return out.getvalue()


def knobs(names: Sequence[str], values: Mapping[str, Any]) -> str:
    """The text of the project's params.yaml: the sections that its stages read, as this repository has them, and `values` set."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    head, *parts = re.split(r"^(?=[a-z_]+:)", text, flags=re.M)
    read = sections(names)
    chosen = [part for part in parts if part.partition(":")[0] in read]
    own = {f"raw.{SECOND}": None} | dict(values) if "raw" in read else values
    return with_values(head + "".join(chosen) + "\n" + OWN_KNOBS.read_text(encoding="utf-8"), own)
