"""The listed form of a translation prompt, v1's: the text and a list of its spans go out, and both come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stages.llm.answer import json_answer
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request, chat
from stages.records.record import Record


def span_texts(records: Sequence[Record]) -> list[str]:
    """The distinct span strings of one text's records, in text order: what one call asks for."""
    first: dict[str, int] = {}
    for record in records:
        for extraction in record["extractions"]:
            for span in extraction["spans"]:
                place = len(record["text"]) if span["start"] is None else span["start"]
                first[span["text"]] = min(place, first.get(span["text"], place))
    return sorted(first, key=lambda text: (first[text], text))


def build_request(records: Sequence[Record], lang: str, spec: Prompt, llm: Llm) -> Request:
    """The call for one text: instruction, one worked example, the text with its spans."""
    source, spans = records[0]["lang"], span_texts(records)
    shown, answer = spec.example(source), spec.example(lang)
    messages = [
        {"role": "system", "content": spec.render("system", source=spec.language(source), target=spec.language(lang))},
        {"role": "user", "content": spec.render("user", text=shown["text"], spans=shown["spans"])},
        {"role": "assistant", "content": spec.render("assistant", text=answer["text"], spans=answer["spans"])},
        {"role": "user", "content": spec.render("user", text=records[0]["text"], spans=spans)},
    ]
    schema = {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "spans": {"type": "array", "items": {"type": "string"}, "minItems": len(spans), "maxItems": len(spans)},
        },
        "required": ["text", "spans"],
        "additionalProperties": False,
    }
    return chat(llm, messages, schema)


def read_answer(response: dict[str, Any], spans: Sequence[str]) -> tuple[str, dict[str, str], str | None]:
    """(text, target span by source span, None), or ("", {}, failure) with the codes of `json_answer` and
    wrong_shape, span_count, empty_text, empty_span."""
    value, failure = json_answer(response)
    if failure:
        return "", {}, failure
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("text"), str)
        or not isinstance(value.get("spans"), list)
    ):
        return "", {}, "wrong_shape"
    if not all(isinstance(span, str) for span in value["spans"]):
        return "", {}, "wrong_shape"
    if len(value["spans"]) != len(spans):
        return "", {}, "span_count"
    text, targets = value["text"].strip(), [span.strip() for span in value["spans"]]
    if not text:
        return "", {}, "empty_text"
    if not all(targets):
        return "", {}, "empty_span"
    return text, dict(zip(spans, targets, strict=True)), None
