"""The part of the report that says where the errors are, from `metrics/errors.json` and the list of the worst records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

Metrics = dict[str, Any]
BOUNDARY = ("too_long", "too_short", "overlap")
GOLD = ("right", "word_label", *BOUNDARY, "format", "missing")  # what becomes of an extraction of gold
PREDICTED = ("right", "word_label", *BOUNDARY, "grounding", "spurious")
CONFUSIONS, LOST_LABELS, WORST, WIDTH = 3, 15, 6, 80  # shown: a cell, in all, in all, characters


def plain(text: str, width: int = WIDTH) -> str:
    """A piece of data as it can stand in a Markdown table: on one line, cut, as code."""
    line = " ".join(text.split()).replace("`", "'")
    line = line if len(line) <= width else line[: width - 1] + "…"
    return f"`{line}`".replace("|", "\\|") if line else ""


def by_cell(rows: Sequence[Metrics]) -> dict[tuple[str, str], list[Metrics]]:
    """Rows by (language, sub-dataset), in their order."""
    cells: dict[tuple[str, str], list[Metrics]] = {}
    for row in rows:
        cells.setdefault((row["lang"], row["subset"]), []).append(row)
    return cells


def extractions_table(errors: Metrics) -> pd.DataFrame:
    """One row a cell and one for all: gold and predicted extractions and the classes that they fall in."""
    rows, total = [], Counter[str]()
    for (lang, name), own in by_cell(errors["words"]).items():
        n = Counter[str]()
        for row in own:
            n[row["kind"]] += row["n"]
        total += n
        rows.append((lang, name, n))
    return pd.DataFrame(
        [
            {
                "lang": lang,
                "sub-dataset": name,
                "gold": sum(n[kind] for kind in GOLD),
                "predicted": sum(n[kind] for kind in PREDICTED),
                "right": n["right"],
                "word label": n["word_label"],
                "too long / too short / overlap": " / ".join(str(n[kind]) for kind in BOUNDARY),
                "format": n["format"],
                "missing": n["missing"],
                "grounding": n["grounding"],
                "spurious": n["spurious"],
                "unreadable": n["unreadable"],
            }
            for lang, name, n in [*rows, ("all", "", total)]
        ]
    )


def text_labels_table(errors: Metrics) -> pd.DataFrame:
    """One row a cell: what became of the text labels, and the commonest confusions."""
    rows = []
    for (lang, name), own in by_cell(errors["text"]).items():
        n = Counter[str]()
        for row in own:
            n[row["kind"]] += row["n"]
        wrong = sorted((row for row in own if row["kind"] == "wrong"), key=lambda row: -row["n"])
        told = ", ".join(f"{row['actual']} → {row['predicted']} {row['n']}" for row in wrong[:CONFUSIONS])
        counts = {kind: n[kind] for kind in ("right", "wrong", "unknown", "missing", "unasked")}
        rows.append({"lang": lang, "sub-dataset": name, **counts, "most confused (gold → predicted)": told})
    return pd.DataFrame(rows)


def training_table(errors: Metrics) -> pd.DataFrame:
    """One row a cell: of the extractions of gold, how many were found, by what training had seen."""
    titles = {"seen": "seen", "other_label": "under another label", "unseen": "unseen"}
    return pd.DataFrame(
        [
            {
                "lang": lang,
                "sub-dataset": name,
                **{titles[row["familiarity"]]: f"{row['right']} of {row['gold']}" for row in own},
            }
            for (lang, name), own in by_cell(errors["training"]).items()
        ]
    )


def lost_labels_table(errors: Metrics) -> pd.DataFrame:
    """The word labels of which most extractions of gold were not found, and what most became of these."""
    found: dict[tuple[str, str, str], Counter[str]] = {}
    for row in errors["words"]:
        if row["kind"] in GOLD:
            found.setdefault((row["lang"], row["subset"], row["label"]), Counter())[row["kind"]] += row["n"]
    order = sorted(found.items(), key=lambda item: (item[1]["right"] - item[1].total(), item[0]))
    rows = []
    for (lang, name, label), n in order[:LOST_LABELS]:
        fate = ", ".join(f"{kind.replace('_', ' ')} {n[kind]}" for kind in GOLD[1:] if n[kind])
        row = {"lang": lang, "sub-dataset": name, "label": plain(label), "gold": n.total(), "right": n["right"]}
        rows.append({**row, "the others": fate})
    return pd.DataFrame(rows)


def worst_table(worst: Sequence[Metrics]) -> pd.DataFrame:
    """The records with most errors over all cells, one of a group."""
    rows, groups = list[Metrics](), set[str]()
    for row in sorted(worst, key=lambda row: (-row["errors"], row["id"])):
        if row["group"] not in groups and len(rows) < WORST:
            groups.add(row["group"])
            kinds = ", ".join(f"{kind.replace('_', ' ')} {n}" for kind, n in row["kinds"].items())
            said = "no output" if row["output"] is None else plain(row["output"])
            rows.append({"record": row["id"], "errors": kinds, "gold": plain(row["gold"]), "output": said})
    return pd.DataFrame(rows)
