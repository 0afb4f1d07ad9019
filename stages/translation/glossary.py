"""Translates each distinct open label (TCONER's entity types) into one language, once.

    python -m stages.translation.glossary --lang ja --records data/tconer/records.jsonl --prompt stages/prompts/glossary/v1.yaml \\
        --responses data/responses.jsonl.gz --review data/glossary-review \\
        --out data/glossary/ja.json --usage data/usage/glossary-ja.json

A label whose translation cannot be had (no answer, empty, a delimiter of the linear format in it) stays as it is, and the
entry says why in `kept`. A person's correction in `<review>/<lang>.csv` (columns label, translation, reviewer, note;
append-only, the last row of a label counts) takes the place of the LLM's term, and the entry names its `reviewer`.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.files import read_bytes
from stages.core.run import run
from stages.core.schema import write_checked_json
from stages.llm.answer import json_answer
from stages.llm.prompt import Prompt
from stages.llm.request import Llm, Request, chat
from stages.llm.session import LlmSession
from stages.records.record import Record
from stages.records.rules import read_records
from stages.records.tasks import DELIMITERS, subset
from stages.translation.wording import example, language_name

COLUMNS = ["label", "translation", "reviewer", "note"]
SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string"}},
    "required": ["label"],
    "additionalProperties": False,
}


def open_labels(records: Sequence[Record], lang: str) -> list[tuple[str, str]]:
    """(source language, label) of every distinct open label that is to be carried into `lang`, sorted."""
    return sorted(
        {
            (record["lang"], extraction["label"])
            for record in records
            if record["lang"] != lang and subset(record["subset"]).word_labels[record["task"]] is None
            for extraction in record["extractions"]
        }
    )


def build_request(source: str, label: str, lang: str, spec: Prompt, llm: Llm) -> Request:
    """The call for one label."""
    names = {"source": language_name(spec, source), "target": language_name(spec, lang)}
    messages = [{"role": "system", "content": spec.render("system", **names)}]
    if shown := example(spec, source, lang):
        for turn, said in zip(("user", "assistant"), shown, strict=True):
            messages.append({"role": turn, "content": spec.render(turn, label=said)})
    messages.append({"role": "user", "content": spec.render("user", label=label)})
    return chat(llm, messages, SCHEMA)


def read_label(response: dict[str, Any]) -> tuple[str, str | None]:
    """(label, None), or ("", why there is none)."""
    value, failure = json_answer(response, ["label"])
    if failure is None and not (isinstance(value, dict) and isinstance(value.get("label"), str)):
        failure = "wrong_shape"
    if failure:
        return "", failure
    label = value["label"].strip()
    if not label:
        return "", "empty"
    return ("", "delimiter") if not DELIMITERS.isdisjoint(label) else (label, None)


def read_review(path: Path) -> dict[str, tuple[str, str, int]]:
    """(translation, reviewer, line) of each label that people corrected; none where there is no such file.

    Raises:
        UserError: other columns, an empty translation or reviewer, a delimiter in the translation.
    """
    if not path.exists():
        return {}
    try:
        rows = csv.reader(read_bytes(path).decode("utf-8-sig").splitlines(), strict=True)
        if (head := next(rows, [])) != COLUMNS:
            raise UserError(f"{path}:1", f"columns are {', '.join(head)}", f"they must be {', '.join(COLUMNS)}")
        result = {}
        for row in rows:
            place = f"{path}:{rows.line_num}"
            if not any(field.strip() for field in row):  # a blank line, as spreadsheets leave at the end
                continue
            if len(row) != len(COLUMNS):
                raise UserError(place, f"{len(row)} fields, not {len(COLUMNS)}", "quote a field that holds a comma")
            label, translation, reviewer, _ = (field.strip() for field in row)
            if not label or not translation or not reviewer:
                raise UserError(
                    place, "label, translation or reviewer is empty", "fill all three; only note may be empty"
                )
            if not DELIMITERS.isdisjoint(translation):
                raise UserError(place, f"{translation!r} holds a delimiter of the linear format", "use another term")
            result[label] = (translation, reviewer, rows.line_num)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(str(path), f"is no UTF-8 CSV: {error}", "save it as UTF-8, comma separated") from error
    return result


def entries_of(
    labels: Sequence[tuple[str, str]], requests: Sequence[Request], answers: Sequence[dict[str, Any]], lang: str
) -> dict[str, dict[str, Any]]:
    """The LLM's glossary by source label.

    Raises:
        UserError: one label of two source languages has two translations.
    """
    entries: dict[str, dict[str, Any]] = {}
    for (_, label), request, answer in zip(labels, requests, answers, strict=True):
        translated, kept = read_label(answer)
        entry = {"label": translated or label, "kept": kept, "response": request.key}
        if entries.setdefault(label, entry)["label"] != entry["label"]:
            fault = f"is {entries[label]['label']!r} from one source language and {entry['label']!r} from another"
            raise UserError(f"{lang}: {label}", fault, "rename it in one source")
    return entries


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.translation.glossary", description=__doc__.split("\n")[0])
    for option in ("lang", "records", "out"):
        parser.add_argument(f"--{option}", required=True)
    LlmSession.add_arguments(parser)
    parser.add_argument("--review", help="folder of people's corrections, <lang>.csv")
    options = parser.parse_args(arguments)
    session = LlmSession.of(options)
    labels = open_labels(read_records(options.records), options.lang)
    requests = [build_request(source, label, options.lang, session.spec, session.llm) for source, label in labels]
    entries = entries_of(labels, requests, session.ask(requests), options.lang)
    review = Path(options.review) / f"{options.lang}.csv" if options.review else None
    corrections = read_review(review) if review else {}
    for label, (translation, reviewer, line) in corrections.items():
        if label in entries:
            entries[label] |= {"label": translation, "kept": None, "reviewer": reviewer}
        else:
            print(f"{review}:{line}: not applied: the data has no label {label!r} to translate", file=sys.stderr)
    write_checked_json(options.out, {"lang": options.lang, "labels": entries}, "glossary")
    session.write(options.usage)
    kept = sum(entry["kept"] is not None for entry in entries.values())
    told = session.told({request.key: label for request, (_, label) in zip(requests, labels, strict=True)})
    counts = f"{len(entries)} labels, {len(corrections.keys() & entries.keys())} by people"
    print(f"{options.lang}: {counts}{f', {kept} left as they are' if kept else ''}{told}")


if __name__ == "__main__":
    run(main)
