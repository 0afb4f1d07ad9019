"""Which script a character is of: what tells a translation from text left in the source language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

import regex

from stages.core.config import parse_yaml

# Script properties, not blocks: ・ and ー stand in the Katakana block but are common to scripts, and good Chinese has ・.
KANA = regex.compile(r"[\p{Script=Hiragana}\p{Script=Katakana}]")
HAN = regex.compile(r"\p{Script=Han}")
JAPANESE = regex.compile(r"[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]")
# Script=Han holds these too; they are marks and numerals that stand in good text of any language.
NOT_LETTERS = frozenset("々〇〻")


@cache
def in_charset(character: str, charset: str) -> bool:
    """Whether a character set of Python's codecs has a character."""
    try:
        character.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


@cache
def outside_gb2312(character: str) -> bool:
    """Whether a Han character is none of mainland China's basic set, as Japanese and traditional shapes are."""
    return not in_charset(character, "gb2312") and character not in NOT_LETTERS


def table(name: str) -> Iterator[tuple[str, list[str]]]:
    """The lines of one of OpenCC's tables (Apache-2.0): a character or word, and what it may become."""
    for line in (files("opencc") / "dictionary" / name).read_text(encoding="utf-8").splitlines():
        left, _, right = line.partition("\t")
        yield left, right.split()


@cache
def simplified() -> dict[str, str]:
    """The simplified shape of every Japanese or traditional character that has another: 國 and 発 to 国 and 发."""
    traditional = {left: right[0] for left, right in table("TSCharacters.txt") if len(left) == len(right[0]) == 1}
    japanese = {shape: left for left, shapes in table("JPVariants.txt") for shape in shapes if len(shape) == 1}
    folded = {shape: traditional.get(left, left) for shape, left in japanese.items()} | traditional
    return {shape: other for shape, other in folded.items() if shape != other and len(other) == 1}


@cache
def _japanese_only() -> frozenset[str]:
    place = files(__package__) / "shapes.yaml"
    return frozenset(parse_yaml(place.read_text(encoding="utf-8"), str(place))["japanese_only"])


@cache
def chinese_shape(character: str) -> str:
    """ "good" for simplified Chinese; "japanese" for a Japanese or traditional shape; "shared" for one that is both (浜);
    "rare" for what no table knows and GB2312 lacks: 潟, a name's 镕 and 𠮷, or a Japanese character that Chinese keeps in
    names, as it does 樫, whose simplified shape (㭴) nobody uses."""
    if character in NOT_LETTERS:
        return "good"
    shape = simplified().get(character)
    if in_charset(character, "gb2312"):
        return "shared" if shape else "good"
    changes = shape is not None and in_charset(shape, "gb2312")
    return "japanese" if changes or character in _japanese_only() else "rare"


def left_untranslated(lang: str, character: str) -> bool:
    """Whether a letter is of a script that is no part of the language: kana in Chinese, kana and Han in others but Japanese."""
    return lang != "ja" and bool((KANA if lang == "zh" else JAPANESE).match(character))


def untranslated(lang: str, parts: Sequence[str]) -> Iterator[str]:
    """Codes of what is left of the source language; `parts` are the text and its spans.

    en: any kana or Han character. zh: kana (`untranslated_kana`), or a Japanese or traditional shape of Han that GB2312 lacks
    (`untranslated_han`). ja, from English: a text without one Japanese character.
    """
    if lang == "ja":
        if not JAPANESE.search(parts[0]):
            yield "untranslated_text"
    elif lang == "zh":
        if any(KANA.search(part) for part in parts):
            yield "untranslated_kana"
        if any(chinese_shape(character) == "japanese" for part in parts for character in HAN.findall(part)):
            yield "untranslated_han"
    elif any(JAPANESE.search(part) for part in parts):
        yield "untranslated_japanese"
