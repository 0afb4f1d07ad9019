"""Answers of a translator that needs no model: character by character, tags kept, in letters of the language that is asked for.

It answers every kind of request of a run: translations (tagged or listed), lost spans, labels of a glossary, classes of texts.
"""

from __future__ import annotations

import json
import re
from typing import Any

# By the name that a prompt calls a language: first letter and number of letters.
ALPHABETS = {
    "Korean": (0xAC00, 11_172),
    "English": (ord("a"), 26),
    "Japanese": (0x3042, 80),
    "Chinese": (0x4E00, 5_000),
}
STOPS = {"。": "."}


def image(text: str, language: str) -> str:
    """The text in another alphabet, letter by letter; what is no letter stays."""
    first, number = ALPHABETS[language]
    moved = (chr(first + ord(c) * 37 % number) if c.isalnum() else c for c in text)
    return "".join(moved if language in ("Japanese", "Chinese") else (STOPS.get(c, c) for c in moved))


def answer(body: dict[str, Any]) -> str:
    """The content of the answer to a request."""
    system, question = body["messages"][0]["content"], body["messages"][-1]["content"]
    form = body.get("response_format", {})
    schema = form.get("schema") or form.get("json_schema", {}).get("schema") or {}
    if "class" in schema.get("properties", {}):
        return json.dumps({"class": schema["properties"]["class"]["enum"][0]}, ensure_ascii=False)
    asked = re.search(r"into (?:Simplified )?(\w+)", system)
    language = asked[1] if asked and asked[1] in ALPHABETS else "English"
    if question.startswith("{"):
        value = json.loads(question)
        if "spans" in value:
            text, spans = value["text"], value["spans"]
            return json.dumps({"text": image(text, language), "spans": [image(span, language) for span in spans]})
        return json.dumps({"label": image(next(iter(value.values())), language)})
    pieces = re.split(r"(</?e[0-9]+>)", question)
    text = "".join(piece if n % 2 else image(piece, language) for n, piece in enumerate(pieces))
    return json.dumps({"text": text, "parts": {}})
