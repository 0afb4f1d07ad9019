"""Numbers with a unit as quantities: 1.5 km is 1,500 m, 90 minutes an hour and a half, 6 feet may be 1.8 metres.

The units, their names in each language and the tolerance of a conversion stand in `tables/units.yaml`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache, lru_cache
from typing import NamedTuple

import regex

from stages.checks.tables import table

Dimension = str


class Measure(NamedTuple):
    """A quantity: how many base units of its dimension; `other`: stated in a unit that translations convert; `step`: one of
    the last place that is stated, in base units (10 km of 260 km), or None if it is not known."""

    dimension: Dimension
    amount: Fraction
    other: bool = False
    step: Fraction | None = None


class Unit(NamedTuple):
    name: str
    dimension: Dimension
    factor: Fraction
    other: bool


@cache
def _units(lang: str) -> tuple[regex.Pattern[str], tuple[tuple[regex.Pattern[str], Unit], ...]]:
    """(any unit of a language behind a number, each with its own pattern)."""
    found = list[tuple[str, Unit]]()
    for dimension, rows in table("units").items():
        for name, row in rows.items() if isinstance(rows, dict) else ():
            if lang in row:
                found.append((row[lang], Unit(name, dimension, Fraction(row["is"]), row.get("other", False))))
    end = r"(?![A-Za-z])"
    return (
        regex.compile(rf"(?p)[\s-]?(?:{'|'.join(names for names, _ in found)}){end}"),  # POSIX: the longest
        tuple((regex.compile(rf"[\s-]?(?:{names}){end}"), unit) for names, unit in found),
    )


BELOW = regex.compile(
    r"(?r)(?:(?<![\p{L}\p{N}])[-−–]|minus |氷点下|マイナス|零下|负)"
)  # what stands before a number below zero

RANGE = regex.compile(
    r"(?:\s?(?:[-–—〜~～至到×x]|から)|\s(?:to|or|by)\s)\s?[縦横高长宽]?(?:[\d.,]*\d|[a-z]{3,9}|[一二三四五六七八九十百]+)"
)


AHEAD = 24  # characters before a number in which the unit of the one before may stand


@cache
def _ahead(lang: str) -> regex.Pattern[str]:
    """The end of what stands before a number that has the unit of the number before it: 8 feet by."""
    names = _units(lang)[0].pattern.removeprefix("(?p)")
    return regex.compile(rf"(?<=[\p{{L}}\p{{N}}])({names})\s?(?:by|[x×]|乘以?)\s?$")


def measures(number: Fraction, text: str, start: int, end: int, lang: str) -> tuple[Measure, ...]:
    """What a number at a place of a text may measure, by the unit behind it: 22キロ is a length or a mass. Only temperatures
    are below zero."""
    every = _units(lang)[0]
    stretch = every.match(text, end)
    if stretch is None and (rest := RANGE.match(text, end)):  # 5〜10センチ, two to four inches, 18×24 cm: of one unit
        end = rest.end()
        stretch = every.match(text, end)
    if stretch is None and (ahead := _ahead(lang).search(text[max(0, start - AHEAD) : start])):  # eight feet by ten
        stretch = every.match(ahead[1])
    if stretch is None:
        return ()
    below = BELOW.match(text, 0, start) is not None
    return tuple(_measure(number, unit, below) for unit in _fitting(stretch[0], lang))


@lru_cache(maxsize=1 << 10)
def _fitting(stretch: str, lang: str) -> tuple[Unit, ...]:
    """The units whose name is the stretch, the longest that any unit's is."""
    size = len(stretch)
    return tuple(unit for pattern, unit in _units(lang)[1] if (match := pattern.match(stretch)) and match.end() == size)


def _measure(number: Fraction, unit: Unit, below: bool) -> Measure:
    if unit.dimension == "temperature":
        number = -number if below else number
        celsius = (number - 32) * 5 / 9 if unit.name == "fahrenheit" else number
        return Measure(unit.dimension, celsius, unit.other)
    return Measure(unit.dimension, number * unit.factor, unit.other, _step(number) * unit.factor)


@lru_cache(maxsize=1 << 10)
def _step(number: Fraction) -> Fraction:
    """One of the last place that is not zero: 10 of 260, a tenth of 1.1."""
    if number.denominator > 1 or not number:
        places = next((n for n in range(1, 7) if 10**n % number.denominator == 0), None)
        return Fraction(1, 10**places if places else number.denominator)
    text = str(number.numerator)
    return Fraction(10 ** (len(text) - len(text.rstrip("0"))))


def equal(left: Measure, right: Measure) -> bool:
    """The same quantity, whatever the unit."""
    return left.dimension == right.dimension and left.amount == right.amount


def converted(left: Measure, right: Measure) -> bool:
    """The same quantity but for rounding, one of them in a unit that the other language does not use.

    Rounded to the last place that is stated, however much of a small number that is (1.1 gallons, 4 litres); or cut to it, or
    stated so roughly itself, within the tolerance. 263 hectares are not 640 acres.
    """
    if left.dimension != right.dimension or left.other == right.other:
        return False
    apart, own = abs(left.amount - right.amount), table("units")
    if left.dimension == "temperature":
        return apart <= int(own["tolerance_kelvin"])
    near = apart <= Fraction(str(own["tolerance"])) * max(abs(left.amount), abs(right.amount))
    if left.step is None or right.step is None:
        return near
    steps = left.step, right.step
    return apart * 2 <= min(steps) or (near and apart <= max(steps))
