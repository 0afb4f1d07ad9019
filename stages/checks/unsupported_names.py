"""Names of a translation that came from nowhere: Japanese names in Han, and foreign ones in Chinese or katakana.

A wrong name has to be a name. So a stretch of Chinese that SudachiDict knows as a Japanese surname, given name or place is
asked for its characters, its readings or its sound in the source; and of a name with a dot (罗莎·基斯佩, ロサ・キスペ) each
part is asked for a word of the source that sounds like it.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from itertools import permutations, product

import regex

from stages.checks.tables import table
from stages.records.record import occurrences
from stages.text.lexicon import HAN, dictionary, lexicon
from stages.text.phonetics import han_sounds, kana_sound, latin_sounds, likenesses
from stages.text.readings import fold_han, proper_nouns, reads_as
from stages.text.spelling import kana_key, latin_key
from stages.text.writing_systems import in_charset

with warnings.catch_warnings():  # of its escapes, by Python 3.12 and later, the first time that it is compiled
    warnings.simplefilter("ignore", SyntaxWarning)
    import jieba  # type: ignore[import-untyped]

_TABLE = table("names")["chinese"]
FUNCTION, GRAMMAR, RARE, SELDOM, LONG = (_TABLE[name] for name in ("function", "grammar", "rare", "seldom", "long"))
_HAN = regex.compile(rf"[{HAN}]+")
_KANA = regex.compile(r"[\p{Katakana}ー]{2,}|[\p{Hiragana}ー]{2,}")
_DOTTED = regex.compile(r"[\p{Katakana}ー]+(?:[・＝=][\p{Katakana}ー]+)+")
_WITH_DOTS = regex.compile(rf"[{HAN}]{{1,{LONG}}}(?:[·-][{HAN}]{{1,{LONG}}})+")
_LATIN = regex.compile(r"\p{Latin}+")
_CAPITALISED, _HYPHENED = regex.compile(r"\p{Lu}[\p{L}'’]*"), regex.compile(r"\p{Lu}[\p{L}'’]*(?:-\p{L}+)*")
Token = tuple[str, int, int]  # word, start, end


@cache
def chinese_words() -> jieba.Tokenizer:
    """jieba's tokenizer, with its dictionary."""
    jieba.setLogLevel(60)
    tokenizer = jieba.Tokenizer()
    tokenizer.initialize()
    return tokenizer


@cache
def _chinese() -> tuple[jieba.Tokenizer, dict[str, str]]:
    """The tokenizer, and the tag of each word of its dictionary."""
    tokenizer = chinese_words()
    with tokenizer.get_dict_file() as file:
        rows = [line.decode().split() for line in file]
    return tokenizer, {row[0]: row[-1] for row in rows}


def _count(word: str) -> int:
    count: int = _chinese()[0].FREQ.get(word, 0)
    return count


def _grammar(word: str) -> bool:
    tag = _chinese()[1].get(word, "")
    return _count(word) > FUNCTION or (_count(word) > GRAMMAR and tag[:1] in ("p", "c", "u", "d", "r", "y", "f", "m"))


@cache
def _shapes() -> dict[str, list[str]]:
    """The Japanese characters of each simplified one."""
    characters = [chr(code) for code in range(0x4E00, 0xA000)]
    shapes = defaultdict(list)
    for char, folded in zip(characters, fold_han("\n".join(characters)).split("\n"), strict=True):
        shapes[folded].append(char)
    return shapes


@lru_cache(maxsize=1 << 12)
def in_japanese(text: str) -> str:
    """Simplified Chinese in shapes that Japanese has, as far as one is known: 滨松 to 濱松, which is read the same."""
    return "".join(
        next((shape for shape in _shapes().get(char, ()) if in_charset(shape, "euc_jp")), char)
        for char in fold_han(text)
    )


@lru_cache(maxsize=1 << 16)
def name_readings(folded: str, kinds: tuple[str, ...] = ("人名", "地名")) -> frozenset[str]:
    """The keys of what Japanese persons and places of this name, in any shape of its characters, are called."""
    keys = set()
    for spelling in map("".join, product(*(_shapes().get(char, [char])[:6] for char in folded))):
        for entry in dictionary().lookup(spelling):
            part = entry.part_of_speech()
            if part[1] == "固有名詞" and not {part[2], part[3]}.isdisjoint(kinds) and entry.surface() == spelling:
                keys.add(kana_key(entry.reading_form()))
    return frozenset(keys)


@lru_cache(maxsize=1 << 10)
def cut(text: str) -> list[Token]:
    """The words of a Chinese text, by the likeliest cut into those of jieba's dictionary."""
    return list(_chinese()[0].tokenize(text, HMM=False))


def _is_han(tokens: list[Token], n: int) -> bool:
    return 0 <= n < len(tokens) and bool(_HAN.fullmatch(tokens[n][0]))


def _single(tokens: list[Token], n: int) -> bool:
    """Is this one Han character that stands alone, and so may be part of a name?"""
    return _is_han(tokens, n) and len(tokens[n][0]) == 1 and not _grammar(tokens[n][0])


def _may_be_name(tokens: list[Token], first: int, last: int) -> bool:
    """Could tokens[first:last] be a name that is no Chinese word, and that stands apart from its neighbours?"""
    words = [token[0] for token in tokens[first:last]]
    if len(words) > 1:
        singles = [word for word in words if len(word) == 1]
        if any(map(_grammar, singles)) or (not singles and all(_count(word) > RARE for word in words)):
            return False
    elif len(words[0]) > 1:
        grammar = _chinese()[1].get(words[0], "n")[0] != "n" or _grammar(words[0][0])
        if grammar or _count(words[0]) >= RARE:
            return False
    elif (
        _count(words[0]) > SELDOM
        or not _is_han(tokens, last)
        or _count(tokens[last][0]) < 10 * RARE
        or _single(tokens, last)
        or _single(tokens, first - 1)
    ):
        return False
    around = tokens[first - 1][0] if first else "", tokens[last][0] if last < len(tokens) else ""
    return "·" not in around and not _single(tokens, first - 1)


def _dotted(text: str) -> list[tuple[int, int]]:
    """Where a dot joins the parts of a foreign name: the Han around it, as far as it may be the name's."""
    return [match.span() for match in _WITH_DOTS.finditer(text)]


def _places(text: str, parts: Iterable[str]) -> list[tuple[int, int]]:
    return [(at, at + len(part)) for part in parts for at in occurrences(text, part)]


Asked = Callable[[str], bool]  # is a name one that the caller can use?


def _every(name: str) -> bool:
    return True


def japanese_names(
    source_text: str, source_lang: str, text: str, accounted: Iterable[str] = (), asked: Asked = _every
) -> Iterator[str]:
    """Japanese names in Chinese `text` of which the source has no character, reading or sound.

    Args:
        source_text: in Japanese or English; from English no name of Latin letters that is read so either.
        accounted: parts of the text that the source accounts for; a piece of one is no name (小野 of 小野寺秀树).
    """
    taken = [*_places(text, accounted), *_dotted(text)]
    text, own = fold_han(text), set(fold_han(source_text)) if source_lang == "ja" else set()
    keys = {kana_key(run) for run in _KANA.findall(source_text)}
    keys |= {latin_key(word) for word in _LATIN.findall(source_text)}
    sounds, tokens = source_sounds(source_text, source_lang), cut(text)
    for first in range(len(tokens)):
        for last in range(first + 1, min(len(tokens), first + 4) + 1):
            start, end = tokens[first][1], tokens[last - 1][2]
            part = text[start:end]
            if len(part) > 4 or not _HAN.fullmatch(part):
                break
            if not asked(part) or any(char in own for char in part) or not _may_be_name(tokens, first, last):
                continue
            if any(low <= start and end <= high for low, high in taken):
                continue
            if (
                source_lang == "en"
                and last - first > 1
                and _single(tokens, last)
                and _count(tokens[last][0]) < GRAMMAR / 4
            ):
                continue
            read = name_readings(part)
            if not read or any(key in known for key in read for known in keys if len(key) > 3 or key == known):
                continue
            heard = "".join(han_sounds(part))
            near = _TABLE["within_long"] if len(heard) > 6 else _TABLE["within"]
            alike = likenesses([(heard, sound) for sound in sounds])
            if not any(within >= near or whole >= _TABLE["alike"] for whole, within in alike):
                yield part


@lru_cache(maxsize=1 << 12)
def source_sounds(text: str, lang: str) -> frozenset[str]:
    """How the kana or the capitalised words of a source may sound."""
    if lang == "ja":
        return frozenset(kana_sound(run) for run in (*_KANA.findall(text), *_DOTTED.findall(text)))
    return frozenset(
        sound for word in _HYPHENED.findall(text) for part in {word, *word.split("-")} for sound in latin_sounds(part)
    )


def is_surname(key: str) -> bool:
    """Is a Japanese surname read so?"""
    return key in lexicon().surnames


def is_other_surname(word: str, beside: str) -> bool:
    """Is the Latin word a Japanese surname no spelling of which has a character of those beside the given name?"""
    key = latin_key(word)
    return len(key) > 2 and is_surname(key) and not lexicon().surnames[key] & set(beside)


def names_in_japanese(source_text: str, text: str, asked: Asked = _every) -> Iterator[str]:
    """Names in Han that the analyser sees in a Japanese text, and that read as no word of the English source."""
    words = [latin_key(word) for word in _CAPITALISED.findall(source_text)]
    keys = [*words, *(one + two for pair in zip(words, words[1:], strict=False) for one, two in permutations(pair))]
    for stretch, start, part in proper_nouns(text):
        if part != "人名" or not asked(stretch):  # a Korean place has a Japanese reading too: 光州
            continue
        surname = any(entry.part_of_speech()[3] == "姓" for entry in dictionary().lookup(stretch))
        inside = not surname or start and _HAN.fullmatch(text[start - 1])  # 杉川 of 香杉川
        if (
            not inside
            and _HAN.fullmatch(stretch)
            and not any(reads_as(stretch, key, whole=True, budget=1) for key in keys)
        ):
            yield stretch
