"""Open-domain NER in the form of Pile-NER (UniversalNER): conversations, or plain records, as TCONER.

A row of JSON lines, or of one JSON list, is one text, in either form:

    {"id": "ner_7", "conversations": [{"from": "human", "value": "Text: …"}, {"from": "gpt", "value": "I've read this text."},
        {"from": "human", "value": "What describes city in the text?"}, {"from": "gpt", "value": "[\\"Porto\\"]"}, …]}
    {"id": "7", "text": "…", "entities": [{"entity": "Porto", "type": "city"}]}

Turns may be ShareGPT's or OpenAI's (`messages` of `role` and `content`), with system turns, which are passed over. `Text:` is
cut off where the first turn begins with it. Rows that each ask one other question of the same text are one record. `text` and
`label` may stand for `entity` and `type`; `start` and `end` of an entity, where they stand there, are its place and must hold
its words. Types are open labels, and texts have no class: the tconer stage gives one. What is lost is counted by reason: rows
(not_json, wrong_shape, no_text), answers (unknown_question, no_answer, not_a_list), entities (empty, delimiter_in_label,
offsets_of_other_words, repeated: more often than in the text). An entity that is not in its text is kept with start null.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from stages.records.record import Record
from stages.sources.common import Source
from stages.sources.rows import Account, Document, Mention, named, placed, rows
from stages.sources.rows import records as read

FORM = "see the two forms in stages/sources/pile.py"
_HEAD = re.compile(r"\s*Text:\s?")
_QUESTION = re.compile(r"What describes (.+) in the text\?", re.DOTALL)
_ROLES = {"human": "human", "user": "human", "gpt": "gpt", "assistant": "gpt", "system": "system"}
Turns = list[tuple[str, str]]


def turns_of(row: dict[str, Any]) -> Turns:
    """(human or gpt, what is said) of each sound turn but the system's."""
    value = row.get("conversations", row.get("messages"))
    found: Turns = []
    for turn in value if isinstance(value, list) else []:
        given = turn if isinstance(turn, dict) else {}
        who, said = given.get("from", given.get("role")), given.get("value", given.get("content"))
        if isinstance(who, str) and isinstance(said, str) and _ROLES.get(who) != "system":
            found.append((_ROLES.get(who, who), said))
    return found


def answered(turns: Sequence[tuple[str, str]], account: Account) -> Iterator[tuple[str, list[Any]]]:
    """(type, its entities) of every question that has an answer."""
    for n, (who, value) in enumerate(turns):
        if who != "human" or n == 0:
            continue
        account.met["answers"] += 1
        question = _QUESTION.fullmatch(value.strip())
        if question is None:
            account.lose("answers", "unknown_question")
        elif n + 1 == len(turns) or turns[n + 1][0] != "gpt":
            account.lose("answers", "no_answer")
        else:
            try:
                answer = orjson.loads(turns[n + 1][1])
            except orjson.JSONDecodeError:
                answer = None
            if isinstance(answer, list):
                yield question[1], answer
            else:
                account.lose("answers", "not_a_list")


def _plain(text: str, entities: Sequence[Any], account: Account) -> list[Mention]:
    found = []
    for entity in entities:
        given = entity if isinstance(entity, dict) else {}
        label, words = given.get("type", given.get("label")), given.get("entity", given.get("text"))
        if "start" in given or "end" in given:
            found.append(placed(text, label, given.get("start"), given.get("end"), words, account))
        else:
            found.append(named(label, words, account))
    return [mention for mention in found if mention is not None]


def documents(source: Source, path: Path, account: Account) -> Iterator[Document]:
    """The texts of a file, each with all that is asked of it."""
    found, asked = list[Document](), dict[str, tuple[Document, set[str]]]()
    for place, row in rows(path, account):
        match row:
            case {"text": str(text), "entities": list(entities)}:
                found.append(Document(place, text, row.get("id"), mentions=_plain(text, entities, account)))
            case {"conversations": _} | {"messages": _} if (turns := turns_of(row)) and turns[0][0] == "human":
                text = _HEAD.sub("", turns[0][1], count=1) if _HEAD.match(turns[0][1]) else turns[0][1]
                answers = list(answered(turns, account))
                mentions = [named(kind, words, account) for kind, entities in answers for words in entities]
                document, kinds = asked.get(text, (None, set[str]()))
                if document is None or len(answers) != 1 or answers[0][0] in kinds:
                    document, kinds = Document(place, text, row.get("id")), set[str]()
                    found.append(document)
                    if len(answers) == 1:
                        asked[text] = document, kinds
                kinds.update(kind for kind, _ in answers)
                document.mentions += [mention for mention in mentions if mention is not None]
            case _:
                account.lose("rows", "wrong_shape")
    yield from found


def records(source: Source) -> list[Record]:
    """A record for each text; prints what was lost."""
    return read(source, documents, FORM)
