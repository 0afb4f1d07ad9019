"""One answer for a tagged text, read: where each mark's words stand in it, by tags and by the free steps of projection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from stages.llm.answer import json_answer
from stages.records.record import Extraction, Record
from stages.text.characters import clean
from stages.text.normal import normalised
from stages.text.writing_systems import untranslated
from stages.translation import markup, projection
from stages.translation.markup import Place
from stages.translation.projection import Projection
from stages.translation.source_text import SourceText, Translated


@dataclass
class Attempt:
    """One translation of a text. `parts` and `places` are by the number of the mark: the translation of its words alone,
    and the step of projection that found them with their place; `shapes` counts characters made simplified, `cleaned`
    invisible ones that were taken out."""

    source: SourceText
    lang: str
    steps: Projection
    response: str
    model: str  # first, stronger
    failure: str | None
    text: str = ""
    parts: dict[int, str] = field(default_factory=dict)
    places: dict[int, tuple[str, Place]] = field(default_factory=dict)
    shapes: int = 0
    cleaned: int = 0

    def missing(self) -> list[int]:
        """The marks without a place; none where there is no answer."""
        return [] if self.failure else [number for number in self.source.marks if number not in self.places]

    def faultiness(self) -> tuple[int, int, int]:
        """What the better of two attempts has less of: no answer, source language left, spans lost; zeros if nothing is
        wrong."""
        if self.failure:
            return 1, 0, 0
        return 0, len(list(untranslated(self.lang, [self.text]))), len(self.missing())

    def better_than(self, other: Attempt) -> bool:
        """Whether this later attempt takes the other's place: fewer faults, and not because it gave up."""
        if not other.failure and 2 * len(self.text) < len(other.text):
            return False  # an ellipsis has few faults
        return self.faultiness() < other.faultiness()

    def words(self) -> dict[str, list[int]]:
        """The source words of the missing marks, in text order, with the marks that each stands for."""
        words = dict[str, list[int]]()
        for number in self.missing():
            words.setdefault(self.source.words(number), []).append(number)
        return words

    def take_tags(self, pieces: dict[int, list[Place]]) -> None:
        """Believes the tags that agree with the listed parts; of a mark that is tagged in pieces, those that belong
        together are one."""
        for number, places in pieces.items():
            others = [part for other, part in self.parts.items() if other != number]
            place = joined(self.text, places, self.parts.get(number))
            if trusted(self.text, place, self.parts.get(number), others):
                self.places[number] = "tag", place

    def look_up(self, asked: str = "") -> None:
        """Gives places to missing marks from their parts, by the free steps, in the order of the source.

        With `asked`, the parts are the model's answer to the call for missing spans, and the step is named so, whatever
        found them.
        """
        marks = self.source.marks
        enabled = [name for name in projection.STEPS if getattr(self.steps, name)]
        for number in self.missing():
            start, end = marks[number]
            part, words = self.parts.get(number, ""), self.source.words(number)
            # Marks that overlap in the source may overlap in the translation; beside all others it must stand apart.
            kin = {other for other, (low, high) in marks.items() if low < end and start < high}
            taken = [place for other, (_, place) in self.places.items() if other not in kin]
            found = projection.find(self.text, part, self.lang, taken, enabled, words)
            if found is None:
                # A word that the source has twice may stand in the translation once.
                twins = {other for other in marks if self.source.words(other) == words}
                taken = [place for other, (_, place) in self.places.items() if other not in kin | twins]
                found = projection.find(self.text, part, self.lang, taken, enabled, words)
            if found:
                self.places[number] = asked or found[0], found[1]

    def take_asked(self, response: dict[str, Any]) -> None:
        """Takes the spans that the model copied from the translation, where they are in it."""
        value, failure = json_answer(response)
        if failure is None and isinstance(value, dict):
            said = {normal(word): part for word, part in value.items()}
            for word, missing in self.words().items():
                part = said.get(normal(word))
                if isinstance(part, str) and (words := part.strip(" _,;:·")):
                    for number in missing:
                        self.parts[number] = words.removesuffix(".") if not self.text.count(words) else words
            self.look_up(asked="asked")

    def extractions(self, view: Record) -> tuple[list[Extraction], Counter[str]]:
        """A view's extractions in the translation, and how many of their spans each step found.

        A span that no step found keeps the words that were looked for and has no place: step `lost`.
        """
        steps, result = Counter[str](), []
        for item in view["extractions"]:
            spans = []
            for span in item["spans"]:
                number = self.source.number(span)
                if number in self.places:
                    step, (start, end) = self.places[number]
                    spans.append({**span, "text": self.text[start:end], "start": start})
                else:
                    step, words = "lost", None if number is None else self.parts.get(number)
                    spans.append({**span, "text": words or span["text"], "start": None})
                steps[step] += 1
            result.append({"label": item["label"], "spans": spans})
        steps["shapes"], steps["cleaned"] = self.shapes, self.cleaned
        return result, steps

    def translated(self) -> Translated:
        """The attempt as what became of its text."""
        if self.failure:
            return Translated(self.response, self.model, self.failure)
        views = [self.extractions(view) for view in self.source.views]
        spans, steps = tuple(found for found, _ in views), tuple(count for _, count in views)
        return Translated(self.response, self.model, None, self.text, spans, steps)


def normal(text: str) -> str:
    """Words as they are compared: composed, at their usual width."""
    return normalised(text).text


def joined(text: str, places: Sequence[Place], part: str | None) -> Place:
    """The place of a mark that is tagged once, or more than once: what its tags stand around together if that is its
    listed part, or if nothing stands between them and none is the part alone; else the first of them."""
    if len(places) > 1:
        start, end = min(start for start, _ in places), max(end for _, end in places)
        gaps = [text[left[1] : right[0]] for left, right in pairwise(sorted(places))]
        alone = part in [text[start:end] for start, end in places]
        together = bool(part and normal(text[start:end]) == normal(part)) or not "".join(gaps).strip(" ·・-")
        if together and not alone:
            return start, end
    return places[0]


def trusted(text: str, place: Place, part: str | None, others: Sequence[str] = ()) -> bool:
    """Whether a tag stands where its listed part does. Where neither holds the other, or the tag holds far more than the
    part, the part decides, if it is in the text. A tag around what is listed for another number is that one's.

    A small model numbers tags by their order in the translation now and then, and under a schema which makes it close
    every tag it may do so at the end of the sentence only.
    """
    inside, part = normal(text[place[0] : place[1]]), normal(part or "")
    if part and inside != part and inside in [normal(other) for other in others]:
        return False
    if not part or part not in normal(text):
        return True
    return inside in part or (part in inside and len(inside) <= 2 * len(part))


def read_answer(
    response: dict[str, Any], source: SourceText, lang: str, steps: Projection, key: str, model: str
) -> Attempt:
    """An answer with all that the free steps find; failure codes are `json_answer`'s and wrong_shape, empty_text."""
    attempt = Attempt(source, lang, steps, key, model, None)
    value, attempt.failure = json_answer(response, ["text", "parts"])
    if attempt.failure:
        return attempt
    if not (isinstance(value, dict) and isinstance(value.get("text"), str)):
        attempt.failure = "wrong_shape"
        return attempt
    ids, kept = len(source.marks), set(source.text)
    content, gone = clean(value["text"], kept)
    tagged = markup.read(content, ids, source.text)
    if not tagged.text:
        attempt.failure = "empty_text"
        return attempt
    attempt.text, attempt.cleaned, given = tagged.text, gone, value.get("parts")
    for number in source.marks:
        part = given.get(f"e{number}") if isinstance(given, dict) else None
        if isinstance(part, str) and (words := markup.read(clean(part, kept)[0], ids, source.text).text):
            attempt.parts[number] = words
    if lang == "zh" and steps.shapes:
        new = projection.simplify(attempt.text)
        attempt.shapes = sum(left != right for left, right in zip(attempt.text, new, strict=True))
        attempt.text = new
        attempt.parts = {number: projection.simplify(part) for number, part in attempt.parts.items()}
    attempt.take_tags(tagged.pieces)
    attempt.look_up()
    return attempt
