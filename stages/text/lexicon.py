"""What is learnt from a walk over every entry of the Japanese dictionary (SudachiDict core, Apache-2.0).

The walk takes seconds, and many stages need it: what it found lies in the user's cache folder (`~/.cache/mmm-ie` on Linux). It is
learnt anew where it is not there, broken, or of another dictionary or code; where nothing can be written, each process learns it.
"""

from __future__ import annotations

import gc
import hashlib
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import orjson
import platformdirs
import regex
from sudachipy import Dictionary, Morpheme  # type: ignore[import-untyped]

from stages.core.errors import UserError
from stages.core.files import write_bytes
from stages.text import spelling
from stages.text.spelling import kana_key

HAN = r"\p{Script=Han}々〆ヶ"
SPOTS = 1 << 22  # of `beginnings`


@cache
def dictionary() -> Dictionary:
    """SudachiDict core."""
    return Dictionary(dict="core")


class Lexicon(NamedTuple):
    """What every entry of the dictionary together says.

    characters: by Han character, its readings inside words, which its own entry leaves out: 窓 is also ソウ, from 同窓 and 車窓.
    surnames: by key of a reading, the characters with which surnames that are read so are written.
    beginnings: by `spot` of two or three characters, whether words with Han may begin so.
    """

    characters: dict[str, frozenset[str]]
    surnames: dict[str, frozenset[str]]
    beginnings: bytes


def spot(beginning: str) -> int:
    """Where it stands in `beginnings`; others may stand there too."""
    return zlib.crc32(beginning.encode("utf-8", "surrogatepass")) % SPOTS


@cache
def lexicon() -> Lexicon:
    """The whole dictionary's."""
    found = kept(Path(platformdirs.user_cache_dir("mmm-ie")) / "lexicon.bin", dictionary().entries())
    gc.freeze()  # tables stay: Python's search for garbage would walk over them and pypinyin's half a million lists again and again
    return found


def kept(path: Path, entries: Iterable[Morpheme]) -> Lexicon:
    """The lexicon of a file, else learnt of the entries and kept there for the next process."""
    found = read(path)
    if found is None:
        found = learn(entries)
        with suppress(OSError, UserError):  # no place to keep it
            write_bytes(path, packed(found))
    return found


def learn(entries: Iterable[Morpheme]) -> Lexicon:
    """The lexicon of some entries of the dictionary."""
    pair, begins_with_han = regex.compile(r"\p{Script=Han}{2}"), regex.compile(rf"[{HAN}]")
    is_surname = dictionary().pos_matcher(lambda part: part[3] == "姓")
    pairs, found, starts = set[tuple[str, str]](), defaultdict[str, set[str]](set), set[str]()
    for entry in entries:
        surface = entry.surface()
        starts.update((surface[:2], surface[:3]))
        if len(surface) == 2 and pair.fullmatch(surface):
            pairs.add((surface, entry.reading_form()))
        if is_surname(entry) and begins_with_han.match(surface):
            found[entry.reading_form()].update(surface)
    beginnings = bytearray(SPOTS)
    for start in starts:
        beginnings[spot(start)] = 1
    surnames = defaultdict[str, set[str]](set)
    for reading, characters in found.items():
        surnames[kana_key(reading)] |= characters
    return Lexicon(_inside_words(pairs), _frozen(surnames), bytes(beginnings))


def _inside_words(words: set[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Readings of characters in words of two of them, wherever the other character's part is known."""
    characters = {char for word, _ in words for char in word}
    known = {char: {entry.reading_form() for entry in dictionary().lookup(char)} for char in characters}
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for word, reading in words:
        first, second = word[0], word[1]
        for part in known[first]:
            if reading.startswith(part):
                seen[second][reading[len(part) :]] += 1
        for part in known[second]:
            if reading.endswith(part):
                seen[first][reading[: len(reading) - len(part)]] += 1
    return _frozen(
        {
            char: {kana_key(kana) for kana, n in counts.items() if kana and (n >= 4 or n > counts.total() / 5)}
            for char, counts in seen.items()
        }
    )


def _frozen(table: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in table.items()}


def made_of() -> str:
    """A hash of what decides a lexicon: the dictionary, what reads it, and this code."""
    packages = ("sudachidict_core", "sudachipy", "regex")
    parts = [f"{name} {version(name)}" for name in packages] + [unicodedata.unidata_version]
    code = b"".join(Path(file).read_bytes() for file in (__file__, spelling.__file__))
    return hashlib.sha256("\n".join(parts).encode() + code).hexdigest()


def packed(found: Lexicon) -> bytes:
    """The bytes of a file: two SHA-256 as a line, what it is made of and that of the rest; then a line of JSON and `beginnings`."""
    tables = [{key: sorted(values) for key, values in sorted(table.items())} for table in found[:2]]
    body = zlib.compress(orjson.dumps(tables) + b"\n" + found.beginnings, 1)
    return f"{made_of()} {hashlib.sha256(body).hexdigest()}\n".encode() + body


def read(path: Path) -> Lexicon | None:
    """The lexicon of a file; None where there is none, or it is not whole or made of something else."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if head.decode("latin-1") != f"{made_of()} {hashlib.sha256(body).hexdigest()}":
        return None
    tables, _, beginnings = zlib.decompress(body).partition(b"\n")
    characters, surnames = ({key: frozenset(values) for key, values in table.items()} for table in orjson.loads(tables))
    return Lexicon(characters, surnames, beginnings)
