"""Chinese and Korean names between Latin letters and Han: 周伟民 is Zhou Weimin by pinyin; 裵秀珍 is Bae Su-jin by a reading
that no package at hand has, so that a Korean name is known by its surname, and the rest of it is not judged."""

from __future__ import annotations

from functools import lru_cache

import regex
from pypinyin import lazy_pinyin

from stages.text.readings import HAN, fold_han, letters

# Surnames of Korea, simplified, and how English writes them.
KOREAN = {
    "金": "kim gim", "李": "lee yi rhee ri li", "朴": "park pak bak", "崔": "choi choe", "郑": "jung jeong chung chong", "姜": "kang gang",
    "赵": "cho jo", "尹": "yoon yun", "张": "jang chang", "林": "lim im rim", "韩": "han", "申": "shin sin", "吴": "oh o", "徐": "seo suh so",
    "权": "kwon gwon", "黄": "hwang", "安": "ahn an", "宋": "song", "柳": "ryu yoo yu", "刘": "yoo yu ryu", "俞": "yoo yu", "洪": "hong",
    "全": "jeon chun", "高": "ko go koh", "文": "moon mun", "梁": "yang ryang", "孙": "son sohn", "裴": "bae pae", "白": "baek paek",
    "许": "heo hur huh", "南": "nam", "沈": "shim sim", "卢": "noh roh no ro", "河": "ha", "郭": "kwak gwak", "成": "sung seong", "车": "cha",
    "朱": "joo ju chu", "禹": "woo u", "具": "koo gu ku", "任": "im lim yim", "田": "jeon", "闵": "min", "陈": "jin chin", "池": "ji chi",
    "严": "eom um", "元": "won", "千": "cheon chun", "方": "bang pang", "孔": "kong gong", "玄": "hyun hyeon", "咸": "ham", "卞": "byun byeon",
    "廉": "yeom yum", "吕": "yeo yuh", "秋": "choo chu", "都": "do", "石": "seok suk", "苏": "so", "薛": "seol sul", "宣": "sun seon",
    "周": "joo ju", "吉": "gil kil", "延": "yeon", "魏": "wi", "表": "pyo", "明": "myung myeong", "奇": "ki gi", "潘": "ban pan", "王": "wang",
    "玉": "ok", "陆": "yuk", "孟": "maeng", "卓": "tak", "鞠": "guk kook", "殷": "eun", "片": "pyeon", "龙": "yong", "芮": "ye", "罗": "na ra",
    "曹": "cho jo", "丁": "jung jeong chung", "马": "ma", "皇甫": "hwangbo", "南宫": "namgung namkoong", "鲜于": "sunwoo",
}  # fmt: skip
_SURNAMES = frozenset(latin for spellings in KOREAN.values() for latin in spellings.split())
_VIETNAMESE = frozenset(
    [
        "nguyen",
        "tran",
        "pham",
        "hoang",
        "huynh",
        "phan",
        "vo",
        "dang",
        "bui",
        "ngo",
        "duong",
        "trinh",
        "dinh",
        "truong",
        "luong",
    ]
)
_HAN_RUN = regex.compile(rf"[{HAN}]+")
_FEW_HAN = regex.compile(rf"[{HAN}]{{2,4}}")
_KOREAN_NAME = regex.compile(r"\b(\p{Lu}\p{L}+) (\p{Lu}\p{L}+)-(\p{L}+)\b|\b(\p{Lu}\p{L}+)-(\p{L}+) (\p{Lu}\p{L}+)\b")
_KOREA = regex.compile(
    r"Korea|Seoul|Busan|Gwangju|Daegu|Incheon|Daejeon|Ulsan|Jeju|Suwon|\d (?:million |billion |trillion )?won\b"
    r"|韓|朝鮮|ソウル|釜山|大邱|仁川|光州|大田|ウォン"
)
_HAN_READERS = regex.compile(
    r"Chin[ae]|Beijing|Shanghai|Taiwan|Taipei|Hong Kong|Macau|Vietnam|Hanoi|Tibet|Mongolia|Singapore|Malaysia"
    r"|Qing|Tang|Song|Ming|Hangzhou|Suzhou|Guangzhou"
    r"|清末|清朝|清代|唐代|宋代|明代|元代|漢詩|漢学|杭州|蘇州|広州|中国|北京|上海|台湾|台北|香港|マカオ|ベトナム|チベット|モンゴル|シンガポール|マレーシア"
)


@lru_cache(maxsize=1 << 12)
def speaks_of_korea(text: str) -> bool:
    """Does an English or Japanese text speak of Korea, so that a name in Han may be read as nothing here reads it?"""
    return _KOREA.search(text) is not None


@lru_cache(maxsize=1 << 12)
def may_be_read_otherwise(text: str) -> bool:
    """Does a text speak of a country that reads Han otherwise than Japan?"""
    return speaks_of_korea(text) or _HAN_READERS.search(text) is not None


@lru_cache(maxsize=1 << 14)
def _syllables(run: str) -> tuple[str, ...]:
    return tuple(lazy_pinyin(fold_han(run)))


@lru_cache(maxsize=1 << 13)
def _spelt(text: str) -> frozenset[str]:
    """The pinyin of every stretch of one to four characters of the Han of a text."""
    runs = map(_syllables, _HAN_RUN.findall(text))
    return frozenset(
        "".join(run[start:end]) for run in runs for start in range(len(run)) for end in range(start + 1, start + 5)
    )


def by_pinyin(word: str, text: str) -> bool:
    """Is there Han in the text whose pinyin is the Latin word?"""
    plain = letters(word)
    return len(plain) > 1 and plain in _spelt(text)


@lru_cache(maxsize=1 << 12)
def is_pinyin(name: str) -> bool:
    """Is every word of a Latin name a run of one to three pinyin syllables?"""
    words = [letters(word) for word in name.split()]
    return all(any(_cuts(word, size) for size in (1, 2, 3)) for word in words) if words else False


@lru_cache(maxsize=1 << 14)
def _cuts(word: str, size: int) -> bool:
    if size == 1:
        return word in _all_syllables()
    return any(word[:n] in _all_syllables() and _cuts(word[n:], size - 1) for n in range(1, len(word)))


@lru_cache(maxsize=1)
def _all_syllables() -> frozenset[str]:
    common = "".join(chr(code) for code in range(0x4E00, 0x9FA6))
    return frozenset(lazy_pinyin(list(common), errors="ignore"))


def korean_surname(name: str) -> str | None:
    """The surname, in plain letters, of a Korean name in Latin letters (Bae Su-jin, Su-jin Bae); None if it is no such name."""
    match = _KOREAN_NAME.search(name)
    if match is None:
        return None
    surname = letters(match[1] or match[6])
    return surname if surname in _SURNAMES else None


def is_vietnamese(name: str) -> bool:
    """Does a name in Latin letters begin or end with one of the commonest surnames of Vietnam, whose Han is read otherwise?"""
    words = [letters(word) for word in name.split()]
    return len(words) > 1 and (words[0] in _VIETNAMESE or words[-1] in _VIETNAMESE)


def is_korean_in_han(name: str) -> bool:
    """May a name in Han be a Korean's: two to four characters, the first a surname?"""
    folded = fold_han(name)
    return _FEW_HAN.fullmatch(name) is not None and (folded[0] in KOREAN or folded[:2] in KOREAN)
