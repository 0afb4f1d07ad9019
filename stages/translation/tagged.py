"""The tagged form of a translation prompt, v2's: spans are marked in the text by numbered tags, which come back.

One call a text carries the marks of all its views. Span projection looks for what an answer leaves open: the free steps of
`stages/translation/projection.py` first, then a call that asks for the missing spans, then, if there is one, a stronger
model. A text goes on only while something is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import regex

from stages.core.files import dumps
from stages.llm.archive import Archive
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request, chat
from stages.text.writing_systems import left_untranslated
from stages.translation.attempt import Attempt, read_answer
from stages.translation.markup import pattern, read, tag
from stages.translation.projection import Projection
from stages.translation.source_text import Ask, SourceText, Translated
from stages.translation.wording import alphabet, examples, language_name


@dataclass(frozen=True)
class Tagged:
    """The form, of one prompt and target language."""

    lang: str
    spec: Prompt
    llm: Llm
    projection: Projection
    recorded: Archive | frozenset[str] = frozenset()  # keys of the responses that the archive holds

    def request(self, source: SourceText) -> Request:
        """The call for one text: instruction, worked examples, the tagged text."""
        return self._open_to(source, lambda allowed: self._request(source, allowed))

    def _open_to(self, source: SourceText, call: Callable[[str | None], Request]) -> Request:
        """The call whose schema lets a right translation of the source through.

        A response that was recorded under the prompt's alphabet alone stands: the archive is replayed as it is.
        """
        allowed = alphabet(self.spec, self.lang)
        wide = allowed and alphabet_for(source.text, allowed, alphabet(self.spec, source.lang) or "", self.lang)
        if wide != allowed and (narrow := call(allowed)).key in self.recorded:
            return narrow
        return call(wide)

    def _request(self, source: SourceText, allowed: str | None) -> Request:
        spec = self.spec
        parts = _schema(
            {f"e{number}": _string(None if "<" in source.words(number) else allowed) for number in source.marks}
        )
        text = {"type": "string"} if allowed is None else {"type": "string", "pattern": pattern(source.marks, allowed)}
        schema = _schema({"text": text, "parts": parts})
        names = {"source": language_name(spec, source.lang), "target": language_name(spec, self.lang)}
        messages = [{"role": "system", "content": spec.render("system", **names)}]
        for shown in examples(spec, source.lang, self.lang):
            messages.append({"role": "user", "content": shown[source.lang]})
            messages.append({"role": "assistant", "content": _example(shown[self.lang])})
        tagged = tag(source.text, source.marks)
        return chat(self.llm, [*messages, {"role": "user", "content": spec.render("user", tagged=tagged)}], schema)

    def find_request(self, attempt: Attempt) -> Request:
        """The call for the spans that an attempt misses: its translation stands, the words for each are asked for."""
        return self._open_to(attempt.source, lambda allowed: self._find_request(attempt, allowed))

    def _find_request(self, attempt: Attempt, allowed: str | None) -> Request:
        spec, source, words = self.spec, attempt.source.lang, list(attempt.words())
        names = {"source": language_name(spec, source), "target": language_name(spec, self.lang)}

        def user(text: str, translation: str, asked: Sequence[str]) -> dict[str, str]:
            wanted = dumps(dict.fromkeys(asked, "?")).decode()
            content = spec.render("find_user", tagged=text, translation=translation, wanted=wanted)
            return {"role": "user", "content": content}

        messages = [{"role": "system", "content": spec.render("find_system", **names)}]
        for shown in examples(spec, source, self.lang, "find_examples"):
            answer = dict(zip(shown[source]["words"], shown[self.lang]["words"], strict=True))
            messages.append(user(shown[source]["text"], shown[self.lang]["text"], shown[source]["words"]))
            messages.append({"role": "assistant", "content": dumps(answer).decode()})
        messages.append(user(attempt.source.text, attempt.text, words))
        return chat(self.llm, messages, _schema(dict.fromkeys(words, _string(allowed, "*"))))

    def translate(self, sources: Sequence[SourceText], ask: Ask) -> list[Translated]:
        """What became of each text; of two attempts at it the less faulty counts, of equals the earlier."""
        best = self._attempts(sources, ask, "first")
        if self.projection.stronger_model:
            stronger = replace(self, llm=replace(self.llm, model=self.projection.stronger_model))
            flawed = [n for n, attempt in enumerate(best) if any(attempt.faultiness())]
            later = stronger._attempts([sources[n] for n in flawed], ask, "stronger")
            for n, attempt in zip(flawed, later, strict=True):
                if attempt.better_than(best[n]):
                    best[n] = attempt
        return [attempt.translated() for attempt in best]

    def _attempts(self, sources: Sequence[SourceText], ask: Ask, model: str) -> list[Attempt]:
        """One attempt at each text by this form's model, and what it answers when asked for the spans that are missing."""
        requests = [self.request(source) for source in sources]
        attempts = [
            read_answer(answer, source, self.lang, self.projection, request.key, model)
            for source, request, answer in zip(sources, requests, ask(requests), strict=True)
        ]
        if self.projection.ask_span:
            open_ones = [attempt for attempt in attempts if attempt.missing()]
            answers = ask([self.find_request(attempt) for attempt in open_ones])
            for attempt, answer in zip(open_ones, answers, strict=True):
                attempt.take_asked(answer)
        return attempts


def alphabet_for(text: str, allowed: str, own: str, lang: str) -> str | None:
    """The character class that a translation of the text may use: the target's, and what the text itself holds beyond the
    classes of both languages (an emoji, a bracket, a rare character), but for letters of a script that would be left
    untranslated. None where that cannot be said by a class: the text holds what JSON escapes, which servers that enforce
    a pattern see in either form.
    """
    known = regex.compile(f"[{allowed}{own}]")
    more = {character for character in text if not known.fullmatch(character) and character != "<"}
    if any(dumps(character).decode() != f'"{character}"' for character in more):
        return None
    foreign = {character for character in more if left_untranslated(lang, character)}
    return allowed + "".join(rf"\{c}" if c in r"[]^-\\" else c for c in sorted(more - foreign))


def _string(allowed: str | None, least: str = "+") -> dict[str, Any]:
    return {"type": "string"} if allowed is None else {"type": "string", "pattern": f"^[{allowed}]{least}$"}


def _schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _example(tagged: str) -> str:
    """A worked example's answer: itself, and its parts by number."""
    shown = read(tagged, tagged.count("</e"))
    parts = {f"e{n}": shown.text[start:end] for n, (start, end) in sorted(shown.places.items())}
    return dumps({"text": tagged, "parts": parts}).decode()
