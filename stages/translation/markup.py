"""Spans marked in a text by numbered tags, `<e1>…</e1>`, and read back from a translation.

Tags carry ids, since translation reorders: a label assigned by the order of markers would land on another phrase (cf.
EasyProject, arXiv 2211.15613, which does so; XML tags with ids: LabelPigeon, arXiv 2603.12021). `<` and `&` of the text
itself are escaped as in XML.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import regex

# Start and end in code points: a mark of the source, or where its words stand in the translation.
Place = tuple[int, int]

_STRICT = re.compile(r"<(?P<slash>/?)e(?P<number>[1-9][0-9]*)>")
# What models make of such a tag: other case, width, zeros, blanks, attributes, brackets, escapes, or one end only.
_LENIENT = regex.compile(
    r"""
    (?P<open> (?P<angle> [<＜‹〈] | &lt; | &\#0*60; | &\#x0*3c; | \\u003c ) | (?P<bracket> [\p{Ps}\p{Pi}] ) | (?<![\w<>:.-]) | (?=[/／]) )
    \s* \\? (?P<slash> [/／]? ) \s* [eｅ] \s* (?P<number> \p{Nd}+ )
    (?: \s+ [a-z][\w-]* \s* = \s* (?: "[^"]*" | '[^']*' | [^\s<>"']+ ) )*
    (?: \s* (?P<empty> [/／]? ) \s* (?: (?P<close> [>＞›〉] | &gt; | &\#0*62; | &\#x0*3e; | \\u003e ) | (?P<end> [\p{Pe}\p{Pf}] ) )
      | (?! [\w>] ) )
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
_NAMELESS = re.compile(r"<\s*/\s*e\s*>")  # </e>, which closes what was opened last
_ENTITY = re.compile(r"&(amp|lt|gt|quot);")
_CHARACTER = {"amp": "&", "lt": "<", "gt": ">", "quot": '"'}


@dataclass
class Tagged:
    """A tagged translation, read: the text without tags, the place of each id, and what was wrong, by kind.

    Of an id that comes twice, the first place stands in `places` and all in `pieces`. Faults: unknown_tag, duplicate_tag,
    unclosed_tag (opened, not closed, or closed, not opened), empty_tag. None of them loses the text.
    """

    text: str
    places: dict[int, Place] = field(default_factory=dict)
    pieces: dict[int, list[Place]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


@dataclass
class _Tag:
    """A tag where it stands in an answer; `number` is 0 for one that names none, `sure` false for one that is no tag alone."""

    start: int
    end: int
    number: int
    closes: bool
    sure: bool = True


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


def _tags(tagged: str, ids: int, lenient: bool) -> list[_Tag]:
    """The tags of an answer, in order; those read leniently only where their number is one of the ids."""
    found = [
        _Tag(match.start(), match.end(), int(match["number"]), bool(match["slash"]))
        for match in _STRICT.finditer(tagged)
    ]
    if not lenient:
        return found
    whole = {tag.start for tag in found}
    for match in _LENIENT.finditer(tagged):
        # An angle bracket may stand at one end only, other brackets stand in pairs.
        paired = bool(match["bracket"]) == bool(match["end"]) and (match["open"] or match["close"])
        if match.start() in whole or not paired or not 0 < int(match["number"]) <= ids:
            continue
        half = not match["slash"] and not match["close"] and not match["end"]
        end = match.end() + (half and tagged[match.end() : match.end() + 1].isspace())
        sure = bool(match["angle"] and match["close"])
        found.append(_Tag(match.start(), end, int(match["number"]), bool(match["slash"] or match["empty"]), sure))
    found += [_Tag(match.start(), match.end(), 0, True) for match in _NAMELESS.finditer(tagged)]
    return sorted(found, key=lambda tag: tag.start)


def _pairs(tags: Sequence[_Tag], nearest: bool) -> tuple[list[tuple[int, int]], set[int]]:
    """((opening, closing) by index, in the order of the closings; the indices of openings that another took over).

    A closing tag belongs to the first opening of its number, or with `nearest` to the last. Two openings without any
    closing are a pair: the slash was forgotten.
    """
    closed = {tag.number for tag in tags if tag.closes}
    times = Counter(tag.number for tag in tags)
    waiting, pairs, doubled = list[int](), list[tuple[int, int]](), set[int]()
    for n, tag in enumerate(tags):
        mine = [k for k in waiting if tags[k].number == tag.number] if tag.number else waiting[-1:]
        if tag.closes or (mine and tag.number not in closed and times[tag.number] == 2):
            if mine:
                k = mine[-1] if nearest else mine[0]
                pairs.append((k, n))
                waiting.remove(k)
                if not nearest:
                    doubled.update(mine[1:])
                    waiting = [other for other in waiting if other not in doubled]
        else:
            waiting.append(n)
    return pairs, doubled


def read(tagged: str, ids: int, source: str = "") -> Tagged:
    """A translation that should hold tags 1 to `ids`: nothing is raised, for any string.

    A mangled tag is read for what it is. Where the source itself holds anything of that look, only tags as they went out
    are read, and one that belongs to no pair is text if the source has it.
    """
    literal = bool(_LENIENT.search(source))
    tags = _tags(tagged, ids, lenient=not literal)
    pairs, doubled = _pairs(tags, nearest=literal)
    in_pair = {n for pair in pairs for n in pair}
    known = [tag.number <= ids for tag in tags]
    result, parts, at, size, last = Tagged(""), list[str](), list[int](), 0, 0

    def take(part: str, escaped: bool = True) -> None:
        nonlocal size
        parts.append(_ENTITY.sub(lambda match: _CHARACTER[match[1]], part) if escaped else part)
        size += len(parts[-1])

    for n, tag in enumerate(tags):
        take(tagged[last : tag.start])
        at.append(size)
        last = tag.end
        own = tagged[tag.start : tag.end]
        if n not in in_pair and ((literal and own in source) or not tag.sure):
            take(own, escaped=False)
        elif not known[n]:
            result.faults.append("unknown_tag")
        elif n in doubled:
            result.faults.append("duplicate_tag")
    take(tagged[last:])
    whole = "".join(parts)
    lead = len(whole) - len(whole.lstrip())
    result.text = whole.strip()
    read_once = set[int]()
    for opening, closing in pairs:
        number, start, end = tags[opening].number, at[opening], at[closing]
        if not known[opening]:
            continue
        if number in read_once:
            result.faults.append("duplicate_tag")
        read_once.add(number)
        while start < end and whole[start].isspace():
            start += 1
        while end > start and whole[end - 1].isspace():
            end -= 1
        if start == end:
            result.faults.append("empty_tag")
        else:
            result.pieces.setdefault(number, []).append((start - lead, end - lead))
    result.places = {number: places[0] for number, places in result.pieces.items()}
    for n, tag in enumerate(tags):
        if known[n] and n not in in_pair | doubled and tag.number not in read_once:
            result.faults.append("unclosed_tag")
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
