"""How an import reads its file: rows with their places, documents with checked offsets, and an account of what was lost.

An adapter of this kind gives `Document`s; `records` makes unified records of them and ends with one printed line that says
what was dropped, by reason: of rows, of entities (annotations), of answers (in conversations). A share of more than
`LOST_AT_MOST` of one of these is an error: the file is of another form, or needs mending first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from stages.core.errors import UserError
from stages.core.files import json_fault, loads, read_bytes
from stages.records.record import Extraction, Record, locate, occurrences, unaligned
from stages.records.tasks import DELIMITERS, subset, task_of
from stages.records.warnings import blank, trimmed
from stages.sources.common import Natives, Source, make_record, native_of, pinned
from stages.sources.keys import repeated_keys


class NothingOfTask(UserError):
    """A sound file without any annotation of the task that it is read for; `of` is its (sub-dataset, task)."""

    def __init__(self, place: str, fault: str, remedy: str, of: tuple[str, str]) -> None:
        super().__init__(place, fault, remedy)
        self.of = of


LOST_AT_MOST = 0.1  # of the rows, the entities or the answers of a file
UNITS = ("rows", "entities", "answers")


class Mention(NamedTuple):
    """A labelled place, [start, end) in code points; both None where only the words are known, which `locate` then finds."""

    label: str
    text: str
    start: int | None
    end: int | None


@dataclass
class Document:
    """One text as an adapter found it. `relations` are (place of the head in `mentions`, label, place of the tail)."""

    place: str
    text: str
    native: Any = None
    text_label: str | None = None
    split: str | None = None
    mentions: list[Mention] = field(default_factory=list)
    relations: list[tuple[int, str, int]] = field(default_factory=list)

    def classify(self, label: Any, account: Account) -> None:
        """Takes a class of the text. A record has one: a second, other one is counted as a lost answer."""
        if not isinstance(label, str) or not label.strip() or label.strip() == self.text_label:
            return
        if self.text_label is None:
            self.text_label = label.strip()
        else:
            account.met["answers"] += 1
            account.lose("answers", "second_class_of_a_text")

    def relate(self, head: int | None, label: Any, tail: int | None, account: Account) -> None:
        """Takes a relation between two of the mentions; where one of them or its label is missing, it is counted as lost."""
        if head is not None and tail is not None and isinstance(label, str):
            self.relations.append((head, label, tail))
        else:
            account.met["entities"] += 1
            account.lose("entities", f"relation_without_{'ends' if isinstance(label, str) else 'label'}")


class Account:
    """What was met and what was lost of each of `UNITS`, by reason, with the place of the first loss for each."""

    def __init__(self, path: str = "") -> None:
        self.met, self.lost = Counter[str](), {unit: Counter[str]() for unit in UNITS}
        self.path = path
        self.first = dict[tuple[str, str], str]()
        # What the task does not take and is no loss: relations of a file read for its entities.
        self.aside = Counter[str]()
        self._place = ""

    def row(self, place: str) -> None:
        """Counts a row that is met."""
        self.met["rows"] += 1
        self.at(place)

    def at(self, place: str) -> None:
        """What is lost from now on is lost there."""
        self._place = place

    def lose(self, unit: str, reason: str, fault: str = "") -> None:
        """Counts what is dropped; `fault` says more of the first."""
        self.lost[unit][reason] += 1
        self.first.setdefault((unit, reason), self._place + (fault and f": {fault}"))

    def _told(self, unit: str, reason: str) -> str:
        first = self.first[unit, reason].removeprefix(self.path)  # the file is named before
        said = f" (first: {Path(self.path).name}{first})" if first else ""
        return f"{reason} {self.lost[unit][reason]}{said}"

    def told(self) -> str:
        """Every loss, by unit and reason."""
        parts = [
            f"{unit} " + ", ".join(self._told(unit, reason) for reason in sorted(lost))
            for unit, lost in self.lost.items()
            if lost
        ]
        return "; ".join(parts) or "nothing"

    def check(self, place: str, remedy: str) -> None:
        """UserError where more than `LOST_AT_MOST` of a unit is lost."""
        for unit, lost in self.lost.items():
            if lost.total() > LOST_AT_MOST * self.met[unit]:
                raise UserError(
                    place, f"{lost.total()} of {self.met[unit]} {unit} would be lost: {self.told()}", remedy
                )


def rows(path: Path, account: Account) -> Iterator[tuple[str, Any]]:
    """(place, value) of each row of a file of JSON lines or of one JSON list, packed or not.

    Broken lines are counted, and rows in which a key stands twice: a reader sees one of its values, and would not miss the other.
    """
    data = read_bytes(path)
    if data.lstrip()[:1] == b"[":
        values = loads(data, str(path))
        twice = repeated_keys(data)
        for number, value in enumerate(values if isinstance(values, list) else []):
            account.row(f"{path}[{number}]")
            if number in twice:
                account.lose("rows", "key_twice", repr(twice[number]))
            else:
                yield f"{path}[{number}]", value
        return
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        account.row(f"{path}:{number}")
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if "UTF-8" in (fault := json_fault(line, error)):
                raise UserError(f"{path}:{number}", fault, "save the file as UTF-8") from error
            account.lose("rows", "not_json", str(error).removeprefix("unexpected character, "))
            continue
        if twice := repeated_keys(b"[" + line + b"]"):
            account.lose("rows", "key_twice", repr(twice[0]))
        else:
            yield f"{path}:{number}", value


def listed(value: Any) -> list[Any]:
    """A list as it is, nothing for what is none."""
    return value if isinstance(value, list) else []


def utf16_to_points(text: str, units: int) -> int:
    """The code points before that many UTF-16 units of a text: how JavaScript tools count."""
    return len(text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "replace"))


def placed(
    text: str, label: Any, start: Any, end: Any, said: Any, account: Account, *, utf16: bool = False
) -> Mention | None:
    """The mention at given offsets, its blank ends cut off; None, counted, where there is none.

    `said` are the words that the file gives beside the offsets, or None. `utf16`: the offsets are taken for UTF-16 units, as
    JavaScript counts, where the words stand there and not at the same code points. Where the words stand elsewhere, it is a loss: nothing is
    guessed.
    """
    account.met["entities"] += 1
    if not isinstance(label, str) or not label.strip():
        account.lose("entities", "no_label")
    elif type(start) is not int or type(end) is not int or not 0 <= start < end:
        account.lose("entities", "no_offsets")
    else:
        if utf16 and isinstance(said, str) and text[start:end] != said:
            low, high = utf16_to_points(text, start), utf16_to_points(text, end)
            if text[low:high] == said:
                start, end = low, high
        if end > len(text) or (isinstance(said, str) and text[start:end] != said):
            account.lose("entities", "offsets_of_other_words")
            return None
        low, high = trimmed(text, start, end)
        if low < high:
            return Mention(label.strip(), text[low:high], low, high)
        account.lose("entities", "blank")
    return None


def named(label: Any, words: Any, account: Account) -> Mention | None:
    """The mention of words without offsets; None, counted, where there is none."""
    account.met["entities"] += 1
    if not isinstance(label, str) or not isinstance(words, str) or not label.strip() or all(map(blank, words)):
        account.lose("entities", "empty")
        return None
    low, high = trimmed(words, 0, len(words))
    return Mention(label.strip(), words[low:high], None, None)


def _with_places(document: Document, account: Account) -> list[Mention]:
    """The mentions with a place where there is one, each word no more often than the text has it; in the order of the text."""
    text, kept = document.text, list[Mention]()
    times = Counter[tuple[str, str]]()
    for mention in document.mentions:
        times[mention.label, mention.text] += 1
        if mention.start is None and times[mention.label, mention.text] > max(1, len(occurrences(text, mention.text))):
            account.lose("entities", "repeated")
        else:
            kept.append(mention)
    loose = [n for n, mention in enumerate(kept) if mention.start is None]
    items = [{"label": kept[n].label, "spans": [{"text": kept[n].text, "start": None}]} for n in loose]
    for n, item in zip(loose, locate(text, "span", items), strict=True):
        start = item["spans"][0]["start"]
        if start is None:  # one within another keeps its first place, though the longer one has it too
            start = text.find(kept[n].text)
        if start >= 0:
            kept[n] = kept[n]._replace(start=start, end=start + len(kept[n].text))
    return sorted(kept, key=lambda mention: len(text) if mention.start is None else mention.start)


class Target:
    """Where the records of an import go, as the source says: sub-dataset, task, language, labels renamed."""

    def __init__(self, source: Source, name: str, task: str, lang: str) -> None:
        self.name, self.task, self.lang = source.subset or name, source.task or task, source.lang or lang
        entry, self.place = subset(self.name), f"raw.sources: {source.name}"
        self.kind = task_of(self.name, self.task).kind
        if self.lang not in entry.languages:
            raise UserError(
                self.place, f"{self.name} has no labels in {self.lang!r}", f"one of {', '.join(entry.languages)}"
            )
        if self.kind == "event":
            raise UserError(self.place, f"task {self.task} is of events, which no import gives", "name another task")
        table = entry.word_labels[self.task]
        self.renamed, self.closed = source.labels, None if table is None else table[self.lang]
        self.text_labels = entry.text_labels[self.lang]

    def label(self, label: str) -> str | None:
        """The label in the table, or None where it has none."""
        label = self.renamed.get(label, label)
        return None if self.closed is not None and label not in self.closed else label

    def remedy(self, lost: dict[str, Counter[str]], form: str) -> str:
        """What to do about what was lost: rename labels that the table does not have, else the form that is wanted."""
        known = {
            "text_label_not_in_table": ("text labels", self.text_labels),
            "label_not_in_table": ("labels", self.closed),
        }
        reasons = {reason.partition(":")[0] for counts in lost.values() for reason in counts}
        if "second_class_of_a_text" in reasons:
            return "a text has one class: leave one in the file"
        told = [
            f"{what}: {', '.join(labels or ('open',))}" for reason, (what, labels) in known.items() if reason in reasons
        ]
        return f"`labels:` of {self.place} renames labels; the table's {'; '.join(told)}" if told else form


def labelled(document: Document, kind: str, account: Account) -> list[tuple[str, list[Mention]]]:
    """(label, its mentions) of each annotation of a kind: of mentions, or of relations."""
    if kind == "span":
        account.aside["relations"] += len(document.relations)
        return [(mention.label, [mention]) for mention in _with_places(document, account)]
    account.met["entities"] += len(document.relations)
    ends = {place for head, _, tail in document.relations for place in (head, tail)}
    account.met["relations"] += len(document.relations)
    account.aside["entities in no relation"] += len(document.mentions) - len(ends)
    return [(label, [document.mentions[head], document.mentions[tail]]) for head, label, tail in document.relations]


def extraction(label: str, mentions: Sequence[Mention]) -> Extraction:
    """An annotation as a record has it."""
    return {"label": label, "spans": [{"text": mention.text, "start": mention.start} for mention in mentions]}


def _extractions(document: Document, target: Target, account: Account) -> list[Extraction]:
    """What the target's task takes of a document; labels outside its table and with delimiters are counted as lost."""
    found = list[Extraction]()
    for given, mentions in labelled(document, target.kind, account):
        label = target.label(given)
        if label is None:
            account.lose("entities", f"label_not_in_table:{given}")
        elif not DELIMITERS.isdisjoint(label):
            account.lose("entities", "delimiter_in_label")
        else:
            found.append(extraction(label, mentions))
    return found


Documents = Callable[[Source, Path, Account], Iterator[Document]]


def records(
    source: Source, documents: Documents, form: str, *, name: str = "TCONER", task: str = "NER", lang: str = "en"
) -> list[Record]:
    """The records of a source by its adapter, of its first documents if there is a limit; prints what was lost.

    Raises:
        UserError: more than `LOST_AT_MOST` of rows, entities or answers would be lost, or there is no document at all.
    """
    target, account, natives = Target(source, name, task, lang), Account(source.path), Natives()
    result, path = list[Record](), pinned(source)
    for document in islice(documents(source, path, account), source.limit):
        account.at(document.place)
        if all(map(blank, document.text)):
            account.lose("rows", "no_text")
            continue
        label = None if document.text_label is None else source.labels.get(document.text_label, document.text_label)
        if label is not None and label not in target.text_labels:
            account.lose("answers", f"text_label_not_in_table:{label}")
            label = None
        account.met["answers"] += document.text_label is not None
        result.append(
            make_record(
                subset_name=target.name,
                task=target.task,
                source=source.name,
                native=natives.apart(native_of(document.native, document.text)),
                lang=target.lang,
                text=document.text,
                text_label=label,
                extractions=_extractions(document, target, account),
                split=document.split,
            )
        )
    account.check(source.path, target.remedy(account.lost, form))
    if target.kind == "relation" and result and not account.met["relations"]:
        remedy = f"leave task {target.task} out (in params.yaml: take {source.name} out of raw.sources)"
        fault = f"has no relation, which task {target.task} is of"
        raise NothingOfTask(source.path, fault, remedy, (target.name, target.task))
    account.aside["entities not in their text"] = sum(len(unaligned(record)) for record in result)
    aside = ", ".join(f"{what} {number}" for what, number in account.aside.items() if number)
    if not result:
        raise UserError(source.path, f"gives no record: {aside}" if aside else "holds no text", form)
    print(f"{source.name}: {len(result)} records; lost: {account.told()}" + (f"; aside: {aside}" if aside else ""))
    if not any(record["extractions"] for record in result):
        print(f"warning: {source.path}: has not one annotation that is read; {form}")
    return result
