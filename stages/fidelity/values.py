"""Names and numbers replaced by others that could stand in the same place."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from stages.fidelity.edits import Choice, Edit, Pair, edited, names, places, replaced, rules, words
from stages.records.record import Record, occurrences


def name(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """Another plausible name of the same kind and language, wherever the name stands; parts that stand alone follow."""
    record, known = pair.reference, names(pair)
    text, lang = record["text"], record["lang"]
    made = []
    for old, kind in sorted(known.items()):
        for only, match, pool in rules("names", lang, kind):
            found = match.search(old) if only.search(old) else None
            if not found:
                continue
            for choice in pool:
                new = old[: found.start()] + choice + old[found.end() :]
                if choice in text or choice == found[0]:
                    continue
                mapping = {old: new}
                if lang == "en":
                    tokens = zip(found[0].split(), choice.split(), strict=False)
                    mapping |= {left: right for left, right in tokens if len(left) > 2 and left not in known}
                edits = [
                    (start, start + len(left), right)
                    for left, right in mapping.items()
                    for start in places(text, left, lang, list(known))
                ]
                result = edited(record, edits)
                left_over = lang != "en" and len(old) > 2 and found[0][:2] in _without(result or record, known, new)
                if result and not left_over:
                    made.append((f"{old} -> {new}", result))
    yield from rng.sample(made, len(made))


def name_part(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """One part of a person's name another, the rest of it kept: a given name, a surname that sounds like it, a part between dots."""
    record, known, pools = pair.reference, names(pair), words()["parts"]
    text, lang = record["text"], record["lang"]
    made = []
    for old, kind in sorted(known.items()):
        for start, end, pool in _parts_of(old, lang, pools) if kind == "person" else ():
            for choice in rng.sample(pool, min(3, len(pool))):
                new = old[:start] + choice + old[end:]
                edits = [(at, at + len(old), new) for at in places(text, old, lang, list(known))]
                if new != old and choice not in text and (result := edited(record, edits)):
                    made.append((f"{old} -> {new}", result))
    yield from rng.sample(made, len(made))


def _parts_of(name: str, lang: str, pools: dict[str, list[str]]) -> Iterator[tuple[int, int, list[str]]]:
    """(start, end, what may stand there) of each part of a name that has several."""
    found = list(re.finditer(r"[^\W\d_][\w'’]{2,}" if lang == "en" else r"[^·・=＝]+", name))
    if len(found) > 1:
        yield from ((match.start(), match.end(), pools[lang]) for match in found)
    elif re.fullmatch(r"[\u4e00-\u9fff]{4,5}|[\u4e00-\u9fff]{3}(?<=[郎子美介雄平彦香司江生一男夫])", name):
        yield len(name) - 1, len(name), pools["han"]


def _without(record: Record, known: dict[str, str], new: str) -> str:
    """The text without its known names: where half a replaced name would still be seen."""
    text: str = record["text"]
    for other in sorted([*known, new], key=len, reverse=True):
        text = text.replace(other, "")
    return text


# A number that is none of an identifier such as PX-40 or FFP2, and no part of a version such as 4.2.1.
DIGITS = re.compile(r"(?<![A-Za-z0-9./;_-])\d+(?:,\d{3})*(?:\.\d+)?(?![A-Z0-9_/]|\.\d)")
MONTHS = re.compile(r"(?:January|February|March|April|May|June|July|August|September|October|November|December) $")


def _ordinal(value: int) -> str:
    return f"{value}" + ("th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th"))


def other_values(before: str, number: str, after: str) -> Iterator[tuple[str, str]]:
    """(what is replaced after `before`, what by): other values that could stand in the same place, in the same shape."""
    if len(number) > 1 and number[0] == "0" and number.isdigit():
        yield number, f"{(int(number) + 1) % 24:0{len(number)}d}"
        return
    if "." in number:
        digits = number.partition(".")[2]
        value = float(number.replace(",", ""))
        for other in (value * 10, value + 2 * 10 ** -len(digits), value + 3):
            new = f"{other:,.{len(digits)}f}" if "," in number else f"{other:.{len(digits)}f}"
            yield number, new
        return
    value, suffix = int(number.replace(",", "")), re.match(r"st|nd|rd|th", after)
    if after.startswith("月"):
        others = [other for other in (value + 1, value + 5, value - 2) if 1 <= other <= 12]
    elif suffix or after.startswith(("日", "号")) or MONTHS.search(before) or re.match(r" (?=[A-Z])", after):
        others = [other for other in (value + 1, value - 3, value + 9, value - 1) if 1 <= other <= 28]
    elif 1000 < value < 2100 and "," not in number:
        others = [value - 1, value + 3, value - 20, int(number[:2] + number[3] + number[2])]
    else:
        others = [value + 1, value * 10, value + 3, int(number.replace(",", "")[::-1])]
    for new_value in others:
        if new_value != value and new_value > 0:
            if suffix:
                yield number + suffix[0], _ordinal(new_value)
            else:
                yield number, f"{new_value:,}" if "," in number else str(new_value)


def number(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """One number or date another plausible value: digits, number words, units of ten thousands, weekdays, months."""
    record, known = pair.reference, names(pair)
    text, lang = record["text"], record["lang"]
    fixed = [(start, start + len(old)) for old in known for start in occurrences(text, old)]
    choices: list[Edit] = []
    for match in DIGITS.finditer(text):
        for old, new in other_values(text[: match.start()], match[0], text[match.end() :]):
            choices.append((match.start(), match.start() + len(old), new))
    for _, pattern, pool in rules("numbers", lang, ""):
        for match in pattern.finditer(text):
            same = [item for item in pool if item.lower() != match[0].lower() and (item, match[0]) != ("两", "二")]
            choices += [(match.start(), match.end(), item) for item in rng.sample(same, min(3, len(same)))]
    for start, end, new in rng.sample(choices, len(choices)):
        if any(low < end and start < high for low, high in fixed) or re.search(rf"(?<!\d){re.escape(new)}(?!\d)", text):
            continue
        yield from replaced(record, [(start, end, new)], f"{text[start:end]} -> {new}")
