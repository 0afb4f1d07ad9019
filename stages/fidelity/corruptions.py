"""Wrong but fluent translations, made from the true references: what the checks of `stages.checks` must find.

Eight kinds: a `name`, one part of a name (`name_part`) or a `number` replaced, a span's `offsets` wrong, a `label` on another phrase, `residue` of the source
language, a `negation` dropped, a `clause` lost. What is changed in the text is changed in the spans too, with offsets
right, so that each corrupted record is a valid record but for what its kind breaks (only the variant `shift` of `offsets`
breaks validity). The word lists stand in `words.yaml`. Nothing here knows the checks, nor they this.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.files import dumps
from stages.fidelity.edits import Choice, Pair, slots
from stages.fidelity.losses import clause, negation, residue
from stages.fidelity.spans import label, offsets
from stages.fidelity.values import name, name_part, number
from stages.records.record import Record, with_lang
from stages.records.tasks import subset

PER_RECORD = 8  # choices kept of a record and kind: enough for the smallest language, without one record ruling


HELD_OUT = "heldout"  # the source of the records that the checks were not tuned on


@dataclass(frozen=True)
class Corruption:
    """A true reference made wrong; `what` says how, for people."""

    kind: str
    what: str
    source: Record
    reference: Record
    record: Record


def genre(record: Record) -> str:
    """What kind of text a record is of: `railways` of data/fidelity/genres, which its id names, else its sub-dataset."""
    name: str = record["id"].split("/")[3].rpartition("-")[0]
    return name or record["subset"].partition("-")[0]


def half(record: Record) -> int:
    """0: it is for tuning the checks, 1: held out, written later and by others (`data/fidelity/`)."""
    return int(record["source"] == HELD_OUT)


KINDS: dict[str, Callable[[Pair, random.Random], Iterator[Choice]]] = {
    "name": name,
    "name_part": name_part,
    "number": number,
    "offsets": offsets,
    "label": label,
    "residue": residue,
    "negation": negation,
    "clause": clause,
}


def pairs(references: Sequence[Record], sources: Sequence[Record]) -> list[Pair]:
    """Each reference that has a source record, with it, sorted by id."""
    by_id = {record["id"]: record for record in sources}
    views: dict[tuple[str, str], list[Record]] = defaultdict(list)
    joined = []
    for reference in sorted(references, key=lambda record: str(record["id"])):
        views[reference["group"], reference["lang"]].append(reference)
        source = by_id.get(with_lang(reference["id"], subset(reference["subset"]).source_lang))
        if source is not None:
            joined.append((source, reference))
    same = _same_label(joined)
    return [
        Pair(source, reference, views[reference["group"], reference["lang"]], _aligned(source, reference, same))
        for source, reference in joined
    ]


Slot = tuple[str, str, str | None, str | None, int]  # task, language, label, role, which span of its extraction


def _by_slot(record: Record) -> dict[Slot, list[tuple[int, int]]]:
    found: dict[Slot, list[tuple[int, int]]] = defaultdict(list)
    for n, k in slots(record):
        item = record["extractions"][n]
        role = item["spans"][k].get("role")
        found[record["task"], record["lang"], item["label"], role, 0 if role else k].append((n, k))
    return found


def _same_label(joined: Sequence[tuple[Record, Record]]) -> dict[tuple[Slot, str], Slot]:
    """For a slot of the source language, and a target language, the slot that is filled just as often in every record.

    Labels are open in some sub-datasets, so no table says which is which; slots that no record tells apart are left out.
    """
    counts: dict[tuple[Slot, str], dict[str, int]] = defaultdict(dict)
    for source, reference in joined:
        for record in (source, reference):
            for slot, places in _by_slot(record).items():
                counts[slot, reference["lang"]][with_lang(record["id"], "")] = len(places)
    alike: dict[tuple[Any, ...], list[tuple[Slot, str]]] = defaultdict(list)
    for key, by_record in counts.items():
        alike[key[0][0], key[1], tuple(sorted(by_record.items()))].append(key)
    found = {}
    for one, two in (keys for keys in alike.values() if len(keys) == 2):
        if one[0][1] != two[0][1]:
            origin, target = (two, one) if one[0][1] == one[1] else (one, two)
            found[origin] = target[0]
    return found


def _aligned(source: Record, target: Record, same: dict[tuple[Slot, str], Slot]) -> list[tuple[str, int, int]]:
    """The spans of slots that are filled once on each side: there is no doubt what translates what."""
    theirs = _by_slot(target)
    return [
        (source["extractions"][places[0][0]]["spans"][places[0][1]]["text"], *theirs[same[slot, target["lang"]]][0])
        for slot, places in _by_slot(source).items()
        if len(places) == 1 and (slot, target["lang"]) in same
    ]


def corruptions(joined: Sequence[Pair], seed: int, limit: int) -> list[Corruption]:
    """At most `limit` of each kind, target language and half, drawn over the records in turn; no text-and-spans twice.

    The order is by kind, then as drawn; the same pairs and seed give the same list.
    """
    result = []
    for kind, make in KINDS.items():
        turns: dict[tuple[str, int], list[list[Corruption]]] = defaultdict(list)
        for pair in joined:
            reference = pair.reference
            own: list[Corruption] = []
            seen = {dumps([reference["text"], reference["extractions"]])}
            for what, record in make(pair, random.Random(f"{seed}:{kind}:{reference['id']}")):
                key = dumps([record["text"], record["extractions"]])
                if key not in seen:
                    seen.add(key)
                    own.append(Corruption(kind, what, pair.source, reference, record))
                if len(own) == PER_RECORD:
                    break
            turns[reference["lang"], half(reference)].append(own)
        for _, columns in sorted(turns.items()):
            rows = [column[n] for n in range(PER_RECORD) for column in columns if n < len(column)]
            result += rows[:limit]
    return result
