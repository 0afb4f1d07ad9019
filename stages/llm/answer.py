"""What a response says: its JSON, or the code of why it has none."""

from __future__ import annotations

from typing import Any

import orjson


def json_answer(response: dict[str, Any], loose: bool = False) -> tuple[Any, str | None]:
    """(value, None), or (None, failure): truncated, refused, filtered, not_json.

    `finish_reason` comes first: a schema-constrained answer that was cut may still look whole. With `loose`, the object is
    looked for inside the answer: endpoints without a JSON mode put it into a code fence or talk around it.
    """
    if response["refusal"]:
        return None, "refused"
    if response["finish_reason"] == "length":
        return None, "truncated"
    if response["finish_reason"] == "content_filter":
        return None, "filtered"
    content = response["content"]
    if loose and "{" in content and "}" in content:
        content = content[content.index("{") : content.rindex("}") + 1]
    try:
        return orjson.loads(content), None
    except orjson.JSONDecodeError:
        return None, "not_json"
