"""Spans beside their text and their source: do they stand where they say, end where words end, and mean their source?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache, lru_cache

import jieba  # type: ignore[import-untyped]
import regex

from stages.checks.names import KINDS, exonym
from stages.checks.reading import HAN, fold_han, latin_key, reads_as, word_ends
from stages.checks.sound import han_sounds, kana_sound, latin_sound, likeness
from stages.record import Record
from stages.tasks import subset

BOUND = 6.5  # from here on a character is no word of its own inside the word around it: 条 of 链条; 头疼 has 6.1
SWAPPED = 0.7  # by how much another phrase must fit better than the label's own
_WORD = r"[\p{L}\p{M}\p{N}]"
_EDGE = regex.compile(r"^[\s\p{P}--[#$%&(\[{<«‹「『《〈“‘\"'’@*+\-–—]]|\s$|[,;:。、，；：・·]$", regex.V1)
_PAIRS = ("“”", "「」", "『』", "《》", "〈〉", "（）", "()", "[]")
_INFLECTION = regex.compile(r"(?:'s|’s|s|es|ed|d|ing|ly|er|est|n't|n’t)(?!\p{L})")
_PARTICLE = {
    "ja": (
        regex.compile(r"^[はがをにへともので](?=[\p{Han}\p{Katakana}\p{N}\p{Latin}])"),
        regex.compile(r"(?<=[\p{Han}\p{Katakana}\p{N}])[はがをにへのでと]$"),
    ),
    "zh": (
        regex.compile(r"^(?:[的了与及于从被也很都就又还却](?!是))"),
        regex.compile(r"(?<=..)[的和与及在于从把被也很都就又还却是将]$|(?<=.)的$"),
    ),
    "en": (
        regex.compile(r"^(?:of|and|or|in|on|at|by|with|from|for|was|is|are|were|has|had|which|who)\s", regex.I),
        regex.compile(r"\s(?:the|a|an|of|and|or|was|is|are|were|has|had)$", regex.I),
    ),
}


def _placed(record: Record) -> Iterator[tuple[str, int]]:
    for extraction in record["extractions"]:
        for span in extraction["spans"]:
            if span["start"] is not None:
                yield span["text"], span["start"]


def span_offset(source: Record, target: Record) -> Iterator[str]:
    """`span_offset`: a span is empty, or the text has something else at its start."""
    text = target["text"]
    if any(not part or start < 0 or text[start : start + len(part)] != part for part, start in _placed(target)):
        yield "span_offset"


@cache
def _chinese_words() -> jieba.Tokenizer:
    jieba.setLogLevel(60)
    return jieba.Tokenizer()


@lru_cache(maxsize=1 << 12)
def _ends(text: str, lang: str) -> frozenset[int]:
    """Where words begin or end in Japanese or Chinese, by the dictionary's finest cut."""
    if lang == "ja":
        return word_ends(text)
    words = _chinese_words().tokenize(text, mode="search", HMM=False)
    return frozenset(place for _, start, end in words for place in (start, end))


def _bound(text: str, place: int) -> float:
    """How much oftener the Chinese word around a character is than chance would bring its parts together, as a logarithm.

    Pointwise mutual information by the counts of jieba's dictionary; -inf where the character is a word of the cut.
    """
    words = _chinese_words()
    for word, start, end in words.tokenize(text, HMM=False):
        if start <= place < end and end - start > 1:
            parts = (text[start:place], text[place], text[place + 1 : end])
            apart = math.prod(max(words.FREQ.get(part, 0), 1) / words.total for part in parts if part)
            return math.log(max(words.FREQ.get(word, 0), 1) / words.total / apart)
    return -math.inf


def boundary_faults(source: Record, target: Record) -> list[tuple[str, str]]:
    """(span, what is wrong with where it begins or ends) of the target's spans that stand where they say."""
    text, lang, found = target["text"], target["lang"], []
    source_spans = {fold_han(part) for part, _ in _placed(source)}
    for part, start in _placed(target):
        end = start + len(part)
        if text[start:end] != part:
            continue
        fault = _edge_fault(part, text, start, end, lang)
        if fault is None and lang != "en":
            fault = _cut_fault(part, text, start, end, lang, source_spans)
        if fault:
            found.append((part, fault))
    return found


def _edge_fault(part: str, text: str, start: int, end: int, lang: str) -> str | None:
    if _EDGE.search(part) or any(part.count(pair[0]) != part.count(pair[1]) for pair in _PAIRS):
        return "edge"
    before, after = text[start - 1 : start], text[end : end + 1]
    if regex.match(r"\p{N}", part) and regex.search(r"\p{N}[.,]?$", text[:start]):
        return "inside a number"
    if regex.search(r"\p{N}$", part) and regex.match(r"[.,]?\p{N}", text[end:]):
        return "inside a number"
    if before.isdigit() and part[0] in "年月日":
        return "inside a number"
    if regex.search(r"[。！？](?=.)|[a-z]{3}[.!?]\s", part):
        return "sentence end"
    latin = r"[\p{Latin}\p{M}]"
    if regex.match(latin, part) and regex.match(latin, before):
        return "inside a word"
    if (
        regex.search(latin + "$", part)
        and regex.match(latin, after)
        and not (_INFLECTION.match(text, end) and regex.search(r"\p{L}{3}$", part))
    ):
        return "inside a word"
    head, tail = _PARTICLE[lang]
    return "function word" if head.search(part) or tail.search(part) else None


def _cut_fault(part: str, text: str, start: int, end: int, lang: str, source_spans: set[str]) -> str | None:
    """A span of Japanese or Chinese that is a piece of its source's Han, or whose ends are inside a word."""
    folded, own = fold_han(text), fold_han(part)
    if own in source_spans:
        return None
    if len(folded) == len(text):
        for whole in source_spans:
            place = folded.find(whole, max(0, start - len(whole)))
            if (
                len(whole) > 1
                and regex.search(rf"[{HAN}]{{2}}", whole)
                and 0 <= place < end
                and start < place + len(whole)
            ):
                inner = place <= start and end <= place + len(whole)
                crossing = place < start < place + len(whole) < end or start < place < end < place + len(whole)
                if crossing:
                    return "across its source"
                if inner or (start < place and place + len(whole) <= end and end - start - len(whole) < 3):
                    return "piece of its source" if inner else "more than its source"
    if len(part) == 1:  # 紧 of 太紧, 疼 of 头疼: a word of its own in a longer entry
        return "inside a word" if lang == "zh" and _bound(text, start) >= BOUND else None
    ends = _ends(text, lang)
    return "inside a word" if start not in ends or end not in ends else None


def span_boundary(source: Record, target: Record) -> Iterator[str]:
    """`span_boundary`: a span begins or ends inside a word or number, with a stray space, mark or function word, or is
    a piece of the Han of its source span."""
    if boundary_faults(source, target):
        yield "span_boundary"


def resemblance(source: str, target: str, source_lang: str, target_lang: str) -> float:
    """0 to 1: what a phrase and its translation share that needs no dictionary: digits, Latin, Han, readings, sound."""
    best = 0.0
    latin = {word.lower() for word in regex.findall(r"[\p{Latin}\p{N}]{2,}|\p{N}", source)}
    other = {word.lower() for word in regex.findall(r"[\p{Latin}\p{N}]{2,}|\p{N}", target)}
    if latin and other:
        best = len(latin & other) / min(len(latin), len(other))
    if source_lang == "en":
        sounds = latin_sound(source)
    else:
        sounds = kana_sound("".join(regex.findall(r"[\p{Katakana}ー]+", source)))
    heard = "".join(han_sounds(target))
    if target_lang != "zh":
        heard = latin_sound(target) if target_lang == "en" else kana_sound(target)
    if len(sounds) > 3 and len(heard) > 3:
        best = max(best, likeness(sounds, heard))
    if "en" not in (source_lang, target_lang):
        left, right = (
            set(regex.findall(rf"[{HAN}]", fold_han(source))),
            set(regex.findall(rf"[{HAN}]", fold_han(target))),
        )
        if left and right:
            best = max(best, len(left & right) / min(len(left), len(right)))
    elif target_lang == "en":
        japanese = "".join(regex.findall(rf"[{HAN}\p{{Hiragana}}\p{{Katakana}}ー]+", source))
        words = [latin_key(word) for word in regex.findall(r"\p{Lu}\p{L}{2,}", target)]
        best = max([best, *(1.0 for key in words if len(key) > 2 and reads_as(japanese, key, whole=False))])
    return best


def swap_score(source: Record, target: Record) -> float:
    """How much better some other phrase of the source fits a target span than those with its label: -1 to 1.

    The order of extractions is not asked: a translation may list them by their place in its own text. 0 for open labels,
    which cannot be compared across languages without a glossary.
    """
    pair, score = (source["lang"], target["lang"]), 0.0
    if subset(source["subset"]).word_labels[source["task"]] is None:
        return score
    by_slot: dict[str, set[str]] = {}
    for slot, part in _slots(source, pair[0]):
        by_slot.setdefault(slot, set()).add(part)
    folded = fold_han(source["text"])
    for slot, part in _slots(target, pair[0]):
        fits = {
            other: max(resemblance(known, part, *pair) for known in sorted(parts)) for other, parts in by_slot.items()
        }
        own = fits.pop(slot, 0.0)
        if pair == ("ja", "zh") and len(part) > 1 and fold_han(part) in folded:
            fits["elsewhere in the text"] = 1.0
        score = max(score, max(fits.values(), default=0.0) - own)
        sounds = KINDS.get(slot.split("/")[0]) in ("person", "place")
        if sounds and own < 0.3 and not any(exonym(known, part, pair) for known in by_slot.get(slot, ())):
            score = max(score, 0.75)  # a person's or place's name is carried over by sound, and this one is not
    return score


def _slots(record: Record, lang: str) -> Iterator[tuple[str, str]]:
    """(role, or label in language `lang` with the span's place in its extraction; span) of every span."""
    table, task = subset(record["subset"]), record["task"]
    for extraction in record["extractions"]:
        for n, span in enumerate(extraction["spans"]):
            label = extraction["label"]
            slot = span["role"] if label is None else f"{table.word_label(task, label, record['lang'], lang)}/{n}"
            yield slot, span["text"]


def span_swapped(source: Record, target: Record) -> Iterator[str]:
    """`span_swapped`: a label is on a phrase that fits the source's phrase of another label far better than its own."""
    if swap_score(source, target) >= SWAPPED:
        yield "span_swapped"
