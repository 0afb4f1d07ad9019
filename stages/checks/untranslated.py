"""What is left of the source language in a translation, beyond the paper's rule (`untranslated` in stages/translation/filter.py).

Characters are told apart by script property and by what they should have become, not by Unicode block or GB2312 alone:
镕 and 堃 are simplified Chinese that GB2312 lacks, 浜 and 芸 are in GB2312 and yet Japanese where the source has them.
The tables are OpenCC's (Apache-2.0): JPVariants (a Japanese shape for a traditional one) and TSCharacters (a traditional
shape for a simplified one).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import regex

from stages.checks.english import COMMON, commonness
from stages.records.record import Record

KANA = regex.compile(r"[\p{Script=Hiragana}\p{Script=Katakana}]")
HAN = regex.compile(r"\p{Script=Han}")
RUN = regex.compile(r"\p{Script=Han}{2,}")
# Script=Han holds these too; they are marks and numerals that stand in good text of any language.
NOT_LETTERS = frozenset("々〇〻")
# Made in Japan or simplified only there, and in no table of OpenCC: Chinese writes another word. Others that GB2312 lacks
# (榊 栃 埼 笹 榎 樋 畠 凪 咲) stand in names, which Chinese keeps: a warning.
JAPANESE_ONLY = frozenset(
    "値艶鞄姉娯氷搾罫廻駈頚諌讐靭嚢呑兎騨凧筈楯潅梱働込枠匂躾噛掴躊噂噺扱鯵鰯欝鴬菓砿碁粁糎姫冴讃賎疎窓鎗揃駄捗壷妬涜薙韮撚覗蝿鋲冨雰塀倣砲頬侭粍籾匁瞭燐隣隷篭椀"
)
# Japanese words of characters that are all simplified Chinese too, written alike in both. None is good Chinese, and each
# counts only where the source has it: so 提携 or 主将, which Chinese has, are not here, nor 得点, which 获得点球 holds.
SHARED_LIST = """
    会社 株式 自社株 社内 入社 退社 若手 求人 面接 常勤 定期便 助成 主催   # companies and work
    料金 使用料 送料 割引 割安 割高 割合 取引 小切手 手数料 部品 口座 残高 敷金 礼金 利上 利下   # money and trade
    相手 若者 子供 息子 彼女 彼氏 旦那 玄人 泥棒 容疑者 人柄 生徒 保育士 村人   # people
    市役所 区役所 裁判所 最高裁 地裁 交番 大学院 空港 踏切 坂道 路地 近所 地元 港町   # places
    来月 先月 先日 夕方 大晦日 一昨日 一昨年 夕食 朝食 昼食 定休日 祝日 真夏 真冬 真夜中   # times
    部屋 台所 古民家 家屋 荷物 手袋 切手 切符 果物 玉葱 名前 名刺 名札 包丁 水筒 如雨露 花屋 本屋   # things of a house
    上着 下着 靴下 着物 品物 安物 本物 小物 生地 付属 矢印 足首 指先   # clothes, goods and their parts
    品切 品薄 欠品 入荷 受付 受取 取扱 取付 仕上 目安 目立 出方 色合 肌触 途切 具合 都合 支度 仕方   # buying and using
    苦手 本当 面白 残念 心配 大切 地味 派手 我慢 自慢 怪我   # what a review feels
    仕事 返事 打合 引上 映画 撮影 温暖化 野球 卓球 水泳 火事 津波   # what news tells
"""
SHARED_WORDS = tuple(word for line in SHARED_LIST.splitlines() for word in line.partition("#")[0].split())
# Nouns of one character that Chinese does not use alone (声音, 味道, 颜色, 花纹, 狗, 女儿, 嗓子, 包, 谎话, 桌子, 衣服):
# left as they are when the whole span is one, in the source and in the translation.
LONE = frozenset("音味色柄犬娘喉鞄嘘机服嫁腕")
KNOWN = 100  # an English word, to SpellChecker's counts; rarer ones are commands, nicknames, species
LATIN_WORD = regex.compile(r"(?<![\p{Latin}\p{N}@./_`<-])\p{Latin}[\p{Latin}'’]*(?![\p{Latin}\p{N}@/_`>-])")
# Lowercase Latin that Chinese and Japanese text keeps: units, particles of names, loans, parts of addresses.
KEPT_LATIN_LIST = """
    mm cm km mg kg ml kcal kwh khz mhz ghz kb mb gb mph dpi rpm ppm hpa
    de del der den van von la le las los al el bin ibn da di du dos
    append concat list string array root sudo admin shell bash kernel bug log api sdk commit push merge docker email spam beta
    app apps vs www http https com org net wifi iphone ipad ios macos email web blog vlog ok id
"""
KEPT_LATIN = frozenset(KEPT_LATIN_LIST.split())


def table(name: str) -> Iterator[tuple[str, list[str]]]:
    """The lines of one of OpenCC's tables: a character or word, and what it may become."""
    text = (files("opencc") / "dictionary" / name).read_text(encoding="utf-8")
    for line in text.splitlines():
        left, _, right = line.partition("\t")
        yield left, right.split()


@cache
def simplified() -> dict[str, str]:
    """The simplified shape of every Japanese or traditional one that has another."""
    traditional = {left: right[0] for left, right in table("TSCharacters.txt")}
    japanese = {shape: left for left, shapes in table("JPVariants.txt") for shape in shapes}
    folded = {shape: traditional.get(left, left) for shape, left in japanese.items()} | traditional
    return {shape: other for shape, other in folded.items() if shape != other}


@cache
def in_charset(character: str, charset: str) -> bool:
    try:
        character.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def chinese_shape(character: str) -> str:
    """ "good" for simplified Chinese; "japanese" for a Japanese or traditional shape; "shared" for one that is both (浜);
    "rare" for what no table knows and GB2312 lacks: a name's 镕, or a Japanese character that Chinese keeps in names, as
    it does 樫, whose simplified shape (㭴) nobody uses."""
    if character in NOT_LETTERS:
        return "good"
    shape = simplified().get(character)
    if in_charset(character, "gb2312"):
        return "shared" if shape else "good"
    changes = shape is not None and in_charset(shape, "gb2312")
    return "japanese" if changes or character in JAPANESE_ONLY else "rare"


def span_texts(record: Record) -> set[str]:
    return {span["text"] for item in record["extractions"] for span in item["spans"]}


def parts(record: Record) -> list[str]:
    """The text and the spans that are not in it."""
    return [record["text"], *sorted(span for span in span_texts(record) if span not in record["text"])]


def copied_shared(text: str, source: str) -> bool:
    """Whether a pair of characters is copied from the source of which one is Japanese there and should have changed: 白浜."""
    for run in RUN.findall(text):
        for pair in (run[start : start + 2] for start in range(len(run) - 1)):
            if any(chinese_shape(character) == "shared" for character in pair) and pair in source:
                return True
    return False


def stands_free(word: str, record: Record) -> bool:
    """Whether a record has a word elsewhere than inside a longer span: the firm 大鹰映画 keeps its name in Chinese."""
    spans = sorted((span for span in span_texts(record) if word in span and span != word), key=len, reverse=True)
    texts = [part for part in parts(record) if part not in spans]
    for span in spans:
        texts = [text.replace(span, "\n") for text in texts]
    return any(word in text for text in texts)


def in_chinese(source: Record, target: Record) -> Iterator[str]:
    """Japanese in a Chinese text."""
    texts = parts(target)
    shapes = {chinese_shape(character) for text in texts for character in HAN.findall(text)}
    if any(KANA.search(text) for text in texts):
        yield "kana_left"
    if "japanese" in shapes:
        yield "japanese_shape"
    if source["lang"] == "ja":
        if "shared" in shapes and any(copied_shared(text, source["text"]) for text in texts):
            yield "copied_shape"
        kept = LONE.intersection(span_texts(source), span_texts(target))
        if kept or any(word in source["text"] and stands_free(word, target) for word in SHARED_WORDS):
            yield "shared_word"


def english_left(text: str, source: Record) -> bool:
    """Whether a lowercase Latin word stands in a Chinese or Japanese text: brought in where a Japanese source has none, or
    an English word copied from an English source.

    Names have capitals, units are known; commands, nicknames and species, which no list of English words has, may stay. A
    rarer English word counts in a phrase or where the source has it in a span, since a command may be called by one.
    """
    there = {match[0] for match in LATIN_WORD.finditer(source["text"])}
    found = {match[0] for match in LATIN_WORD.finditer(text) if match[0].islower() and len(match[0]) > 2} - KEPT_LATIN
    if source["lang"] != "en":
        return bool(found - there)
    phrases = regex.findall(r"[a-z'’]{2,}(?: [a-z'’]{2,})+", text)
    spans = {part for span in span_texts(source) for part in span.split()}
    return any(
        commonness(word) >= (KNOWN if word in spans or any(word in phrase for phrase in phrases) else COMMON)
        for word in found & there
    )


@cache
def simplified_shapes() -> frozenset[str]:
    return frozenset(simplified().values())


@cache
def simplified_only(character: str) -> bool:
    """Whether a character is a simplified shape that Japanese does not have: it is the simplified one of another, and in
    no Japanese set."""
    return not in_charset(character, "euc_jis_2004") and character in simplified_shapes()


def residue(source: Record, target: Record) -> Iterator[str]:
    """Codes of what is left of the source language in the text or a span.

    en: japanese_left (kana or Han). zh: kana_left; japanese_shape (発, 図, 國: a shape that is no simplified Chinese);
    copied_shape (浜 in 白浜, copied from the source); shared_word (会社, where the source has it). ja: chinese_shape (经,
    which no Japanese text has). zh and ja: english_left.
    """
    texts = parts(target)
    if target["lang"] == "en":
        if any(KANA.search(text) or HAN.search(text) for text in texts):
            yield "japanese_left"
        return
    if target["lang"] == "zh":
        yield from in_chinese(source, target)
    elif any(simplified_only(character) for text in texts for character in HAN.findall(text)):
        yield "chinese_shape"
    if any(english_left(text, source) for text in texts):
        yield "english_left"
