"""Filter, ledger, calibration, joins, mix and quality: known answers and what must not happen."""

from __future__ import annotations

import copy
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.joins import by_language
from stages.core.schema import faults
from stages.records.record import Record, with_lang
from stages.records.validate import ARTIFACTS
from stages.report.quality import measured_of, quality
from stages.text.writing_systems import untranslated
from stages.translation.filter import Filter, filter_records, judge
from tests.support.pipeline import DATA_STAGES, ROOT, here, new_folder, run_stages

BOTH = Filter(untranslated=True, unaligned="record")


def translation_of(record: Record, failure: str | None = None) -> dict[str, Any]:
    return {
        "id": record["id"],
        "source_id": with_lang(record["id"], "ja"),
        "response": "0" * 64,
        "failure": failure,
        "model": "first",
        "steps": {},
        "record": None if failure else record,
    }


def reasons(record: Record, rules: Filter) -> list[str]:
    """Why the paper's rules alone refuse a translation."""
    return judge(translation_of(record), record, rules, None)[1]


def in_lang(items: list[Record], lang: str) -> list[Record]:
    return [record for record in items if record["lang"] == lang]


# --- filter ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "text", "codes"),
    [
        ("en", "The poet 白鳥 wrote it.", ["untranslated_japanese"]),
        ("en", "The poet wrote ノート.", ["untranslated_japanese"]),
        ("en", "Café “Zoë” – 5 km², 🎉", []),
        ("zh", "他喜欢この城市。", ["untranslated_kana"]),
        ("zh", "松江市的旧社会刷新連盟。", ["untranslated_han"]),
        ("zh", "让·雅克・卢梭在1762年出版了《爱弥儿》。", []),
        ("zh", "二〇二四年", []),
        ("ja", "The poet wrote it.", ["untranslated_text"]),
        ("ja", "詩人はAIを使った。", []),
    ],
)
def test_untranslated_characters_are_told_by_script(lang: str, text: str, codes: list[str]) -> None:
    assert list(untranslated(lang, [text])) == codes


def test_the_references_pass_the_papers_rules_but_for_rare_chinese_characters(references: list[Record]) -> None:
    refused = [record for record in references if reasons(record, BOTH)]
    found = {code for record in refused for code in reasons(record, BOTH)}
    assert found <= {"untranslated_han"}
    assert len(refused) <= 0.02 * len(references), [record["text"] for record in refused]


def test_each_rule_has_its_switch(references: list[Record]) -> None:
    record = copy.deepcopy(in_lang(references, "en")[0])
    record["text"] += " ノート"
    record["extractions"][0]["spans"][0]["start"] = None
    for left, rule in [(True, "record"), (True, "keep"), (False, "record"), (False, "keep"), (False, "span")]:
        expected = ["untranslated_japanese"] * left + ["unaligned"] * (rule == "record")
        assert reasons(record, Filter(left, rule)) == expected


def test_a_lost_span_costs_the_record_or_its_extraction(references: list[Record]) -> None:
    record = copy.deepcopy(next(r for r in in_lang(references, "en") if len(r["extractions"]) > 1))
    record["extractions"][0]["spans"][0]["start"] = None
    candidate, found, dropped, _ = judge(translation_of(record), record, Filter(True, "span"), None)
    assert candidate is not None
    assert (candidate["extractions"], found, dropped) == (record["extractions"][1:], [], 1)


def test_the_ledger_balances_and_names_every_fate(records: list[Record], references: list[Record]) -> None:
    english = in_lang(references, "en")
    translations = [translation_of(record, "truncated" if n % 7 == 0 else None) for n, record in enumerate(english)]
    sources = [record for record in records if record["lang"] == "ja"]
    kept, quarantine, ledger = filter_records(sources, translations, "en", BOTH, None)
    assert len(ledger) == len(sources) == len(kept) + len(quarantine)
    assert Counter(line["outcome"] for line in ledger) == {"kept": len(kept), "quarantined": len(quarantine)}
    assert all(item["reasons"] == ["no_answer_truncated"] for item in quarantine)
    assert not [fault for line in ledger for fault in faults(line, "ledger")]


@pytest.mark.parametrize("change", ["lost", "twice"])
def test_a_ledger_that_does_not_balance_fails_the_stage(
    records: list[Record], references: list[Record], change: str
) -> None:
    translations = [translation_of(record) for record in in_lang(references, "en")]
    translations = translations[:-1] if change == "lost" else [*translations, translations[0]]
    with pytest.raises(UserError, match="no translation|translated twice"):
        filter_records([record for record in records if record["lang"] == "ja"], translations, "en", BOTH, None)


# --- quality ---------------------------------------------------------------------------------------------------------


def ledger_of(items: list[Record], kept: dict[str, Record]) -> list[dict[str, Any]]:
    return [{"id": record["id"], "outcome": "kept" if record["id"] in kept else "quarantined"} for record in items]


def cell_of(ledger: list[dict[str, Any]], kept: dict[str, Record], references: dict[str, Record]) -> dict[str, Any]:
    return quality(ledger, measured_of(ledger, kept, references))


def test_references_as_translations_score_100(references: list[Record]) -> None:
    kept = {record["id"]: record for record in references}
    cell = cell_of(ledger_of(references, kept), kept, kept)
    assert {cell[key] for key in cell if key.startswith(("chrf", "span", "label"))} == {100.0}
    assert cell["retention"] == 1.0


def test_a_lost_record_counts_as_zero_on_all_and_not_on_kept(references: list[Record]) -> None:
    news = [record for record in references if record["subset"] == "TCREE" and record["extractions"]][:40]
    all_references = {record["id"]: record for record in news}
    kept = {record["id"]: record for record in news[::2]}
    cell = cell_of(ledger_of(news, kept), kept, all_references)
    spans = [sum(len(item["spans"]) for item in record["extractions"]) for record in news]
    assert (cell["chrf"], cell["span_f1"], cell["chrf_all"]) == (100.0, 100.0, 50.0)
    hit, gold = sum(spans[::2]), sum(spans)
    assert cell["span_f1_all"] == round(100 * 2 * hit / (hit + gold), 2)


def test_a_wrong_span_moves_span_and_label_f1_and_a_wrong_label_only_the_latter(references: list[Record]) -> None:
    gold = {record["id"]: record for record in references if record["subset"] == "SCNM" and record["lang"] == "en"}
    number = sum(len(record["extractions"]) for record in gold.values())
    name = next(name for name, record in gold.items() if record["extractions"])
    for key, span_f1 in (("label", 100.0), ("span", round(100 * (number - 1) / number, 2))):
        wrong = copy.deepcopy(gold)
        item = wrong[name]["extractions"][0]
        if key == "label":
            item["label"] = "Event" if item["label"] != "Event" else "Person"
        else:
            item["spans"][0]["text"] = "nowhere"
        cell = cell_of(ledger_of(list(gold.values()), wrong), wrong, gold)
        assert cell["span_f1"] == span_f1
        assert cell["label_f1"] == round(100 * (number - 1) / number, 2)


# --- joins -----------------------------------------------------------------------------------------------------------


def test_a_join_refuses_a_missing_and_a_stale_language(tmp_path: Path) -> None:
    for name in ("ja.jsonl", "en.jsonl", "zh.jsonl", "en.report.jsonl", ".gitignore"):
        (tmp_path / name).write_text("")
    found = by_language(tmp_path, ["en", "ja", "zh"])
    assert [(lang, path.name) for lang, path in found.items()] == [(lang, f"{lang}.jsonl") for lang in found]
    with pytest.raises(UserError, match=r"ko\.jsonl: is missing"):
        by_language(tmp_path, ["ja", "en", "zh", "ko"])
    with pytest.raises(UserError, match=r"zh\.jsonl: is left from 'zh'.*find data -name 'zh\.\*' -delete"):
        by_language(tmp_path, ["ja", "en"])
    with pytest.raises(UserError, match="is missing"):
        by_language(tmp_path / "none", ["ja"])


# --- the data side as a whole ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_data_stages_give_the_same_bytes_in_any_time_zone_locale_and_hash_seed(tmp_path: Path) -> None:
    if not (ROOT / "data/responses.jsonl.gz").exists():
        pytest.skip("data/responses.jsonl.gz is absent: dvc pull data/responses.jsonl.gz.dvc")
    made = []
    # A few texts of each file are enough: what tells one run from the other is in none of them.
    sources = [
        {"name": name, "adapter": name, "path": f"data/{name}", "pin": None, "limit": 8}
        for name in ("sample", "corpus")
    ]
    for name, environment in (
        ("a", {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1"}),
        ("b", {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "2"}),
    ):
        folder = new_folder(tmp_path / name, raw={"sources": sources})
        run_stages(DATA_STAGES, folder, **environment, LLM_CACHE=str(tmp_path / "no-cache"))
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
        made.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
    assert len(made[0]) > 20
    assert made[0] == made[1]
    names = [name for name in made[0] if name.endswith(("jsonl", "json"))]
    assert all(any(fnmatch(name, pattern) for pattern in ARTIFACTS) for name in names)
    done = here(["stages.records.validate", *names], tmp_path / "a")
    assert done.returncode == 0, done.stdout
