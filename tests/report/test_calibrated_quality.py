"""What corrections are worth: known answers, lost records as zero, nothing where nothing was reviewed."""

from __future__ import annotations

from typing import Any

from stages.core.schema import faults
from stages.records.record import Record
from stages.report.calibrated_quality import compared
from stages.report.score_tables import annotators, calibrated_table
from stages.scoring.bootstrap import Evaluate
from tests.support.openai_server import record

DRAWING = Evaluate(resamples=50, seed=0)


def made(text: str, native: str, part: str = "Kyoto") -> Record:
    return record("SCNM", "NER", native, text, "Society", [("Location", part)], lang="en")


def result(reviewed: list[str]) -> dict[str, Any]:
    texts = ["They met in Kyoto.", "Nobody was in Kyoto.", "It rained in Kyoto."]
    references = [made(text, str(n)) for n, text in enumerate(texts)]
    wrong = [made(text.replace("Kyoto", "Tokyo"), str(n), "Tokyo") for n, text in enumerate(texts)]
    by_id = {own["id"]: own for own in references}
    states = {
        "translated": {own["id"]: own for own in wrong},
        "filtered": {own["id"]: own for own in wrong[:1]},
        "calibrated": {own["id"]: own for own in references[:2]},  # the third was rejected
    }
    return compared([list(by_id)[int(n)] for n in reviewed], states, by_id, DRAWING)


def test_each_state_counts_lost_records_as_zero_and_the_unreviewed_not_at_all() -> None:
    found = result(["0", "1"])
    assert not faults(found, "calibrated_quality")
    figures = {state: own["figures"]["all"] for state, own in found["states"].items()}
    assert figures["calibrated"] == {"in": 2, "chrf": 100.0, "span_f1": 100.0, "label_f1": 100.0}
    assert (figures["translated"]["in"], figures["filtered"]["in"]) == (2, 1)
    assert figures["translated"]["span_f1"] == figures["filtered"]["span_f1"] == 0
    assert figures["filtered"]["chrf"] < figures["translated"]["chrf"] < 100
    assert found["differences"]["translated"]["en"]["SCNM"]["span_f1"]["difference"] == 100
    assert result(["0", "1", "2"])["states"]["calibrated"]["figures"]["all"]["in"] == 2
    rows = calibrated_table(found)
    assert list(rows["figure"]) == ["chrf", "span_f1", "label_f1"] * 2
    assert rows.iloc[1]["calibrated - translated"].startswith("100.0 [100.0")


def test_nothing_reviewed_has_no_figures() -> None:
    found = result([])
    assert not faults(found, "calibrated_quality")
    assert found["records"] == {"all": 0}
    assert calibrated_table(found).empty


def test_who_annotated_is_said_or_said_to_be_unknown() -> None:
    people = {
        "kei": {"patches": 2, "minutes": 0.5, "who": "a native speaker of Japanese"},
        "lee": {"patches": 1, "minutes": 0.0, "who": None},
    }
    said = annotators({"annotators": people})
    assert said.startswith("kei (a native speaker of Japanese): 2 patches in 0.5 minutes; lee (nobody says")
