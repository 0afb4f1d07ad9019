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


def translation_row(id_: str, found: Artifacts, switches: Checks) -> Row:
    """What is known of a translation besides its use in the mix, or of a reference, its kind where no machine made one.

    What the checks found has its places in the machine's words: these are shown, and a person's, `q`, beside them.
    """
    line, made = found.ledger.get(id_), found.translated.get(id_)
    said = made["record"] if made else None
    final = found.calibrated.get(id_) or said
    row: Row = {"k": "translation" if made or line else "reference"}
    if final and said and final["text"] != said["text"]:
        row |= {**body(said), "q": body(final)}
    elif final:
        row |= body(final)
    if line:
        row |= {"f": line["outcome"], "r": line["reasons"], "w": line["model"], "st": line["steps"]}
    if made and made["failure"]:
        row["w"] = made["failure"]
    if origin := source_id(id_, found):
        row["s"] = origin
        if said and origin in found.sources:
            row["n"] = evidence(found.sources[origin], said, switches)
    if id_ in found.references:
        row["h"] = body(found.references[id_])
    return row


def reading(id_: str, found: Artifacts) -> list[Any] | None:
    """[adequate, why not] as a reader marked the machine's words; None where nobody read them as they are."""
    mark, made = found.reading.get(id_), found.translated.get(id_)
    said = made["record"] if made else None
    return [mark["adequate"], mark.get("reason") or ""] if mark and said and mark["text"] == said["text"] else None


def rows(found: Artifacts, switches: Checks) -> list[Row]:
    """Every record, sorted by id: translations first, then sources, then natural records.

    Kinds: translation, source, reference (a hand-made translation where no machine made one), natural.
    """
    part_of = {id_: part for part in ("train", "test", "test_translated") for id_ in found.parts.get(part, {})}
    translations = found.translated.keys() | found.ledger.keys() | (found.references.keys() - found.sources.keys())
    told = [
        *((id_, translation_row(id_, found, switches)) for id_ in sorted(translations)),
        *((id_, {"k": "source", **body(record)}) for id_, record in sorted(found.sources.items())),
        *((id_, {"k": "natural", **body(record)}) for id_, record in sorted(found.natural.items())),
    ]
    result = []
    for id_, own in told:
        name, task, _ = id_.split("/", 2)
        row: Row = {"i": id_, "l": id_.rpartition("/")[2], "u": name, "t": task, **own}
        if id_ in part_of:
            row["m"] = [part for part, ids in found.parts.items() if id_ in ids]
        if id_ in found.patched:
            row["c"] = [f"{item['op']}: {item['outcome']}" for item in found.patched[id_]]
        if read := reading(id_, found):
            row["v"] = read
        for part, key in (("test", "g"), ("test_translated", "gt")):
            if id_ in found.parts.get(part, {}) and id_ in found.predictions.get(part, {}):
                row[key] = prediction(found.parts[part][id_], *found.predictions[part][id_])
        result.append(row)
    return result
