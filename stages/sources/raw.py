"""Reads every source that `raw.sources` names into unified records.

    python -m stages.sources.raw --records data/raw/records.jsonl --references data/raw/references.jsonl \\
        --natural data/raw/natural.jsonl --second data/raw/second.jsonl

Records are what is translated. Natural records are texts that their source has in several languages already, each as it was
written there: they go into the mix beside the translations, and are no reference of any.
References, hand-made for the sample and of one's own by people's acceptance (adapter `references`, `stages.calibration.accepted`),
measure translations and are the frozen test set. No stage that asks an LLM for data reads them; the LLM baseline shows those of
training groups as examples.
The records of the second frozen test set, `raw.second`, stand apart from all of these: nothing but predictions reads them.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.run import run
from stages.records.record import Record, normalise
from stages.records.rules import write_records
from stages.records.tasks import subset
from stages.records.warnings import record_warnings
from stages.sources import (
    chabsa,
    cluener,
    conll,
    corpus,
    doccano,
    gliner,
    hironsan,
    jacred,
    jsonl,
    label_studio,
    mmm,
    pile,
    prodigy,
    sample,
    semeval,
    ud_ner,
    wikipedia,
)
from stages.sources.common import Source, check_groups, refuse_foreign
from stages.sources.forms import refuse_other
from stages.sources.rows import NothingOfTask


@dataclass(frozen=True)
class Raw:
    """Section `raw`: what is read, and the second frozen test set, of the corpus' form, if there is one."""

    sources: list[Source]
    second: Source | None = None  # may be left out: params of older projects have none

    def everything(self) -> list[Source]:
        """All that is read: what is mixed, and the second frozen test set."""
        return [*self.sources, *([self.second] if self.second else [])]


ADAPTERS: dict[str, Callable[[Source], list[Record]]] = {
    "sample": sample.records,
    "jsonl": jsonl.records,
    "mmm": mmm.records,
    "wikipedia": wikipedia.records,
    "hironsan": hironsan.records,
    "pile": pile.records,
    "conll": conll.records,
    "ud_ner": ud_ner.records,
    "cluener": cluener.records,
    "chabsa": chabsa.records,
    "semeval": semeval.records,
    "jacred": jacred.records,
    "doccano": doccano.records,
    "label_studio": label_studio.records,
    "prodigy": prodigy.records,
    "gliner": gliner.records,
}


# What stage `raw` depends on in dvc.yaml: a change of a file elsewhere goes unnoticed.
WATCHED = ("data/sample", "data/corpus", "data/second", "data/external")


def unwatched(sources: Sequence[Source]) -> list[str]:
    """The paths of sources that lie in no folder that the stage depends on."""
    folders = [Path(folder).absolute() for folder in WATCHED]
    return [s.path for s in sources if not any(Path(s.path).absolute().is_relative_to(folder) for folder in folders)]


def read_source(source: Source) -> list[Record]:
    """The records of a source; UserError where its file has the form of another adapter."""
    if (path := Path(source.path)).is_file():
        refuse_foreign(path)
    refuse_other(path, source.adapter)
    return ADAPTERS[source.adapter](source)


def collect(sources: list[Source], languages: Sequence[str]) -> tuple[list[Record], list[Record], list[Record]]:
    """(records, references, natural records) of all sources; UserError on two sources of one name, or wrong groups.

    A file without annotations of its task is passed over, with a line that says so, where another file has some of that task: of
    several files read for entities and relations, not each need have relations.
    """
    records, references, natural = list[Record](), list[Record](), list[Record]()
    without = list[tuple[Source, NothingOfTask]]()
    seen = set[str]()
    for source in sources:
        if source.name in seen:
            raise UserError(f"raw.sources: {source.name}", "two sources of this name", "rename one")
        seen.add(source.name)
        if source.adapter == "corpus":
            natural += corpus.natural(source, languages)
            continue
        if source.adapter == "references":
            references += jsonl.references(source)
            continue
        try:
            records += read_source(source)
        except NothingOfTask as error:
            without.append((source, error))
        if source.adapter == "sample":
            references += sample.references(source)
    given = {(record["subset"], record["task"]) for record in records}
    for source, nothing in without:
        if nothing.of not in given:
            raise nothing
        print(f"{source.name}: 0 records; {nothing.place} {nothing.fault}")
    check_groups([*records, *references, *natural])
    return records, references, natural


def held_out(second: Source, languages: Sequence[str], others: Sequence[Record]) -> list[Record]:
    """The records of the second frozen test set.

    Raises:
        UserError: a text of it stands in another source too, in any language: it would be trained on, or tested twice.
    """
    records = corpus.natural(second, languages, "test")
    known = {(record["lang"], normalise(record["text"])): record["id"] for record in others}
    groups = {record["group"]: record["id"] for record in others}
    for record in records:
        met = known.get((record["lang"], normalise(record["text"]))) or groups.get(record["group"])
        if met:
            raise UserError(
                record["id"], f"is the text of {met} too", "take it out of the other source: it is held out"
            )
    check_groups(records)
    return records


def check_tables(records: Sequence[Record], languages: Sequence[str]) -> None:
    """A record is carried into every language, and its labels go by table: so each table has each language.

    Raises:
        UserError: names the table and what it lacks. Said here, it is said before a model is asked and paid.
    """
    for name, task in sorted({(record["subset"], record["task"]) for record in records}):
        entry = subset(name)
        columns = {"text_labels": set(entry.text_labels)}
        if entry.word_labels[task]:
            columns[task] = set(entry.word_labels[task] or ())
        for what, known in columns.items():
            if lacking := [lang for lang in languages if lang not in known]:
                path = f"schemas/labels/{name}.json"
                remedy = f"add the column, or have it proposed: python -m stages.project.labels {path} --to {' '.join(lacking)}"
                raise UserError(f"{path}: {what}", f"has no labels in {', '.join(lacking)}", remedy)


def doubtful(records: Sequence[Record]) -> str:
    """How many warnings of each kind the records raise; "" where none."""
    found = Counter(kind for record in records for kind, _, _ in record_warnings(record))
    return ", ".join(f"{kind} {number}" for kind, number in sorted(found.items()))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.sources.raw", description=__doc__.split("\n")[0])
    parser.add_argument("--records", required=True)
    parser.add_argument("--references", required=True)
    parser.add_argument("--natural", required=True)
    parser.add_argument("--second", required=True)
    options = parser.parse_args(arguments)
    languages = config.read("languages", Languages)
    raw = config.read("raw", Raw)
    records, references, natural = collect(raw.sources, languages)
    second = held_out(raw.second, languages, [*records, *references, *natural]) if raw.second else []
    for path in unwatched([*raw.sources, *([raw.second] if raw.second else [])]):
        print(f"warning: {path} is no dep of this stage: a change in it goes unnoticed; put it under data/external/")
    for record in records:
        if record["lang"] not in languages:
            raise UserError(record["id"], "is of no language of params.yaml", "add it to languages, or leave it out")
    check_tables(records, languages)
    references = [record for record in references if record["lang"] in languages]
    write_records(options.records, records)
    write_records(options.references, references)
    write_records(options.natural, natural)
    write_records(options.second, second)
    print(f"{len(records)} records, {len(references)} references, {len(natural)} natural, {len(second)} held out")
    if warnings := doubtful([*records, *natural]):
        print(
            f"warnings: {warnings}; see them with python -m stages.records.validate {options.records} {options.natural}"
        )


if __name__ == "__main__":
    run(main)
