"""Names against the source: does every name of the source have its counterpart, and every name of the target its origin?

A Japanese name in Latin letters is compared by every reading that the dictionary has of its characters, in Chinese by its
folded Han, a foreign name by its sound. A name that was translated (ブナの会, Beech Society), or that has another name in
each language (ドイツ, Germany), has no sound to compare: its verdict is `unknown` unless `exonyms.txt` has it. Only
`different` refuses a record.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Literal, NamedTuple

import regex
from spellchecker import SpellChecker

from stages.checks.reading import HAN, fold_han, is_common_noun, latin_key, letters, proper_nouns, reads_as
from stages.checks.sound import han_sounds, kana_sound, latin_sound, likeness
from stages.checks.strays import dotted_names, is_other_surname, japanese_names, lost_parts, names_in_japanese
from stages.record import Record
from stages.tasks import subset

Verdict = Literal["same", "different", "unknown"]
ALIKE = 0.42  # of whole names; on the sample true pairs reach 0.57 and more, chance pairs 0.31
UNLIKE = -0.06  # from ALIKE: between the two a place may have a name of its own in the other language
ALIKE_WITHIN = 0.62  # of a name looked for anywhere in a text, where chance has many tries
COMMON = 1000  # an English word, to SpellChecker's counts; names stay below it

KINDS = {
    **dict.fromkeys(("人名", "person"), "person"),
    **dict.fromkeys(("地名", "city", "country", "river", "region", "island", "mountain", "state", "lake"), "place"),
    **dict.fromkeys(("法人名", "政治的組織名", "その他の組織名", "施設名", "製品名", "イベント名"), "other"),
    **dict.fromkeys(("organization", "company", "government agency", "university", "facility", "sports team"), "other"),
    **dict.fromkeys(("political party", "event"), "other"),
}
RELATIONS = {  # kinds of head and tail; "" where it is no name
    "所属": ("other", "other"),
    "役職": ("person", ""),
    "代表": ("other", "person"),
    "所在地": ("other", "place"),
    "出身地": ("person", "place"),
    "開発元": ("other", "other"),
    "親会社": ("other", "other"),
    "家族": ("person", "person"),
    "主催者": ("other", "other"),
    "作者": ("other", "person"),
    "提携先": ("other", "other"),
    "所有者": ("", "other"),
}
_KATAKANA = regex.compile(r"\p{Script=Katakana}[\p{Script=Katakana}ー・＝=]+")
_HAN = regex.compile(rf"[{HAN}]+")
_LATIN = regex.compile(r"\p{Latin}[\p{Latin}'’.]*")
_JAPANESE_NAME = regex.compile(rf"[{HAN}\p{{Hiragana}}\p{{Katakana}}ー]+")
_ROMAJI = regex.compile(r"(?:(?:[kgsztdnhbpmr]y?|[yw]|sh|t?ch|ts|j|f|kk|ss|pp|tt)?[aiueo]|n|m(?=[bpm])|h)+")


_NOT_NAMES = {letters(word) for word in (*calendar.month_name, *calendar.day_name, "Japan", "Japanese")}


class Name(NamedTuple):
    text: str
    kind: str


def names_of(source: Record) -> list[Name]:
    """The names of a source record: its spans with a name's label, and those that the analyser sees in the text."""
    kinds: dict[str, str] = {}
    for extraction in source["extractions"]:
        label, spans = extraction["label"], extraction["spans"]
        given = RELATIONS[label] if label in RELATIONS and len(spans) == 2 else (KINDS.get(label, ""),) * len(spans)
        for span, kind in zip(spans, given, strict=True):
            if kind and (kind == "person" or span["text"] not in kinds):
                kinds[span["text"]] = kind
    if source["lang"] == "ja":
        for stretch, _, part in proper_nouns(source["text"]):
            if len(stretch) > 1 and not any(stretch in known for known in kinds):
                place = part == "地名" and _HAN.search(stretch)
                kinds[stretch] = "place" if place else "other"  # the analyser's persons are often words
        for run in _KATAKANA.findall(source["text"]):
            if "・" in run and not any(run in known for known in kinds):
                kinds[run] = "other"
    return [Name(text, kind) for text, kind in sorted(kinds.items())]


@cache
def _exonyms() -> list[tuple[list[str], str, str]]:
    rows = []
    for line in Path(__file__).with_name("exonyms.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            english, japanese, chinese = line.split("\t")
            rows.append((english.split("|"), japanese, chinese))
    return rows


def exonym(name: str, text: str, direction: tuple[str, str]) -> bool:
    """Is this a name of the table, with its other name in the target text?"""
    known = set(name.split()) | {name}
    for english, japanese, chinese in _exonyms():
        row = {"en": english, "ja": [japanese], "zh": [chinese]}
        is_it = any(word in known if direction[0] == "en" else word in name for word in row[direction[0]])
        if is_it and any(word in text for word in row[direction[1]]):
            return True
    return False


@cache
def _words() -> SpellChecker:
    return SpellChecker(language="en")


@cache
def _commonness(word: str) -> int:
    return int(max(_words().word_frequency[form] for form in (word, word.removesuffix("'s"))))


def _is_compound(word: str) -> bool:
    """Reedbed: two English words."""
    return any(min(_commonness(word[:n]), _commonness(word[n:])) >= COMMON / 10 for n in range(3, len(word) - 2))


def _latin_words(text: str, *, hyphen: bool = False) -> list[str]:
    words = regex.findall(r"\p{Latin}[\p{Latin}'’.\-]*", text) if hyphen else _LATIN.findall(text)
    return [regex.sub(r"['’]s$|[.'’\-]+$", "", word) for word in words]


def _capitalised(text: str) -> list[str]:
    """Words with a capital, hyphened ones also as one: Enso-ji."""
    words = [word for word in _latin_words(text.replace("-", " ")) if word[:1].isupper()]
    return words + [word.replace("-", "") for word in regex.findall(r"\p{Lu}\p{L}+(?:-\p{L}+)+", text)]


def _key(words: tuple[str, ...] | list[str]) -> str:
    return "".join(latin_key(word) for word in words)


def _runs(text: str) -> list[str]:
    """Neighbouring capitalised words, up to three: what a foreign name can be."""
    words = regex.findall(r"\p{Lu}[\p{L}'’]*(?:[ \-]\p{L}+)*", text)
    result = []
    for phrase in words:
        parts = [regex.sub(r"['’]s$", "", part) for part in regex.split(r"[ \-]", phrase)]
        result += [" ".join(parts[n : n + size]) for n in range(len(parts)) for size in (1, 2, 3)]
    return sorted(set(result))


def _same_in_english(name: Name, text: str) -> bool:
    """Is there Latin for the name in the English text, by reading or by sound?"""
    words = _capitalised(text)
    if (kept := _latin_kept(name, text)) is not None:
        return kept
    japanese = "".join(_JAPANESE_NAME.findall(name.text))
    for run in _KATAKANA.findall(name.text):
        for part in {run, *regex.split("[・＝=]", run)} if name.kind != "person" else {run}:
            sound = kana_sound(part)
            if any(likeness(sound, latin_sound(other)) >= ALIKE for other in _runs(text)):
                return True
    if not _HAN.search(name.text) and not regex.search(r"\p{Hiragana}", name.text):
        return any(reads_as(japanese, latin_key(word), whole=True, budget=0) for word in words) if japanese else False
    for word in words:
        key = latin_key(word)
        place = reads_as(japanese, key, whole=False) if len(key) > 1 else None
        if place and (len(key) > 2 or place == (0, len(japanese)) or (name.kind == "person" and len(japanese) > 2)):
            return True
    capitals = [word for word in words if 1 < len(word) < 12]
    return any(
        reads_as(japanese, _key(pair), whole=True, budget=1)
        for one, two in zip(capitals, capitals[1:], strict=False)
        for pair in permutations((one, two))
    )


def _begins_with_place(name: str) -> bool:
    """福岡工場: an organisation that is named after a place keeps it in every language."""
    return any(start == 0 and len(stretch) > 1 and part == "地名" for stretch, start, part in proper_nouns(name))


def _strays_in_english(source: Record, target: Record) -> list[str]:
    """Name-like words of the English text that nothing in the source text sounds like."""
    text, found = source["text"], []
    latin = {word.lower() for word in _latin_words(text)}
    runs = [(run, part) for run in _KATAKANA.findall(text) for part in {run, *regex.split("[・＝=]", run)}]
    japanese = _JAPANESE_NAME.findall(text)
    matched_before, beside = False, ""
    for word in _latin_words(target["text"], hyphen=True):
        plain = letters(word)
        if not word[0].isupper() or word.lower() in latin or word.isupper() or plain in _NOT_NAMES:
            matched_before = False
            continue
        romaji, common = bool(_ROMAJI.fullmatch(plain)), _commonness(word.lower())
        if (
            common >= COMMON
            or (not romaji and (common or _is_compound(word.lower())))
            or any(_commonness(part) for part in word.lower().split("-")[1:])
        ):
            beside = _beside(japanese, latin_key(word))  # Go Henmi
            matched_before = bool(beside)
            continue
        key = latin_key(word)
        if len(plain) < 3:
            beside = _beside(japanese, key)
            matched_before = bool(beside)
            continue
        explained = any(reads_as(run, key, whole=False) for run in japanese) or any(
            likeness(kana_sound(part), latin_sound(word)) >= ALIKE for _, part in runs
        )
        if not explained and (not matched_before or is_other_surname(word, beside)) and not _exonym_word(word, text):
            found.append(word)
        matched_before, beside = explained, _beside(japanese, key)
    return found


def _beside(runs: list[str], key: str) -> str:
    """The characters of the runs beside what reads as the key: where a given name is read, the surname's."""
    places = [(run, place) for run in runs if (place := reads_as(run, key, whole=False))]
    return "".join(run[max(0, start - 3) : start] + run[end : end + 3] for run, (start, end) in places)


def _exonym_word(word: str, text: str) -> bool:
    return any(word in " ".join(english).split() and japanese in text for english, japanese, _ in _exonyms())


def _latin_kept(name: Name, text: str) -> bool | None:
    """Are the name's Latin words in the text as they stand? None if it has none; FC and NPO may be spelt out."""
    words = [word.lower() for word in _latin_words(name.text) if len(word) > 3]
    return all(word in text.lower() for word in words) if words else None


def _same_in_chinese(name: Name, text: str, spans: list[str]) -> bool | None:
    """Is the name's Han, or its sound, in the Chinese text? None where neither can be told."""
    folded, han = fold_han(text), [fold_han(run) for run in _HAN.findall(name.text)]
    katakana, kept = _KATAKANA.findall(name.text), _latin_kept(name, text)
    if kept is not None and not (kept and name.kind == "person"):
        return kept
    if any(run[:2] in folded for run in han):
        return True
    if katakana:
        parts = {part for run in katakana for part in _pieces(run, name.kind)}
        alike = max(_chinese_likeness(kana_sound(part), text, spans) for part in parts)
        telling = name.kind != "other" and not any(is_common_noun(run) for run in katakana)
        return True if alike >= 0 else False if telling else None
    if not han or regex.search(r"\p{Hiragana}", name.text):
        return None
    return sum(char in folded for char in "".join(han)) / len("".join(han)) >= 0.5


def _pieces(run: str, kind: str) -> set[str]:
    """A katakana name, and its parts at the dots unless it is a person's: Rosa alone is not Rosa Quispe."""
    return {run} if kind == "person" else {run, *regex.split("[・＝=]", run)}


def _chinese_likeness(sound: str, text: str, spans: list[str]) -> float:
    """How far above its threshold the sound is: of the spans and their parts, or of any stretch of the text."""
    parts = {part for span in spans for part in (span, *span.split("·")) if part}
    heard = max((likeness(sound, "".join(han_sounds(part))) for part in parts), default=0.0) - ALIKE
    inside = likeness(sound, "".join(han_sounds(text)), within=True) - ALIKE_WITHIN - (0.15 if len(sound) < 7 else 0)
    return max(heard, inside)


def _parts_of_latin(name: Name) -> list[str]:
    words = [word for word in _latin_words(name.text) if word[:1].isupper()]
    return [" ".join(words), *(words if name.kind != "person" else [])] if words else []


def _same_from_english(name: Name, target: Record, spans: list[str]) -> bool | None:
    """Is there katakana, a reading or a Chinese transliteration of the Latin name? None if it is no capitalised name."""
    parts, text = _parts_of_latin(name), target["text"]
    if not parts:
        return None
    if any(letters(part) in letters(text) for part in parts):
        return True
    sounds = [latin_sound(part) for part in parts]
    read = any(
        reads_as(run, latin_key(word), whole=False)
        for word in _latin_words(name.text)
        if word[:1].isupper() and len(word) > 3 and _commonness(word.lower()) < COMMON
        for run in _JAPANESE_NAME.findall(text)
    )
    if read:
        return True
    if target["lang"] == "zh":
        alike = max(_chinese_likeness(sound, text, spans) for sound in sounds)
        return True if alike >= 0 else None if name.kind == "place" and alike >= UNLIKE else False
    runs = _KATAKANA.findall(text)
    heard = {kana_sound(piece) for run in runs for piece in {run, *(regex.split("[・＝=]", run))}}
    alike = max((likeness(sound, other) for sound in sounds for other in heard), default=0.0) - ALIKE
    return True if alike >= 0 else None if name.kind == "place" and alike >= UNLIKE else False


def _strays_of_spans(source: Record, target: Record) -> list[str]:
    """Spans of the target whose sound or Han nothing in the source accounts for: a name that came from nowhere."""
    text, found = source["text"], []
    if source["lang"] == "en":
        sounds = {latin_sound(run) for run in _runs(text)} | {latin_sound(word) for word in _latin_words(text)}
        if target["lang"] == "zh":
            return [span for span in _span_texts(target) if "·" in span and not _heard(span, sounds)]
        for span in _span_texts(target):
            for run in _KATAKANA.findall(span):
                sound = kana_sound(run)
                alike = any(likeness(sound, other) >= ALIKE - 0.1 for other in sounds)
                if len(sound) > 3 and not alike and not is_common_noun(run):
                    found.append(run)
        return found
    sounds = {kana_sound(part) for run in _KATAKANA.findall(text) for part in _pieces(run, "")}
    folded, latin = fold_han(text), text.lower()
    kana = [name for name in names_of(source) if regex.search(r"\p{Hiragana}|\p{Katakana}", name.text)]
    mixed = [fold_han(name.text) for name in kana]
    for span in _name_spans(target, source["lang"]):
        han, words = "".join(_HAN.findall(span)), _latin_words(span)
        if any(word.lower() in latin for word in words) or any(char in folded for char in fold_han(han)[:2]):
            continue
        if sum(char in folded for char in fold_han(han)) > 0.3 * len(han) > 0:
            continue
        if any(han[-2:] and fold_han(han)[-2:] in name for name in mixed):  # ナガト電機, 长门电机
            continue
        if any(likeness(sound, latin_sound(word)) >= ALIKE for word in words for sound in sounds):
            continue
        if (han or words) and not _heard(span, sounds):
            found.append(span)
    # a kana name that the Chinese translates (カモメ映画社, 海鸥电影公司) may account for one span that has no origin
    return found if len(found) > sum(name.kind == "other" for name in kana) else []


def _name_spans(record: Record, source_lang: str) -> list[str]:
    """The spans of a translation whose label, back in the source language, is a name's."""
    table, task, found = subset(record["subset"]), record["task"], set()
    if table.word_labels[task] is None:
        return []
    for extraction in record["extractions"]:
        label, spans = extraction["label"], extraction["spans"]
        if label is not None:
            label = table.word_label(task, label, record["lang"], source_lang)
        kinds = RELATIONS[label] if label in RELATIONS and len(spans) == 2 else (KINDS.get(label, ""),) * len(spans)
        found |= {span["text"] for span, kind in zip(spans, kinds, strict=True) if kind}
    return sorted(found)


def _heard(span: str, sounds: set[str]) -> bool:
    heard = "".join(han_sounds(span))
    return any(
        likeness(heard, sound) >= ALIKE or (len(sound) > 3 and likeness(sound, heard, within=True) >= ALIKE_WITHIN)
        for sound in sounds
    )


def _span_texts(record: Record) -> list[str]:
    spans = {span["text"] for extraction in record["extractions"] for span in extraction["spans"]}
    return sorted(span for span in spans if not regex.search(r"\d", span))


def verdicts(source: Record, target: Record) -> list[tuple[str, Verdict]]:
    """(name, verdict) of every name of the source, and of every name of the target that came from nowhere."""
    direction = source["lang"], target["lang"]
    spans, text = _span_texts(target), target["text"]
    if direction[1] == "en":
        strays = _strays_in_english(source, target) + list(lost_parts(source["text"], text))
    else:
        strays = _strays_of_spans(source, target) + list(dotted_names(source["text"], direction[0], text, direction[1]))
        if direction[1] == "zh":
            strays += japanese_names(source["text"], direction[0], text)
        elif direction == ("en", "ja"):
            known = names_in_japanese(source["text"], text)
            strays += [name for name in known if not any(name in row[1] or row[1] in name for row in _exonyms())]
    result: list[tuple[str, Verdict]] = []
    for name in names_of(source):
        if exonym(name.text, text, direction):
            same: bool | None = True
        elif direction == ("ja", "en"):
            telling = name.kind != "other" or strays or _begins_with_place(name.text)
            same = _same_in_english(name, text) or (False if telling else None)
        elif direction == ("ja", "zh"):
            same = _same_in_chinese(name, text, spans)
        elif source["lang"] == "en":
            same = _same_from_english(name, target, spans)
            if same is False and name.kind == "other" and not strays:
                same = None
        else:
            same = None
        result.append((name.text, "unknown" if same is None else "same" if same else "different"))
    return result + [(stray, "different") for stray in strays]


def name_changed(source: Record, target: Record) -> Iterator[str]:
    """`name_changed` if a name of the source has another in its place in the target, or one has come from nowhere."""
    if any(verdict == "different" for _, verdict in verdicts(source, target)):
        yield "name_changed"
