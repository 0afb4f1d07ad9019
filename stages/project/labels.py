"""Proposes the labels of a table in further languages: a model translates each, a person reads and corrects them in the file.

    python -m stages.project.labels CARE.json --to en zh --model gpt-…       # in a project: schemas/labels/CARE.json

Only columns that the table lacks are asked for and written, one call a label. Two labels of one column that would become one,
and what the model has no usable answer for, stand there in the language of the table's own labels and are named: write them yourself.
A table is one-to-one, so what stands in it is what every record's labels become; read it before you go on.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.core import config
from stages.core.errors import UserError
from stages.core.run import run
from stages.core.schema import read_checked_json, write_checked_json
from stages.llm import prompt
from stages.llm.archive import Archive
from stages.llm.request import Llm
from stages.llm.session import LlmSession
from stages.project.run import in_project, wanted
from stages.translation.glossary import build_request, read_label

ARCHIVE = "data/responses.jsonl.gz"
STRUCTURED = "json_schema"  # where no project says otherwise
Column = tuple[str, dict[str, list[str]], str]  # what it is of, the labels by language, the language that it lacks


def open_columns(table: dict[str, Any], languages: Sequence[str]) -> list[Column]:
    """The columns that a table lacks in some languages; tasks with open labels, and events, have none."""
    levels = {"text_labels": table["text_labels"]}
    levels |= {name: task["labels"] for name, task in table["tasks"].items() if task["labels"]}
    return [(name, columns, lang) for name, columns in levels.items() for lang in languages if lang not in columns]


def proposed(own: Sequence[str], said: Sequence[str]) -> tuple[list[str], list[str]]:
    """(the column, the labels that are left to a person): `said` is the model's label for each of `own`, "" for none."""
    times = Counter(said)
    clear = [bool(label) and times[label] == 1 for label in said]
    column = [label if good else first for label, good, first in zip(said, clear, own, strict=True)]
    return column, [first for first, good in zip(own, clear, strict=True) if not good]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m stages.project.labels", description=__doc__.split("\n")[0])
    parser.add_argument("table", metavar="TABLE", help="a label table (schemas/records/labels.schema.json)")
    parser.add_argument("--to", nargs="+", required=True, metavar="LANG", help="languages, as en zh")
    parser.add_argument("--model", help="who translates (default: llm.model of params.yaml)")
    parser.add_argument("--structured", choices=("json_schema", "json_object_schema", "json_object", "none"))
    parser.add_argument("--yes", action="store_true", help="do not wait for a yes")
    options = parser.parse_args(arguments)
    path = Path(options.table)
    if not path.is_file():
        raise UserError(options.table, "no such file", "write the labels of the source's language; docs/own-data.md")
    table = read_checked_json(path, "labels", "docs/own-data.md says how a table looks")
    source, columns = table["source_lang"], open_columns(table, options.to)
    for name, labels, _ in columns:
        if source not in labels:
            raise UserError(
                f"{path}: {name}", f"has no labels in {source!r}, its source_lang", "write this column first"
            )
    here = in_project()
    if not (options.model or here):
        raise UserError("--model", "is missing", "name the model that translates, as the endpoint calls it")
    llm: Llm = config.read("llm", Llm)
    structured: Any = options.structured or (llm.structured if here else STRUCTURED)
    llm = replace(llm, model=options.model or llm.model, structured=structured)
    session = LlmSession(llm, prompt.load(f"{'' if here else 'stages/'}prompts/glossary/v1.yaml"), Archive(ARCHIVE))
    asked = [
        [build_request(source, label, lang, session.spec, llm) for label in labels[source]]
        for _, labels, lang in columns
    ]
    calls = len({request.key for row in asked for request in row})
    if not calls:
        print(f"{path}: has them all")
        return 0
    os.environ.setdefault("LLM_MODE", "online")
    if os.environ["LLM_MODE"] != "replay" and not options.yes and not wanted(calls):
        print("nothing was asked")
        return 1
    answers = iter(session.ask([request for row in asked for request in row]))
    left, none = list[str](), list[str]()
    for name, labels, lang in columns:
        said = [read_label(next(answers))[0] for _ in labels[source]]
        column, mine = proposed(labels[source], said)
        if len(mine) == len(column):
            none.append(f"{lang} {name}")
            continue
        labels[lang] = column
        pairs = (f"{own} {new}" for own, new in zip(labels[source], labels[lang], strict=True) if own not in mine)
        print(f"{lang} {name}: {', '.join(pairs)}")
        left += [f"{lang} {name} {own}" for own in mine]
    if len(none) < len(columns):
        write_checked_json(path, table, "labels")
        print(f"{path}: proposed by {llm.model}: read it and correct it before you go on{session.told()}")
    if left:
        print(f"left as they are, write them yourself: {', '.join(left)}")
    if none:
        fault = f"{llm.model} has no usable answer for any label of {', '.join(none)}{session.told()}"
        raise UserError(str(path), fault, "write these columns yourself, or ask another model")
    return 0


if __name__ == "__main__":
    run(main)
