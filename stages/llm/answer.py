"""What a response says: its JSON, or the code of why it has none."""

from __future__ import annotations

from typing import Any

import orjson


def json_answer(response: dict[str, Any]) -> tuple[Any, str | None]:
    """(value, None), or (None, failure): truncated, refused, filtered, not_json.

    `finish_reason` comes first: a schema-constrained answer that was cut may still look whole.
    """
    if response["refusal"]:
        return None, "refused"
    if response["finish_reason"] == "length":
        return None, "truncated"
    if response["finish_reason"] == "content_filter":
        return None, "filtered"
    try:
        return orjson.loads(response["content"]), None
    except orjson.JSONDecodeError:
        return None, "not_json"
