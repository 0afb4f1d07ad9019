"""Records are data: hostile ones go through every stage, page and export, and nothing of them is obeyed or executed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import LIMIT
from stages.exports.formats import FORMATS
from tests.support import hostile
from tests.support.batch_server import BatchServer
from tests.support.chat_server import chat_server
from tests.support.review import serving
from tests.wild.frame import ROOT, command_of, prepare, run_command

pytestmark = pytest.mark.slow
LANGUAGES = ("ja", "en", "zh")
SOURCE = {"name": "..", "adapter": "jsonl", "path": "data/external/hostile.jsonl", "pin": None, "limit": None}
PARAMS: dict[str, Any] = {
    "raw": {"sources": [SOURCE], "second": None},
    "llm": {"retries": 0, "empty_retries": 0, "give_up_s": 5.0},
    "evaluate": {"resamples": 20},
    "batch": {"poll_s": 0.05},
    "mix": {"translations": "machine"},
}
ASKING = [("tconer", None), *[(stage, lang) for stage in ("glossary", "translate") for lang in LANGUAGES]]
STAGES = [
    *[(stage, lang) for stage in ("filter", "calibrate") for lang in LANGUAGES],
    *[(stage, None) for stage in ("quality", "calibration", "mix", "data_checks", "baseline")],
]
SCORES = "--metrics m/a.json --defects m/b.json --intervals m/c.json --labels m/d.json"
AFTER = [
    f"python -m stages.scoring.evaluate data/predictions/test.jsonl data/mix/test.jsonl {SCORES}",
    "python -m stages.scoring.external_scorers data/predictions/test.jsonl data/mix/test.jsonl --metrics m/e.json",
    "python -m stages.scoring.error_analysis data/predictions/test.jsonl data/mix/test.jsonl --train data/mix/train.jsonl"
    " --errors m/f.json --classes m/g.csv --confusion m/h.csv --worst m/w.jsonl",
    "python -m stages.report.page --out metrics/report.html",
    "python -m stages.records.validate data/external/hostile.jsonl",
    "python -m stages.records.roundtrip data/tconer/records.jsonl",
]


class Place:
    """A project deep in a folder of its own, in which commands run and are held to how they may end."""

    def __init__(self, top: Path) -> None:
        self.top, self.folder = top, top / "one" / "two" / "project"
        self.folder.mkdir(parents=True)
        prepare({"params": PARAMS}, self.folder)
        hostile.write(self.folder)
        (self.folder / "data/calibration").mkdir(parents=True)
        shutil.copy(ROOT / "data/calibration/annotators.json", self.folder / "data/calibration")
        (self.folder / "data/glossary-review").mkdir(parents=True)

    def run(self, words: list[str], code: int | None = None, **environment: str) -> str:
        """What a command prints; it ends by itself, and a failure is said in one line."""
        ended, printed = run_command(words, self.folder, {"LLM_MODE": "replay", **environment})
        assert isinstance(ended, int), f"{words}\n{ended}"
        if code is not None:
            assert ended == code, f"{words}\n{printed[-2000:]}"
        if ended:
            said = printed.strip().splitlines()
            assert said, f"{words} fails without a word"
            assert len(said[-1]) <= LIMIT
        return printed

    def outside(self) -> list[Path]:
        """Files that are not in the project."""
        return [path for path in self.top.rglob("*") if path.is_file() and self.folder not in path.parents]


def stage(name: str, lang: str | None) -> list[str]:
    return command_of({"stage": name, "lang": lang or ""})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The project after every stage without torch; the endpoint is one that was taken over."""
    own = Place(tmp_path_factory.mktemp("hostile"))
    own.run(stage("raw", None), 0)
    with chat_server(hostile.answer) as server:
        online = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "any", "LLM_MODE": "online"}
        for name, lang in ASKING:
            own.run(stage(name, lang), 0, **online)
    for name, lang in STAGES:
        own.run(stage(name, lang), 0)
    gold = (own.folder / "data/mix/test.jsonl").read_bytes().splitlines()
    assert gold
    lines = [
        {"id": json.loads(line)["id"], "output": text, "finished": True}
        for line, text in zip(gold, outputs(), strict=False)
    ]
    lines += [{"id": json.loads(line)["id"], "output": "", "finished": False} for line in gold[len(lines) :]]
    (own.folder / "data/predictions/test.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
    )
    for text in AFTER:
        own.run(command_of({"run": text}), 0)
    return own


def outputs() -> list[str]:
    """Answers of a model that was taken over."""
    said = [f"社会/NER/:人名;{text}:{text};x" for text in hostile.TEXTS.values()]
    return [
        *said,
        ":" * 10_000,
        ";" * 10_000,
        "\\" * 9_999,
        "/" * 10_000,
        hostile.SCRIPT,
        "社会/NER/" + ":地名;京都" * 2_000,
    ]


def test_every_stage_ends_and_each_record_has_a_fate(place: Place) -> None:
    sources = (place.folder / "data/tconer/records.jsonl").read_bytes().splitlines()
    own = {record["id"] for record in hostile.records()}
    assert {json.loads(line)["id"] for line in sources} == own
    for lang in LANGUAGES:
        ledger = [json.loads(line) for line in (place.folder / f"data/ledger/{lang}.jsonl").open(encoding="utf-8")]
        assert {line["source_id"] for line in ledger} == {name for name in own if not name.endswith(f"/{lang}")}
        assert all(line["outcome"] != "quarantined" or line["reasons"] for line in ledger)
        failed = [line["id"] for line in ledger if "check_failed" in line["reasons"]]
        assert failed in ([], [f"SCNM/NER/../long/{lang}"]), "only a text too long to be compared name by name"


def test_a_true_translation_of_a_text_that_speaks_of_an_attack_is_kept_letter_by_letter(place: Place) -> None:
    kept = {line["id"]: line["text"] for line in map(json.loads, (place.folder / "data/filtered/en.jsonl").open("rb"))}
    assert kept == {f"SCNM/NER/../{name}/en": text for name, (_, text) in hostile.FAITHFUL.items()}
    mixed = b"".join((place.folder / f"data/mix/{name}.jsonl").read_bytes() for name in ("train", "test_translated"))
    assert {line["id"] for line in map(json.loads, mixed.splitlines())} >= kept.keys()


def test_by_batch_comes_what_comes_online(place: Place, tmp_path: Path) -> None:
    own = Place(tmp_path)
    own.run(stage("raw", None), 0)
    with BatchServer(say=said) as server:
        batch = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "right", "LLM_MODE": "batch"}
        for name, lang in ASKING:
            own.run(stage(name, lang), 0, **batch)
        assert server.made
    for lang in LANGUAGES:
        path = f"data/translated/{lang}.jsonl"
        assert (own.folder / path).read_bytes() == (place.folder / path).read_bytes()
    assert own.outside() == []


def said(body: dict[str, Any]) -> str:
    """The content of the endpoint's answer."""
    found = hostile.answer(body)
    return found if isinstance(found, str) else str(found["content"])


def test_nothing_is_executed_and_nothing_written_outside(place: Place) -> None:
    for form in FORMATS:
        if form != "docbin":
            for lang in ("ja", "en"):
                place.run(
                    ["stages.exports.export", "--format", form, "--out", f"out/{form}", f"data/calibrated/{lang}.jsonl"]
                )
    place.run(["stages.exports.export", "--format", "parquet", "--out", "out/source", "data/tconer/records.jsonl"], 0)
    place.run(["stages.release.data", "--out", "data/release"])
    place.run(["stages.report.price"])
    assert place.outside() == []
    assert not [path for path in place.top.rglob("*") if hostile.MARK in path.name]


@pytest.mark.parametrize("name", hostile.FILES)
def test_a_file_that_is_none_is_refused_in_one_line(place: Place, name: str, tmp_path: Path) -> None:
    path = f"broken/{name}.jsonl"
    for words in (
        ["stages.records.validate", "--schema", "record", path],
        ["stages.exports.export", "--format", "linear", "--out", "out/broken", path],
        ["stages.scoring.evaluate", path, path],
        ["stages.llm.batch", "join", path, path],
    ):
        place.run(words, 1)
    assert place.outside() == []


def test_a_page_shows_hostile_text_as_text(place: Place) -> None:
    text = (place.folder / "metrics/report.html").read_text(encoding="utf-8")
    page = hostile.Page(text)
    assert page.running == []
    assert page.tags["script"] == 3
    assert not {"img", "iframe", "object", "base"} & page.tags.keys()
    assert all(address.startswith("#") for address in page.addresses)
    assert f"window.{hostile.MARK}=1</script>" not in text
    name = next(record["id"] for record in hostile.records() if hostile.MARK in record["text"])
    for identifier in (name, name.removesuffix("ja") + "en"):
        traced = hostile.Page(place.run(["stages.report.trace", identifier, "--html"], 0))
        assert traced.running == []
        assert "script" not in traced.tags
        assert "img" not in traced.tags


def test_the_review_page_gives_hostile_records_as_json_and_takes_no_path(place: Place) -> None:
    with serving(place.folder / "data") as page:
        status, listed = page.get("queue")
        assert status == 200, listed
        head = {"X-Review-Token": page.token}
        for path in (
            "/../../params.yaml",
            "/static/../../../params.yaml",
            "/%2e%2e/%2e%2e/params.yaml",
            "/static/%2e%2e%2fpage.py",
        ):
            assert page.raw("GET", path, head)[0] == 404
        status, said = page.get("record", id="../../x")
        assert status >= 400
        assert "Traceback" not in str(said)
        for who in ("../../x", "..", "/etc/x", "a\x00b", "<script>"):
            page.post("decide", who, id="x", base_hash="0" * 64, decision="accept", fields={}, seconds=1)
    assert place.outside() == []
