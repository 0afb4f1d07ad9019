"""Texts of this project that are natural in every language, annotated once for all: the corpus, `data/corpus/`, which trains,
and the second frozen test set, `data/second/`, which trains nothing.

`<family>.jsonl` has one text a line (schema `corpus`; data/corpus/GUIDE.md, section 6): its words in each language, and for
each annotation its words in each of them. Labels are those of the language of origin; the other languages' come from the
label tables, those of open types from `types.json` or from the annotation's own `label_<lang>`. Extractions are in the order of
each text. Nothing of it is translated or is a reference of a translation: `natural` gives its records in all languages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from stages.core.errors import UserError
from stages.core.files import sha256_file
from stages.core.schema import read_checked, read_checked_json
from stages.records.record import Extraction, Record, group_of
from stages.records.tasks import ROLES, subset, task_of
from stages.sources.common import Source, make_record
from stages.sources.places import Place, argument, assign

FAMILIES = ("SCNM", "SCPOS", "TCREE", "TCONER")
Types = dict[str, dict[str, str]]


def subset_name(family: str, task: str) -> str:
    """The sub-dataset that a view of a family belongs to."""
    return f"SCPOS-{task}" if family == "SCPOS" else family


class Text:
    """One line of the corpus; `place` ("file: id") is named where it is wrong."""

    def __init__(self, row: dict[str, Any], family: str, types: Types, place: str) -> None:
        self.row, self.family, self.types, self.place = row, family, types, place

    def fault(self, lang: str, task: str, n: int, what: str) -> UserError:
        """What is wrong with the nth annotation of a view."""
        return UserError(f"{self.place}: {lang} {task}[{n}]", what, "see data/corpus/GUIDE.md, section 6")

    def label(self, task: str, n: int, item: dict[str, Any], lang: str) -> str:
        """The label of an annotation in a language."""
        label, origin = str(item["label"]), self.row["origin"]
        name = subset_name(self.family, task)
        if subset(name).word_labels[task] is not None:
            try:
                return subset(name).word_label(task, label, origin, lang)
            except UserError as error:
                raise self.fault(lang, task, n, error.fault) from error
        found = label if lang == origin else self.types.get(label, {}).get(lang) or item.get(f"label_{lang}")
        if not found:
            raise self.fault(lang, task, n, f"open label {label!r} is not in types.json and has no label_{lang}")
        return str(found)

    def text_label(self, name: str, lang: str) -> str:
        """The text-level label in a language."""
        try:
            return subset(name).text_label(self.row["text_label"], self.row["origin"], lang)
        except UserError as error:
            raise UserError(f"{self.place}: {error.place}", error.fault, error.remedy) from error

    def view(self, task: str, items: Sequence[dict[str, Any]], lang: str) -> list[tuple[int, Extraction]]:
        """(number of the annotation, extraction) in the order of the text of a language."""
        kind, text = task_of(subset_name(self.family, task), task).kind, self.row["texts"][lang]
        found: list[tuple[tuple[int, ...], int, Extraction]] = []
        if kind == "span":
            for n, place in enumerate(assign(text, [self.words(task, n, item, lang) for n, item in enumerate(items)])):
                if isinstance(place, str):
                    raise self.fault(lang, task, n, place)
                spans = [{"text": place.text, "start": place.start}]
                found.append(((place.start,), n, {"label": self.label(task, n, items[n], lang), "spans": spans}))
        else:
            names = ("head", "tail") if kind == "relation" else ROLES
            others = [self.words(task, n, item[k], lang) for n, item in enumerate(items) for k in names if k in item]
            for n, item in enumerate(items):
                places: dict[str, Place] = {}
                for name in (name for name in names if name in item):
                    at = argument(text, self.words(task, n, item[name], lang), others, kind == "event")
                    if isinstance(at, str):
                        raise self.fault(lang, task, n, f"{name}: {at}")
                    places[name] = at
                roles = {name: {"role": name} if kind == "event" else {} for name in places}
                spans = [{"text": at.text, "start": at.start, **roles[name]} for name, at in places.items()]
                first = (places["trigger"],) if kind == "event" else (places["head"], places["tail"])
                label = None if kind == "event" else self.label(task, n, item, lang)
                found.append((tuple(at.start for at in first), n, {"label": label, "spans": spans}))
        return [(n, extraction) for _, n, extraction in sorted(found, key=lambda item: item[:2])]

    def words(self, task: str, n: int, item: dict[str, Any], lang: str) -> str:
        """The words of a span in a language."""
        if lang not in item:
            raise self.fault(lang, task, n, "has no words in this language")
        return str(item[lang])

    def records(self, source: str, languages: Sequence[str], split: str) -> Iterator[Record]:
        """Every view in every language."""
        row, origin = self.row, self.row["origin"]
        for lang in (lang for lang in row["texts"] if lang in languages):
            views: dict[str, list[Extraction]] = {}
            for task, items in row["views"].items():
                placed = self.view(task, items, lang)
                views[task] = [extraction for _, extraction in placed]
                if task == "ADJN":
                    for pos in ("ADJ", "N"):
                        views[pos] = [extraction for n, extraction in placed if items[n].get("pos") == pos]
            for task, extractions in views.items():
                name = subset_name(self.family, task)
                yield make_record(
                    subset_name=name,
                    task=task,
                    source=source,
                    native=row["id"],
                    lang=lang,
                    text=row["texts"][lang],
                    text_label=self.text_label(name, lang),
                    extractions=extractions,
                    split=split,
                    group=group_of(row["texts"][origin]),
                )


def files(folder: Path) -> list[Path]:
    """The files of a folder of this form, in a fixed order.

    Raises:
        UserError: the folder or one of its files is not there.
    """
    if not folder.is_dir():
        raise UserError(str(folder), "no such folder", f"it holds types.json and {', '.join(FAMILIES)}.jsonl")
    paths = [folder / name for name in ("types.json", *(f"{family}.jsonl" for family in FAMILIES))]
    for path in paths:
        if not path.is_file():
            raise UserError(str(path), "no such file", "the corpus lies in git, see data/corpus/SOURCE.md")
    return paths


def pin_of(folder: Path) -> str:
    """The SHA-256 of a folder's files as `sha256sum types.json SCNM.jsonl SCPOS.jsonl TCREE.jsonl TCONER.jsonl | sha256sum`
    in it gives it."""
    lines = (f"{sha256_file(path)}  {path.name}\n" for path in files(folder))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def texts(folder: Path, limit: int | None = None) -> Iterator[Text]:
    """The texts of the corpus, family by family; only the first of each under a limit."""
    types_path, *families = files(folder)
    types: Types = read_checked_json(types_path, "corpus_types", "see data/corpus/GUIDE.md, section 6")
    for path in families:
        for row in read_checked(path, "corpus")[:limit]:
            yield Text(row, path.stem, types, f"{path}: {row['id']}")


def natural(source: Source, languages: Sequence[str], split: Literal["train", "test"] = "train") -> list[Record]:
    """Every view of every text in those languages, all in that split.

    Raises:
        UserError: another folder than the pinned one; words without a place; an unknown label.
    """
    folder = Path(source.path)
    if source.pin is not None and (found := pin_of(folder)) != source.pin:
        remedy = "get the pinned files, or change the pin: a frozen set that changes is another set"
        raise UserError(source.path, f"SHA-256 is {found}, not the pinned one", remedy)
    return [record for text in texts(folder, source.limit) for record in text.records(source.name, languages, split)]
