"""How alike two names sound across scripts: Latin spelling, katakana and Chinese transliteration as rough phonemes.

A phoneme is one letter: vowels `aiueo`, consonants in the classes of `_NEAR`. The distance is a weighted edit distance in
which vowels, liquids at a syllable's end and voicing cost little, after ALINE (Kondrak 2000) with hand-set weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from stages.text.mandarin import pinyin
from stages.text.spelling import katakana, letters, respelt, rewritten, romaji, rules

_ENGLISH = (
    (r"tion\b", "Son"),
    (r"(?<=[a-z])(ds|ts)\b", "z"),
    (r"tch|sch|sh|ch|cz", "S"),
    (r"c(?=[eiy])", "s"),
    (r"ph", "f"),
    (r"th", "T"),
    (r"gh(?![aeiou])", ""),
    (r"gh", "g"),
    (r"ck|q|c", "k"),
    (r"x", "ks"),
    (r"dg(?=e)|j|(?<=[a-z])g(?=[ei])", "S"),
    (r"(?<=[^aeiou])e\b|(?<=[aeiou][^aeiou])es?\b", ""),
    (r"ee|ea", "i"),
    (r"oo", "u"),
    (r"y", "i"),
    (r"l", "r"),
)
_PLAIN = tuple(
    rule for rule in _ENGLISH if rule[0] not in (r"tion\b", r"gh(?![aeiou])") and not rule[0].endswith(r"es?\b")
)
_OTHERWISE = (  # loaves, Vreeswijk, Niamh, Aodhagán
    (r"oa|ow", "o"),
    (r"ou|eu|oe", "u"),
    (r"[mb]h", "v"),
    (r"ao(?=[dg]h)", "i"),
    (r"[dg]h", ""),
    (r"w", "v"),
    (r"j", "i"),
    (r"au", "o"),
)
_HABITS = (  # of the spellings of other languages, before English has its turn
    (
        (r"sch", "S"),
        (r"j", "i"),
        (r"ch", "h"),
        (r"w", "v"),
        (r"z", "ts"),
        (r"ei", "ai"),
        (r"eu", "oi"),
        (r"v", "f"),
    ),  # German
    ((r"ee", "e"), (r"oo", "o"), (r"ij", "ai"), (r"j", "i"), (r"v", "f"), (r"oe", "u")),  # Dutch
    ((r"j", "h"), (r"ll", "i"), (r"ch", "S"), (r"gu(?=[ei])", "g"), (r"x", "S"), (r"qu", "k")),  # Spanish, Portuguese
    (
        (r"eaux?|aux?", "o"),
        (r"ou", "u"),
        (r"oi", "wa"),
        (r"ch", "S"),
        (r"\bh", ""),
        (r"[stdpxz]\b", ""),
        (r"e[rz]\b", "e"),
    ),  # French
    ((r"c", "k"), (r"y", "iu"), (r"ae", "ai"), (r"ia?ns?\b", "ia")),  # Latin and Greek: Lycian
    ((r"eo", "o"), (r"eu", "u"), (r"ae|oe", "e"), (r"ui", "i")),  # Korean
)
_KANA = (
    (r"syi|si", "Si"),
    (r"sy", "S"),
    (r"ti", "Si"),
    (r"ty|zy", "S"),
    (r"zi", "Si"),
    (r"tu", "tsu"),
    (r"y", "i"),
    (r"-", ""),
)
_PINYIN = (
    (r"^(zh|ch|sh|[jqx])", "S"),
    (r"^c", "s"),
    (r"^er$", "r"),
    (r"^r", "Z"),  # 若昂 is João, 罗 and 尔 are the r and l of names
    (r"^l", "r"),
    (r"ng$", "n"),
    (r"^yu|^y", "i"),
    (r"^wu", "u"),
    (r"ü|v", "u"),
)
_NEAR = [
    set(group)
    for group in (
        "pb",
        "bvfw",
        "fh",
        "hw",
        "td",
        "tT",
        "Ts",
        "sz",
        "sS",
        "zS",
        "Tf",
        "kg",
        "kh",
        "gh",
        "tS",
        "dS",
        "mn",
        "wu",
        "vu",
        "rn",
        "gS",
        "Td",
        "kS",
        "zT",
        "rZ",
        "hS",
        "TS",
        "SZ",
        "zZ",
    )
]
_VOWELS = "aiueo"
_DROP = {**dict.fromkeys(_VOWELS, 0.25), "r": 0.4, "h": 0.4, "n": 0.6, "w": 0.4, "t": 0.7, "d": 0.7, "g": 0.7, "s": 0.7}


_PARTS = re.compile(r"[\s\-·.'’&]+")  # what stands between the words of a name
_AS_ENGLISH, _AS_KANA, _AS_PINYIN = rules(_ENGLISH), rules(_KANA), rules(_PINYIN)
_AS_WRITTEN, _RARER, *_OTHERS = map(rules, (_PLAIN, _OTHERWISE, *_HABITS))
_WAYS = ((_RARER, _AS_ENGLISH), *((habit, _AS_WRITTEN) for habit in _OTHERS))  # each before the other


@lru_cache(maxsize=1 << 15)
def _english(word: str) -> str:
    return respelt(word, _AS_ENGLISH)


@lru_cache(maxsize=1 << 15)
def _word_sounds(word: str) -> tuple[str, ...]:
    """Phonemes of a word of plain letters: as English has it, as it is written, and by each of `_WAYS`."""
    english, plain = _english(word), respelt(word, _AS_WRITTEN)
    found = [english, plain]
    for habit, then in _WAYS:
        written = rewritten(word, habit)
        same = english if then is _AS_ENGLISH else plain
        found.append(same if written == word else respelt(written, then))
    return tuple(found)


@lru_cache(maxsize=1 << 14)
def latin_sound(text: str) -> str:
    """Phonemes of a name in Latin letters, read roughly as English."""
    return "".join(_english(letters(word)) for word in _PARTS.split(text))


@lru_cache(maxsize=1 << 14)
def latin_sounds(word: str) -> frozenset[str]:
    """Phonemes of a word or name as English may say it, as it is written, and by the habits of other spellings."""
    parts = [_word_sounds(letters(part)) for part in _PARTS.split(word)]
    return frozenset(map("".join, zip(*parts, strict=True)))


@lru_cache(maxsize=1 << 14)
def kana_sound(text: str) -> str:
    """Phonemes of kana; other characters are passed over."""
    kana = katakana(text)
    kana = kana.replace("ティ", "テイ").replace("ヴ", "ブ").replace("ディ", "デイ")
    return respelt(romaji(kana), _AS_KANA)


@lru_cache(maxsize=1 << 14)
def han_sounds(text: str) -> tuple[str, ...]:
    """Phonemes of each Han character as Mandarin reads it; other characters are passed over."""
    return tuple(map(_syllable, pinyin(text)))


@cache
def _syllable(pinyin: str) -> str:
    return respelt(pinyin, _AS_PINYIN)


_UNIT = 20  # of whole costs in 1, so that they add up exactly
_FAR = 24  # what one sound in the place of another costs
_LETTERS = 128
_DROPS = np.full(_LETTERS, _UNIT, np.int16)
_SWAPS = np.full((_LETTERS, _LETTERS), _FAR, np.int16)
for _letter, _part in _DROP.items():
    _DROPS[ord(_letter)] = round(_part * _UNIT)
for _group, _cost in (*((group, 0.3) for group in _NEAR), (set(_VOWELS), 0.2)):
    for _one in _group:
        for _other in _group:
            _SWAPS[ord(_one), ord(_other)] = round(_cost * _UNIT)
np.fill_diagonal(_SWAPS, 0)
_DROPS[0] = 0  # fills a shorter sound up, and changes no distance
_SWAPS[0] = _SWAPS[:, 0] = 1000

LONGEST = 200  # phonemes
_CELLS = 1 << 20  # of tables of distances that are filled at once
_KEPT = 1 << 16  # pairs of sounds whose likeness is remembered
_Codes = npt.NDArray[np.uint8]  # a sound a row
Likeness = tuple[float, float]  # of two whole sounds; of the one with some stretch of the other
_known: dict[tuple[str, str], Likeness] = {}


def likenesses(asked: Sequence[tuple[str, str]]) -> list[Likeness]:
    """How like each sound is to the other beside it, and to some stretch of it: 1 for the same, 0 or less for nothing in common.

    What was asked before is remembered, the rest compared all at once, a row of each table of distances (Wagner and Fischer 1974) at a time; only the first `LONGEST` phonemes of a sound.
    """
    unknown = [pair for pair in dict.fromkeys(asked) if pair not in _known and pair[0] and pair[1]]
    if len(_known) + len(unknown) > _KEPT:
        _known.clear()
        unknown = [pair for pair in dict.fromkeys(asked) if pair[0] and pair[1]]
    if unknown:
        (parts, own), (others, their) = (_codes(sounds) for sounds in zip(*unknown, strict=True))
        step = max(1, _CELLS // (parts.shape[1] * others.shape[1]))
        for at in range(0, len(unknown), step):
            here = slice(at, at + step)
            _known.update(zip(unknown[here], _compared(parts[own[here]], others[their[here]]), strict=True))
    return [_known.get(pair, (0.0, 0.0)) for pair in asked]


def _compared(parts: _Codes, others: _Codes) -> Iterator[Likeness]:
    parts, others = parts.T, others.T  # a pair a column: numpy is fastest along the last axis
    gone, beside = _DROPS.take(parts), _DROPS.take(others)
    costs = _SWAPS.take(parts.astype(np.intp)[:, None] * _LETTERS + others) - beside
    drops = np.zeros((len(others) + 1, others.shape[1]), np.int16)
    np.cumsum(beside, axis=0, out=drops[1:])
    # Rows less `drops`, so that to drop letters of the other is to keep the least so far; within, to begin anywhere costs nothing.
    rows = np.stack((np.zeros_like(drops), -drops))
    before, after = rows[:, :-1], rows[:, 1:]
    for cost, drop in zip(costs, gone, strict=True):
        swapped = before + cost
        rows += drop
        np.minimum(after, swapped, out=after)
        np.minimum.accumulate(rows, axis=1, out=rows)
    rows += drops
    own = gone.sum(axis=0)
    whole = 1 - rows[0, -1] / ((own + drops[-1]) / 2)
    within = 1 - rows[1].min(axis=0) / own
    return zip(whole.tolist(), within.tolist(), strict=True)


def _codes(sounds: Sequence[str]) -> tuple[_Codes, list[int]]:
    """Each sound once, and the row of every one."""
    rows = {sound: n for n, sound in enumerate(dict.fromkeys(sounds))}
    size = min(max(map(len, rows)), LONGEST)
    filled = "".join(sound[:size].ljust(size, "\0") for sound in rows).encode("ascii")
    return np.frombuffer(filled, np.uint8).reshape(len(rows), size), [rows[sound] for sound in sounds]
