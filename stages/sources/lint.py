"""Finds the machine-findable faults of texts in the corpus' form, rule by rule; each rule has a code.

    python -m stages.sources.lint data/corpus

One finding a line, `FILE: ID: E|W code: what`, then counts; exit 1 if there is an error. A text may excuse itself from a
rule that is mistaken about it, with `"lint_ok": ["code"]`. What is right is decided in data/corpus/GUIDE.md.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import regex

from stages.core.errors import UserError
from stages.core.run import run
from stages.records.record import normalise, occurrences
from stages.sources.corpus import Text, texts
from stages.sources.places import inside_word, split_number

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
    "zh-char": "E  kana, or a character of Japanese only, in the Chinese",
    "residue": "E  Japanese without kana, CJK in the English",
    "duplicate": "E  the same text, id, relation or event twice",
    "place-head": "E  a place is the head of 所在地",
    "leader-affiliation": "E  所属 of a head who has 代表 of the same organization",
    "negation-cut": "E  a Japanese sentiment word without its negation (W: en, zh)",
    "off-list": "W  an open type that the guide's list lacks",
    "two-labels-corpus": "W  one name with different labels in different texts",
    "leader-post": "W  代表 without the 役職 of the head",
    "ended": "W  役職 or 所属 after 元/前/旧",
    "honorific": "W  さん, 氏, Mr. … in a person's span",
    "article": "W  a name begins with a lower-case article",
    "zh-rare": "W  a Chinese character outside GB 2312",
    "latin": "W  a Latin word in the Chinese that neither of the others has",
    "length": "W  far longer or shorter than the target",
    "polar-adj": "W  a positive or negative adjective of ADJN that is not in RW",
}
NUMERIC = {"date", "time", "quantity", "money", "percentage"}
PLACES = {"SCNM": {"地名"}, "TCONER": {"city", "country", "region", "island", "river", "mountain"}}
NAME_CHARS = "峠辻榊畠笹畑栃凪匂鰯鱈麿樫雫鴫柊楢潟梶鞆樋堺梠叡埼咲椥杣澪惣俵"
"""Characters that Chinese keeps in Japanese names though GB 2312 lacks them: a warning only."""
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
    error: bool

    def __str__(self) -> str:
        return f"{'E' if self.error else 'W'} {self.code}: {self.what}"


def _fault(code: str, what: str, error: bool | None = None) -> Finding:
    return Finding(code, what, RULES[code][0] == "E" if error is None else error)


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


def _spans(extractions: Sequence[Row]) -> list[tuple[int, int, str, str]]:
    return [
        (s["start"], s["start"] + len(s["text"]), s["text"], str(e["label"])) for e in extractions for s in e["spans"]
    ]


def check_text(row: Row, family: str) -> Iterator[Finding]:
    """Characters and length of the three texts."""
    texts: dict[str, str] = row["texts"]
    zh = texts["zh"]
    if found := regex.findall(r"[\p{Hiragana}\p{Katakana}ー]", zh):
        yield _fault("zh-char", f"kana in zh: {''.join(found)}")
    for char in dict.fromkeys(regex.findall(r"\p{Han}", zh)):
        if char == "〇" or _encodes(char, "gb2312"):
            continue
        if _encodes(char, "shift_jis") and char not in NAME_CHARS:
            yield _fault("zh-char", f"{char} (U+{ord(char):04X}) is not a simplified character")
        else:
            yield _fault("zh-rare", f"{char} (U+{ord(char):04X})")
    if not regex.search(r"\p{Hiragana}|\p{Katakana}", texts["ja"]):
        yield _fault("residue", "ja has no kana")
    for char in dict.fromkeys(regex.findall(r"\p{Han}", texts["ja"])):
        if char not in "〇" and not _encodes(char, "euc_jis_2004"):
            yield _fault("residue", f"{char} (U+{ord(char):04X}) in ja is not a Japanese character")
    if found := regex.findall(r"[\p{Han}\p{Hiragana}\p{Katakana}]", texts["en"]):
        yield _fault("residue", f"CJK in en: {''.join(found)}")
    others = texts["ja"].casefold() + " " + texts["en"].casefold()
    for word in dict.fromkeys(re.findall(r"[A-Za-z]{4,}", zh)):
        if word.casefold() not in others:
            yield _fault("latin", f"{word} in zh")
    size, words = len(texts["ja"]), len(texts["en"].split())
    if not 15 <= size <= 110 or words > 60:
        yield _fault("length", f"ja {size} characters, en {words} words")


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


def _edges(text: str, lang: str, view: str) -> Iterator[Finding]:
    pairs = {"「": "」", "『": "』", "（": "）", "(": ")", "“": "”", '"': '"', "《": "》", "[": "]", "'": "'"}
    bare = text
    if text[:1] in pairs and pairs[text[0]] in text[1:]:
        bare = "x" + bare[1:]
    if text[-1:] in pairs.values() and any(o in text[:-1] for o, c in pairs.items() if c == text[-1]):
        bare = bare[:-1] + "x"
    if text != text.strip() or bare[:1] in _PUNCT:
        yield _fault("edge", f"{lang} {view} {text!r}")
    elif bare[-1] in _PUNCT:
        yield _fault("edge", f"{lang} {view} {text!r}", error=bare[-1] not in "!?！？'’")
    elif bare[-1] == "." and not regex.search(r"(?:^|[\s.])(?:Ltd|Inc|Co|Corp|Jr|Sr|etc|vs|No|St|\p{L})\.$", bare):
        yield _fault("edge", f"{lang} {view} {text!r}")


def check_flat(
    row: Row, family: str, view: str, lang: str, extractions: Sequence[Row], origin: Sequence[Row]
) -> Iterator[Finding]:
    """Views of single spans."""
    text = row["texts"][lang]
    spans = sorted(_spans(extractions))
    for one, other in zip(spans, spans[1:], strict=False):
        if other[0] < one[1]:
            yield _fault("overlap", f"{lang} {view} {one[2]!r} and {other[2]!r}")
    if view != "NER":
        return
    labels: dict[str, set[str]] = defaultdict(set)
    places = {str(i.get(lang)).split("@@")[0] for i in origin if i.get("label") in PLACES[family]}
    numbers = {str(i.get(lang)).split("@@")[0] for i in origin if i.get("label") in NUMERIC}
    for start, end, surface, label in spans:
        labels[surface].add(label)
        if surface in places and _pair(lang, surface):
            yield _fault("place-pair", f"{lang} {surface!r}")
        if surface not in numbers and _in_word(text, lang, start, end, surface in places):
            yield _fault("place-in-word", f"{lang} {surface!r} in {text[max(0, start - 3) : end + 3]!r}")
    for surface, found in labels.items():
        if len(found) > 1:
            yield _fault("two-labels", f"{lang} {surface!r}: {', '.join(sorted(found))}")
        for start in occurrences(text, surface):
            end = start + len(surface)
            if any(s < end and start < e for s, e, _, _ in spans) or _in_word(
                text, lang, start, end, surface in places
            ):
                continue
            common = lang == "en" and surface.islower() and " " not in surface
            sure = not (surface in numbers or (len(surface) == 1) or common)
            yield _fault(
                "uncovered", f"{lang} {surface!r} at {start} in {text[max(0, start - 4) : end + 4]!r}", error=sure
            )
    for item in origin:
        surface, label = str(item.get(lang)).split("@@")[0], str(item.get("label"))
        if label in ("人名", "person") and re.search(r"(?:さん|氏|様|先生|女士)$|^(?:Mr|Mrs|Ms|Dr|Prof)\b", surface):
            yield _fault("honorific", f"{lang} {surface!r}")
        if lang == "en" and re.match(r"(?:the|a|an) ", surface):
            yield _fault("article", f"{surface!r}")


def check_reviews(row: Row, built: Views) -> Iterator[Finding]:
    """Negations left outside, adjectives left out of RW."""
    for view in ("RW", "ADJN"):
        for lang in LANGS:
            text = row["texts"][lang]
            for start, end, surface, _ in _spans(built[lang].get(view, [])):
                if (
                    lang == "ja"
                    and (found := _NEGATED.match(text, end))
                    and not surface.endswith(("ず", "ない", "ません"))
                ):
                    noun = view == "ADJN" and any(
                        i.get("pos") == "N" and i.get("ja") == surface for i in row["views"]["ADJN"]
                    )
                    yield _fault(
                        "negation-cut",
                        f"ja {view} {surface!r} + {found[0]!r}",
                        error=not noun and found[0][0] not in "はも",
                    )
                if lang == "zh" and text[max(0, start - 1) : start] in ("不", "没", "未"):
                    yield _fault("negation-cut", f"zh {view} {text[start - 1]!r} + {surface!r}", error=False)
                if lang == "en" and re.search(r"(?:\bnot|n[’']t|\bnever) $", text[:start]):
                    yield _fault("negation-cut", f"en {view} {text[max(0, start - 8) : end]!r}", error=False)
    inside = {str(i.get("ja")).split("@@")[0] for i in row["views"].get("RW") or []}
    for item in row["views"].get("ADJN") or []:
        if (
            item.get("pos") == "ADJ"
            and item.get("label") != "中立"
            and str(item.get("ja")).split("@@")[0] not in inside
        ):
            yield _fault("polar-adj", f"{item.get('ja')!r}")


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
            yield _fault("ended", f"{label} {head['text']}→{tail['text']}")
    for doubled, count in seen.items():
        if count > 1:
            yield _fault("duplicate", f"relation {doubled} {count} times")
    where = {t for x, _, t in triples if x in ("所在地", "出身地")}
    for label, head_text, tail_text in triples:
        place = head_text in where or bool(
            re.search(r"[^\s](?:北海道|都|府|県|市|町|村|区|郡|半島|諸島|地方)$", head_text)
        )
        if label == "所在地" and place:
            yield _fault("place-head", f"{head_text}→{tail_text}")
        if label == "代表" and ("所属", tail_text, head_text) in triples:
            yield _fault("leader-affiliation", f"{tail_text} of {head_text}")
        if label == "代表" and not any(x == "役職" and h == tail_text for x, h, _ in triples):
            yield _fault("leader-post", f"{tail_text} of {head_text}")
    for lang in LANGS:
        for item in built[lang].get("RE", []):
            for n, span in enumerate(item["spans"]):
                start, end = span["start"], span["start"] + len(span["text"])
                place = n == 1 and item["label"] in ("所在地", "出身地", "出生地", "Located In", "Place of Origin")
                if place and _pair(lang, span["text"]):
                    yield _fault("place-pair", f"{lang} {span['text']!r}")
                if _in_word(row["texts"][lang], lang, start, end, place):
                    yield _fault(
                        "place-in-word",
                        f"{lang} {span['text']!r} in {row['texts'][lang][max(0, start - 3) : end + 3]!r}",
                    )
    events = Counter(tuple((s["role"], s["start"]) for s in e["spans"]) for e in built["ja"].get("EE", []))
    if any(n > 1 for n in events.values()):
        yield _fault("duplicate", "event twice")


def check(text: Text) -> list[Finding]:
    """Every finding about one text, those taken off that it excuses itself from (`lint_ok`)."""
    row, family = text.row, text.family
    found = list(check_text(row, family))
    found += [_fault("view", f"{view} is not annotated") for view in WRITTEN[family] if view not in row["views"]]
    built: Views = {lang: {} for lang in row["texts"]}
    for view, items in row["views"].items():
        for lang in row["texts"]:
            try:
                built[lang][view] = [extraction for _, extraction in text.view(view, items, lang)]
            except UserError as error:
                found.append(_fault("span", f"{lang} {view} {error.fault}"))
                built[lang][view] = []
        for n, item in enumerate(items):
            if view == "ADJN" and item.get("pos") is None:
                found.append(_fault("pos", f"ADJN[{n}] {item.get('ja')!r}"))
            if family == "TCONER" and item["label"] not in text.types:
                found.append(_fault("off-list", f"{item['label']} ({item.get('en')})"))
    for lang in row["texts"]:
        for view, extractions in built[lang].items():
            for _, _, surface, _ in dict.fromkeys(_spans(extractions)):
                found += _edges(surface, lang, view)
            if view not in ("RE", "EE"):
                found += check_flat(row, family, view, lang, extractions, row["views"][view])
    if family == "SCPOS":
        found += check_reviews(row, built)
    if family == "TCREE":
        found += check_relations(row, built)
    excused = set(row.get("lint_ok") or [])
    return [finding for finding in dict.fromkeys(found) if finding.code not in excused]


def check_family(texts: Sequence[Text]) -> Iterator[tuple[str, Finding]]:
    """Findings across texts: the same id or text twice, names with different labels."""
    seen: dict[tuple[str, str], str] = {}
    labels: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for text in texts:
        keys = [("id", str(text.row["id"])), *((lang, normalise(words)) for lang, words in text.row["texts"].items())]
        for key in keys:
            if key in seen:
                yield text.place, _fault("duplicate", f"{key[0]} as in {seen[key]}")
            seen.setdefault(key, text.place)
        for item in text.row["views"].get("NER", []):
            surface = split_number(str(item.get(text.row["origin"])))[0]
            labels[surface][str(item["label"])].append(text.place)
    for surface, found in labels.items():
        if len({place for places in found.values() for place in places}) > 1 and len(found) > 1:
            ordered = sorted(found.items(), key=lambda item: -len(item[1]))
            said = "; ".join(f"{label} x{len(places)}" for label, places in ordered)
            yield min(found.values(), key=len)[0], _fault("two-labels-corpus", f"{surface!r}: {said}")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m stages.sources.lint", description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="of the corpus' form: <family>.jsonl and types.json")
    parser.add_argument("--quiet", action="store_true", help="errors and counts only")
    options = parser.parse_args(arguments)
    found: list[tuple[str, Finding]] = []
    by_family: dict[str, list[Text]] = {}
    for text in texts(Path(options.folder)):
        by_family.setdefault(text.family, []).append(text)
        found += [(text.place, finding) for finding in check(text)]
    for own in by_family.values():
        found += check_family(own)
    for place, finding in found:
        if finding.error or not options.quiet:
            print(f"{place}: {finding}")
    count = Counter(f"{'E' if finding.error else 'W'} {finding.code}" for _, finding in found)
    errors = sum(finding.error for _, finding in found)
    print(
        f"{sum(map(len, by_family.values()))} texts, {errors} errors, {len(found) - errors} warnings",
        dict(sorted(count.items())),
    )
    return 1 if errors else 0


if __name__ == "__main__":
    run(main)
