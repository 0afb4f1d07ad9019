"""How Japanese is read: every reading that a dictionary (SudachiDict core, Apache-2.0) gives a stretch of text, compared
with Latin letters under all common romanisations at once. The dictionary is loaded at the first question.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from functools import cache, lru_cache
from importlib.resources import files

import opencc  # type: ignore[import-untyped]
import regex
from sudachipy import Dictionary, SplitMode  # type: ignore[import-untyped]

HAN = r"\p{Script=Han}々〆ヶ"
PIECE = 6  # characters of the longest dictionary word that is tried inside a name

_ROWS = {
    "": "アイウエオ",
    "k": "カキクケコ",
    "g": "ガギグゲゴ",
    "s": "サシスセソ",
    "z": "ザジズゼゾ",
    "t": "タチツテト",
    "d": "ダヂヅデド",
    "n": "ナニヌネノ",
    "h": "ハヒフヘホ",
    "b": "バビブベボ",
    "p": "パピプペポ",
    "m": "マミムメモ",
    "y": "ヤ　ユ　ヨ",
    "r": "ラリルレロ",
    "w": "ワヰ　ヱヲ",
}
_KANA = {kana: row + vowel for row, line in _ROWS.items() for kana, vowel in zip(line, "aiueo", strict=True)}
_KANA |= {"ン": "n", "ッ": "", "ヴ": "bu", "ー": "-"}
_SMALL = {"ァ": "a", "ィ": "i", "ゥ": "u", "ェ": "e", "ォ": "o", "ャ": "ya", "ュ": "yu", "ョ": "yo", "ヮ": "wa"}
_SPELLINGS = (  # any romanisation to the Kunrei letters of the table above
    (r"tch", "ch"),
    (r"sh", "sy"),
    (r"ch", "ty"),
    (r"dz|dj", "z"),
    (r"j", "zy"),
    (r"ts", "t"),
    (r"f", "h"),
    (r"v", "b"),
    (r"l", "r"),
    (r"(?<=[a-z])yi", "i"),
    (r"h(?![aiueoy])", ""),
    (r"m(?=[bpm])", "n"),
    (r"di", "zi"),
    (r"du", "zu"),
    (r"wo", "o"),
    (r"ou", "o"),
)


def katakana(text: str) -> str:
    """The text with its hiragana as katakana, full width."""
    return "".join(
        chr(ord(char) + 0x60) if "ぁ" <= char <= "ゖ" else char for char in unicodedata.normalize("NFKC", text)
    )


def letters(text: str) -> str:
    """Lower-case Latin letters alone, without their diacritics."""
    plain = unicodedata.normalize("NFKD", text.replace("ø", "o").replace("ł", "l").replace("ß", "ss")).lower()
    return "".join(char for char in plain if "a" <= char <= "z")


def romaji(kana: str) -> str:
    """Kunrei letters of kana as they stand; `-` for a long vowel, other characters dropped."""
    result = ""
    for char in katakana(kana):
        if char in _SMALL:
            small = _SMALL[char]
            takes_its_place = len(result) > 1 and result[-1] in "ueio"  # キャ: kya, ファ: fa, ティ: ti
            result = (result[:-1] if takes_its_place else result) + small
        else:
            result += _KANA.get(char, "")
    return result


def latin_key(text: str) -> str:
    """What Hepburn, Kunrei and passport spellings of one reading share: no long vowels, no doubled consonants.

    >>> latin_key("Ōtani Shin'ichi") == latin_key("Ohtani Sin-iti") == latin_key("otanishinichi")
    True
    """
    key = letters(text)
    for spelling, letter in _SPELLINGS:
        key = re.sub(spelling, letter, key)
    return re.sub(r"(.)\1+", r"\1", re.sub(r"(?<=[sztd])yi", "i", key))


@lru_cache(maxsize=1 << 16)
def kana_key(kana: str) -> str:
    """The same key of a reading in kana."""
    return latin_key(romaji(kana))


@cache
def dictionary() -> Dictionary:
    """SudachiDict core."""
    return Dictionary(dict="core")


@cache
def _character_readings() -> dict[str, set[str]]:
    """What each character reads as inside words, which its own entry leaves out: 窓 is also ソウ, from 同窓 and 車窓.

    Learnt once (3 s) from the dictionary's words of two characters, wherever the other character's part is known.
    """
    pair, words = regex.compile(r"\p{Script=Han}{2}"), set()
    for entry in dictionary().entries():
        surface = entry.surface()
        if len(surface) == 2 and pair.fullmatch(surface):
            words.add((surface, entry.reading_form()))
    characters = {char for word, _ in words for char in word}
    known = {char: {entry.reading_form() for entry in dictionary().lookup(char)} for char in characters}
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for (first, second), reading in words:
        for part in known[first]:
            if reading.startswith(part):
                seen[second][reading[len(part) :]] += 1
        for part in known[second]:
            if reading.endswith(part):
                seen[first][reading[: len(reading) - len(part)]] += 1
    return {
        char: {kana_key(kana) for kana, n in counts.items() if kana and (n >= 4 or n > counts.total() / 5)}
        for char, counts in seen.items()
    }


@lru_cache(maxsize=1 << 16)
def readings(piece: str) -> tuple[str, ...]:
    """The keys of every reading that the dictionary has of exactly this stretch; kana reads as itself."""
    if not regex.fullmatch(rf"[{HAN}\p{{Hiragana}}\p{{Katakana}}ー]+", piece):
        return ()
    if not regex.search(rf"[{HAN}]", piece):
        return (kana_key(piece),)
    keys = {kana_key(entry.reading_form()) for entry in dictionary().lookup(piece)}
    if len(piece) == 1:
        keys |= _character_readings().get(piece, set())
    if piece in ("ヶ", "ノ", "之"):
        keys |= {"ga", "ka", "no"}
    return tuple(sorted(keys - {""}))


_VOICED = str.maketrans("kstth", "gzddb")


def _voiced(key: str) -> tuple[str, ...]:
    """A word's forms inside a compound: 川 kawa, gawa; 原 hara, bara, para."""
    if key[:1] not in ("k", "s", "t", "h"):
        return (key,)
    return (key, key[0].translate(_VOICED) + key[1:], *(("p" + key[1:], "w" + key[1:]) if key[0] == "h" else ()))


def _edits(left: str, right: str, budget: int) -> int:
    """Levenshtein distance, at most `budget` + 1."""
    if left == right:
        return 0
    if abs(len(left) - len(right)) > budget or not budget:
        return budget + 1
    row = list(range(len(right) + 1))
    for n, a in enumerate(left, 1):
        last, row[0] = row[0], n
        for k, b in enumerate(right, 1):
            last, row[k] = row[k], min(row[k] + 1, row[k - 1] + 1, last + (a != b))
    return min(row[-1], budget + 1)


@lru_cache(maxsize=1 << 12)
def _edges(text: str) -> list[list[tuple[int, tuple[str, ...]]]]:
    """By start: (end, every reading) of each stretch of up to six characters that the dictionary can read."""
    edges = []
    for start in range(len(text)):
        ends = range(start + 1, min(len(text), start + PIECE) + 1)
        edges.append([(end, found) for end in ends if (found := readings(text[start:end]))])
    return edges


@lru_cache(maxsize=1 << 16)
def reads_as(text: str, key: str, *, whole: bool, budget: int = 0) -> tuple[int, int] | None:
    """Where Japanese `text` can be read as the Latin `key` with at most `budget` edits: (start, end), or None.

    `whole` asks that all of the text be read so; otherwise the longest stretch of it is given. Words of up to six
    characters are tried at each place, voiced inside a compound, and a の or ヶ that is read and not written.
    """
    edges, best = _edges(text), None
    for start in range(1 if whole else len(text)):
        reach: dict[int, dict[int, int]] = {start: {0: 0}}  # by place in the text: edits spent by place in the key
        for at in range(start, len(text)):
            if at not in reach:
                continue
            if at > start:
                for offset, spent in list(reach[at].items()):
                    if key.startswith(("no", "ga"), offset):
                        reach[at].setdefault(offset + 2, spent)
            for offset, spent in reach[at].items():
                left = budget - spent
                for end, bases in edges[at]:
                    for base in bases:
                        for reading in _voiced(base) if at > start else (base,):
                            if not left and not key.startswith(reading, offset):
                                continue
                            for size in range(max(0, len(reading) - left), len(reading) + left + 1):
                                cost = spent + _edits(reading, key[offset : offset + size], left)
                                spot = reach.setdefault(end, {})
                                if offset + size <= len(key) and cost <= budget and cost < spot.get(offset + size, 9):
                                    spot[offset + size] = cost
        ends = [end for end, spot in reach.items() if end > start and len(key) in spot]
        if ends and (best is None or max(ends) - start > best[1] - best[0]):
            best = start, max(ends)
    return best if not whole or best == (0, len(text)) else None


def proper_nouns(text: str) -> list[tuple[str, int, str]]:
    """(stretch, start, kind) of the names of persons and places that the analyser sees; neighbours of a kind are one."""
    found: list[tuple[str, int, str]] = []
    for token in dictionary().tokenizer(SplitMode.C).tokenize(text):
        part = token.part_of_speech()
        if part[1] != "固有名詞" or part[2] not in ("人名", "地名"):
            continue
        start = token.begin()
        if found and found[-1][1] + len(found[-1][0]) == start and found[-1][2] == part[2]:
            start = found[-1][1]
            found.pop()
        found.append((text[start : token.end()], start, part[2]))
    return found


def word_ends(text: str) -> frozenset[int]:
    """Every place where a word of the finest cut begins or ends."""
    tokens = dictionary().tokenizer(SplitMode.A).tokenize(text)
    return frozenset(place for token in tokens for place in (token.begin(), token.end()))


@lru_cache(maxsize=1 << 12)
def is_common_noun(word: str) -> bool:
    """Does the dictionary have it as a common noun, or also write it with Han: カワウソ, リュウグウ."""
    entries = dictionary().lookup(word)
    return any(
        entry.part_of_speech()[1] == "普通名詞" or regex.search(r"\p{Han}", entry.normalized_form())
        for entry in entries
    )


@cache
def _simplify() -> tuple[opencc.OpenCC, dict[int, str]]:
    variants: dict[int, str] = {}
    table = (files("opencc") / "dictionary" / "JPVariants.txt").read_text(encoding="utf-8")
    for line in table.splitlines():
        traditional, shapes = line.split("\t")
        variants |= {ord(shape): traditional for shape in shapes.split() if shape != traditional}
    variants |= {ord(shape): simple for shape, simple in zip("窓塚", "窗冢", strict=True)}  # missing there
    return opencc.OpenCC("t2s"), variants


@lru_cache(maxsize=1 << 14)
def fold_han(text: str) -> str:
    """Japanese or traditional Han as simplified, so that one name has one shape in both languages."""
    converter, variants = _simplify()
    folded: str = converter.convert(unicodedata.normalize("NFKC", text).translate(variants))
    return folded
