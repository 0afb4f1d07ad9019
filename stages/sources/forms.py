"""Which adapter's form a file has, told from its first row: so that a file under the wrong adapter is refused by name.

`FORMS` says for each adapter how its rows look; the first that fits counts, so the more special stand first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from stages.core.errors import UserError
from stages.core.files import read_bytes

Row = dict[str, Any]
_TAGGED = re.compile(r"\S.*[ \t](O|[BILUSEM]-\S+|_)\s*")


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _is_triple(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(type(part) is int for part in value[:2])


def _has(row: Row, *names: str) -> bool:
    return all(name in row for name in names)


def _doccano(row: Row) -> bool:
    first = _first(row.get("label", row.get("labels", row.get("entities"))))
    return _is_triple(first) or (isinstance(first, dict) and _has(first, "start_offset", "end_offset", "label"))


def _cluener(row: Row) -> bool:
    label = row.get("label")
    return isinstance(label, dict) and all(isinstance(found, dict) for found in label.values())


def _prodigy(row: Row) -> bool:
    return "_input_hash" in row or "_task_hash" in row or (isinstance(row.get("spans"), list) and "text" in row)


FORMS: dict[str, Callable[[Row], bool]] = {
    "jsonl": lambda row: _has(row, "subset", "task", "extractions"),
    "wikipedia": lambda row: _has(row, "curid", "entities"),
    "gliner": lambda row: _has(row, "tokenized_text", "ner"),
    "jacred": lambda row: _has(row, "sents", "vertexSet"),
    "label_studio": lambda row: isinstance(row.get("data"), dict) and ("annotations" in row or "completions" in row),
    "chabsa": lambda row: (
        isinstance(first := _first(row.get("sentences")), dict) and _has(first, "sentence", "opinions")
    ),
    "cluener": _cluener,
    "prodigy": _prodigy,
    "doccano": _doccano,
    "conll": lambda row: _has(row, "tokens") and any(name in row for name in ("ner_tags", "tags")),
    "pile": lambda row: "conversations" in row or "messages" in row or isinstance(row.get("entities"), list),
    "mmm": lambda row: set(row) == {"input", "output"},
}


def form_of(row: Any) -> str | None:
    """The adapter that reads such a row, None where none is known."""
    return next((name for name, fits in FORMS.items() if fits(row)), None) if isinstance(row, dict) else None


def _text_form(text: str) -> str | None:
    if text.lstrip()[:1] == "<":
        return "semeval" if "<sentence" in text else None
    lines = [line for line in text.split("\n")[:50] if line.strip() and not line.startswith(("#", "-DOCSTART-"))]
    if lines and lines[0].count("\t") == 9:
        return "ud_ner"
    return "conll" if lines and _TAGGED.fullmatch(lines[0]) else None


def sniff(path: Path) -> str | None:
    """The adapter whose form a file has, None where none is told."""
    if not path.is_file() or path.name.endswith((".tar.gz", ".tgz", ".zip")):
        return None
    data = read_bytes(path).lstrip()
    if data[:1] in (b"{", b"["):
        for part in (data.partition(b"\n")[0], data):  # a row a line, or one value on many
            try:
                value = orjson.loads(part)
            except orjson.JSONDecodeError:
                continue
            return form_of(_first(value) if isinstance(value, list) else value)
        return None
    return _text_form(data[:65536].decode("utf-8", "replace"))


def refuse_other(path: Path, adapter: str) -> None:
    """UserError where a file has the form of another adapter than the one that is to read it."""
    found = sniff(path)
    if found is not None and found != adapter:
        raise UserError(
            str(path), f"looks like the form of adapter {found}, not of {adapter}", f"write `adapter: {found}`"
        )
