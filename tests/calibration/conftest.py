"""A small project of the reviewer's: three translations kept, two quarantined, one that failed; its review page, and a browser on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core.files import iter_jsonl, write_jsonl
from stages.records.record import Record
from stages.translation.lines import write_translations
from tests.support.records import scnm_record
from tests.support.review import Page, serving

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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, started once a module, as no event loop may run beside other tests; asked for by tests alone that import tests.support.browser, which are skipped without one."""
    from tests.support.browser import CHROMIUM, playwright

    with playwright.sync_playwright() as program:
        running = program.chromium.launch(executable_path=CHROMIUM)
        yield running
        running.close()


@pytest.fixture
def data(project: Path) -> Path:
    """The project's data with a Japanese translation of letters with combining marks, emoji and a ZWJ sequence."""
    from tests.support.browser import TEXT, open_record

    folder = project / "data"
    source = open_record("9", "en", "The family goes to Gagi and Yoshino 🎉.", [])
    known = {"label": "場所", "spans": [{"text": "𠮷野", "start": TEXT.index("𠮷野")}]}
    write_jsonl(folder / "tconer/records.jsonl", [*iter_jsonl(folder / "tconer/records.jsonl"), source])
    write_jsonl(folder / "filtered/ja.jsonl", [open_record("9", "ja", TEXT, [known])])
    return folder


@pytest.fixture
def served(data: Path) -> Iterator[Page]:
    """The page of these data."""
    with serving(data) as running:
        yield running


@pytest.fixture
def visit(browser: Any, served: Page) -> Iterator[Any]:
    """Opens the page as somebody and shows a record; afterwards nothing was asked of any other machine, and no script failed."""
    from tests.support.browser import Visits

    visits = Visits(browser, served)
    yield visits.open
    visits.end()
