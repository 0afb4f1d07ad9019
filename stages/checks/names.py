"""Names against the source: does every name of the source have its counterpart, and every name of the target its origin?

A Japanese name in Latin letters is compared by every reading that the dictionary has of its characters, in Chinese by its
folded Han, a foreign name by its sound, a country's by its name in either language. A name that was translated (ブナの会,
Beech Society) has no sound to compare: its verdict is `unknown`. Only `different` refuses a record, and nothing is different
by itself that may be a translation: a name has gone only if another has come in its place, or if it had to be kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import regex

from stages.checks.english_names import same_in_english, strays_in_english
from stages.checks.exonyms import called_otherwise, exonym
from stages.checks.finding import Finding, place_of
from stages.checks.kinds import Name, names_of
from stages.checks.name_parts import other_part, other_word
from stages.checks.name_score import stem
from stages.checks.pairing import Match, match
from stages.checks.sinograms import is_korean_in_han, may_be_read_otherwise
from stages.checks.tables import table
from stages.checks.unsupported_names import japanese_names, names_in_japanese
from stages.records.record import Record
from stages.text.lexicon import HAN
from stages.text.readings import fold_han, proper_nouns

ALONE, UNKNOWN = (table("names")["strength"][name] for name in ("alone", "unknown"))
WHOLE = 3  # characters from which on a stretch is a person's surname and given name; two are often part of another word
_HAN_ONE = regex.compile(rf"[{HAN}]")
_HAN_NAME = regex.compile(rf"[{HAN}]{{2,}}")
Verdict = Literal["same", "different", "unknown"]


def _had_to_be_kept(name: Name, text: str, direction: tuple[str, str]) -> bool:
    """Must the text have this name: a country's in its own word, a Japanese person or place in the same characters?"""
    if exonym(name.text, text, direction):
        return False
    if called_otherwise(name.text, text, direction):
        return True
    if direction != ("ja", "zh") or name.kind == "other" or not _HAN_NAME.fullmatch(name.text):
        return False
    return stem(name.text)[:2] not in fold_han(text)


def _begins_with_place(name: str) -> bool:
    """福岡工場: an organisation that is named after a place keeps it in every language."""
    return any(start == 0 and len(stretch) > 1 and part == "地名" for stretch, start, part in proper_nouns(name))


def _changes(source: Record, target: Record, found: Match) -> tuple[list[str], list[str]]:
    """(names of the source that have gone, names of a Chinese or Japanese target that have come)."""
    text, here, direction = source["text"], target["text"], (source["lang"], target["lang"])
    back = direction[1], direction[0]
    gone = [name.text for name in found.lost if _had_to_be_kept(name, here, direction)]
    come = [span.text for span in found.new if span.kind != "person" and called_otherwise(span.text, text, back)]
    come += [part for name, span in found.pairs if name.kind and (part := other_part(name, span, direction))]
    for name, span in found.strangers:
        if not exonym(name.text, here, direction) and not exonym(span.text, text, back):
            gone.append(name.text)
            come.append(span.text)
    loose = [span.text for span in (*found.new, *(span for _, span in found.untold)) if span.kind == "other"]
    if loose and direction[1] == "zh":
        kept = [span.text for _, span in found.pairs]
        come += japanese_names(
            text, direction[0], here, kept, lambda name: any(span.startswith(name) for span in loose)
        )
    elif loose:
        come += names_in_japanese(text, here, lambda name: any(name in span for span in loose))
    return gone, [name for name in come if not exonym(name, text, back)]


def _in_english(source: Record, target: Record) -> list[tuple[str, Verdict]]:
    """The verdicts of a translation from Japanese into English."""
    text, here, direction = source["text"], target["text"], ("ja", "en")
    strays = strays_in_english(source, target)
    found = match(source, target)
    strays += [
        span.text for span in found.new if span.kind == "place" and called_otherwise(span.text, text, ("en", "ja"))
    ]
    strays += [part for name, span in found.pairs if name.kind == "person" and (part := other_word(name, span))]
    gone = {
        name.text
        for name, span in found.strangers
        if not exonym(name.text, here, direction) and not exonym(span.text, text, ("en", "ja"))
    }
    result: list[tuple[str, Verdict]] = []
    for name in names_of(source, "ja"):
        telling = name.kind != "other" or strays or _begins_with_place(name.text)
        same = exonym(name.text, here, direction) or same_in_english(name, here) or (False if telling else None)
        if same is False and is_korean_in_han(name.text) and may_be_read_otherwise(text):
            same = None
        if name.text in gone:
            same = False
        elif same is False and not strays and not called_otherwise(name.text, here, direction):
            same = None
        result.append((name.text, "unknown" if same is None else "same" if same else "different"))
    return result + [(stray, "different") for stray in strays]


def verdicts(source: Record, target: Record) -> list[tuple[str, Verdict]]:
    """(name, verdict) of every name of the source, and of every name of the target that has come in another's place."""
    if target["lang"] == "en":
        return _in_english(source, target)
    found = match(source, target)
    gone, come = _changes(source, target, found)
    paired = {name.text for name, _ in found.pairs}
    result: list[tuple[str, Verdict]] = [
        (name.text, "different" if name.text in gone else "same" if name.text in paired else "unknown")
        for name in names_of(source, source["lang"])
    ]
    return result + [(name, "different") for name in dict.fromkeys(come)]


def names_gone(source: Record, target: Record) -> Iterator[str]:
    """Japanese names that the analyser sees in the source text, in a span or not, and of which nothing is in the target: of a
    person or place in Chinese most of the Han (of 889 in true references 1 is not there), in English a person's whole name
    (2 of 239), not where names of other countries are written in Han."""
    here, lang = target["text"], target["lang"]
    if source["lang"] != "ja" or lang not in ("zh", "en"):
        return
    foreign = lang == "en" and may_be_read_otherwise(source["text"])
    there = set(fold_han(here)) if lang == "zh" else set[str]()
    for part, _, kind in proper_nouns(source["text"]):
        own = [char for char in fold_han(part) if _HAN_ONE.match(char)]
        if lang == "zh":
            gone = len(own) > 1 and 2 * sum(char in there for char in own) < len(own)
        else:
            whole = kind == "人名" and len(part) >= WHOLE and own and not foreign
            gone = bool(whole) and not same_in_english(Name(part, "person"), here)
        if gone and not exonym(part, here, ("ja", lang)):
            yield part


def name_changed(source: Record, target: Record) -> Iterator[Finding]:
    """`name_changed` for each name of the source that has another in its place in the target, or that has come from nowhere; if
    there is none, for one that the analyser sees in the source text and that is nowhere in the target's. `name_unknown`, by the
    share of the names of which neither sound nor reading tells anything."""
    found, strength = verdicts(source, target), ALONE
    different = [name for name, verdict in found if verdict == "different"]
    if any(name in source["text"] for name in different) and any(name in target["text"] for name in different):
        strength = 1.0
    for name in different:
        places = place_of(name, source["text"]), place_of(name, target["text"])
        yield Finding("name_changed", strength, *places, what=name)
    for name in dict.fromkeys(names_gone(source, target) if not different else ()):
        yield Finding("name_changed", ALONE, place_of(name, source["text"]), what=name)
    unknown = [name for name, verdict in found if verdict == "unknown"]
    if unknown:
        yield Finding(
            "name_unknown", UNKNOWN * len(unknown) / len(found), place_of(unknown[0], source["text"]), None, unknown[0]
        )
