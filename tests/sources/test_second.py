"""The second frozen test set: whole, sound, and of no text that trains or is tested already."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from stages.core import config
from stages.core.errors import UserError
from stages.core.schema import faults
from stages.dataset.near_duplicates import pairs
from stages.records.record import Record
from stages.records.rules import record_faults
from stages.sources import corpus
from stages.sources import sample as sample_source
from stages.sources.common import Source
from stages.sources.raw import Raw, held_out

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("ja", "en", "zh")
SECOND = config.read("raw", Raw, ROOT / "params.yaml").second or pytest.fail("params.yaml names no second set")
PEOPLE = {"人名", "person"}


def at_root(source: Source) -> Source:
    """The source, found from any working folder."""
    return Source(source.name, source.adapter, str(ROOT / source.path), source.pin, source.limit)


@pytest.fixture(scope="module")
def second() -> list[Record]:
    assert SECOND.pin is not None
    return corpus.natural(at_root(SECOND), LANGUAGES, "test")


@pytest.fixture(scope="module")
def others() -> list[Record]:
    """Every record that this project wrote otherwise, train and test."""
    own = Source("sample", "sample", str(ROOT / "data/sample"), None, None)
    trained = corpus.natural(Source("corpus", "corpus", str(ROOT / "data/corpus"), None, None), LANGUAGES)
    return [*trained, *sample_source.records(own), *sample_source.references(own)]


def test_it_has_ten_texts_a_family_in_every_cell_and_is_all_test(second: list[Record]) -> None:
    assert [fault for record in second for fault in faults(record, "record", record_faults)] == []
    assert {record["split"] for record in second} == {"test"}
    cells = Counter((record["lang"], record["subset"], record["task"]) for record in second)
    assert set(cells.values()) == {10}
    assert len({(lang, name) for lang, name, _ in cells}) == 21
    assert len({record["group"] for record in second}) == 40


def test_none_of_its_texts_nearly_stands_elsewhere(second: list[Record], others: list[Record]) -> None:
    threshold = 0.5  # data_checks.near_duplicate is 0.8: it is held to more than training data are
    for lang in LANGUAGES:
        own, theirs = ({r["text"]: r["id"] for r in part if r["lang"] == lang} for part in (second, others))
        near = [(own[list(own)[n]], theirs[list(theirs)[k]]) for k, n, _ in pairs(list(theirs), list(own), threshold)]
        assert near == []


def test_none_of_its_people_is_known_from_training(second: list[Record], others: list[Record]) -> None:
    def people(records: list[Record]) -> set[str]:
        return {item["spans"][0]["text"] for r in records for item in r["extractions"] if item["label"] in PEOPLE}

    trained = [record for record in others if record["split"] != "test"]
    assert len(people(second)) > 5
    assert people(second) & people(trained) == set()


def test_a_text_of_it_in_any_other_source_is_refused_in_any_language(second: list[Record]) -> None:
    held_out(at_root(SECOND), LANGUAGES, [])
    for record in (second[0], second[-1]):
        copied = {**record, "id": "SCNM/NER/own/1/en", "group": "f" * 16}
        with pytest.raises(UserError, match="is the text of SCNM/NER/own/1/en too"):
            held_out(at_root(SECOND), LANGUAGES, [copied])
