"""No import falls over a row, whatever stands in it: it is read, counted as lost, or refused in one line."""

from __future__ import annotations

import contextlib
import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.errors import LIMIT, UserError
from stages.core.schema import faults
from stages.records.rules import record_faults
from stages.sources.common import Source
from stages.sources.raw import ADAPTERS
from tests.sources.test_imports import EXPECTED

KEYS = [
    "id", "text", "label", "labels", "entities", "relations", "spans", "tokens", "ner_tags", "sents", "vertexSet", "data",
    "annotations", "result", "value", "type", "start", "end", "from", "to", "target", "polarity", "sentences", "sentence",
    "opinions", "conversations", "messages", "role", "content", "tokenized_text", "ner", "pos", "sent_id", "h", "t", "r",
    "from_id", "to_id", "start_offset", "end_offset", "answer", "accept", "cats", "choices", "head_span", "child_span", "curid",
    "name", "span", "input", "output", "title",
]  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.sampled_from(["Ana", "O", "B-PER", "labels", "human", "gpt", "[]", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)
LINES = st.lists(
    st.sampled_from(["Ana\tB-PER", "Ana B-PER", "", "# text = Ana", "x", "-DOCSTART-", "1\tAna\tO", "<sentence>"])
)
IMPORTS = sorted(set(ADAPTERS) - {"sample", "mmm"})


def attempt(adapter: str, content: str, **options: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.write_text(content, encoding="utf-8")
        try:
            found = ADAPTERS[adapter](Source("own", adapter, str(path), None, None, **options))  # type: ignore[arg-type]
        except UserError as error:
            if len(str(error)) > LIMIT or "\n" in str(error):
                raise AssertionError("no single short line") from error
            return
    wrong = [fault for record in found for fault in faults(record, "record", record_faults)]
    assert wrong == []


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *places(value[key])]]


SOUND = [(adapter, content, options) for adapter, content, options, _ in EXPECTED if not isinstance(content, str)]


@pytest.mark.parametrize(("adapter", "content", "options"), SOUND)
@settings(max_examples=25)
@given(at=st.integers(0, 99), value=JSON)
def test_a_sound_row_that_is_broken_in_one_place_is_read_or_refused(
    adapter: str, content: Any, options: dict[str, Any], at: int, value: Any
) -> None:
    rows = copy.deepcopy(content if isinstance(content, list) else [content])
    found = places(rows)
    container, key = found[at % len(found)]
    container[key] = value
    attempt(adapter, "".join(json.dumps(row) + "\n" for row in rows), **options)


@pytest.mark.parametrize("adapter", IMPORTS)
@settings(max_examples=25)
@given(rows=st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6) | JSON, max_size=2), lines=LINES)
def test_any_file_is_read_or_refused(adapter: str, rows: list[Any], lines: list[str]) -> None:
    with contextlib.suppress(BrokenPipeError):
        attempt(adapter, "".join(json.dumps(row) + "\n" for row in rows))
        attempt(adapter, "\n".join(lines))
