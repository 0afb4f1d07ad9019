"""What a machine left in a translation that is no text: tags, HTML, markdown, stop tokens, escapes, broken characters.

The forms stand in `debris.yaml`, by reason code. What the source holds itself is no debris.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import regex

from stages.core.config import parse_yaml
from stages.records.record import Record
from stages.text.characters import clean, garbled, lost
from stages.text.normal import normalised


@cache
def _forms() -> dict[str, regex.Pattern[str]]:
    place = files(__package__) / "debris.yaml"
    table = parse_yaml(place.read_text(encoding="utf-8"), str(place))
    return {code: regex.compile("|".join(forms), regex.IGNORECASE | regex.VERSION1) for code, forms in table.items()}


def debris(source: Record, target: Record) -> Iterator[str]:
    """Codes of what is in the target's text or spans and not in the source's text: those of `debris.yaml`,
    broken_character (a control, U+FFFD, a private or no character, text decoded wrongly, letters under heaps of marks) and
    invisible_character."""
    text = "\n".join([target["text"], *(span["text"] for item in target["extractions"] for span in item["spans"])])
    there = source["text"].casefold() + "\n" + normalised(source["text"]).text.casefold()
    for code, form in _forms().items():
        if any(match[0].casefold() not in there for match in form.finditer(text)):
            yield code
    if (lost(text) | garbled(text)) - lost(source["text"]) - garbled(source["text"]):
        yield "broken_character"
    if clean(text, set(source["text"]))[1]:
        yield "invisible_character"
