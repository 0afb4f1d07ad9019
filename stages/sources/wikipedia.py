"""Japanese Wikipedia NER of Stockmark Inc.: SCNM records without a text label, which `tconer` gives them.

Reads `ner.json` of github.com/stockmarkteam/ner-wikipedia-dataset, version 2.0, CC BY-SA 3.0: one JSON list of
`{"curid", "text", "entities": [{"name", "span": [start, end], "type"}]}`; offsets count code points, and the eight
types are the Japanese labels of SCNM. A native id is `<curid>-<hash of the text>`, since a page gives several
sentences; the second of two equal ones ends in `-2`. `source.limit` takes the first sentences.
"""

from __future__ import annotations

from typing import Any

from stages.core.errors import UserError
from stages.core.files import read_json
from stages.records.record import Extraction, Record, group_of
from stages.records.tasks import subset
from stages.sources.common import Natives, Source, check_text, make_record, pinned

FORM = 'the form is [{"curid", "text", "entities": [{"name", "span": [start, end], "type"}]}]'


def _extraction(entity: Any, text: str, place: str) -> Extraction:
    labels = (subset("SCNM").word_labels["NER"] or {})["ja"]
    match entity:
        case {"name": str(name), "span": [int(start), int(end)], "type": label, **rest} if not rest:
            if not 0 <= start < end or text[start:end] != name:
                raise UserError(place, f"span [{start}, {end}] is not {name!r} in its text", "repair the offsets")
            if label not in labels:
                raise UserError(place, f"unknown type {label!r}", f"one of {', '.join(labels)}")
            return {"label": label, "spans": [{"text": name, "start": start}]}
    raise UserError(place, "wrong keys or values", FORM)


def records(source: Source) -> list[Record]:
    """One record a sentence, with every entity."""
    rows = read_json(pinned(source))
    if not isinstance(rows, list):
        raise UserError(source.path, "is no JSON list", FORM)
    result, natives = list[Record](), Natives()
    for number, row in enumerate(rows[: source.limit]):
        place = f"{source.path}[{number}]"
        match row:
            case {"curid": str(curid), "text": text, "entities": list(entities), **rest} if curid and not rest:
                check_text(text, place)
            case _:
                raise UserError(place, "wrong keys or values", FORM)
        record = make_record(
            subset_name="SCNM",
            task="NER",
            source=source.name,
            native=natives.apart(f"{curid}-{group_of(text)[:8]}"),
            lang="ja",
            text=text,
            text_label=None,
            extractions=[_extraction(entity, text, f"{place}.entities[{k}]") for k, entity in enumerate(entities)],
        )
        result.append(record)
    return result
