"""The page: made of whatever there is, safe against what records hold, and usable in a browser with no network."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.checks import Checks
from stages.core import config
from stages.records.rules import read_records, write_records
from stages.report import artifacts, browser, sankey, story
from stages.report.inputs import METRICS
from stages.report.page import CURVES, embedded, headline, main, wilson
from stages.scoring.bootstrap import Evaluate
from tests.support.pipeline import ROOT
from tests.support.reported import HOSTILE, project

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ID = "SCNM/NER/own/0002/en"


class Elements(HTMLParser):
    """Tags and attributes of a page, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.links, self.data = Counter[str](), list[str](), ""
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.inside = tag == "script" and ("id", "data") in attrs
        self.links += [value or "" for key, value in attrs if key in ("src", "href", "action", "data", "poster")]
        assert not [key for key, _ in attrs if key.startswith("on")]

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.data += data
            self.inside = False


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small project, with the sample's metrics, and its page."""
    folder = project(tmp_path / "project")
    shutil.copytree(ROOT / "metrics", folder / "metrics")
    monkeypatch.chdir(folder)
    main(["--out", "report.html"])
    return folder / "report.html"


def test_what_the_page_reads_is_what_dvc_watches() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    deps = {path for path in stages["stages"]["report_html"]["deps"] if path.startswith(("metrics/", "data/"))}
    assert deps == {*(path for path, _ in METRICS.values()), *CURVES.values(), *artifacts.paths()}


def test_the_page_holds_all_and_links_to_nothing_outside(made: Path) -> None:
    text = made.read_text(encoding="utf-8")
    page = Elements(text)
    assert page.tags["script"] == 3
    assert page.tags["img"] == page.tags["iframe"] == page.tags["link"] == page.tags["object"] == 0
    assert all(link.startswith("#") for link in page.links)
    assert "default-src 'none'" in text
    assert "<" not in page.data
    rows = {row["i"]: row for row in json.loads(page.data)["records"]}
    assert rows[ID]["x"] == HOSTILE.replace("京都", "Kyoto")
    assert rows[ID]["s"] == ID.replace("/en", "/ja")
    assert {key: rows["SCNM/NER/own/0003/en"][key] for key in ("f", "r")} == {"f": "quarantined", "r": ["name_changed"]}
    assert rows["SCNM/NER/own/0001/en"]["g"]["a"] == 1
    assert rows[ID]["g"]["p"] == [[["Person", "<b>Kyoto</b>"], 0]]


def test_findings_stand_in_the_machines_words_and_a_persons_are_beside_them(made: Path) -> None:
    path = Path("data/calibrated/en.jsonl")
    records = read_records(path)
    edited = {**records[0], "text": f"Yesterday {records[0]['text']}", "extractions": []}
    write_records(path, [edited, *records[1:]])
    found = {row["i"]: row for row in browser.rows(artifacts.load(("ja", "en", "zh")), config.read("checks", Checks))}
    own, other = found[records[0]["id"]], found[records[1]["id"]]
    assert (own["x"], own["q"]["x"]) == (records[0]["text"], edited["text"])
    assert all(place is None or place[1] <= len(own["x"]) for _, _, place, *_ in own["n"])
    assert "q" not in other


@pytest.mark.parametrize("left", ["nothing", "records", "no model", "no references"])
def test_of_what_is_not_there_the_page_says_nothing(left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project(tmp_path / "project")
    if left in ("no model", "no references"):
        shutil.copytree(ROOT / "metrics", folder / "metrics")
    if left == "nothing":
        shutil.rmtree(folder / "data")
    if left == "no model":
        for pattern in (
            "evaluation*",
            "free*",
            "llm_*",
            "baseline*",
            "compare_*",
            "loss.csv",
            "error*",
            "train.json",
        ):
            for path in (folder / "metrics").glob(pattern):
                path.unlink()
        shutil.rmtree(folder / "data/predictions")
    if left == "no references":
        (folder / "data/raw/references.jsonl").unlink()
        for name in ("checks.json", "checks_curve.csv", "prompts.json", "translation_intervals.json"):
            (folder / "metrics" / name).unlink()
    monkeypatch.chdir(folder)
    main(["--out", "report.html"])
    text = Path("report.html").read_text(encoding="utf-8")
    assert ('id="s-records"' in text) == (left != "nothing")
    assert ('id="s-scores"' in text) == (left == "no references")
    assert ('data-chart="loss"' in text) == (left == "no references")
    assert ('data-chart="curve"' in text) == (left in ("records", "no model"))
    assert ('id="s-calibration"' in text) == (left in ("no model", "no references"))
    assert ("Nothing was built here yet" in text) == (left == "nothing")


def test_every_record_that_flows_into_a_node_flows_out_of_it(made: Path) -> None:
    flows = story.flows(artifacts.load(["ja", "en", "zh"]))
    assert flows["source", "answered", "en"], flows["source", "no_answer", "en"] == (3, 1)
    for name in ("answered", "kept", "repaired", "as_is", "patched"):
        into, out = (sum(n for flow, n in flows.items() if flow[side] == name) for side in (1, 0))
        assert into == out > 0, name
    assert flows["patched", "test_translated", "en"] == flows["as_is", "test_translated", "en"] == 1
    assert flows["natural", "train", "en"] == flows["reference", "test", "en"] == flows["own", "test", "ja"] == 2
    drawn = sankey.svg(story.COLUMNS, flows)
    assert drawn.count('class="ribbon') == sum(n > 0 for n in flows.values())
    assert sankey.svg(story.COLUMNS, {}) == ""


def test_ribbons_fill_their_nodes_and_names_are_escaped() -> None:
    columns = (("A", (("a", "<a>"),)), ("B", (("b", "b"), ("c", "c"))))
    flows = {("a", "b", "en"): 3, ("a", "c", "<x>"): 1}
    nodes = sankey.layout(columns, flows)
    assert (
        nodes["a"].height
        == pytest.approx(nodes["b"].height + nodes["c"].height)
        == pytest.approx(4 * nodes["c"].height)
    )
    drawn = sankey.svg(columns, flows)
    assert "<a>" not in drawn
    assert "<x>" not in drawn


def test_the_curve_goes_from_all_records_to_what_the_filter_keeps(made: Path) -> None:
    rows = story.filter_curve(artifacts.load(["ja", "en", "zh"]), ["ja", "en", "zh"])
    line = [row for row in rows if row["path"] == "one by one"]
    assert [(row["rule"], row["records"]) for row in line] == [("none", 3), ("name_changed", 2)]
    assert line[0]["span_f1"] < line[1]["span_f1"] == 100


def test_retention_counts_records_and_its_interval_holds_it(made: Path) -> None:
    found = story.retention(artifacts.load(["en"]), 500, 0)
    assert found
    assert (found["kept"], found["source"], found["percent"]) == (2, 4, 50.0)
    assert found["low"] < 50 < found["high"]
    assert story.retention(artifacts.Artifacts(), 500, 0) is None


def test_who_corrected_and_what_that_changed(made: Path) -> None:
    text = made.read_text(encoding="utf-8")
    section = text[text.index('<section id="s-calibration">') : text.index('<section id="s-scores">')]
    counts = json.loads(Path("metrics/calibration.json").read_text(encoding="utf-8"))
    quality = json.loads(Path("metrics/calibrated_quality.json").read_text(encoding="utf-8"))
    for name, own in counts["annotators"].items():
        assert name in section
        assert own["who"].split(",")[0] in section, "who the name is: a person or a model"
        assert f"{own['minutes']} minutes" in section
    assert f"{100 * counts['share_corrected']:.1f} %" in section
    for key in ("records", "reviewed", "edited", "accepted", "restored", "rejected"):
        by_language = [cell[key] for cells in counts["by_language"].values() for cell in cells.values()]
        assert sum(by_language) == counts[key]
        assert f"<td>{counts[key]}</td>" in section
    change = quality["differences"]["translated"]["all"]["chrf"]
    assert f"{change['difference']:+.1f} <small>{change['low']:+.1f} to {change['high']:+.1f}</small>" in section
    rows = json.loads(Elements(text).data)["charts"]["calibrated"]["data"]["values"]
    drawn = {(row["lang"], row["figure"], row["state"]): (row["low"], row["value"], row["high"]) for row in rows}
    bounds = quality["states"]["calibrated"]["intervals"]["en"]["all"]["chrf"]
    assert drawn["en", "chrF", "calibrated"] == (
        bounds["low"],
        quality["states"]["calibrated"]["figures"]["en"]["chrf"],
        bounds["high"],
    )
    assert all(low <= value <= high for low, value, high in drawn.values())


def test_wilsons_interval_has_its_known_values() -> None:
    assert wilson(6, 66) == pytest.approx((4.23, 18.45), abs=0.01)
    assert wilson(0, 10) == pytest.approx((0, 27.75), abs=0.01)


def test_the_released_model_is_shown_first_and_this_runs_beside_it() -> None:
    def level(value: float) -> dict[str, Any]:
        return {"all": {"WL": value, "n": 12}}

    bounds = {"intervals": {"all": {"WL": {"low": 1.0, "high": 2.0}}}}
    given: dict[str, Any] = dict.fromkeys(METRICS)
    given |= {"evaluation": level(40.0), "evaluation_intervals": bounds, "baseline": level(30.0)}
    (alone,) = headline(given, artifacts.Artifacts(), Evaluate(10, 0))
    given |= {"released": level(60.0), "released_intervals": bounds}
    (both,) = headline(given, artifacts.Artifacts(), Evaluate(10, 0))
    assert (alone["value"], alone["note"]) == ("40.0", "12 records; a linear model has 30.0")
    assert both["value"] == "60.0"
    assert "released" in both["title"]
    assert "released" not in alone["title"]
    assert both["note"] == "12 records; this run's model has 40.0; a linear model has 30.0"


def test_embedded_data_cannot_end_their_element() -> None:
    text = embedded({"a": HOSTILE})
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == {"a": HOSTILE}


def test_a_prediction_is_marked_extraction_by_extraction() -> None:
    gold = {
        "id": ID, "group": "0" * 16, "subset": "SCNM", "task": "NER", "lang": "en",
        "input": "Kyoto and Nara/NER", "output": "Society/NER/:Location;Kyoto:Location;Nara",
    }  # fmt: skip
    own = browser.prediction(gold, "Nature/NER/:Location;Nara:Location;Nara", True)
    assert own["l"] == ["Society", "Nature"]
    assert own["g"] == [[["Location", "Kyoto"], 0], [["Location", "Nara"], 1]]
    assert own["p"] == [[["Location", "Nara"], 1], [["Location", "Nara"], 0]]
    assert (own["a"], own["d"]) == (0, [])


# --- in a browser ----------------------------------------------------------------------------------------------------


@pytest.fixture
def chromium() -> Iterator[Any]:
    """A headless browser without a network."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running.new_context(offline=True, viewport={"width": 1280, "height": 900})
        running.close()


@pytest.mark.slow
def test_the_page_works_offline_with_5000_records(
    chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(tmp_path / "project", natural=5000)
    shutil.copytree(ROOT / "metrics", folder / "metrics")
    monkeypatch.chdir(folder)
    main(["--out", "report.html"])
    page, asked, faults = chromium.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    address = (folder / "report.html").as_uri()
    page.goto(f"{address}#{ID}")
    assert page.locator("#record h3").inner_text().startswith(ID)
    assert HOSTILE.split("</script>")[1].split("京都")[0].strip()[:40] in page.locator("#record").inner_text()
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert page.locator("#record img").count() == 0
    page.wait_for_selector("[data-chart=quality] svg")
    assert page.locator("#list .row").count() < 60, "only rows in sight are in the document"
    assert page.locator("#record .span[data-k='0']").count() >= 3, "one part, in source, translation and reference"
    page.fill("#query", "number 4321 is")
    assert page.locator("#count").inner_text() == "1 of 5,008"
    page.fill("#query", "")
    page.select_option("#fate", "quarantined")
    assert page.locator("#count").inner_text() == "2 of 5,008"
    page.select_option("#fate", "")
    took = page.evaluate(
        """() => { const list = document.getElementById("list"), start = performance.now();
        for (let n = 0; n < 200; n += 1) { list.scrollTop = n * 1500; list.dispatchEvent(new Event("scroll")); }
        return (performance.now() - start) / 200; }"""
    )
    assert took < 50, "milliseconds a jump"
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert asked == [f"{address}#{ID}"] or asked == [address]
    assert faults == []


def test_no_word_of_a_caption_is_cut_off_on_a_phone(chromium: Any, made: Path) -> None:
    page = chromium.new_page()
    page.set_viewport_size({"width": 420, "height": 800})
    page.goto(made.as_uri())
    right = (
        "[...document.querySelectorAll('caption')].map(caption => { const words = document.createRange();"
        "words.selectNodeContents(caption); return words.getBoundingClientRect().right })"
    )
    assert all(edge <= 420 for edge in page.evaluate(right))
