"""People's annotations back from Label Studio, doccano and Argilla, as patches.

    python -m stages.calibration.patch from label-studio export.json

Places are checked against the words beside them, where a tool gives any: in code points, else in UTF-16 units, which Label Studio counted until 2021, else where
the words stand once. What cannot be read is told by row, and then nothing is written. A record that changed since it was sent out becomes a conflict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from stages.calibration.apply import Unfit
from stages.calibration.desk import Decision, Desk, decide
from stages.calibration.patches import Patch, make, record_hash
from stages.calibration.tools import Region
from stages.core.errors import UserError
from stages.core.files import read_bytes
from stages.records.record import Extraction, occurrences
from stages.records.tasks import ROLES, task_of
from stages.sources.common import refuse_foreign

REASON = "annotated in {}"


@dataclass
class Given:
    """What one person annotated in a tool; None where the tool did not ask. `arrows` are (from, label, to) by region."""

    record_id: str
    base_hash: str
    who: str
    text: str
    text_label: str | None = None
    regions: dict[str, Region] | None = None
    arrows: list[tuple[str, str, str]] = field(default_factory=list)
    correction: str | None = None
    decision: Decision = ""
    comment: str = ""
    seconds: float | None = None


def point(text: str, unit: int) -> int | None:
    """The place in code points of one in UTF-16 units; None where it cuts a character or is beyond the text."""
    data = text.encode("utf-16-le")
    if not 0 <= unit <= len(data) // 2:
        return None
    try:
        return len(data[: 2 * unit].decode("utf-16-le"))
    except UnicodeDecodeError:
        return None


def mended(text: str, start: Any, end: Any, said: Any) -> tuple[int, int]:
    """The place that a tool means, in code points; `said` are the words beside it, if there are any.

    Raises:
        Unfit: it is no place, or the words are not there and stand elsewhere more than once or not at all.
    """
    tries = [(start, end)] if isinstance(start, int) and isinstance(end, int) else []
    wide = [(point(text, a), point(text, b)) for a, b in tries]
    for a, b in [*tries, *wide]:
        if a is not None and b is not None and 0 <= a < b <= len(text) and said in (None, "", text[a:b]):
            return a, b
    starts = occurrences(text, said) if isinstance(said, str) and said else []
    if len(starts) == 1:
        return starts[0], starts[0] + len(said)
    raise Unfit(f"{said!r} at {start}-{end} does not stand in the text, or in several places"[:200])


def extractions_of(given: Given, kind: str) -> list[Extraction]:
    """Regions and arrows as extractions, in the order of the text.

    Raises:
        Unfit: an arrow without an end or label, an end without an arrow, two regions of one role in an event.
    """
    regions, text = given.regions or {}, given.text

    def span(name: str, role: str | None = None) -> dict[str, Any]:
        r = regions[name]
        return {"text": text[r.start : r.end], "start": r.start, **({"role": role} if role else {})}

    if kind == "span":
        ordered = sorted(regions, key=lambda name: regions[name].start)
        return [{"label": regions[name].label, "spans": [span(name)]} for name in ordered]
    for a, label, b in given.arrows:
        if a not in regions or b not in regions or not label:
            raise Unfit("an arrow has no end or no label")
    if kind == "relation":
        ends = {name for a, _, b in given.arrows for name in (a, b)}
        if loose := regions.keys() - ends:
            raise Unfit(f"{span(min(loose))['text']!r} is an end of no relation: draw its arrow, or delete it")
        found = [{"label": label, "spans": [span(a), span(b)]} for a, label, b in given.arrows]
        return sorted(found, key=lambda item: [one["start"] for one in item["spans"]])
    groups = {name: {name} for name in regions}
    for a, _, b in given.arrows:
        joined = groups[a] | groups[b]
        for name in joined:
            groups[name] = joined
    events = list[Extraction]()
    for group in {id(group): group for group in groups.values()}.values():
        roles = {regions[name].label: name for name in group}
        if len(roles) < len(group) or not roles.keys() <= set(ROLES):
            raise Unfit(
                f"an event has a role twice, or none: {', '.join(regions[name].label for name in sorted(group))}"
            )
        events.append({"label": None, "spans": [span(roles[role], role) for role in ROLES if role in roles]})
    return sorted(events, key=lambda item: min(one["start"] for one in item["spans"]))


def patches_of(desk: Desk, given: Given, tool: str) -> list[Patch]:
    """The patches of one person's annotation; with the hash that the row was made with, so that a record that changed since is a conflict.

    Raises:
        Unfit: unknown record, or what it says cannot be taken.
    """
    case = desk.cases.get(given.record_id)
    if case is None:
        raise Unfit("no such record")
    record, changed_since = case.record, record_hash(case.record) != given.base_hash
    if given.decision == "reject":
        fields: dict[str, Any] = {}
    else:
        fields = (
            {}
            if given.regions is None
            else {"extractions": extractions_of(given, task_of(record["subset"], record["task"]).kind)}
        )
        if "extractions" in fields and _same(fields["extractions"], record["extractions"]):
            del fields["extractions"]
        if given.text_label is not None:
            fields["text_label"] = given.text_label
        if given.correction and given.correction != given.text:
            if "extractions" in fields:
                raise Unfit("text and spans are both changed: correct the text first, and the spans in another round")
            fields["text"] = given.correction
    if changed_since:  # a patch for the record that was annotated: a conflict with both versions, never lost
        wanted = {"text": given.text, **fields}
        who: dict[str, Any] = {
            "annotator": given.who,
            "reason": given.comment or REASON.format(tool),
            "seconds": given.seconds,
        }
        return [{**make(record, "edit", {"text": given.text}, wanted, **who), "base_hash": given.base_hash}]
    return decide(
        case,
        fields,
        given.decision or "accept",
        annotator=given.who,
        reason=given.comment or REASON.format(tool),
        seconds=given.seconds,
    )


def _same(ones: Sequence[Extraction], others: Sequence[Extraction]) -> bool:
    """Are they the same extractions, whatever their order?"""
    rest = list(others)
    for one in ones:
        if one not in rest:
            return False
        rest.remove(one)
    return not rest


def _who(value: Any, annotator: str | None, tool: str) -> str:
    """Whose annotation it is: the name given, or the tool's."""
    if annotator:
        return annotator
    if isinstance(value, dict):
        value = value.get("email") or value.get("username") or value.get("id")
    if value in (None, ""):
        raise Unfit("the export does not say who annotated: give --annotator")
    return str(value) if isinstance(value, str) else f"{tool}-{value}"


def _one(classes: Sequence[Any]) -> str:
    """The only class that was chosen, "" where none was.

    Raises:
        Unfit: there are several, and a text has one: which one is meant, nobody can tell.
    """
    if len(chosen := {str(label) for label in classes}) > 1:
        raise Unfit(f"a text has one class, not {', '.join(sorted(chosen))}"[:200])
    return next(iter(chosen), "")


def from_label_studio(row: Any, annotator: str | None) -> Iterator[Given]:
    """The annotations of one task of an export, named JSON or JSON-MIN; cancelled ones are left out."""
    if not isinstance(row, dict):
        raise Unfit("is no task")
    data: dict[str, Any] = row["data"] if isinstance(row.get("data"), dict) else row
    text, record_id = data.get("text"), data.get("record_id")
    if not isinstance(text, str) or not isinstance(record_id, str):
        raise Unfit("has no text or record_id: it was not exported from here")
    annotations = row.get("annotations", row.get("completions"))
    if not isinstance(annotations, list):  # JSON-MIN: one annotation, its results under the names of the configuration
        annotations = [
            {"result": _from_min(row), "completed_by": row.get("annotator"), "lead_time": row.get("lead_time")}
        ]
    for one in annotations:
        if not isinstance(one, dict) or one.get("was_cancelled") or one.get("skipped"):
            continue
        spent = one.get("lead_time")
        given = Given(
            record_id,
            str(data.get("base_hash")),
            _who(one.get("completed_by"), annotator, "label-studio"),
            text,
            regions={},
        )
        given.seconds = round(float(spent), 1) if isinstance(spent, (int, float)) and spent >= 0 else None
        for item in one.get("result") or ():
            _take_result(given, item)
        yield given


def _from_min(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of a row of JSON-MIN, as the full export has them; it has no relations."""
    found = list[dict[str, Any]]()
    for n, value in enumerate(row.get("label") or ()):
        found.append({"id": f"m{n}", "from_name": "label", "type": "labels", "value": value})
    for name in ("class", "decision"):
        chosen = row.get(name)
        choices = chosen.get("choices") if isinstance(chosen, dict) else [chosen] if isinstance(chosen, str) else chosen
        if choices:
            found.append({"from_name": name, "type": "choices", "value": {"choices": choices}})
    if (written := row.get("correction")) is not None:
        found.append({"from_name": "correction", "type": "textarea", "value": {"text": written}})
    return found


def _take_result(given: Given, item: Any) -> None:
    """Adds one result of an annotation; results of other kinds of controls say nothing here."""
    if not isinstance(item, dict):
        raise Unfit("a result is no object")
    value: dict[str, Any] = item["value"] if isinstance(item.get("value"), dict) else {}
    kind = item.get("type")
    assert given.regions is not None
    if kind in ("labels", "hypertextlabels", "paragraphlabels"):
        start, end = value.get("start"), value.get("end")
        if isinstance(offsets := value.get("globalOffsets"), dict):  # of hypertext: start and end are paths there
            start, end = offsets.get("start"), offsets.get("end")
        labels = [label for label in value.get(kind) or value.get("labels") or () if isinstance(label, str)]
        if not labels:
            raise Unfit(f"{value.get('text')!r} has no label"[:120])
        low, high = mended(given.text, start, end, value.get("text"))
        for n, label in enumerate(labels):  # a region of several labels is several annotations
            given.regions[str(item.get("id")) + (f"+{n}" if n else "")] = Region(low, high, label)
    elif kind == "relation":
        a, b = str(item.get("from_id")), str(item.get("to_id"))
        for label in item.get("labels") or [""]:
            given.arrows.append((b, label, a) if item.get("direction") == "left" else (a, label, b))
    elif kind == "choices" and value.get("choices"):
        chosen = _one(value["choices"])
        if item.get("from_name") == "decision":
            given.decision = "reject" if chosen == "reject" else "accept"
        elif item.get("from_name") == "class":
            given.text_label = chosen
    elif kind == "textarea" and item.get("from_name") == "correction":
        written = value.get("text")
        given.correction = "\n".join(written) if isinstance(written, list) else written


def from_doccano(row: Any, annotator: str | None) -> Iterator[Given]:
    """The annotation of one row of doccano's JSONL, with relations or as triples; `record_id` at the top or under `meta`."""
    if not isinstance(row, dict) or not isinstance(text := row.get("text", row.get("data")), str):
        raise Unfit("has no text")
    meta = next((row[key] for key in ("meta", "metadata", "Metadata") if isinstance(row.get(key), dict)), row)
    record_id, base = row.get("record_id", meta.get("record_id")), row.get("base_hash", meta.get("base_hash"))
    if not isinstance(record_id, str):
        raise Unfit("has no record_id: it was not exported from here")
    regions = dict[str, Region]()
    given = Given(record_id, str(base), _who(row.get("annotator"), annotator, "doccano"), text, regions=regions)
    for n, item in enumerate(row.get("entities") or row.get("label") or row.get("labels") or ()):
        if isinstance(item, list) and len(item) == 3:
            item = {"id": f"t{n}", "start_offset": item[0], "end_offset": item[1], "label": item[2]}
        if not isinstance(item, dict) or not isinstance(item.get("label"), str):
            raise Unfit("an entity has no label")
        place = mended(text, item.get("start_offset"), item.get("end_offset"), None)
        regions[str(item.get("id"))] = Region(*place, item["label"])
    for arrow in row.get("relations") or ():
        given.arrows.append((str(arrow.get("from_id")), str(arrow.get("type") or ""), str(arrow.get("to_id"))))
    classes = row.get("cats") or ()
    if isinstance(classes, dict):  # spaCy's: how far each holds
        classes = [label for label, held in classes.items() if held >= 0.5]
    given.text_label = _one([label for label in classes if isinstance(label, str)]) or None
    given.comment = "; ".join(str(one) for one in row.get("Comments") or row.get("comments") or ())
    yield given


def from_argilla(row: Any, annotator: str | None) -> Iterator[Given]:
    """The responses to one record of Argilla, submitted ones alone, by person; both shapes that its client writes."""
    if not isinstance(row, dict) or not isinstance(row.get("fields"), dict):
        raise Unfit("has no fields")
    text, metadata = row["fields"].get("text"), row.get("metadata") or {}
    record_id = metadata.get("record_id", row.get("id", row.get("external_id")))
    if not isinstance(text, str) or not isinstance(record_id, str):
        raise Unfit("has no text or id: it was not exported from here")
    people: dict[str, Given] = {}

    def of(user: Any) -> Given:
        who = _who(user, annotator, "argilla")
        return people.setdefault(who, Given(record_id, str(metadata.get("base_hash")), who, text))

    responses = row.get("responses") or {}
    flat = (
        [(name, one) for name, given in responses.items() for one in given]
        if isinstance(responses, dict)
        else [
            (one.get("question_name"), one)
            if "question_name" in one
            else (name, {**value, **{k: one[k] for k in one if k != "values"}})
            for one in responses
            for name, value in (one.get("values") or {one.get("question_name"): one}).items()
        ]
    )
    for name, one in flat:
        if one.get("status", "submitted") != "submitted":
            continue
        given, value = of(one.get("user_id")), one.get("value")
        if name == "spans":
            places = [(mended(text, s.get("start"), s.get("end"), s.get("text")), s["label"]) for s in value or ()]
            given.regions = {str(n): Region(*place, label) for n, (place, label) in enumerate(places)}
        elif name == "class":
            given.text_label = value
        elif name == "correction":
            given.correction = value
        elif name == "decision":
            given.decision = "reject" if value == "reject" else "accept"
    yield from people.values()


READERS = {"label-studio": from_label_studio, "doccano": from_doccano, "argilla": from_argilla}


def rows_of(path: str | Path) -> list[Any]:
    """The rows of an export: a JSON list, one object, or an object a line."""
    data = read_bytes(path)
    refuse_foreign(Path(path))  # doccano's export is a zip
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            value = [orjson.loads(line) for line in data.splitlines() if line.strip()]
        except orjson.JSONDecodeError as error:
            raise UserError(str(path), f"is neither JSON nor JSON lines: {error}", "export it as JSON") from error
    return value if isinstance(value, list) else [value]


def answers(desk: Desk, path: str | Path, tool: str, annotator: str | None) -> list[Patch]:
    """The patches of an export.

    Raises:
        UserError: rows that cannot be taken, all of them named; then none is.
    """
    made, faults = list[Patch](), list[str]()
    for n, row in enumerate(rows_of(path), 1):
        try:
            for given in READERS[tool](row, annotator):
                made += patches_of(desk, given, tool)
        except (Unfit, UserError, AttributeError, KeyError, TypeError) as error:
            said = str(error) if isinstance(error, (Unfit, UserError)) else f"has another form ({type(error).__name__})"
            faults.append(f"row {n}: {said}")
    if faults:
        raise UserError(
            str(path), f"{len(faults)} rows cannot be taken: " + " | ".join(faults[:5])[:1500], "nothing was written"
        )
    return made
