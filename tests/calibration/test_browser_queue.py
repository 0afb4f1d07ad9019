"""Queue and modes of the review page in a browser: where one gets after a decision, what waits beside a record, what blind hides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.calibration.page import versions_of
from stages.core.files import iter_jsonl, write_jsonl
from tests.support.browser import KUME, MUSEUM, Open, Visits, expect, press, saved, show, withheld
from tests.support.review import Page, lines_of, serving

KATSURA, KAMO = "SCNM/NER/own/4/en", "SCNM/NER/own/5/en"


def test_after_a_decision_comes_the_next_record_though_the_filter_shows_the_decided_no_more(
    visit: Open, data: Path
) -> None:
    """It comes before the queue is drawn anew, which takes longer. On a narrow screen a chosen record closes the queue."""
    tab = visit(KATSURA)
    tab.select_option("#filters [name=state]", "open")
    tab.set_viewport_size({"width": 420, "height": 860})
    tab.click("#queue-toggle")
    expect(tab.locator("#queue-toggle")).to_have_attribute("aria-expanded", "true")
    show(tab, KUME)
    expect(tab.locator("#queue-pane")).to_be_hidden()
    expect(tab.locator("#queue-toggle")).to_have_attribute("aria-expanded", "false")
    tab.set_viewport_size({"width": 1300, "height": 850})
    expect(tab.locator("#queue [aria-current]")).to_contain_text(KUME)
    tab.wait_for_load_state("networkidle")  # the next record was fetched ahead
    queue = withheld(tab, "queue")
    press(tab, "a")
    expect(tab.locator("#record-id")).to_have_text(KAMO)  # after KUME, and not KATSURA, the first that is open
    saved(tab)
    queue()
    expect(tab.locator("#queue button")).to_have_count(5)
    expect(tab.locator("#queue [aria-current]")).to_contain_text(KAMO)
    assert [patch["op"] for patch in lines_of(data / "calibration")] == ["restore"]


def test_what_was_typed_on_a_record_that_became_another_meanwhile_stands_beside_it(visit: Open, data: Path) -> None:
    tab = visit(MUSEUM)
    press(tab, "e", "Home")
    tab.keyboard.type("Mine: ")
    press(tab, "Escape")
    show(tab, KUME)
    path = data / "filtered/en.jsonl"
    records = list(iter_jsonl(path))
    write_jsonl(path, [{**records[0], "text": "A museum stands in Nada ward.", "extractions": []}, *records[1:]])
    for _ in range(2):  # leafing on and back again loses nothing either
        show(tab, MUSEUM)
        expect(tab.locator("#target")).to_have_text("A museum stands in Nada ward.")
        expect(tab.locator("#versions")).to_contain_text("Mine: The Nada")
        show(tab, KUME)
        expect(tab.locator("#queue .unsaved")).to_contain_text(MUSEUM.removesuffix("/en"))
    show(tab, MUSEUM)
    tab.click("#versions button")
    press(tab, "s")
    saved(tab)
    expect(tab.locator("#versions")).to_be_hidden()
    (patch,) = lines_of(data / "calibration")
    assert patch["after"]["text"].startswith("Mine: The Nada")


def test_another_name_keeps_what_was_typed_and_shows_no_record_that_answers_no_filter(visit: Open, data: Path) -> None:
    tab = visit(MUSEUM)
    press(tab, "t", "5")
    tab.fill("#annotator", "keiko")
    press(tab, "Tab")
    expect(tab.locator("#queue .unsaved")).to_contain_text(MUSEUM.removesuffix("/en"))
    show(tab, MUSEUM)
    press(tab, "s")
    saved(tab)
    assert [(patch["annotator"], patch["after"]) for patch in lines_of(data / "calibration")] == [("keiko", "Nature")]
    tab.fill("#filters [name=text]", "no such text")
    tab.fill("#annotator", "aya")
    press(tab, "Tab")
    expect(tab.locator("#queue")).to_have_text("No record answers these filters.")
    expect(tab.locator("#record")).to_be_hidden()


def test_who_annotates_blind_sees_no_check_and_a_third_sees_what_differs(browser: Any, data: Path) -> None:
    with serving(data, data / "blind", blind=True) as page:
        visits = Visits(browser, Page(page.port))
        tab = visits.open(KUME)
        expect(tab.locator("#pairs tbody tr")).to_have_count(2)
        expect(tab.locator("#findings, #filters [name=reason], #status:not(:empty)")).to_have_count(2)
        assert not any(tab.is_visible(one) for one in ("#findings", "#filters [name=reason]"))
        press(tab, "t", "5", "s")
        saved(tab)
        expect(tab.locator("#queue .decided")).to_contain_text(KUME)
        assert (len(lines_of(data / "blind")), lines_of(data / "calibration")) == (1, [])
        spans = [{"label": "Location", "spans": [{"text": "Matsue", "start": 25}]}]
        assert page.decide(KUME, "accept", "aya", extractions=spans)[0] == 200
        visits.end()
    versions = versions_of(str(data), ("ja", "en", "zh"), str(data / "blind"), "lee")
    with serving(data, versions=versions) as page:
        visits = Visits(browser, Page(page.port))
        tab = visits.open(KUME, "lee")
        aya, kei = tab.locator("#versions li").all()
        assert (aya.locator("mark").all_text_contents(), aya.locator("del").all_text_contents()) == (
            ["Location: Matsue"],
            ["Person: Kume"],
        )
        assert (kei.locator("mark").all_text_contents(), kei.locator("del").count()) == (["Nature"], 0)
        aya.locator("button").click()
        press(tab, "a")
        saved(tab)
        visits.end()
    (patch,) = lines_of(data / "calibration")
    assert (patch["annotator"], patch["after"]) == ("lee", {"extractions": spans})
