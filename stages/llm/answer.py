"""What a response says: its JSON, or the code of why it has none. One reader for every stage.

Strict JSON is taken as it is. Else the object is looked for in what surrounds it (a code fence, prose, thoughts with braces of
their own), and mended where only one reading is possible: a comma before a closing bracket, a comment, a string in single
quotes, a constant of Python or JavaScript, a raw line break in a string, half a character, an object in quotes or alone in a
list. Nothing is ever evaluated, closed, or guessed: of several objects the one that has the keys asked for is taken, and where
two of those differ, none is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import regex

Response = dict[str, Any]

REFUSED: Final = "endpoint_refused"  # the finish_reason of a response that says only why the endpoint gives none
# How endpoints say that they cut an answer, or kept it back; lower case.
CUT: Final = ("length", "max_tokens", "max_output_tokens")
FILTERED: Final = ("content_filter", "safety", "recitation", "prohibited_content", "blocklist")

# Where the thoughts of a reasoning model end, and begin, in its chat template's words.
_THOUGHTS_END = regex.compile(
    r"</(?:think|thinking|thought|thoughts|reasoning)>|\[/THINK\]|<\|channel\|>final<\|message\|>|<\|end_of_thought\|>",
    regex.I,
)
_THOUGHTS_BEGIN = regex.compile(
    r"<(?:think|thinking|thought|thoughts|reasoning)>|\[THINK\]|<\|begin_of_thought\|>", regex.I
)
# A string with its escapes, a comma that nothing follows, a comment, a string in single quotes, a foreign constant, a bracket.
_TOKEN = regex.compile(
    r"""
    (?P<string> "(?:[^"\\]|\\.)*+" )
    | (?P<comma> ,(?=(?:\s|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+[}\]]) )
    | (?P<comment> (?<![:\w])//[^\n]* | /\*(?:[^*]|\*(?!/))*+\*/ )
    | (?P<quotes> (?<=[{\[,:]\s*)'(?P<inside>(?:[^'"\\\n]|\\[nrtbf/\\])*+)'(?=\s*[:,}\]]) )
    | (?P<constant> (?<=[\[,:]\s*)(?:-?Infinity|NaN|None|True|False|undefined)(?=\s*[,}\]]) )
    | [{}\[\]]
    """,
    regex.S | regex.X,
)
_CONSTANTS = {"True": "true", "False": "false"}  # the others say of no value
_STRUCTURE = regex.compile(r"[{}\[\]]|```")
_OBJECT = regex.compile(r"""\{\s*["']""")
_CLOSING = {"}": "{", "]": "["}
_WORK = 1_000_000  # characters that are looked at in all for a closing brace, so that no text takes long


@dataclass(frozen=True)
class Answer:
    """A JSON value, or the code of why there is none; `mended` names what was not strict JSON about it."""

    value: Any
    failure: str | None
    mended: tuple[str, ...] = ()


def json_answer(response: Response, wanted: Sequence[str] = ()) -> tuple[Any, str | None]:
    """(value, None), or (None, failure) with the codes of `read`."""
    answer = read(response, wanted)
    return answer.value, answer.failure


def read(response: Response, wanted: Sequence[str] = ()) -> Answer:
    """The answer; `wanted` are the keys that it was asked for.

    `finish_reason` comes first: a schema-constrained answer that was cut may still look whole. Failures: endpoint_refused,
    refused (by the model), truncated, filtered, several_answers, not_json. Mended: fence, prose, thoughts, several, comma,
    comment, quotes, constant, line_break, surrogate, quoted, list.
    """
    reason = str(response["finish_reason"] or "").lower()
    if reason == REFUSED:
        return Answer(None, REFUSED)
    if response["refusal"]:
        return Answer(None, "refused")
    if reason in CUT:
        return Answer(None, "truncated")
    if reason in FILTERED:
        return Answer(None, "filtered")
    try:
        value = orjson.loads(response["content"])
    except orjson.JSONDecodeError:
        return _found(response["content"], wanted)
    if isinstance(value, str) and "{" in value and (inner := _decoded(value, set())) is not None:
        return Answer(inner, None, ("quoted",))
    if wanted and isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return Answer(value[0], None, ("list",))
    return Answer(value, None)


def is_empty(response: Response) -> bool:
    """Whether it holds nothing at all, and says of no reason why."""
    told = response["refusal"] or str(response["finish_reason"] or "").lower() in (REFUSED, *CUT, *FILTERED)
    return not told and not response["content"].strip()


def storable(text: str) -> str:
    """The text with U+FFFD for half a character, which a model can write and no UTF-8 can carry."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _found(content: str, wanted: Sequence[str]) -> Answer:
    """The object in a text that is more than an object."""
    text, kinds = content, set[str]()
    if ends := list(_THOUGHTS_END.finditer(text)):
        text, kinds = text[ends[-1].end() :], {"thoughts"}
    elif begin := _THOUGHTS_BEGIN.search(text):
        text, kinds = text[: begin.start()], {"thoughts"}
    found = list(_objects(text))
    with_keys = [item for item in found if all(key in item[0] for key in wanted)]
    # A key may be missing; an object with none of them is a part of another, or of the thoughts.
    chosen = with_keys or [item for item in found if any(key in item[0] for key in wanted)]
    if not chosen:
        return Answer(None, "not_json")
    value, mended, span = chosen[0]
    if any(other != value for other, _, _ in chosen[1:]):
        return Answer(None, "several_answers")
    if len(found) > 1:
        kinds.add("several")
    outside = text[: span[0]] + text[span[1] :]
    if "```" in outside:
        kinds.add("fence")
    elif outside.strip("\ufeff \t\r\n") and len(found) == 1:
        kinds.add("prose")
    return Answer(value, None, tuple(sorted(kinds | mended)))


def _objects(text: str) -> Iterator[tuple[dict[str, Any], set[str], tuple[int, int]]]:
    """(object, what was mended in it, its place) of each JSON object in a text that is in no other."""
    start, work = text.find("{"), 0
    while start >= 0 and work < _WORK:
        end, plain, mended = _closed(text, start)
        work += (end or len(text)) - start
        value = _decoded(plain, mended) if end else None
        if value is not None:
            yield value, mended, (start, end)
        # A brace of prose may have an object in it; an object that is broken may not give a part for the whole.
        whole = value is not None or (end and _OBJECT.match(text, start))
        start = text.find("{", end if whole else start + 1)


def _closed(text: str, start: int) -> tuple[int, str, set[str]]:
    """(end of the bracket that opens at `start`, or 0; what it holds in strict JSON; what was mended for that)."""
    open_ones, pieces, at, mended = list[str](), list[str](), start, set[str]()
    for match in _TOKEN.finditer(text, start):
        token, kind = match.group(), match.lastgroup
        if kind == "string":
            continue
        if kind is not None:
            pieces += [text[at : match.start()], _strict(match)]
            at = match.end()
            mended.add(kind)
        elif token in "{[":
            open_ones.append(token)
        elif open_ones.pop() != _CLOSING[token]:
            return 0, "", set()
        elif not open_ones:
            return match.end(), "".join([*pieces, text[at : match.end()]]), mended
    return 0, "", set()


def _strict(match: regex.Match[str]) -> str:
    """What strict JSON has in the place of a token that it has not."""
    if match["quotes"]:
        return f'"{match["inside"]}"'
    return _CONSTANTS.get(match[0], "null") if match["constant"] else ""


def _decoded(text: str, mended: set[str]) -> dict[str, Any] | None:
    """The object that a text is; what had to be mended for it is added to `mended`."""
    try:
        value = json.loads(text, strict=False, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    try:
        json.loads(text)
    except ValueError:
        if _run_on(value):
            return None
        mended.add("line_break")
    whole = _storable(value)
    if whole != value:
        mended.add("surrogate")
    return dict(whole)


def _run_on(value: Any) -> bool:
    """Whether a string has a raw line break and brackets or a fence: so looks one that a model forgot to close, which then
    holds what was meant to follow it (18 of the 938 recorded answers)."""
    if isinstance(value, str):
        return "\n" in value and _STRUCTURE.search(value) is not None
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_run_on, items))


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): _storable(item) for key, item in value.items()}
    return value
