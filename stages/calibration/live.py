"""The desk while people sit at it: patches come from this page, other pages and other programs, and the artifacts may be made anew.

Before each look the folder of patches is read on from where it was left, and the artifacts are read again if they changed. A record is
settled from all patches that name it; in blind mode from those of the person who looks alone.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.calibration.annotations import person
from stages.calibration.apply import Case, Status, Targets, settle
from stages.calibration.desk import Decision, decide, open_desk
from stages.calibration.patches import Line, Patch, append, in_order, make, patch_hash, read_line, record_hash
from stages.core.errors import UserError
from stages.records.record import Record

KINDS = ("filtered", "quarantine", "ledger", "likelihood")  # artifacts of a language that the page shows


class Changed(Exception):
    """The record is not the one that the person saw; nothing was saved."""


class View(NamedTuple):
    """A record as one person sees it: after which patches, and what became of each."""

    case: Case
    report: list[dict[str, Any]]
    lines: list[Line]


class Tail:
    """What a file of patches has beyond what was read: whole lines only, so that a torn one waits for its end."""

    def __init__(self, path: Path) -> None:
        self.path, self.inode, self.offset, self.number = path, path.stat().st_ino, 0, 0

    def replaced(self) -> bool:
        """Is it another file by now, or shorter than what was read?"""
        try:
            state = self.path.stat()
        except FileNotFoundError:
            return True
        return state.st_ino != self.inode or state.st_size < self.offset

    def more(self) -> list[Line]:
        """The lines added since."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        lines = list[Line]()
        for line in data[:end].split(b"\n")[:-1]:
            self.number += 1
            line = line.removeprefix(b"\xef\xbb\xbf") if self.number == 1 else line
            if line.strip():
                lines.append(read_line(line, f"{self.path.name}:{self.number}"))
        self.offset += end
        return lines


class Live:
    """The desk of some languages, kept fresh; `blind`: nobody sees another's patches."""

    def __init__(self, data: str | Path, languages: Sequence[str], folder: str | Path, blind: bool = False) -> None:
        self.data, self.languages, self.folder, self.blind = Path(data), languages, Path(folder), blind
        self.folder.mkdir(parents=True, exist_ok=True)
        self.load()

    def load(self) -> None:
        """Reads everything anew."""
        self.stamp = self._stamp()
        desk = open_desk(self.data, self.languages, self.folder)
        self.originals, self.sources = desk.originals, desk.sources
        self.reasons, self.warnings, self.mended, self.asked = desk.reasons, desk.warnings, desk.mended, desk.asked
        self.targets, self.tails = Targets(self.originals), dict[str, Tail]()
        self.lines: dict[str, list[Line]] = {}
        self.views: dict[str, dict[str, View]] = {}
        self.times: dict[str, list[float]] = {}
        self.deciders: dict[str, Counter[str]] = {}
        self.changed: set[str] = set(self.originals)  # records whose patches changed, for who keeps something of them
        self._read_on()

    def _stamp(self) -> list[tuple[str, int, int]]:
        paths = [self.data / "tconer" / "records.jsonl"]
        paths += [self.data / kind / f"{lang}.jsonl" for kind in KINDS for lang in self.languages]
        return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths if path.exists()]

    def refresh(self) -> None:
        """Takes in what changed on the disk."""
        if self._stamp() != self.stamp or any(tail.replaced() for tail in self.tails.values()):
            self.load()
        else:
            self._read_on()

    def _read_on(self) -> None:
        for entry in sorted(os.scandir(self.folder), key=lambda entry: entry.name):
            if not entry.name.endswith(".jsonl") or entry.name.startswith(".") or not entry.is_file():
                continue
            tail = self.tails.get(entry.name) or self.tails.setdefault(entry.name, Tail(Path(entry.path)))
            for line in tail.more() if entry.stat().st_size > tail.offset else ():
                self._take(line)

    def _take(self, line: Line) -> None:
        target = self.targets.of(line.patch["record_id"]) if line.patch else None
        if line.patch is None or target is None:
            return
        self.lines.setdefault(target, []).append(line)
        self.changed.add(target)
        who = line.patch["annotator"]
        if line.patch["op"] == "withdraw":
            self.deciders.get(target, Counter())[who] -= 1
        else:
            self.deciders.setdefault(target, Counter())[who] += 1
        if line.patch["seconds"] is not None:
            self.times.setdefault(who, []).append(line.patch["seconds"])
        self.views.pop(target, None)

    def view(self, name: str, who: str) -> View:
        """The record as this person sees it."""
        views, key = self.views.setdefault(name, {}), who if self.blind else ""
        if key not in views:
            own = [
                line for line in self.lines.get(name, []) if not self.blind or (line.patch or {})["annotator"] == who
            ]
            status: Status = "quarantined" if name in self.reasons else "in"
            cases, report = settle([Case(self.originals[name], status)], own)
            views[key] = View(cases[0], report, own)
        return views[key]

    def decided_by(self, name: str) -> list[str]:
        """Who has decided about a record and not taken all of it back."""
        return sorted(who for who, count in self.deciders.get(name, Counter()).items() if count > 0)

    def case(self, name: str, who: str, base_hash: str) -> Case:
        """The record, if it is still the one that this person saw.

        Raises:
            UserError: no such record. Changed: it is another by now.
        """
        self.refresh()
        if name not in self.originals:
            raise UserError(name[:120], "no such record", "reload the page: the data were made anew")
        case = self.view(name, who).case
        if record_hash(case.record) != base_hash:
            raise Changed
        return case

    def decide(
        self, name: str, who: str, base_hash: str, decision: Decision, fields: dict[str, Any], **more: Any
    ) -> list[Patch]:
        """Saves a decision; when this returns, it is on the disk.

        Raises:
            Unfit, UserError: it cannot be taken, or saved. Changed: the record is another by now.
        """
        made = decide(self.case(name, who, base_hash), fields, decision, annotator=who, **more)
        append(self.folder, who, made)
        self.refresh()
        return made

    def undo(self, name: str, who: str) -> list[Patch]:
        """Takes back this person's last decision about a record: all patches of it, one after the other in the file."""
        self.refresh()
        if name not in self.originals:
            raise UserError(name[:120], "no such record", "reload the page")
        all_of = [line.patch for line in in_order(self.view(name, who).lines) if line.patch]
        gone = {patch["after"] for patch in all_of if patch["op"] == "withdraw"}
        live = [patch for patch in all_of if patch["op"] != "withdraw" and patch_hash(patch) not in gone]
        if not any(patch["annotator"] == who for patch in live):
            raise UserError(name, "there is nothing of yours to undo", "")
        if live[-1]["annotator"] != who:
            raise UserError(name, f"{live[-1]['annotator']} has decided about it since", "edit it as it is now")
        last = (
            live[-2:]
            if live[-1]["op"] == "accept" and len(live) > 1 and self._one_decision(live[-2], live[-1])
            else live[-1:]
        )
        record: Record = self.view(name, who).case.record
        made = [
            make(record, "withdraw", None, patch_hash(patch), annotator=who, reason="undone")
            for patch in reversed(last)
        ]
        append(self.folder, who, made)
        self.refresh()
        return made

    def settle(self, name: str, who: str, known: str, reason: str) -> list[Patch]:
        """Takes back a patch of the record that is in conflict, by its hash."""
        self.refresh()
        if name not in self.originals:
            raise UserError(name[:120], "no such record", "reload the page")
        view = self.view(name, who)
        if not any(line["outcome"] == "conflict" and patch_hash(line["patch"]) == known for line in view.report):
            raise UserError(name, "this version is in no conflict any more", "reload the page")
        made = [
            make(view.case.record, "withdraw", None, known, annotator=who, reason=reason or "settled: the record stays")
        ]
        append(self.folder, who, made)
        self.refresh()
        return made

    def _one_decision(self, edit: Patch, accept: Patch) -> bool:
        return (
            edit["op"] not in ("accept", "reject", "restore")
            and edit["reason"] == accept["reason"]
            and accept["seconds"] is None
        )

    def another(self, who: str) -> str | None:
        """The name of somebody in the files who looks like this person under another spelling."""
        known = {line.patch["annotator"] for lines in self.lines.values() for line in lines if line.patch}
        return next((name for name in sorted(known) if name != who and person(name) == person(who)), None)
