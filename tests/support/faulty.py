"""Records for a server that fails: which fault meets which record, one of twenty for each."""

from __future__ import annotations

from collections.abc import Sequence

from stages.records.record import Record
from tests.support.openai_server import record

PLACES = ("盛岡市", "灘区", "霧沢町", "Re: 谷")
# What meets the first tries of a record, by its number modulo 20; each passes.
PASSING = {
    0: ["429:0.05"],
    1: ["500"],
    2: ["reset"],
    3: ["half"],
    4: ["broken_body"],
    5: ["html"],
    6: ["not_utf8"],
    7: ["no_choices"],
    8: ["500", "reset"],
}
HANGS = (9, 49)  # numbers of the records whose first try hangs
# What every answer to a record is, and the reason in the ledger.
ALWAYS = {10: "cut", 11: "refusal", 12: "content_filter", 13: "not_json", 14: "span_count", 15: "same_id", 16: "no_id"}
LOST = {
    "cut": "no_answer_truncated",
    "refusal": "no_answer_refused",
    "content_filter": "no_answer_filtered",
    "not_json": "no_answer_not_json",
    "span_count": "no_answer_span_count",
}


def marker(number: int) -> str:
    """What the text of that record, and of no other, holds; no digits, since the server's answers have none."""
    return f"第{''.join(chr(ord('ア') + 2 * int(digit)) for digit in str(number))}回"


def faulty_records(count: int) -> list[Record]:
    """So many records, each with a text and a span of its own."""
    return [
        record("SCNM", "NER", f"{n:05}", f"{marker(n)}の集会は{PLACES[n % 4]}で開かれた。", "社会", [("地名", PLACES[n % 4])])
        for n in range(count)
    ]  # fmt: skip


def passing_faults(records: Sequence[Record]) -> dict[str, list[str]]:
    """The server's `faults` for them."""
    faults = {marker(n): list(PASSING[n % 20]) for n in range(len(records)) if n % 20 in PASSING}
    return faults | {marker(n): ["hang"] for n in HANGS if n < len(records)}


def answers_always(records: Sequence[Record]) -> dict[str, str]:
    """The server's `always` for them."""
    return {marker(n): ALWAYS[n % 20] for n in range(len(records)) if n % 20 in ALWAYS}
