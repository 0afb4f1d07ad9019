"""The scorer against a second, obvious one (tests/support/second_scorer.py), over the whole of docs/scoring.md.

Scores and defects over several records are compared with the labels and extractions that the outputs were made from;
single outputs, of any form, with what the second one reads in them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.schema import faults
from stages.records.linear import encode_list
from stages.records.tasks import ROLES, subset, task_of
from stages.scoring.score import UNKNOWN, Counts, counts_by_id, defects, judge, judge_all, read_gold, scores, tally
from tests.support.second_scorer import f1, read, right_ones, spans

Fields = tuple[str, ...]
CELLS = [("SCNM", "NER"), ("TCONER", "NER"), ("TCREE", "RE"), ("TCREE", "EE")]
TEXT = "東京の京：；a:b;A\\a"
SPANS = ["東京", "京", "a:b", ";", "A", "a", " a", "：；", "\\", "\\a", "ない", "x/y", "\n"]


class Pair(NamedTuple):
    """A record and its prediction, in plain parts; label None is no label."""

    subset: str
    task: str
    lang: str
    gold_label: str | None
    gold: list[Fields]
    label: str | None
    found: list[Fields]
    finished: bool


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    name, task = draw(st.sampled_from(CELLS))
    lang = draw(st.sampled_from(["ja", "en"]))
    entry, kind = subset(name), task_of(name, task).kind
    table = entry.word_labels[task]
    known = list(table[lang])[:3] if table else ["型", "種"]
    span = st.sampled_from(SPANS)

    def extraction(labels: list[str]) -> st.SearchStrategy[Fields]:
        label = st.sampled_from(labels)
        if kind == "span":
            return st.tuples(label, span)
        if kind == "relation":
            return st.tuples(span, label, span)
        return st.tuples(*[st.sampled_from(["", *SPANS[:4]])] * len(ROLES)).filter(any)

    gold = draw(st.lists(extraction(known), max_size=5))
    labels = list(entry.text_labels[lang])[:3]
    found = draw(st.permutations(gold))[: draw(st.integers(0, 5))] + draw(
        st.lists(extraction([*known, "その他"]), max_size=3)
    )
    return Pair(
        name,
        task,
        lang,
        draw(st.sampled_from([*labels, None])),
        gold,
        draw(st.sampled_from([*labels, "変", None])),
        found,
        draw(st.integers(0, 5)) > 0,
    )


def output(pair: Pair, label: str | None, items: list[Fields]) -> str:
    task = task_of(pair.subset, pair.task)
    return f"{label or ''}/{task.word}/{encode_list(items, task.kind)}"


def example(pair: Pair, number: int) -> dict[str, Any]:
    return {
        "id": f"{pair.subset}/{pair.task}/own/{number}/{pair.lang}",
        "subset": pair.subset,
        "task": pair.task,
        "lang": pair.lang,
        "input": f"{TEXT}/{task_of(pair.subset, pair.task).word}",
        "output": output(pair, pair.gold_label, pair.gold),
    }


def judged(drawn: list[Pair]) -> Any:
    golds = [example(pair, n) for n, pair in enumerate(drawn)]
    predictions = {
        gold["id"]: (output(pair, pair.label, pair.found), pair.finished)
        for gold, pair in zip(golds, drawn, strict=True)
    }
    return tally(judge_all([("gold", gold) for gold in golds], predictions))


def is_exact(pair: Pair) -> bool:
    return pair.finished and pair.label == pair.gold_label and Counter(pair.found) == Counter(pair.gold)


def reference(drawn: list[Pair], text: bool, words: bool) -> dict[str, Fraction | int]:
    """TL, WL, ALL, n of some records, from the definitions."""
    result: dict[str, Fraction | int] = {"n": len(drawn)}
    result["ALL"] = Fraction(100 * sum(map(is_exact, drawn)), len(drawn))
    if text:
        hits = sum(pair.label is not None and pair.label == pair.gold_label for pair in drawn)
        given_labels = [pair.label for pair in drawn if pair.label is not None]
        result["TL"] = f1(hits, len(given_labels), sum(pair.gold_label is not None for pair in drawn))
    if words:
        right = sum(right_ones(pair.found, pair.gold) for pair in drawn)
        result["WL"] = f1(right, sum(len(p.found) for p in drawn), sum(len(p.gold) for p in drawn))
    return result


def agree(row: dict[str, float], expected: dict[str, Fraction | int]) -> None:
    assert row.keys() == expected.keys()
    assert all(abs(row[key] - expected[key]) <= 0.005001 for key in row), (row, expected)


@settings(max_examples=150)
@given(st.lists(pairs(), min_size=1, max_size=12))
def test_scores_are_those_of_the_definitions(drawn: list[Pair]) -> None:
    result = scores(judged(drawn))
    assert faults(result, "evaluation_metrics") == []
    text, words = any(pair.gold_label for pair in drawn), any(pair.gold for pair in drawn)
    groups: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in drawn:
        groups[pair.lang, pair.subset].append(pair)
        groups[pair.lang, "all"].append(pair)
    assert {(lang, name) for lang in result if lang != "all" for name in result[lang]} == set(groups)
    for (lang, name), own in groups.items():
        agree(result[lang][name], reference(own, text, words))
    agree(result["all"], reference(drawn, text, words))


@settings(max_examples=100)
@given(st.lists(pairs(), min_size=1, max_size=12))
def test_defects_are_those_of_the_definitions(drawn: list[Pair]) -> None:
    result = defects(judged(drawn))
    assert faults(result, "defect_metrics") == []
    kinds, broken, said = Counter[str](), 0, list[tuple[int, str]]()
    for n, pair in enumerate(drawn):
        own = set()
        if not pair.finished:
            own.add("not_finished")
        if pair.label is None and pair.gold_label is not None:
            own.add("missing_text_label")
        if pair.label == "変":
            own.add("unknown_text_label")
        if pair.subset != "TCONER" and pair.task != "EE":
            at = 0 if pair.task == "NER" else 1
            own |= {"unknown_label" for fields in pair.found if fields[at] == "その他"}
        kinds.update(own)
        broken += bool(own)
        said += [(n, part) for part in spans(pair.found, task_of(pair.subset, pair.task).kind)]
    astray = [(n, part) for n, part in said if part not in TEXT]
    assert result["all"]["format"]["kinds"] == dict(kinds)
    assert result["all"]["format"]["records"] == broken
    grounding = result["all"]["grounding"]
    assert (grounding["spans"], grounding["not_in_text"], grounding["records"]) == (
        len(said),
        len(astray),
        len({n for n, _ in astray}),
    )


# Pieces of outputs, right and wrong, so that what is joined of them is often almost well formed.
PIECES = [
    *(
        "/",
        "/NER/",
        "/Open NER/",
        "/Relation Extraction/",
        "/Event Extraction/",
        ":",
        ";",
        ":人名;東京",
        ":東京;所在地;京:",
    ),
    *(
        ":東京;見た;;:",
        "社会",
        "政治",
        "Society",
        "人名",
        "Person",
        "その他",
        "東京",
        "Ｔ",
        "T",
        "t",
        "：",
        "；",
        " ",
        "\n",
        "a\\:b",
    ),
    *("\\", "\\\\", "\\;", "無い", "大阪"),
]


@settings(max_examples=300)
@given(
    pairs(),
    st.one_of(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.text(max_size=20)),
    st.booleans(),
    st.booleans(),
)
def test_any_output_is_judged_as_the_second_scorer_judges_it(pair: Pair, said: str, headed: bool, done: bool) -> None:
    task, entry = task_of(pair.subset, pair.task), subset(pair.subset)
    if headed:
        said = f"{pair.gold_label or ''}/{task.word}/{said}"
    result = judge(read_gold(example(pair, 0), "gold"), said, done)
    table = entry.word_labels[pair.task]
    words = table[pair.lang] if table else None
    label, found, kinds = read(said, task.kind, task.word, entry.text_labels[pair.lang], words)
    if pair.gold_label is not None and label is None:
        kinds.add("missing_text_label")
    if not done:
        kinds.add("not_finished")
    right, tp = label == pair.gold_label, right_ones(found, pair.gold)
    exact = right and Counter(found) == Counter(pair.gold) and not kinds
    asked, given_one = pair.gold_label is not None, label is not None
    assert result.counts == (right and asked, given_one, asked, tp, len(found), len(pair.gold), exact)
    assert result.defects == kinds
    assert (result.spans, result.ungrounded) == (
        len(spans(found, task.kind)),
        sum(part not in TEXT for part in spans(found, task.kind)),
    )
    known = label if label in (None, *entry.text_labels[pair.lang]) else UNKNOWN
    assert result.labels == (pair.gold_label, known)


@settings(max_examples=40)
@given(st.lists(pairs(), min_size=1, max_size=8))
def test_counts_by_id_are_those_that_the_scores_are_summed_from(drawn: list[Pair]) -> None:
    golds = [{**example(pair, n), "group": f"{n % 2:016x}"} for n, pair in enumerate(drawn)]
    said = {gold["id"]: (output(pair, pair.label, pair.found), True) for gold, pair in zip(golds, drawn, strict=True)}
    said.pop(golds[0]["id"])
    lines = [("gold", gold) for gold in golds]
    rows = list(counts_by_id(lines, said))
    assert [(row[0], row[1], row[2]) for row in rows] == [
        (g["id"], g["group"], (g["lang"], g["subset"])) for g in golds
    ]
    cells: dict[tuple[str, str], Counter[Counts]] = defaultdict(Counter)
    for _, _, cell, counts in rows:
        cells[cell][counts] += 1
    for cell, own in tally(judge_all(lines, said)).items():
        sums = Counter[Counts]()
        for judgement, times in own.items():
            sums[judgement.counts] += times
        assert sums == cells[cell]
