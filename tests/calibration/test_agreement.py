"""Agreement on planted annotations: known values, intervals, both forms, and what is no second annotator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from stages.calibration.agreement import Draw, agreement, disagreements, main
from stages.calibration.annotations import Annotation, Annotations, of_corpus
from stages.calibration.desk import decide, open_desk
from stages.calibration.measures import alpha, coincidences, interval, kappa, matched
from stages.calibration.patches import append
from stages.core.errors import UserError
from stages.core.files import iter_jsonl, write_jsonl
from stages.core.schema import faults
from tests.support.pipeline import ROOT

DRAW = Draw(200, 0)
LANGUAGES = ["ja", "en", "zh"]


def item(label: str, start: int, words: str) -> dict[str, Any]:
    return {"label": label, "spans": [{"text": words, "start": start}]}


def annotation(n: int, label: str | None, *items: dict[str, Any], text: str = "abcdefghij") -> Annotation:
    return Annotation(f"SCNM/NER/{n}/en", f"SCNM/{n}", "SCNM", "NER", "en", text, label, list(items))


def of(*some: Annotation) -> Annotations:
    return {one.name: one for one in some}


def test_kappa_is_that_of_the_textbook_and_of_scikit_learn() -> None:
    assert kappa(np.array([[20.0, 5], [10, 15]])) == pytest.approx(0.4)
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
    table = np.zeros((4, 4))
    np.add.at(table, (one, other), 1)
    assert kappa(table) == pytest.approx(cohen_kappa_score(one, other))
    assert np.isnan(kappa(np.array([[9.0, 0], [0, 0]])))


def test_alpha_is_that_of_krippendorffs_example_of_four_observers_with_missing_values() -> None:
    observers = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    units = [[v for v in unit if v != "."] for unit in zip(*(line.split() for line in observers), strict=True)]
    assert alpha(coincidences(units, ["1", "2", "3", "4", "5"])) == pytest.approx(0.743, abs=5e-4)


def test_strict_and_partial_matches_pair_one_to_one() -> None:
    ones = [item("A", 0, "abcd"), item("B", 5, "fg"), item("A", 8, "ij")]
    others = [item("A", 0, "abcd"), item("B", 6, "gh"), item("B", 8, "ij")]
    assert matched(ones, others) == (
        1,
        pytest.approx(1.5),
    )  # one whole, one of two code points, one under another label
    assert matched([item("A", 0, "ab")], [item("A", 0, "ab"), item("A", 0, "ab")])[0] == 1
    assert matched([], others) == (0, 0)
    relation = {"label": "R", "spans": [{"text": "ab", "start": 0}, {"text": "cd", "start": 2}]}
    turned = {"label": "R", "spans": relation["spans"][::-1]}
    assert matched([relation], [turned]) == (0, 0)
    event = {
        "label": None,
        "spans": [{"text": "ab", "start": 0, "role": "subject"}, {"text": "cd", "start": 2, "role": "trigger"}],
    }
    bare = {"label": None, "spans": event["spans"][1:]}
    assert matched([event], [bare]) == (0, pytest.approx(0.5))


def test_planted_annotations_have_the_values_that_were_planted() -> None:
    first = of(*(annotation(n, "x" if n % 2 else "y", item("A", 0, "abcd"), item("B", 6, "gh")) for n in range(40)))
    second = of(
        *(
            annotation(
                n, "x" if n % 2 or n < 8 else "y", item("A", 0, "abcd"), *([item("B", 6, "g")] if n < 20 else [])
            )
            for n in range(40)
        )
    )
    result = agreement({"kei": first, "aya": second}, DRAW)
    assert not faults(result, "agreement_metrics")
    (pair,) = result["pairs"]
    labels = ([one.text_label for one in own.values()] for own in (first, second))
    assert pair["text"]["SCNM"]["kappa"]["value"] == pytest.approx(cohen_kappa_score(*labels), abs=1e-4)
    assert pair["text"]["SCNM"]["agreement"] == 0.9
    words = pair["words"]
    assert words["strict_f1"]["value"] == pytest.approx(2 * 40 / (80 + 60), abs=1e-4)
    assert words["partial_f1"]["value"] == pytest.approx(2 * (40 + 20 * 2 / 3) / (80 + 60), abs=1e-4)
    for measure in (words["strict_f1"], words["partial_f1"], words["alpha"], pair["text"]["SCNM"]["kappa"]):
        assert measure["low"] < measure["value"] < measure["high"]
    assert result["disagreements"] == len(list(disagreements({"kei": first, "aya": second}))) == 40
    assert result["text_alpha"]["SCNM"]["texts"] == 40


def test_strict_f1_is_symmetric_and_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    given = rng.integers(0, 2, (2, 50, 4))
    ones, others = (
        of(*(annotation(n, "x", *(item("A", 2 * k, "ab") for k in range(4) if row[k])) for n, row in enumerate(rows)))
        for rows in given
    )
    values = [
        agreement({a: ones, b: others}, DRAW)["pairs"][0]["words"]["strict_f1"] for a, b in (("p", "q"), ("q", "p"))
    ]
    assert values[0] == values[1]
    assert values[0]["value"] == pytest.approx(f1_score(given[0].ravel(), given[1].ravel()), abs=1e-4)


def test_an_interval_draws_texts_not_items() -> None:
    texts = np.array([[10.0, 10, 10], [0.0, 10, 10]] * 10)
    wide = interval(texts, lambda sums: 2 * sums[..., 0] / (sums[..., 1] + sums[..., 2]), 500, 0)
    items = np.repeat(texts / 10, 10, axis=0)
    narrow = interval(items, lambda sums: 2 * sums[..., 0] / (sums[..., 1] + sums[..., 2]), 500, 0)
    assert wide["value"] == narrow["value"] == 0.5
    assert (wide["high"] or 0) - (wide["low"] or 0) > 2 * ((narrow["high"] or 0) - (narrow["low"] or 0))


@pytest.mark.parametrize("names", [["kei"], ["kei", "Kei"], ["Ｋｅｉ ", "kei"], ["a.b", "A_B"]])
def test_one_person_is_no_pair_whatever_the_names(names: list[str]) -> None:
    people = {name: of(annotation(1, "x")) for name in names}
    with pytest.raises(UserError, match="agreement is between two"):
        agreement(people, DRAW)


def test_numbered_names_are_two_people() -> None:
    people = {name: of(annotation(1, "x"), annotation(2, "y")) for name in ("annotator1", "annotator2")}
    assert agreement(people, DRAW)["pairs"][0]["records"] == 2


def test_nothing_in_common_is_no_agreement() -> None:
    with pytest.raises(UserError, match="no record was annotated by two"):
        agreement({"a": of(annotation(1, "x")), "b": of(annotation(2, "x"))}, DRAW)
    other = of(annotation(1, "x", text="changed"))
    with pytest.raises(UserError, match="with the same text"):
        agreement({"a": of(annotation(1, "x")), "b": other}, DRAW)


def test_a_second_annotation_of_some_texts_of_the_corpus(tmp_path: Path) -> None:
    rows = list(iter_jsonl(ROOT / "data/corpus/SCPOS.jsonl"))[:20] + []
    for row in rows[:5]:
        row["text_label"] = {"積極": "消極", "消極": "積極"}[row["text_label"]]
    rows[10]["views"]["RW"] = []
    write_jsonl(tmp_path / "second/SCPOS.jsonl", rows)
    words = ["--metrics", str(tmp_path / "a.json"), "--disagreements", str(tmp_path / "d.jsonl"), "--resamples", "50"]
    corpus = ["--corpus", str(ROOT / "data/corpus"), str(tmp_path / "second")]
    main([*corpus, "--names", "first", "second", *words])
    made = json.loads((tmp_path / "a.json").read_bytes())
    (pair,) = made["pairs"]
    assert (pair["text"]["SCPOS"]["texts"], pair["text"]["SCPOS"]["agreement"]) == (20, 0.75)
    assert pair["records"] == 20 * 2 * 3
    assert {cell["subset"] for cell in pair["cells"]} == {"SCPOS-RW", "SCPOS-ADJN"}
    assert made["disagreements"] == 5 * 2 * 3 + 3
    with pytest.raises(UserError, match="named twice"):
        main(["--corpus", str(tmp_path), str(tmp_path), "--names", "a", "b", *words])
    with pytest.raises(UserError, match="two people"):
        main([*corpus, "--names", "kei", "KEI", *words])
    rows[0]["views"]["RW"][0]["ja"] = "どこにもない"
    write_jsonl(tmp_path / "second/SCPOS.jsonl", rows)
    with pytest.raises(UserError, match=r"1 annotations have no place: .*0001"):
        of_corpus(tmp_path / "second", ROOT / "data/corpus/types.json", LANGUAGES)


def test_blind_patches_of_two_people_and_a_copied_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    desk, blind = open_desk("data", LANGUAGES), project / "data/blind"
    names = [f"SCNM/NER/own/{n}/en" for n in (1, 2, 3, 4)]
    for who, labels in (("kei", ("Society",) * 4), ("aya", ("Society", "Academia", "Society"))):
        for name, label in zip(names, labels, strict=False):
            made = decide(desk.cases[name], {"text_label": label}, "accept", annotator=who, reason="blind")
            append(blind, who, made)
    append(blind, "aya", decide(desk.cases["SCNM/NER/own/4/en"], {}, "reject", annotator="aya", reason="blind"))
    words = ["--patches", "data/blind", "--metrics", "a.json", "--disagreements", "d.jsonl", "--resamples", "50"]
    main(words)
    (pair,) = json.loads(Path("a.json").read_bytes())["pairs"]
    assert pair["annotators"] == ["aya", "kei"]
    assert (pair["text"]["SCNM/en"]["texts"], pair["rejected"]) == (3, {"both": 0, "one": 1})
    assert [line["id"] for line in iter_jsonl("d.jsonl")] == [names[1], names[3]]
    copy = (blind / "kei.jsonl").read_text(encoding="utf-8").replace('"kei"', '"bo"')
    (blind / "bo.jsonl").write_text(copy, encoding="utf-8")
    with pytest.raises(UserError, match="one is a copy"):
        main(words)
