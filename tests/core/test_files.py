"""Files as people send them: packed, with a byte order mark, in another encoding, as one list; messages of bounded length."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from stages.core.errors import LIMIT, UserError, short
from stages.core.files import iter_jsonl, read_bytes, read_json, write_bytes, write_json, write_jsonl
from stages.core.graph import ROOT
from stages.core.schema import IS_LIST, file_faults, is_one_value

BOM = b"\xef\xbb\xbf"
LINES = b'{"a": 1}\n{"a": 2}\n'


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mark", [b"", BOM])
def test_gzip_is_told_by_its_bytes_and_a_byte_order_mark_is_no_part(
    name: str, packed: bool, mark: bytes, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(mark + LINES) if packed else mark + LINES)
    assert list(iter_jsonl(path)) == [{"a": 1}, {"a": 2}]
    assert read_bytes(path) == LINES


def test_what_is_written_under_gz_is_packed_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_jsonl(tmp_path / name, [{"a": 1}, {"a": 2}])
    first, second = ((tmp_path / name).read_bytes() for name in ("a.jsonl.gz", "b.jsonl.gz"))
    assert first == second
    assert gzip.decompress(first) == b'{"a":1}\n{"a":2}\n'
    write_json(tmp_path / "c.json.gz", {"a": 1})
    assert read_json(tmp_path / "c.json.gz") == {"a": 1}
    write_bytes(tmp_path / "d.gz", b"as it is")
    assert (tmp_path / "d.gz").read_bytes() == b"as it is"
    assert is_one_value("c.json.gz")
    assert not is_one_value("a.jsonl.gz")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ('{"text": "川"}\n'.encode("shift_jis"), "not UTF-8, at byte 10"),
        ('{"text": "川"}\n'.encode("utf-16"), "it looks like UTF-16"),
        ('{"text": "川"}\n'.encode("utf-16-le"), "it looks like UTF-16"),
        (gzip.compress(LINES * 99, mtime=0)[:-30], "broken gzip"),
        (b"\x1f\x8b\x00\x00", "broken gzip"),
    ],
)
def test_another_encoding_and_a_cut_file_are_called_so(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    with pytest.raises(UserError, match=said) as caught:
        list(iter_jsonl(path))
    assert caught.value.place.startswith(str(path))
    assert caught.value.remedy


@pytest.mark.parametrize("data", [b'[{"a": 1}]', b'[\n{"a": 1},\n{"a": 2}\n]\n', BOM + b'[{"a": 1}]'])
def test_a_list_in_place_of_lines_is_called_so_once(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    assert list(file_faults(path, "record")) == [(f"{path}:1", "/", IS_LIST)]


@pytest.mark.parametrize("part", [0, 1, 2])
def test_no_message_is_longer_than_the_bound(part: int) -> None:
    parts = ["place", "fault", "remedy"]
    parts[part] = parts[part] * 10_000
    message = str(UserError(*parts))
    assert len(message) <= LIMIT
    assert message.startswith("place")
    assert "fault" in message
    assert UserError(*parts).fault == parts[1], "the whole is kept for who wants it"
    assert len(str(UserError(*(word * 999 for word in parts)))) <= LIMIT
    assert "\n" not in str(UserError("a", "b\nc", "d"))


def test_a_cut_text_keeps_both_ends() -> None:
    assert short("x" * 10, 10) == "x" * 10
    cut = short("begin" + "x" * 100 + "end", 20)
    assert (len(cut), cut[:5], cut[-3:]) == (20, "begin", "end")


def test_what_the_system_refuses_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stages.records.validate", "x" * 5000]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "File name too long" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip()) <= LIMIT
