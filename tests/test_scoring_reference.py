"""The scorer against a second, obvious one: multisets of collections.Counter, fractions, records drawn one by one.

The second one never sees the linear format: it scores the labels and extractions that the outputs were made from.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.linear import WIDTH, encode_list
from stages.schema import faults
from stages.score import defects, intervals, judge, judge_all, read_gold, scores, tally
from stages.tasks import subset, task_of

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
        return st.tuples(*[st.sampled_from(["", *SPANS[:4]])] * WIDTH["event"]).filter(any)

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


def f1(right: int, found: int, gold: int) -> Fraction:
    if found == gold == 0:
        return Fraction(100)
    if right == 0:
        return Fraction(0)
    precision, recall = Fraction(right, found), Fraction(right, gold)
    return 100 * 2 * precision * recall / (precision + recall)


def reference(drawn: list[Pair], text: bool, words: bool) -> dict[str, Fraction | int]:
    """TL, WL, ALL, n of some records, from the definitions."""
    result: dict[str, Fraction | int] = {"n": len(drawn)}
    result["ALL"] = Fraction(100 * sum(map(is_exact, drawn)), len(drawn))
    if text:
        hits = sum(pair.label is not None and pair.label == pair.gold_label for pair in drawn)
        given_labels = [pair.label for pair in drawn if pair.label is not None]
        result["TL"] = f1(hits, len(given_labels), sum(pair.gold_label is not None for pair in drawn))
    if words:
        right = sum((Counter(pair.found) & Counter(pair.gold)).total() for pair in drawn)
        result["WL"] = f1(right, sum(len(p.found) for p in drawn), sum(len(p.gold) for p in drawn))
    return result


def agree(row: dict[str, float], expected: dict[str, Fraction | int]) -> None:
    assert row.keys() == expected.keys()
    assert all(abs(row[key] - expected[key]) <= 0.005001 for key in row), (row, expected)


@settings(max_examples=300, deadline=None)
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


@settings(max_examples=200, deadline=None)
@given(st.lists(pairs(), min_size=1, max_size=12))
def test_defects_are_those_of_the_definitions(drawn: list[Pair]) -> None:
    result = defects(judged(drawn))
    assert faults(result, "defect_metrics") == []
    kinds, broken, spans = Counter[str](), 0, list[tuple[int, str]]()
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
        skip = {"NER": 0, "RE": 1, "EE": None}[pair.task]
        spans += [(n, part) for fields in pair.found for k, part in enumerate(fields) if k != skip and part]
    astray = [(n, part) for n, part in spans if part not in TEXT]
    assert result["all"]["format"]["kinds"] == dict(kinds)
    assert result["all"]["format"]["records"] == broken
    grounding = result["all"]["grounding"]
    assert (grounding["spans"], grounding["not_in_text"], grounding["records"]) == (
        len(spans),
        len(astray),
        len({n for n, _ in astray}),
    )


@settings(max_examples=500, deadline=None)
@given(
    pairs(),
    st.text(alphabet=st.one_of(st.sampled_from("社会/NER:;\\人名東京 "), st.characters(exclude_categories=["Cs"]))),
)
def test_any_string_is_judged_within_bounds(pair: Pair, said: str) -> None:
    gold = read_gold(example(pair, 0), "gold")
    result = judge(gold, said)
    counts = result.counts
    assert 0 <= counts.tp <= min(counts.n_pred, counts.n_gold)
    assert counts.tl_hit <= min(counts.tl_pred, counts.tl_gold) <= 1
    assert result.ungrounded <= result.spans
    assert not (counts.exact and result.defects)
    assert faults(defects({gold.cell: Counter([result])}), "defect_metrics") == []


def test_intervals_are_those_of_drawing_records_one_by_one() -> None:
    """Over two cells; both are Monte Carlo, so they agree to within their noise, about a point at 4,000 resamples."""
    drawn = []
    for n in range(120):
        name = "SCNM" if n < 80 else "TCONER"
        label, item = subset(name).text_labels["ja"][0], ("人名", "東京")
        found = [item] * (n % 3) + [("人名", "京")] * (n % 2)
        drawn.append(Pair(name, "NER", "ja", label, [item, item], label if n % 5 else None, found, True))
    result = intervals(judged(drawn), 4000, 3)
    assert faults(result, "interval_metrics") == []
    generator = np.random.default_rng(0)
    parts = [[pair for pair in drawn if pair.subset == name] for name in ("SCNM", "TCONER")]
    rows = []
    for _ in range(1500):
        sample = [part[k] for part in parts for k in generator.integers(0, len(part), len(part))]
        rows.append(reference(sample, True, True))
    for key in ("TL", "WL", "ALL"):
        low, high = np.percentile([float(row[key]) for row in rows], [2.5, 97.5])
        found_interval = result["intervals"]["all"][key]
        assert abs(found_interval["low"] - low) < 1.0, key
        assert abs(found_interval["high"] - high) < 1.0, key
        assert high - low > 3
