"""What became of the records, for the page: the flows of the picture, and the curve of retention against quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from stages.core.config import Languages
from stages.records.linear import split_input
from stages.report.artifacts import Artifacts
from stages.report.sankey import Flow
from stages.report.translation_quality import Measured, measure, summary
from stages.scoring.bootstrap import collect, draws, span

COLUMNS = (
    ("Sources", (("source", "to translate"), ("own", "source texts"), ("reference", "hand-made"), ("natural", "natural"))),
    ("Translation", (("answered", "translated"), ("no_answer", "no answer"))),
    ("Filter", (("kept", "kept"), ("repaired", "repaired"), ("quarantined", "quarantined"))),
    ("Calibration", (("as_is", "as it was"), ("patched", "patched"), ("rejected", "rejected"))),
    ("Mix", (("unused", "not in the mix"), ("test_translated", "test, translated"), ("test", "test, frozen"), ("train", "train"))),
)  # fmt: skip


def text_of(example: dict[str, Any]) -> str:
    """The text of an example; of the views that give a level with it, the level too."""
    return split_input(example["input"])[0]


def flows(found: Artifacts) -> Counter[Flow]:
    """Records by (from, to, language) of `COLUMNS`."""
    result: Counter[Flow] = Counter()
    mixed = any(found.parts.values())
    from_machine: dict[str, str] = {}
    for part, examples in found.parts.items():
        for id_, example in examples.items():
            reference = found.references.get(id_)
            if id_ in found.natural:
                origin = "natural"
            elif id_ in found.sources:
                origin = "own"
            elif part != "test_translated" and reference and text_of(example).startswith(reference["text"]):
                origin = "reference"
            else:
                from_machine[id_] = part
                continue
            result[origin, part, example["lang"]] += 1
    for id_, line in found.ledger.items():
        lang = line["lang"]
        if any(reason.startswith("no_answer") for reason in line["reasons"]):
            result["source", "no_answer", lang] += 1
            continue
        result["source", "answered", lang] += 1
        result["answered", line["outcome"], lang] += 1
        patched = any(item["outcome"] == "applied" for item in found.patched.get(id_, []))
        if id_ in found.calibrated:  # a person may have put back what was quarantined
            state = "patched" if patched else "as_is"
            result[line["outcome"], state, lang] += 1
            if mixed:
                result[state, from_machine.get(id_, "unused"), lang] += 1
        elif line["outcome"] != "quarantined" and found.calibrated:
            result[line["outcome"], "rejected", lang] += 1
    return result


def retention(found: Artifacts, resamples: int, seed: int) -> dict[str, Any] | None:
    """{kept, source, percent, low, high}: the share of translated records kept, texts drawn together."""
    if not found.ledger:
        return None
    rows = []
    for line in found.ledger.values():
        source = found.sources.get(line["source_id"])
        group = source["group"] if source else line["source_id"]
        rows.append((group, (line["lang"], line["subset"]), (int(line["outcome"] != "quarantined"),)))
    table = collect(rows)
    sums = draws(table, resamples, seed).sum(axis=1)
    kept, n = sum(added for _, _, (added,) in rows), len(rows)
    bounds = span(100 * sums[:, 0] / sums[:, 1], table.groups)
    return {"kept": kept, "source": n, "percent": round(100 * kept / n, 1), **bounds}


def filter_curve(found: Artifacts, languages: Languages) -> list[dict[str, Any]]:
    """What is kept against what references say of it: a point for each rule alone, and for all of them one after the other.

    Rows {path, rule, lang, kept, chrf, span_f1}, `kept` in percent of the answered records that have a reference. The path
    `one by one` adds the rule next that refuses most, so that its points make a curve from all records to what the filter
    keeps.
    """
    rows = []
    for lang in languages:
        own = [
            (set(line["reasons"]), measure(made["record"], reference))
            for id_, line in found.ledger.items()
            if line["lang"] == lang
            and (made := found.translated.get(id_))
            and made["record"]
            and (reference := found.references.get(id_))
        ]
        if not own:
            continue
        rules = Counter(rule for reasons, _ in own for rule in reasons)
        rows.append(point("one by one", "none", lang, own, set()))
        rows += [point("alone", rule, lang, own, {rule}) for rule in sorted(rules)]
        refused: set[str] = set()
        while left := Counter(rule for reasons, _ in own if not reasons & refused for rule in reasons):
            rule = max(sorted(left), key=lambda name: left[name])
            refused.add(rule)
            rows.append(point("one by one", rule, lang, own, refused))
    return rows


def point(
    path: str, rule: str, lang: str, own: Sequence[tuple[set[str], Measured]], refused: set[str]
) -> dict[str, Any]:
    """One point of the curve: what is left when these rules refuse."""
    left = [measured for reasons, measured in own if not reasons & refused]
    found = summary(left)
    return {
        "path": path,
        "rule": rule,
        "lang": lang,
        "kept": round(100 * len(left) / len(own), 2),
        "records": len(left),
        "chrf": found.get("chrf"),
        "span_f1": found.get("span_f1"),
    }
