"""What a prompt says of a language: from the prompt itself, else from the language's own table; what neither has is left out.

A language that has a table of its own needs no entry in any prompt: it goes without worked examples and, where its table
has no alphabet, without a limit on characters. That is said once a run.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from stages.llm.prompt import Prompt
from stages.records.tasks import languages


@cache
def say_once(what: str) -> None:
    """A line on stderr, the first time only."""
    print(what, file=sys.stderr)


def _lacks(spec: Prompt, part: str, code: str) -> bool:
    entries = spec.parts.get(part)
    return code in languages() and not (isinstance(entries, dict) and code in entries)


def language_name(spec: Prompt, code: str) -> str:
    """The name by which the prompt calls a language."""
    return str(languages()[code]["name"]) if _lacks(spec, "language_names", code) else spec.language(code)


def alphabet(spec: Prompt, code: str) -> str | None:
    """The character class of answers in a language; None where anything may come."""
    if not _lacks(spec, "allowed", code):
        return str(spec.by_language("allowed", code))
    found: str | None = languages()[code].get("alphabet")
    if found is None:
        say_once(f"{code}: has no alphabet in its table, so the answers' characters are not limited")
    return found


def example(spec: Prompt, source: str, target: str) -> tuple[Any, Any] | None:
    """The worked example of a prompt that has one, in both languages; None where a language with a table lacks it."""
    for code in (source, target):
        if _lacks(spec, "example", code):
            say_once(f"{spec.path}: has no worked example in {code!r}, so none is shown")
            return None
    return spec.example(source), spec.example(target)


def examples(spec: Prompt, source: str, target: str, part: str = "examples") -> list[dict[str, Any]]:
    """The worked examples of a prompt that has several, likewise."""
    shown = spec.parts.get(part, [])
    for code in (source, target):
        if code in languages() and not all(code in example for example in shown):
            say_once(f"{spec.path}: has no {part} in {code!r}, so none is shown")
            return []
    return spec.examples(source, target, part)
