"""The tagged form of a translation prompt, v2's: spans are marked in the text by numbered tags, which come back.

One call a text carries the marks of all its views. Span projection looks for what an answer leaves open: see
`stages/translation/projection.py` for its free steps, and `find_request` here for the one that asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stages.core.files import dumps
from stages.llm.answer import json_answer
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request, chat
from stages.records.record import Record
from stages.text.writing_systems import untranslated
from stages.translation import projection
from stages.translation.markup import Place, pattern, read, tag
from stages.translation.projection import Projection

ECHO = 24  # characters of the last turn that show that an answer repeats it


@dataclass
class Attempt:
    """One translation of a text. `places` are by mark (its index): the ladder's step that found it, and where it stands;
    `parts` are the translations of the marked parts alone; `shapes` counts characters made simplified."""

    key: str
    rung: str  # first, stronger
    failure: str | None
    answer: str = ""
    text: str = ""
    parts: dict[int, str] = field(default_factory=dict)
    places: dict[int, tuple[str, Place]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    shapes: int = 0

    def missing(self, marks: Sequence[Place]) -> list[int]:
        """The marks without a place."""
        return [n for n in range(len(marks)) if n not in self.places]

    def faultiness(self, marks: Sequence[Place], lang: str) -> tuple[int, int, int]:
        """What the better of two attempts has less of: no answer, source language left, spans lost."""
        if self.failure:
            return 1, 0, 0
        return 0, len(list(untranslated(lang, [self.text]))), len(self.missing(marks))


def marks_of(records: Sequence[Record]) -> list[Place]:
    """The distinct places of the spans of one text's records, sorted by start, the longer first."""
    places = {
        (span["start"], span["start"] + len(span["text"]))
        for record in records
        for extraction in record["extractions"]
        for span in extraction["spans"]
        if span["start"] is not None
    }
    return sorted(places, key=lambda place: (place[0], -place[1]))


def _string(allowed: str, least: str = "+") -> dict[str, Any]:
    return {"type": "string", "pattern": f"^[{allowed}]{least}$"}


def _schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _example(tagged: str) -> str:
    """A worked example's answer: itself, and its parts by number."""
    shown = read(tagged, tagged.count("</e"))
    parts = {f"e{n}": shown.text[start:end] for n, (start, end) in sorted(shown.places.items())}
    return dumps({"text": tagged, "parts": parts}).decode()


def build_request(records: Sequence[Record], lang: str, spec: Prompt, llm: Llm) -> Request:
    """The call for one text: instruction, worked examples, the tagged text."""
    source, marks, allowed = records[0]["lang"], marks_of(records), str(spec.by_language("allowed", lang))
    parts = _schema({f"e{n + 1}": _string(allowed) for n in range(len(marks))})
    schema = _schema({"text": {"type": "string", "pattern": pattern(marks, allowed)}, "parts": parts})
    system = spec.render("system", source=spec.language(source), target=spec.language(lang))
    messages = [{"role": "system", "content": system}]
    for shown in spec.examples(source, lang):
        messages.append({"role": "user", "content": shown[source]})
        messages.append({"role": "assistant", "content": _example(shown[lang])})
    tagged = tag(records[0]["text"], marks)
    return chat(llm, [*messages, {"role": "user", "content": spec.render("user", tagged=tagged)}], schema)


def _asked_words(records: Sequence[Record], attempt: Attempt) -> dict[str, list[int]]:
    """The source words of the missing marks, in text order, with the marks that each stands for."""
    text, marks, words = records[0]["text"], marks_of(records), dict[str, list[int]]()
    for n in attempt.missing(marks):
        words.setdefault(text[marks[n][0] : marks[n][1]], []).append(n)
    return words


def find_request(records: Sequence[Record], lang: str, attempt: Attempt, spec: Prompt, llm: Llm) -> Request:
    """The call for the spans that are still missing: the translation stands, its words for each are asked for."""
    source, words = records[0]["lang"], list(_asked_words(records, attempt))
    names = {"source": spec.language(source), "target": spec.language(lang)}

    def user(text: str, translation: str, asked: Sequence[str]) -> dict[str, str]:
        wanted = dumps(dict.fromkeys(asked, "?")).decode()
        return {
            "role": "user",
            "content": spec.render("find_user", tagged=text, translation=translation, wanted=wanted),
        }

    messages = [{"role": "system", "content": spec.render("find_system", **names)}]
    for shown in spec.examples(source, lang, "find_examples"):
        answer = dict(zip(shown[source]["words"], shown[lang]["words"], strict=True))
        messages.append(user(shown[source]["text"], shown[lang]["text"], shown[source]["words"]))
        messages.append({"role": "assistant", "content": dumps(answer).decode()})
    messages.append(user(records[0]["text"], attempt.text, words))
    string = _string(str(spec.by_language("allowed", lang)), "*")
    return chat(llm, messages, _schema(dict.fromkeys(words, string)))


def is_flawed(attempt: Attempt, records: Sequence[Record], lang: str) -> bool:
    """Whether a stronger model is worth asking: no answer, text left untranslated, or a span without a place."""
    missing = attempt.failure is None and attempt.missing(marks_of(records))
    return bool(attempt.failure or missing or any(untranslated(lang, [attempt.text])))


def read_answer(
    response: dict[str, Any], records: Sequence[Record], lang: str, steps: Projection, request: Request, rung: str
) -> Attempt:
    """An answer with all that the free steps find; failure codes are `json_answer`'s and wrong_shape, empty_text."""
    marks, answer = marks_of(records), response["content"]
    value, failure = json_answer(response, loose=True)
    if failure is None and not (isinstance(value, dict) and isinstance(value.get("text"), str)):
        failure = "wrong_shape"
    tagged = read(value["text"], len(marks)) if failure is None else read("", 0)
    if failure is None and not tagged.text:
        failure = "empty_text"
    if failure:
        return Attempt(request.key, rung, failure, answer)
    given = value.get("parts")
    parts = {
        n: part.strip()
        for n in range(len(marks))
        if isinstance(given, dict) and isinstance(part := given.get(f"e{n + 1}"), str) and part.strip()
    }
    attempt = Attempt(request.key, rung, None, answer, tagged.text, parts, faults=tagged.faults)
    if lang == "zh" and steps.shapes:
        simplify(attempt)
    for number, place in tagged.places.items():
        others = [part for n, part in attempt.parts.items() if n != number - 1]
        if trusted(attempt.text, place, attempt.parts.get(number - 1), others):
            attempt.places[number - 1] = "tag", place
    look_up(attempt, records, lang, steps)
    return attempt


def simplify(attempt: Attempt) -> None:
    """Makes Japanese and traditional shapes of Chinese characters simplified, in the text and the parts."""
    new = projection.simplify(attempt.text)
    attempt.shapes = sum(left != right for left, right in zip(attempt.text, new, strict=True))
    attempt.text, attempt.parts = new, {n: projection.simplify(part) for n, part in attempt.parts.items()}


def trusted(text: str, place: Place, part: str | None, others: Sequence[str] = ()) -> bool:
    """Whether a tag stands where its listed part does. Where neither holds the other, or the tag holds far more than the
    part, the part decides, if it is in the text. A tag around what is listed for another number is that one's.

    A small model numbers tags by their order in the translation now and then, and under a schema which makes it close
    every tag it may do so at the end of the sentence only.
    """
    inside = text[place[0] : place[1]]
    if part and inside != part and inside in others:
        return False
    if not part or part not in text:
        return True
    return inside in part or (part in inside and len(inside) <= 2 * len(part))


def look_up(attempt: Attempt, records: Sequence[Record], lang: str, steps: Projection, asked: str = "") -> None:
    """Gives places to missing marks from their parts, by the free steps, in the order of the source.

    With `asked`, the parts are the model's answer to `find_request`, and the step is named so, whatever found them.
    """
    marks, text = marks_of(records), records[0]["text"]
    enabled = [name for name in projection.STEPS if getattr(steps, name)]
    for n in attempt.missing(marks):
        start, end = marks[n]
        part = attempt.parts.get(n, "")
        # Marks that overlap in the source may overlap in the translation; beside all others it must stand apart.
        kin = {k for k, (low, high) in enumerate(marks) if low < end and start < high}
        taken = [place for k, (_, place) in attempt.places.items() if k not in kin]
        found = projection.find(attempt.text, part, lang, taken, enabled, text[start:end])
        if found is None:
            # A word that the source has twice may stand in the translation once.
            twins = {k for k, (low, high) in enumerate(marks) if text[low:high] == text[start:end]}
            taken = [place for k, (_, place) in attempt.places.items() if k not in kin | twins]
            found = projection.find(attempt.text, part, lang, taken, enabled, text[start:end])
        if found:
            attempt.places[n] = asked or found[0], found[1]


def read_find(
    response: dict[str, Any], attempt: Attempt, records: Sequence[Record], lang: str, steps: Projection
) -> None:
    """Takes the spans that the model copied from the translation, where they are in it."""
    value, failure = json_answer(response, loose=True)
    if failure is None and isinstance(value, dict):
        for word, missing in _asked_words(records, attempt).items():
            part = value.get(word)
            if isinstance(part, str) and (words := part.strip(" _,;:·")):
                for n in missing:
                    attempt.parts[n] = words.removesuffix(".") if not attempt.text.count(words) else words
        look_up(attempt, records, lang, steps, asked="asked")
