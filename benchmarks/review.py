"""How fast the review page answers over 5,000 records, as a person works: the browser asks, decides, undoes, filters.

    python -m benchmarks.review --records 5000 --out benchmarks/results/review.json

Records are the sample's references under ids of their own, half of them in quarantine. Each action is timed in Chromium from the key to the page that shows
its result, where there is a Chromium; the server's answers are timed without one as well. Times are milliseconds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from stages.calibration.queue import Review
from stages.core.files import write_json, write_jsonl
from stages.sources import sample
from stages.sources.common import Source
from stages.translation.lines import write_translations
from tests.support.review import Page, serving


def project(folder: Path, count: int) -> Path:
    """A folder of data with so many translations, half kept and half quarantined."""
    source = Source("sample", "sample", "data/sample", None, None)
    records, made = sample.records(source), sample.references(source)
    by_id = {record["id"].rsplit("/", 1)[0]: record for record in records}
    sources, kept, quarantine = dict[str, Any](), list[Any](), list[Any]()
    for n in range(count):
        record, turn = made[n % len(made)], n // len(made)
        stem = record["id"].rsplit("/", 1)[0]
        parts = stem.split("/")
        name = f"{'/'.join(parts[:3])}/{parts[3]}-{turn}"
        own = {**by_id[stem], "id": f"{name}/{by_id[stem]['lang']}", "split": None}
        sources[own["id"]] = own
        target = {**record, "id": f"{name}/{record['lang']}", "split": None}
        if n % 2:
            kept.append(target)
        else:
            fate = {"response": "0" * 64, "failure": None, "model": "first", "steps": {}, "record": target}
            quarantine.append(
                {
                    "id": target["id"],
                    "source_id": own["id"],
                    **fate,
                    "reasons": ["name_changed", "unaligned"][: 1 + n % 3 % 2],
                }
            )
    write_jsonl(folder / "tconer/records.jsonl", sources.values())
    for lang in ("ja", "en", "zh"):
        write_jsonl(folder / f"filtered/{lang}.jsonl", [record for record in kept if record["lang"] == lang])
        write_translations(
            folder / f"quarantine/{lang}.jsonl", [one for one in quarantine if one["record"]["lang"] == lang]
        )
    (folder / "calibration").mkdir()
    return folder


def timed(work: Callable[[], Any], times: int) -> dict[str, float]:
    """Median and 95th percentile over so many runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - start))
    return {"median": round(median(found), 1), "p95": round(quantiles(found, n=20)[-1], 1), "times": times}


def server(page: Page, times: int) -> dict[str, Any]:
    """The answers of the server alone."""
    names = iter(page.get("queue")[1]["ids"])
    page.decide(next(names), "accept")
    return {
        "queue": timed(lambda: page.get("queue"), times),
        "filter": timed(lambda: page.get("queue", text="2011", reason="name_changed"), times),
        "record": timed(lambda: page.get("record", id=next(names)), times),
        "decide, with fsync": timed(lambda: page.decide(next(names), "accept"), times),
    }


def browser(page: Page, times: int) -> dict[str, Any]:
    """From a key to the page that shows what it did."""
    from playwright.sync_api import sync_playwright

    # Timed in the page, so that Playwright's own way is not in the figure: until what is seen is as it should be.
    measure = """async ([key, seen]) => {
      const text = (selector) => document.querySelector(selector)?.textContent ?? "";
      const looks = { record: () => text("#record-id"), pair: () => text("#pairs tr.current .number"), pairs: () => text("#pairs tbody"), saved: () => text("#saved").startsWith("saved") };
      document.querySelector("#saved").textContent = "";
      const before = looks[seen](), start = performance.now();
      document.querySelector("#target").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      while (looks[seen]() === before && performance.now() - start < 5000) await new Promise((go) => requestAnimationFrame(go));
      return performance.now() - start;
    }"""
    actions = {
        "next record": ("n", "record"),
        "choose a pair": (".", "pair"),
        "remove an annotation": ("Delete", "pairs"),
        "undo it": ("u", "pairs"),
        "accept, saved": ("a", "saved"),
    }
    with sync_playwright() as program:
        running = program.chromium.launch(executable_path=shutil.which("chromium"))
        tab = running.new_page(viewport={"width": 1300, "height": 850})
        tab.goto(page.address())
        tab.wait_for_selector("#pairs tr.current td:last-child button")
        found: dict[str, list[float]] = {name: [] for name in actions}
        while len(found["next record"]) < times:
            for name, action in actions.items():
                found[name].append(tab.evaluate(measure, action))
                tab.wait_for_load_state("networkidle")
            # something to choose and to remove
            while (
                tab.locator("#pairs tbody tr").count() < 2
                or tab.locator("#pairs tr.current td:last-child button").count() < 1
            ):
                tab.keyboard.press("n")
                tab.wait_for_load_state("networkidle")
        running.close()
    return {
        name: {"median": round(median(some), 1), "p95": round(quantiles(some, n=20)[-1], 1), "times": times}
        for name, some in found.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review", description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--out")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        data, start = project(Path(folder), options.records), time.perf_counter()
        with serving(data, knobs=Review(options.records, ["lang", "subset"], 0)) as page:
            result: dict[str, Any] = {"records": options.records, "start_s": round(time.perf_counter() - start, 1)}
            result["server_ms"] = server(page, options.times)
            if shutil.which("chromium"):
                result["browser_ms"] = browser(page, options.times)
    print(json.dumps(result, indent=2))
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
