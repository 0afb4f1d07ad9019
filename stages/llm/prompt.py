"""Loads a prompt file and renders its turns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stages.core.errors import UserError
from stages.core.files import dumps, read_bytes

# Values that stand in a turn as they are.
PLAIN = frozenset(("source", "target", "labels", "tagged", "translation", "wanted"))


@dataclass(frozen=True)
class Prompt:
    """A prompt's templates, by turn, with what else its file holds (worked example, language names)."""

    path: str
    sha256: str
    parts: dict[str, Any]

    def render(self, turn: str, **values: Any) -> str:
        """One turn; values are put in as JSON, except those of `PLAIN`."""
        plain = {name: value for name, value in values.items() if name in PLAIN}
        quoted = {name: dumps(value).decode() for name, value in values.items() if name not in plain}
        try:
            return str(self.parts[turn]).format(**plain, **quoted)
        except (KeyError, IndexError, ValueError) as error:
            fault = f"has no such turn or a wrong placeholder: {error!r}"
            raise UserError(f"{self.path}: {turn}", fault, "double the braces that are no placeholder's") from error

    @property
    def tagged(self) -> bool:
        """Whether a translation prompt marks spans in the text, or lists them beside it."""
        return bool(self.parts.get("spans") == "tagged")

    def language(self, code: str) -> str:
        """The name by which the prompt calls a language."""
        return str(self.by_language("language_names", code))

    def example(self, code: str) -> Any:
        """The worked example in one language."""
        return self.by_language("example", code)

    def examples(self, source: str, target: str, part: str = "examples") -> list[dict[str, Any]]:
        """The worked examples of a prompt that has several; each has an entry in both languages."""
        shown = self.parts.get(part, [])
        for n, example in enumerate(shown):
            for code in (source, target):
                if code not in example:
                    raise UserError(f"{self.path}: {part}[{n}]", f"has no {code!r}", "add the language to the prompt")
        return list(shown)

    def by_language(self, part: str, code: str) -> Any:
        """The entry of a part, which holds one a language."""
        entries = self.parts.get(part)
        if not isinstance(entries, dict) or code not in entries:
            raise UserError(f"{self.path}: {part}", f"has no {code!r}", "add the language to the prompt")
        return entries[code]


def load(path: str | Path) -> Prompt:
    """The prompt of a file; UserError where it is not YAML or lacks a turn."""
    data = read_bytes(path)
    try:
        parts = yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise UserError(str(path), "broken YAML: " + " ".join(str(error).split()), "fix this line") from error
    for turn in ("version", "system", "user"):
        if not isinstance(parts, dict) or turn not in parts:
            raise UserError(str(path), f"has no {turn!r}", "see stages/prompts/translate/v1.yaml for the form")
    return Prompt(str(path), hashlib.sha256(data).hexdigest(), parts)
