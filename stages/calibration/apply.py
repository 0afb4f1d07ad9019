"""What patches do to records: each holds only for the record that its annotator saw, told by its hash.

The patches of a record apply in the order of their times; one waits until the record is the one it was made for, so that a
chain holds together whatever the clocks say. What is left over is a conflict, or changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stages.calibration.follow import moved, placed
from stages.calibration.patches import FIELDS, Line, Patch, content, in_order, patch_hash, record_hash
from stages.core.schema import schema_faults
from stages.records.record import Extraction, Record, canonical, unaligned
from stages.records.rules import record_faults
from stages.records.tasks import task_of

Status = Literal["in", "quarantined", "rejected"]


class Unfit(Exception):
    """A patch that its record cannot take: said in the report, and nothing is applied."""


@dataclass
class Case:
    """A record on its way through its patches."""

    record: Record
    status: Status


def _without(extractions: Sequence[Extraction], item: Extraction) -> list[Extraction]:
    if item not in extractions:
        raise Unfit("the extraction that it takes away or changes is not in the record")
    rest = list(extractions)
    rest.remove(item)
    return rest


def _with(extractions: Sequence[Extraction], item: Extraction, kind: str) -> list[Extraction]:
    """The extractions and one more: mentions that stand in the order of the text keep that order."""

    def start(one: Extraction) -> int:
        return -1 if one["spans"][0]["start"] is None else int(one["spans"][0]["start"])

    rest, ordered = list(extractions), [start(one) for one in extractions]
    if kind != "span" or ordered != sorted(ordered):
        return [*rest, item]
    at = next((n for n, other in enumerate(ordered) if other > start(item)), len(rest))
    return [*rest[:at], item, *rest[at:]]


def _placed(text: str, item: Extraction) -> Extraction:
    return {**item, "spans": [placed(text, span) for span in item["spans"]]}


def wanted(record: Record, patch: Patch) -> dict[str, Any]:
    """The fields that a patch sets, spans in their new places.

    Raises:
        Unfit: an extraction that it removes or changes is not there.
    """
    op, after, items = patch["op"], patch["after"], record["extractions"]
    if op in ("accept", "reject", "withdraw") or after is None and op == "restore":
        return {}
    if op in ("edit", "restore"):
        fields = dict(after)
    elif op in FIELDS:
        fields = {op: after}
    else:
        kept = items if op == "add" else _without(items, patch["before"])
        kind = task_of(record["subset"], record["task"]).kind
        fields = {"extractions": kept if op == "remove" else _with(kept, _placed(record["text"], after), kind)}
    text = str(fields.get("text", record["text"]))
    if "extractions" not in fields and text != record["text"]:
        fields["extractions"] = moved(record["text"], text, items)
    elif "extractions" in fields:
        fields["extractions"] = [_placed(text, item) for item in fields["extractions"]]
    return fields


def already(record: Record, patch: Patch) -> bool:
    """Is the record as the patch wants it, whatever it was before? Never true of accept and reject, which change no field."""
    op, before, after, items = patch["op"], patch["before"], patch["after"], record["extractions"]
    if op in ("add", "remove", "change"):
        return (op == "remove" or after in items) and (op == "add" or before not in items)
    fields = {op: after} if op in FIELDS else after if op in ("edit", "restore") else None
    return fields is not None and all(content(record)[key] == value for key, value in fields.items())


def changed(record: Record, patch: Patch) -> Record:
    """The record as the patch wants it, in canonical form.

    Raises:
        Unfit: `before` is not what the record has, or what comes out breaks the record's schema or rules.
    """
    op, before = patch["op"], patch["before"]
    seen = before if op in ("edit", "restore", "accept", "reject") else {op: before} if op in FIELDS else None
    for key, value in (seen or {}).items():
        if content(record)[key] != value:
            raise Unfit(f"its before has another {key} than the record that its base_hash names")
    fields = wanted(record, patch)
    new = canonical({**record, **fields})
    if new["text_label"] != record["text_label"]:
        new["text_label_origin"] = None if new["text_label"] is None else "human"
    if fields or op == "restore":
        for pointer, message in schema_faults(new, "record") or record_faults(new):
            raise Unfit(f"{pointer}: {message}"[:300])
    return new


def _renamed(record: Record, identifier: str) -> Record:
    """The record under another id, as it was before its source was renamed."""
    return {**record, "id": identifier, "source": identifier.split("/")[2]}


class Settling:
    """The patches of one record, applied; `lines` are in order and all bear a record id that means this record."""

    def __init__(self, case: Case, lines: Sequence[Line], report: Callable[..., None]) -> None:
        self.case, self.report = case, report
        taken = {line.patch["after"] for line in lines if line.patch and line.patch["op"] == "withdraw"}
        known = {patch_hash(line.patch): line for line in lines if line.patch}
        self.pending = list[Line]()
        for line in lines:
            patch = line.patch or {}
            if patch["op"] == "withdraw":
                found = patch["after"] in known and (known[patch["after"]].patch or {})["op"] != "withdraw"
                said = "" if found else "the patch that it takes back is not there"
                report(line, "applied" if found else "invalid", said)
            elif patch_hash(patch) in taken:
                report(line, "withdrawn", "taken back by a later patch")
            else:
                self.pending.append(line)

    def run(self) -> None:
        """Applies what holds, in turn, and tells what does not."""
        while line := next((line for line in self.pending if self.fits(line.patch or {})), None):
            self.pending.remove(line)
            self.apply(line)
        for line in self.pending:
            self.left_over(line)

    def fits(self, patch: Patch) -> bool:
        """Is the record the one that its annotator saw, and where they saw it?"""
        if record_hash(_renamed(self.case.record, patch["record_id"])) != patch["base_hash"]:
            return False
        if patch["op"] == "restore":
            return self.case.status != "in"
        return self.case.status == "in" or (self.case.status == "quarantined" and patch["op"] != "accept")

    def apply(self, line: Line) -> None:
        patch, case = line.patch or {}, self.case
        if already(case.record, patch) and patch["op"] != "restore":
            self.report(line, "no_change", "the record already is so")
            return
        try:
            new = changed(case.record, patch)
        except Unfit as error:
            self.report(line, "invalid", str(error))
            return
        fields = [key for key in FIELDS if new[key] != case.record[key]]
        if patch["op"] in ("restore", "reject"):
            case.status = "in" if patch["op"] == "restore" else "rejected"
        case.record, lost = new, unaligned(new)
        said = [f"not in the text: {', '.join(lost)}"[:300]] if lost else []
        said += ["the record stays in quarantine until it is restored"] if case.status == "quarantined" else []
        outcome = "quarantined" if case.status == "quarantined" else "applied"
        self.report(line, outcome, "; ".join(said), changed=fields, unplaced=len(lost))

    def left_over(self, line: Line) -> None:
        """No change any more, or a conflict: the record is not what the annotator saw."""
        patch, case = line.patch or {}, self.case
        if patch["op"] == "reject" and case.status != "in":
            self.report(line, "no_change", "the record already is out")
        elif already(case.record, patch) and case.status == ("in" if patch["op"] == "restore" else case.status):
            self.report(line, "no_change", "the record already is so")
        else:
            same = record_hash(_renamed(case.record, patch["record_id"])) == patch["base_hash"]
            why = {"rejected": "was rejected", "quarantined": "is in quarantine now" if same else "changed since"}
            seen = {"status": case.status, "hash": record_hash(case.record), **content(case.record)}
            said = f"its record {why.get(case.status, 'changed since')}"
            self.report(line, "conflict", said, patch=patch, now=seen)


def fate(line: Line, outcome: str, message: str, **more: Any) -> dict[str, Any]:
    """What became of a line, as the report has it."""
    patch = line.patch or {}
    return {
        "place": line.place,
        "outcome": outcome,
        "message": message,
        "record_id": patch.get("record_id", line.record_id),
        **{key: patch.get(key) for key in ("op", "annotator", "time", "seconds")},
        **{"changed": [], "unplaced": 0, "patch": None, "now": None, **more},
    }


def _native(identifier: str) -> tuple[str, ...]:
    parts = identifier.split("/")
    return (*parts[:2], *parts[3:])


class Targets:
    """Which record a patch means: the one of its id, or, where its source was renamed since, the one of the rest of its id."""

    def __init__(self, identifiers: Iterable[str]) -> None:
        self.known = set(identifiers)
        self.natives: dict[tuple[str, ...], list[str]] = {}
        for identifier in self.known:
            self.natives.setdefault(_native(identifier), []).append(identifier)

    def of(self, identifier: str) -> str | None:
        """The id of the record; None where there is none, or several could be meant."""
        if identifier in self.known:
            return identifier
        others = self.natives.get(_native(identifier), []) if identifier.count("/") == 4 else []
        return others[0] if len(others) == 1 else None


def settle(cases: Iterable[Case], lines: Sequence[Line]) -> tuple[list[Case], list[dict[str, Any]]]:
    """(the cases after all patches that hold, the fate of each line in the order given)."""
    state: Mapping[str, Case] = {case.record["id"]: case for case in cases}
    targets = Targets(state)
    fates: dict[str, dict[str, Any]] = {}

    def report(line: Line, outcome: str, message: str, **more: Any) -> None:
        fates[line.place] = fate(line, outcome, message, **more)

    by_record: dict[str, list[Line]] = {}
    for line in in_order(lines):
        target = targets.of((line.patch or {})["record_id"])
        if target is None:
            report(line, "unknown_record", "no record of this id, or it has no translation", patch=line.patch)
        else:
            by_record.setdefault(target, []).append(line)
    for target, own in by_record.items():
        Settling(state[target], own, report).run()
    for line in lines:
        if line.patch is None:
            report(line, "not_read" if ":" not in line.place else "invalid", line.fault)
    return list(state.values()), [fates[line.place] for line in lines]
