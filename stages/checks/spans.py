"""Spans beside their text and their source: do they stand where they say, end where words end, and mean their source?"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache

import regex

from stages.checks.finding import Finding, place_of
from stages.checks.kinds import KINDS
from stages.checks.unsupported_names import chinese_words, cut
from stages.checks.words import answered, meaning, meaning_of, share
from stages.records.record import Record
from stages.records.tasks import subset
from stages.text.lexicon import HAN
from stages.text.phonetics import han_sounds, kana_sound, latin_sound, likenesses
from stages.text.readings import fold_han, reads_as, word_ends
from stages.text.spelling import latin_key

# What an end of a span may cost at most (see `_chinese_cost`): 大街 before 上 costs 3.5, since 街上 is a word.
BOUND = 6.0
BOUND_ONE = 6.5  # of a span of one character, which may be a word of its own in a longer entry: 疼 of 头疼 costs 6.1
ASTRAY = 0.5  # the share of a phrase's words that must stand outside the spans with its label
NO_NAME = 0.75  # what the label of a person or place on a phrase without a capital counts as
SWAPPED = 0.4  # by how much another phrase must fit better than the label's own to be evidence; 1 is the most
_MARK, _MARK_BEFORE = (regex.compile(rf"{way}[。，、；：！？…“”‘’（）《》「」\s]") for way in ("", "(?r)"))
_DIGIT, _DIGIT_BEFORE, _DIGIT_AFTER = (regex.compile(p) for p in (r"\p{N}", r"\p{N}[.,]?$", r"[.,]?\p{N}"))
_SENTENCE = regex.compile(r"[。！？](?=.)|[a-z]{3}[.!?]\s")
_LATIN, _LATIN_END = regex.compile(r"[\p{Latin}\p{M}]"), regex.compile(r"[\p{Latin}\p{M}]$")
_THREE_LETTERS = regex.compile(r"\p{L}{3}$")
_CAPITAL, _CAPITALISED = regex.compile(r"\p{Lu}"), regex.compile(r"\p{Lu}\p{L}{2,}")
_ONE_HAN, _HAN_OR_MARK, _TWO_HAN = (regex.compile(p) for p in (r"\p{Han}", rf"[{HAN}]", rf"[{HAN}]{{2}}"))
_COUNTED = regex.compile(r"[\p{N}.,]+[\p{Han}\p{Hiragana}]{1,3}")
_LATIN_OR_DIGITS = regex.compile(r"[\p{Latin}\p{N}]{2,}|\p{N}")
_KATAKANA = regex.compile(r"[\p{Katakana}ー]+")
_JAPANESE = regex.compile(rf"[{HAN}\p{{Hiragana}}\p{{Katakana}}ー]+")
_EDGE = regex.compile(r"^[\s\p{P}--[#$%&(\[{<«‹「『《〈“‘\"'’@*+\-–—]]|\s$|[,;:。、，；：・·]$", regex.V1)
_AFFIX = tuple("手者员家人们式性型版类份们")  # 吉他手: the word before may be the span
_AREA = tuple("州市県町村国省庁社部区")
_PAIRS = ("“”", "「」", "『』", "《》", "〈〉", "（）", "()", "[]")
_INFLECTION = regex.compile(r"(?:'s|’s|s|es|ed|d|ing|ly|er|est|n't|n’t)(?!\p{L})")
_PARTICLE = {
    "ja": (
        regex.compile(r"^[はがをにへともので](?=[\p{Han}\p{Katakana}\p{N}\p{Latin}])"),
        regex.compile(r"(?<=[\p{Han}\p{Katakana}\p{N}])[はがをにへのでと]$"),
    ),
    "zh": (
        regex.compile(
            r"^(?:的(?!的)|[了及于从也就又还却](?!是))"
        ),  # not 都, 被: 都灵, 被告; nor 与, 很: a phrase may begin with them
        regex.compile(r"(?<=..)[的和与及于从把被很都就又还却是将]$|(?<=.)的$"),  # not 在, 也: 徐允在, 达也
    ),
    "en": (
        regex.compile(
            r"^(?:of|and|or|by|from|was|is|are|were|has|had|which|who)\s|^(?:in|on|at|with|for)\s+\P{Ll}", regex.I
        ),
        regex.compile(r"\s(?:the|a|an|of|and|or|was|is|are|were|has|had)$", regex.I),
    ),
}


Slot = tuple[str | None, str, int | None]  # role or label with place, span, its start
BySlot = dict[str, set[str]]


def _placed(record: Record) -> Iterator[tuple[str, int]]:
    for extraction in record["extractions"]:
        for span in extraction["spans"]:
            if span["start"] is not None:
                yield span["text"], span["start"]


def span_offset(source: Record, target: Record) -> Iterator[Finding]:
    """`span_offset`: a span is empty, or the text has something else at its start."""
    text = target["text"]
    for part, start in _placed(target):
        if not part or start < 0 or text[start : start + len(part)] != part:
            yield Finding("span_offset", what=part)


@lru_cache(maxsize=1 << 12)
def _cut(text: str) -> frozenset[int]:
    """Where a word begins or ends in the likeliest cut of a Chinese text."""
    return frozenset(place for _, start, end in cut(text) for place in (start, end))


@lru_cache(maxsize=1 << 14)
def _best_cuts(text: str) -> tuple[list[float], list[float]]:
    """By place: the logarithm of the likeliest cut into Chinese words of the text before it, and of that after it."""
    words, size = chinese_words(), len(text)
    count, total = words.FREQ.get, math.log(words.total)
    before, after = [0.0] + [-math.inf] * size, [-math.inf] * size + [0.0]
    edges = list[tuple[int, int, float]]()
    for start in range(size):
        first, end = len(edges), start + 1
        times = count(text[start:end])
        while times is not None:  # what begins a word is known too, with 0
            if times:
                edges.append((start, end, math.log(times) - total))
            end += 1
            times = count(text[start:end]) if end <= size else None
        if len(edges) == first:
            edges.append((start, start + 1, -total))
        for _, end, cost in edges[first:]:
            if (through := before[start] + cost) > before[end]:
                before[end] = through
    for start, end, cost in reversed(edges):
        if (through := after[end] + cost) > after[start]:
            after[start] = through
    return before, after


def _chinese_cost(text: str, place: int) -> float:
    """How much less likely the text is, as a logarithm, if a word must end at the place: 0 where one does anyway.

    By the word frequencies of jieba's dictionary. A name that it does not know costs little anywhere. Only the stretch between
    two marks matters: no word has one.
    """
    if place in _cut(text):
        return 0.0
    mark, end = _MARK_BEFORE.search(text, 0, place), _MARK.search(text, place)
    start = mark.end() if mark else 0
    before, after = _best_cuts(text[start : end.start() if end else len(text)])
    return before[-1] - before[place - start] - after[place - start]


def boundary_faults(source: Record, target: Record) -> list[tuple[str, str]]:
    """(span, what is wrong with where it begins or ends) of the target's spans that stand where they say."""
    text, lang, found = target["text"], target["lang"], []
    source_spans = {fold_han(part) for part, _ in _placed(source)}
    for part, start in _placed(target):
        end = start + len(part)
        if text[start:end] != part:
            continue
        fault = _edge_fault(part, text, start, end, lang, source_spans, target["subset"].startswith("SCPOS"))
        if fault is None and lang != "en":
            fault = _cut_fault(part, text, start, end, lang, source_spans)
        # Arguments get the first place: president of presidential.
        if fault and not (fault == "inside a word" and lang == "en" and _stands_alone(part, text)):
            found.append((part, fault))
    return found


def _stands_alone(part: str, text: str) -> bool:
    """Does a text have the part somewhere as words of its own?"""
    return regex.search(rf"(?<!\p{{L}}){regex.escape(part)}(?!\p{{L}})", text) is not None


def _edge_fault(
    part: str, text: str, start: int, end: int, lang: str, source_spans: set[str], opinion: bool
) -> str | None:
    if _EDGE.search(part.removeprefix("/")) or any(part.count(pair[0]) != part.count(pair[1]) for pair in _PAIRS):
        return "edge"
    before, after = text[start - 1 : start], text[end : end + 1]
    if _DIGIT.match(part) and _DIGIT_BEFORE.search(text[max(0, start - 3) : start]):
        return "inside a number"
    if _DIGIT_BEFORE.search(part[-1:]) and _DIGIT_AFTER.match(text, end):
        return "inside a number"
    if before.isdigit() and part[0] in "年月日":
        return "inside a number"
    if _SENTENCE.search(part):
        return "sentence end"
    if _LATIN.match(part) and _LATIN.match(before):
        return "inside a word"
    if (
        _LATIN_END.search(part)
        and _LATIN.match(after)
        and not (_INFLECTION.match(text, end) and _THREE_LETTERS.search(part))
    ):
        return "inside a word"
    if fold_han(part) in source_spans:  # 及川杣夫
        return None
    head, tail = _PARTICLE[lang]
    closed = lang == "zh" and part.endswith("的") and (opinion or not _ONE_HAN.match(after))  # 袋子是坏的。
    return "function word" if head.search(part) or (tail.search(part) and not closed) else None


def _cut_fault(part: str, text: str, start: int, end: int, lang: str, source_spans: set[str]) -> str | None:
    """A span of Japanese or Chinese that is a piece of its source's Han, or whose ends are inside a word."""
    own = fold_han(part)
    if own in source_spans:
        return None
    folded = fold_han(text)
    if len(folded) == len(text) and any(_inside(folded, place, source_spans) for place in (start, end)):
        return "piece of its source"
    if _COUNTED.fullmatch(part):  # with its counter: 14つがい, 11月 of 11月份
        return None
    if lang == "zh":
        bound = BOUND_ONE if len(part) == 1 else BOUND
        ending = 0.0 if text[end : end + 1] in _AFFIX else _chinese_cost(text, end)
        return "inside a word" if max(_chinese_cost(text, start), ending) >= bound else None
    ends = word_ends(text)
    if part[-1] in _AREA and _ONE_HAN.match(text, end):
        ends |= {end}  # デラウェア州 of デラウェア州法
    return "inside a word" if start not in ends or end not in ends else None


def _inside(folded: str, place: int, source_spans: set[str]) -> bool:
    """Does the place part two Han characters that stand together inside a span of the source, and are nowhere in it the
    end of one and the beginning of the next: 白|河 of 白河ブルーヘロンズ?"""
    pair = folded[max(0, place - 1) : place + 1]
    if not _TWO_HAN.fullmatch(pair):
        return False
    holding = [span for span in source_spans if pair in span]
    ends, begins = ({span[at] for span in source_spans if span} for at in (-1, 0))
    return bool(holding) and not (pair[0] in ends and pair[1] in begins)


def span_boundary(source: Record, target: Record) -> Iterator[Finding]:
    """`span_boundary`: a span begins or ends inside a word or number, with a stray space, mark or function word, or is
    a piece of the Han of its source span."""
    for part, fault in boundary_faults(source, target):
        yield Finding("span_boundary", target=place_of(part, target["text"]), what=f"{part}: {fault}")


def resemblance(source: str, target: str, source_lang: str, target_lang: str) -> float:
    """0 to 1: what a phrase and its translation share that needs no dictionary: digits, Latin, Han, readings, sound."""
    pair = (source_lang, target_lang)
    return max(_in_common(source, target, pair), _read(source, target, pair), _heard([source], target, pair))


def _in_common(source: str, target: str, pair: tuple[str, str]) -> float:
    """What two phrases share of words of Latin letters, of digits, and of Han."""
    latin, other = _latin_or_digits(source), _latin_or_digits(target)
    best = len(latin & other) / min(len(latin), len(other)) if latin and other else 0.0
    if best < 1 and "en" not in pair:
        left, right = _han(source), _han(target)
        if left and right:
            best = max(best, len(left & right) / min(len(left), len(right)))
    return best


@lru_cache(maxsize=1 << 14)
def _read(source: str, target: str, pair: tuple[str, str]) -> float:
    """1 if an English phrase has a reading of a Japanese one, else 0."""
    keys = [latin_key(word) for word in _CAPITALISED.findall(target)] if pair[1] == "en" else []
    japanese = "".join(_JAPANESE.findall(source)) if keys else ""
    return float(any(reads_as(japanese, key, whole=False) for key in keys if len(key) > 2))


def _heard(sources: Collection[str], target: str, pair: tuple[str, str]) -> float:
    """How like the most like of some phrases sounds."""
    found = likenesses(_sounds(sources, [target], *pair))
    return max((max(whole, within - 0.1) for whole, within in found), default=0.0)


@lru_cache(maxsize=1 << 14)
def _latin_or_digits(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _LATIN_OR_DIGITS.findall(text))


@lru_cache(maxsize=1 << 14)
def _han(text: str) -> frozenset[str]:
    return frozenset(_HAN_OR_MARK.findall(fold_han(text)))


@lru_cache(maxsize=1 << 14)
def _sound(text: str, lang: str, *, foreign: bool) -> str:
    """How a phrase sounds; of a Japanese one that is to be translated (`foreign`), how its katakana does."""
    if lang == "zh":
        return "".join(han_sounds(text))
    return latin_sound(text) if lang == "en" else kana_sound("".join(_KATAKANA.findall(text)) if foreign else text)


def _sounds(
    sources: Iterable[str], targets: Iterable[str], source_lang: str, target_lang: str
) -> list[tuple[str, str]]:
    """How each phrase of the source and each of the target sound, where both are long enough to tell."""
    ours = [sound for text in sources if len(sound := _sound(text, source_lang, foreign=True)) > 3]
    theirs = [sound for text in targets if len(sound := _sound(text, target_lang, foreign=False)) > 3]
    return [(sound, heard) for sound in ours for heard in theirs]


def best_fit(sources: Collection[str], target: str, pair: tuple[str, str], enough: float = 1.0) -> float:
    """0 to 1: how well a phrase translates the best of some: by the words they mean alike, or by what they share without a
    dictionary. The dear evidence is asked for only while the figure is not above `enough`."""
    best = _best(sources, target, pair, enough)
    return best if best > enough or best >= 1 else max(best, _heard(sources, target, pair))


def _best(sources: Iterable[str], target: str, pair: tuple[str, str], enough: float) -> float:
    """The same without what sounds alike."""
    best = 0.0
    for known in sources:
        for evidence in (_in_common, _read, share):  # what is read has been asked of names: no analyser need see those
            best = max(best, evidence(known, target, pair))
            if best > enough or best >= 1:
                return best
    return best


def swap_score(source: Record, target: Record, least: float = 0.0) -> float:
    """How much better some other phrase of the source fits a target span than those with its label: 0 to 1. A score below `least`
    may be given as any other.

    The order of extractions is not asked: a translation may list them by their place in its own text. A span whose label
    has no clear counterpart in the source is not asked either.
    """
    return _swap_score(source, target, least, _by_slot(source), list(_slots(target, source)))


def _swap_score(source: Record, target: Record, least: float, by_slot: BySlot, slots: Sequence[Slot]) -> float:
    pair, score = (source["lang"], target["lang"]), 0.0
    folded = fold_han(source["text"])
    asked = [
        (slot, part, _best(by_slot.get(slot, ()), part, pair, 1 - least)) for slot, part, _ in slots if slot is not None
    ]
    known, doubtful = (
        (known for parts in by_slot.values() for known in parts),
        (p for _, p, own in asked if own <= 1 - least),
    )
    likenesses(_sounds(known, doubtful, *pair))  # at once, and remembered
    for slot, part, own in asked:
        enough = 1 - max(score, least)
        if own <= enough:
            own = max(own, _heard(by_slot.get(slot, ()), part, pair))
        if own <= enough:  # else no other phrase can be so much better
            others = {known for other, parts in by_slot.items() if other != slot for known in parts}
            elsewhere = pair == ("ja", "zh") and len(part) > 1 and fold_han(part) in folded
            score = max(score, (1.0 if elsewhere else best_fit(others, part, pair)) - own)
        sounds = KINDS.get(slot.split("/")[0]) in ("person", "place")
        if sounds and pair[1] == "en" and not _CAPITAL.search(part):
            score = max(score, NO_NAME)
    return score


def _by_slot(source: Record) -> BySlot:
    by_slot: BySlot = {}
    for slot, part, _ in _slots(source, source):
        by_slot.setdefault(str(slot), set()).add(part)
    return by_slot


def _slots(record: Record, source: Record) -> Iterator[Slot]:
    """(role, or the source's label with the span's place in its extraction; span; its start) of every span.

    The slot is None for an open label that is not one label of the source in other words.
    """
    labels = _source_labels(record, source)
    for extraction in record["extractions"]:
        label = extraction["label"]
        for n, span in enumerate(extraction["spans"]):
            if label is None:
                yield span["role"], span["text"], span["start"]
            else:
                yield labels[label] and f"{labels[label]}/{n}", span["text"], span["start"]


def _source_labels(record: Record, source: Record) -> dict[str, str | None]:
    """The label of the source for each label of a record: by the table, or for open labels by what the words mean."""
    table, task, pair = subset(record["subset"]), record["task"], (source["lang"], record["lang"])
    own = {item["label"] for item in record["extractions"] if item["label"] is not None}
    if table.word_labels[task] is not None:
        return {label: table.word_label(task, label, pair[1], pair[0]) for label in own}
    theirs = frozenset(item["label"] for item in source["extractions"])
    return {label: _like_label(label, theirs, pair) for label in own}


@lru_cache(maxsize=1 << 12)
def _like_label(label: str, theirs: frozenset[str], pair: tuple[str, str]) -> str | None:
    """The one of the source's open labels that means most nearly the same; None if there is none, or more than one."""
    rates = {known: float(known == label) or share(known, label, pair) for known in theirs}
    best = [known for known, rate in rates.items() if rate and rate == max(rates.values())]
    return best[0] if len(best) == 1 else None


def _astray(source: Record, target: Record, by_slot: BySlot, slots: Sequence[Slot]) -> tuple[float, str]:
    """(share of its words that stand elsewhere in the target text, phrase) of the source's phrase that fits no span with its
    label, and most of whose words are found outside those spans."""
    pair, worst = (source["lang"], target["lang"]), (0.0, "")
    spans = [(slot, part, start) for slot, part, start in slots if start is not None]
    text = meaning(target["text"], pair[1])
    for slot, parts in by_slot.items():
        own = [(part, start, start + len(part)) for name, part, start in spans if name in (slot, None)]
        lost = [part for part in sorted(parts) if not any(best_fit((part,), theirs, pair, 0) for theirs, _, _ in own)]
        if not own or not lost:
            continue
        outside = (word for word in text.words if not any(low <= word.start < high for _, low, high in own))
        rest = meaning_of(pair[1], outside)
        for part in lost:
            found, missing = answered(meaning(part, pair[0]), rest)
            worst = max(worst, (len(found) / (len(found) + len(missing) or 1), part))
    return worst


def span_swapped(source: Record, target: Record) -> Iterator[Finding]:
    """`span_swapped`: a label is on a phrase that fits the source's phrase of another label far better than its own, or what
    a phrase of the source means stands in the text, but not in a span with its label."""
    by_slot, slots = _by_slot(source), list(_slots(target, source))
    score = _swap_score(source, target, SWAPPED, by_slot, slots)
    gone, part = _astray(source, target, by_slot, slots)
    strength = (score - SWAPPED) / (1 - SWAPPED) + 0.1 if score >= SWAPPED else 0.0
    if gone >= max(ASTRAY, strength):
        yield Finding("span_swapped", gone, source=place_of(part, source["text"]), what=part)
    elif strength:
        yield Finding("span_swapped", min(1.0, strength))
