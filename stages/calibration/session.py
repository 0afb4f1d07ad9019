"""What the page asks for and sends, as plain values: the queue under filters, one record with all that is known of it,
decisions. No HTTP here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import median
from threading import Lock
from typing import Any

from stages.calibration.annotations import person
from stages.calibration.live import Live
from stages.calibration.patches import content, patch_hash, record_hash
from stages.calibration.queue import Review, findings, in_words, known_labels, matching, partners, queue
from stages.checks.finding import Finding
from stages.core.errors import UserError
from stages.core.schema import schema_faults
from stages.records.record import Record
from stages.records.tasks import ROLES, subset, task_of

BEGINNING = 60  # code points of a text in the queue: more than fit into its line
ROWS = 200  # of the queue that one answer holds
Versions = dict[str, dict[str, dict[str, Any]]]  # by record id and annotator


class Session:
    """One page's work: which records, in which order, and what became of them. `versions`: what blind annotators have for
    the records on which they differ, which then are the queue."""

    def __init__(
        self,
        data: Path,
        languages: Sequence[str],
        folder: Path,
        knobs: Review,
        blind: bool = False,
        versions: Versions | None = None,
    ) -> None:
        self.live, self.knobs, self.blind, self.versions = Live(data, languages, folder, blind), knobs, blind, versions
        self.lock = Lock()
        self.summaries: dict[str, dict[str, Any]] = {}
        self.found: dict[tuple[str, str], list[dict[str, Any]]] = {}  # by record and hash
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}  # the queue's lines, by person in blind mode
        self._order()

    def _order(self) -> None:
        live = self.live
        wanted = queue(live.originals, live.sources, live.reasons, live.warnings, live.mended, self.knobs, self.blind)
        self.names = [name for name in self.versions if name in live.originals] if self.versions is not None else wanted
        self.words = {name: self._words(name) for name in self.names}
        self.stamp = live.stamp
        self.rows.clear()
        self.summaries.clear()

    def _words(self, name: str) -> str:
        texts = [record["text"] for record in (self.live.sources.get(name), self.live.originals[name]) if record]
        return "\n".join((name, *texts)).casefold()

    def _fresh(self) -> None:
        self.live.refresh()
        if self.live.stamp != self.stamp:
            self._order()

    def state(self, name: str, who: str) -> str:
        """open, decided (by this person in blind mode, by anybody else), or conflict. An edit that leaves the record in quarantine
        decides nothing, but to who annotates blind, who does not see the quarantine."""
        view = self.live.view(name, who)
        fates = [line["outcome"] for line in view.report if line["op"] != "withdraw"]
        if "conflict" in fates and not self.blind:
            return "conflict"
        held = view.case.status == "quarantined" and not self.blind
        return (
            "decided" if not held and any(fate in ("applied", "quarantined", "no_change") for fate in fates) else "open"
        )

    def row(self, name: str, who: str) -> dict[str, Any]:
        """One line of the queue, and what filters look at."""
        record = self.live.originals[name]
        deciders = [one for one in self.live.decided_by(name) if not self.blind or one == who]
        return {
            "id": name,
            "lang": record["lang"],
            "subset": record["subset"],
            "task": record["task"],
            "state": self.state(name, who),
            "status": "" if self.blind else self.live.view(name, who).case.status,
            "reasons": self._stated(name),
            "deciders": deciders,
            "begins": (record["text"] or self.live.sources[name]["text"])[:BEGINNING],
            "words": self.words[name],
        }

    def _rows(self, who: str) -> dict[str, dict[str, Any]]:
        """The lines of the queue, of which only those are made anew whose patches changed."""
        if self.live.changed:
            for rows in self.rows.values():
                for name in self.live.changed & rows.keys():
                    del rows[name]
            self.live.changed.clear()
            self.summaries.clear()
        own = self.rows.setdefault(who if self.blind else "", {})
        for name in self.names:
            if name not in own:
                own[name] = self.row(name, who)
        return own

    def queue(self, who: str, wanted: dict[str, str], at: str = "") -> dict[str, Any]:
        """The records under filters: how many, the ids, rows around one of them, counts, progress."""
        with self.lock:
            self._fresh()
            rows = self._rows(who)
            names = matching(self.names, rows, wanted)
            middle = names.index(at) if at in names else 0
            first = max(0, min(middle - ROWS // 2, len(names) - ROWS))
            shown = [
                {key: value for key, value in rows[name].items() if key != "words"}
                for name in names[first : first + ROWS]
            ]
            return {"ids": names, "first": first, "rows": shown, **self._summary(who, rows)}

    def _summary(self, who: str, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What is the same under all filters: progress, and what can be chosen."""
        key = who if self.blind else ""
        if key not in self.summaries:
            states = Counter(row["state"] for row in rows.values())
            reasons = Counter(code for row in rows.values() for code in row["reasons"])
            self.summaries[key] = {
                "total": len(rows),
                "done": states["decided"],
                "langs": sorted({row["lang"] for row in rows.values()}),
                "subsets": sorted({row["subset"] for row in rows.values()}),
                "reasons": [{"code": code, "words": in_words(code), "count": n} for code, n in reasons.most_common()],
                "annotators": sorted({one for row in rows.values() for one in row["deciders"]}),
                "blind": self.blind,
                "adjudicates": self.versions is not None,
            }
        summary, times = self.summaries[key], self.live.times.get(who, [])
        typical = median(times) if times else None
        left = None if typical is None else round(typical * (summary["total"] - summary["done"]))
        return {**summary, "median_seconds": typical, "seconds_left": left}

    def record(self, name: str, who: str) -> dict[str, Any]:
        """Everything that the page shows of a record.

        Raises:
            UserError: no such record.
        """
        with self.lock:
            self._fresh()
            if name not in self.live.originals:
                raise UserError(name[:120], "no such record", "reload the page: the data were made anew")
            return self._record(name, who)

    def _record(self, name: str, who: str) -> dict[str, Any]:
        view, source = self.live.view(name, who), self.live.sources.get(name)
        record, task = view.case.record, task_of(view.case.record["subset"], view.case.record["task"])
        table = subset(record["subset"])
        labels = known_labels(self.live.originals.values(), record["subset"], record["task"], record["lang"])
        return {
            "id": name,
            "hash": record_hash(record),
            "status": "in" if self.blind else view.case.status,
            "state": self.state(name, who),
            "deciders": [one for one in self.live.decided_by(name) if not self.blind or one == who],
            "lang": record["lang"],
            "subset": record["subset"],
            "task": record["task"],
            "kind": task.kind,
            "roles": list(ROLES) if task.kind == "event" else ["head", "tail"] if task.kind == "relation" else [],
            "open_labels": table.word_labels[record["task"]] is None,
            "labels": labels,
            "source_labels": known_labels((), record["subset"], record["task"], source["lang"]) if source else [],
            "text_labels": list(table.text_labels[record["lang"]]),
            **content(record),
            "source": source and {"lang": source["lang"], **content(source)},
            "partners": partners(source, record) if source else [],
            "findings": self.found.get((name, record_hash(record)))
            or [self._mark(code) for code in self._stated(name)],
            "versions": self._versions(name, view.report, who),
        }

    def _stated(self, name: str) -> list[str]:
        """The filter's reasons or warnings, which blind annotators do not see."""
        return [] if self.blind else self.live.reasons.get(name) or self.live.warnings.get(name, [])

    def _mark(self, code: str, finding: Finding | None = None) -> dict[str, Any]:
        places: dict[str, Any] = {"what": "", "source": None, "target": None}
        if finding:
            places = {"what": finding.what, "source": finding.source, "target": finding.target}
        return {"code": code, "words": in_words(code), **places}

    def findings(self, name: str, who: str) -> dict[str, Any]:
        """What the checks say of a record, at its place, with what a model said of the text before any edit, and the filter's
        reasons or warnings. The checks take a tenth of a second, so the page shows the record first, and nobody else waits for them."""
        with self.lock:
            if name not in self.live.originals:
                raise UserError(name[:120], "no such record", "reload the page: the data were made anew")
            source, record = self.live.sources.get(name), self.live.view(name, who).case.record
            key = (name, record_hash(record))
        if key not in self.found:
            asked = self._asked(name, source) if record["text"] == self.live.originals[name]["text"] else []
            found = [] if self.blind else [*findings(source, record), *asked]
            codes = {one.code for one in found}
            stated = [self._mark(code) for code in self._stated(name) if code not in codes]
            self.found[key] = [self._mark(one.code, one) for one in found] + stated
        return {"hash": key[1], "findings": self.found[key]}

    def warm(self) -> None:
        """Has the checks read their tables, by a record of each pair of languages, which takes seconds: the first reviewer does not wait
        for it. A table that cannot be read is told where it is needed."""
        sources, originals = self.live.sources, self.live.originals
        pairs = {(source["lang"], originals[name]["lang"]): name for name, source in sources.items()}
        for name in pairs.values() if not self.blind else ():
            with suppress(UserError):
                findings(sources[name], originals[name])

    def _asked(self, name: str, source: Record | None) -> list[Finding]:
        """What a model says of the translation, with the words of the source that it is about."""
        text = source["text"] if source else ""
        return [
            replace(one, what=text[slice(*one.source)] if one.source else "") for one in self.live.asked.get(name, ())
        ]

    def _versions(self, name: str, report: Sequence[dict[str, Any]], who: str) -> list[dict[str, Any]]:
        """Other versions of the record that the person may take: those of conflicts, or of the blind annotators."""
        found = [
            {"who": one, "why": "annotated it so", **version}
            for one, version in (self.versions or {}).get(name, {}).items()
        ]
        for line in report if not self.blind else ():
            if line["outcome"] == "conflict":
                patch = line["patch"]
                wanted = patch["after"] if isinstance(patch["after"], dict) and "spans" not in patch["after"] else {}
                if patch["op"] in ("text", "text_label", "extractions"):
                    wanted = {patch["op"]: patch["after"]}
                said = f"{patch['op']}: {line['message']} ({patch['reason']})"
                found.append(
                    {
                        "who": patch["annotator"],
                        "why": said,
                        "rejected": patch["op"] == "reject",
                        "patch": patch_hash(patch),
                        **wanted,
                    }
                )
        return found

    def decide(self, who: str, body: dict[str, Any]) -> dict[str, Any]:
        """Saves a decision and gives the record as it is then.

        Raises:
            UserError, Unfit: it cannot be taken or saved. Changed: the record is another by now.
        """
        decision, reason = body.get("decision", ""), str(body.get("comment") or "").strip()
        if decision not in ("", "accept", "reject", "restore"):
            raise UserError("decision", f"{str(decision)[:40]!r} is none of accept, reject, restore", "")
        fields = body.get("fields") or {}
        for pointer, message in schema_faults(fields, "record_content") if fields else ():
            raise UserError(f"fields{pointer}", message[:200], "")
        seconds = body.get("seconds")
        seconds = round(float(seconds), 1) if isinstance(seconds, (int, float)) and 0 <= seconds < 86400 else None
        name = str(body.get("id"))
        with self.lock:
            self._third(name, who)
            made = self.live.decide(
                name,
                who,
                str(body.get("base_hash")),
                decision,
                fields,
                reason=reason
                or {"accept": "right as it is", "restore": "right as it is", "reject": "cannot be used"}.get(
                    decision, "corrected"
                ),
                seconds=seconds,
                missing=body.get("missing") or None,
            )
            return {"saved": len(made), "record": self._record(name, who)}

    def undo(self, who: str, body: dict[str, Any]) -> dict[str, Any]:
        """Takes back this person's last decision about a record; UserError where there is none."""
        name = str(body.get("id"))
        with self.lock:
            made = self.live.undo(name, who)
            return {"saved": len(made), "record": self._record(name, who)}

    def settle(self, who: str, body: dict[str, Any]) -> dict[str, Any]:
        """Takes back a patch in conflict, anybody's: this person has seen it, and the record stays as it is.

        Raises:
            UserError: no patch of this record in conflict has this hash.
        """
        name = str(body.get("id"))
        with self.lock:
            made = self.live.settle(name, who, str(body.get("patch")), str(body.get("comment") or "").strip())
            return {"saved": len(made), "record": self._record(name, who)}

    def _third(self, name: str, who: str) -> None:
        if who in (self.versions or {}).get(name, {}):
            raise UserError(who, "annotated this record blind", "let a third person decide")

    def known(self, who: str) -> str | None:
        """Why this name cannot work here, if it cannot."""
        if (
            not person(who)
            or len(who) > 80
            or who != who.strip()
            or who.startswith(".")
            or any(mark in who for mark in "/\\\n\r\t\0")
        ):
            return "a name has letters, no slash, and no blank or point at its start"
        other = self.live.another(who)
        return f"{other!r} has worked here already: take that spelling, or another name" if other else None
