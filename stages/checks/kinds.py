"""Which spans of a record are names, and of what kind: by label, and for events, which have none, by the analyser."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import regex

from stages.checks.tables import table
from stages.records.record import Record
from stages.records.tasks import subset
from stages.text.readings import proper_nouns

_TABLE = table("kinds")
KINDS: dict[str, str] = {label: kind for kind, labels in _TABLE["labels"].items() for label in labels}
RELATIONS: dict[str, list[str]] = _TABLE["relations"]
_DIGIT = regex.compile(r"\d")
_TITLE = regex.compile(
    rf"^(?:(?:{'|'.join(_TABLE['titles']['before'])})\b\.? ?)+(?=\p{{Lu}})"
    rf"|(?<=[\p{{Han}}\p{{Katakana}}ー]{{2}})(?:{'|'.join(_TABLE['titles']['after'])})$"
)


class Name(NamedTuple):
    """A span and what it names: "person", "place", "other" (a body, a work, an event), or "" for what is not known to be a name."""

    text: str
    kind: str


@lru_cache(maxsize=1 << 14)
def _untitled(span: str) -> str:
    return _TITLE.sub("", span)


def names_of(record: Record, source_lang: str) -> list[Name]:
    """The names of a record, without titles, sorted by text.

    Args:
        source_lang: the language of the sources, in whose words a closed label is looked up, where its table has them.
    """
    table, task, kinds = subset(record["subset"]), record["task"], dict[str, str]()
    for extraction in record["extractions"]:
        label, spans = extraction["label"], extraction["spans"]
        if label is None:
            given = [_by_analyser(span["text"]) if record["lang"] == "ja" else "" for span in spans]
        else:
            closed = table.word_labels[task]
            if closed and source_lang in closed:  # a table of one's own may lack the language
                label = table.word_label(task, label, record["lang"], source_lang)
            given = list(RELATIONS.get(label, ()))
            if len(given) != len(spans):
                given = [KINDS.get(label, "")] * len(spans)
        for span, kind in zip(spans, given, strict=True):
            text = _untitled(span["text"])
            if kind and (kind == "person" or text not in kinds):
                kinds[text] = kind
    return [Name(text, kind) for text, kind in sorted(kinds.items())]


def _by_analyser(text: str) -> str:
    """The kind of a Japanese span that is a person's or a place's name from end to end."""
    found = proper_nouns(text)
    if len(found) != 1 or len(found[0][0]) < max(2, len(text) - 1):
        return ""
    return "person" if found[0][2] == "人名" else "place"


def span_texts(record: Record) -> list[str]:
    """The spans of a record that hold no digit, each once, sorted."""
    spans = {span["text"] for extraction in record["extractions"] for span in extraction["spans"]}
    return sorted(span for span in spans if not _DIGIT.search(span))


def spans_of(record: Record, source_lang: str) -> list[Name]:
    """The names of a record, then its other spans as names of no kind: a label may be another word for a known one."""
    names = names_of(record, source_lang)
    known = {name.text for name in names}
    rest = dict.fromkeys(map(_untitled, span_texts(record)))
    return names + [Name(span, "") for span in rest if span not in known]
