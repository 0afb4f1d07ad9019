"""One text, one answer: what `python -m stages.model.predict --text "…" --task NER` prints.

JSON, or in a terminal the text with its spans in colour. The adapter is the released one, `models/oiellm`, unless another is
named; in a fresh clone it is pulled from the release store, and the base is made as the stage makes it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.records.linear import encode_input, parse
from stages.records.record import occurrences
from stages.records.tasks import FORMS, Task, subsets

RELEASED = "models/oiellm"
COLOURS = (32, 33, 34, 35, 36, 31, 92, 93, 94, 95, 96, 91)


def fetch(base: str, adapter: str) -> None:
    """Makes sure that both folders are there.

    Raises:
        UserError: the adapter is no released one, or neither can be brought.
    """
    commands = {
        adapter: [sys.executable, "-m", "dvc", "pull", "--quiet", f"{adapter}.dvc"],
        base: [sys.executable, "-m", "stages.model.base", "--out", base],
    }
    for place, command in commands.items():
        if Path(place).is_dir():
            continue
        if place == adapter and not Path(f"{adapter}.dvc").is_file():
            raise UserError(adapter, "no such folder", f"give --adapter, such as {RELEASED}")
        print(f"{place} is brought first", file=sys.stderr)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["it failed"])[-1]
            raise UserError(place, said, "make it by hand: `dvc pull " + f"{adapter}.dvc` and `dvc repro base`")


def task_named(name: str) -> tuple[str, Task]:
    """(a sub-dataset that has it, the task) of a name such as NER; UserError names the known ones."""
    found = {
        task.name: (subset.name, task) for subset in reversed(subsets().values()) for task in subset.tasks.values()
    }
    if name not in found:
        raise UserError("--task", f"unknown task {name!r}", f"one of {', '.join(sorted(found))}")
    return found[name]


def example(text: str, name: str, lang: str) -> dict[str, Any]:
    """The text as an example of the mix, without an output."""
    subset, task = task_named(name)
    return {"id": "--text", "subset": subset, "task": name, "lang": lang, "input": encode_input(text, task)}


def answer(text: str, name: str, prediction: dict[str, Any]) -> dict[str, Any]:
    """What the model's output says; `start` counts code points, null where a span is not in the text."""
    task = task_named(name)[1]
    parsed, form = parse(prediction["output"], task), FORMS[task.kind]
    extractions = [
        {
            "label": None if form.label is None else fields[form.label],
            "spans": [
                {"role": form.fields[n], "text": fields[n], "start": next(iter(occurrences(text, fields[n])), None)}
                for n in form.spans
                if fields[n]
            ],
        }
        for fields in parsed.extractions
    ]
    found: dict[str, Any] = {"text": text, "task": name, "text_label": parsed.text_label, "extractions": extractions}
    return found | {"defects": parsed.defects, **{key: prediction[key] for key in ("finished", "repeated", "output")}}


def coloured(found: dict[str, Any]) -> str:
    """The text with each span in the colour of its label, then what was found, a line each; escapes of ANSI."""
    names = list(dict.fromkeys(str(item["label"] or "event") for item in found["extractions"]))
    colour = {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(names)}
    paint: list[int | None] = [None] * len(found["text"])
    for item in found["extractions"]:
        for span in item["spans"]:
            for place in range(span["start"], span["start"] + len(span["text"])) if span["start"] is not None else ():
                paint[place] = paint[place] or colour[str(item["label"] or "event")]
    line, before = "", None
    for char, now in zip(found["text"], paint, strict=True):
        line += ("" if now == before else f"\x1b[{now}m" if now else "\x1b[0m") + char
        before = now
    lines = [line + ("\x1b[0m" if before else ""), f"  text label: {found['text_label']}"]
    for item in found["extractions"]:
        name = str(item["label"] or "event")
        lines.append(f"  \x1b[{colour[name]}m{name}\x1b[0m: " + " → ".join(span["text"] for span in item["spans"]))
    return "\n".join(lines + [f"  defects: {', '.join(found['defects'])}"] * bool(found["defects"]))


def told(found: dict[str, Any], terminal: bool) -> str:
    """The answer for a terminal, or as JSON."""
    return coloured(found) if terminal else json.dumps(found, ensure_ascii=False, indent=2)
