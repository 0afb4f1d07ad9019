"""The label tables: complete in every language, one to one within a level, free of the format's delimiters."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.core.files import write_json
from stages.core.schema import file_faults
from stages.records.tasks import DELIMITERS, LABELS, SUBSETS, Subset, by_word, subset, subsets, task_of

LANGUAGES = {"ja", "en", "zh"}
ALL = list(subsets().values())
Table = dict[str, tuple[str, ...]]


def tables(entry: Subset) -> list[tuple[str, Table]]:
    """Every closed table of a sub-dataset, by its level; an event's is empty."""
    words = [(task, table) for task, table in entry.word_labels.items() if table]
    return [("text", entry.text_labels), *words]


TABLES = [pytest.param(table, id=f"{entry.name}-{level}") for entry in ALL for level, table in tables(entry)]


def test_each_sub_dataset_has_its_file_and_no_other_file_is_there() -> None:
    assert {path.name for path in LABELS.iterdir()} == {f"{name}.json" for name in SUBSETS}


@pytest.mark.parametrize("path", sorted(LABELS.glob("*.json")), ids=lambda path: path.stem)
def test_each_file_passes_its_schema_and_is_of_its_own_sub_dataset(path: Path) -> None:
    assert list(file_faults(path, "labels")) == []
    assert f'"subset": "{path.stem}"' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_complete_in_every_language(table: Table) -> None:
    assert set(table) == LANGUAGES
    assert len({len(row) for row in table.values()}) == 1


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_one_to_one(table: Table) -> None:
    for row in table.values():
        assert len(set(row)) == len(row)
        assert len({label.casefold() for label in row}) == len(row), "labels that differ only in case are taken for one"


@pytest.mark.parametrize("table", TABLES)
def test_labels_are_free_of_delimiters_and_have_clean_ends(table: Table) -> None:
    for row in table.values():
        for label in row:
            assert DELIMITERS.isdisjoint(label)
            assert label == label.strip() != ""
            assert not set(label) & set("：；／＼"), "full-width delimiters are easily taken for the ASCII ones"


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.name)
def test_every_label_comes_back_from_every_language(entry: Subset) -> None:
    for source in entry.languages:
        for target in entry.languages:
            for label in entry.text_labels[source]:
                assert entry.text_label(entry.text_label(label, source, target), target, source) == label
            for task, table in entry.word_labels.items():
                for label in (table or {}).get(source, ()):
                    assert (
                        entry.word_label(task, entry.word_label(task, label, source, target), target, source) == label
                    )


def test_only_tconer_is_open_and_only_events_have_no_labels() -> None:
    without = {(entry.name, task) for entry in ALL for task, table in entry.word_labels.items() if not table}
    assert without == {("TCONER", "NER"), ("TCREE", "EE")}
    assert subset("TCONER").word_labels["NER"] is None
    assert subset("TCREE").word_labels["EE"] == {}


def test_source_languages_are_those_of_the_sources() -> None:
    assert {entry.name: entry.source_lang for entry in ALL} == {
        name: "en" if name == "TCONER" else "ja" for name in SUBSETS
    }


def test_instruct_words_are_unique_and_free_of_delimiters() -> None:
    words = [task.word for entry in ALL for task in entry.tasks.values()]
    assert words == [
        "NER",
        "Sentiment Relation Word",
        "Sentiment Adj and N",
        "Sentiment Adj",
        "Sentiment N",
        "Relation Extraction",
        "Event Extraction",
        "Open NER",
    ]
    assert list(by_word()) == words
    assert all(DELIMITERS.isdisjoint(word) for word in words)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    scnm = subset("SCNM")
    with pytest.raises(UserError, match=r"unknown sub-dataset 'SCNN' \(one of SCNM, "):
        subset("SCNN")
    with pytest.raises(UserError, match=r"SCNM: unknown task 'RE' \(one of NER\)"):
        task_of("SCNM", "RE")
    with pytest.raises(UserError, match=r"unknown label '料理' \(one of 社会, "):
        scnm.text_label("料理", "ja", "en")
    with pytest.raises(UserError, match="unknown language 'fr'"):
        scnm.text_label("社会", "ja", "fr")
    with pytest.raises(UserError, match="its labels are open"):
        subset("TCONER").word_label("NER", "city", "en", "ja")


def test_a_task_may_have_one_label_and_a_text_no_fewer_than_two_classes(tmp_path: Path) -> None:
    task = {"kind": "span", "word": "Disease NER", "labels": {"en": ["Disease"], "ja": ["病気"]}}  # as NCBI-disease
    table = {"subset": "CARE", "source_lang": "en", "text_labels": {"en": ["A", "B"]}, "tasks": {"NER": task}}
    write_json(tmp_path / "CARE.json", table)
    assert list(file_faults(tmp_path / "CARE.json", "labels")) == []
    write_json(tmp_path / "CARE.json", {**table, "text_labels": {"en": ["A"]}})
    (fault,) = file_faults(tmp_path / "CARE.json", "labels")
    assert "too short" in str(fault)
