"""The small dictionary: which words of two texts mean alike, and what labels and clauses learn from it."""

from __future__ import annotations

from typing import Any

import pytest

from stages.checks.clause import words_score
from stages.checks.spans import span_swapped
from stages.checks.untranslated import half_word
from stages.checks.words import answered, dictionary, meaning, share, stem
from tests.support.findings import codes_of


@pytest.mark.parametrize(
    "forms",
    [["plant", "plants", "planting", "planted"], ["city", "cities"], ["buy", "bought"], ["stop", "stopped"], ["child", "children's"]],
)  # fmt: skip
def test_forms_of_a_word_have_one_stem(forms: list[str]) -> None:
    assert len(set(map(stem, forms))) == 1


def test_different_words_have_different_stems() -> None:
    assert len(set(map(stem, ["glass", "class", "string", "strong", "salt", "sale"]))) == 6


@pytest.mark.parametrize("lang", ["ja", "zh"])
def test_the_dictionary_says_where_it_comes_from_and_has_the_common_words(lang: str) -> None:
    assert {"ja": "歯医者", "zh": "牙医"}[lang] in dictionary(lang)
    assert stem("dentist") in dictionary(lang)[{"ja": "歯医者", "zh": "牙医"}[lang]]
    assert all(not word.startswith("#") and stems for word, stems in dictionary(lang).items())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("市長", "ja"), ("the mayor", "en")),
        (("tomato seeds", "en"), ("番茄种子", "zh")),
        (("都市", "ja"), ("城市", "zh")),
        (("値段", "ja"), ("价格", "zh")),
    ],
)
def test_a_phrase_and_its_translation_mean_alike(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert share(one[0], other[0], (one[1], other[1])) == share(other[0], one[0], (other[1], one[1])) == 1.0


def test_other_phrases_do_not_and_a_name_says_nothing() -> None:
    assert share("veterinarian", "歯科医", ("en", "ja")) == 0.0
    assert share("オルセン", "Olsen", ("ja", "en")) == 0.0


def test_words_have_their_places_and_grammar_is_left_out() -> None:
    text = "電池は二時間で切れてしまう。"
    assert [(word.text, text[word.start :][: len(word.text)]) for word in meaning(text, "ja").words][0] == ("電池",) * 2
    assert meaning("It is not that of them.", "en").words == ()


def test_answered_and_missing() -> None:
    found, missing = answered(meaning("電池が壊れた。", "ja"), meaning("The watering can broke.", "en"))
    assert ([word.text for word in found], [word.text for word in missing]) == (["壊れ"], ["電池"])


def record(lang: str, text: str, *spans: tuple[str, str], subset: str = "TCONER") -> dict[str, Any]:
    return {
        "subset": subset,
        "task": {"TCONER": "NER", "SCPOS-N": "N"}[subset],
        "lang": lang,
        "text": text,
        "extractions": [
            {"label": label, "spans": [{"text": part, "start": text.index(part)}]} for label, part in spans
        ],
    }


VET = record(
    "en", "The veterinarian Ngozi Abara weighed the dog.", ("occupation", "veterinarian"), ("person", "Ngozi Abara")
)
VET_JA = "獣医のンゴジ・アバラは犬の体重を量った。"


def test_open_labels_are_told_by_what_they_mean() -> None:
    right = record("ja", VET_JA, ("職業", "獣医"), ("人", "ンゴジ・アバラ"))
    wrong = record("ja", VET_JA, ("職業", "ンゴジ・アバラ"), ("人", "獣医"))
    assert codes_of(span_swapped(VET, right)) == []
    assert codes_of(span_swapped(VET, wrong)) == ["span_swapped"]


def test_a_label_without_a_counterpart_is_not_asked() -> None:
    assert codes_of(span_swapped(VET, record("ja", VET_JA, ("鉱物", "獣医")))) == []


def test_a_phrase_that_stands_outside_its_span_is_found() -> None:
    source = record("ja", "見た目は美しいが、電池が弱い。", ("ポジティブ", "見た目"), subset="SCPOS-N")
    text = "The appearance is beautiful, but the battery is weak."
    wrong = record("en", text, ("Positive", "beautiful"), subset="SCPOS-N")
    assert [(item.code, item.strength, item.what) for item in span_swapped(source, wrong)] == [
        ("span_swapped", 1.0, "見た目")
    ]
    right = record("en", text, ("Positive", "appearance"), subset="SCPOS-N")
    assert codes_of(span_swapped(source, right)) == []


def test_a_clause_whose_words_are_gone_scores_higher() -> None:
    source = record("ja", "音質は悪くないのに、電池の持ちがひどい。充電に三時間もかかり、ケースも割れた。")
    whole = record("en", "The sound quality is not bad, but battery life is terrible. Charging takes three hours, and the case cracked.")  # fmt: skip
    cut = record("en", "The sound quality is not bad, and that is all I have to say about it here and now, my friends.")
    assert words_score(source, whole) < 0.5 < words_score(source, cut)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("アミoxicillinを止めた。", "oxicillin"),
        ("现在ruz时煮面。", "ruz"),
        ("Nowruzの日に。", None),
        ("約5kmを歩いた。", None),
        ("妻のrunは速い。", None),  # a word of the source, though the end of another too
    ],
)
def test_half_a_word_of_the_source_is_found(text: str, found: str | None) -> None:
    assert half_word(text, "For Nowruz, Amoxicillin was stopped after 5km and a rerun of the run.") == found
