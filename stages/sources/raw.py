"""Reads every source that `raw.sources` names into unified records.

    python -m stages.sources.raw --records data/raw/records.jsonl --references data/raw/references.jsonl \\
        --natural data/raw/natural.jsonl

Records are what is translated. Natural records are texts that their source has in several languages already, each as it was
written there: they go into the mix beside the translations, and are no reference of any.
References exist for the sample only: they measure translations and are the frozen test set. No stage that asks an LLM for
data reads them; the LLM baseline shows those of training groups, the judge grades some beside the translations.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.run import run
from stages.records.record import Record
from stages.records.rules import write_records
from stages.sources import corpus, hironsan, jsonl, mmm, pile, sample, wikipedia
from stages.sources.common import Source


@dataclass(frozen=True)
class Raw:
    """Section `raw`: what is read."""

    sources: list[Source]


ADAPTERS: dict[str, Callable[[Source], list[Record]]] = {
    "sample": sample.records,
    "wikipedia": wikipedia.records,
    "hironsan": hironsan.records,
    "mmm": mmm.records,
    "pile": pile.records,
    "jsonl": jsonl.records,
}


def collect(sources: list[Source], languages: Sequence[str]) -> tuple[list[Record], list[Record], list[Record]]:
    """(records, references, natural records) of all sources; UserError on two sources of one name."""
    records, references, natural = list[Record](), list[Record](), list[Record]()
    seen = set[str]()
    for source in sources:
        if source.name in seen:
            raise UserError(f"raw.sources: {source.name}", "two sources of this name", "rename one")
        seen.add(source.name)
        if source.adapter == "corpus":
            natural += corpus.natural(source, languages)
            continue
        records += ADAPTERS[source.adapter](source)
        if source.adapter == "sample":
            references += sample.references(source)
    return records, references, natural


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.sources.raw", description=__doc__.split("\n")[0])
    parser.add_argument("--records", required=True)
    parser.add_argument("--references", required=True)
    parser.add_argument("--natural", required=True)
    options = parser.parse_args(arguments)
    languages = config.read("languages", Languages)
    records, references, natural = collect(config.read("raw", Raw).sources, languages)
    for record in records:
        if record["lang"] not in languages:
            raise UserError(record["id"], "is of no language of params.yaml", "add it to languages, or leave it out")
    references = [record for record in references if record["lang"] in languages]
    write_records(options.records, records)
    write_records(options.references, references)
    write_records(options.natural, natural)
    print(f"{len(records)} records, {len(references)} references, {len(natural)} natural")


if __name__ == "__main__":
    run(main)
