"""The rows of the page's browser: one a record, with all that is known of it, in short keys since there are thousands."""

from __future__ import annotations

from collections import Counter
from typing import Any

from stages import checks
from stages.checks import CHECKS, Checks
from stages.records.linear import split_input
from stages.records.record import Extraction, Record, with_lang
from stages.records.tasks import subset
from stages.report.artifacts import Artifacts
from stages.scoring.score import judge, parse_output, read_gold

Row = dict[str, Any]


def extractions(items: list[Extraction]) -> list[Any]:
    """[label, [[start or null, text, role]]] of each."""
    return [
        [item["label"], [[span["start"], span["text"], span.get("role", "")] for span in item["spans"]]]
        for item in items
    ]


def body(record: Record) -> Row:
    """Text, text label and extractions of a record."""
    return {"x": record["text"], "b": record["text_label"], "e": extractions(record["extractions"])}


def prediction(example: Record, output: str, finished: bool) -> Row:
    """A prediction beside its gold: the two text labels, each extraction with whether it is right, defects, exactness.

    `g` and `p` are [fields, found on the other side]; the text is that of the example.
    """
    gold = read_gold(example, example["id"])
    label, said, _ = parse_output(output, gold.spec)
    judged = judge(gold, output, finished)

    def marked(own: list[tuple[str, ...]], other: list[tuple[str, ...]]) -> list[Any]:
        left, result = Counter(other), []
        for fields in own:
            result.append([list(fields), int(left[fields] > 0)])
            left[fields] -= 1
        return result

    return {
        "o": output,
        "l": [gold.label, label],
        "g": marked(gold.extractions, said),
        "p": marked(said, gold.extractions),
        "d": sorted(judged.defects),
        "a": judged.counts.exact,
        "x": split_input(example["input"])[0],
    }


def source_id(identifier: str, found: Artifacts) -> str | None:
    """The record that another is a translation of; None where there is none."""
    line = found.ledger.get(identifier) or found.translated.get(identifier)
    if line:
        return str(line["source_id"])
    subset_name = identifier.split("/", 1)[0]
    other = with_lang(identifier, subset(subset_name).source_lang)
    return other if other in found.sources and other != identifier else None


def evidence(source: Record, target: Record, switches: Checks) -> list[Any]:
    """[code, place in source, place in target, words, strength] of each finding of the enabled checks."""
    on = [name for name in CHECKS if getattr(switches, name)]
    return [
        [item.code, item.source, item.target, item.what, round(item.strength, 3)]
        for items in checks.findings(source, target, on).values()
        for item in items
    ]


def rows(found: Artifacts, switches: Checks) -> list[Row]:
    """Every record, sorted by id: translations first, then sources, then natural records.

    Kinds: translation, source, reference (a hand-made translation where no machine made one), natural.
    """
    part_of = {id_: part for part in ("train", "test", "test_translated") for id_ in found.parts.get(part, {})}
    result = []
    machine = found.translated.keys() | found.ledger.keys()
    kinds = (
        ("translation", sorted(machine | (found.references.keys() - found.sources.keys()))),
        ("source", sorted(found.sources)),
        ("natural", sorted(found.natural)),
    )
    for kind, ids in kinds:
        for id_ in ids:
            line, made = found.ledger.get(id_), found.translated.get(id_)
            if kind == "translation":
                record = found.calibrated.get(id_) or (made and made["record"])
                own = "translation" if made or line else "reference"
            else:
                record, own = (found.sources if kind == "source" else found.natural)[id_], kind
            corrected = None
            if (
                kind == "translation"
                and made
                and made["record"]
                and record
                and record["text"] != made["record"]["text"]
            ):
                # What the checks found has its places in the machine's words: these are shown, and a person's beside them.
                record, corrected = made["record"], record
            subset, task, _ = id_.split("/", 2)
            row: Row = {"i": id_, "l": id_.rpartition("/")[2], "u": subset, "t": task, "k": own}
            row |= body(record) if record else {}
            if corrected:
                row["q"] = body(corrected)
            if line:
                row |= {"f": line["outcome"], "r": line["reasons"], "w": line["model"], "st": line["steps"]}
            if made and made["failure"]:
                row["w"] = made["failure"]
            if own in ("translation", "reference") and (origin := source_id(id_, found)):
                row["s"] = origin
            if made and made["record"] and row.get("s") in found.sources:
                row["n"] = evidence(found.sources[row["s"]], made["record"], switches)
            if own in ("translation", "reference") and id_ in found.references:
                row["h"] = body(found.references[id_])
            if id_ in part_of:
                row["m"] = [part for part, own_ids in found.parts.items() if id_ in own_ids]
            if id_ in found.patched:
                row["c"] = [f"{item['op']}: {item['outcome']}" for item in found.patched[id_]]
            mark = found.reading.get(id_)
            if mark and made and made["record"] and mark["text"] == made["record"]["text"]:
                row["v"] = [mark["adequate"], mark.get("reason") or ""]
            for part, key in (("test", "g"), ("test_translated", "gt")):
                if id_ in found.parts.get(part, {}) and id_ in found.predictions.get(part, {}):
                    row[key] = prediction(found.parts[part][id_], *found.predictions[part][id_])
            result.append(row)
    return result
