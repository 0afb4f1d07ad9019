"""Keys that stand twice in one object of JSON: a reader sees the last of the values, and would not miss the others."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any


class _Twice(dict[str, Any]):
    """A JSON object in which `key` stood more than once."""

    key = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    marked = _Twice(found)
    marked.key = next(key for key, number in Counter(key for key, _ in pairs).items() if number > 1)
    return marked


def _twice(value: Any) -> str | None:
    """The first key that stands twice in one object, however deep."""
    if isinstance(value, _Twice):
        return value.key
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((key for part in inner if (key := _twice(part)) is not None), None)


def repeated_keys(data: bytes) -> dict[int, str]:
    """The rows of a sound JSON list in which a key stands twice, each with the first such key; orjson keeps the last silently."""
    found = list[_Twice]()

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = _object(pairs)
        if isinstance(value, _Twice):
            found.append(value)
        return value

    try:
        values = json.loads(data, object_pairs_hook=object_of)
    except RecursionError:  # deeper than any annotation
        return {}
    if not found:  # as nearly always: no second walk
        return {}
    return {n: key for n, value in enumerate(values) if (key := _twice(value)) is not None}
