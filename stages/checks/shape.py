"""The shape of a translation beside its source: length, loops, a missing end, talk about the task."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from stages.checks.finding import Finding, place_of
from stages.records.record import Record

# Least and most code points in a translation for one in its source, as seen in the sample's references of the even groups:
# 70 texts from Japanese; from English 15, and the same 70 read the other way round.
RATIO = {("ja", "en"): (1.81, 3.98), ("ja", "zh"): (0.64, 0.98), ("en", "ja"): (0.25, 0.72), ("en", "zh"): (0.20, 0.55)}
# How far beyond what was seen is still no finding.
MARGIN = 1.2
# Below this many code points one word more or less is much, and nothing was measured: the margin is this much wider.
SHORT, SHORT_MARGIN = 25, 2.0


def length(source: Record, target: Record) -> Iterator[Finding]:
    """too_short, too_long: the ratio of lengths, in code points, is beyond what references of the pair of languages have.

    A pair of which nothing was measured has no such check.
    """
    pair = (source["lang"], target["lang"])
    if pair not in RATIO:
        return
    low, high = RATIO[pair]
    before, after = max(len(source["text"]), 1), len(target["text"])
    margin = MARGIN * (SHORT_MARGIN if before < SHORT else 1)
    if after * margin < low * before:
        yield Finding("too_short")
    elif after > high * before * margin:
        yield Finding("too_long")


LOOP, SHORT_LOOP = (re.compile(rf"(.{{2,{longest}}}?)\1{{2,}}", re.DOTALL) for longest in (60, 4))
_WORDS = re.compile(r"[^\W_]+")
CLAUSE = re.compile(r"[。！？!?；;、，\n]|[.,](?=\s|$)")


def units(text: str) -> list[str]:
    """What repetition is counted in: words where they are spaced, else characters."""
    words = _WORDS.findall(text.lower())
    spaced = sum(map(str.isascii, words)) * 2 > len(words)
    return words if spaced else list(filter(str.isalnum, text))


def may_loop(text: str) -> bool:
    """Whether a stretch of 2 to 60 characters follows itself twice, which `LOOP` takes long to deny: one of five or more has ten
    characters again at the distance of its length."""
    if SHORT_LOOP.search(text):
        return True
    tens = [text[at : at + 10] for at in range(len(text) - 9)]
    if len(set(tens)) == len(tens):
        return False
    seen: dict[str, list[int]] = {}
    for at, ten in enumerate(tens):
        places = seen.setdefault(ten, [])
        for before in reversed(places):
            size = at - before
            if size > 60:
                break
            if len(text) >= at + 2 * size and text.startswith(text[before : before + 2 * size], at):
                return True
        places.append(at)
    return False


@lru_cache(maxsize=1 << 12)
def loops(text: str) -> bool:
    """Whether a phrase with a letter in it follows itself at least twice. はは is a word, ははは a laugh: a phrase has two
    different characters."""
    return may_loop(text) and any(
        any(map(str.isalpha, m[1])) and len(set(m[1].strip())) > 1 for m in LOOP.finditer(text)
    )


@lru_cache(maxsize=1 << 12)
def says_again(text: str, words: int, characters: int) -> bool:
    """Whether a clause of at least so many words, or characters where words are not spaced, comes twice, or any run of
    that length three times."""
    parts = units(text)
    size = words if any(len(part) > 1 for part in parts) else characters
    runs = list(zip(*(parts[start:] for start in range(size)), strict=False))
    clauses = [clause for clause in CLAUSE.split(text) if clause]
    plain = [joined for clause in clauses if (joined := "".join(_WORDS.findall(clause.lower())))]
    if len(set(plain)) < len(plain):
        found = Counter(tuple(units(clause)) for clause in clauses)
        if any(count > 1 and len(clause) >= size for clause, count in found.items()):
            return True
    return len(set(runs)) < len(runs) and max(Counter(runs).values()) > 2


def repetition(source: Record, target: Record) -> Iterator[Finding]:
    """repeated: the translation goes round in a loop, or says a clause again, and the source does neither, not even with a
    shorter clause."""
    before, after = source["text"], target["text"]
    if (loops(after) and not loops(before)) or (says_again(after, 5, 10) and not says_again(before, 3, 5)):
        yield Finding("repeated")


ENDS = frozenset(".。．!！?？…‥~〜～♪")
CLOSERS = frozenset("」』”\"’')）】》〉]］>›»*")
CONNECTORS = frozenset(",，、:：;；-–—(（「『《“‘[&/")
# English that cannot end a sentence.
DANGLING = re.compile(
    r"\b(?:a|an|the|and|or|but|of|in|to|for|with|by|from|as|at|is|was|were|that|which|who|because|its|their)$",
    re.IGNORECASE,
)


def last(text: str) -> str:
    """The last character that says how a text ends: no closing quotes or brackets, no emoji; "" if there is none."""
    for character in reversed(text.rstrip()):
        symbol = unicodedata.category(character) in ("So", "Sk", "Cf", "Mn") and character not in ENDS
        if not (symbol or character in CLOSERS or character.isspace()):
            return character
    return ""


def cut_off(source: Record, target: Record) -> Iterator[Finding]:
    """cut_off: the source ends a sentence and the translation does not, or it ends in the middle of one.

    An emoji or a closing quote may stand at the end; a text that ends in one and has no full stop is not cut.
    """
    before, after = last(source["text"]), last(target["text"])
    text = target["text"].rstrip()
    middle = after in CONNECTORS or (target["lang"] == "en" and bool(DANGLING.search(text, max(0, len(text) - 10))))
    if (middle and before not in CONNECTORS) or (before in ENDS and after not in ENDS and text[-1:] == after):
        yield Finding("cut_off", target=(len(text) - 1, len(text)) if text else None)


COMMENTARY = re.compile(
    r"""
    \bas\ an?\ (?:ai|artificial\ intelligence|language\ model)\b
    | ^(?:sure|certainly|of\ course|okay)\b[^.\n]{0,40}(?:translat|version|:\s)
    | \bhere(?:'s|\ is|\ are)\ (?:the|a|your|my)\ [^.\n]{0,40}(?:translat|rendering|(?:english|chinese|japanese)\ version)
    | ^(?:(?:english|chinese|japanese|translated)\ )?(?:translation|text|output|answer|version)\s*[:：]
    | ^(?:english|chinese|japanese)\s*[:：]
    | \bI(?:'m|\ am)?\s*(?:sorry|unable|not\ able|can't|cannot|can\ not|apologi[sz]e)\b[^.\n]{0,60}(?:translat|assist|help|comply|provide|request)
    | (?:^|[(\[\n.]\s*)(?:translator'?s?\ )?note\s*[:：]
    | \btranslator's\ note\b | \bthe\ (?:original|source)\ (?:text|sentence)\b | \blet\ me\ know\ if\b | \b(?:this|the\ above)\ translation\b
    | 以下(?:是|为|は|が|に)[^。\n]{0,20}(?:翻译|译文|翻訳|訳) | ^(?:中文|英文|日文|日本語)?(?:翻译|译文|翻訳|訳文?|和訳|版本)(?:如下|结果)?\s*[:：]
    | ^(?:中文|日本語|英語)\s*[:：]
    | 作为(?:一个|一名|一款)?\s*(?:AI|人工智能|语言模型) | (?:AI|人工知能|言語モデル)(?:アシスタント)?として
    | (?:抱歉|对不起|很遗憾)[^。\n]{0,12}(?:无法|不能)[^。\n]{0,12}(?:翻译|提供|协助|满足|回答|处理)
    | (?:申し訳|すみません|恐れ入ります)[^\n]{0,30}(?:翻訳|お手伝い|お答え|対応)[^\n]{0,12}(?:ません|かねます)
    | ^(?:好的|当然|没问题)[^。\n]{0,12}(?:翻译|译文) | ^(?:はい|もちろん|承知)[^\n]{0,20}(?:翻訳|訳)
    | (?:^|[(（\[【。\n]\s*)(?:译者?注|注释?|备注|说明|訳者?注|備考|補足)\s*[:：]
    | 原文(?:是|中|为|では|には|の意味) | 希望[^。\n]{0,12}(?:有所帮助|对[你您]有帮助) | 请(?:随时)?告(?:诉|知)我 | (?:这段|上述|该)(?:翻译|译文)
    """,
    re.IGNORECASE | re.VERBOSE,
)
# A source that itself speaks of translating, of notes or of an assistant may be translated so.
SUBJECT = re.compile(
    r"翻訳|訳|原文|注[:：]|備考|補足|説明[:：]|AI|人工知能|言語モデル|translat|original text|\bnote\b|sorry|unable|申し訳|すみません|恐れ入り|let me know",
    re.IGNORECASE,
)


def commentary(source: Record, target: Record) -> Iterator[Finding]:
    """commentary: a refusal, a heading or a note to the reader that the source does not have."""
    text = target["text"].strip().replace("’", "'")
    found = COMMENTARY.search(text)
    if found and not SUBJECT.search(source["text"]):
        yield Finding("commentary", target=place_of(found[0], target["text"]), what=found[0][:80])
