"""Focus and unsaved work on the review page: no filter, button or step to another record takes either away."""

from __future__ import annotations

from pathlib import Path

from stages.core.files import iter_jsonl, write_jsonl
from tests.support.browser import KUME, MUSEUM, Open, expect, press, saved, show
from tests.support.review import lines_of


def test_a_comment_stays_with_its_record_until_it_is_saved(visit: Open, data: Path) -> None:
    tab = visit(KUME)
    press(tab, "c")
    tab.keyboard.type("the place is lost")
    press(tab, "Enter")  # back to the text, nothing is sent
    show(tab, MUSEUM)
    assert tab.input_value("#comment") == ""
    expect(tab.locator("#queue .unsaved")).to_contain_text("not saved")
    show(tab, KUME)
    assert tab.input_value("#comment") == "the place is lost"
    press(tab, "a")
    saved(tab)
    assert [patch["reason"] for patch in lines_of(data / "calibration")] == ["the place is lost"]
    expect(tab.locator("#queue .unsaved")).to_have_count(0)


def test_filters_keep_the_focus_and_what_is_typed(visit: Open) -> None:
    tab = visit(MUSEUM)
    tab.focus("#filters [name=reason]")
    tab.select_option("#filters [name=reason]", "name_changed")
    expect(tab.locator("#record-id")).to_have_text(KUME)
    assert tab.evaluate("document.activeElement.name") == "reason"
    tab.select_option("#filters [name=reason]", "")
    press(tab, "Escape", "/")
    tab.keyboard.type("Nada ward")
    expect(tab.locator("#queue button")).to_have_count(1)
    assert tab.text_content("#record-id") == KUME  # while one types
    press(tab, "Escape")  # the filter stays, and its first record is shown
    expect(tab.locator("#record-id")).to_have_text(MUSEUM)
    assert (tab.input_value("#filters [name=text]"), tab.evaluate("document.activeElement.id")) == (
        "Nada ward",
        "target",
    )


def test_a_button_takes_neither_the_selection_nor_the_focus(visit: Open) -> None:
    tab = visit(MUSEUM)
    press(tab, "Home", *["Shift+ArrowRight"] * 3)
    tab.click("#labels button:has-text('Facility')")
    assert tab.text_content("#pairs tbody tr.current td:nth-child(4)") == "Facility"
    assert tab.evaluate("document.activeElement.id") == "target"
    tab.focus("#text-labels button >> nth=1")
    press(tab, "Enter")
    assert tab.get_attribute("#text-labels button:focus", "aria-pressed") == "true"


def test_a_version_in_conflict_is_set_aside_on_the_page(visit: Open, data: Path) -> None:
    tab = visit(MUSEUM)
    press(tab, "t", "5", "s")
    saved(tab)
    path = data / "filtered/en.jsonl"
    records = list(iter_jsonl(path))
    write_jsonl(path, [{**records[0], "text": "A museum stands in Nada ward.", "extractions": []}, *records[1:]])
    show(tab, MUSEUM)
    expect(tab.locator("#versions")).to_be_visible()
    tab.click("#versions button:has-text('Set it aside')")
    expect(tab.locator("#versions")).to_be_hidden()
    assert [patch["op"] for patch in lines_of(data / "calibration")] == ["text_label", "withdraw"]
