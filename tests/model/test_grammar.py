"""Constrained decoding: every gold answer can be written, in any tokens, and nothing but well-formed answers can."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from stages.core.errors import UserError
from stages.model.common import output_ids
from stages.model.grammar import LONGEST_LABEL, Answer, Vocabulary, chunks, text_of
from stages.records.linear import VIEWS, View, encode, encode_input, encode_list, parse
from stages.records.record import Record
from stages.records.tasks import DELIMITERS, subset, task_of
from tests.support.tiny_llama import byte_tokenizer

Example = dict[str, str]
EXTRA = 7  # outputs of a model beyond its tokenizer
# (sub-dataset, task): spans with closed and with open labels, relations, events
KINDS = (("SCNM", "NER"), ("TCONER", "NER"), ("TCREE", "RE"), ("TCREE", "EE"))
HOSTILE = ':;\\/ab \n"}東京é😀'


def example_of(text: str, name: str, task: str, lang: str = "en") -> Example:
    return {"id": "x", "subset": name, "task": task, "lang": lang, "input": encode_input(text, task_of(name, task))}


def encoded(record: Record, view: View) -> tuple[Example, str]:
    source, target = encode(record, view)
    return {**{key: record[key] for key in ("id", "subset", "task", "lang")}, "input": source}, target


@pytest.fixture(scope="module")
def bytewise() -> Vocabulary:
    return Vocabulary(byte_tokenizer(), 258)


@pytest.fixture(scope="module")
def tokenizer(sample: list[Record]) -> PreTrainedTokenizerFast:
    """A byte-level BPE trained on answers as wholes: its tokens end inside characters and reach across delimiters."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=900, initial_alphabet=alphabet, special_tokens=["<end>"], show_progress=False
    )
    backend.train_from_iterator([encode(record)[1] for record in sample[::3]], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>", pad_token="<end>")


@pytest.fixture(scope="module")
def crossing(tokenizer: PreTrainedTokenizerFast) -> Vocabulary:
    return Vocabulary(tokenizer, len(tokenizer) + EXTRA)


def size(vocabulary: Vocabulary) -> int:
    return vocabulary.grammar.vocab_size


def wish(vocabulary: Vocabulary, token: int) -> torch.Tensor:
    scores = torch.zeros(size(vocabulary))
    scores[token] = 1
    return scores


def refused(vocabulary: Vocabulary, example: Example, view: View, ids: Iterable[int]) -> str | None:
    """What was written before the first token that could not come next, or None: all could, the end token too."""
    answer, written = Answer(vocabulary, example, view), b""
    for token in [*ids, vocabulary.end]:
        if answer.choose(wish(vocabulary, token)) != token:
            return written.decode(errors="replace") + " | " + vocabulary.bytes_of(token).decode(errors="replace")
        written += vocabulary.bytes_of(token)
    return None


def any_tokens(vocabulary: Vocabulary, text: str, rng: random.Random) -> list[int]:
    """The text in tokens, each a random one of those that fit."""
    tokens = {vocabulary.bytes_of(n): n for n in range(1, size(vocabulary) - EXTRA)}
    data, ids = text.encode(), list[int]()
    while data:
        fitting = [piece for piece in (data[: n + 1] for n in range(12)) if piece in tokens]
        piece = rng.choice(fitting)
        ids.append(tokens[piece])
        data = data[len(piece) :]
    return ids


def walk(vocabulary: Vocabulary, example: Example, view: View, seed: int, limit: int = 120) -> str | None:
    """An answer of random tokens, of which the end and the delimiters are likelier; None if it did not end."""
    answer, generator, written = Answer(vocabulary, example, view), torch.Generator().manual_seed(seed), b""
    colon = next(n for n in range(1, size(vocabulary) - EXTRA) if vocabulary.bytes_of(n) == b":")
    for _ in range(limit):
        scores = torch.rand(size(vocabulary), generator=generator)
        for token in (vocabulary.end, colon):
            scores[token] += 0.3
        token = answer.choose(scores)
        if token == vocabulary.end:
            return written.decode()  # strict: no character is cut
        written += vocabulary.bytes_of(token)
    return None


def spans_of(text: str) -> list[str]:
    """Every part of the text that cuts no word and has no white space at its ends."""
    parts = chunks(text)
    found = ["".join(parts[start:end]) for end in range(1, len(parts) + 1) for start in range(end)]
    return [span for span in found if span == span.strip()]


def assert_well_formed(output: str, example: Example, view: View) -> None:
    text, task = text_of(example, view)
    entry, lang = subset(example["subset"]), example["lang"]
    parsed = parse(output, task)
    assert parsed.defects == []
    asks_label, asks_words = view in ("joint", "text", "words_given"), view in ("joint", "words", "text_given")
    assert parsed.text_label in (entry.text_labels[lang] if asks_label else [None])
    # Written as `linear.encode` would: escapes are where they belong, and nowhere else.
    items = encode_list(parsed.extractions, task.kind)
    assert output == f"{parsed.text_label or ''}/{task.word}/{items}"
    assert asks_words or not items
    table = entry.word_labels[task.name]
    for fields in parsed.extractions:
        spans = list(fields)
        if task.kind != "event":
            label = spans.pop({"span": 0, "relation": 1}[task.kind])
            if table is None:
                assert 0 < len(label) <= LONGEST_LABEL
                assert DELIMITERS.isdisjoint(label)
            else:
                assert label in table[lang]
        assert any(spans)
        assert {*spans} <= {"", *spans_of(text)}


@pytest.mark.slow
def test_every_gold_answer_can_be_written(
    sample: list[Record], crossing: Vocabulary, tokenizer: PreTrainedTokenizerFast
) -> None:
    for record in sample:
        example, gold = encoded(record, "joint")
        assert refused(crossing, example, "joint", output_ids(tokenizer, gold)) is None


@pytest.mark.parametrize("view", VIEWS)
def test_gold_answers_of_each_view_can_be_written_in_any_tokens(
    sample: list[Record], crossing: Vocabulary, view: View
) -> None:
    rng = random.Random(0)
    for record in sample[VIEWS.index(view) :: 20]:
        example, gold = encoded(record, view)
        assert refused(crossing, example, view, any_tokens(crossing, gold, rng)) is None


@pytest.mark.parametrize("view", VIEWS)
def test_random_answers_are_well_formed(sample: list[Record], crossing: Vocabulary, view: View) -> None:
    ended = 0
    rows = sample[VIEWS.index(view) :: 20]
    for seed, record in enumerate(rows):
        example, _ = encoded(record, view)
        output = walk(crossing, example, view, seed)
        if output is not None:
            assert_well_formed(output, example, view)
            ended += 1
    assert ended > len(rows) / 2


@settings(max_examples=80)
@given(
    text=st.text(HOSTILE, min_size=1, max_size=12), kind=st.sampled_from(KINDS), seed=st.integers(0, 99), data=st.data()
)
def test_delimiters_and_escapes_in_the_text_change_nothing(
    crossing: Vocabulary, text: str, kind: tuple[str, str], seed: int, data: st.DataObject
) -> None:
    example, task = example_of(text, *kind), task_of(*kind)
    found = spans_of(text)
    spans = st.sampled_from(found or ["none"])
    slots = st.one_of(st.just(""), spans)
    labels = subset(kind[0]).word_labels[kind[1]]
    words = st.sampled_from(labels["en"]) if labels else st.text("ab 京", min_size=1, max_size=4)
    fields: Any = {
        "span": st.tuples(words, spans),
        "relation": st.tuples(spans, words, spans),
        "event": st.tuples(slots, slots, slots, slots).filter(any),
    }[task.kind]
    items = data.draw(st.lists(fields, max_size=3 if found else 0, unique=True))
    gold = f"{subset(kind[0]).text_labels['en'][0]}/{task.word}/{encode_list(items, task.kind)}"
    assert refused(crossing, example, "joint", any_tokens(crossing, gold, random.Random(seed))) is None
    output = walk(crossing, example, "joint", seed)
    if output is not None:
        assert_well_formed(output, example, "joint")


def one_by_one(vocabulary: Vocabulary, data: bytes) -> list[int]:
    """The tokens of single bytes."""
    by_byte = {vocabulary.bytes_of(n): n for n in range(1, 257)}
    return [by_byte[bytes([byte])] for byte in data]


def next_bytes(vocabulary: Vocabulary, example: Example, written: bytes, view: View = "joint") -> set[bytes | None]:
    """The bytes that may come after what is written; None is the end."""
    answer = Answer(vocabulary, example, view)
    for token in one_by_one(vocabulary, written):
        assert answer.choose(wish(vocabulary, token)) == token
    return {None if n == vocabulary.end else vocabulary.bytes_of(n) for n in answer.legal().tolist()}


def test_a_span_is_copied_from_the_text_by_whole_characters(bytewise: Vocabulary) -> None:
    example, start = example_of("é;b", "SCNM", "NER"), b"Nature/NER/:Person;"
    assert next_bytes(bytewise, example, b"") == {b"S", b"L", b"A", b"T", b"N"}
    assert next_bytes(bytewise, example, b"Nature/NER/") == {b":", None}
    assert next_bytes(bytewise, example, start) == {b"\xc3", b"\\", b"b"}
    assert next_bytes(bytewise, example, start + b"\xc3") == {b"\xa9"}
    assert next_bytes(bytewise, example, start + b"\xc3\xa9") == {b"\\", b":", None}
    assert next_bytes(bytewise, example, start + b"\xc3\xa9\\") == {b";"}
    assert next_bytes(bytewise, example, start + b"\xc3\xa9\\;") == {b"b", b":", None}
    assert next_bytes(bytewise, example, start + b"b") == {b":", None}


def test_no_word_and_no_number_is_cut(bytewise: Vocabulary) -> None:
    example, start = example_of("Kokoro（1914年）", "SCNM", "NER"), b"Nature/NER/:Person;"
    assert next_bytes(bytewise, example, start) == {b"K", b"1", *("（"[:1].encode()[:1], "年".encode()[:1])}
    assert next_bytes(bytewise, example, start + b"Koko") == {b"r"}
    assert next_bytes(bytewise, example, start + b"Kokoro") == {"（".encode()[:1], b":", None}
    assert next_bytes(bytewise, example, start + b"191") == {b"4"}
    assert next_bytes(bytewise, example, start + "1914年".encode()) == {"）".encode()[:1], b":", None}
    assert chunks("É́lan, 東京タワー iPhone15 A-1") == [
        *("É́lan", ",", " ", *"東京タワー", " ", "iPhone", "15", " ", "A", "-", "1")
    ]


def test_a_backslash_gets_its_escape_only_where_the_format_wants_one(bytewise: Vocabulary) -> None:
    example, start = example_of("a\\b\\:", "SCNM", "NER"), b"Nature/NER/:Person;"
    # In the middle of a field it stands alone, at its end doubled.
    assert next_bytes(bytewise, example, start + b"a\\") == {b"b", b"\\"}
    assert next_bytes(bytewise, example, start + b"a\\\\") == {b":", None}
    # Before a colon of the text it is doubled whether the field ends here or goes on.
    assert next_bytes(bytewise, example, start + b"b\\") == {b"\\"}
    assert next_bytes(bytewise, example, start + b"b\\\\") == {b"\\", b":", None}


def test_relations_and_events_are_closed_before_the_end(bytewise: Vocabulary) -> None:
    word = subset("TCREE").word_labels["RE"]
    assert word
    relation = f"{subset('TCREE').text_labels['en'][0]}/Relation Extraction/:a;{word['en'][0]};a".encode()
    example = example_of("a", "TCREE", "RE")
    assert next_bytes(bytewise, example, relation) == {b":"}
    assert next_bytes(bytewise, example, relation + b":") == {b"a", None}
    event = f"{subset('TCREE').text_labels['en'][0]}/Event Extraction/:".encode()
    example = example_of("a", "TCREE", "EE")
    assert next_bytes(bytewise, example, event) == {b"a", b";"}
    assert next_bytes(bytewise, example, event + b";;;") == {b"a"}  # not all four roles are empty
    assert next_bytes(bytewise, example, event + b"a;;;") == {b"a", b":"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", " ", "\n\u3000\u00a0"])
def test_a_text_without_a_word_has_only_an_empty_list(bytewise: Vocabulary, text: str, kind: tuple[str, str]) -> None:
    label, word = subset(kind[0]).text_labels["en"][0], task_of(*kind).word
    assert next_bytes(bytewise, example_of(text, *kind), f"{label}/{word}/".encode()) == {None}


def test_no_span_begins_or_ends_with_white_space(bytewise: Vocabulary) -> None:
    example, start = example_of("a b\u3000c \\", "SCNM", "NER"), b"Nature/NER/:Person;"
    assert next_bytes(bytewise, example, start) == {b"a", b"b", b"c", b"\\"}
    assert next_bytes(bytewise, example, start + b"a") == {b" ", b":", None}
    assert next_bytes(bytewise, example, start + b"a ") == {b"b"}
    assert next_bytes(bytewise, example, start + "a b\u3000".encode()) == {b"c"}
    assert next_bytes(bytewise, example, start + b"c ") == {b"\\"}


def test_scores_may_be_those_of_some_tokens(bytewise: Vocabulary) -> None:
    example, tokens = example_of("ab", "SCNM", "NER"), np.array(one_by_one(bytewise, b"AZn"), dtype=np.int64)
    tokens.sort()
    first = Answer(bytewise, example, "joint").choose(torch.tensor([0.0, 2.0, 1.0]), tokens)
    assert bytewise.bytes_of(first) == b"A"  # the one of them that may come, whatever the others score
    none = np.array(one_by_one(bytewise, b"Z"), dtype=np.int64)
    fallen = Answer(bytewise, example, "joint").choose(torch.zeros(1), none)
    assert fallen == Answer(bytewise, example, "joint").legal()[0]


@settings(max_examples=60)
@given(
    text=st.text(HOSTILE, min_size=1, max_size=12),
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 999),
    favoured=st.floats(0, 1),
)
def test_adding_the_best_token_first_gives_what_the_mask_gives(
    crossing: Vocabulary, text: str, kind: tuple[str, str], seed: int, favoured: float
) -> None:
    """Scores of few values, so that many tokens are the best; those that may come are favoured in some steps."""
    example, generator = example_of(text, *kind), torch.Generator().manual_seed(seed)
    quick, whole = Answer(crossing, example, "joint"), Answer(crossing, example, "joint")
    for _ in range(40):
        scores = torch.randint(0, 3, (size(crossing),), generator=generator).to(torch.bfloat16)
        legal = whole.legal()
        if float(torch.rand(1, generator=generator)) < favoured:
            scores[torch.from_numpy(legal)] += 1
        best = int(scores.max(-1).indices)
        added = quick.add(best)
        assert added == (best in legal)
        token = best if added else quick.choose(scores)
        assert token == whole.choose(scores)
        if token == crossing.end:
            break
        assert (quick.legal() == whole.legal()).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_token_is_added_if_and_only_if_the_mask_has_it(
    crossing: Vocabulary, kind: tuple[str, str], seed: int
) -> None:
    example, generator, written = example_of("é;b\\: Ko 東", *kind), torch.Generator().manual_seed(seed), list[int]()
    answer = Answer(crossing, example, "joint")
    for _ in range(25):
        legal = answer.legal()
        assert not any(answer.add(token) for token in range(size(crossing)) if token not in legal)
        assert (answer.legal() == legal).all()  # a refused token leaves no trace
        for token in legal[:: max(1, len(legal) // 3)].tolist():
            again = Answer(crossing, example, "joint")
            assert all(map(again.add, [*written, token]))
        going = legal[legal != crossing.end]  # in a joint view only the end ends an answer
        written.append(int(going[int(torch.randint(len(going), (1,), generator=generator))]))
        assert answer.add(written[-1])


def test_outputs_beyond_the_tokenizer_are_never_chosen(crossing: Vocabulary) -> None:
    answer = Answer(crossing, example_of("ab", "TCONER", "NER"), "joint")
    scores = torch.zeros(size(crossing))
    scores[-EXTRA:] = 9
    for _ in range(40):
        assert answer.choose(scores) < size(crossing) - EXTRA


def test_a_tokenizer_that_changes_the_text_is_refused() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)
    with pytest.raises(UserError, match="tokenizer changes a text"):
        Vocabulary(tokenizer, 258)


def test_a_language_without_labels_is_refused_by_name(bytewise: Vocabulary) -> None:
    with pytest.raises(UserError, match="no labels in 'fr'"):
        Answer(bytewise, example_of("ab", "SCNM", "NER", lang="fr"), "joint")
