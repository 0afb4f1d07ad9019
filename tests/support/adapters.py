"""What the tests of the adapters share."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.schema import faults
from stages.records.record import Record, sort_records
from stages.records.rules import record_faults
from stages.sources.common import Source, make_record

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MMM_SHARED", ROOT.parent / "shared"))
WIKIPEDIA = SHARED / "data" / "ner-wikipedia-ja" / "ner.json"
HIRONSAN = Path(os.environ.get("MMM_EXTERNAL", ROOT / "tests" / "downloads")) / "hironsancorpus-0.1.2.tar.gz"
HIRONSAN_PIN = "9ea6a147c7f62433c19492eeaef1da846e038722e01f7c8dc40c406ee7504ae1"


def source(adapter: Any, path: Path, *, name: str = "own", pin: str | None = None, limit: int | None = None) -> Source:
    return Source(name, adapter.__name__.rpartition(".")[2], str(path), pin, limit)


def valid(records: list[Record]) -> list[Record]:
    """The records sorted, once no two share an id and each one passes its schema."""
    assert [fault for record in records for fault in faults(record, "record", record_faults)] == []
    return sort_records(records)


def words(record: Record) -> list[tuple[Any, ...]]:
    return [(item["label"], *((s["text"], s["start"]) for s in item["spans"])) for item in record["extractions"]]


def refusal(adapter: Any, path: Path, **options: Any) -> UserError:
    """The adapter's error, which must tell a remedy."""
    with pytest.raises(UserError) as caught:
        adapter.records(source(adapter, path, **options))
    assert caught.value.place.startswith(str(path))
    assert caught.value.remedy
    return caught.value


def write_json(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def own(native: str, text: str, lang: str = "ja", group: str | None = None, source_name: str = "own") -> Record:
    return make_record(
        subset_name="SCNM",
        task="NER",
        source=source_name,
        native=native,
        lang=lang,
        text=text,
        text_label=None,
        extractions=[],
        group=group,
    )
