"""Text that is wrong as a whole: a clause lost, a negation dropped, the source language left in."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import regex

from stages.fidelity.edits import Choice, Edit, Pair, edited, places, replaced, slots, words
from stages.records.record import Record, occurrences

CLAUSE_EN = re.compile(
    r", (?=(?:and|but|so|yet|or|which|who|while|with|when|then|because|where|although|though|that)\b)|; |: "
)
ENDS = {"en": re.compile(r"(?<=[.!?])\s+"), "zh": re.compile(r"(?<=[。！？])"), "ja": re.compile(r"(?<=[。！？])")}
BRACKETS = ("（）", "《》", "“”", "「」", "『』", "()")


def clauses(text: str, lang: str) -> list[tuple[int, int]]:
    """Sentences of a text of several, and clauses whose loss leaves a sentence: the last ones, in Japanese the first."""
    marks = [0, *(match.end() for match in ENDS[lang].finditer(text) if match.end() < len(text)), len(text)]
    sentences = list(zip(marks, marks[1:], strict=False))
    found = list(sentences) if len(sentences) > 1 else []
    for low, high in sentences:
        stop = low + len(text[low:high].rstrip().rstrip(".!?。！？；”"))
        if lang == "en":
            found += [(match.start(), stop) for match in CLAUSE_EN.finditer(text, low, stop)]
        else:
            commas = "，；" if lang == "zh" else "、"
            cuts = [n for n in range(low, stop) if text[n] in commas]
            edges = [low, *(n + 1 for n in cuts)] if lang == "ja" else [*cuts, stop]
            found += list(zip(edges, edges[1:], strict=False))
    return [span for span in dict.fromkeys(found) if _whole(text[slice(*span)], lang)]


def _whole(part: str, lang: str) -> bool:
    """Whether a part says something and can go without leaving half a pair of brackets or quotes."""
    enough = len(part.split()) >= 3 if lang == "en" else len(re.sub(r"\W", "", part)) >= 5
    return enough and all(part.count(pair[0]) == part.count(pair[1]) for pair in BRACKETS) and part.count('"') % 2 == 0


def clause(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """A sentence or clause lost; first such as cost no extraction, then such as take theirs along."""
    record = pair.reference
    found = []
    for start, end in clauses(record["text"], record["lang"]):
        if end == len(record["text"]):  # no space is left behind at the end
            start = len(record["text"][:start].rstrip())
        result = edited(record, [(start, end, "")], drop=True)
        if result and len(re.sub(r"\W", "", result["text"])) >= 5:
            found.append((len(slots(record)) - len(slots(result)), start, end, result))
    for lost, start, end, result in sorted(found, key=lambda item: item[:3]):
        yield f"without {record['text'][start:end]!r}" + (f", {lost} spans lost" if lost else ""), result


def negation(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """A negation dropped: by hand-made pairs of the sample's words, then by rules of grammar, for texts of any other."""
    text, lang = pair.reference["text"], pair.reference["lang"]
    for old, new in words()["negations"].get(lang, []):
        for start in occurrences(text, old)[:1]:
            yield from replaced(pair.reference, [_narrow(start, old, new)], f"{old} -> {new}")
    taken: list[tuple[int, int]] = []
    for pattern, new in words()["negation_rules"].get(lang, []):
        for match in regex.finditer(pattern, text):
            if any(low < match.end() and match.start() < high for low, high in taken):
                continue  # a rule before has read it: 行かなかった is no かな
            taken.append(match.span())
            old, kept = match[0], match.expandf(new) if "{" in new else new
            yield from replaced(pair.reference, [_narrow(match.start(), old, kept)], f"{old} -> {kept}")


def _narrow(start: int, old: str, new: str) -> Edit:
    """The edit without what both sides share at its ends, so that it cuts no span that it need not."""
    head = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    room = min(len(old), len(new)) - head
    tail = next((n for n in range(room) if old[-1 - n] != new[-1 - n]), room)
    return start + head, start + len(old) - tail, new[head : len(new) - tail]


KANA = re.compile(r"[ぁ-ゖァ-ヺ]")


def foreign(part: str, source: str, target: str) -> bool:
    """Whether a phrase of the source language cannot be good in the target one: kana or Japanese shapes in Chinese, any
    kana or Han in English, English words in Japanese and Chinese (not names, which may stay)."""
    if source == "en":
        return bool(re.search(r"[a-z]{3}", part)) and not re.match(r"[A-Z]", part)
    if target == "en":
        return bool(re.search(r"[ぁ-ゖァ-ヺ\u4e00-\u9fff]", part))
    if any(word in part for word in words()["shared_shapes"]):
        return True
    return bool(KANA.search(part)) or "?" in part.encode("gb2312", "replace").decode("gb2312")


def residue(pair: Pair, rng: random.Random) -> Iterator[Choice]:
    """A span or a clause in the source language, in the place of its translation or at the end."""
    record, source = pair.reference, pair.source
    text, lang = record["text"], record["lang"]
    choices, appended = [], []
    for part, n, k in pair.aligned:
        span = record["extractions"][n]["spans"][k]
        if foreign(part, source["lang"], lang) and part != span["text"] and part not in text:
            edits = [(start, start + len(span["text"]), part) for start in places(text, span["text"], lang, [])]
            choices.append((edits, f"{span['text']} -> {part}"))
    targets = clauses(text, lang)
    for part in _parts(source):
        if foreign(part.lower() if source["lang"] == "en" else part, source["lang"], lang):
            appended.append(([(len(text), len(text), (" " if lang == "en" else "") + part)], f"+ {part}"))
            share = source["text"].find(part) / len(source["text"])
            for start, end in sorted(targets, key=lambda span: abs(span[0] / len(text) - share))[:2]:
                lead = re.match(r"[\s，、,;:；]*", text[start:end])
                choices.append(([(start + (lead.end() if lead else 0), end, part)], f"{text[start:end]} -> {part}"))
    for edits, what in rng.sample(choices, len(choices)) + rng.sample(appended, len(appended)):
        yield from replaced(record, edits, what)


def _parts(source: Record) -> list[str]:
    """The clauses of a source text, or the text; of an English one, which has few, their halves too."""
    text = source["text"]
    parts = [text[slice(*span)].strip("、，, ;:") for span in clauses(text, source["lang"])] or [text]
    if source["lang"] == "en":
        long = [part.split() for part in parts if len(part.split()) >= 6]
        parts += [" ".join(some) for part in long for some in (part[: len(part) // 2], part[len(part) // 2 :])]
    return list(dict.fromkeys(parts))
