"""Translations that a person vouches for become references: which ones, and that they stay as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.calibration.accepted import main
from stages.calibration.desk import decide, open_desk
from stages.calibration.patches import append
from stages.core.errors import UserError
from stages.records.rules import read_records
from stages.sources.common import Source
from stages.sources.raw import collect

LANGUAGES = ("ja", "en", "zh")
OUT = "data/external/accepted.jsonl"


def patched(folder: Path, native: str, decision: str, **fields: str) -> None:
    """One decision of kei on an English translation."""
    desk = open_desk(folder / "data", LANGUAGES)
    case = desk.cases[f"SCNM/NER/own/{native}/en"]
    whole = {"text": case.record["text"], "text_label": case.record["text_label"], **fields}
    append(desk.folder, "kei", decide(case, whole, decision, annotator="kei", reason="read"))  # type: ignore[arg-type]


def natives(path: str) -> list[str]:
    return [record["id"].split("/")[3] for record in read_records(path)]


def test_accepted_and_restored_translations_are_taken_and_stay_as_they_were(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    with pytest.raises(UserError, match="no translation that a person accepted"):
        main(["--out", OUT])
    patched(project, "1", "accept")
    patched(project, "2", "restore", text="Kume was born in 1987, in Matsue.")
    patched(project, "3", "reject")
    main(["--out", OUT])
    assert natives(OUT) == ["1", "2"]
    frozen = Path(OUT).read_bytes()

    patched(project, "1", "accept", text="The Nada ward museum is in Nada ward, Kobe.")
    patched(project, "2", "reject")
    capsys.readouterr()
    main(["--out", OUT])
    assert Path(OUT).read_bytes() == frozen
    assert "2 references, 0 new; 1 differ" in capsys.readouterr().out


def test_they_are_read_as_references_and_not_translated(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    patched(project, "1", "accept")
    main(["--out", OUT])
    records, references, natural = collect([Source("accepted", "references", OUT, None, None)], LANGUAGES)
    assert (records, natural) == ([], [])
    assert [record["source"] for record in references] == ["own"]
