"""What a machine left in a translation that is no text: tags, HTML, markdown, stop tokens, escapes, broken characters.

The forms stand in `debris.yaml`, by reason code. What the source holds itself is no debris.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import regex

from stages.core.config import parse_yaml
from stages.records.record import Record
from stages.text.characters import clean, garbled, lost

# A line break that ends a sentence, or a first line of one word: not one that stands for a blank.
_ADDED = regex.compile(r"""(?:\A\s*\w+:?|[.!?。！？…:：][”"’」』)]*)[^\S\n]*\n\s*\S""")


@cache
def _forms() -> dict[str, regex.Pattern[str]]:
    place = files(__package__) / "debris.yaml"
    table = parse_yaml(place.read_text(encoding="utf-8"), str(place))
    return {code: regex.compile("|".join(forms), regex.IGNORECASE | regex.VERSION1) for code, forms in table.items()}


def debris(source: Record, target: Record) -> Iterator[str]:
    """Codes of what is in the target's text or spans and not in the source's text: those of `debris.yaml`, line_added (a turn
    of the chat, a note, a second version below a text of one line),
    broken_character (a control, U+FFFD, a private or no character, text decoded wrongly, letters under heaps of marks) and
    invisible_character."""
    text = "\n".join([target["text"], *(span["text"] for item in target["extractions"] for span in item["spans"])])
    there = "\n".join((source["text"], unicodedata.normalize("NFKC", source["text"]))).casefold()
    for code, form in _forms().items():
        if any(match[0].casefold() not in there for match in form.finditer(text)):
            yield code
    if _ADDED.search(target["text"]) and "\n" not in source["text"].strip():
        yield "line_added"
    if (lost(text) | garbled(text)) - lost(source["text"]) - garbled(source["text"]):
        yield "broken_character"
    if clean(text, set(source["text"]))[1]:
        yield "invisible_character"
