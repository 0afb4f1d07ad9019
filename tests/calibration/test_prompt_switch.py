"""Another translation prompt and back, from recorded responses: a correction that fits applies, every other one is a conflict, none is lost."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.calibration.desk import decide, open_desk
from stages.calibration.patches import append, content, record_hash
from stages.core.files import iter_jsonl
from tests.support.pipeline import ROOT, commands, new_folder

PATCHES = ROOT / "data/calibration"
LANGUAGES = ("en", "ja", "zh")
FITS = (
    "applied",
    "no_change",
    "quarantined",
)  # what becomes of a patch that fits; the last waits for a line that restores its record
ROOMS = ("translated", "filtered", "quarantine", "ledger", "calibrated")


def run(*stages: str) -> None:
    """Stages in this process, as dvc.yaml writes them: their imports are paid for once."""
    for stage in stages:
        for command in commands(stage, Path()):
            import_module(command[2]).main(command[3:])


def chosen(prompt: str) -> None:
    """The params with this prompt."""
    path = Path("params.yaml")
    knobs = yaml.safe_load(path.read_text(encoding="utf-8"))
    knobs["translate"]["prompt"] = prompt
    path.write_text(yaml.safe_dump(knobs, allow_unicode=True), encoding="utf-8")


def under(prompt: str) -> dict[str, bytes]:
    """Translates, filters and calibrates under a prompt; every file that this writes."""
    chosen(prompt)
    run("translate", "filter", "calibrate")
    return written()


def back(prompt: str, before: dict[str, bytes]) -> None:
    """Calibrates what an earlier prompt made, which comes out of DVC's cache as it was."""
    chosen(prompt)
    for path, data in before.items():
        if not path.startswith("data/calibrated"):
            Path(path).write_bytes(data)
    run("calibrate")


def written() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for room in ROOMS for path in sorted(Path("data", room).iterdir())}


def by_id(room: str, lang: str) -> dict[str, Any]:
    return {row["id"]: row for row in iter_jsonl(f"data/{room}/{lang}.jsonl")}


def fates(lang: str) -> dict[str, dict[str, Any]]:
    """The lines of a language's report by place; each patch of the language stands there once, a conflict with all that it said."""
    lines = {
        f"{path.name}:{n}": patch
        for path in sorted(Path("data/calibration").glob("*.jsonl"))
        for n, patch in enumerate(iter_jsonl(path), 1)
        if patch["record_id"].endswith(f"/{lang}")
    }
    report = list(iter_jsonl(f"data/calibrated/{lang}.report.jsonl"))
    assert [line["place"] for line in report] == list(lines), "a patch is lost, or told twice"
    for line in report:
        assert line["outcome"] in ("applied", "no_change", "quarantined", "conflict")
        assert line["patch"] == (lines[line["place"]] if line["outcome"] == "conflict" else None)
    return {line["place"]: line for line in report}


def conflicts_name_both_versions(lang: str) -> int:
    """Of every patch in conflict, what its record is now is told, and the record is not touched; how many there are."""
    kept, out = by_id("filtered", lang), by_id("calibrated", lang)
    held = {name: row["record"] for name, row in by_id("quarantine", lang).items()}
    told = fates(lang).values()
    settled = {line["record_id"] for line in told if line["outcome"] in ("applied", "quarantined")}
    alone = [line for line in told if line["outcome"] == "conflict" and line["record_id"] not in settled]
    for line in alone:
        name, record = line["record_id"], kept.get(line["record_id"]) or held[line["record_id"]]
        assert out.get(name) == kept.get(name), "a patch in conflict changed its record"
        if record:
            assert line["now"]["status"] == ("in" if name in kept else "quarantined")
            assert {**content(record), "hash": record_hash(record), "status": line["now"]["status"]} == line["now"]
            assert line["now"]["hash"] != line["patch"]["base_hash"] or name not in kept
    return len(alone)


@pytest.mark.slow
def test_patches_through_another_prompt_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (ROOT / "data/responses.jsonl.gz").exists():
        pytest.skip("data/responses.jsonl.gz is absent: dvc pull data/responses.jsonl.gz.dvc")
    folder = new_folder(tmp_path / "own")
    (folder / "data/calibration").unlink()
    shutil.copytree(PATCHES, folder / "data/calibration")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LLM_CACHE", str(folder / "no-cache"))
    monkeypatch.delenv("LLM_MODE", raising=False)
    prompt = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["translate"]["prompt"]
    assert prompt != "v1"
    run("raw", "tconer", "glossary")
    before = under(prompt)
    first = {name: record_hash(record) for name, record in open_desk("data", LANGUAGES).originals.items()}
    assert {line["outcome"] for lang in LANGUAGES for line in fates(lang).values()} <= set(FITS)

    under("v1")
    for lang in LANGUAGES:
        assert conflicts_name_both_versions(lang) > 20
    # Somebody reviews under this prompt: of translations that are others now, one is accepted, one corrected, one taken out of quarantine;
    # and one is accepted that both prompts translate alike and nobody else decided about.
    desk, mine, alike = open_desk("data", LANGUAGES), list[dict[str, Any]](), set[str]()
    who: dict[str, Any] = {"annotator": "lee", "reason": "read under v1"}
    reviewed = {line.patch["record_id"] for line in desk.lines if line.patch}
    for lang in LANGUAGES:
        names = sorted(name for name in desk.cases if name.endswith(f"/{lang}") and name in desk.sources)
        cases = {name: desk.cases[name] for name in names if desk.cases[name].record["text"]}
        other = [case for name, case in cases.items() if record_hash(case.record) != first[name]]
        accepted, edited = [case for case in other if case.status == "in"][:2]
        restored = next(case for case in other if case.status == "quarantined")
        mine += decide(accepted, {}, "accept", **who)
        mine += decide(edited, {"text": edited.record["text"] + "!"}, "", **who)
        mine += decide(restored, {}, "accept", **who)
        same = [
            case for name, case in cases.items() if case not in other and case.status == "in" and name not in reviewed
        ]
        for case in same[:1]:
            mine += decide(case, {}, "accept", **who)
            alike.add(case.record["id"])
    assert [patch["op"] for patch in mine if patch["record_id"] not in alike] == ["accept", "text", "restore"] * 3
    assert alike
    append("data/calibration", "lee", mine)
    run("calibrate")
    for lang in LANGUAGES:
        told, out = fates(lang), by_id("calibrated", lang)
        own = [line for place, line in told.items() if place.startswith("lee.")]
        assert {line["outcome"] for line in own} == {"applied"}, "a patch that fits was not applied"
        assert out[own[1]["record_id"]]["text"].endswith("!")
        assert own[2]["record_id"] in out
        assert conflicts_name_both_versions(lang) > 20

    back(prompt, before)
    for lang in LANGUAGES:
        for place, line in fates(lang).items():
            holds = not place.startswith("lee.") or line["record_id"] in alike
            assert line["outcome"] in (FITS if holds else ("conflict",)), line
        out = Path(f"data/calibrated/{lang}.jsonl")
        assert out.read_bytes() == before[str(out)], "a correction that was made under another prompt changed a record"
    Path("data/calibration/lee.jsonl").unlink()
    run("calibrate")
    assert written() == before
    assert {path.name: path.read_bytes() for path in Path("data/calibration").iterdir()} == {
        path.name: path.read_bytes() for path in PATCHES.iterdir()
    }
