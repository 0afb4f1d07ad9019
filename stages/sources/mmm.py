"""The MMM files that the paper's authors published: records with their text label, extractions, language and split.

Source: `ganchengguang/MMM-dataset-Trainset` and `…/MMM-datasets-Testset` on the Hugging Face hub, CC BY-NC 4.0. A file
is a JSON list of `{"input": "{text}/{instruct word}", "output": "{text label}/{instruct word}/{list}"}`, without
escapes.

The hub's folders could not be looked at when this was written, so this reads a layout of its own, into which files are
put by hand: `<path>/{train,test}/{ja,en,zh}/<name>.json`, with the name as published. Its first digit tells the
sub-dataset (0 SCNM, 1 SCPOS-RW, 2 SCPOS-ADJN, 3 SCPOS-N, 4 SCPOS-ADJ, 5 TCREE); `MRE_OIEDataset…` is TCONER. A JSON
file elsewhere below the path is refused, not passed over.

Which labels and instruct words stand in the files is public only in part. A row is taken if its word after the last
slash is one of ours (for TCREE's relations and events, and for TCONER, these are this project's own words), of its
file's sub-dataset; if its output parses without a defect; and if its labels are in our table. Any other row is left
out, counted under its first defect in one printed line; a file that so loses more than half of its rows is an error. A
span that is not in its text is kept with a null start, and counted.

Rows carry no ids: a native id is the hash of the row, the second of two equal rows ends in `-2`. Which translations
belong together cannot be recovered: a group is one text in one language, and leakage across languages is unknown. The
split is the authors', even where a text stands on both sides, which is counted. `source.limit` takes the first rows of
each file. A folder has no pin.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.files import read_json
from stages.records.linear import parse, split_input
from stages.records.record import Record, from_fields, locate, unaligned
from stages.records.tasks import DELIMITERS, subset
from stages.sources.common import Natives, Source, check_text, make_record, pinned

NUMBERED = ("SCNM", "SCPOS-RW", "SCPOS-ADJN", "SCPOS-N", "SCPOS-ADJ", "TCREE")
LAYOUT = "the layout is <path>/{train,test}/{ja,en,zh}/<name>.json, names begin with 0 to 5 or MRE_OIEDataset"
# Not `1W…`: 1W, ten thousand, is how the authors mark a file cut to that size.
_NAME = re.compile(r"(train|test)/(ja|en|zh)/(?:([0-5])(?![0-9W])|MRE_OIEDataset)[^/]*\.json")


def _row(value: Any, name: str, lang: str, split: str, source: str, place: str) -> tuple[Record | None, str]:
    """(record, "") of a row, or (None, its first defect)."""
    match value:
        case {"input": str(given), "output": str(output), **rest} if not rest:
            pass
        case _:
            raise UserError(place, "wrong keys or values", 'each row is {"input": text, "output": text}')
    try:
        text, task = split_input(given)
    except UserError:
        return None, "unknown_instruct_word"
    entry = subset(name)
    if entry.tasks.get(task.name) != task:
        return None, "instruct_word_of_other_subset"
    if not text:
        return None, "empty_text"
    parsed = parse(output, task, dialect="paper")
    if parsed.defects:
        return None, parsed.defects[0]
    if parsed.text_label is None:
        return None, "missing_text_label"
    if parsed.text_label not in entry.text_labels[lang]:
        return None, "unknown_text_label"
    extractions = [from_fields(fields, task) for fields in parsed.extractions]
    table = entry.word_labels[task.name]
    for label in (item["label"] for item in extractions if task.kind != "event"):
        if table is not None and label not in table[lang]:
            return None, "unknown_word_label"
        if not DELIMITERS.isdisjoint(label):
            return None, "delimiter_in_label"
    record = make_record(
        subset_name=name,
        task=task.name,
        source=source,
        native=hashlib.sha256(f"{given}\0{output}".encode()).hexdigest()[:16],
        lang=lang,
        text=check_text(text, place),
        text_label=parsed.text_label,
        extractions=locate(text, task.kind, extractions),
        split=split,
    )
    return record, ""


def _file(path: Path, name: str, lang: str, split: str, source: Source) -> tuple[list[Record], Counter[str]]:
    """The records of a file, and how many rows were left out by defect."""
    rows = read_json(path)
    if not isinstance(rows, list):
        raise UserError(str(path), "is no JSON list", 'the form is [{"input": text, "output": text}]')
    found, defects = list[Record](), Counter[str]()
    for number, value in enumerate(rows[: source.limit]):
        record, defect = _row(value, name, lang, split, source.name, f"{path}[{number}]")
        if record is None:
            defects[defect] += 1
        else:
            found.append(record)
    if defects.total() > len(found):
        fault = (
            f"{defects.total()} of {defects.total() + len(found)} rows are not as {name} in {lang}: {_told(defects)}"
        )
        raise UserError(str(path), fault, "check name and folder, or add its labels and words to schemas/labels/")
    return found, defects


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items())) or "none"


def records(source: Source) -> list[Record]:
    """A record for each sound row of every file; prints what was left out."""
    if source.pin is not None:
        raise UserError(f"{source.path}: pin", "a folder has no SHA-256", "write `pin: null`, and track it with DVC")
    folder = pinned(source)
    paths = sorted(folder.rglob("*.json"))
    if not paths:
        raise UserError(source.path, "no JSON file in it", LAYOUT)
    result, defects, natives = list[Record](), Counter[str](), defaultdict[str, Natives](Natives)
    for path in paths:
        match = _NAME.fullmatch(path.relative_to(folder).as_posix())
        if match is None:
            raise UserError(str(path), "file name or folder tells no sub-dataset, language and split", LAYOUT)
        split, lang, digit = match.groups()
        found, left = _file(path, NUMBERED[int(digit)] if digit else "TCONER", lang, split, source)
        defects += left
        for record in found:
            record["id"] = f"{natives[lang].apart(record['id'].removesuffix('/' + lang))}/{lang}"
        result += found
    astray = sum(len(unaligned(record)) for record in result)
    sides = [{record["group"] for record in result if record["split"] == split} for split in ("train", "test")]
    print(
        f"{source.name}: {len(paths)} files, {len(result)} records; rows left out: {_told(defects)}; "
        f"spans not in their text: {astray}; texts in train and test: {len(sides[0] & sides[1])}"
    )
    return result
