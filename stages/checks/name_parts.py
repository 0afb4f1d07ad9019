"""Of a name and the span that is its translation: the part that is another, as of 三宅一郎 for 三宅一生, Haruka for 春樹.

A pair may be alike as a whole and differ in a part, so that what is paired (`pairing`) is looked at once more, part by part.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import regex

from stages.checks.kinds import Name
from stages.checks.latin import ROMAJI, latin_words
from stages.checks.name_score import DOT, HAN_RUN, KATAKANA, QUOTES, is_read
from stages.checks.sinograms import by_pinyin, is_vietnamese, korean_surname
from stages.checks.tables import table
from stages.checks.unsupported_names import is_other_surname, name_readings
from stages.text.lexicon import HAN
from stages.text.phonetics import han_sounds, kana_sound, latin_sounds, likenesses
from stages.text.readings import fold_han, reads_as
from stages.text.spelling import kana_key, latin_key, letters
from stages.text.writing_systems import in_charset

PART: float = table("names")["part"]
_DOTS = regex.compile("[·・＝=-]")
_SPACES = regex.compile(r"[\s\-–]+")
_HAN_OR_KATAKANA = regex.compile(rf"[{HAN}\p{{Katakana}}ー]+")
_JAPANESE_ALONE = regex.compile(rf"(?=.*[{HAN}])[{HAN}\p{{Hiragana}}\p{{Katakana}}ー]+")
_REPEATED = regex.compile(r"(.)々")


def other_characters(name: Name, span: Name) -> str | None:
    """The characters of a Japanese person's name in Chinese that are not the source's (三宅一郎 for 三宅一生); None if all are.

    Han of persons' names is kept, in Chinese shapes. A character that no table folds into mainland China's basic set (榊, 薙)
    may have another in its place, and a surname alone may stand for the whole name.
    """
    own, other = (fold_han(_REPEATED.sub(r"\1\1", text)) for text in (name.text, span.text))
    if name.kind != "person" or not all(HAN_RUN.fullmatch(text) and len(text) > 1 for text in (own, other)):
        return None
    if len(own) != len(other):
        return None if other in own or own in other else span.text
    changed = [b for a, b in zip(own, other, strict=True) if a != b and in_charset(a, "gb2312")]
    return "".join(changed) or None


def other_part(name: Name, span: Name, direction: tuple[str, str]) -> str | None:
    """The part of a person's name that is not the source's: characters of a Japanese one in Chinese, of a dotted one (モンテイロ,
    蒙泰罗) the part that sounds like no part of the source's; None if all may be."""
    if direction == ("ja", "zh") and (changed := other_characters(name, span)):
        return changed
    parts = _DOTS.split(QUOTES.sub("", span.text))
    if (
        name.kind != "person"
        or is_vietnamese(name.text)
        or len(parts) < 2
        or any(not _HAN_OR_KATAKANA.fullmatch(part) for part in parts)
    ):
        return None
    if direction[0] == "en":
        words = QUOTES.sub("", name.text).split()
        if len(words) != len(parts):
            words = [word for word in _SPACES.split(name.text) if word]
    else:
        words = [part for run in KATAKANA.findall(name.text) for part in DOT.split(run)]
    if len(words) != len(parts):  # 范德默伦 is van der Meulen
        words += [" ".join(words[n : n + size]) for n in range(len(words)) for size in (2, 3, 4)]
    sounds = [latin_sounds(word) if direction[0] == "en" else frozenset({kana_sound(word)}) for word in words]
    in_order = len(sounds) == len(parts) and not korean_surname(name.text)  # Dae-jung Ryu, リュ・デジュン
    beside = sounds if in_order else [frozenset[str]().union(*sounds)] * len(parts)
    heard = ["".join(han_sounds(part)) if direction[1] == "zh" else kana_sound(part) for part in parts]
    told = [n for n, sound in enumerate(heard) if len(sound) > 3]
    found = iter(likenesses([(heard[n], sound) for n in told for sound in beside[n]]))
    fits = {n: max((whole for whole, _ in islice(found, len(beside[n]))), default=0.0) for n in told}
    return next((parts[n] for n in told if fits[n] < PART and not is_read(parts[n], words, direction)), None)


def other_word(name: Name, span: Name) -> str | None:
    """The word of an English person's name that is none of the Japanese one's; None if all may be."""
    words = [word for word in latin_words(span.text) if word[:1].isupper() and len(word) > 3]
    parts = [part for run in KATAKANA.findall(name.text) for part in DOT.split(run)]
    if parts and KATAKANA.fullmatch(name.text):
        places = words if len(parts) == len(words) else []
        for part, word in zip(parts, places, strict=False):
            if max(likenesses([(kana_sound(part), sound) for sound in latin_sounds(word)]))[0] < PART:
                return word
    elif _JAPANESE_ALONE.fullmatch(name.text) and not korean_surname(span.text):
        if any(by_pinyin(word, name.text) for word in words) or any("-" in word for word in words):
            return None
        foreign = next((word for word in words if not ROMAJI.fullmatch(letters(word))), None)
        return foreign or _other_half(name.text, latin_words(span.text))
    return None


def _other_half(japanese: str, words: Sequence[str]) -> str | None:
    """Of two words of a name, one of which is read, the other if the dictionary knows the rest of the name and not so."""
    places = [reads_as(japanese, latin_key(word), whole=False) for word in words]
    if len(words) != 2 or sum(place is not None for place in places) != 1:
        return None
    word, (start, end) = next((words[1 - n], place) for n, place in enumerate(places) if place is not None)
    rest = japanese[end:] if start == 0 else japanese[:start] if end == len(japanese) else ""
    if start > 0:  # a surname is left, whose readings the dictionary has not all: 逸見 is Henmi too
        return word if is_other_surname(word, rest) else None
    key = latin_key(word)
    known = name_readings(fold_han(rest)) if HAN_RUN.fullmatch(rest) else {kana_key(rest)} if rest else set()
    if not known or any(_near(key, reading) for reading in known) or reads_as(rest, key, whole=True, budget=1):
        return None
    return word


def _near(left: str, right: str) -> bool:
    """The same reading but for a vowel or a voiced consonant."""
    return left == right or (left[:2] == right[:2] and abs(len(left) - len(right)) < 2 and left[-2:] == right[-2:])
