"""What travels through translate: a source text with all that stands on it, and what a prompt's form made of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from stages.core.errors import UserError
from stages.llm.client import Response
from stages.llm.request import Request
from stages.records.record import Extraction, Record, with_lang
from stages.translation.markup import Place

Ask = Callable[[Sequence[Request]], list[Response]]


@dataclass(frozen=True)
class SourceText:
    """One text of a language and its views: the records that hold it, whose spans go out together, in one call."""

    lang: str
    text: str
    views: tuple[Record, ...]

    @cached_property
    def marks(self) -> dict[int, Place]:
        """The distinct places of the views' spans, by number: from 1, in the order of the text, the longer first.

        A span is known by this number everywhere: in its tag, its listed part, and where its words are found.
        """
        places = {
            (span["start"], span["start"] + len(span["text"]))
            for span in self._spans()
            if span["start"] is not None
        }  # fmt: skip
        return dict(enumerate(sorted(places, key=lambda place: (place[0], -place[1])), start=1))

    @cached_property
    def span_texts(self) -> list[str]:
        """The distinct words of the views' spans, in the order of the text."""
        first: dict[str, int] = {}
        for span in self._spans():
            place = len(self.text) if span["start"] is None else span["start"]
            first[span["text"]] = min(place, first.get(span["text"], place))
        return sorted(first, key=lambda words: (first[words], words))

    def _spans(self) -> list[dict[str, Any]]:
        return [span for view in self.views for item in view["extractions"] for span in item["spans"]]

    def words(self, number: int) -> str:
        """What a mark stands around."""
        start, end = self.marks[number]
        return self.text[start:end]

    @cached_property
    def _numbers(self) -> dict[Place, int]:
        return {place: number for number, place in self.marks.items()}

    def number(self, span: dict[str, Any]) -> int | None:
        """The mark of a view's span; None of one that has no place."""
        start = span["start"]
        return None if start is None else self._numbers[start, start + len(span["text"])]


@dataclass(frozen=True)
class Translated:
    """What became of a source text: its translation, with the spans of each view in it; labels are still the source's."""

    response: str  # key of the answer that counts
    model: str  # first, stronger: which of the two models gave it
    failure: str | None
    text: str = ""
    extractions: tuple[list[Extraction], ...] = ()  # of each view; a span that was not found has no place
    steps: tuple[Counter[str], ...] = ()  # of each view: how many spans each step of span projection found


class Form(Protocol):
    """One of the two ways in which a prompt carries a text with its spans: `listed.Listed`, `tagged.Tagged`."""

    def request(self, source: SourceText) -> Request:
        """The first call for a text."""

    def translate(self, sources: Sequence[SourceText], ask: Ask) -> list[Translated]:
        """What became of each text, after all calls that the form makes for it."""


def by_text(records: Sequence[Record], lang: str) -> list[SourceText]:
    """The texts that are to be carried into `lang`, in the order of their records.

    Raises:
        UserError: two records would get one id, or one of `lang` has it already.
    """
    texts: dict[tuple[str, str], list[Record]] = defaultdict(list)
    taken = {record["id"] for record in records if record["lang"] == lang}
    for record in records:
        if record["lang"] != lang:
            target = with_lang(record["id"], lang)
            if target in taken:
                raise UserError(record["id"], f"another record is {target!r} or becomes it", "change its native id")
            taken.add(target)
            texts[record["lang"], record["text"]].append(record)
    return [SourceText(source, text, tuple(views)) for (source, text), views in texts.items()]
