"""Places, peoples and bodies that have a name of their own in each language, so that no sound tells whether one was kept.

`tables/exonyms.txt`, and what CLDR knows (Unicode licence, by way of Babel): countries, languages, and the
cities that stand for time zones.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import regex
from babel import Locale

from stages.checks.tables import TABLES

_SPELLED, _GENITIVE = regex.compile(r"[\p{L}\p{M}.’'-]+"), regex.compile(r"['’]s?(?!\p{L})")
_INITIALS = regex.compile(r"\p{L}\.\p{L}")


class Row(NamedTuple):
    """The names of one thing, by language."""

    en: tuple[str, ...]
    ja: tuple[str, ...]
    zh: tuple[str, ...]

    def of(self, lang: str) -> tuple[str, ...]:
        """The names in `en`, `ja` or `zh`."""
        found: tuple[str, ...] = getattr(self, lang)
        return found


def _forms(name: str) -> tuple[str, ...]:
    """A name of CLDR's, and what texts write for it: no brackets, Saint for St., its parts where it joins two."""
    plain = regex.sub(r"\s*[(（].*?[)）]", "", name).replace("’", "'")
    forms = [
        plain,
        plain.replace("St. ", "Saint "),
        plain.replace(" & ", " and "),
        *regex.split(r" & |及び|和(?=..)", plain),
    ]
    return tuple(dict.fromkeys(form for form in forms if len(form) > 1))


def _of_file() -> Iterator[Row]:
    for line in (TABLES / "exonyms.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            english, japanese, chinese = (tuple(part.split("|")) for part in line.split("\t"))
            yield Row(english, japanese, chinese)


def _of_cldr() -> Iterator[Row]:
    en, ja, zh = (Locale(lang) for lang in ("en", "ja", "zh"))
    speaks: dict[str, set[str]] = {}  # by what stands before 語: フィンランド, Finnish
    for code, name in en.languages.items():
        japanese, chinese = ja.languages.get(code), zh.languages.get(code)
        if japanese and chinese and japanese.endswith("語"):
            stem = japanese.removesuffix("語")
            speaks.setdefault(stem, set()).add(name)
            yield Row(_forms(name), (*_forms(japanese), *_forms(stem)), (chinese, *_forms(chinese.removesuffix("语"))))
    for code, name in en.territories.items():
        if code.isalpha() and code in ja.territories and code in zh.territories:
            japanese = ja.territories[code]
            yield Row(
                (*_forms(name), *sorted(speaks.get(japanese, ()))), _forms(japanese), _forms(zh.territories[code])
            )
    for zone, names in ja.time_zones.items():
        city, chinese = names.get("city"), zh.time_zones.get(zone, {}).get("city")
        if city and chinese:
            english = en.time_zones.get(zone, {}).get("city") or zone.rpartition("/")[2].replace("_", " ")
            yield Row(_forms(english), _forms(city), _forms(chinese))


@cache
def rows() -> tuple[Row, ...]:
    """Every row of the file and of CLDR."""
    return (*_of_file(), *_of_cldr())


def _has(name: str, word: str, lang: str) -> bool:
    """Does a name hold the word: as a whole word in English, as a part in Han or kana, as the whole where it is one (米)?"""
    if lang == "en":
        return word in name and _spaced(word) in _spaced(name)
    if lang == "ja":
        name, word = _plain_kana(name), _plain_kana(word)
    return word in name if len(word) > 1 else word == name


@lru_cache(maxsize=1 << 14)
def _spaced(text: str) -> str:
    """The words of a text between spaces, without marks and the genitive."""
    words = _SPELLED.findall(_GENITIVE.sub(" ", text))
    return " " + " ".join(word if _INITIALS.search(word) else word.strip(".'’-") for word in words) + " "


@lru_cache(maxsize=1 << 14)
def _plain_kana(text: str) -> str:
    """ジェノヴァ as ジェノバ."""
    for written, plain in zip(("ヴァ", "ヴィ", "ヴェ", "ヴォ", "ヴ"), "バビベボブ", strict=True):
        text = text.replace(written, plain)
    return text


@cache
def _by_word(lang: str) -> dict[str, tuple[Row, ...]]:
    """The rows that have a word in a language, by the word as `_has` compares it."""
    found: dict[str, list[Row]] = {}
    for row in rows():
        for word in dict.fromkeys(_compared(word, lang) for word in row.of(lang)):
            found.setdefault(word, []).append(row)
    return {word: tuple(own) for word, own in found.items()}


@cache
def _beginnings(lang: str) -> frozenset[str]:
    """With what those words begin: an English word, two characters of others."""
    return frozenset(word.partition(" ")[0] if lang == "en" else word[:2] for word in _by_word(lang))


def _compared(word: str, lang: str) -> str:
    return _spaced(word).strip() if lang == "en" else _plain_kana(word) if lang == "ja" else word


@lru_cache(maxsize=1 << 14)
def _rows_of(name: str, lang: str) -> tuple[Row, ...]:
    """The rows of which a name holds a word, in the order of the table."""
    known, whole = _by_word(lang), _compared(name, lang)
    parts = whole.split() if lang == "en" else whole
    size = 6 if lang == "en" else 12  # of the longest word: six English ones, twelve characters
    joint = " " if lang == "en" else ""
    held, beginnings = {whole} & known.keys(), _beginnings(lang)
    for start in range(len(parts)):
        if (parts[start] if lang == "en" else parts[start : start + 2]) not in beginnings:
            continue
        for end in range(start + 1 if lang == "en" else start + 2, min(len(parts), start + size) + 1):
            part = joint.join(parts[start:end])
            if part in known:
                held.add(part)
    found = {id(row): row for part in held for row in known[part]}
    return tuple(row for row in found.values() if any(_has(name, word, lang) for word in row.of(lang)))


def holds_listed(name: str, lang: str) -> bool:
    """Does a name hold one of the tables? Of others `exonym` need not be asked."""
    return bool(_rows_of(name, lang))


def is_listed(name: str, lang: str) -> bool:
    """Is it exactly one? Of others `called_otherwise` need not be asked."""
    return bool(_named(name, lang))


def exonym(name: str, text: str, direction: tuple[str, str]) -> bool:
    """Is this the name, in the first language, of something that the text calls by its name in the second?"""
    known = _rows_of(name, direction[0])
    if not known:
        return False
    words = (word for row in known for word in row.of(direction[1]))
    return any(_has(text, word, direction[1]) or word == text for word in words)


@lru_cache(maxsize=1 << 12)
def _named(name: str, lang: str) -> tuple[Row, ...]:
    """The rows of which this is exactly a name."""
    return tuple(row for row in _by_word(lang).get(_compared(name, lang), ()) if name in row.of(lang))


def called_otherwise(name: str, text: str, direction: tuple[str, str]) -> bool:
    """Is this exactly the name of something of the tables, by none of whose names in the other language the text calls it?

    An English text may have it as an adjective, whose beginning is the same: Mexico, Mexican.
    """
    found = _named(name, direction[0])
    if not found or exonym(name, text, direction):
        return False
    words = {word for row in found for word in row.of(direction[1])}
    stems = {word[: max(4, len(word) - 2)] for word in words} if direction[1] == "en" else {word[:2] for word in words}
    return not any(stem in text for stem in stems)
