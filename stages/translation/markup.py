"""Spans marked in a text by numbered tags, `<e1>…</e1>`, and read back from a translation.

Tags carry ids, since translation reorders: a label assigned by the order of markers would land on another phrase (cf.
EasyProject, arXiv 2211.15613, which does so; XML tags with ids: LabelPigeon, arXiv 2603.12021). `<` and `&` of the text
itself are escaped as in XML.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

# Start and end in code points: a mark of the source, or where its words stand in the translation.
Place = tuple[int, int]

_TAG = re.compile(r"<(/?)e([1-9][0-9]*)>")
_ENTITY = re.compile(r"&(amp|lt|gt|quot);")
_CHARACTER = {"amp": "&", "lt": "<", "gt": ">", "quot": '"'}


@dataclass
class Tagged:
    """A tagged translation, read: the text without tags, the place of each id, and what was wrong, by kind.

    Faults: unknown_tag, duplicate_tag (the first stands), unclosed_tag (opened, not closed, or closed, not opened),
    empty_tag. None of them loses the text.
    """

    text: str
    places: dict[int, Place] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def nested(marks: Mapping[int, Place]) -> dict[int, int]:
    """For each mark that can be tagged the number of the smallest mark around it, 0 for none.

    Marks come sorted by start, the longer first, without doubles. One that crosses an earlier mark cannot be tagged.
    """
    parents = dict[int, int]()
    open_marks: list[int] = []
    for number, (start, end) in marks.items():
        while open_marks and marks[open_marks[-1]][1] <= start:
            open_marks.pop()
        if open_marks and marks[open_marks[-1]][1] < end:
            continue
        parents[number] = open_marks[-1] if open_marks else 0
        open_marks.append(number)
    return parents


def escape(text: str) -> str:
    """The text as it stands between tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def tag(text: str, marks: Mapping[int, Place]) -> str:
    """The text with mark n inside `<en>…</en>`; marks that cross an earlier one stay untagged."""
    opening, closing = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
    for number in nested(marks):
        start, end = marks[number]
        opening[start].append(number)
        closing[end].insert(0, number)  # the inner one, opened later, closes first
    parts, last = [], 0
    for place in sorted({*opening, *closing}):
        parts.append(escape(text[last:place]))
        parts += [f"</e{number}>" for number in closing[place]] + [f"<e{number}>" for number in opening[place]]
        last = place
    return "".join([*parts, escape(text[last:])])


def read(tagged: str, ids: int) -> Tagged:
    """A translation that should hold tags 1 to `ids`: nothing is raised, for any string."""
    result, text, opened, size, last = Tagged(""), list[str](), dict[int, int](), 0, 0

    def take(part: str) -> None:
        nonlocal size
        text.append(_ENTITY.sub(lambda match: _CHARACTER[match[1]], part))
        size += len(text[-1])

    for match in _TAG.finditer(tagged):
        take(tagged[last : match.start()])
        last = match.end()
        number = int(match[2])
        if number > ids:
            result.faults.append("unknown_tag")
        elif not match[1]:
            if number in opened or number in result.places:
                result.faults.append("duplicate_tag")
            else:
                opened[number] = size
        elif number in opened:
            result.places[number] = (opened.pop(number), size)
        elif number not in result.places:
            result.faults.append("unclosed_tag")
    take(tagged[last:])
    whole = "".join(text)
    result.faults += ["unclosed_tag"] * len(opened)
    lead = len(whole) - len(whole.lstrip())
    result.text = whole.strip()
    for number, (start, end) in list(result.places.items()):
        while start < end and whole[start].isspace():
            start += 1
        while end > start and whole[end - 1].isspace():
            end -= 1
        if start == end:
            del result.places[number]
            result.faults.append("empty_tag")
        else:
            result.places[number] = (start - lead, end - lead)
    return result


def pattern(marks: Mapping[int, Place], allowed: str) -> str:
    """A regular expression for the tagged translation: tags closed and nested as in the source, and between them only
    characters of the class `allowed`, which holds no `<`.

    Which tags come, and in what order, it leaves open. `allowed` says what may come, not what may not: servers that
    decode by bytes refuse whole blocks beside a forbidden one.
    """
    parents, plain = nested(marks), f"[{allowed}]"

    def inside(number: int) -> list[str]:
        return [element(child) for child, parent in parents.items() if parent == number]

    def element(number: int) -> str:
        children = "|".join(inside(number))
        return f"<e{number}>{f'({plain}|{children})' if children else plain}+</e{number}>"

    return "^(" + "|".join([plain, *inside(0)]) + ")+$"
