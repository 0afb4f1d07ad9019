"""What a reviewer looks at, and in which order: the quarantine, and a seeded sample of what the filter kept.

The riskiest come first: what the checks saw most of, then what the projection of spans had to mend most in. In blind mode the order is drawn, since it would tell
what the checks said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from stages import checks
from stages.checks import CHECKS
from stages.checks.finding import Finding
from stages.core.config import Seed
from stages.core.files import read_json
from stages.records.record import Record, unaligned
from stages.records.tasks import subset

Stratum = Literal["lang", "subset", "task", "source"]


@dataclass(frozen=True)
class Review:
    """Section `review`: how many kept records are shown besides the quarantine, and from which strata they are drawn."""

    sample: Annotated[int, Field(ge=0)]
    strata: list[Stratum]
    seed: Seed


def rank(seed: int, name: str) -> str:
    """A draw that depends on the seed and the name alone."""
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def sample(records: Iterable[Record], options: Review) -> list[str]:
    """The ids of so many records: one of each stratum in turn, in an order that the seed decides."""
    strata: dict[tuple[str, ...], list[str]] = {}
    for record in sorted(records, key=lambda record: rank(options.seed, record["id"])):
        strata.setdefault(tuple(record[key] for key in options.strata), []).append(record["id"])
    turns = sorted((turn, key) for key, own in strata.items() for turn in range(len(own)))
    return [strata[key][turn] for turn, key in turns[: options.sample]]


@cache
def words() -> dict[str, str]:
    """What each reason code means, for people."""
    found: dict[str, str] = read_json(Path(__file__).with_name("findings.json"))
    return found


def in_words(code: str) -> str:
    """A reason code for people; one that has no words yet is itself."""
    return words().get(code, code.replace("_", " "))


def findings(source: Record | None, target: Record) -> list[Finding]:
    """What every check says of a translation, whether the filter asks it or not, and its spans without a place."""
    lost = [Finding("unaligned", what=part) for part in unaligned(target)]
    if source is None or not target["text"]:
        return lost
    found = checks.findings(source, target, list(CHECKS))
    return lost + [finding for name in CHECKS for finding in found[name]]


def queue(
    originals: dict[str, Record],
    sources: dict[str, Record],
    reasons: dict[str, list[str]],
    warnings: dict[str, list[str]],
    mended: dict[str, int],
    options: Review,
    blind: bool = False,
) -> list[str]:
    """The ids to review: quarantined ones by the number of reasons, then the sample by that of `warnings`, and by how much of each
    was `mended`."""
    kept = [record for name, record in originals.items() if name in sources and name not in reasons]
    drawn = sample(kept, options)
    if blind:
        return sorted([*reasons, *drawn], key=lambda name: rank(options.seed, name))
    found = {name: (1, len(codes)) for name, codes in reasons.items()}
    found |= {name: (0, len(warnings.get(name, ()))) for name in drawn}
    risk = {name: (*counts, mended.get(name, 0)) for name, counts in found.items()}
    return sorted(risk, key=lambda name: (*(-one for one in risk[name]), name))


def partners(source: Record, target: Record) -> list[tuple[int, int]]:
    """Which extraction of the source is which of the translation, by number: of equal labels the nth is the nth.

    Labels of a closed table are compared across languages; open ones and events, which have none, go by their order where
    there are as many.
    """
    ours, theirs, table = source["extractions"], target["extractions"], subset(source["subset"])
    in_order = [(n, n) for n in range(len(ours))] if len(ours) == len(theirs) else []
    labels = table.word_labels[source["task"]]
    if not labels:
        return in_order
    row, other = labels[source["lang"]], labels[target["lang"]]
    if in_order and all(row.index(ours[n]["label"]) == other.index(theirs[n]["label"]) for n, _ in in_order):
        return in_order
    taken, found = set[int](), list[tuple[int, int]]()
    for n, item in enumerate(ours):
        label = other[row.index(item["label"])]
        match = next((k for k, own in enumerate(theirs) if own["label"] == label and k not in taken), None)
        if match is not None:
            taken.add(match)
            found.append((n, match))
    return found


def known_labels(records: Iterable[Record], name: str, task: str, lang: str, most: int = 12) -> list[str]:
    """The labels of a task in a language: its table's, or the most frequent open ones of these records."""
    table = subset(name).word_labels[task]
    if table is not None:
        return list(table.get(lang, ()))
    counts: dict[str, int] = {}
    for record in records:
        if (record["subset"], record["task"], record["lang"]) == (name, task, lang):
            for item in record["extractions"]:
                counts[item["label"]] = counts.get(item["label"], 0) + 1
    return sorted(counts, key=lambda label: (-counts[label], label))[:most]


def matching(names: Sequence[str], rows: dict[str, dict[str, Any]], wanted: dict[str, str]) -> list[str]:
    """The ids whose row answers every filter: lang, subset, reason, annotator, state, and text anywhere in it."""
    text = wanted.get("text", "").casefold()

    exact = [(key, wanted[key]) for key in ("lang", "subset", "state") if wanted.get(key)]
    if not exact and not text and not wanted.get("reason") and not wanted.get("annotator"):
        return list(names)

    def answers(row: dict[str, Any]) -> bool:
        return (
            all(row[key] == value for key, value in exact)
            and wanted.get("reason", "") in ("", *row["reasons"])
            and wanted.get("annotator", "") in ("", *(row["deciders"] or ["nobody"]))
            and (not text or text in row["words"])
        )

    return [name for name in names if answers(rows[name])]
