"""Spans marked in a text by numbered tags, `<e1>…</e1>`, and read back from a translation.

Tags carry ids, since translation reorders: a label assigned by the order of markers would land on another phrase (cf.
EasyProject, arXiv 2211.15613, which does so; XML tags with ids: LabelPigeon, arXiv 2603.12021). `<` and `&` of the text
itself are escaped as in XML.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

Place = tuple[
    int, int
]  # start and end in code points; a mark of the source, or where its words stand in the translation

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


def nested(marks: Sequence[Place]) -> list[int | None]:
    """For each mark the index of the smallest mark around it, or None; -1 for one that crosses an earlier mark.

    Marks come sorted by start, the longer first, without doubles. Crossing marks cannot both be tagged.
    """
    parents: list[int | None] = []
    open_marks: list[int] = []
    for n, (start, end) in enumerate(marks):
        while open_marks and marks[open_marks[-1]][1] <= start:
            open_marks.pop()
        if open_marks and marks[open_marks[-1]][1] < end:
            parents.append(-1)
            continue
        parents.append(open_marks[-1] if open_marks else None)
        open_marks.append(n)
    return parents


def escape(text: str) -> str:
    """The text as it stands between tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def tag(text: str, marks: Sequence[Place]) -> str:
    """The text with mark n (from 0) inside `<e{n+1}>…</e{n+1}>`; marks that cross an earlier one stay untagged."""
    opening, closing = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
    for n, parent in enumerate(nested(marks)):
        if parent != -1:
            opening[marks[n][0]].append(n + 1)
            closing[marks[n][1]].insert(0, n + 1)  # the inner one, opened later, closes first
    parts, last = [], 0
    for place in sorted({*opening, *closing}):
        parts.append(escape(text[last:place]))
        parts += [f"</e{n}>" for n in closing[place]] + [f"<e{n}>" for n in opening[place]]
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


def pattern(marks: Sequence[Place], allowed: str) -> str:
    """A regular expression for the tagged translation: tags closed and nested as in the source, and between them only
    characters of the class `allowed`, which holds no `<`.

    Which tags come, and in what order, it leaves open. `allowed` says what may come, not what may not: servers that
    decode by bytes refuse whole blocks beside a forbidden one.
    """
    parents, plain = nested(marks), f"[{allowed}]"

    def element(n: int) -> str:
        children = "|".join(element(k) for k, parent in enumerate(parents) if parent == n)
        return f"<e{n + 1}>{f'({plain}|{children})' if children else plain}+</e{n + 1}>"

    return "^(" + "|".join([plain, *(element(n) for n, parent in enumerate(parents) if parent is None)]) + ")+$"
