"""Figures of texts in the corpus' form for their data statement: cells, lengths, labels, types, genres, agreement."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from stages.core.files import read_json
from stages.records.record import Record
from stages.sources.corpus import Text, texts
from stages.sources.lint import lint

LANGUAGES = ("ja", "en", "zh")
CORPUS, SECOND = Path("data/corpus"), Path("data/second")
SHOWN = 15  # types in a table; the others are counted
WORDS = {"ja": "characters", "en": "words", "zh": "characters"}


@cache
def _read(folder: Path) -> tuple[Text, ...]:
    return tuple(texts(folder))


@cache
def _records(folder: Path) -> tuple[Record, ...]:
    return tuple(record for text in _read(folder) for record in text.records("corpus", LANGUAGES, "train"))


def _size(text: str, lang: str) -> int:
    return len(text.split()) if lang == "en" else len(text)


def _families(folder: Path) -> Iterator[tuple[str, list[Text]]]:
    found: dict[str, list[Text]] = defaultdict(list)
    for text in _read(folder):
        found[text.family].append(text)
    yield from found.items()


def cells(folder: Path = CORPUS) -> pd.DataFrame:
    """A row a sub-dataset and task: records in each language, records without an extraction, extractions."""
    rows = []
    keys = dict.fromkeys((record["subset"], record["task"]) for record in _records(folder))
    for subset, task in keys:
        own = [r for r in _records(folder) if (r["subset"], r["task"]) == (subset, task)]
        row: dict[str, Any] = {"sub-dataset": subset, "task": task}
        row |= {lang: sum(r["lang"] == lang for r in own) for lang in LANGUAGES}
        first = [r for r in own if r["lang"] == LANGUAGES[0]]
        row |= {"with nothing to extract": sum(not r["extractions"] for r in first)}
        row |= {"extractions a language": sum(len(r["extractions"]) for r in first)}
        rows.append(row)
    return pd.DataFrame(rows)


def lengths(folder: Path = CORPUS) -> pd.DataFrame:
    """A row a family: texts, and of each language the shortest, the median and the longest text."""
    return pd.DataFrame(
        {
            "family": family,
            "texts": len(own),
            "written in": ", ".join(sorted({text.row["origin"] for text in own})),
            **{
                f"{lang} ({WORDS[lang]})": _spread([_size(t.row["texts"][lang], lang) for t in own])
                for lang in LANGUAGES
            },
        }
        for family, own in _families(folder)
    )


def _spread(sizes: Sequence[int]) -> str:
    return f"{min(sizes)} – {median(sizes):g} – {max(sizes)}"


def labels(folder: Path = CORPUS) -> pd.DataFrame:
    """A row a family: its text labels with their texts, and the most over the fewest."""
    rows = []
    for family, own in _families(folder):
        counts = Counter(text.row["text_label"] for text in own)
        told = ", ".join(f"{label} {n}" for label, n in counts.most_common())
        rows.append({"family": family, "texts of each label": told, "most / fewest": f"{_ratio(counts):.2f}"})
    return pd.DataFrame(rows)


def _ratio(counts: Counter[str]) -> float:
    return max(counts.values()) / min(counts.values())


def word_labels(folder: Path = CORPUS) -> pd.DataFrame:
    """A row a task with a closed list: how often each label was given."""
    rows = []
    for family, own in _families(folder):
        for task in dict.fromkeys(task for text in own for task in text.row["views"]):
            counts = Counter(
                item["label"] for text in own for item in text.row["views"].get(task, []) if "label" in item
            )
            if counts and family != "TCONER":
                told = ", ".join(f"{label} {n}" for label, n in counts.most_common())
                rows.append({"family": family, "task": task, "annotations of each label": told})
    return pd.DataFrame(rows)


def types(folder: Path = CORPUS) -> str:
    """How often open types were given: how many of the recommended list, those given most, and what is off it."""
    own = [text for text in _read(folder) if text.family == "TCONER"]
    counts = Counter(str(item["label"]) for text in own for item in text.row["views"]["NER"])
    known = own[0].types if own else {}
    off = Counter({label: n for label, n in counts.items() if label not in known})
    most = ", ".join(f"{label} {n}" for label, n in counts.most_common(SHOWN))
    few = sum(1 for label, n in counts.items() if label in known and n < 5)
    return (
        f"{counts.total()} mentions of {len(counts)} types: {len(counts) - len(off)} of the {len(known)} of the list, "
        f"{few} of these fewer than 5 times; off the list {off.total()} mentions of {len(off)} types "
        f"({', '.join(f'{label} {n}' for label, n in off.most_common()) or 'none'}). Most frequent: {most}."
    )


def genres(folder: Path = CORPUS) -> pd.DataFrame:
    """A row a family: texts by genre, those without one told."""
    rows = []
    for family, own in _families(folder):
        counts = Counter(text.row["genre"] or "not recorded" for text in own)
        rows.append({"family": family, "genres": ", ".join(f"{genre} {n}" for genre, n in counts.most_common())})
    return pd.DataFrame(rows)


def agreement() -> pd.DataFrame:
    """A row a sub-dataset and task, of metrics/agreement.json: kappa of text labels, F1 of spans by language."""
    pair = read_json("metrics/agreement.json")["pairs"][0]
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for cell in pair["cells"]:
        subset, task = cell["subset"], cell["task"]
        kappa = pair["text"].get(subset.split("-")[0], pair["text"].get(subset))
        row = rows.setdefault((subset, task), {"sub-dataset": subset, "task": task, "texts": cell["records"]})
        row["kappa, text labels"] = _bounds(kappa["kappa"]) if kappa else ""
        row[f"strict F1 {cell['lang']}"] = _bounds(cell["strict_f1"])
    return pd.DataFrame(list(rows.values()))


def _bounds(figure: dict[str, float]) -> str:
    return f"{figure['value']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def linted(folder: Path = CORPUS) -> str:
    """What the linter says, in a sentence."""
    number, found = lint(folder)
    levels = Counter(finding.level for _, finding in found)
    notes = Counter(finding.code for _, finding in found if finding.level == "N")
    told = ", ".join(f"{code} {n}" for code, n in sorted(notes.items()))
    return f"The linter reads {number} texts: {levels['E']} errors, {levels['W']} warnings, notes: {told or 'none'}."
