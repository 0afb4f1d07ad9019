"""A small project of the reviewer's: three translations kept, two quarantined, one that failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.core.files import write_jsonl
from stages.records.record import Record
from stages.translation.lines import write_translations
from tests.support.records import scnm_record

TEXT = "The Nada ward museum stands in Nada ward, Kobe."


def quarantined(source: Record, target: Record | None, *reasons: str) -> dict[str, Any]:
    identifier = source["id"].removesuffix("ja") + "en"
    return {
        "id": identifier,
        "source_id": source["id"],
        "response": "0" * 64,
        "failure": None if target else "not_json",
        "model": "first",
        "steps": {},
        "record": target,
        "reasons": list(reasons),
    }


@pytest.fixture
def kept() -> Record:
    """The museum: the second of two mentions is annotated."""
    return scnm_record("1", "en", TEXT, [("Location", "Nada ward", 31)], "Society")


@pytest.fixture
def project(tmp_path: Path, kept: Record) -> Path:
    """A folder with params.yaml and data/: tconer, filtered, quarantine, calibration, of ja, en and zh."""
    ja = [
        scnm_record("1", "ja", "灘区の博物館は神戸市の灘区に立つ。", [("地名", "灘区", 11)], "社会"),
        scnm_record("2", "ja", "久米は昭和62年に松江で生まれた。", [("人名", "久米", 0), ("地名", "松江", 9)], "社会"),
        scnm_record("3", "ja", "👩‍👩‍👧と𠮷野は鳥を見た。", [("人名", "𠮷野", 6)], "自然"),
        scnm_record("4", "ja", "桂川は長い。", [("地名", "桂川", 0)], "自然"),
        scnm_record("5", "ja", "鴨川も長い。", [("地名", "鴨川", 0)], "自然"),
    ]
    second = scnm_record("2", "en", "Kume was born in 1987 in Matsue.", [("Person", "Kume", 0)], "Society")
    third = scnm_record("3", "en", "👩‍👩‍👧 and Yoshino watched a bird.", [("Person", "Yoshino", 10)], "Nature")
    fourth = scnm_record("4", "en", "The Katsura is long.", [("Location", "Katsura", 4)], "Nature")
    data = tmp_path / "data"
    write_jsonl(data / "tconer/records.jsonl", ja)
    for lang in ("ja", "en", "zh"):
        write_jsonl(data / f"filtered/{lang}.jsonl", [kept, third] if lang == "en" else [])
        own = [quarantined(ja[1], second, "name_changed"), quarantined(ja[3], fourth, "too_short", "clause_lost")]
        write_translations(
            data / f"quarantine/{lang}.jsonl",
            [*own, quarantined(ja[4], None, "no_answer_not_json")] if lang == "en" else [],
        )
    (data / "calibration").mkdir()
    (tmp_path / "params.yaml").write_text("languages: [ja, en, zh]\n", encoding="utf-8")
    return tmp_path
