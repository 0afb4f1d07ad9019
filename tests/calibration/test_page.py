"""The review page over HTTP: what it answers, whom it refuses, and that a confirmed decision is on the disk."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from stages.calibration.page import versions_of
from stages.calibration.patches import patch_hash
from stages.calibration.queue import Review, partners, sample, words
from stages.core import config
from stages.core.errors import UserError
from stages.core.files import iter_jsonl, write_jsonl
from stages.records.record import Record
from tests.support.pipeline import ROOT
from tests.support.review import Page, lines_of, serving

MUSEUM, KUME, FAMILY, KATSURA, KAMO = (f"SCNM/NER/own/{n}/en" for n in range(1, 6))


@pytest.fixture
def page(project: Path) -> Iterator[Page]:
    with serving(project / "data") as running:
        yield running


def test_the_queue_has_the_quarantine_riskiest_first_then_a_sample(page: Page) -> None:
    status, queue = page.get("queue")
    assert (status, queue["total"], queue["done"]) == (200, 5, 0)
    assert queue["ids"][:3] == [KATSURA, KUME, KAMO]
    assert set(queue["ids"][3:]) == {MUSEUM, FAMILY}
    assert [row["reasons"] for row in queue["rows"][:2]] == [["too_short", "clause_lost"], ["name_changed"]]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"reason": "name_changed"}, [KUME]),
        ({"text": "matsue"}, [KUME]),
        ({"text": "松江"}, [KUME]),
        ({"lang": "zh"}, []),
        ({"subset": "SCNM", "text": "/5/"}, [KAMO]),
        ({"decided_by": "nobody", "reason": "too_short"}, [KATSURA]),
        ({"decided_by": "aya"}, []),
        ({"state": "decided"}, []),
    ],
)
def test_filters(page: Page, wanted: dict[str, str], ids: list[str]) -> None:
    assert page.get("queue", **wanted)[1]["ids"] == ids


def test_a_record_has_source_pairs_labels_and_findings_in_words(page: Page) -> None:
    record = page.get("record", id=KUME)[1]
    assert record["source"]["text"] == "久米は昭和62年に松江で生まれた。"
    assert record["partners"] == [[0, 0]]  # 松江 has none
    assert record["labels"][:2] == ["Person", "Corporation"]
    assert record["source_labels"][4] == "地名"
    assert "a name became another, or is missing" in [finding["words"] for finding in record["findings"]]
    found = page.get("findings", id=KATSURA)[1]["findings"]
    assert {"too_short", "clause_lost"} <= {finding["code"] for finding in found}
    assert page.get("record", id=KAMO)[1]["text"] == ""


def test_every_reason_code_has_words() -> None:
    table = config.parse_yaml((ROOT / "stages/report/reasons.yaml").read_text(encoding="utf-8"), "reasons.yaml")
    assert set(words()) == {code for group, codes in table.items() if group != "alarms" for code in codes}


def test_what_the_filter_warns_of_and_what_a_model_finds_of_negations_are_shown(project: Path, kept: Record) -> None:
    """The kept record that is warned of comes before the others; the negation is marked in the source, until the text is another."""
    rows = [
        {"id": name, "source_id": name[:-2] + "ja", "subset": "SCNM", "lang": "en", "outcome": "kept", "reasons": []}
        | {"warnings": warned, "model": "first", "steps": {}, "dropped": 0}
        for name, warned in ((FAMILY, []), (MUSEUM, ["negation_unlikely"]))
    ]
    write_jsonl(project / "data/ledger/en.jsonl", rows)
    negations = [{"start": 13, "end": 16, "margin": -2.0}, {"start": 0, "end": 2, "margin": 1.0}]
    write_jsonl(project / "data/likelihood/en.jsonl", [{"id": MUSEUM, "negations": negations}])
    with serving(project / "data") as page:
        queue = page.get("queue")[1]
        assert queue["ids"][3:] == [MUSEUM, FAMILY]
        assert page.get("queue", reason="negation_unlikely")[1]["ids"] == [MUSEUM]
        found = page.get("findings", id=MUSEUM)[1]["findings"]
        (told,) = [finding for finding in found if finding["code"] == "negation_unlikely"]
        assert told["source"] == [13, 16]
        assert told["what"] == page.get("record", id=MUSEUM)[1]["source"]["text"][13:16]
        assert told["words"] == "a model finds the translation likelier without this negation"
        assert page.decide(MUSEUM, "", text=kept["text"].replace("stands", "does not stand"))[0] == 200
        found = page.get("findings", id=MUSEUM)[1]["findings"]
        assert [one["source"] for one in found if one["code"] == "negation_unlikely"] == [None]  # of the text before
        write_jsonl(project / "data/likelihood/en.jsonl", [{"id": FAMILY, "negations": [{**negations[0], "end": 14}]}])
        page.get("queue")
        assert "negation_unlikely" in [one["code"] for one in page.get("findings", id=FAMILY)[1]["findings"]]
    with serving(project / "data", project / "data/blind", blind=True) as page:
        assert page.get("record", id=MUSEUM)[1]["findings"] == page.get("findings", id=MUSEUM)[1]["findings"] == []
        assert not any(row["reasons"] for row in page.get("queue")[1]["rows"])


def test_a_decision_is_a_patch_on_the_disk_with_its_reason_and_seconds(page: Page, project: Path) -> None:
    matsue = {"label": "Location", "spans": [{"text": "Matsue", "start": 25}]}
    kept = page.get("record", id=KUME)[1]["extractions"]
    status, answer = page.decide(KUME, "accept", extractions=[*kept, matsue])
    assert (status, answer["record"]["status"], answer["record"]["state"]) == (200, "in", "decided")
    (patch,) = lines_of(project / "data/calibration")
    assert (patch["op"], patch["annotator"], patch["seconds"]) == ("restore", "kei", 3)
    assert patch["after"] == {"extractions": [*kept, matsue]}
    queue = page.get("queue")[1]
    assert (queue["done"], queue["seconds_left"]) == (1, 12)
    assert page.get("queue", decided_by="kei")[1]["ids"] == [KUME]


def test_an_edit_with_its_spans_and_an_acceptance_are_two_patches_undone_together(page: Page, project: Path) -> None:
    text = "The museum is in Nada ward, Kobe."
    spans = [{"label": "Location", "spans": [{"text": "Nada ward", "start": 17}]}]
    before = page.get("record", id=MUSEUM)[1]
    assert page.decide(MUSEUM, "accept", text=text, extractions=spans)[0] == 200
    assert page.get("record", id=MUSEUM)[1]["text"] == text
    status, answer = page.post("undo", id=MUSEUM)
    assert (status, answer["saved"], answer["record"]["hash"]) == (200, 2, before["hash"])
    assert page.get("record", id=MUSEUM)[1]["state"] == "open"
    assert [patch["op"] for patch in lines_of(project / "data/calibration")] == [
        "edit",
        "accept",
        "withdraw",
        "withdraw",
    ]
    assert page.post("undo", id=MUSEUM)[0] == 422
    assert page.decide(MUSEUM, "reject")[1]["record"]["status"] == "rejected"


def test_no_counterpart_is_kept_with_the_decision(page: Page, project: Path) -> None:
    record = page.get("record", id=KUME)[1]
    gone = record["source"]["extractions"][1:]
    assert page.post("decide", id=KUME, base_hash=record["hash"], decision="accept", fields={}, missing=gone)[0] == 200
    assert lines_of(project / "data/calibration")[0]["missing"] == gone


def test_an_edit_that_leaves_a_record_in_quarantine_leaves_it_open(page: Page) -> None:
    assert page.decide(KUME, "", text_label="Nature")[1]["record"]["state"] == "open"
    queue = page.get("queue", state="open")[1]
    assert (KUME in queue["ids"], queue["done"]) == (True, 0)
    assert page.decide(KUME, "accept")[1]["record"]["state"] == "decided"


def test_two_people_do_not_overwrite_each_other(page: Page, project: Path) -> None:
    seen = page.get("record", "aya", id=MUSEUM)[1]
    assert page.decide(MUSEUM, "", "kei", text_label="Nature")[0] == 200
    status, answer = page.post(
        "decide", "aya", id=MUSEUM, base_hash=seen["hash"], decision="", fields={"text_label": "Academia"}
    )
    assert (status, answer["changed"], answer["record"]["text_label"]) == (409, True, "Nature")
    assert [patch["annotator"] for patch in lines_of(project / "data/calibration")] == ["kei"]
    assert page.post("undo", "aya", id=MUSEUM)[0] == 422
    # Two programs on one folder: the second sees what the first saved, and a race ends as a conflict, with both versions.
    with serving(project / "data") as second:
        assert second.get("record", "aya", id=MUSEUM)[1]["text_label"] == "Nature"
        seen = second.get("record", "aya", id=FAMILY)[1]
        assert page.decide(FAMILY, "", "kei", text_label="Society")[0] == 200
        assert second.post("decide", "aya", id=FAMILY, base_hash=seen["hash"], decision="accept", fields={})[0] == 409


def test_data_made_anew_while_the_page_is_open_are_read_and_old_patches_conflict(page: Page, project: Path) -> None:
    assert page.decide(MUSEUM, "", text_label="Nature")[0] == 200
    path = project / "data/filtered/en.jsonl"
    records = list(iter_jsonl(path))
    records[0] |= {"text": "A museum stands in Nada ward.", "extractions": []}
    write_jsonl(path, records)
    record = page.get("record", id=MUSEUM)[1]
    assert (record["state"], record["text"], record["text_label"]) == (
        "conflict",
        "A museum stands in Nada ward.",
        "Society",
    )
    (version,) = record["versions"]
    assert (version["who"], version["text_label"]) == ("kei", "Nature")
    assert page.get("queue", state="conflict")[1]["ids"] == [MUSEUM]
    # Somebody has looked at it and lets the record stand: the old patch is taken back, and stays in its file.
    assert page.post("settle", "aya", id=MUSEUM, patch="0" * 64)[0] == 422
    assert page.post("settle", "aya", id=FAMILY, patch=version["patch"])[0] == 422
    status, answer = page.post("settle", "aya", id=MUSEUM, patch=version["patch"])
    assert (status, answer["record"]["state"], answer["record"]["versions"]) == (200, "open", [])
    assert [patch["op"] for patch in lines_of(project / "data/calibration", ["kei", "aya"])] == [
        "text_label",
        "withdraw",
    ]
    assert page.post("settle", "aya", id=MUSEUM, patch=version["patch"])[0] == 422
    assert page.decide(FAMILY, "", text_label="Society")[0] == 200  # nobody takes back what is in no conflict
    applied = patch_hash(lines_of(project / "data/calibration", ["kei"])[-1])
    assert page.post("settle", "aya", id=FAMILY, patch=applied)[0] == 422


def test_who_is_refused(page: Page, project: Path) -> None:
    own = {"X-Review-Token": page.token}
    json_type = {"Content-Type": "application/json"}
    host = f"127.0.0.1:{page.port}"
    refused: list[tuple[str, str, dict[str, str]]] = [
        ("GET", "/", {}),
        ("GET", "/?token=wrong", {}),
        ("GET", "/static/wrong/app.js", {}),
        ("GET", "/api/queue?annotator=kei", {}),
        ("GET", "/api/queue?annotator=kei", {**own, "Host": "evil.example"}),
        ("GET", "/api/queue?annotator=kei", {**own, "Host": f"evil.example:{page.port}"}),
        ("GET", "/api/queue?annotator=kei", {**own, "Origin": "http://evil.example"}),
        ("GET", "/api/queue?annotator=kei", {**own, "Origin": "null"}),
        ("GET", "/api/queue?annotator=kei", {**own, "Sec-Fetch-Site": "cross-site"}),
        ("POST", "/api/decide", {**own, **json_type, "Origin": f"https://{host}"}),
        ("POST", "/api/decide", {**own, "Content-Type": "text/plain"}),
    ]
    for method, path, headers in refused:
        body = b"{}" if method == "POST" else None
        assert page.raw(method, path, headers, body)[0] == 403, (path, headers)
    assert page.raw("GET", "/api/queue?annotator=kei", own)[0] == 200
    assert page.raw("GET", f"/?token={page.token}", {"Host": f"localhost:{page.port}"})[0] == 200
    for path in (
        "/../../etc/passwd",
        f"/static/{page.token}/../server.py",
        f"/static/{page.token}/%2e%2e%2fserver.py",
        "/data/raw",
    ):
        status, data = page.raw("GET", path, own)
        assert status in (403, 404)
        assert b"root:" not in data
        assert b"import" not in data
    for name in ("../../etc/passwd", "/etc/passwd", "nothing", "", "\0"):
        assert page.get("record", id=name)[0] == 422
    for who in ("", "../up", "a/b", ".x", "\n", "x" * 81):
        assert page.get("queue", who)[0] == 422
    assert lines_of(project / "data/calibration") == []


def test_what_is_sent_wrong_is_told_and_nothing_is_saved(page: Page, project: Path) -> None:
    record = page.get("record", id=MUSEUM)[1]
    wrong = [
        {"decision": "maybe"},
        {"fields": {"text_label": "Politics"}},
        {"fields": {"text": ""}},
        {"fields": {"text": 3}},
        {"fields": {"group": "x"}},
        {"fields": {"extractions": [{"label": "Location", "spans": [{"text": "Kobe", "start": 1}]}]}},
        {"decision": "restore"},
        {"decision": "reject", "fields": {"text": "x"}},
        {"missing": 7, "decision": "accept"},
    ]
    for values in wrong:
        sent = {"id": MUSEUM, "base_hash": record["hash"], "decision": "", "fields": {}, **values}
        status, answer = page.post("decide", **sent)
        assert status == 422, values
        assert answer["error"]
    headers = {"X-Review-Token": page.token, "Content-Type": "application/json"}
    assert page.raw("POST", "/api/decide", headers, b"{")[0] == 400
    assert page.raw("POST", "/api/decide", headers, b"[1]")[0] == 400
    assert page.raw("POST", "/api/decide", headers, b" " * (5 << 20))[0] == 413
    assert lines_of(project / "data/calibration") == []


def test_a_full_disk_is_told_on_the_page(page: Page, project: Path) -> None:
    (project / "data/calibration/kei.jsonl").symlink_to("/dev/full")
    status, answer = page.decide(MUSEUM, "accept")
    assert status == 422
    assert "nothing was saved" in answer["error"]
    assert page.get("record", id=MUSEUM)[1]["state"] == "open"


def test_a_name_in_another_spelling_is_no_second_person(page: Page) -> None:
    assert page.decide(MUSEUM, "accept", "kei")[0] == 200
    status, answer = page.get("queue", "Kei ".strip())
    assert (status, answer["name"]) == (422, True)


def test_blind_nobody_sees_the_other_or_the_checks_and_a_third_decides(project: Path) -> None:
    blind = project / "data/blind"
    with serving(project / "data", blind, blind=True) as page:
        assert page.decide(MUSEUM, "", "kei", text_label="Nature")[0] == 200
        record = page.get("record", "aya", id=MUSEUM)[1]
        assert (record["text_label"], record["deciders"], record["findings"], record["versions"]) == (
            "Society",
            [],
            [],
            [],
        )
        assert page.get("record", "aya", id=KUME)[1]["findings"] == []
        assert page.get("findings", "aya", id=KUME)[1]["findings"] == []
        queue = page.get("queue", "aya")[1]
        assert (queue["done"], queue["annotators"], queue["reasons"]) == (0, [], [])
        assert page.decide(MUSEUM, "", "aya", text_label="Academia")[0] == 200
        for who in ("kei", "aya"):
            assert page.decide(FAMILY, "accept", who)[0] == 200
    assert lines_of(project / "data/calibration") == []
    data = str(project / "data")
    with pytest.raises(UserError, match="two"):
        versions_of(data, ("ja", "en", "zh"), str(blind), "Kei")
    versions = versions_of(data, ("ja", "en", "zh"), str(blind), "lee")
    with serving(project / "data", versions=versions) as page:
        assert page.get("queue", "lee")[1]["ids"] == [MUSEUM]
        shown = page.get("record", "lee", id=MUSEUM)[1]["versions"]
        assert [(one["who"], one["text_label"]) for one in shown] == [("aya", "Academia"), ("kei", "Nature")]
        assert page.decide(MUSEUM, "accept", "kei")[0] == 422
        assert page.decide(MUSEUM, "accept", "lee", text_label="Academia")[0] == 200
    assert [patch["annotator"] for patch in lines_of(project / "data/calibration")] == ["lee", "lee"]


def test_the_sample_takes_each_stratum_in_turn_and_the_same_again(sample_records: list[Record]) -> None:
    options = Review(21, ["lang", "subset"], 0)
    drawn = sample(sample_records, options)
    assert len(drawn) == len(set(drawn)) == 21
    cells = [tuple(name.split("/")[k] for k in (4, 0)) for name in drawn]
    assert len(set(cells)) == len({(r["lang"], r["subset"]) for r in sample_records})
    assert drawn == sample(sample_records[::-1], options)
    assert drawn != sample(sample_records, Review(21, ["lang", "subset"], 1))


@pytest.fixture
def sample_records(sample: list[Record]) -> list[Record]:
    return [record for record in sample if record["lang"] != "ja"]


def test_partners_are_those_of_the_same_label_in_turn(sample: list[Record]) -> None:
    ja = {record["id"]: record for record in sample if record["lang"] == "ja" and record["subset"] != "TCONER"}
    for record in sample:
        source = ja.get(record["id"][:-2] + "ja")
        if source and record["lang"] != "ja" and len(source["extractions"]) == len(record["extractions"]):
            assert len(partners(source, record)) == len(record["extractions"])


def start(project: Path, *words: str) -> tuple[subprocess.Popen[str], Page]:
    command = [sys.executable, "-m", "stages.calibration.page", "--annotator", "kei", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    found = re.search(r"127\.0\.0\.1:(\d+)/\?token=([\w-]+)", process.stdout.readline())
    assert found
    return process, Page(int(found[1]), token=found[2])


@pytest.mark.slow
def test_all_shows_every_translation_whatever_the_size_of_the_sample(project: Path) -> None:
    (project / "params.yaml").write_text(
        "languages: [ja, en, zh]\nreview: {sample: 0, strata: [lang], seed: 0}\n", encoding="utf-8"
    )
    with serving(project / "data", knobs=Review(0, ["lang"], 0)) as page:
        assert page.get("queue")[1]["total"] == 3
    process, page = start(project, "--all")
    try:
        assert page.get("queue")[1]["total"] == 5
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_kill_in_the_middle_loses_no_confirmed_patch(project: Path) -> None:
    (project / "params.yaml").write_text(
        "languages: [ja, en, zh]\nreview: {sample: 10, strata: [lang], seed: 0}\n", encoding="utf-8"
    )
    process, page = start(project)
    confirmed = list[str]()

    def work() -> None:
        """Decides until the page is gone."""
        with suppress(OSError, HTTPException, ValueError):
            while True:
                status, answer = page.decide(MUSEUM, "", text_label=("Nature", "Society")[len(confirmed) % 2])
                assert status == 200
                confirmed.append(answer["record"]["text_label"])

    worker = threading.Thread(target=work)
    worker.start()
    try:
        while len(confirmed) < 20 and worker.is_alive():
            time.sleep(0.001)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        worker.join()
    assert len(confirmed) >= 20
    path = project / "data/calibration/kei.jsonl"
    with open(path, "ab") as file:
        file.write(b'{"record_id": "SCNM')  # what a kill in mid-write would leave
    assert [patch["after"] for patch in map(json.loads, path.read_text().splitlines()[:-1])][
        : len(confirmed)
    ] == confirmed
    with serving(project / "data") as again:
        assert again.get("record", id=MUSEUM)[1]["text_label"] == confirmed[-1]
        assert again.decide(MUSEUM, "", text_label="Academia")[0] == 200
        assert again.get("record", id=MUSEUM)[1]["text_label"] == "Academia"
