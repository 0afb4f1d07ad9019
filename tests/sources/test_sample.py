"""The sample and its references: counts, alignment, the fixed split, the hard cases, and the pinned hash."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core.files import iter_jsonl
from stages.core.schema import faults
from stages.records.record import Record, occurrences, with_lang
from stages.records.rules import record_faults
from stages.records.tasks import Subset, subset

FOLDER = Path(__file__).resolve().parents[2] / "data" / "sample"
FILES = {"SCNM": "ja", "SCPOS": "ja", "TCREE": "ja", "TCONER": "en"}
VIEWS = {"SCNM": ["NER"], "SCPOS": ["RW", "ADJN", "ADJ", "N"], "TCREE": ["RE", "EE"], "TCONER": ["NER"]}
LANGUAGES = ("ja", "en", "zh")
# The frozen test set and the measure of translation. Who changes a reference says why in data/sample/CHANGES.md, then
# puts the new hash here: scores before and after are not comparable.
REFERENCES_SHA256 = "9aa9366c7e48fcc03d1f73e38db6ffc3bd7f5991f6764cf3d9713bea762fc969"

Row = dict[str, Any]
SOURCES: dict[str, list[Row]] = {file: list(iter_jsonl(FOLDER / f"{file}.jsonl")) for file in FILES}
REFERENCES: dict[tuple[str, str], list[Row]] = {
    (file, lang): list(iter_jsonl(FOLDER / "references" / f"{file}.{lang}.jsonl"))
    for file, source in FILES.items()
    for lang in LANGUAGES
    if lang != source
}


def entry_of(file: str, task: str) -> Subset:
    return subset(f"SCPOS-{task}" if file == "SCPOS" else file)


def spans(row: Row) -> Iterator[str]:
    for items in row["views"].values():
        for item in items:
            for span in item["spans"]:
                yield span["text"]


# --- counts and alignment --------------------------------------------------------------------------------------------


def test_the_references_are_the_pinned_ones() -> None:
    digest = hashlib.sha256()
    for path in sorted((FOLDER / "references").glob("*.jsonl")):
        digest.update(path.name.encode() + b"\n" + path.read_bytes())
    assert digest.hexdigest() == REFERENCES_SHA256, (
        "a reference changed: say which and why in data/sample/CHANGES.md, then pin this hash in tests/sources/test_sample.py"
    )


def test_no_other_file_is_among_the_references() -> None:
    found = {path.name for path in (FOLDER / "references").iterdir()}
    assert found == {f"{file}.{lang}.jsonl" for file, lang in REFERENCES}


def test_each_file_has_forty_texts_in_every_view() -> None:
    for (file, lang), rows in [*(((file, FILES[file]), rows) for file, rows in SOURCES.items()), *REFERENCES.items()]:
        assert [row["id"] for row in rows] == [f"{n:04}" for n in range(1, 41)], file
        assert {row["lang"] for row in rows} == {lang}
        assert all(list(row["views"]) == VIEWS[file] for row in rows)


def test_all_views_make_320_records_and_each_has_both_translations(sample: list[Record]) -> None:
    ids = {record["id"] for record in sample}
    assert len(ids) == len(sample) == 960
    assert Counter(record["lang"] for record in sample) == {"ja": 320, "en": 320, "zh": 320}
    assert all(with_lang(identifier, lang) in ids for identifier in ids for lang in LANGUAGES)


def test_every_record_is_sound_and_every_span_stands_in_its_text(sample: list[Record]) -> None:
    assert {record["id"]: found for record in sample if (found := faults(record, "record", record_faults))} == {}
    assert all(span["start"] is not None for row in sample for item in row["extractions"] for span in item["spans"])


def test_no_two_texts_are_alike() -> None:
    for rows in [sum(SOURCES.values(), []), *REFERENCES.values()]:
        assert len({row["text"] for row in rows}) == len(rows)


@pytest.mark.parametrize(("file", "lang"), REFERENCES)
def test_a_reference_has_the_labels_of_its_source_by_table_in_every_view(file: str, lang: str) -> None:
    for source, row in zip(SOURCES[file], REFERENCES[file, lang], strict=True):
        place = f"{file} {row['id']} {lang}"
        assert row["split"] == source["split"], place
        for task, items in row["views"].items():
            entry, before = entry_of(file, task), source["views"][task]
            assert row["text_label"] == entry.text_label(source["text_label"], FILES[file], lang), place
            assert len(items) == len(before), f"{place} {task}"
            if entry.word_labels[task]:
                expected = Counter(entry.word_label(task, item["label"], FILES[file], lang) for item in before)
                assert Counter(item["label"] for item in items) == expected, f"{place} {task}"
            if entry.tasks[task].kind == "event":
                roles = [
                    Counter(tuple(span["role"] for span in item["spans"]) for item in some) for some in (items, before)
                ]
                assert roles[0] == roles[1], f"{place} {task}"


@pytest.mark.parametrize("lang", ["ja", "zh"])
def test_an_open_label_has_one_translation(lang: str) -> None:
    """Some label is in the translation of every text that has the open label, as often as it is in the source."""
    candidates: dict[str, set[str]] = {}
    for source, row in zip(SOURCES["TCONER"], REFERENCES["TCONER", lang], strict=True):
        before = Counter(str(item["label"]) for item in source["views"]["NER"])
        after = Counter(str(item["label"]) for item in row["views"]["NER"])
        assert sorted(before.values()) == sorted(after.values()), row["id"]
        for label, count in before.items():
            fitting = {other for other, times in after.items() if times == count}
            candidates[label] = candidates.get(label, fitting) & fitting
    assert [label for label, found in candidates.items() if not found] == []


KANA = re.compile(r"[\u3041-\u3096\u309d-\u309f\u30a1-\u30ff\uff66-\uff9f]")
JAPANESE = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff\uff66-\uff9f]")


@pytest.mark.parametrize(("lang", "foreign"), [("zh", KANA), ("en", JAPANESE)])
def test_no_japanese_is_left_in_a_translation(lang: str, foreign: re.Pattern[str], sample: list[Record]) -> None:
    for record in sample:
        if record["lang"] == lang:
            labels = [record["text_label"], *(item["label"] or "" for item in record["extractions"])]
            assert [part for part in [record["text"], *labels] if foreign.search(part)] == [], record["id"]


# --- the split -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_about_a_third_is_the_test_set_and_every_label_is_in_both_splits(file: str) -> None:
    rows = SOURCES[file]
    assert 0.28 <= sum(row["split"] == "test" for row in rows) / len(rows) <= 0.4
    labels = subset("SCPOS-RW" if file == "SCPOS" else file).text_labels[FILES[file]]
    for split in ("train", "test"):
        assert {row["text_label"] for row in rows if row["split"] == split} == set(labels)


@pytest.mark.parametrize("file", FILES)
def test_text_labels_are_balanced(file: str) -> None:
    counts = Counter(row["text_label"] for row in SOURCES[file])
    assert max(counts.values()) <= 1.25 * min(counts.values()), counts


@pytest.mark.parametrize("file", ["SCNM", "SCPOS", "TCREE"])
def test_every_word_label_is_used(file: str) -> None:
    for task in VIEWS[file]:
        table = entry_of(file, task).word_labels[task]
        used = {item["label"] for row in SOURCES[file] for item in row["views"][task]}
        assert used == set(table["ja"] if table else [None])


def test_a_group_is_in_one_split(sample: list[Record]) -> None:
    splits: dict[str, set[str]] = {}
    for record in sample:
        splits.setdefault(record["group"], set()).add(record["split"])
    assert len(splits) == 160
    assert all(len(found) == 1 for found in splits.values())


# --- the hard cases --------------------------------------------------------------------------------------------------


def anywhere(pattern: str) -> Callable[[Row], bool]:
    return lambda row: re.search(pattern, row["text"]) is not None


def in_span(pattern: str) -> Callable[[Row], bool]:
    return lambda row: any(re.search(pattern, span) for span in spans(row))


def noted(*words: str) -> Callable[[Row], bool]:
    """What no program can tell from the text: the note of who wrote it says so."""
    return lambda row: any(word in row.get("note", "") for word in words)


def has_no_extractions(row: Row) -> bool:
    return not any(row["views"].values())


def same_name_twice(row: Row) -> bool:
    return any(len(occurrences(row["text"], span)) > 1 for span in spans(row))


def marked_twice(row: Row) -> bool:
    """The same word is annotated at two places in one view."""
    return any(
        count > 1 for items in row["views"].values() for count in Counter(i["spans"][0]["text"] for i in items).values()
    )


def name_within_name(row: Row) -> bool:
    """One annotated name is part of another one of the same text."""
    found = set(spans(row))
    return any(short != long and short in long for short in found for long in found)


def inflected(row: Row) -> bool:
    return any(
        re.search(r"(く|くて|くない|かった|に|で|な)$", item["spans"][0]["text"]) for item in row["views"]["ADJ"]
    )


def several_relations(row: Row) -> bool:
    return len(row["views"]["RE"]) > 1


def several_events(row: Row) -> bool:
    return len(row["views"]["EE"]) > 1


def four_part_event(row: Row) -> bool:
    return any(len(item["spans"]) == 4 for item in row["views"]["EE"])


def event_with_a_missing_role(row: Row) -> bool:
    return any(len(item["spans"]) < 4 for item in row["views"]["EE"])


JA_NEGATION = anywhere(r"ない|なかった|ません|ず[、。]|ぬ")
ALL_FILES = tuple(FILES)
JAPANESE_FILES = ("SCNM", "SCPOS", "TCREE")
# Issue 2, part 4: the hard cases that real data has, the files that must have them, and how many at least.
HARD: dict[str, tuple[tuple[str, ...], Callable[[Row], bool], int]] = {
    "no extractions": (ALL_FILES, has_no_extractions, 1),
    "the same name twice": (ALL_FILES, same_name_twice, 2),
    "the same name annotated twice": (("SCPOS", "TCONER"), marked_twice, 1),
    "a colon in the text": (ALL_FILES, anywhere(":"), 1),
    "a semicolon in the text": (ALL_FILES, anywhere(";"), 1),
    "a slash in the text": (ALL_FILES, anywhere("/"), 1),
    "a colon in a span": (ALL_FILES, in_span(":"), 1),
    "a semicolon in a span": (("SCPOS", "TCREE"), in_span(";"), 1),
    "a slash in a span": (ALL_FILES, in_span("/"), 1),
    "an emoji": (ALL_FILES, anywhere("[\U0001f300-\U0001faff\u26bd]"), 1),
    "numbers": (ALL_FILES, anywhere("[0-9]"), 8),
    "decimals": (ALL_FILES, anywhere(r"[0-9]\.[0-9]"), 2),
    "numbers with 万 or 億": (JAPANESE_FILES, anywhere("[0-9][万億]"), 2),
    "dates": (("SCNM", "SCPOS", "TCREE"), anywhere("[0-9]{4}年|[0-9]月|[0-9]日"), 1),
    "dates in English": (("TCONER",), anywhere("[12][0-9]{3}|Monday|Tuesday|May|October"), 4),
    "eras": (JAPANESE_FILES, anywhere("(昭和|平成|令和|天正|大正|明治)[0-9元]"), 2),
    "inflected adjectives": (("SCPOS",), inflected, 8),
    "names within names": (("SCNM", "TCREE"), name_within_name, 2),
    "names within names, outermost annotated": (("TCONER",), noted("within"), 2),
    "uncommon personal names": (ALL_FILES, noted("uncommon"), 1),
    "negation": (JAPANESE_FILES, JA_NEGATION, 5),
    "negation in English": (("TCONER",), anywhere(r"\b([Nn]ot?|never|[Nn]obody)\b|n't"), 5),
    "several clauses": (ALL_FILES, noted("several clauses"), 1),
    "several relations": (("TCREE",), several_relations, 8),
    "several events": (("TCREE",), several_events, 3),
    "four-part events": (("TCREE",), four_part_event, 8),
    "events with a missing role": (("TCREE",), event_with_a_missing_role, 5),
}


@pytest.mark.parametrize("name", HARD)
def test_a_hard_case_is_there(name: str) -> None:
    files, is_there, least = HARD[name]
    counts = {file: sum(map(is_there, SOURCES[file])) for file in files}
    assert min(counts.values()) >= least, counts


@pytest.mark.parametrize("name", ["negation", "several clauses", "the same name twice", "no extractions"])
def test_hard_cases_are_in_the_test_set_too(name: str) -> None:
    files, is_there, _ = HARD[name]
    assert any(is_there(row) for file in files for row in SOURCES[file] if row["split"] == "test")
