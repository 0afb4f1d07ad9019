"""How alike two names sound across scripts: Latin spelling, katakana and Chinese transliteration as rough phonemes.

A phoneme is one letter: vowels `aiueo`, consonants in the classes of `_NEAR`. The distance is a weighted edit distance in
which vowels, liquids at a syllable's end and voicing cost little, after ALINE (Kondrak 2000) with hand-set weights.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from itertools import accumulate
from os.path import commonprefix

from pypinyin import lazy_pinyin

from stages.text.readings import katakana, letters, respelt, romaji, rules

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
_WAYS = tuple(map(rules, (_PLAIN, _OTHERWISE + _ENGLISH, *(habit + _PLAIN for habit in _HABITS))))


@lru_cache(maxsize=1 << 14)
def latin_sound(text: str) -> str:
    """Phonemes of a name in Latin letters, read roughly as English."""
    return "".join(respelt(letters(word), _AS_ENGLISH) for word in _PARTS.split(text))


@lru_cache(maxsize=1 << 14)
def latin_sounds(word: str) -> frozenset[str]:
    """Phonemes of a word or name as English may say it, as it is written, and by the habits of other spellings."""
    words = [letters(part) for part in _PARTS.split(word)]
    return frozenset((latin_sound(word), *("".join(respelt(part, way) for part in words) for way in _WAYS)))


@lru_cache(maxsize=1 << 14)
def kana_sound(text: str) -> str:
    """Phonemes of kana; other characters are passed over."""
    kana = katakana(text)
    kana = kana.replace("ティ", "テイ").replace("ヴ", "ブ").replace("ディ", "デイ")
    return respelt(romaji(kana), _AS_KANA)


@lru_cache(maxsize=1 << 14)
def han_sounds(text: str) -> tuple[str, ...]:
    """Phonemes of each Han character as Mandarin reads it; other characters are passed over."""
    return tuple(respelt(syllable, _AS_PINYIN) for syllable in lazy_pinyin(text, errors="ignore"))


_FAR = 1.2  # what one sound in the place of another costs
_SWAP: dict[str, dict[str, float]] = {}  # by either letter; what is not there costs `_FAR`
for _group in (*_NEAR, set(_VOWELS)):
    for _one in _group:
        for _other in _group - {_one}:
            _SWAP.setdefault(_one, {})[_other] = 0.2 if _one in _VOWELS and _other in _VOWELS else 0.3


def _weight(sound: str) -> float:
    return sum(_DROP.get(letter, 1.0) for letter in sound)


Row = list[float]  # distances of a beginning of one sound to every beginning of the other


def _next(row: Row, a: str, costs: Row, drops: Row) -> Row:
    """The row of a beginning that is longer by the sound `a`."""
    gone, last = _DROP.get(a, 1.0), row[0]
    beside = last + gone
    result = [beside]
    for above, cost, drop in zip(row[1:], costs, drops, strict=True):
        beside += drop
        swapped, dropped = last + cost, above + gone
        if swapped < beside:
            beside = swapped
        if dropped < beside:
            beside = dropped
        result.append(beside)
        last = above
    return result


@lru_cache(maxsize=1 << 15)
def likeliest(parts: tuple[str, ...], other: str, *, within: bool = False) -> float:
    """The best `likeness` of several sounds, sorted, with another; what they begin with alike is compared once."""
    if not other:
        return 0.0
    drops = [_DROP.get(letter, 1.0) for letter in other]
    rows = [[0.0] * (len(other) + 1) if within else list(accumulate(drops, initial=0.0))]
    costs: dict[str, Row] = {}
    best, before, weight = -math.inf, "", _weight(other)
    for part in parts:
        if not part:
            best = max(best, 0.0)
            continue
        same = len(commonprefix((before, part)))
        del rows[same + 1 :]
        for a in part[same:]:
            if a not in costs:
                near = _SWAP.get(a, {})
                costs[a] = [0.0 if a == b else near.get(b, _FAR) for b in other]
            rows.append(_next(rows[-1], a, costs[a], drops))
        whole = _weight(part) if within else (_weight(part) + weight) / 2
        best, before = max(best, 1 - (min(rows[-1]) if within else rows[-1][-1]) / whole), part
    return best


def likeness(part: str, other: str, *, within: bool = False) -> float:
    """1 for the same sound, 0 or less for nothing in common; `within` looks for `part` anywhere in `other`."""
    return likeliest((part,), other, within=within)
