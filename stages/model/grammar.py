"""Constrained decoding: after every token, the tokens that an answer may go on with. docs/constrained.md tells why so.

An answer is `{text label}/{instruct word}/{list}` as `stages.records.linear` writes it under a view: labels from the tables (open
ones: up to `LONGEST_LABEL` characters without a delimiter), spans verbatim from the text, in whole words and with their escapes, the
end only where the answer is complete. llguidance holds this grammar, one a text, over the bytes of the tokens, so a character may be
split across tokens but never cut. What a grammar cannot count, `stages.model.repetition` does for every way of decoding.
`Answer` is the grammar, `Draft` what prediction makes of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import regex
import torch
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.hf import from_tokenizer
from numpy.typing import NDArray

from stages.core.errors import UserError
from stages.model.common import decode, output_ids
from stages.records.linear import View, encode_list, parse, split_input
from stages.records.tasks import Task, subset

LONGEST_LABEL = 64  # characters of an open label
ASK_WORDS: tuple[View, ...] = ("joint", "words", "text_given")

_OPEN_LABEL = rf"/[^:;\/\\\n\r]{{1,{LONGEST_LABEL}}}/"  # the characters of `tasks.DELIMITERS` left out
# An even or an odd number of backslashes at the end: in the odd case the last one is not escaped yet.
_EVEN, _ODD = r"/(?s:(.*[^\\])?(\\\\)*)/", r"/(?s:(.*[^\\])?(\\\\)*\\)/"
_TRIMMED = r"/\S(?s:.*\S)?/"  # no white space at either end
_LISTS = {
    "span": '(":" WORD ";" SPAN)*',
    "relation": '((":" SPAN ";" WORD ";" SPAN)+ ":")?',
    "event": '((":" event)+ ":")?',
}
# Any role may be empty, but not all four: by the first one that is not.
_EVENT = " | ".join('";" ' * n + "SPAN" + ' ";" SPAN?' * (3 - n) for n in range(4))
# Scripts that have capitals write words apart; the others, kana, Han or Thai among them, mostly do not.
_CHUNK = regex.compile(r"[\p{Lu}\p{Ll}\p{Lt}\p{M}]+|\p{Nd}+|(?s:.)")
# Without it, where only one text can follow, only the tokens are allowed that the tokenizer would choose for it.
_ANY_TOKENS = '%llguidance {"no_forcing": true}'
# A quarter of a grammar's compilation, for masks that take a tenth less: few are asked for.
_LIMITS = LLParserLimits(precompute_large_lexemes=False)


def text_of(example: Mapping[str, Any], view: View) -> tuple[str, Task]:
    """The text whose spans may be extracted, and the task; the label that `text_given` puts behind the text is left out."""
    text, task = split_input(example["input"])
    return (text.rpartition("/")[0] if view == "text_given" else text), task


def grammar(example: Mapping[str, Any], view: View) -> str:
    """The answers to an example of the mix, in llguidance's Lark syntax.

    Raises:
        UserError: its sub-dataset has no labels in its language.
    """
    text, task = text_of(example, view)
    entry, lang = subset(example["subset"]), example["lang"]
    if lang not in entry.languages:
        raise UserError(
            example["id"], f"{entry.name} has no labels in {lang!r}", "one of " + ", ".join(entry.languages)
        )
    asks_label, asks_words = view in ("joint", "text", "words_given"), view in ASK_WORDS
    start = f"start: {'LABEL ' if asks_label else ''}{_literal(f'/{task.word}/')}{' list' if asks_words else ''}"
    rules = [_ANY_TOKENS, start]
    if asks_label:
        rules.append("LABEL: " + " | ".join(map(_literal, entry.text_labels[lang])))
    if asks_words:
        any_span = regex.search(r"\P{White_Space}", text) is not None
        rules.append(f"list: {_LISTS[task.kind] if any_span else _literal('')}")
        if any_span:
            rules += _span_rules(text)
        if any_span and task.kind == "event":
            rules.append(f"event: {_EVENT}")
        elif any_span:
            table = entry.word_labels[task.name]
            rules.append("WORD: " + (" | ".join(map(_literal, table[lang])) if table else _OPEN_LABEL))
    return "\n".join(rules) + "\n"


def chunks(text: str) -> list[str]:
    """The text in the pieces that no span cuts: runs of cased letters with their marks, numbers, every other character alone."""
    return _CHUNK.findall(text)


def _span_rules(text: str) -> list[str]:
    r"""Any part of the text that is not empty, by whole `chunks`, as `linear.escape` writes it.

    A backslash is escaped before `:`, `;` and a backslash, and at the end of a field: the part is matched as if it went
    on, and gets its second backslash where it ends.
    """
    parts = chunks(text)
    pieces = [
        "\\" + part if part in (":", ";") or (part == "\\" and after in (":", ";", "\\", "")) else part
        for part, after in zip(parts, [*parts[1:], ""], strict=True)
    ]
    rules = [f"PART: %regex {json.dumps({'substring_chunks': pieces}, ensure_ascii=False)}"]
    if "\\" in text:
        return [*rules, f'SPAN: PART & {_EVEN} & {_TRIMMED} | (PART & {_ODD} & {_TRIMMED}) "\\\\"']
    return [*rules, f"SPAN: PART & {_TRIMMED}"]


def _literal(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


class Vocabulary:
    """The tokens of a model as bytes: half a second for 49,000 of them, four for 262,000 (`vocabulary_of` keeps the last).

    Raises:
        UserError: the tokenizer does not write a text as just its bytes (SentencePiece puts a space before it).
    """

    def __init__(self, tokenizer: Any, size: int) -> None:
        """`size` is that of the model's output layer, which may be larger than the tokenizer."""
        self.grammar: LLTokenizer = from_tokenizer(tokenizer, n_vocab=size)
        probe = "文芸/NER/:A b;\\:\\\\ 😀\n"
        ids = output_ids(tokenizer, probe)
        if self.bytes_of(*ids) != probe.encode() or decode(tokenizer, ids) != probe:
            fault = "its tokenizer changes a text, which constrained decoding cannot follow"
            raise UserError("base", fault, "choose another base, or predict unconstrained")
        self.end: int = tokenizer.eos_token_id

    def bytes_of(self, *ids: int) -> bytes:
        return self.grammar.decode_bytes(list(ids))


vocabulary_of = lru_cache(maxsize=1)(Vocabulary)


class Answer:
    """The answer to one example while it is written, token by token, until the end token.

    Greedy decoding gives `add` the token of the best score, and only where it is refused asks `choose`. What comes out is what
    `choose` alone would give: the best token of all is the best of those that may come if it is one of them. The grammar takes 6 µs
    for one token, 200 for all of a vocabulary of 262,144.
    """

    def __init__(self, vocabulary: Vocabulary, example: Mapping[str, Any], view: View) -> None:
        self._vocabulary, self._id = vocabulary, example["id"]
        self._matcher = LLMatcher(vocabulary.grammar, grammar(example, view), log_level=0, limits=_LIMITS)
        self._check()

    def legal(self) -> NDArray[np.int64]:
        """Ids of the tokens that the grammar allows next, at least one, in order."""
        return np.flatnonzero(self._allowed())

    def _allowed(self) -> NDArray[np.uint8]:
        """Not 0 where a token of the vocabulary may come next."""
        allowed = np.frombuffer(self._matcher.compute_logit_bias(), dtype=np.uint8)
        self._check()
        return allowed

    def add(self, token: int) -> bool:
        """Whether this token may come next; if so, it is added to the answer."""
        added = self._matcher.try_consume_tokens([token]) == 1
        self._check()
        return added

    def choose(self, scores: torch.Tensor, tokens: NDArray[np.int64] | None = None) -> int:
        """The token of the best score among those that may come next, of several the first; it is added to the answer.

        `scores` are those of `tokens`, sorted, or of the whole vocabulary. Where none of these may come, it is the first that may.
        """
        allowed = self._allowed()
        places = np.flatnonzero(allowed if tokens is None else allowed[tokens])
        if len(places):
            place = int(places[scores[torch.from_numpy(places)].argmax()])
            token = place if tokens is None else int(tokens[place])
        else:
            token = int(np.flatnonzero(allowed)[0])
        self._matcher.consume_token(token)
        self._check()
        return token

    def _check(self) -> None:
        if self._matcher.is_error():
            fault = " ".join(self._matcher.get_error().split())[:300]
            raise UserError(self._id, f"constrained decoding failed: {fault}", "predict it unconstrained and report it")


class Draft(Answer):
    """An answer as prediction writes it: by the grammar, but a list of relations or events may go on without it.

    A relation or event is right only as a whole, and where one of its tokens had to be forced the rest seldom is
    (docs/constrained.md has the figures). So from the first token that the grammar refuses there the model writes what it
    would, and `kept` leaves out what the grammar does not have: never more than that, so that no right extraction is lost.
    """

    def __init__(self, vocabulary: Vocabulary, example: Mapping[str, Any], view: View) -> None:
        super().__init__(vocabulary, example, view)
        self._task = text_of(example, view)[1]
        self._may_leave = self._task.kind != "span" and view in ASK_WORDS
        self._written: list[int] = []
        self._left = False  # whether the grammar is left

    @property
    def _head(self) -> bytes:
        """What stands before the list."""
        return f"/{self._task.word}/".encode()

    def add(self, token: int) -> bool:
        if self._left:
            return True
        added = super().add(token)
        if added:
            self._written.append(token)
        elif self._may_leave and self._head in self._vocabulary.bytes_of(*self._written):
            self._left = added = True
        return added

    def choose(self, scores: torch.Tensor, tokens: NDArray[np.int64] | None = None) -> int:
        token = super().choose(scores, tokens)
        self._written.append(token)
        return token

    def kept(self, output: str) -> tuple[str, int]:
        """The answer, and how many extractions were left out of `output`, which the model wrote; no more can be added."""
        if not self._left:
            return output, 0
        label, head, _ = output.partition(self._head.decode())
        parsed = parse(output, self._task)
        kept = [
            fields
            for fields in parsed.extractions
            if self._allows(label + head + encode_list([fields], self._task.kind))
        ]
        malformed = sum(defect in ("field_count", "empty_field") for defect in parsed.defects)
        left_out = len(parsed.extractions) - len(kept) + malformed
        return label + head + encode_list(kept, self._task.kind), left_out

    def _allows(self, output: str) -> bool:
        """Whether the grammar has this answer."""
        ids = [*self._vocabulary.grammar.tokenize_str(output), self._vocabulary.end]
        self._matcher.reset()
        return self._matcher.try_consume_tokens(ids) == len(ids)
