"""Whose annotation is whose, read from either form: two folders in the corpus' form, or the patches of several people.

An annotation is one view of one text in one language as one person has it. From patches it is the record after that
person's own patches alone, applied to the record as it was before anybody's: what a blind reviewer decided.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from stages.calibration.apply import Case, settle
from stages.calibration.desk import Desk
from stages.calibration.patches import Line
from stages.core.errors import UserError
from stages.core.schema import read_checked, read_checked_json
from stages.records.record import Extraction, Record
from stages.sources.corpus import FAMILIES, Text, subset_name


class Annotation(NamedTuple):
    """`unit` names the text that the label of the whole text is given to once, whatever its views; `rejected` from patches."""

    name: str
    unit: str
    family: str
    task: str
    lang: str
    text: str
    text_label: str | None
    extractions: list[Extraction]
    rejected: bool = False


Annotations = dict[str, Annotation]  # by record id


def person(name: str) -> str:
    """A name without what tells two spellings of it apart: width, case, blanks, marks."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "", folded) or folded


def distinct(names: Sequence[str]) -> None:
    """UserError unless there are at least two names and no two look like one person's."""
    if len(names) < 2:
        raise UserError("agreement", f"{len(names)} annotator: agreement is between two", "let somebody else annotate")
    seen: dict[str, str] = {}
    for name in names:
        if person(name) in seen:
            both = f"{seen[person(name)]!r} and {name!r}"
            raise UserError(
                "agreement", f"{both} look like one person under two names", "agreement is between two people"
            )
        seen[person(name)] = name


def of_corpus(folder: str | Path, types: str | Path, languages: Sequence[str]) -> Annotations:
    """The annotations of a folder in the corpus' form, of the families that it has; open types from the file `types`.

    Raises:
        UserError: no such folder, a file that breaks the form, or annotations whose words have no place, all of them named.
    """
    if not any((Path(folder) / f"{family}.jsonl").is_file() for family in FAMILIES):
        raise UserError(
            str(folder), "holds no annotations", f"the form is that of data/corpus: {', '.join(FAMILIES)}.jsonl"
        )
    known, found, faults = read_checked_json(types, "corpus_types"), Annotations(), list[str]()
    for family in FAMILIES:
        path = Path(folder) / f"{family}.jsonl"
        for row in read_checked(path, "corpus") if path.is_file() else ():
            text = Text(row, family, known, f"{path}: {row['id']}")
            for lang in (lang for lang in row["texts"] if lang in languages):
                for task, items in row["views"].items():
                    try:
                        placed = [extraction for _, extraction in text.view(task, items, lang)]
                    except UserError as error:
                        faults.append(f"{error.place}: {error.fault}")
                        continue
                    name = f"{subset_name(family, task)}/{task}/{row['id']}/{lang}"
                    unit = f"{family}/{row['id']}"
                    found[name] = Annotation(
                        name, unit, family, task, lang, row["texts"][lang], row["text_label"], placed
                    )
    if faults:
        raise UserError(
            str(folder), f"{len(faults)} annotations have no place: " + " | ".join(faults[:5])[:1500], "correct them"
        )
    return found


def of_patches(desk: Desk, lines: Iterable[Line]) -> dict[str, Annotations]:
    """The annotations of each person who decided about records of the desk, by name.

    Raises:
        UserError: two names have the very same decisions at the same times: a copied file is no second annotator.
    """
    own: dict[str, list[Line]] = {}
    for line in lines:
        if line.patch:
            own.setdefault(line.patch["annotator"], []).append(line)
    result: dict[str, Annotations] = {}
    for name, mine in sorted(own.items()):
        touched = {line.patch["record_id"] for line in mine if line.patch} & desk.originals.keys()
        cases = [
            Case(desk.originals[record], "in" if record not in desk.reasons else "quarantined")
            for record in sorted(touched)
        ]
        settled, report = settle(cases, mine)
        decided = {line["record_id"] for line in report if line["outcome"] in ("applied", "quarantined", "no_change")}
        result[name] = {
            case.record["id"]: _annotation(case.record, case.status == "rejected")
            for case in settled
            if case.record["id"] in decided
        }
    seen: dict[frozenset[tuple[str, str]], str] = {}
    for name, mine in sorted(own.items()):
        times = frozenset((line.patch["record_id"], line.patch["time"]) for line in mine if line.patch)
        if times in seen:
            raise UserError(
                "agreement", f"{seen[times]!r} and {name!r} decided the same at the same times", "one is a copy"
            )
        seen[times] = name
    return result


def _annotation(record: Record, rejected: bool) -> Annotation:
    family = str(record["subset"]).split("-")[0]
    return Annotation(
        record["id"],
        f"{record['group']}/{record['lang']}",
        family,
        record["task"],
        record["lang"],
        record["text"],
        record["text_label"],
        record["extractions"],
        rejected,
    )
