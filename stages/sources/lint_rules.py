"""The linter's rules: what each finds in one text of the corpus' form, or across the texts of a family.

What is right is decided in data/corpus/GUIDE.md. E: an error. W: perhaps one, to be mended or written down. N: no fault, a count.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import regex

from stages.records.record import occurrences
from stages.sources.places import inside_word, split_number
from stages.text.readings import fold_han

Row = dict[str, Any]
Views = dict[str, dict[str, list[Row]]]  # extractions by language and task
WRITTEN = {"SCNM": ("NER",), "SCPOS": ("RW", "ADJN"), "TCREE": ("RE", "EE"), "TCONER": ("NER",)}
LANGS = ("ja", "en", "zh")
RULES = {
    "span": "E  a span is empty, not in the text, used up, or only inside a longer word or span",
    "view": "E  a view is missing or does not belong to the family",
    "pos": "E  an ADJN item lacks pos ADJ or N",
    "overlap": "E  two spans of a flat view overlap",
    "place-in-word": "E  a place or name is cut out of a longer word (札幌|市立, 日本|語)",
    "place-pair": "E  prefecture and city (city and state) in one span of a place",
    "two-labels": "E  one name with two labels in a text",
    "uncovered": "E  a mention of an annotated name is not annotated (W: numbers, one character, one lower-case word)",
    "edge": "E  a span begins or ends with a blank or punctuation",
    "zh-char": "E  kana, or a traditional or Japanese shape, in the Chinese",
    "residue": "E  Japanese without kana, CJK in the English",
    "duplicate": "E  the same text, id, relation or event twice",
    "place-head": "E  a place is the head of 所在地",
    "leader-affiliation": "E  所属 of a head who has 代表 of the same organization",
    "negation-cut": "E  a Japanese sentiment word without its negation (W: en, zh); a bare noun of ADJN is right",
    "off-list": "W  an open type that the guide's list lacks",
    "two-labels-corpus": "W  one name with different labels in different texts",
    "leader-post": "W  代表 without the 役職 of the head",
    "ended": "W  役職 or 所属 after 元/前/旧",
    "honorific": "W  さん, 氏, Mr. … in a person's span",
    "article": "W  a name begins with a lower-case article (a third, an hour: no names)",
    "zh-rare": "N  a Chinese character outside GB 2312: a rare kind, or one of a Japanese name",
    "latin": "W  a Latin word in the Chinese that neither of the others has",
    "length": "N  far longer or shorter than the target for new texts",
    "stale": "E  an exception that excuses from nothing",
    "polar-adj": "W  a positive or negative adjective of ADJN that is not in RW",
}
NUMERIC = {"date", "time", "quantity", "money", "percentage"}
PLACES = {"SCNM": {"地名"}, "TCONER": {"city", "country", "region", "island", "river", "mountain"}}
_PUNCT = "、。，．！？!?,;；:：「」『』（）()［］[]【】“”\"'‘’《》〈〉…・·"
_AFTER = re.compile(
    r"(?:(?<=[市県区町村都府道])(?:民|立|長|議|内閣|庁|役所)|(?:語|人(?![口は気間が工])|大学|大橋|病院|高校|空港|銀行|新聞|駅(?![前伝の]))|(?<=州)立)"
)
_AFTER_ZH = re.compile(r"(?:语(?!言)|人(?![口民士类工造])|大学|大桥|医院|高中|机场|银行(?!家)|新闻|站(?!在))")
_NEGATED = re.compile(r"(?:は|も|な)?(?:ない|なく|なかっ|ません|ず(?![っと])|じゃな|ではな|ではあり)")


class Finding(NamedTuple):
    """One fault."""

    code: str
    what: str
    level: str  # E, W or N
    word: str = ""  # what it is about, by which data/corpus/exceptions.yaml names it

    def __str__(self) -> str:
        return f"{self.level} {self.code}: {self.what}"


def fault(code: str, what: str, error: bool | None = None, word: str = "") -> Finding:
    """A finding of a rule, of the rule's level unless it says whether it is an error."""
    return Finding(code, what, RULES[code][0] if error is None else "E" if error else "W", word)


def _katakana_cut(text: str, start: int, end: int) -> bool:
    def kata(c: str) -> bool:
        return bool(regex.match(r"[\p{Katakana}ー]", c))

    return (start > 0 and kata(text[start - 1]) and kata(text[start])) or (
        end < len(text) and kata(text[end - 1]) and kata(text[end])
    )


def _in_word(text: str, lang: str, start: int, end: int, place: bool) -> bool:
    """Whether the span stands in a longer word; the suffixes are looked at for places only."""
    if inside_word(text, start, end) or (lang == "ja" and _katakana_cut(text, start, end)):
        return True
    if not place or lang == "en":
        return False
    return bool((_AFTER if lang == "ja" else _AFTER_ZH).match(text, end))


def spans_of(extractions: Sequence[Row]) -> list[tuple[int, int, str, str]]:
    """(start, end, words, label) of every span."""
    return [
        (s["start"], s["start"] + len(s["text"]), s["text"], str(e["label"])) for e in extractions for s in e["spans"]
    ]


def words_of(value: Any, lang: str) -> Iterator[str]:
    """The words of every span in a language."""
    if isinstance(value, dict):
        if isinstance(own := value.get(lang), str):
            yield split_number(own)[0]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from words_of(item, lang)


def check_text(row: Row, family: str) -> Iterator[Finding]:
    """Characters and length of the three texts."""
    texts: dict[str, str] = row["texts"]
    zh = texts["zh"]
    # A Japanese name keeps its characters in Chinese; of reviews no name is annotated.
    names = "" if family == "SCPOS" else "".join(words_of(row["views"], "zh"))
    if found := regex.findall(r"[\p{Hiragana}\p{Katakana}ー]", zh):
        yield fault("zh-char", f"kana in zh: {''.join(found)}")
    for char in dict.fromkeys(regex.findall(r"\p{Han}", zh)):
        if char == "〇" or _encodes(char, "gb2312"):
            continue
        shown, simple = f"{char} (U+{ord(char):04X})", fold_han(char)
        if simple != char and _encodes(simple, "gb2312"):
            yield fault("zh-char", f"{shown} is written {simple}", word=char)
        elif _encodes(char, "shift_jis") and char not in names:
            yield fault("zh-char", f"{shown} is a Japanese character outside a name", word=char)
        else:
            yield fault("zh-rare", shown, word=char)
    if not regex.search(r"\p{Hiragana}|\p{Katakana}", texts["ja"]):
        yield fault("residue", "ja has no kana")
    for char in dict.fromkeys(regex.findall(r"\p{Han}", texts["ja"])):
        if char not in "〇" and not _encodes(char, "euc_jis_2004"):
            yield fault("residue", f"{char} (U+{ord(char):04X}) in ja is not a Japanese character")
    if found := regex.findall(r"[\p{Han}\p{Hiragana}\p{Katakana}]", texts["en"]):
        yield fault("residue", f"CJK in en: {''.join(found)}")
    others = texts["ja"].casefold() + " " + texts["en"].casefold()
    for word in dict.fromkeys(re.findall(r"[A-Za-z]{4,}", zh)):
        if word.casefold() not in others:
            yield fault("latin", f"{word} in zh", word=word)
    size, words = len(texts["ja"]), len(texts["en"].split())
    if not 15 <= size <= 110 or words > 60:
        yield fault("length", f"ja {size} characters, en {words} words")


def _encodes(char: str, codec: str) -> bool:
    try:
        char.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _pair(lang: str, surface: str) -> bool:
    """Whether a place's span holds two places, one in the other."""
    if lang == "en":
        return ", " in surface
    return bool(re.match(r".+[都道府県县].+[市町村区郡]$|.+市.+区$", surface))


def check_edges(text: str, lang: str, view: str) -> Iterator[Finding]:
    """Blanks and punctuation at the ends of a span."""
    pairs = {"「": "」", "『": "』", "（": "）", "(": ")", "“": "”", '"': '"', "《": "》", "[": "]", "'": "'"}
    bare = text
    if text[:1] in pairs and pairs[text[0]] in text[1:]:
        bare = "x" + bare[1:]
    if text[-1:] in pairs.values() and any(o in text[:-1] for o, c in pairs.items() if c == text[-1]):
        bare = bare[:-1] + "x"
    if text != text.strip() or bare[:1] in _PUNCT:
        yield fault("edge", f"{lang} {view} {text!r}")
    elif bare[-1] in _PUNCT:
        yield fault("edge", f"{lang} {view} {text!r}", error=bare[-1] not in "!?！？'’")
    elif bare[-1] == "." and not regex.search(r"(?:^|[\s.])(?:Ltd|Inc|Co|Corp|Jr|Sr|etc|vs|No|St|\p{L})\.$", bare):
        yield fault("edge", f"{lang} {view} {text!r}")


def check_flat(
    row: Row, family: str, view: str, lang: str, extractions: Sequence[Row], origin: Sequence[Row]
) -> Iterator[Finding]:
    """Views of single spans."""
    text = row["texts"][lang]
    spans = sorted(spans_of(extractions))
    for one, other in zip(spans, spans[1:], strict=False):
        if other[0] < one[1]:
            yield fault("overlap", f"{lang} {view} {one[2]!r} and {other[2]!r}")
    if view != "NER":
        return
    labels: dict[str, set[str]] = defaultdict(set)
    places = {str(i.get(lang)).split("@@")[0] for i in origin if i.get("label") in PLACES[family]}
    numbers = {str(i.get(lang)).split("@@")[0] for i in origin if i.get("label") in NUMERIC}
    for start, end, surface, label in spans:
        labels[surface].add(label)
        if surface in places and _pair(lang, surface):
            yield fault("place-pair", f"{lang} {surface!r}")
        if surface not in numbers and _in_word(text, lang, start, end, surface in places):
            yield fault("place-in-word", f"{lang} {surface!r} in {text[max(0, start - 3) : end + 3]!r}")
    for surface, found in labels.items():
        if len(found) > 1:
            yield fault("two-labels", f"{lang} {surface!r}: {', '.join(sorted(found))}", word=surface)
        for start in occurrences(text, surface):
            end = start + len(surface)
            if any(s < end and start < e for s, e, _, _ in spans) or _in_word(
                text, lang, start, end, surface in places
            ):
                continue
            common = lang == "en" and surface.islower() and " " not in surface
            sure = not (surface in numbers or (len(surface) == 1) or common)
            around = text[max(0, start - 4) : end + 4]
            yield fault("uncovered", f"{lang} {surface!r} at {start} in {around!r}", error=sure, word=surface)
    for item in origin:
        surface, label = str(item.get(lang)).split("@@")[0], str(item.get("label"))
        if label in ("人名", "person") and re.search(r"(?:さん|氏|様|先生|女士)$|^(?:Mr|Mrs|Ms|Dr|Prof)\b", surface):
            yield fault("honorific", f"{lang} {surface!r}", word=surface)
        if lang == "en" and label not in NUMERIC and re.match(r"(?:the|a|an) ", surface):
            yield fault("article", f"{surface!r}", word=surface)


def check_reviews(row: Row, built: Views) -> Iterator[Finding]:
    """Negations left outside, adjectives left out of RW."""
    for view in ("RW", "ADJN"):
        for lang in LANGS:
            text = row["texts"][lang]
            nouns = {split_number(str(i.get(lang)))[0] for i in row["views"].get(view, []) if i.get("pos") == "N"}
            for start, end, surface, _ in spans_of(built[lang].get(view, [])):
                if surface in nouns:  # of noun + がない, ADJN has the bare noun
                    continue
                if (
                    lang == "ja"
                    and (found := _NEGATED.match(text, end))
                    and not surface.endswith(("ず", "ない", "ません"))
                ):
                    sure, what = found[0][0] not in "はも", f"ja {view} {surface!r} + {found[0]!r}"
                    yield fault("negation-cut", what, error=sure, word=surface)
                if lang == "zh" and text[max(0, start - 1) : start] in ("不", "没", "未"):
                    what = f"zh {view} {text[start - 1]!r} + {surface!r}"
                    yield fault("negation-cut", what, error=False, word=surface)
                if lang == "en" and re.search(r"(?:\bnot|n[’']t|\bnever) $", text[:start]):
                    what = f"en {view} {text[max(0, start - 8) : end]!r}"
                    yield fault("negation-cut", what, error=False, word=surface)
    inside = {str(i.get("ja")).split("@@")[0] for i in row["views"].get("RW") or []}
    for item in row["views"].get("ADJN") or []:
        if (
            item.get("pos") == "ADJ"
            and item.get("label") != "中立"
            and str(item.get("ja")).split("@@")[0] not in inside
        ):
            yield fault("polar-adj", f"{item.get('ja')!r}", word=str(item.get("ja")))


def check_relations(row: Row, built: Views) -> Iterator[Finding]:
    """Directions, repetitions and companions of relations (on the Japanese, the language of origin)."""
    items = built["ja"].get("RE", [])
    text = row["texts"]["ja"]
    seen: Counter[tuple[str, ...]] = Counter()
    triples = []
    for item in items:
        (head, tail), label = item["spans"], str(item["label"])
        triples.append((label, head["text"], tail["text"]))
        key = (
            tuple(sorted((head["text"], tail["text"]))) if label in ("家族", "提携先") else (head["text"], tail["text"])
        )
        seen[(label, *key)] += 1
        if label in ("役職", "所属") and text[max(0, tail["start"] - 1) : tail["start"]] in ("元", "前", "旧"):
            yield fault("ended", f"{label} {head['text']}→{tail['text']}", word=head["text"])
    for doubled, count in seen.items():
        if count > 1:
            yield fault("duplicate", f"relation {doubled} {count} times")
    where = {t for x, _, t in triples if x in ("所在地", "出身地")}
    for label, head_text, tail_text in triples:
        place = head_text in where or bool(
            re.search(r"[^\s](?:北海道|都|府|県|市|町|村|区|郡|半島|諸島|地方)$", head_text)
        )
        if label == "所在地" and place:
            yield fault("place-head", f"{head_text}→{tail_text}", word=head_text)
        if label == "代表" and ("所属", tail_text, head_text) in triples:
            yield fault("leader-affiliation", f"{tail_text} of {head_text}")
        if label == "代表" and not any(x == "役職" and h == tail_text for x, h, _ in triples):
            yield fault("leader-post", f"{tail_text} of {head_text}", word=tail_text)
    for lang in LANGS:
        for item in built[lang].get("RE", []):
            for n, span in enumerate(item["spans"]):
                start, end = span["start"], span["start"] + len(span["text"])
                place = n == 1 and item["label"] in ("所在地", "出身地", "出生地", "Located In", "Place of Origin")
                if place and _pair(lang, span["text"]):
                    yield fault("place-pair", f"{lang} {span['text']!r}")
                if _in_word(row["texts"][lang], lang, start, end, place):
                    yield fault(
                        "place-in-word",
                        f"{lang} {span['text']!r} in {row['texts'][lang][max(0, start - 3) : end + 3]!r}",
                    )
    events = Counter(tuple((s["role"], s["start"]) for s in e["spans"]) for e in built["ja"].get("EE", []))
    if any(n > 1 for n in events.values()):
        yield fault("duplicate", "event twice")
