"""The numbers and dates of an English text: 1,200, 1.2 billion, twenty-one, half a million, 5 March, the 1990s."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

from stages.checks.parts import shared_scale
from stages.checks.tables import table
from stages.checks.units import Measure, measures
from stages.checks.value import (
    ARABIC,
    DIGIT,
    IDENTIFIER,
    ISO_DATE,
    STOPWATCH,
    Value,
    digits,
    duration,
    exact,
    hour,
    identifier,
    iso_date,
    mixed,
    month,
    percent,
    plain,
    quantity,
    rules,
    scan,
    stopwatch,
    vague,
    weekday,
)

_TABLE = table("numbers_en")
ONES, TENS, ORDINALS, MONTHS, DAYS = (_TABLE[name] for name in ("ones", "tens", "ordinals", "months", "days"))
SCALE, SHORT, PARTS, ERAS, WEAK, ROMAN = (_TABLE[name] for name in ("scale", "short", "parts", "eras", "weak", "roman"))
CARDINAL = {word: value for value, word in enumerate(ONES)} | {word: 10 * n for n, word in enumerate(TENS, 2)}
ORDINAL = {word: value for value, word in enumerate(ORDINALS)}
ORDINAL |= {ONES[n] + "th": n for n in range(13, 20)} | {word[:-1] + "ieth": 10 * n for n, word in enumerate(TENS, 2)}
MONTH = {word: n for n, name in enumerate(MONTHS, 1) for word in (name.lower(), name[:3].lower())} | {"sept": 9}
WORD = "|".join(sorted([*CARDINAL, *ORDINAL, *SCALE, "hundredth", "thousandth", "millionth"], key=len, reverse=True))
WORDS = rf"\b(?:an?\s+)?(?:{WORD})(?:[\s-]+(?:(?<=hundred\s)and\s+|(?<=thousand\s)and\s+|(?<=million\s)and\s+)?(?:{WORD}))*\b"
MONTH_NAMES = "|".join([*MONTHS, "Sept", *(name[:3] for name in MONTHS if name != "May")])
SCALES = "|".join(SCALE)
YEAR = r"(?:,?\s+(?:of\s+)?([12]\d{3})(?!\d))?"


def scaled(text: str) -> Fraction:
    """The factor a word of scale stands for, 1 for none."""
    return Fraction(SCALE.get(text.strip().lower()) or SHORT.get(text.strip().lower(), 1))


def words(text: str) -> list[Fraction]:
    """The numbers a run of number words states: "two hundred and five" is one, "one two" are two.

    "nineteen ninety-eight" is a year: two numbers below 100, of which the first is 10 to 20, make one.
    """
    found, total, section, last = list[Fraction](), 0, 0, 0

    def close() -> None:
        nonlocal total, section, last
        if last:
            found.append(Fraction(total + section))
        total, section, last = 0, 0, 0

    for word in re.findall(r"[a-z]+", text.lower()):
        base = word.removesuffix("th") if word.removesuffix("th") in SCALE else word
        if base in ("a", "an", "and"):
            continue
        if base in SCALE:
            factor = SCALE[base]
            if factor == 100:
                section = (section or 1) * 100
            else:
                total, section = total + (section or 1) * factor, 0
            last = factor
        else:
            value = CARDINAL.get(base, ORDINAL.get(base, 0))
            if 10 <= section <= 20 and not total and value >= 10 and last == section:
                section = section * 100 + value
            else:
                if last and last < 100 and not (last >= 20 and value < 10 and last % 10 == 0):
                    close()
                section += value
            last = value or 1
        if base in ORDINAL or base != word:
            close()
    close()
    return found


def starts_sentence(match: re.Match[str]) -> bool:
    before = match.string[: match.start()].rstrip("\"'“‘( ")
    return not before or before[-1] in ".!?:;…—\0\n"


def spelled(match: re.Match[str]) -> Iterator[Value]:
    """Number words. A capital inside a sentence makes a name of them (the Nine Loaves bakery); "second" is a time unless
    something owns it; "a hundred" may be many."""
    text = match[0].lower()
    name = match[0][0].isupper() and not starts_sentence(match)
    owned = re.search(
        r"(?:\b(?:the|my|your|his|her|its|our|their)|'s)\s+$", match.string[: match.start()], re.IGNORECASE
    )
    loose = text in ("a hundred", "a thousand", "a second", *SCALE) or (text == "second" and not owned)
    for value in words(text):
        yield exact(*{value, value * scaled(shared_scale(match) or "")}, strong=not (name or loose))


def spelled_percent(match: re.Match[str]) -> Iterator[Value]:
    for value in words(match[1]):
        yield percent(value)


def spelled_fraction(match: re.Match[str]) -> Iterable[Value] | None:
    above, part = match[1].lower(), match[2].lower()
    count = 1 if above in ("a", "an") else CARDINAL[above]
    singular = part.removesuffix("s") if part != "halves" else part
    if singular == part and count != 1 and part != "halves":
        return None
    nth = [Fraction(PARTS[singular])] if above in ("a", "an") else []  # a fourth term
    return [
        exact(
            Fraction(count, PARTS[singular]),
            Fraction(100 * count, PARTS[singular]),
            *nth,
            strong=PARTS[singular] > 2 and above not in ("a", "an"),
        )
    ]


def half_scale(match: re.Match[str]) -> Iterator[Value]:
    size = {"dozen": 12, "decade": 10, "century": 100, "year": 12}.get(match[1].lower()) or SCALE[match[1].lower()]
    yield exact(size // 2, strong=match[1].lower() in SCALE)


def and_a_half(match: re.Match[str]) -> Iterator[Value]:
    text = match[1].lower()
    count = Fraction(1) if text in ("a", "an") else digits(text) if text[0].isdigit() else Fraction(CARDINAL[text])
    yield exact(count, strong=False)
    yield exact(count + Fraction(1, 2), count * 12 + 6)


def slash(match: re.Match[str]) -> Iterator[Value]:
    """3/4 is three quarters, March 4 or 3 April."""
    above, below = int(match[1]), int(match[2])
    share = Fraction(above, below or 1)
    yield exact(share, above, ("month", above))
    yield exact(share, below, ("month", below))


def month_day(match: re.Match[str]) -> Iterator[Value]:
    yield month(MONTH[match[1].lower()])
    yield exact(int(match[2]), date=True)
    if match[3]:
        yield exact(int(match[3]), date=True)


def day_month(match: re.Match[str]) -> Iterator[Value]:
    yield exact(int(match[1]), date=True)
    yield month(MONTH[match[2].lower()])
    if match[3]:
        yield exact(int(match[3]), date=True)


def in_month(match: re.Match[str]) -> Iterator[Value]:
    """A month without a day; March, April, May, June and August are months only where the words around say so."""
    text, before, after = match[0], match.string[: match.start()], match.string[match.end() :]
    clear = (
        text not in ("March", "April", "May", "June", "August")
        or re.match(r",?\s+(?:of\s+)?(?:[12]\d{3}|\0)|\s+\d", after)
        or re.search(
            r"\b(?:in|of|on|since|until|till|by|from|every|each|last|next|this|early|late|mid|to|through|between|during|before|after)[\s-]+$",
            before,
            re.IGNORECASE,
        )
    )
    yield month(MONTH[text.lower()], strong=bool(clear))


def on_weekday(match: re.Match[str]) -> Iterator[Value]:
    yield weekday(DAYS.index(match[2]) + 1, strong=match[1] is None)


def clock(match: re.Match[str]) -> Iterator[Value]:
    yield hour(Fraction(int(match[1])), (match[3] or "p").lower().startswith("p"))
    if match[2]:
        yield exact(int(match[2]), strong=int(match[2]) != 30)


def dotted_clock(match: re.Match[str]) -> Iterable[Value] | None:
    """9.30pm; until 3.30, which may be a number as well, but not before a unit."""
    at, minutes, number = int(match[1]), int(match[2]), Fraction(f"{match[1]}.{match[2]}")
    if match[3]:
        found = hour(Fraction(at), match[3].lower().startswith("p"))
    elif measures(number, match.string, match.start(1), match.end(2), "en"):
        return None
    else:
        found = exact(at, at + 12, number)
    return [found, exact(minutes, strong=bool(match[3]) and minutes not in (0, 30))]


def era(match: re.Match[str]) -> Iterator[Value]:
    yield exact(ERAS[match[1].lower()] + int(match[2]), date=True)


def era_ordinal(match: re.Match[str]) -> Iterator[Value]:
    first = match[1].lower()
    yield exact(ERAS[match[2].lower()] + (ORDINAL.get(first) or int(first[:-2])), date=True)


def of_tens(match: re.Match[str]) -> Iterator[Value]:
    """Three decades are 30 years."""
    count = int(match[1]) if match[1].isdigit() else CARDINAL[match[1].lower()]
    size = {"decades": 10, "centuries": 100, "dozen": 12, "score": 20}[match[2].lower()]
    yield exact(count, count * size)


def out_of(match: re.Match[str]) -> Iterator[Value]:
    """One in five is a fifth."""
    above, below = (int(text) if text.isdigit() else CARDINAL[text.lower()] for text in (match[1], match[2]))
    yield exact(above, strong=False)
    yield exact(*({Fraction(above, below), Fraction(100 * above, below)} if below else ()), below)


def feet(match: re.Match[str]) -> Iterator[Value]:
    """6-foot-1."""
    yield quantity(Measure("length", (int(match[1]) * 12 + int(match[2])) * Fraction("0.0254"), other=True))


def spent(match: re.Match[str]) -> Iterator[Value]:
    """2 hours 24 minutes 51 seconds; after a comma alone, seconds may be a record's margin."""
    hours, minutes, seconds = (
        CARDINAL.get(text.lower()) or int(text) if text else 0 for text in (match[1], match[3], match[4])
    )
    yield duration(hours, minutes, seconds, None)


def one_in(match: re.Match[str]) -> Iterable[Value] | None:
    """A grade of 1 in 30."""
    below = int(match[2])
    return [exact(Fraction(1, below), below, Fraction(100, below))] if below > 1 else None


def and_others(match: re.Match[str]) -> Iterator[Value]:
    """She and four others are five."""
    count = int(match[1]) if match[1].isdigit() else CARDINAL[match[1].lower()]
    yield exact(count, count + 1)


def fortnight(match: re.Match[str]) -> Iterator[Value]:
    """14 days, two weeks."""
    yield exact(14, 2, strong=False)


def part_of_point(match: re.Match[str]) -> Iterator[Value]:
    """A quarter-point cut is one of 0.25 percentage points."""
    share = Fraction(1, PARTS[match[1].lower()])
    yield percent(share, 100 * share)  # 25 basis points


def decade(match: re.Match[str]) -> Iterator[Value]:
    value = int(match[1])
    yield exact(value, value + 1900, date=True) if value < 100 else exact(value, date=True)


def money(match: re.Match[str]) -> Iterator[Value]:
    yield exact(*{digits(match[1]) * scaled(scale or "") for scale in (match[2], match[2] or shared_scale(match))})


def general(match: re.Match[str]) -> Iterator[Value]:
    value, later = (digits(match[1]) * scaled(scale or "") for scale in (match[2], match[2] or shared_scale(match)))
    yield exact(*{value, later}, date=1000 <= value <= 2200 and "," not in match[1] and not match[2])


def tens_plural(match: re.Match[str]) -> Iterator[Value]:
    """Nineties: of a century or of an age."""
    value = 10 * (TENS.index(match[1].lower() + "y") + 2)
    yield exact(value, value + 1900, strong=False)


def departure(match: re.Match[str]) -> Iterator[Value]:
    """The 1845 from Aberdeen."""
    yield exact(int(match[1]), int(match[1] + match[2]))
    yield exact(int(match[2]), strong=False)


COUNT = rf"(?:\d+|{'|'.join(CARDINAL)})"
ERA_NAMES = "|".join(ERAS)
WHOLE_MONTHS, WHOLE_WORDS, WHOLE_WEAK, WHOLE_ROMAN, ANY_MONTHS = (
    "|".join(f" {word.lower()} " if word.isalpha() else word.lower() for word in words_of_a_rule)
    for words_of_a_rule in ([*MONTHS, "Sept"], WORD.split("|"), WEAK, ROMAN, MONTH_NAMES.split("|"))
)
RULES = rules(
    (re.compile(pattern, 0 if reader in (in_month, on_weekday) or "II" in pattern else re.IGNORECASE), reader, needs)
    for pattern, reader, needs in (
        (ISO_DATE.pattern, iso_date, DIGIT),
        (STOPWATCH, stopwatch, ":"),
        (IDENTIFIER, identifier, DIGIT),
        (r"\b(\d+)[\s-](?:feet|foot|ft)[\s,-]+(\d{1,2})(?:[\s-]?inch(?:es)?)?\b", feet, "feet|foot|ft"),
        (
            rf"\b({COUNT})\s+hours?(,?)\s+(?:and\s+)?({COUNT})\s+minutes?(?:\2\s+(?:and\s+)?({COUNT})\s+seconds?)?\b",
            spent,
            "hour",
        ),
        (r"\b(\d+)\s+hours?()\s+(?:and\s+)?()(\d+)\s+seconds?\b", spent, "hour"),
        (r"\b()()(\d+)\s+minutes?\s+(?:and\s+)?(\d+)\s+seconds?\b", spent, "minute"),
        (r"\b(one|a|1)\s+in\s+(\d{1,3})\b(?![.,]\d)", one_in, DIGIT),
        (r"\bthe\s+([01]\d|2[0-3])([0-5]\d)\s+(?:from|to)\b", departure, "the"),
        (rf"\b({ERA_NAMES})\s+(\d+)\b", era, "|".join(ERAS)),
        (
            rf"\b(\d+(?:st|nd|rd|th)|{'|'.join(ORDINALS[1:])})\s+year\s+of\s+(?:the\s+)?({ERA_NAMES})\b",
            era_ordinal,
            "year",
        ),
        (r"\b(quarter|half)[\s-](?:percentage[\s-])?point\b", part_of_point, "point"),
        (
            rf"\b({MONTH_NAMES})\b\.?\s+(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\b(?![,.]\d){YEAR}",
            month_day,
            ANY_MONTHS,
        ),
        (rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+({MONTH_NAMES})\b\.?{YEAR}", day_month, ANY_MONTHS),
        (rf"\b(?:{'|'.join([*MONTHS, 'Sept'])})\b", in_month, WHOLE_MONTHS),
        (rf"\b(?:(Black|Good|Cyber|Ash|Palm|Easter)\s+)?({'|'.join(DAYS)})s?\b", on_weekday, "day"),
        (r"\b(\d{1,2}):(\d{2})(?!\d)\s?([ap]\.?m\b\.?)?", clock, ":"),
        (r"(?<![\d.,$£€¥])(\d{1,2})\.([0-5]\d)\s?([ap]\.?m\b\.?)", dotted_clock, "am|pm|a.m|p.m"),
        (
            rf"\b(?:at|from|until|till|by|before|after|since)\s+(1?\d|2[0-4])\.([0-5]\d)()(?![\d,]|\.\d|\s?%|[\s-](?:{SCALES}|per)\b)",
            dotted_clock,
            " at | from | until | till | by | before | after | since ",
        ),
        (r"\b(\d{1,2})()\s?([ap]\.?m\b\.?|o'clock)", clock, "am|pm|a.m|p.m|o'clock"),
        (
            rf"({ARABIC})\s?-?(?:%|percent\b|per\s+cent\b|percentage)",
            lambda match: [percent(digits(match[1]))],
            "%|cent",
        ),
        (rf"({WORDS})[\s-](?:percent|per\s+cent)", spelled_percent, "cent"),
        (r"\b(\d+)\s+(\d)[/⁄](\d)(?![/\d])", mixed, "/|⁄"),
        (r"(?<![\w/])(\d{1,2})[/⁄](\d{1,2})(?![/\w])", slash, "/|⁄"),
        (
            r"\bhalf(?:\s+|-)(?:an?\s+)?(million|billion|trillion|thousand|hundred|dozen|decade|century|year)\b",
            half_scale,
            "half",
        ),
        (rf"\b({'|'.join(CARDINAL)}|\d+)\s+(?:\w+\s+)?and\s+a\s+half\b", and_a_half, "half"),
        (r"\b(an?)\s+\w+\s+and\s+a\s+half\b", and_a_half, "half"),
        (r"\bfortnight(?:ly)?\b", fortnight, "fortnight"),
        (rf"\b({'|'.join(ONES[1:])}|\d+)\s+others?\b", and_others, "other"),
        (
            rf"\b({'|'.join(ORDINALS[1:])})\s+(?:lunar\s+)?month\b",
            lambda match: [month(ORDINAL[match[1].lower()])],
            "month",
        ),
        (rf"\b({'|'.join(ONES[1:])}|\d+)\s+(?:in|out\s+of)\s+({'|'.join(CARDINAL)}|100|10)\b", out_of, "in|out"),
        (
            rf"\b({'|'.join(ONES[2:])}|\d+)\s+(decades|centuries|dozen|score)\b",
            of_tens,
            "decades|centuries|dozen|score",
        ),
        (
            rf"\b(an?|{'|'.join(ONES[1:10])})[\s-]+(half|halves|(?:{'|'.join(part for part in PARTS if part not in ('half', 'halves'))})s?)\b",
            spelled_fraction,
            "|".join(PARTS),
        ),
        (r"(?<![\w.,])(\d{4}|\d0)'?s\b", decade, DIGIT),
        (rf"[$£€¥]\s?({ARABIC})[\s-]?({SCALES}|k|mn?|bn?|tn)?\b", money, "$|£|€|¥"),
        (
            rf"\b(?:(?:several|a\s+few|few|many|some|a\s+couple\s+of|tens\s+of|hundreds\s+of)\s+)(?:{SCALES})s?\b",
            lambda match: [vague(20, 10**12)],
            SCALES,
        ),
        (rf"\b(?:{SCALES}|ten|dozen|score)s\b", lambda match: [vague(20, 10**12)], f"{SCALES}|tens|dozens|scores"),
        (rf"({ARABIC})(?:[\s-]({SCALES}|bn|tn)\b|(?=\D|$))(?:st|nd|rd|th)?()", general, DIGIT),
        (r"\ba\s+dozen\s+or\s+(?:so|more)\b", lambda match: [vague(10, 19)], "dozen"),
        (WORDS, spelled, WHOLE_WORDS),
        (
            r"\b(?:an?|another)(?=\s(?:foot|inch|yard|mile|nautical|pound|ounce|gallon|acre|ton)\b)",
            lambda match: [exact(1)],
            "foot|inch|yard|mile|pound|ounce|gallon|acre|ton",
        ),
        (r"\b(?:twice|thrice)\b", lambda match: [exact(2 if match[0].lower() == "twice" else 3)], "twice|thrice"),
        (r"\b(twent|thirt|fort|fift|sixt|sevent|eight|ninet)ies\b", tens_plural, "ies"),
        (r"\bhalf\b|\bhalv(?:ed|es|ing)\b", lambda match: [percent(Fraction(50), strong=False)], "half|halv"),
        (
            rf"(?<=[A-Z]\w\s|\w\w\s)({'|'.join(ROMAN)})\b",
            lambda match: [exact(ROMAN[match[1]], strong=False)],
            WHOLE_ROMAN,
        ),
        (rf"\b(?:{'|'.join(WEAK)})\b", lambda match: [exact(WEAK[match[0].lower()], strong=False)], WHOLE_WEAK),
    )
)


def read(text: str) -> list[Value]:
    """The values of an English text."""
    return scan(plain(text).replace("’", "'"), RULES, "en")
