"""One record's life, step by step, each with the file and line that says so.

    python -m stages.report.trace SCNM/NER/sample/0012/en           # as text
    python -m stages.report.trace SCNM/NER/sample/0012/en --html    # as a page on stdout

Source, request, response, tags and repairs, the translation, findings with their evidence, the filter's outcome, patches,
split and example, prediction and score. What a record has not gone through is left out. Nothing is asked of a model: the
steps of projection are taken again from the recorded response.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from rapidfuzz import process

from stages import checks
from stages.checks import CHECKS, Checks
from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.files import iter_lines
from stages.core.run import run
from stages.llm import prompt
from stages.llm.archive import Archive
from stages.llm.request import Llm
from stages.records.record import Record
from stages.report import artifacts, browser
from stages.report.artifacts import Artifacts
from stages.report.report import environment
from stages.translation.attempt import Attempt, read_answer
from stages.translation.source_text import by_text
from stages.translation.tagged import Tagged
from stages.translation.translate import Translate

ARCHIVE = "data/responses.jsonl.gz"


@dataclass
class Step:
    """One step of a record's life: where it is written down, and lines that say what happened."""

    title: str
    place: str
    lines: list[str] = field(default_factory=list)


def place_of(path: str, identifier: str, key: str = "id") -> str:
    """FILE:LINE of a record in a JSONL file, the FILE alone where it is not in it."""
    if Path(path).exists():
        for number, line in iter_lines(path):
            if identifier.encode() in line and orjson.loads(line).get(key) == identifier:
                return f"{path}:{number}"
    return path


def spans(record: Record) -> list[str]:
    """A line for each extraction: number, label, spans with their places."""
    result = []
    for number, item in enumerate(record["extractions"], 1):
        parts = [
            f"{span.get('role', '')} {span['text']} [{'not in the text' if span['start'] is None else span['start']}]"
            for span in item["spans"]
        ]
        result.append(f"{number}. {item['label'] or 'event'}: {' → '.join(part.strip() for part in parts)}")
    return result


def told(record: Record) -> list[str]:
    """A record as lines: text, text-level label, extractions."""
    return [record["text"], f"text-level label: {record['text_label']} ({record['text_label_origin']})", *spans(record)]


def conversation(identifier: str, lang: str, key: str, found: Artifacts) -> Iterator[Step]:
    """Request, response, and the tags and repairs of the attempt that counts."""
    archive, translating = Archive(ARCHIVE), config.read("translate", Translate)
    entries = archive.entries
    line = {own: f"{ARCHIVE}:{number}" for number, own in enumerate(entries, 2)}  # the first line is the card
    if key not in entries:
        yield Step("Request", ARCHIVE, [f"the response {key[:12]}… is not in this archive"])
        return
    request, response = entries[key]
    messages = request["messages"]
    path = f"stages/prompts/translate/{translating.prompt}.yaml"
    shown = [f"{len(messages)} messages to {request['model']}, prompt {path}; the last:", messages[-1]["content"]]
    yield Step("Request", line[key], shown)
    usage = response["usage"]
    counts = f"{usage['prompt_tokens']} tokens in, {usage['completion_tokens']} out, by {response['model']}"
    yield Step("Response", line[key], [str(response.get("content")), counts])
    spec, llm = prompt.load(path), config.read("llm", Llm)
    source_id = found.translated[identifier]["source_id"]
    texts = by_text(list(found.sources.values()), lang)
    source = next(text for text in texts if any(view["id"] == source_id for view in text.views))
    if not spec.tagged:
        yield Step(
            "Spans", path, ["listed prompt: each span that came back is looked for in the text, nothing is repaired"]
        )
        return
    form = Tagged(lang, spec, llm, translating.projection)
    attempt = read_answer(response, source, lang, translating.projection, key, "first")
    lines = [mark(attempt, number) for number in source.marks]
    if attempt.shapes:
        lines.insert(0, f"shapes: {attempt.shapes} characters made simplified")
    yield Step("Tags and repairs", "stages/translation/projection.py", lines or ["the text has no span"])
    missing = attempt.missing()
    if missing and translating.projection.ask_span:
        second = form.find_request(attempt).key
        if second in entries:
            asked = entries[second][1]
            attempt.take_asked(asked)
            lines = [str(asked.get("content")), *(mark(attempt, number) for number in missing)]
            yield Step("Asked for the missing spans", line[second], lines)


def mark(attempt: Attempt, number: int) -> str:
    """What became of one mark: the step that found it, and the words that stand there."""
    words = attempt.source.words(number)
    if number not in attempt.places:
        return f"e{number} {words}: lost (looked for {attempt.parts.get(number)!r})"
    step, (start, end) = attempt.places[number]
    return f"e{number} {words}: {attempt.text[start:end]} [{start}] by {step}"


def evidence(source: Record, target: Record, switches: Checks) -> list[str]:
    """A line for each finding of the enabled checks, with the words that it is seen in."""
    on = [name for name in CHECKS if getattr(switches, name)]
    result = []
    for name, items in checks.findings(source, target, on).items():
        for item in items:
            seen = [
                f"{side} {record['text'][place[0] : place[1]]!r} [{place[0]}]"
                for side, record, place in (("source", source, item.source), ("target", target, item.target))
                if place
            ]
            result.append(
                f"{item.code} ({name}, strength {item.strength:.2f}): {', '.join([*seen, item.what])}".rstrip(", :")
            )
    return result


def life(identifier: str, found: Artifacts) -> list[Step]:
    """The steps of a record.

    Raises:
        UserError: no artifact has the id; the nearest that there is, is named.
    """
    steps: list[Step] = []
    lang = identifier.rpartition("/")[2]
    known = {*found.sources, *found.natural, *found.references, *found.translated, *found.ledger}
    if identifier not in known:
        near = process.extractOne(identifier, sorted(known))
        remedy = f"the nearest is {near[0]}" if near else "make the data first: dvc repro"
        raise UserError(identifier, "is the id of no record", remedy)
    if identifier in found.natural:
        steps.append(Step("Natural record", place_of(artifacts.NATURAL, identifier), told(found.natural[identifier])))
    origin = identifier if identifier in found.sources else browser.source_id(identifier, found)
    if origin and origin in found.sources:
        steps.append(Step("Source", place_of(artifacts.SOURCES, origin), told(found.sources[origin])))
    made = found.translated.get(identifier)
    if made:
        steps += conversation(identifier, lang, made["response"], found)
        record = made["record"]
        lines = told(record) if record else [f"no translation: {made['failure']}"]
        steps.append(Step("Translation", place_of(artifacts.TRANSLATED.format(lang), identifier), lines))
        if record and origin:
            lines = evidence(found.sources[origin], record, config.read("checks", Checks))
            steps.append(Step("Findings", "stages/checks", lines or ["none"]))
    if line := found.ledger.get(identifier):
        lines = [line["outcome"] + (f": {', '.join(line['reasons'])}" if line["reasons"] else "")]
        lines.append("spans found by " + (", ".join(f"{step} {n}" for step, n in line["steps"].items()) or "no step"))
        steps.append(Step("Filter", place_of(artifacts.LEDGER.format(lang), identifier), lines))
    for patch in found.patched.get(identifier, []):
        steps.append(Step("Patch", patch["place"], [f"{patch['op']}: {patch['outcome']} {patch['message']}".strip()]))
    if identifier in found.references:
        steps.append(Step("Reference", place_of(artifacts.REFERENCES, identifier), told(found.references[identifier])))
    return steps + worth(identifier, found)


def worth(identifier: str, found: Artifacts) -> list[Step]:
    """The steps from the mix on: example, prediction, score."""
    steps = []
    for part, path in artifacts.PARTS.items():
        example = found.parts.get(part, {}).get(identifier)
        if example is None:
            continue
        steps.append(Step(f"Example of {part}", place_of(path, identifier), [example["input"], example["output"]]))
        said = found.predictions.get(part, {}).get(identifier)
        if said is None:
            continue
        row: dict[str, Any] = browser.prediction(example, *said)
        steps.append(Step("Prediction", place_of(artifacts.PREDICTIONS[part], identifier), [said[0]]))
        gold, label = row["l"]
        right = sum(hit for _, hit in row["p"])
        lines = [
            f"text-level label: {label}, " + ("right" if gold == label else f"gold {gold}"),
            f"extractions: {right} right of {len(row['p'])} predicted and {len(row['g'])} in gold",
            *(f"missing: {' ; '.join(fields)}" for fields, hit in row["g"] if not hit),
            *(f"wrong: {' ; '.join(fields)}" for fields, hit in row["p"] if not hit),
            *(f"defect: {kind}" for kind in row["d"]),
            "all of it right" if row["a"] else "not all of it right",
        ]
        steps.append(Step("Score", "stages/scoring/score.py", lines))
    return steps


def text(identifier: str, steps: Sequence[Step]) -> str:
    """The steps for the terminal."""
    parts = [identifier]
    for number, step in enumerate(steps, 1):
        lines = "\n".join(f"   {line}" for item in step.lines for line in item.split("\n"))
        parts.append(f"{number}. {step.title}  ({step.place})\n{lines}")
    return "\n\n".join(parts)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.report.trace", description=__doc__.split("\n")[0])
    parser.add_argument("id", metavar="ID", help="id of a record, such as SCNM/NER/sample/0012/en")
    parser.add_argument("--html", action="store_true", help="print a page instead of text")
    options = parser.parse_args(arguments)
    steps = life(options.id, artifacts.load(config.read("languages", Languages)))
    if options.html:
        page = environment(autoescape=True).get_template("trace.html.j2").render(identifier=options.id, steps=steps)
        print(page)
    else:
        print(text(options.id, steps))


if __name__ == "__main__":
    run(main)
