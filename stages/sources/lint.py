"""Finds the machine-findable faults of texts in the corpus' form, rule by rule; each rule has a code.

    python -m stages.sources.lint data/corpus            # --notes: also what is no fault, and only counted

One finding a line, `FILE: ID: E|W|N code: what`, then counts; exit 1 if there is an error. Where a rule is mistaken about a
text, that is written down with its reason, in `exceptions.yaml` beside the texts (`rule`, `word`, `text` where only one text is
meant, `reason`), or in the text itself: `"lint_ok": ["code"]`. One that excuses from nothing is an error. What is right is
decided in data/corpus/GUIDE.md; the rules are in `stages.sources.lint_rules`.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stages.core.config import parse_yaml
from stages.core.errors import UserError
from stages.core.run import run
from stages.core.schema import schema_faults
from stages.records.record import normalise
from stages.sources.corpus import Text, texts
from stages.sources.lint_rules import (
    RULES,
    WRITTEN,
    Finding,
    Views,
    check_edges,
    check_flat,
    check_relations,
    check_reviews,
    check_text,
    fault,
    spans_of,
)
from stages.sources.places import split_number

EXCEPTIONS = "exceptions.yaml"
Exceptions = list[dict[str, Any]]


def check(text: Text) -> list[Finding]:
    """Every finding about one text, those taken off that it excuses itself from (`lint_ok`)."""
    row, family = text.row, text.family
    found = list(check_text(row, family))
    found += [fault("view", f"{view} is not annotated") for view in WRITTEN[family] if view not in row["views"]]
    built: Views = {lang: {} for lang in row["texts"]}
    for view, items in row["views"].items():
        for lang in row["texts"]:
            try:
                built[lang][view] = [extraction for _, extraction in text.view(view, items, lang)]
            except UserError as error:
                found.append(fault("span", f"{lang} {view} {error.fault}"))
                built[lang][view] = []
        for n, item in enumerate(items):
            if view == "ADJN" and item.get("pos") is None:
                found.append(fault("pos", f"ADJN[{n}] {item.get('ja')!r}"))
            if family == "TCONER" and item["label"] not in text.types:
                found.append(fault("off-list", f"{item['label']} ({item.get('en')})", word=item["label"]))
    for lang in row["texts"]:
        for view, extractions in built[lang].items():
            for _, _, surface, _ in dict.fromkeys(spans_of(extractions)):
                found += check_edges(surface, lang, view)
            if view not in ("RE", "EE"):
                found += check_flat(row, family, view, lang, extractions, row["views"][view])
    if family == "SCPOS":
        found += check_reviews(row, built)
    if family == "TCREE":
        found += check_relations(row, built)
    excused = set(row.get("lint_ok") or [])
    idle = sorted(excused - {finding.code for finding in found})
    found += [fault("stale", f"lint_ok has {code}, which finds nothing here") for code in idle]
    return [finding for finding in dict.fromkeys(found) if finding.code not in excused]


def check_family(texts: Sequence[Text]) -> Iterator[tuple[Text, Finding]]:
    """Findings across texts: the same id or text twice, names with different labels."""
    seen: dict[tuple[str, str], str] = {}
    labels: dict[str, dict[str, list[Text]]] = defaultdict(lambda: defaultdict(list))
    for text in texts:
        keys = [("id", str(text.row["id"])), *((lang, normalise(words)) for lang, words in text.row["texts"].items())]
        for key in keys:
            if key in seen:
                yield text, fault("duplicate", f"{key[0]} as in {seen[key]}")
            seen.setdefault(key, text.place)
        for item in text.row["views"].get("NER", []):
            surface = split_number(str(item.get(text.row["origin"])))[0]
            labels[surface][str(item["label"])].append(text)
    for surface, found in labels.items():
        if len({text.place for own in found.values() for text in own}) > 1 and len(found) > 1:
            ordered = sorted(found.items(), key=lambda item: -len(item[1]))
            said = "; ".join(f"{label} x{len(own)}" for label, own in ordered)
            yield min(found.values(), key=len)[0], fault("two-labels-corpus", f"{surface!r}: {said}", word=surface)


def read_exceptions(folder: Path) -> Exceptions:
    """The exceptions that lie beside the texts, none where there is no file.

    Raises:
        UserError: the file breaks its schema, or names a rule that there is not.
    """
    path = folder / EXCEPTIONS
    if not path.is_file():
        return []
    found: Exceptions = parse_yaml(path.read_text(encoding="utf-8"), str(path))
    for pointer, message in schema_faults(found, "corpus_exceptions"):
        raise UserError(
            f"{path}: {pointer}", message, "each has rule, word and reason, and text where it is of one alone"
        )
    for n, entry in enumerate(found):
        if entry["rule"] not in RULES:
            raise UserError(f"{path}: /{n}", f"there is no rule {entry['rule']!r}", f"one of {', '.join(RULES)}")
    return found


def excuse(found: Sequence[tuple[Text, Finding]], exceptions: Exceptions, place: str) -> list[tuple[str, Finding]]:
    """(place, finding) of what no exception excuses, and of each exception that excuses from nothing."""
    met = set[int]()
    left = []
    for text, finding in found:
        name = f"{text.family}/{text.row['id']}"
        own = {
            n
            for n, entry in enumerate(exceptions)
            if entry["rule"] == finding.code and entry["word"] == finding.word and entry.get("text", name) == name
        }
        met |= own
        if not own:
            left.append((text.place, finding))
    for n, entry in enumerate(exceptions):
        if n not in met:
            said = " ".join(str(entry[key]) for key in ("rule", "text", "word") if key in entry)
            left.append((place, fault("stale", f"{said} excuses from nothing: take it out")))
    return left


def lint(folder: Path) -> tuple[int, list[tuple[str, Finding]]]:
    """How many texts a folder has, and every finding about them with its place."""
    exceptions = read_exceptions(folder)
    by_family: dict[str, list[Text]] = {}
    found: list[tuple[Text, Finding]] = []
    for text in texts(folder):
        by_family.setdefault(text.family, []).append(text)
        found += [(text, finding) for finding in check(text)]
    for own in by_family.values():
        found += check_family(own)
    return sum(map(len, by_family.values())), excuse(found, exceptions, str(folder / EXCEPTIONS))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m stages.sources.lint", description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="of the corpus' form: <family>.jsonl and types.json")
    parser.add_argument("--quiet", action="store_true", help="errors and counts only")
    parser.add_argument("--notes", action="store_true", help="also what is no fault, and else only counted")
    options = parser.parse_args(arguments)
    number, found = lint(Path(options.folder))
    shown = "E" if options.quiet else "EWN" if options.notes else "EW"
    for place, finding in found:
        if finding.level in shown:
            print(f"{place}: {finding}")
    levels = Counter(finding.level for _, finding in found)
    count = Counter(f"{finding.level} {finding.code}" for _, finding in found)
    print(
        f"{number} texts, {levels['E']} errors, {levels['W']} warnings, {levels['N']} notes",
        dict(sorted(count.items())),
    )
    return 1 if levels["E"] else 0


if __name__ == "__main__":
    run(main)
