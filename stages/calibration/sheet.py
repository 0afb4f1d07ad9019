"""The sheet: records as a CSV table for who wants a spreadsheet, and a filled-in one read back.

One record a row. `text`, `text_label` and `extractions` are edited in place; `decision` is empty, accept, reject or restore;
`reason` and `seconds` are the reviewer's. Extractions are written as the linear format's list (`:label;span`), with
`words@@n` for the nth place of words that stand in the text more than once. A cell that a spreadsheet would take for a formula begins with
an apostrophe, which is taken off again.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from stages.calibration.apply import Unfit
from stages.calibration.desk import Decision, Desk, decide
from stages.calibration.follow import moved
from stages.calibration.patches import Patch, record_hash
from stages.core.errors import UserError
from stages.core.files import read_bytes, replacing
from stages.records.linear import encode_list, parse
from stages.records.record import Extraction, Record, fields_of, occurrences
from stages.records.tasks import ROLES, Task, task_of
from stages.sources.common import refuse_foreign
from stages.sources.places import split_number

COLUMNS = ("id", "base_hash", "status", "findings", "source_text", "source_extractions")
EDITED = ("decision", "text", "text_label", "extractions", "reason", "seconds")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def safe_cell(value: str) -> str:
    """The value as no spreadsheet takes for a formula."""
    return "'" + value if value.startswith(_FORMULA) else value


def _plain(value: str) -> str:
    return value[1:] if value[:1] == "'" and value[1:].startswith(_FORMULA) else value


def _numbered(text: str, span: dict[str, Any]) -> str:
    """The words of a span as the sheet has them."""
    words, starts = span["text"], occurrences(text, span["text"])
    if span["start"] is None or (len(starts) == 1 and split_number(words)[1] is None):
        return str(words)
    return f"{words}@@{starts.index(span['start']) + 1}"


def _fields(record: Record, item: Extraction, task: Task) -> tuple[str, ...]:
    spans = [{**span, "text": _numbered(record["text"], span)} for span in item["spans"]]
    return fields_of({**item, "spans": spans}, task)


def write_list(record: Record) -> str:
    """The extractions of a record as a cell."""
    task = task_of(record["subset"], record["task"])
    return encode_list([_fields(record, item, task) for item in record["extractions"]], task.kind)


def _placed(text: str, written: str) -> dict[str, Any]:
    words, number = split_number(written)
    starts = occurrences(text, words)
    if number is None and len(starts) > 1:
        raise Unfit(f"{words!r} stands {len(starts)} times in the text: write {words}@@n for the nth")
    if not 1 <= (number or 1) <= len(starts):
        raise Unfit(f"{words!r} has no place {number or 1} in the text")
    return {"text": words, "start": starts[(number or 1) - 1]}


def read_list(value: str, record: Record, text: str) -> list[Extraction]:
    """The extractions of a cell; what is written as it was exported keeps its place, through an edit of the text too.

    Raises:
        Unfit: it is no list of this task, or words have no place, or several.
    """
    task = task_of(record["subset"], record["task"])
    parsed = parse(f"/{task.word}/{value}", task)
    if parsed.defects:
        raise Unfit(f"extractions: {', '.join(parsed.defects)}: write them as :label;span, as exported")
    old = [_fields(record, item, task) for item in record["extractions"]]
    kept, result = moved(record["text"], text, record["extractions"]), list[Extraction]()
    for fields in parsed.extractions:
        if fields in old:
            at = old.index(fields)
            result.append(kept.pop(at))
            old.pop(at)
        elif task.kind == "span":
            result.append({"label": fields[0], "spans": [_placed(text, fields[1])]})
        elif task.kind == "relation":
            result.append({"label": fields[1], "spans": [_placed(text, fields[0]), _placed(text, fields[2])]})
        else:
            roles = [(role, written) for role, written in zip(ROLES, fields, strict=True) if written]
            result.append(
                {"label": None, "spans": [{**_placed(text, written), "role": role} for role, written in roles]}
            )
    return result


def export(desk: Desk, names: Sequence[str], path: str | Path) -> None:
    """Writes the sheet of some records, in UTF-8 with the mark by which spreadsheets know it."""
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow((*COLUMNS, *EDITED))
    for name in names:
        case, source = desk.cases[name], desk.sources.get(name)
        record = case.record
        cells = [name, record_hash(record), case.status, " ".join(desk.reasons.get(name, []))]
        cells += [source["text"], write_list(source)] if source else ["", ""]
        cells += ["", record["text"], record["text_label"] or "", write_list(record), "", ""]
        table.writerow([safe_cell(cell) for cell in cells])
    with replacing(path) as file:
        file.write(out.getvalue().encode("utf-8-sig"))


def table_of(path: str | Path) -> tuple[set[str], list[tuple[str, dict[str, str]]]]:
    """(columns, (place, row) of each row) of a CSV as spreadsheets save it: parted by commas, semicolons or tabs, in UTF-8, or
    UTF-16 with its mark, with a first line `sep=;` or without. Names of columns are taken without blanks around them and in lower case.

    Raises:
        UserError: it is a workbook or another file that is no text, in another encoding, or no CSV.
    """
    data = read_bytes(path)
    refuse_foreign(Path(path))
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(str(path), f"is not UTF-8, at byte {error.start}", "save it as CSV UTF-8") from error
    first, _, rest = text.partition("\n")
    text = rest if first.startswith("sep=") else text
    head = text.partition("\n")[0]
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))  # a text may be longer than the module's 131,072
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    try:
        rows.fieldnames = [name.strip().casefold() for name in rows.fieldnames or ()]
        return set(rows.fieldnames), [(f"{path}:{rows.line_num}", row) for row in rows]
    except csv.Error as error:
        raise UserError(f"{path}:{rows.line_num}", f"is no CSV: {error}", "fill in a fresh sheet") from error


def _seconds(value: str) -> float | None:
    """The number in a cell, as any spreadsheet writes it: 12.5, 12,5, 1E+02."""
    with suppress(ValueError):
        if not value or 0 <= (number := float(value.replace(",", "."))) < 86400:
            return number if value else None
    raise Unfit(f"seconds {value!r} is no number of seconds")


def _row_patches(desk: Desk, row: dict[str, str], annotator: str, reason: str | None) -> list[Patch]:
    case = desk.cases.get(row["id"])
    if case is None:
        raise Unfit(f"no record {row['id']!r}")
    record = case.record
    decision = row["decision"].strip().casefold()
    if decision not in ("", "accept", "reject", "restore"):
        raise Unfit(f"decision {row['decision']!r} is none of accept, reject, restore")
    text = record["text"] if row["text"].splitlines() == record["text"].splitlines() else row["text"]
    fields: dict[str, Any] = {"text": text, "text_label": row["text_label"].strip() or None}
    if row["extractions"].strip() != write_list(record).strip():
        fields["extractions"] = read_list(row["extractions"].strip(), record, text)
    touched = decision or "extractions" in fields or any(fields[key] != record[key] for key in ("text", "text_label"))
    if not touched:
        return []
    if row["base_hash"] != record_hash(record):
        raise Unfit("the record changed since the sheet was exported: export it again")
    said = row["reason"].strip() or reason
    if not said:
        raise Unfit("no reason is given: fill the column, or use --reason for all")
    seconds = _seconds(row["seconds"].strip())
    return decide(case, fields, cast(Decision, decision), annotator=annotator, reason=said, seconds=seconds)


def patches_of(desk: Desk, path: str | Path, annotator: str, reason: str | None) -> list[Patch]:
    """The patches of a filled-in sheet.

    Raises:
        UserError: it is no sheet, or a row cannot be read; every such row is named, and none is taken.
    """
    columns, placed = table_of(path)
    rows = [row for _, row in placed]
    wanted = {"id", "base_hash", *EDITED}
    if missing := wanted - columns:
        said = f"has not the columns {', '.join(sorted(missing))}" if columns else "is empty"
        raise UserError(str(path), said, "export a fresh sheet and fill it in")
    made, faults, twice = list[Patch](), list[str](), Counter(row["id"] for row in rows)
    for number, row in enumerate(rows, 2):
        if not any(row.values()):
            continue  # as spreadsheets leave them below the table
        try:
            if twice[row["id"]] > 1:
                raise Unfit("the record has several rows")
            made += _row_patches(desk, {key: _plain(row[key] or "") for key in wanted}, annotator, reason)
        except (Unfit, UserError) as error:
            faults.append(f"row {number} ({row['id']}): {error}")
    if faults:
        raise UserError(
            str(path), f"{len(faults)} rows cannot be taken: " + " | ".join(faults[:5])[:1500], "nothing was written"
        )
    return made
