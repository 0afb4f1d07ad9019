"""Records of a source of one's own, written in a line."""

from __future__ import annotations

from collections.abc import Iterable

from stages.records.record import Record, group_of
from stages.sources.common import make_record


def scnm_record(native: str, lang: str, text: str, items: Iterable[tuple[str, str, int]], label: str) -> Record:
    """A training record of SCNM: items are (label, words, start), and its group is that of its native id."""
    return make_record(
        subset_name="SCNM", task="NER", source="own", native=native, lang=lang, text=text, text_label=label,
        extractions=[{"label": name, "spans": [{"text": words, "start": at}]} for name, words, at in items],
        split="train", group=group_of(native),
    )  # fmt: skip
