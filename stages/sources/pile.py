"""Open-domain NER in the form of Pile-NER (UniversalNER): English JSONL of conversations or of plain records, as TCONER.

A line is one text, in either form:

    {"id": "ner_7", "conversations": [{"from": "human", "value": "Text: …"}, {"from": "gpt", "value": "I've read this text."},
        {"from": "human", "value": "What describes city in the text?"}, {"from": "gpt", "value": "[\\"Porto\\"]"}, …]}
    {"id": "7", "text": "…", "entities": [{"entity": "Porto", "type": "city"}]}

`id` may be absent; `text` and `label` may stand for `entity` and `type`. Types are open labels, and texts have no class: the
tconer stage gives one. Any line is read without an exception. What is lost is counted by reason and printed: lines (not_json,
wrong_shape, no_text), answers (unknown_question, no_answer, not_a_list), entities (empty, delimiter_in_type, repeated: more
often than in the text). An entity that is not in its text is kept with start null, and counted. A file of which more than
half of the lines are lost is another file, and refused.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count, islice
from typing import Any

import orjson

from stages.core.errors import UserError
from stages.core.files import iter_lines
from stages.records.record import Extraction, Record, locate, occurrences, unaligned
from stages.records.tasks import DELIMITERS, subset
from stages.sources.common import Source, make_record, pinned

SUBSET, TASK = "TCONER", "NER"
FORM = "see the two forms in stages/sources/pile.py"
_HEAD = re.compile(r"Text:\s?")
_QUESTION = re.compile(r"What describes (.+) in the text\?", re.DOTALL)
Losses = Counter[str]


def _turns(value: Any) -> list[tuple[str, str]]:
    """(from, value) of each sound turn."""
    turns = value if isinstance(value, list) else []
    return [
        (turn["from"], turn["value"])
        for turn in turns
        if isinstance(turn, dict) and isinstance(turn.get("from"), str) and isinstance(turn.get("value"), str)
    ]


def _answered(turns: Sequence[tuple[str, str]], losses: Losses) -> Iterator[tuple[Any, Any]]:
    """(type, entity) of every question that has an answer."""
    for n, (who, value) in enumerate(turns):
        if who != "human" or n == 0:
            continue
        question = _QUESTION.fullmatch(value.strip())
        if question is None:
            losses["unknown_question"] += 1
        elif n + 1 == len(turns) or turns[n + 1][0] != "gpt":
            losses["no_answer"] += 1
        else:
            try:
                answer = orjson.loads(turns[n + 1][1])
            except orjson.JSONDecodeError:
                answer = None
            if isinstance(answer, list):
                yield from ((question[1], entity) for entity in answer)
            else:
                losses["not_a_list"] += 1


def _plain(entities: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for entity in entities:
        given = entity if isinstance(entity, dict) else {}
        yield given.get("type", given.get("label")), given.get("entity", given.get("text"))


def _read(row: Any, losses: Losses) -> tuple[str, list[tuple[Any, Any]]] | None:
    """(text, (type, entity) pairs) of a line, or None with the reason counted."""
    match row:
        case {"conversations": value} if (turns := _turns(value)) and turns[0][0] == "human":
            text, found = _HEAD.sub("", turns[0][1], count=1), list(_answered(turns, losses))
        case {"text": str(text), "entities": list(entities)}:
            found = list(_plain(entities))
        case _:
            losses["wrong_shape"] += 1
            return None
    if not text.strip():
        losses["no_text"] += 1
        return None
    return text, found


def extractions(text: str, found: Sequence[tuple[Any, Any]], losses: Losses) -> list[Extraction]:
    """The entities in the order of the text. One within another keeps its first place, though the longer one has it too."""
    kept: list[Extraction] = []
    times: Counter[tuple[str, str]] = Counter()
    for label, entity in found:
        if not isinstance(label, str) or not isinstance(entity, str) or not label.strip() or not entity.strip():
            losses["empty"] += 1
            continue
        label, entity = label.strip(), entity.strip()
        times[label, entity] += 1
        if not DELIMITERS.isdisjoint(label):
            losses["delimiter_in_type"] += 1
        elif times[label, entity] > max(1, len(occurrences(text, entity))):
            losses["repeated"] += 1
        else:
            kept.append({"label": label, "spans": [{"text": entity, "start": None}]})
    located = locate(text, "span", kept)
    for item in located:
        span = item["spans"][0]
        if span["start"] is None and (place := text.find(span["text"])) >= 0:
            span["start"] = place
    last = len(text)
    return sorted(located, key=lambda item: last if item["spans"][0]["start"] is None else item["spans"][0]["start"])


def _native(row: Mapping[str, Any], text: str, taken: set[str]) -> str:
    """The line's own id, else a hash of its text; told apart by a number where it is taken."""
    given = row.get("id")
    named = isinstance(given, str | int) and str(given).strip()
    base = re.sub(r"[/\s]", "_", str(given)) if named else hashlib.sha256(text.encode()).hexdigest()[:16]
    names = chain([base], (f"{base}-{number}" for number in count(2)))
    native = next(name for name in names if name not in taken)
    taken.add(native)
    return native


def records(source: Source) -> list[Record]:
    """A record for each sound line, of the first `source.limit` lines if there is a limit; prints what was lost.

    Raises:
        UserError: more lines are lost than kept.
    """
    path, lang = pinned(source), subset(SUBSET).source_lang
    result, losses, taken, lines = list[Record](), Losses(), set[str](), 0
    for _, line in islice(iter_lines(path), source.limit):
        lines += 1
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            losses["not_json"] += 1
            continue
        if (sound := _read(row, losses)) is None:
            continue
        text, found = sound
        result.append(
            make_record(
                subset_name=SUBSET,
                task=TASK,
                source=source.name,
                native=_native(row, text, taken),
                lang=lang,
                text=text,
                text_label=None,
                extractions=extractions(text, found, losses),
            )
        )
    told = ", ".join(f"{reason} {times}" for reason, times in sorted(losses.items())) or "nothing"
    if lines - len(result) > len(result):
        raise UserError(source.path, f"{lines - len(result)} of {lines} lines are not of this form: {told}", FORM)
    astray = sum(len(unaligned(record)) for record in result)
    print(f"{source.name}: {len(result)} records of {lines} lines; lost: {told}; entities not in their text: {astray}")
    return result
