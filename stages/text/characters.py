"""Characters that no reader sees and those that stand for something lost, by Unicode properties: defined here, once.

`clean` takes out what is invisible and says nothing: zero-width characters, marks of direction, soft hyphens, a byte order
mark. Where they say something they stay: joiners in emoji and in scripts that join, variation selectors after the
character that they vary. `lost` and `garbled` name what can only be refused: controls, U+FFFD, private use, noncharacters;
UTF-8 that was read as another encoding (Ã©), letters under heaps of marks, struck through or in fancy dress (𝐛𝐨𝐥𝐝), radicals.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

import regex

# A joiner between letters does something where letters join; in these scripts they do not.
_APART = r"\p{Latin}\p{Greek}\p{Cyrillic}\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}"
_INVISIBLE = regex.compile(
    rf"""
    (?<= \p{{Extended_Pictographic}} [\ufe0f\p{{Emoji_Modifier}}]? ) \u200d (?= \p{{Extended_Pictographic}} ) (*SKIP)(*FAIL)
    | (?<= [\p{{L}}\p{{M}}--[{_APART}]] ) [\u200c\u200d] (?= [\p{{L}}\p{{M}}--[{_APART}]] ) (*SKIP)(*FAIL)
    | (?<= [\p{{Emoji}}\p{{Han}}\p{{So}}\p{{Sm}}] ) \p{{Variation_Selector}} (*SKIP)(*FAIL)
    | (?<= \U0001f3f4 ) [\U000e0020-\U000e007f]+ (*SKIP)(*FAIL)
    | [\p{{Default_Ignorable_Code_Point}}\ufff9-\ufffb]
    """,
    regex.VERBOSE | regex.VERSION1,
)
_LOST = regex.compile(r"[[\p{Cc}--[\t\n\r]]\ufffd\p{Co}\p{Cs}\p{Noncharacter_Code_Point}]", regex.VERSION1)

# No orthography of these scripts has three marks on a letter, or a stroke that does not compose with it.
_HEAPED = regex.compile(
    rf"[{_APART}] (?: \p{{M}}*+ (?<= [\u0334-\u0338\u0488\u0489\u20d2\u20d3\u20e5-\u20eb] ) | [\p{{M}}--\p{{Variation_Selector}}]{{3,}} )",
    regex.VERBOSE | regex.VERSION1,
)
# Letters in the dress of mathematics or in circles, and radicals in the place of the characters that look like them.
_DRESSED = regex.compile(r"[\U0001d400-\U0001d7ff\u24b6-\u24e9\U0001f130-\U0001f189]{2,}|[\u2e80-\u2fdf]")
# What the bytes of UTF-8 beyond ASCII become in Windows-1252, or in Latin-1 where that has no character.
_TRAILING = "".join({*map(chr, range(0x80, 0xC0)), *bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")})
_FOLLOWING = "".join(map(regex.escape, sorted(_TRAILING)))
_MISREAD = regex.compile(
    rf"(?<!\p{{Lu}})[ÂÃ][{_FOLLOWING}]|(?:[Â-ß][{_FOLLOWING}]){{2,}}|[à-ï][{_FOLLOWING}]{{2}}|[ð-ô][{_FOLLOWING}]{{3}}"
)


def clean(text: str, kept: Collection[str] = ()) -> tuple[str, int]:
    """(the text without invisible characters that say nothing, how many those were); those in `kept` stay."""
    gone = 0

    def drop(match: regex.Match[str]) -> str:
        nonlocal gone
        if match[0] in kept:
            return match[0]
        gone += 1
        return ""

    return _INVISIBLE.sub(drop, text), gone


def lost(text: str) -> set[str]:
    """The characters of the text that stand for something lost."""
    return set(_LOST.findall(text))


def garbled(text: str) -> set[str]:
    """The stretches that were decoded wrongly, are heaped with marks or dressed; in NFC, so that é and ≠ are what they are."""
    whole = unicodedata.normalize("NFC", text)
    return {*_HEAPED.findall(whole), *_MISREAD.findall(whole), *_DRESSED.findall(whole)}
