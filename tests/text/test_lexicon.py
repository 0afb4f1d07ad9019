"""What the dictionary says as a whole is learnt once a machine, and read only where it is whole and of this dictionary and code."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from stages.text import lexicon
from stages.text.lexicon import HAN, Lexicon, dictionary, kept, learn, packed, read, spot

PART = (283_000, 290_000)  # of 1.6 million entries; words that begin with 京 and what follows it


@pytest.fixture(scope="module")
def part() -> Lexicon:
    """That of a part of the dictionary."""
    return learn(islice(dictionary().entries(), *PART))


def test_a_part_of_the_dictionary_says_what_its_entries_say(part: Lexicon) -> None:
    surnames, starts = 0, set()
    for entry in islice(dictionary().entries(), *PART):
        surface = entry.surface()
        starts |= {spot(surface[:2]), spot(surface[:3])}
        if entry.part_of_speech()[3] == "姓" and lexicon.regex.match(rf"[{HAN}]", surface):
            surnames += 1
            assert set(surface) <= part.surnames[lexicon.kana_key(entry.reading_form())]
    assert surnames
    assert {n for n, there in enumerate(part.beginnings) if there} == starts
    assert part.characters


def test_it_comes_back_from_its_file_and_is_not_learnt_again(part: Lexicon, tmp_path: Path) -> None:
    path = tmp_path / "new" / "lexicon.bin"
    assert read(path) is None
    path.parent.mkdir()
    path.write_bytes(packed(part))
    assert read(path) == part
    assert kept(path, iter(())) == part


def test_the_same_bytes_come_of_the_same_entries(part: Lexicon) -> None:
    turned = [dict(reversed(table.items())) for table in part[:2]]
    assert packed(Lexicon(turned[0], turned[1], part.beginnings)) == packed(part)


@pytest.mark.parametrize("fault", ["cut", "changed", "empty", "other code", "no head"])
def test_a_file_that_is_broken_or_of_another_dictionary_is_learnt_anew(
    part: Lexicon, tmp_path: Path, fault: str
) -> None:
    path, data = tmp_path / "lexicon.bin", packed(part)
    broken = {
        "cut": data[:-1],
        "changed": data[:-1] + bytes([data[-1] ^ 1]),
        "empty": b"",
        "other code": (b"0" if data[:1] != b"0" else b"1") + data[1:],
        "no head": data.partition(b"\n")[2],
    }
    path.write_bytes(broken[fault])
    assert read(path) is None
    few = list(islice(dictionary().entries(), 283_000, 283_100))
    assert kept(path, few) == learn(few) == read(path)


def test_where_nothing_can_be_kept_it_is_learnt_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    few = list(islice(dictionary().entries(), 283_000, 283_100))
    for path in (tmp_path / "file" / "lexicon.bin", tmp_path):  # no folder; a folder in its place
        assert kept(path, few) == learn(few)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_cache_folder_of_the_user_is_where_it_lies(
    part: Lexicon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = Path(lexicon.platformdirs.user_cache_dir("mmm-ie"))
    folder.mkdir(parents=True)
    (folder / "lexicon.bin").write_bytes(packed(part))
    assert lexicon.lexicon.__wrapped__() == part


def test_readings_inside_words_and_surnames_of_the_whole_dictionary() -> None:
    found = lexicon.lexicon()
    assert found.characters["窓"] == {"so", "mado"}
    assert found.surnames["kawada"] == {"河", "田"}
    assert found.beginnings[spot("京都")]
    assert not found.beginnings[spot("京ば")]
