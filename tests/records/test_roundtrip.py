"""Real texts through the linear format and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.records import roundtrip
from stages.records.linear import encode
from stages.records.rules import write_records
from tests.support.adapters import own


def mention(label: str, text: str, start: int | None) -> dict[str, Any]:
    return {"label": label, "spans": [{"text": text, "start": start}]}


def test_roundtrip_counts_what_moves_and_fails_on_what_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.jsonl"
    hard = own("a", "時刻は10:30;北\\南、北\\南/NER")
    hard["extractions"] = [mention("施設名", "10:30;北\\", 3), mention("地名", "南", 15), mention("地名", "無し", None)]
    write_records(path, [hard])
    assert roundtrip.main([str(path)]) == 0
    counts = {line.strip().partition(" ")[2]: int(line.split()[0]) for line in capsys.readouterr().out.splitlines()}
    assert counts == {
        "records": 1,
        "extractions": 3,
        "lost extractions": 0,
        "lost texts or labels": 0,
        "moved extractions": 1,  # the second 南 comes back as the first
    }

    twice = own("b", "本田は走る。")
    twice["extractions"] = [mention("人名", "本田", 0), mention("法人名", "本田", 0)]  # one place, two mentions
    write_records(path, [hard, twice])
    assert roundtrip.main([str(path)]) == 1
    assert "1 lost extractions" in capsys.readouterr().out


def test_roundtrip_fails_on_a_lost_text_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labelled = {**own("a", "川が流れる。"), "text_label": "自然", "text_label_origin": "human"}
    write_records(tmp_path / "own.jsonl", [labelled])
    assert roundtrip.main([str(tmp_path / "own.jsonl")]) == 0
    monkeypatch.setattr(roundtrip, "encode", lambda record: encode(record, "words"))
    assert roundtrip.main([str(tmp_path / "own.jsonl")]) == 1
