"""The numbers and dates of a Japanese or Chinese text: 漢数字, 万億兆, 一〇二, 三分の一, 割, 成, 折, eras, 周五."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache

from stages.checks.parts import COUNTER
from stages.checks.tables import table
from stages.checks.units import Measure
from stages.checks.value import (
    ARABIC,
    DIGIT,
    IDENTIFIER,
    ISO_DATE,
    LAST_HOUR,
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
    year,
)

_TABLE = table("numbers_cjk")
DIGITS, SMALL, LARGE = (_TABLE[name] for name in ("digits", "small", "large"))
ERAS, WEAK = _TABLE["eras"], _TABLE["weak"]
# 百, 千 and 兆 that begin a unit are no number: 945百帕, 2.35千克, 300兆瓦.
KANJI = r"(?:[〇零一二三四五六七八九十万萬亿億两兩廿卅壱弐]|百(?!帕)|千(?![克米瓦卡赫伏帕焦吨升])|兆(?![瓦赫字帕欧]))"
# Atomic: the whole run is one number, or none; 11三振 is 11 of something.
UNIT = r"(?:[十万萬亿億]|百(?!帕)|千(?![克米瓦卡赫伏帕焦吨升])|兆(?![瓦赫字帕欧]))"
# 240多亿, 二十余万: a number with its "some" inside.
NUMBER = rf"(?>(?:{ARABIC}{UNIT}*)+(?:[多余餘]{UNIT}+)?|{KANJI}+(?:{ARABIC}{UNIT}*)*(?:[多余餘]{UNIT}+)?)"
# Names and idioms that look like a number and its counter.
NOT_NUMBERS = re.compile("|".join(_TABLE["not_numbers"]))


SOME = re.compile("[多余餘]")
_PART = re.compile(rf"{ARABIC}|.")


@lru_cache(maxsize=1 << 12)
def number(text: str) -> Fraction:
    """The value of 1.2万, 三億5000万, 二十一, 一九九八, 百二十; `text` matches NUMBER."""
    total: Fraction | int = 0
    section: Fraction | int = 0
    current: Fraction | int = 0
    seen, largest = False, 0
    for part in _PART.findall(SOME.sub("", text)):
        if part[0] in "0123456789":
            current, seen = digits(part), True
        elif part in DIGITS:
            current, seen = current * 10 + DIGITS[part], True
        else:
            if part in "廿卅":
                section += 20 if part == "廿" else 30
            elif part in SMALL:
                section += (current if seen else 1) * SMALL[part]
            elif LARGE[part] > largest:  # 5万3529亿: so many 亿
                total, largest, section = (total + section + current or 1) * LARGE[part], LARGE[part], 0
            elif section + current:
                total, section = total + (section + current) * LARGE[part], 0
            else:
                total *= LARGE[part]
            current, seen = 0, False
    return Fraction(total + section + current)


def decimal(text: str) -> Fraction:
    """Like `number`, and 三点五 or 三・五."""
    whole, _, part = re.sub("[点・]", "点", text).partition("点")
    if not part:
        return number(whole)
    return number(whole) + Fraction(int("".join(str(DIGITS[digit]) for digit in part)), 10 ** len(part))


HUNDREDS = re.compile("[百千万萬亿億]")
ELIDED = re.compile("[百千万萬亿億](?=[一二三四五六七八九1-9]$)")


def elided(text: str) -> list[Fraction]:
    """What 一千二 means beside 1002: 1,200; in Chinese, a last digit is of the place below unless 零 says otherwise."""
    unit = ELIDED.search(text)
    if unit is None:
        return []
    last = DIGITS.get(text[-1]) or int(text[-1])
    return [number(text[:-1]) + Fraction(last * (SMALL.get(unit[0]) or LARGE[unit[0]]), 10)]


def is_arabic(text: str) -> bool:
    """Whether a number is written, at least in part, with the digits 0-9."""
    return re.search("[0-9]", text) is not None


def era(match: re.Match[str]) -> Iterator[Value]:
    first = 1 if match[2] == "元" else int(number(match[2]))
    if match[3]:
        yield vague(ERAS[match[1]] + first, ERAS[match[1]] + first + 9, strong=True)
    else:
        yield exact(ERAS[match[1]] + first, date=True)


def century_decade(match: re.Match[str]) -> Iterator[Value]:
    yield exact(int((number(match[1]) - 1) * 100 + number(match[2])), date=True)


def next_place(match: re.Match[str]) -> Iterator[Value]:
    """五块八 is 5.8 yuan, 一米八五 1.85 metres: what follows the unit is of the next lower place."""
    after = "".join(str(DIGITS.get(digit, digit)) for digit in match[3] or match[5])
    amount = number(match[1]) + Fraction(int(after), 10 ** len(after))
    yield quantity(Measure("length", amount)) if match[4] else exact(amount)


def years_and_months(match: re.Match[str]) -> Iterator[Value]:
    """1歳4か月 is 16 months."""
    years, months = number(match[1]), number(match[2])
    yield exact(years, strong=False)
    yield exact(months, 12 * years + months)


def seconds(match: re.Match[str]) -> Iterator[Value]:
    """9秒84 is 9.84 seconds."""
    yield exact(Fraction(f"{match[1]}.{match[2]}"))


def spent(match: re.Match[str]) -> Iterator[Value]:
    """2時間24分51秒, 2分8秒43."""
    yield duration(number(match[1] or "0"), number(match[2]), number(match[3] or "0"), match[4])


def second_half(match: re.Match[str]) -> Iterator[Value]:
    """後半40分 is the 85th minute."""
    yield exact(int(match[2]), 45 + int(match[2]))


def lengths(match: re.Match[str]) -> Iterator[Value]:
    """3フィート6インチ, 1米85."""
    whole, part = int(match[1]), int(match[3])
    if match[2] in ("フィート", "英尺"):
        yield quantity(Measure("length", (whole * 12 + part) * Fraction("0.0254"), other=True))
    else:
        yield quantity(Measure("length", whole + Fraction(part, 100)))


def part(match: re.Match[str]) -> Iterator[Value]:
    """3/4, or the 4th of March."""
    above, below = int(match[1]), int(match[2])
    yield exact(Fraction(above, below), above)
    yield exact(Fraction(above, below), below)


def fraction(match: re.Match[str]) -> Iterable[Value] | None:
    below, above = number(match[1]), decimal(match[2])
    if not below:
        return None
    if below == 100:
        return [percent(above)]
    return [exact(above / below, above * 100 / below)]


def discount(match: re.Match[str]) -> Iterator[Value]:
    """打八折 is 80 % of the price, 20 % off."""
    rate = decimal(match[1])
    share = rate * 10 if rate < 10 else rate
    yield percent(share, 100 - share)


def tenths(match: re.Match[str]) -> Iterator[Value]:
    """3割5分 is 35 %; 2割引 is 20 % off, 80 % of the price."""
    share = decimal(match[1]) * 10 + (number(match[2]) if match[2] else 0)
    yield percent(share, 100 - share) if match[3] else percent(share)


def and_a_half(match: re.Match[str]) -> Iterator[Value]:
    """2時間半, 两个半小时; 3時半 is 3:30 too, 1年半 18 months."""
    count, unit = number(match[1]), match[2]
    keys = [count + Fraction(1, 2)]
    if unit == "年" and count >= 1000:  # 2026年半期
        yield year(count)
        return
    if unit == "年":
        keys.append(count * 12 + 6)
    if unit in ("時", "时", "点", "點"):
        yield hour(count, afternoon=True)
        yield exact(30, strong=False)
        yield exact(*keys, strong=False)
    else:
        yield exact(count, strong=False)
        yield exact(*keys)


def clock(match: re.Match[str]) -> Iterable[Value] | None:
    value = number(match[2])
    if value > LAST_HOUR or (match[3] in "点點" and not match[1]):
        return None
    return [hour(value, match[1] in ("午後", "下午", "晚上", "傍晚", "夜", "夕方", "中午"))]


def in_year(match: re.Match[str]) -> Iterable[Value] | None:
    value = number(match[1])
    if match[2] == "年代":
        return [exact(value, value + 1900, date=True)] if value < 100 else [exact(value, date=True)]
    if match[2] != "年" or (value < 1000 and not is_arabic(match[1])):
        return None
    return [year(value)]


def in_month(match: re.Match[str]) -> Iterable[Value] | None:
    value = number(match[1])
    return [month(value)] if 1 <= value <= 12 else None


def on_day(match: re.Match[str]) -> Iterable[Value] | None:
    value = number(match[1])
    return [exact(value, date=True)] if 1 <= value <= 31 else None


def unknown(match: re.Match[str]) -> Iterator[Value]:
    """数十, 几百, 十数, 十几, 20数: between bounds; 数 before a counter says nothing."""
    text = match[0]
    if text[0] in "数几幾上成好":
        unit = number(re.sub(r"^[数几幾上成好]+", "", text))
        yield vague(int(unit), int(unit) * 10)
    else:
        base = int(number(text[:-1]))
        yield vague(base, base + 9, strong=True)


def neighbours(match: re.Match[str]) -> Iterable[Value] | None:
    """三四人, 两三天: three or four; for another text's "three to four" it answers twice."""
    low, high = DIGITS[match[1]], DIGITS[match[2]]
    unit = SMALL.get(match[3] or "", 1)
    return [vague(low * unit, high * unit, strong=True), vague(low * unit, high * unit)] if high == low + 1 else None


def mid_decade(match: re.Match[str]) -> Iterator[Value]:
    """80代半ば: in one's mid-eighties, some 85."""
    value = int(number(match[1]))
    yield exact(value, strong=True)._replace(low=value + 3, high=value + 7)


def times_more(match: re.Match[str]) -> Iterator[Value]:
    """增加了两倍: two times more, three times as much."""
    count = decimal(match[1])
    yield exact(count, count + 1)


def quarters(match: re.Match[str]) -> Iterator[Value]:
    """一刻钟: a quarter of an hour, 15 minutes."""
    count = number(match[1])
    yield exact(count, 15 * count, count / 4)


def dozen(match: re.Match[str]) -> Iterator[Value]:
    yield exact(number(match[1]) * 12, number(match[1]))


def ordinal(match: re.Match[str]) -> Iterator[Value]:
    yield exact(decimal(match[1]))


def ranged(match: re.Match[str]) -> Iterator[Value]:
    """3〜5万: 30,000, or 3."""
    yield exact(number(match[1]), number(match[1] + match[2]))


def and_some(match: re.Match[str]) -> Iterator[Value]:
    """六百余件, 三十多亩: so many, as another text says with words of its own; 十来个 may be a dozen."""
    least = number(match[1])
    yield exact(least)._replace(low=10, high=12) if least == 10 else exact(least)


def counted(match: re.Match[str]) -> Iterator[Value]:
    """A number before its counter; bare units (百年, 千人) are as often "many" as a number."""
    yield exact(decimal(match[1]), *elided(match[1]), strong=match[1] not in ("百", "千", "万", "億", "亿", "兆"))


def uncounted(match: re.Match[str]) -> Iterator[Value]:
    """A number without a counter: kanji count only as three positional digits (一〇二), or as one of hundreds and more that is
    spelled out (一千二, 六百八十万): no name or idiom is as long."""
    text = match[1]
    figures = sum(character in DIGITS for character in text)
    whole = figures == len(text) > 2 or (figures > 1 and HUNDREDS.search(text) is not None)
    yield exact(number(text), *elided(text), strong=is_arabic(text) or whole)


DAYS_JA, DAYS_ZH = "月火水木金土日", "一二三四五六"
N, N_DECIMAL = rf"({NUMBER})", rf"({NUMBER}(?:[点・][〇零一二三四五六七八九]+)?)"
# One of these is in everything that `NOT_NUMBERS`, or a number, is.
MAY_BE_NUMBERS = "|".join("一二三四五六七八九十百千万廿双两")
NUMERAL = "|".join((DIGIT, *DIGITS, *SMALL, *LARGE, "廿", "卅"))
RULES = rules(
    (re.compile(pattern), reader, needs)
    for pattern, reader, needs in (
        (rf"({'|'.join(ERAS)})(元|{NUMBER})年(代)?", era, "年"),
        (ISO_DATE.pattern, iso_date, DIGIT),
        (NOT_NUMBERS.pattern, lambda match: (), MAY_BE_NUMBERS),
        (STOPWATCH, stopwatch, ":"),
        (IDENTIFIER, identifier, DIGIT),
        (rf"{N}(?:時間|小时|个小时){N}分(?:钟|間)?(?:{N}秒([0-9]{{1,3}})?)?", spent, "時間|小时"),
        (rf"()(?<![時时点]){N}分(?:钟)?{N}秒([0-9]{{1,3}})?", spent, "秒"),
        (r"(後半|下半场)第?([0-9]+)分", second_half, "後半|下半场"),
        (r"([0-9]+)(フィート|英尺)([0-9]+)(?:インチ|英寸)?", lengths, "フィート|英尺"),
        (r"([0-9])(米|メートル|m)([0-9]{2})(?![0-9.,])", lengths, DIGIT),
        (
            rf"(?<!{KANJI})(?<![0-9.,])([0-9]+|[一二两三四五六七八九十百]+)(?:(块)([一二三四五六七八九1-9])[毛角]?|(米)([一二三四五六七八九]{{1,2}}))(?=[^一-鿿0-9]|[钱的高左多长宽]|$)",
            next_place,
            "块|米",
        ),
        (r"([0-9]+)(?:と|又|\s)([0-9]+)[/⁄]([0-9]+)", mixed, "/|⁄"),
        (r"(?<![0-9/])([1-9])[/⁄]([2-9]|10)(?![0-9/])", part, "/|⁄"),
        (r"([0-9]+)秒([0-9]{1,3})(?![0-9.])", seconds, "秒"),
        (rf"{N}[歳岁年]{N}(?:か月|ヶ月|カ月|ヵ月|个月)", years_and_months, "月"),
        (rf"{N}世[紀纪]{N}年代", century_decade, "世"),
        (rf"{N}分(?:の|之){N_DECIMAL}", fraction, "分"),
        (
            rf"{N_DECIMAL}(?:%|パーセント|プロ|个百分点)",
            lambda match: [percent(decimal(match[1]))],
            "%|パーセント|プロ|个百分点",
        ),
        (rf"{N_DECIMAL}割(?:{N}分)?(引|安|減|オフ)?", tenths, "割"),
        (rf"{N_DECIMAL}折(?![叠断磨腾])", discount, "折"),
        (
            rf"{N_DECIMAL}成(半|[一二三四五六七八九](?!{KANJI}|{COUNTER}))?(?![为為功立员員本长長果品就都绩績人分熟])",
            lambda match: [percent(decimal(match[1]) * 10 + (5 if match[2] == "半" else DIGITS.get(match[2], 0)))],
            "成",
        ),
        (
            rf"{N}(個|时|時|時間|年|か月|ヶ月|カ月|日|週間|倍|点|天|个|岁|歳|つ)半(?![ば島岛導导額额数數])",
            and_a_half,
            "半",
        ),
        (
            rf"(午前|午後|上午|下午|晚上|傍晚|中午|凌晨|早上|清晨|夜|朝|夕方)?の?{N}([時时点點])(?![間间代期])",
            clock,
            "時|时|点|點",
        ),
        (rf"{N}(年代|年)(?!间|間|前|後|后|来|ぶり|目|生|級|级|度)", in_year, "年"),
        (rf"{N}月(?![間间球面光夜亮饼餅])", in_month, "月"),
        (rf"([{DAYS_JA}])曜", lambda match: [weekday(DAYS_JA.index(match[1]) + 1)], "曜"),
        (rf"\(([{DAYS_JA}])(?:・?祝)?\)", lambda match: [weekday(DAYS_JA.index(match[1]) + 1)], "("),
        (
            rf"(?<!{KANJI})(?<![\d几])(?:周|週|星期|礼拜|禮拜)([{DAYS_ZH}日天])(?![年岁歲次回个個场节班趟期]|天)",
            lambda match: [weekday(DAYS_ZH.find(match[1]) + 1 or 7)],
            "周|週|星期|礼拜|禮拜",
        ),
        (rf"{N}(?:日(?![間间元圆円币本系語语])|号(?![机車车室]))", on_day, "日|号"),
        (r"(?:[数几幾]|上(?=[千万百])|成(?=[千百万])|好几)[十百千万億亿]+", unknown, "数|几|幾|上|成"),
        (rf"{NUMBER}[数几幾](?=\D)", unknown, "数|几|幾"),
        (r"[数几幾]", lambda match: (), "数|几|幾"),
        (
            rf"([一二两三四五六七八])([二两三四五六七八九])(十|百|千)?(?={COUNTER})",
            neighbours,
            "一|二|两|三|四|五|六|七|八",
        ),
        (rf"(?:[增加多高涨漲长長])[了出]?{N_DECIMAL}倍", times_more, "倍"),
        (rf"{N}代の?半ば", mid_decade, "代"),
        (rf"{N}刻[钟鐘]", quarters, "刻"),
        (rf"{N}(?:ダース|打)", dozen, "ダース|打"),
        (rf"第{N_DECIMAL}", ordinal, "第"),
        # 夏秋两季, 双方两国: "both" of what was just named.
        (r"(?<![第十百千])[两兩](?=[季国國者地方边侧端支队隊党])", lambda match: [exact(2, strong=False)], "两|兩"),
        (rf"{N}[多余餘来來](?=[个個]?{COUNTER})", and_some, "多|余|餘|来|來"),
        (rf"({ARABIC})(?=(?:[-–—~～〜、至到]|から){ARABIC}({UNIT}+))", ranged, DIGIT),
        (rf"{N_DECIMAL}(?={COUNTER})", counted, NUMERAL),
        (N, uncounted, NUMERAL),
        ("半", lambda match: [percent(Fraction(50), strong=False)], "半"),
        ("|".join(WEAK), lambda match: [exact(WEAK[match[0]], strong=False)], "|".join(WEAK)),
    )
)


def read(text: str, lang: str) -> list[Value]:
    """The values of a Japanese or Chinese text."""
    return scan(plain(text), RULES, lang)
