"""Makes patches: from a filled-in sheet, or from an edited copy of the records; exports the sheet, and lists conflicts.

    python -m stages.calibration.patch sheet --lang en --out review.csv              # the quarantine; --all: every record
    python -m stages.calibration.patch from-sheet review.csv --annotator kei
    python -m stages.calibration.patch from-records my-copy.jsonl --annotator kei --reason "second reading"
    python -m stages.calibration.patch to label-studio --lang en --task SCNM/NER --out tasks.json --config labels.xml
    python -m stages.calibration.patch from label-studio export.json                # also doccano, argilla
    python -m stages.calibration.patch conflicts

`from-records` compares a copy of `data/calibrated/<lang>.jsonl` with the records and makes a patch of each that differs; where only the text differs, spans follow it. Patches are appended to
`data/calibration/<annotator>.jsonl`, each bound to its record by hash; `dvc repro` applies them. Either all
of a file's patches are written or, with every fault named, none. docs/review.md tells what to decide and how.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stages.calibration.apply import Unfit
from stages.calibration.desk import Desk, decide, open_desk
from stages.calibration.patches import FIELDS, Patch, append
from stages.calibration.sheet import export, patches_of
from stages.calibration.tool_answers import READERS, answers
from stages.calibration.tools import WRITERS, label_studio_config
from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.files import write_bytes, write_json, write_jsonl
from stages.core.run import run
from stages.core.schema import read_checked
from stages.records.record import canonical


def from_records(desk: Desk, path: str | Path, annotator: str, reason: str) -> list[Patch]:
    """A patch for each record of an edited copy that is neither as it stands nor as it was before any patch.

    Raises:
        UserError: records that are unknown or break their rules; all are named.
    """
    made, faults = list[Patch](), list[str]()
    for record in read_checked(path, "record"):
        name, edited = record["id"], canonical(record)
        case = desk.cases.get(name)
        if case is None:
            faults.append(f"{name}: no such record")
        elif edited not in (canonical(case.record), desk.originals[name]):
            try:
                fields = {key: edited[key] for key in FIELDS}
                if edited["extractions"] == desk.originals[name]["extractions"]:
                    del fields["extractions"]  # not touched: they follow the text
                made += decide(
                    case, fields, "" if case.status == "in" else "restore", annotator=annotator, reason=reason
                )
            except Unfit as error:
                faults.append(f"{name}: {error}")
    if faults:
        raise UserError(
            str(path), f"{len(faults)} records cannot be taken: " + " | ".join(faults[:5])[:1500], "nothing was written"
        )
    return made


def send(desk: Desk, names: Sequence[str], tool: str, out: str, configuration: str | None) -> None:
    """Writes the tasks of a tool, and Label Studio's configuration.

    Raises:
        UserError: there is none, or the tool cannot carry their kind.
    """
    records = [desk.cases[name].record for name in names]
    if not records:
        raise UserError("--task", "no record of this task and language", "as TCREE/RE; --all for kept records too")
    try:
        rows = [WRITERS[tool](record, desk.sources.get(record["id"])) for record in records]
    except Unfit as error:
        raise UserError(tool, str(error), "") from error
    if tool == "label-studio":
        write_json(out, rows)
        if configuration:
            write_bytes(configuration, label_studio_config(records).encode())
    else:
        write_jsonl(out, rows)


def show_conflicts(desk: Desk) -> None:
    """Prints each conflict with what its annotator saw and wanted and what the record is now."""
    for line in desk.report:
        if line["outcome"] in ("conflict", "unknown_record"):
            patch = line["patch"]
            print(f"{line['place']}: {patch['op']} of {line['record_id']} by {patch['annotator']}: {line['message']}")
            for name, value in (("saw", patch["before"]), ("wanted", patch["after"]), ("now", line["now"])):
                print(f"    {name}: {value}")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.calibration.patch", description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="data", help="the folder of artifacts (default data)")
    commands = parser.add_subparsers(dest="command", required=True)
    sheet = commands.add_parser("sheet", help="export records as a CSV sheet")
    sheet.add_argument("--lang", required=True)
    sheet.add_argument("--out", required=True)
    sheet.add_argument("--all", action="store_true", help="kept records too, not the quarantine alone")
    for name in ("from-sheet", "from-records"):
        command = commands.add_parser(name, help="make patches from this file")
        command.add_argument("file")
        command.add_argument("--annotator", required=True)
        command.add_argument(
            "--reason", required=name == "from-records", help="of every patch that has none of its own"
        )
    to = commands.add_parser(
        "to", help="records as tasks of an annotation tool, the machine's annotations as predictions"
    )
    to.add_argument("tool", choices=list(WRITERS))
    to.add_argument("--lang", required=True)
    to.add_argument(
        "--task", required=True, help="sub-dataset and task, as TCREE/RE: a project has one table of labels"
    )
    to.add_argument("--out", required=True)
    to.add_argument("--config", help="of Label Studio: where its labelling configuration goes")
    to.add_argument("--all", action="store_true", help="kept records too, not the quarantine alone")
    back = commands.add_parser("from", help="make patches from an annotation tool's export")
    back.add_argument("tool", choices=list(READERS))
    back.add_argument("file")
    back.add_argument("--annotator", help="instead of whom the export names")
    back.add_argument("--patches", help="another folder than the data's calibration, as data/blind")
    commands.add_parser("conflicts", help="list the patches whose record changed")
    options = parser.parse_args(arguments)
    languages = config.read("languages", Languages)
    desk = open_desk(options.data, languages, getattr(options, "patches", None))
    if options.command in ("sheet", "to"):
        if options.lang not in languages:
            raise UserError(
                "--lang", f"{options.lang!r} is no language of params.yaml", f"one of {', '.join(languages)}"
            )
        names = sorted(
            name
            for name, case in desk.cases.items()
            if case.record["lang"] == options.lang and (options.all or case.status == "quarantined")
        )
    if options.command == "conflicts":
        show_conflicts(desk)
    elif options.command == "sheet":
        export(desk, names, options.out)
        print(f"{options.out}: {len(names)} records")
    elif options.command == "to":
        names = [name for name in names if name.startswith(options.task + "/") and desk.cases[name].record["text"]]
        send(desk, names, options.tool, options.out, options.config)
        print(f"{options.out}: {len(names)} records")
    elif options.command == "from":
        made = answers(desk, options.file, options.tool, options.annotator)
        for who in sorted({patch["annotator"] for patch in made}):
            append(desk.folder, who, [patch for patch in made if patch["annotator"] == who])
        print(f"{desk.folder}: {len(made)} patches added", file=sys.stderr)
    else:
        make_all = patches_of if options.command == "from-sheet" else from_records
        made = make_all(desk, options.file, options.annotator, options.reason)
        append(desk.folder, options.annotator, made)
        print(f"{desk.folder}: {len(made)} patches added", file=sys.stderr)


if __name__ == "__main__":
    run(main)
