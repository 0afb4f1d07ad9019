"""A browser that shows the review page, driven as a person drives it: Debian's Chromium through Playwright. A test module that imports
this is skipped where they are not installed; its fixtures are in tests/calibration/conftest.py."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from stages.records.record import group_of
from tests.support.review import Page

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("no chromium on this machine: apt-get install chromium", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = playwright.expect
expect.set_options(timeout=15000)  # milliseconds: other tests run beside

MUSEUM, KUME = "SCNM/NER/own/1/en", "SCNM/NER/own/2/en"
FAMILY = "👩‍👩‍👧"
GAGI = "か\u3099き\u3099"  # two letters of two code points each
TEXT = f"{FAMILY}は{GAGI}と𠮷野🎉へ。"
JAPANESE = "TCONER/NER/own/9/ja"
Open = Callable[..., Any]


def open_record(number: str, lang: str, text: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    labels = {"en": "Society", "ja": "社会"}
    return {
        "id": f"TCONER/NER/own/{number}/{lang}",
        "group": group_of(number),
        **{"subset": "TCONER", "task": "NER", "source": "own", "lang": lang, "split": "train"},
        **{"text": text, "text_label": labels[lang], "text_label_origin": "source", "extractions": items},
    }


class Visits:
    """Tabs on a page, each in a browser context of its own."""

    def __init__(self, browser: Any, page: Page) -> None:
        self.browser, self.page = browser, page
        self.contexts, self.asked, self.failed = list[Any](), list[str](), list[str]()

    def tab(self, address: str) -> Any:
        """A new tab with this address."""
        context = self.browser.new_context(viewport={"width": 1300, "height": 850})
        self.contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(30000)
        tab.on("request", lambda request: self.asked.append(request.url))
        tab.on("pageerror", lambda error: self.failed.append(str(error)))
        tab.goto(address)
        tab.wait_for_selector("#record:not([hidden])")
        return tab

    def open(self, name: str, who: str = "kei") -> Any:
        """A tab in which this person sees this record."""
        tab = self.tab(self.page.address(who))
        show(tab, name)
        return tab

    def end(self) -> None:
        """Closes them: nothing was asked of any other machine, and no script failed."""
        for context in self.contexts:
            context.close()
        assert self.failed == []
        assert {url.split("/")[2] for url in self.asked if not url.startswith("data:")} <= {
            f"127.0.0.1:{self.page.port}"
        }


def show(tab: Any, name: str) -> None:
    """Opens a record from the queue, and waits until keys are heard: one that is shown already may still be awaited anew."""
    tab.click(f"#queue button:has-text('{name.rsplit('/', 1)[0]}')")
    expect(tab.locator("#record[aria-busy=false] #record-id")).to_have_text(name)


def saved(tab: Any) -> None:
    expect(tab.locator("#saved")).to_have_text(re.compile("^saved: "))


def press(tab: Any, *keys: str) -> None:
    for key in keys:
        tab.keyboard.press(key)


def selected(tab: Any, words: str, places: str = "") -> None:
    """These words are selected; the page says so, and where they stand."""
    expect(tab.locator("#selection")).to_have_text(re.compile(re.escape(f"“{words}”, characters {places}")))


def withheld(tab: Any, what: str) -> Callable[[], None]:
    """From now on the page waits for these answers, until the function that is returned lets them come."""
    held, through = list[Any](), list[bool]()
    tab.route(f"**/api/{what}*", lambda route: route.continue_() if through else held.append(route))

    def go_on() -> None:
        while not held:
            tab.wait_for_timeout(10)
        through.append(True)
        with tab.expect_response(f"**/api/{what}*"):
            for route in held:
                route.continue_()

    return go_on
