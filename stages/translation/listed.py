"""The listed form of a translation prompt, v1's: the text and a list of its spans go out, and both come back.

What an answer says is taken as it is: each listed span is looked for in the translation, verbatim but for the form of its code
points (が in one or two is the same to Unicode), and nothing is repaired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stages.llm.answer import json_answer
from stages.llm.client import Response
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request, chat
from stages.records.record import Extraction, Record, locate
from stages.records.tasks import task_of
from stages.text.characters import clean
from stages.text.normal import Normal, composed
from stages.translation.source_text import Ask, SourceText, Translated
from stages.translation.wording import example, language_name


@dataclass(frozen=True)
class Listed:
    """The form, of one prompt and target language."""

    lang: str
    spec: Prompt
    llm: Llm

    def request(self, source: SourceText) -> Request:
        """The call for one text: instruction, one worked example, the text with its spans."""
        spec, number = self.spec, len(source.span_texts)
        names = {"source": language_name(spec, source.lang), "target": language_name(spec, self.lang)}
        messages = [{"role": "system", "content": spec.render("system", **names)}]
        if shown := example(spec, source.lang, self.lang):
            for turn, said in zip(("user", "assistant"), shown, strict=True):
                content = spec.render(turn, text=said["text"], spans=said["spans"])
                messages.append({"role": turn, "content": content})
        messages.append({"role": "user", "content": spec.render("user", text=source.text, spans=source.span_texts)})
        schema = {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "spans": {"type": "array", "items": {"type": "string"}, "minItems": number, "maxItems": number},
            },
            "required": ["text", "spans"],
            "additionalProperties": False,
        }
        return chat(self.llm, messages, schema)

    def translate(self, sources: Sequence[SourceText], ask: Ask) -> list[Translated]:
        """What became of each text; one call each."""
        requests = [self.request(source) for source in sources]
        return [
            self._translated(source, request, answer)
            for source, request, answer in zip(sources, requests, ask(requests), strict=True)
        ]

    def _translated(self, source: SourceText, request: Request, answer: Response) -> Translated:
        text, targets, failure, gone = read_answer(answer, source)
        if failure:
            return Translated(request.key, "first", failure)
        spans = tuple(extractions(view, text, targets) for view in source.views)
        return Translated(request.key, "first", None, text, spans, tuple(Counter(cleaned=gone) for _ in spans))


def extractions(view: Record, text: str, targets: dict[str, str]) -> list[Extraction]:
    """A view's extractions with the target words of their spans, each where it stands in the translation."""
    whole = composed(text)
    carried = [
        {
            "label": item["label"],
            "spans": [{**span, "text": composed(targets[span["text"]]).text, "start": None} for span in item["spans"]],
        }
        for item in view["extractions"]
    ]
    found = locate(whole.text, task_of(view["subset"], view["task"]).kind, carried)
    return [{**item, "spans": [as_written(span, text, whole) for span in item["spans"]]} for item in found]


def as_written(span: dict[str, Any], text: str, whole: Normal) -> dict[str, Any]:
    """A span of the composed text as it stands in the text itself."""
    if span["start"] is None:
        return span
    start, end = whole.place(span["start"], span["start"] + len(span["text"]))
    return {**span, "text": text[start:end], "start": start}


def read_answer(response: dict[str, Any], source: SourceText) -> tuple[str, dict[str, str], str | None, int]:
    """(text, target span by source span, None, invisible characters taken out), or ("", {}, failure, 0) with the codes of
    `json_answer` and wrong_shape, span_count, empty_text, empty_span."""
    value, failure = json_answer(response, ["text", "spans"])
    if failure:
        return "", {}, failure, 0
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("text"), str)
        or not isinstance(value.get("spans"), list)
    ):
        return "", {}, "wrong_shape", 0
    if not all(isinstance(span, str) for span in value["spans"]):
        return "", {}, "wrong_shape", 0
    if len(value["spans"]) != len(source.span_texts):
        return "", {}, "span_count", 0
    kept = set(source.text)
    text, gone = clean(value["text"], kept)
    targets = [clean(span, kept)[0].strip() for span in value["spans"]]
    if not text.strip():
        return "", {}, "empty_text", 0
    if not all(targets):
        return "", {}, "empty_span", 0
    return text.strip(), dict(zip(source.span_texts, targets, strict=True)), None, gone
