"""Faults as near to right as they can be: the smallest change of form after which the source no longer says what the translation says.

Six kinds: the last `digit` of a number one more or less; one letter of a `name` another that sounds like it; a `boundary` of a
span one word (in English) or character off; the `label` of a span another of its table; a `modifier` that limits or dates dropped; two names
of one kind that `change` places in the text. Each is wrong by the source alone, which the reviewer sees with its spans and labels.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from functools import cache

from pypinyin import lazy_pinyin

from stages.fidelity.edits import Choice, Edit, Pair, edited, names, places, replaced, slots, with_span
from stages.fidelity.spans import FUNCTION
from stages.fidelity.values import DIGITS
from stages.records.record import occurrences
from stages.records.tasks import subset, task_of
from stages.text.readings import fold_han

# Words that limit, count or date what they stand beside, and can go without breaking the sentence.
MODIFIERS = {
    "en": r"\b(?:about|almost|nearly|only|just|mainly|mostly|partly|also|again|still|already|at least|at most|more than|less than|up to"
    r"|first|last|former|newly|temporarily|slightly|gradually|free|new|old|small|large) ",
    "zh": r"约|近(?=\d)|仅|只(?=有|在|需|能)|主要|部分|再次|仍|已经|至少|最多|逾|首次|前(?=市长|首相|社长|会长|议员)|暂时|略|逐渐|免费|新(?=的)|初步",
    "ja": r"約|ほぼ|のみ|だけ|主に|再び|まだ|すでに|少なくとも|初めて|元(?=市長|首相|社長|会長|選手)|一時的に|やや|徐々に|無料の|新たに|初の",
}
# Letters and kana of neighbouring sounds, either for the other.
NEAR = [
    "ae",
    "ei",
    "io",
    "ou",
    "td",
    "kg",
    "pb",
    "sz",
    "mn",
    "lr",
    "カガ",
    "キギ",
    "タダ",
    "テデ",
    "ハバ",
    "ヒビ",
    "サザ",
    "シジ",
    "マナ",
    "ラロ",
    "リレ",
    "イエ",
    "アオ",
    "ルレ",
]
COMMON_HAN = "".join(
    bytes([row, cell]).decode("gb2312", "ignore") for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF)
)  # level 1 of GB 2312: the 3,755 that are in daily use
_NEIGHBOUR = {a: b for pair in NEAR for a, b in (pair, pair[::-1])}


def digit(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """The last digit of a number, one more or less; the new number stands nowhere else in the text."""
    text = pair.reference["text"]
    fixed = [(at, at + len(name)) for name in names(pair) for at in occurrences(text, name)]
    choices = list[Edit]()
    for match in DIGITS.finditer(text):
        inside = any(low <= match.start() < high for low, high in fixed)
        last = int(match[0][-1])
        for new in (last - 1, last + 1):
            value = f"{match[0][:-1]}{new}"
            if not inside and 0 < new <= 9 and not re.match(r"st|nd|rd|th", text[match.end() :]) and value not in text:
                choices.append((match.start(), match.end(), value))
    for start, end, value in rng.sample(choices, len(choices)):
        yield from replaced(pair.reference, [(start, end, value)], f"{text[start:end]} -> {value}")


@cache
def _by_sound() -> dict[str, list[str]]:
    """Common Han characters by their syllable in Mandarin, without its tone."""
    found = dict[str, list[str]]()
    for character in COMMON_HAN:
        found.setdefault(lazy_pinyin(character)[0], []).append(character)
    return found


def _sounds_like(name: str, lang: str, source: str) -> Iterator[tuple[int, str]]:
    """(place, character) of what can stand for a character of the name. Of Han only where the source has the very character: what
    a name in another script becomes in Han is a choice, and another one is not wrong."""
    for n, character in enumerate(name):
        if lang == "zh":
            if fold_han(character) in fold_han(source):
                sound = lazy_pinyin(character)[0]
                yield from ((n, other) for other in _by_sound().get(sound, ()) if other != character)
        elif n and (other := _NEIGHBOUR.get(character)):
            yield n, other


def name(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """One letter of a name, wherever it stands, another that sounds like it."""
    record, known = pair.reference, names(pair)
    text, lang = record["text"], record["lang"]
    made = list[Choice]()
    for old in sorted(known):
        found = list(_sounds_like(old, lang, pair.source["text"]))
        for n, character in rng.sample(found, min(2, len(found))):
            new = old[:n] + character + old[n + 1 :]
            edits = [(at, at + len(old), new) for at in places(text, old, lang, list(known))]
            result = edited(record, edits)
            # The old spelling is left nowhere, not even as a part that stands alone.
            parts = [part for part in re.findall(r"\w+", old) if part not in new and len(part) > 1]
            if result and not any(part in result["text"] for part in [old, *parts]):
                made.append((f"{old} -> {new}", result))
    yield from rng.sample(made, len(made))


def boundary(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """A span one word longer or shorter (English), or one character longer, by a word with content of its own."""
    record, text, lang = pair.reference, pair.reference["text"], pair.reference["lang"]
    made = list[Choice]()
    for n, k in slots(record):
        span = record["extractions"][n]["spans"][k]
        start, part = span["start"], span["text"]
        if start is None:
            continue
        end, found = start + len(part), list[tuple[str, int]]()
        if lang == "en":
            if re.fullmatch(
                r"[A-Z]\w+(?: [A-Z]\w+)+", part
            ):  # a name of several words, which is none without one of them
                found += [(part.rpartition(" ")[0], start), (part.partition(" ")[2], start + part.index(" ") + 1)]
            if (after := re.match(r" ([a-z]{3,})\b", text[end:])) and after[1] not in FUNCTION["en"]:
                found.append((text[start : end + len(after[0])], start))
        else:
            if (after := re.match(r"\w", text[end:])) and after[0] not in FUNCTION[lang]:
                found.append((text[start : end + 1], start))
            if start and re.match(r"\w", text[start - 1]) and text[start - 1] not in FUNCTION[lang]:
                found.append((text[start - 1 : end], start - 1))
        made += [(f"{part} -> {new} at {at}", with_span(record, n, k, new, at)) for new, at in found]
    yield from rng.sample(made, len(made))


def label(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """The label of an extraction another of its table; the source has the right one."""
    record = pair.reference
    table = subset(record["subset"]).word_labels.get(record["task"])
    if table is None or task_of(record["subset"], record["task"]).kind == "event":
        return
    items = record["extractions"]
    made = list[Choice]()
    for n, item in enumerate(items):
        for other in table[record["lang"]]:
            new = {**item, "label": other}
            if other != item["label"] and new not in items:
                changed = [*items[:n], new, *items[n + 1 :]]
                made.append(
                    (f"{item['spans'][0]['text']}: {item['label']} -> {other}", {**record, "extractions": changed})
                )
    yield from rng.sample(made, len(made))


def modifier(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """A word that limits, counts or dates, dropped."""
    text, lang = pair.reference["text"], pair.reference["lang"]
    found = list(re.finditer(MODIFIERS[lang], text))
    for match in rng.sample(found, len(found)):
        yield from replaced(pair.reference, [(match.start(), match.end(), "")], f"{match[0].strip()} dropped")


def change(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """Two names of one kind, each in the other's place, wherever they stand."""
    record, known = pair.reference, names(pair)
    text, lang = record["text"], record["lang"]
    there = {name: places(text, name, lang, list(known)) for name in sorted(known)}
    couples = [
        (a, b)
        for a in there
        for b in there
        if a < b and known[a] == known[b] and there[a] and there[b] and a not in b and b not in a
    ]
    for a, b in rng.sample(couples, len(couples)):
        edits = [(at, at + len(old), new) for old, new in ((a, b), (b, a)) for at in there[old]]
        yield from replaced(record, edits, f"{a} <-> {b}")


KINDS: dict[str, Callable[[Pair, random.Random], Iterator[Choice]]] = {
    "digit": digit,
    "name": name,
    "boundary": boundary,
    "label": label,
    "modifier": modifier,
    "change": change,
}
