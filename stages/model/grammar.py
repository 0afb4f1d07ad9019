"""Constrained decoding: after every token, the tokens that an answer may go on with. docs/constrained.md tells why so.

An answer is `{text label}/{instruct word}/{list}` as `stages.records.linear` writes it under a view: labels from the tables (open
ones: up to `LONGEST_LABEL` characters without a delimiter), spans verbatim from the text with their escapes, the end only
where the answer is complete. llguidance holds this grammar, one a text, over the bytes of the tokens, so a character may be
split across tokens but never cut. What a grammar cannot count is done here: a repetition that no gold has ends the list.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from numpy.typing import NDArray

from stages.core.errors import UserError
from stages.model.common import decode, output_ids
from stages.records.linear import View, parse, split_input
from stages.records.record import occurrences
from stages.records.tasks import FORMS, Task, subset

LONGEST_LABEL = 64  # characters of an open label

_OPEN_LABEL = rf"/[^:;\/\\\n\r]{{1,{LONGEST_LABEL}}}/"  # the characters of `tasks.DELIMITERS` left out
# An even or an odd number of backslashes at the end: in the odd case the last one is not escaped yet.
_EVEN, _ODD = r"/(?s:(.*[^\\])?(\\\\)*)/", r"/(?s:(.*[^\\])?(\\\\)*\\)/"
_LISTS = {
    "span": '(":" WORD ";" SPAN)*',
    "relation": '((":" SPAN ";" WORD ";" SPAN)+ ":")?',
    "event": '((":" event)+ ":")?',
}
# Any role may be empty, but not all four: by the first one that is not.
_EVENT = " | ".join('";" ' * n + "SPAN" + ' ";" SPAN?' * (3 - n) for n in range(4))
# Without it, where only one text can follow, only the tokens are allowed that the tokenizer would choose for it.
_ANY_TOKENS = '%llguidance {"no_forcing": true}'
_COLON = re.compile(r"\\[:;\\]|:")


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
    asks_label, asks_words = view in ("joint", "text", "words_given"), view in ("joint", "words", "text_given")
    start = f"start: {'LABEL ' if asks_label else ''}{_literal(f'/{task.word}/')}{' list' if asks_words else ''}"
    rules = [_ANY_TOKENS, start]
    if asks_label:
        rules.append("LABEL: " + " | ".join(map(_literal, entry.text_labels[lang])))
    if asks_words:
        rules.append(f"list: {_LISTS[task.kind] if text else _literal('')}")
        if text:
            rules += _span_rules(text)
        if text and task.kind == "event":
            rules.append(f"event: {_EVENT}")
        elif text:
            table = entry.word_labels[task.name]
            rules.append("WORD: " + (" | ".join(map(_literal, table[lang])) if table else _OPEN_LABEL))
    return "\n".join(rules) + "\n"


def _span_rules(text: str) -> list[str]:
    r"""Any part of the text that is not empty, as `linear.escape` writes it.

    A backslash is escaped before `:`, `;` and a backslash, and at the end of a field: the part is matched as if it went
    on, and gets its second backslash where it ends.
    """
    pieces = [
        "\\" + char if char in ":;" or (char == "\\" and after in (":", ";", "\\", "")) else char
        for char, after in zip(text, [*text[1:], ""], strict=True)
    ]
    rules = [f"PART: %regex {json.dumps({'substring_chunks': pieces}, ensure_ascii=False)}"]
    if "\\" in text:
        return [*rules, f'SPAN: PART & {_EVEN} & /(?s:.+)/ | (PART & {_ODD}) "\\\\"']
    return [*rules, "SPAN: PART & /(?s:.+)/"]


def _literal(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def repeats(output: str, task: Task, text: str) -> bool:
    """Whether an extraction that a colon ends in `output` stands there more often than its spans allow.

    A span allows as many as its occurrences in the text, overlapping ones too, and several spans the product of theirs.
    """
    colons = [match.start() for match in _COLON.finditer(output) if match.group() == ":"]
    counts = Counter(parse(output[: colons[-1]], task).extractions) if colons else Counter[tuple[str, ...]]()
    label = FORMS[task.kind].label
    return any(
        count > math.prod(len(occurrences(text, span)) for n, span in enumerate(fields) if n != label and span)
        for fields, count in counts.items()
        if count > 1
    )


class Vocabulary:
    """The tokens of a model as bytes. Made once, in about half a second.

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
        tokens = [n for n in range(size) if not self.grammar.is_special_token(n)]
        self.with_colon = frozenset(n for n in tokens if b":" in self.bytes_of(n))
        self.colon = next(n for n in self.with_colon if self.bytes_of(n) == b":")

    def bytes_of(self, *ids: int) -> bytes:
        return self.grammar.decode_bytes(list(ids))


class Answer:
    """The answer to one example while it is written: `choose` its tokens one by one, until it is the end token."""

    def __init__(self, vocabulary: Vocabulary, example: Mapping[str, Any], view: View) -> None:
        self._vocabulary, self._id = vocabulary, example["id"]
        self._text, self._task = text_of(example, view)
        self._matcher = LLMatcher(vocabulary.grammar, grammar(example, view), log_level=0)
        self._written = b""
        self._over = False  # a relation or an event came once too often, and its colon has closed the list
        self._check()

    def legal(self) -> NDArray[np.int64]:
        """Ids of the tokens that the grammar allows next, at least one, in order."""
        if self._over:
            return np.array([self._vocabulary.end])
        ids = np.flatnonzero(np.frombuffer(self._matcher.compute_logit_bias(), dtype=np.uint8))
        self._check()
        return ids

    def choose(self, scores: torch.Tensor) -> int:
        """The token of the best score (vocabulary) among those that may come next; it is added to the answer.

        Where the best one would go on after a repetition that is one too many, the list is ended in its stead.
        """
        ids = self.legal()
        best = scores[torch.from_numpy(ids)]
        token = int(ids[best.argmax()])
        while self._goes_on_after_repetition(token):
            if self._vocabulary.bytes_of(token).startswith(b":"):
                token = self._vocabulary.end if self._task.kind == "span" else self._vocabulary.colon
                break
            best[best.argmax()] = -math.inf  # "…:" would also add to the span: that may still be done without the ":"
            token = int(ids[best.argmax()])
        if token != self._vocabulary.end:
            self._over = self._repeats(token)
            self._written += self._vocabulary.bytes_of(token)
            self._matcher.consume_token(token)
            self._check()
        return token

    def _goes_on_after_repetition(self, token: int) -> bool:
        closes = self._task.kind != "span" and token == self._vocabulary.colon
        return not closes and self._repeats(token)

    def _repeats(self, token: int) -> bool:
        if token not in self._vocabulary.with_colon:
            return False
        # A character that is cut at the end stands after the last colon, where `repeats` does not look.
        output = (self._written + self._vocabulary.bytes_of(token)).decode(errors="replace")
        return repeats(output, self._task, self._text)

    def _check(self) -> None:
        if self._matcher.is_error():
            fault = " ".join(self._matcher.get_error().split())[:300]
            raise UserError(self._id, f"constrained decoding failed: {fault}", "predict it unconstrained and report it")
