"""The data release: every record as Parquet by language, sub-dataset and split, with its card, and in the paper's linear form.

    make release-data                  # python -m stages.release.data --out data/release
    make release-data WITHOUT="pile"   # without a source whose terms forbid it

    datasets.load_dataset("data/release")                        # what is trained and tested on, all languages; test_second apart
    datasets.load_dataset("data/release", "ja")                  # one language, or one sub-dataset
    datasets.load_dataset("data/release", "machine_translated")  # every kept machine translation

`train` and `test` are the mix of the params, whole (`mix.train_size` does not count, nor `mix.view`), `test_second` is the second
frozen test set (`raw.second`), if there is one. Every record has, beside the
fields of the unified record, how its text came to be (`origin`), the licence it is under (`licence`), and the paper's linear form
(`input`, `output`); `split` is that of the release. The folder is written whole or not at all, and the same artifacts give the
same bytes. `stages.sources.licences` is the gate.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.files import replacing_folder, sha256_file, write_bytes, write_json
from stages.core.joins import by_language
from stages.core.run import run
from stages.core.schema import read_checked
from stages.dataset.mix import Mix, mix, origin_of, split_of
from stages.exports.formats import FORMATS
from stages.records.linear import encode
from stages.records.record import Record
from stages.records.rules import read_records
from stages.release.card import CARD, Release, card
from stages.release.croissant import CROISSANT, metadata
from stages.sources.licences import USES, Part, gate
from stages.sources.raw import Raw

SOURCES, NATURAL, REFERENCES = "data/tconer/records.jsonl", "data/raw/natural.jsonl", "data/raw/references.jsonl"
HELD_OUT = "data/raw/second.jsonl"
CALIBRATED, FILTERED, LEDGER = "data/calibrated", "data/filtered", "data/ledger"


@dataclass(frozen=True)
class Artifacts:
    """What a release is made of: source, natural and reference records, those in each language as the mix takes them
    (`mixed`), the machine translations after people's corrections, and the second frozen test set (`held_out`)."""

    sources: list[Record]
    natural: list[Record]
    references: list[Record]
    mixed: list[Record]
    translated: list[Record]
    held_out: list[Record]


def load(languages: Sequence[str], options: Mix, with_second: bool) -> Artifacts:
    """The artifacts of the last `dvc repro`; `with_second`: the second frozen test set, too."""
    sources, natural = read_records(SOURCES), read_records(NATURAL)
    known = {record["id"] for record in sources}

    def of(folder: str) -> list[Record]:
        return [record for path in by_language(folder, languages).values() for record in read_records(path)]

    calibrated = of(CALIBRATED)
    mixed = [*sources, *of(FILTERED)] if options.translations == "machine" else calibrated
    translated = [record for record in calibrated if record["id"] not in known]
    held_out = read_records(HELD_OUT) if with_second else []
    return Artifacts(sources, natural, read_records(REFERENCES), mixed, translated, held_out)


def placed(found: Artifacts, options: Mix) -> Iterator[tuple[str, str, Record]]:
    """(set, split, record with its origin) of every record: set `data` is the mix, `machine_translated` the translations."""
    options = replace(options, train_size=None, view="joint")
    sources, natural = ({record["id"] for record in records} for records in (found.sources, found.natural))
    parts, _, _ = mix(found.mixed, sources, found.references, options, found.natural, found.held_out)
    handmade = {record["id"] for record in found.references}
    # An id may be a reference's and a machine translation's: the test set has the former, training what the params say.
    pool = {record["id"]: record for record in [*found.mixed, *found.natural]}
    with_references = pool | {record["id"]: record for record in found.references}
    for split in ("train", "test"):
        made = handmade if split == "test" or options.translations == "reference" else set[str]()
        for example in parts[split]:
            record = (with_references if made else pool)[example["id"]]
            yield "data", split, {**record, "origin": origin_of(record, sources, natural, made)}
    for record in found.held_out:  # of the corpus' form: written in each language
        yield "data", "test_second", {**record, "origin": "natural"}
    splits = split_of([*found.mixed, *found.natural, *found.translated], options)
    for record in found.translated:
        yield "machine_translated", splits[record["group"]], {**record, "origin": "translated"}


def rows(found: Iterable[tuple[str, str, Record]], parts: Sequence[Part]) -> Iterator[tuple[str, str, Record]]:
    """The rows of a release, of these parts alone: licence, split and linear form added, in a fixed order."""
    licences = {part.source: part.licence.name for part in parts}
    ordered = sorted(found, key=lambda item: (item[0], item[2]["lang"], item[2]["subset"], item[1], item[2]["id"]))
    for name, split, record in ordered:
        if record["source"] in licences:
            given, output = encode(record)
            rest = {key: value for key, value in record.items() if key not in ("extractions", "split")}
            added = {"licence": licences[record["source"]], "input": given, "output": output}
            yield name, split, {**rest, "split": split, **added, "extractions": record["extractions"]}


def write(release: Release, folder: Path) -> None:
    """All files of a release, the card last."""
    hashes = {}
    cells = groupby(release.rows, key=lambda item: (item[0], item[2]["lang"], item[2]["subset"], item[1]))
    for (name, lang, subset, split), group in cells:
        records = [record for _, _, record in group]
        forms = {"parquet": f"{name}/{lang}/{subset}/{split}.parquet"}
        if name == "data":
            forms["linear"] = f"linear/{lang}/{subset}.{split}.json"
        for form, place in forms.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            FORMATS[form].write(records, path)
            hashes[place] = sha256_file(path)
    write_json(folder / CROISSANT, metadata(release, hashes))
    write_bytes(folder / CARD, card(release).encode())


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.release.data", description=__doc__.split("\n")[0])
    parser.add_argument("--out", default="data/release", metavar="FOLDER")
    parser.add_argument(
        "--without", nargs="+", action="extend", default=[], metavar="NAME", help="sources to leave out"
    )
    parser.add_argument("--non-commercial", action="store_true", help="take sources whose terms forbid commerce")
    given = parser.parse_args(arguments)
    languages, options = config.read("languages", Languages), config.read("mix", Mix)
    raw = config.read("raw", Raw)
    sources = raw.everything()
    names = [source.name for source in sources]
    for name in given.without:
        if name not in names:
            raise UserError("--without", f"no source {name!r} in params.yaml", f"one of {', '.join(names)}")
    uses = [use for use in USES if use != "commerce" or not given.non_commercial]
    parts = gate([source for source in sources if source.name not in given.without], uses)
    second = raw.second is not None and raw.second.name not in given.without
    found = list(rows(placed(load(languages, options, second), options), parts))
    if not found:
        raise UserError("--without", "leaves no record", f"keep one of {', '.join(names)}")
    ledger = [line for path in by_language(LEDGER, languages).values() for line in read_checked(path, "ledger")]
    release = Release(found, parts, given.without, languages, ledger, given.non_commercial)
    with replacing_folder(given.out) as folder:
        write(release, folder)
    print(f"{given.out}: {len(found)} records of {', '.join(part.source for part in parts)}; {CARD} is its card")


if __name__ == "__main__":
    run(main)
