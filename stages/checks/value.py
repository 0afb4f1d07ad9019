"""A number or date as a value, and the loop by which the readers of a language find them in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache, partial
from math import prod
from typing import NamedTuple

from stages.checks.parts import chains
from stages.checks.units import Measure, converted, equal, measures

# A plain value is a Fraction; ("month", 3) and ("weekday", 5, Monday = 1) are no plain numbers: March is not 3 boxes.
Key = Fraction | tuple[str, int]


class Value(NamedTuple):
    """One number as a text states it.

    keys: every exact reading ("30 %" is 30 and 3/10, "3 p.m." is 3 and 15); one in common is a match.
    low, high: the bounds of a vague number (十数人: 11 to 19), else None.
    spelled: written without a digit (三, three); names and idioms hold such numbers too.
    measures: the quantities it may be with its unit; a duration of several units (2分8秒43) is one, and has no key.
    said: the words of the text.
    strong: the other side must state it. What an idiom may bring or swallow ("one", 一方, "both") is weak: it can answer
        for a number of the other side, but nobody asks for it.
    date: a year, a month, a day of the month or a weekday.
    """

    keys: frozenset[Key]
    strong: bool = True
    date: bool = False
    low: int | None = None
    high: int | None = None
    spelled: bool = False
    measures: tuple[Measure, ...] = ()
    said: str = ""

    def matches(self, other: Value) -> bool:
        """Whether both can mean the same number."""
        return (
            bool(self.keys & other.keys)
            or self.spans(other)
            or other.spans(self)
            or (
                bool(self.measures)
                and any(equal(a, b) or converted(a, b) for a in self.measures for b in other.measures)
            )
        )

    def spans(self, other: Value) -> bool:
        """Whether a vague number has an exact one, or part of a vague one, between its bounds."""
        if self.low is None or self.high is None:
            return False
        if other.low is not None and other.high is not None:
            return self.low <= other.high and other.low <= self.high
        return any(isinstance(key, Fraction) and self.low <= key <= self.high for key in other.keys)


Reader = Callable[[re.Match[str]], Iterable[Value] | None]


class Rule(NamedTuple):
    """What a value looks like, who reads it, and the signs of which a text must have one to have it: most rules need not be
    tried on most texts."""

    pattern: re.Pattern[str]
    read: Reader
    needs: frozenset[str]


DIGIT = "\\d"  # as a sign: any decimal digit
_DIGIT, _LETTERS = re.compile(DIGIT), re.compile(r"[^\W\d_]+")


class Rules(NamedTuple):
    """The rules of a language in their order, and their signs: strings in lower case, or words of letters between two spaces."""

    each: tuple[Rule, ...]
    words: frozenset[str]
    strings: frozenset[str]

    def signs(self, text: str) -> frozenset[str]:
        """The signs that a text has; parts of it that are taken away leave no new one."""
        lower = text.lower() + (DIGIT if _DIGIT.search(text) else "")
        words = (
            self.words.intersection([f" {word} " for word in _LETTERS.findall(lower)]) if self.words else frozenset()
        )
        return words.union([string for string in self.strings if string in lower])


def rules(rows: Iterable[tuple[re.Pattern[str], Reader, str]]) -> Rules:
    """Rules from patterns, readers, and signs with "|" between them."""
    each = tuple(Rule(pattern, read, frozenset(needs.split("|"))) for pattern, read, needs in rows)
    signs = frozenset[str]().union(*(rule.needs for rule in each))
    words = frozenset(sign for sign in signs if sign.startswith(" "))
    return Rules(each, words, signs - words)


# Exponents and formulas are not numbers: 5 m², CO₂. NFKC would make digits of them. re.IGNORECASE takes a Turkish i for one.
EXPONENTS = str.maketrans(
    {**dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹"), "㎡": " m", "㎢": " km", "㎥": " m", "㎝": " cm", "㎞": " km", "ı": "i", "İ": "I"}
)
FORMULAS = re.compile(
    r"(?<![A-Za-z])(?:CO|H|O|N|SO|NO)2O?(?![A-Za-z0-9])|(?<=[0-9 ][kcm]m)[23](?!\d)|(?<=[0-9 ]m)[23](?!\d)"
)


VULGAR = re.compile("[¼-¾⅐-⅞]")  # 1½ is no 11/2


TRIVIAL = frozenset({Fraction(0), Fraction(1)})


ARABIC = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?"


@lru_cache(maxsize=1 << 12)
def digits(text: str) -> Fraction:
    """The value of 12, 1,200 or 1.25."""
    return Fraction(text.replace(",", ""))


def exact(*keys: Key | int, strong: bool = True, date: bool = False) -> Value:
    """A value with these readings. 0 and 1 are weak however they are written: no language keeps "a", 一 or "no"."""
    found = frozenset(Fraction(key) if isinstance(key, int) else key for key in keys)
    return Value(found, strong and not found <= TRIVIAL, date)


def vague(low: int, high: int, strong: bool = False) -> Value:
    """A number between two bounds."""
    return Value(frozenset(), strong, False, low, high)


def percent(number: Fraction, *more: Fraction, strong: bool = True) -> Value:
    """A share of a hundred, which may also be written as a fraction (3割 = 30 % = three tenths)."""
    keys = [key for share in (number, *more) for key in (share, share / 100)]
    return exact(*keys, strong=strong)


def month(number: Fraction | int, strong: bool = True) -> Value:
    """A month of the year, 1 to 12."""
    return Value(frozenset({("month", int(number))}), strong, True)


def weekday(number: int, strong: bool = True) -> Value:
    """A day of the week, Monday = 1."""
    return Value(frozenset({("weekday", number)}), strong, True)


LAST_HOUR = 30  # of broadcasting and of timetables, where the day ends when the staff goes home


def hour(number: Fraction, afternoon: bool) -> Value:
    """An hour of the clock: 3 p.m. is 15, and 25 is 1 of the next day."""
    keys = {number}
    if 24 <= number <= LAST_HOUR:
        keys.add(number - 24)
    if 12 < number <= 24 or number > LAST_HOUR:
        keys.add(number - 12)
    elif afternoon and number <= 12:
        keys.add(number + 12)
    return exact(*keys)


def year(number: Fraction) -> Value:
    """A year; one of two digits may be short for one of a century ('98)."""
    keys = {number, number + 1900, number + 2000} if 10 <= number <= 99 else {number}
    return exact(*keys, date=1000 <= number <= 2200)


def iso_date(match: re.Match[str]) -> Iterator[Value]:
    """2024-03-12."""
    yield exact(int(match[1]), date=True)
    yield month(int(match[2]))
    yield exact(int(match[3]), date=True)


def mixed(match: re.Match[str]) -> Iterator[Value]:
    """1 1/2, 1と1/2."""
    yield exact(int(match[1]) + Fraction(int(match[2]), int(match[3]) or 1))


ISO_DATE = re.compile(r"(?<!\d)([12]\d{3})[-/.](1[0-2]|0?[1-9])[-/.](3[01]|[12]\d|0?[1-9])(?!\d)")


# A run of digits that is too long for a quantity is some key or table; its beginning stands for it.
LONG_RUN = re.compile(r"([0-9]{36})[0-9]+|([〇零一二三四五六七八九]{36})[〇零一二三四五六七八九]+")


@lru_cache(maxsize=1 << 12)
def plain(text: str) -> str:
    """The text as the readers take it: NFKC, without exponents and formulas."""
    if not text.isascii():
        text = VULGAR.sub(lambda match: " " + unicodedata.normalize("NFKC", match[0]), text.translate(EXPONENTS))
        text = unicodedata.normalize("NFKC", text)
    return FORMULAS.sub(" ", LONG_RUN.sub(lambda match: match[1] or match[2], text))


def quantity(*found: Measure) -> Value:
    """A number of several units that is one quantity."""
    return Value(frozenset(), measures=found)


def duration(hours: Fraction | int, minutes: Fraction | int, seconds: Fraction | int, decimals: str | None) -> Value:
    """So much time; `decimals` are digits of a second."""
    part = Fraction(int(decimals), 10 ** len(decimals)) if decimals else Fraction(0)
    return quantity(Measure("time", Fraction(hours) * 3600 + Fraction(minutes) * 60 + seconds + part))


def stopwatch(match: re.Match[str]) -> Iterable[Value] | None:
    """2:08.43, 1:10:05, 63:05: a duration; 8:05 may be a time of the day, and is left to others."""
    hours, minutes, seconds, decimals = match.groups()
    if not hours and not decimals and int(minutes) <= 24:
        return None
    return [duration(int(hours or 0), int(minutes), int(seconds), decimals)]


STOPWATCH = r"(?<![\d:.])(?:(\d{1,2}):)?(\d{1,3}):(\d{2})(?:\.(\d{1,3}))?(?![\d:])"


def identifier(match: re.Match[str]) -> Iterator[Value]:
    """COVID-19, PX-40, F9: part of a name, which the other language may write otherwise or leave."""
    yield exact(int(re.sub(r"\D", "", match[1])[:9]), strong=False)


# Latin letters and a number in one; not an amount (USD200) or a number's own mark (No5, v2).
IDENTIFIER = r"(?<![A-Za-z0-9.])(?!(?:USD|EUR|GBP|JPY|CNY|RMB|US|NT|HK|No|Nr|vol|pp?|v|ver|ch)-?\d)[A-Za-z]+-?([0-9]+)(?:[A-Za-z-][A-Za-z0-9-]*)?(?![0-9.,])"


def scan(text: str, by: Rules, lang: str) -> list[Value]:
    """What the rules find, each in what those before it left; a reader that answers None leaves its match to others."""
    values, whole, signs = list[Value](), text, by.signs(text)
    read = dict[tuple[int, int], range]()  # where more than a one was read, and which values

    def take(reader: Reader, match: re.Match[str]) -> str:
        found, first = reader(match), len(values)
        if found is None:
            return match[0]
        spelled = not _DIGIT.search(match[0])
        for value in found:
            keys = [key for key in value.keys if isinstance(key, Fraction)]
            own = value.measures or (
                measures(keys[0], whole, match.start(), match.end(), lang) if len(keys) == 1 else ()
            )
            values.append(value._replace(spelled=spelled, measures=own, said=match[0].strip()))
        if any(value.strong or not value.keys <= TRIVIAL for value in values[first:]):
            read[match.span()] = range(first, len(values))
        return "\0" * len(match[0])

    for rule in by.each:
        if not signs.isdisjoint(rule.needs):
            text = rule.pattern.sub(partial(take, rule.read), text)
    for places in chains(whole, read, lang):
        own = [index for place in places for index in read[place]]
        values.append(_of_parts([values[index] for index in own], whole[places[0][0] : places[-1][1]]))
        for index in own:
            values[index] = values[index]._replace(strong=False)
    return values


def _of_parts(found: Sequence[Value], said: str) -> Value:
    """What a number of these parts may be: at least the smallest of them, and of no higher order than all multiplied."""
    keys = [max((key for key in value.keys if isinstance(key, Fraction)), default=Fraction(0)) for value in found]
    most = prod(max(key, Fraction(1)) for key in keys)
    return vague(int(min(keys)), int(10 * most))._replace(spelled=True, said=said)
