"""Findings say where, compare normalised forms, and a check that throws is a finding of one record."""

from __future__ import annotations

import gc
import time
import unicodedata
import weakref
from typing import Any

import pytest

from stages.checks import CHECKS, SETTLED, SWEPT, Checks, faults, findings, settle
from stages.core import config
from stages.records.record import Record

SWITCHES: Checks = config.read("checks", Checks)
SOURCE = "ガイドの桐原さんは、神戸でパンを12個買った。"
TARGET = "Kirihara, the guide, bought 12 loaves of bread in Kobe."


def record(lang: str, text: str, *spans: tuple[str, str]) -> Record:
    items: list[dict[str, Any]] = [
        {"label": label, "spans": [{"text": part, "start": text.find(part)}]} for label, part in spans
    ]
    return {"subset": "SCNM", "task": "NER", "lang": lang, "text": text, "extractions": items}


def sources(text: str) -> Record:
    return record("ja", text, ("人名", "桐原"), ("地名", "神戸"))


def half_width(text: str) -> str:
    """The katakana of a text in half width, as old terminals have it."""
    pairs = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFFA0)}
    return "".join(pairs.get(char, char) for char in unicodedata.normalize("NFD", text).replace("\u3099", "ﾞ"))


@pytest.mark.parametrize(
    "text",
    [
        SOURCE,
        unicodedata.normalize("NFD", SOURCE),
        SOURCE.replace("12", "１２"),
        half_width("ガイドの") + SOURCE[4:].replace("パン", "ﾊﾟﾝ"),
    ],
)
def test_a_right_translation_passes_in_every_form_of_its_source(text: str) -> None:
    source = record("ja", text, ("人名", "桐原"), ("地名", "神戸"))
    target = record("en", TARGET, ("Person", "Kirihara"), ("Location", "Kobe"))
    assert faults(source, target, SWITCHES) == []


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_wrong_one_is_found_in_every_form_and_its_place_is_in_the_text_as_it_stands(form: str) -> None:
    source = sources(unicodedata.normalize(form, SOURCE))  # type: ignore[arg-type]
    name = unicodedata.normalize(form, "Murámoto")  # type: ignore[arg-type]
    target = record("en", TARGET.replace("12", "15").replace("Kirihara", name), ("Person", name), ("Location", "Kobe"))
    found = findings(source, target, ["names", "numbers"])
    assert [item.code for item in found["numbers"]] == ["number_changed"]
    named = [item for item in found["names"] if item.target]
    places = [target["text"][slice(*item.target)] for item in named if item.target]
    assert places == [name]


def test_a_check_that_throws_is_a_reason_of_this_record_and_names_the_check() -> None:
    broken = record("en", TARGET, ("Location", "Kobe"))
    broken["extractions"][0]["spans"][0].pop("start")
    found = findings(sources(SOURCE), broken, list(CHECKS))
    failed = [item for items in found.values() for item in items if item.code == "check_failed"]
    assert failed
    assert all("KeyError" in item.what for item in failed)
    assert "check_failed" in faults(sources(SOURCE), broken, SWITCHES)


def test_a_text_that_is_a_book_is_for_people_at_once() -> None:
    pair = record("ja", SOURCE * 5000), record("en", TARGET * 2000)
    begun = time.process_time()
    assert faults(*pair, SWITCHES) == ["check_failed"]
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "numbers", ["7、" * 1000, "１２、" * 1500, "9" * 4301 + "。", "三" * 5000, "1" * 2000 + "." + "1" * 4400]
)
def test_a_table_of_numbers_and_a_number_of_thousands_of_digits_are_read(numbers: str) -> None:
    source = record("ja", f"表は次の通り。{numbers}")
    found = findings(source, record("zh", f"表如下。{numbers}"), ["numbers"])
    assert found == {"numbers": []}


class Cycle:
    """Garbage that only Python's search for it frees."""

    def __init__(self) -> None:
        self.own = self


def test_what_is_alive_is_put_aside_and_what_dies_goes() -> None:
    alive, dead = Cycle(), weakref.ref(Cycle())
    for _ in range(SETTLED):
        findings(sources(SOURCE), record("en", TARGET), ["length"])
    assert gc.isenabled()
    assert dead() is None
    assert not any(item is alive for item in gc.get_objects())
    later = weakref.ref(alive)
    del alive
    for _ in range(SWEPT):
        settle()
    assert later() is None
