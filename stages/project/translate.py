"""Carries annotated files into other languages: from a file in any supported form to checked, exported data in a folder of its own.

    python -m stages.project.translate reviews.jsonl --lang ja --to en zh --model gpt-… --into projects/reviews

The first run lays out the folder (`stages/project/folder.py`); each run then says what is still to be asked and what it costs,
waits for a yes (`--yes`: does not), and lets DVC do the rest: translate, check, ledger, reading sheet, report, exports
(`stages/project/run.py`). A killed run goes on where it was when the command is given again: no answer is paid for twice.
Later, in the folder, `dvc repro`, `dvc exp run`, `dvc metrics diff` and the review page work as in this repository.

The form of a file is told from its first rows (`--adapter` says it else). Unified records (adapter jsonl) say language and
sub-dataset themselves; other forms have `--lang`, and `--subset` and `--task`, or `--table`, a label table of one's own. Several
tasks, as `--task NER RE` for entities and the relations between them, are a source each, and a text is asked for once.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.files import iter_lines, loads, read_bytes, sha256_file
from stages.core.graph import ROOT
from stages.core.run import run
from stages.core.schema import read_checked_json
from stages.exports.formats import FORMATS
from stages.project import compose
from stages.project.folder import environment, make
from stages.project.run import RECORDS
from stages.sources.common import Source, refuse_foreign
from stages.sources.forms import sniff
from stages.sources.raw import ADAPTERS

KEYS = ("subset", "task", "lang", "labels")  # of an import, where they are given
Options = argparse.Namespace


def first_row(path: Path) -> Any:
    """The first record of a file of unified records."""
    data = read_bytes(path).lstrip()
    if data[:1] == b"[":
        values = loads(data, str(path))
        return values[0] if values else None
    number, line = next(iter_lines(path), (1, b"null"))
    return loads(line, f"{path}:{number}")


def languages_of(path: Path) -> set[str]:
    """The languages that unified records name."""
    data = read_bytes(path).lstrip()
    rows = loads(data, str(path)) if data[:1] == b"[" else (orjson.loads(line) for _, line in iter_lines(path))
    try:
        return {row["lang"] for row in rows}
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        remedy = f"see all faults with python -m stages.records.validate {path}"
        raise UserError(str(path), "has a row that is no unified record", remedy) from error


def sources_of(path: Path, options: Options, default: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of `raw.sources` for a file, one for each task, as params.yaml has them. `default`: subset and task of a file
    that does not say them, where no option does.

    Raises:
        UserError: there is no such file, its form is not known, or its language is not said.
    """
    if not path.is_file():
        raise UserError(str(path), "no such file", "name a file in a form of docs/formats.md")
    refuse_foreign(path)
    adapter = options.adapter or sniff(path)
    if adapter is None:
        data = read_bytes(path)
        if not data.strip():
            raise UserError(str(path), "is empty", "name a file in a form of docs/formats.md")
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UserError(str(path), f"is not UTF-8 at byte {error.start}", "save the file as UTF-8") from error
        fault, remedy = "is in no form that can be told from its rows", f"--adapter: {', '.join(ADAPTERS)}"
        raise UserError(str(path), fault, remedy)
    name = re.sub(r"[^\w-]+", "_", path.name.split(".")[0])
    if adapter == "jsonl":
        row = first_row(path)
        name = row["source"] if isinstance(row, dict) and isinstance(row.get("source"), str) else name
    entry = {"name": name, "adapter": adapter, "path": f"data/external/{path.name}", "pin": None, "limit": None}
    given = {key: getattr(options, key) for key in KEYS if getattr(options, key)}
    if adapter == "jsonl":
        if given:
            raise UserError(str(path), f"its records say their {', '.join(given)} themselves", "leave the options out")
        given = {"task": [None]}
    elif not options.lang:
        raise UserError(str(path), "does not say its language", "add --lang, as --lang ja")
    else:
        given = {**default, **given}
    tasks = given.pop("task", [None])
    found = [
        {**entry, "name": f"{name}-{task}" if n else name, **given, **({"task": task} if task else {})}
        for n, task in enumerate(dict.fromkeys(tasks))
    ]
    for one in found:
        config.build(one, Source, str(path))
    return found


def read_table(path: Path, languages: Sequence[str]) -> dict[str, Any]:
    """A label table of one's own; UserError where it lacks a language, or is not named as its sub-dataset."""
    table: dict[str, Any] = read_checked_json(path, "labels", "docs/own-data.md says how a table looks")
    if path.name != f"{table['subset']}.json":
        raise UserError(str(path), f"is the table of {table['subset']}", f"call it {table['subset']}.json")
    closed = [task["labels"] for task in table["tasks"].values() if task["labels"]]
    for columns in (table["text_labels"], *closed):
        for lang in languages:
            if lang not in columns and not (ROOT / f"schemas/labels/languages/{lang}.json").exists():
                remedy = f"add the column, or have it proposed: python -m stages.project.labels {path} --to {lang}"
                raise UserError(str(path), f"has no labels in {lang!r}", remedy)
    return table


def plan(options: Options) -> tuple[list[Path], dict[str, Any]]:
    """(the files, the knobs that are set by what was given), once all is in order."""
    files = [Path(name) for name in options.files]
    if len({path.name for path in files}) < len(files):
        raise UserError("FILE", "two files have one name", "rename one")
    tables = [read_table(Path(name), [*options.to]) for name in options.table]
    default: dict[str, Any] = {}
    if len(tables) == 1 and not options.subset:
        default = {"subset": tables[0]["subset"], "task": [next(iter(tables[0]["tasks"]))]}
    renamed = [pair.partition("=") for pair in options.labels or ()]
    if wrong := [name for name, equals, new in renamed if not (name and equals and new)]:
        raise UserError(
            "--labels", f"{wrong[0]!r} is no pair", "write OLD=NEW for each label of the file that has another name"
        )
    options.labels = {old: new for old, _, new in renamed}
    sources, own = list[dict[str, Any]](), set[str]()
    for path in files:
        entries = sources_of(path, options, default)
        sources += entries
        own |= {entries[0]["lang"]} if "lang" in entries[0] else languages_of(path)
    languages = config.build(list(dict.fromkeys([*sorted(own), *options.to])), Languages, "--to")
    if own >= set(options.to):
        raise UserError("--to", "names no language that is not the files' own", "name another, as --to en")
    values: dict[str, Any] = {"languages": languages, "raw.sources": sources}
    given = {
        "llm.model": options.model,
        "llm.structured": options.structured,
        "translate.prompt": options.prompt,
        "translate.budget_usd": options.budget,
        "reading.sample": options.sample,
        "export.formats": options.formats,
    }
    return files, values | {name: value for name, value in given.items() if value is not None}


def agreed(folder: Path, files: Sequence[Path], values: dict[str, Any]) -> None:
    """UserError where a project that is there already says otherwise than this command."""
    path = folder / "params.yaml"
    knobs = config.load(path)
    for name, value in values.items():
        found: Any = knobs
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if name == "raw.sources":
            known = [{key: entry.get(key) for key in ("path", *KEYS)} for entry in found or ()]
            for entry in value:
                said = {key: entry.get(key) for key in ("path", *KEYS)}
                if said not in known:
                    told = "".join(f", {key} {said[key]!r}" for key in KEYS if said[key])
                    remedy = "add it there, or name another folder by --into"
                    raise UserError(f"{path}: raw: sources", f"has no {entry['path']}{told}", remedy)
        elif found != value:
            raise UserError(
                f"{path}: {name}", f"is {found!r}, not {value!r}", "change it there, or name another folder by --into"
            )
    for file in files:
        held = folder / "data/external" / file.name
        if not held.exists() or sha256_file(held) != sha256_file(file):
            raise UserError(
                str(held), f"differs from {file}", f"copy the one you want over the other: cp {file} {held}"
            )


def parser_of() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m stages.project.translate", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", metavar="FILE", help="annotated texts, in a form of docs/formats.md")
    parser.add_argument("--to", nargs="+", required=True, metavar="LANG", help="languages to translate into, as en zh")
    parser.add_argument("--into", metavar="FOLDER", help="the project's folder (default projects/<name of the file>)")
    parser.add_argument(
        "--adapter", choices=list(ADAPTERS), help="the form of the files, instead of the one told from them"
    )
    parser.add_argument("--lang", help="the language of the files")
    parser.add_argument("--subset", help="the sub-dataset whose labels the files have (schemas/labels/)")
    parser.add_argument(
        "--task", nargs="+", help="its task, as NER; several, as NER RE, where the files have annotations of each"
    )
    parser.add_argument(
        "--labels", nargs="+", metavar="OLD=NEW", help="labels of the files that the table calls otherwise"
    )
    parser.add_argument("--table", nargs="+", default=[], metavar="FILE", help="label tables of your own")
    parser.add_argument("--model", help="who translates, as the endpoint at OPENAI_BASE_URL calls it")
    parser.add_argument(
        "--structured",
        choices=("json_schema", "json_object_schema", "json_object", "none"),
        help="python -m stages.llm.probe says which",
    )
    parser.add_argument("--prompt", help="of prompts/translate (default v2)")
    parser.add_argument("--budget", type=float, metavar="USD", help="all calls together never cost more")
    parser.add_argument("--sample", type=int, metavar="N", help="texts of each language on the reading sheet")
    parser.add_argument("--formats", nargs="+", choices=list(FORMATS), help="exports (default parquet conll)")
    parser.add_argument("--estimate", action="store_true", help="say what it would ask and cost, and end")
    parser.add_argument("--yes", action="store_true", help="do not wait for a yes")
    return parser


def main(arguments: Sequence[str]) -> int:
    options = parser_of().parse_args(arguments)
    folder = Path(options.into or Path("projects") / Path(options.files[0]).name.split(".")[0])
    files, values = plan(options)
    fresh = not (folder / "params.yaml").exists()
    if not fresh:
        agreed(folder, files, values)
    else:
        if not options.model:
            raise UserError("--model", "is missing", "name the model that translates, as the endpoint calls it")
        defaults = {
            "llm.structured": "json_schema",
            "translate.prompt": "v2",
            "translate.priced_as": None,
        }
        if not (ROOT / f"stages/prompts/translate/{values.get('translate.prompt', 'v2')}.yaml").exists():
            raise UserError("--prompt", f"there is no prompt {options.prompt!r}", "v1, or v2")
        make(
            folder,
            compose.TRANSLATE,
            {**defaults, **values},
            command="translate",
            files=files,
            tables=[Path(name) for name in options.table],
        )
        print(f"{folder}: a project of its own; its data are data/external/, its knobs params.yaml")
    more = [f"--{name}" for name in ("estimate", "yes") if getattr(options, name)]
    sys.stdout.flush()
    code = subprocess.call([sys.executable, "-m", "stages.project.run", *more], cwd=folder, env=environment())
    if code and fresh and not (folder / RECORDS).exists():
        # Nothing was read, let alone asked: the same command, put right, is to find no folder that says otherwise.
        shutil.rmtree(folder)
        print(f"{folder}: taken away again, since the files could not be read")
    return code


if __name__ == "__main__":
    run(main)
