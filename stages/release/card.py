"""The card of a data release, README.md with Hugging Face's YAML header, from `templates/data_card.md.j2`.

Every figure is counted from the release itself or read from the artifacts of the pipeline; what is not there is left out, or said
to be missing. What is told of translations holds for the sources that are in the release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.core import config
from stages.core.config import parse_yaml
from stages.core.files import read_json
from stages.core.schema import read_checked, read_checked_json
from stages.records.record import Record
from stages.records.tasks import SUBSETS, subset
from stages.sources.licences import Licence, Part, of_model

CARD = "README.md"
TEMPLATES = Path(__file__).parent / "templates"
TRANSLATED, READING = "data/translated/{}.jsonl", "data/reading/{}.jsonl"
TRANSLATION, AGREEMENT, CALIBRATION = "metrics/translation.json", "metrics/agreement.json", "metrics/calibration.json"
CITATION = "CITATION.cff"
SPLITS = ("train", "test", "test_second")
# The fields that every row has beside `extractions`, in the order of the file; Croissant has the same words.
FIELDS = {
    "id": "<sub-dataset>/<task>/<source>/<native id>/<language>",
    "group": "hash of the source text: all views and translations of a text share it, and no group is in two splits",
    "subset": "sub-dataset",
    "task": "what is extracted",
    "source": "which source of the release the record is of",
    "lang": "language of text and labels, ISO 639-1",
    "split": "train, test, or test_second: another frozen test set, to be scored apart",
    "text": "the text",
    "text_label": "the class of the whole text, in the record's language",
    "text_label_origin": "source, llm or human",
    "origin": "how the text came to be: source, natural, reference (a hand-made translation) or translated (by a model)",
    "licence": "the licence that the record is under",
    "input": "the text and its instruct word, as the model reads them",
    "output": "the text label, the instruct word and the extractions, as the model writes them",
}
# Hugging Face's words for the number of rows.
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True)
class Release:
    """What is released: rows (set, split, record), the parts by source, what was left out, and the ledger of all sources."""

    rows: Sequence[tuple[str, str, Record]]
    parts: Sequence[Part]
    without: Sequence[str]
    languages: Sequence[str]
    ledger: Sequence[dict[str, Any]]
    non_commercial: bool


def source_of(identifier: str) -> str:
    """The source's name, the third part of a record's id."""
    return identifier.split("/")[2]


def subsets_of(release: Release) -> list[str]:
    """The sub-datasets of a release, in the order of the label tables."""
    found = {record["subset"] for _, _, record in release.rows}
    return [name for name in SUBSETS if name in found]


def languages_of(release: Release) -> list[str]:
    """The languages of a release, in the order of the params."""
    found = {record["lang"] for _, _, record in release.rows}
    return [lang for lang in release.languages if lang in found]


def configs(release: Release) -> list[dict[str, Any]]:
    """Hugging Face's `configs`: all of the mix, each language, each sub-dataset, and the machine translations."""
    splits: dict[str, set[str]] = {}
    for name, split, _ in release.rows:
        splits.setdefault(name, set()).add(split)
    named = [("default", "data", "data/*/*")]
    named += [(lang, "data", f"data/{lang}/*") for lang in languages_of(release)]
    named += [(name, "data", f"data/*/{name}") for name in subsets_of(release)]
    named.append(("machine_translated", "machine_translated", "machine_translated/*/*"))
    there = {f"{own}/{record['lang']}/{record['subset']}/{split}" for own, split, record in release.rows}
    found = []
    for name, own, pattern in named:
        files = [
            {"split": split, "path": f"{pattern}/{split}.parquet"}
            for split in SPLITS
            if split in splits.get(own, [])
            if any(Path(place).match(f"{pattern}/{split}") for place in there)
        ]
        if files:
            entry: dict[str, Any] = {"config_name": name, "data_files": files}
            found.append({**entry, "default": True} if name == "default" else entry)
    return found


def header(release: Release, title: str) -> str:
    """The YAML header."""
    count = len(release.rows)
    words = sorted({part.licence.hub for part in release.parts})
    value: dict[str, Any] = {
        "pretty_name": title,
        "language": languages_of(release),
        "license": words[0] if len(words) == 1 else words,
        "multilinguality": ["multilingual" if len(languages_of(release)) > 1 else "monolingual"],
        "size_categories": [next((word for limit, word in SIZES if count < limit), "n>1M")],
        "task_categories": ["token-classification", "text-classification"],
        "task_ids": ["named-entity-recognition", "sentiment-classification", "topic-classification"],
        "tags": ["information-extraction", "relation-extraction", "event-extraction", "mutual-reinforcement-effect"],
        "configs": configs(release),
    }
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=120).strip()


def counts(release: Release) -> list[dict[str, Any]]:
    """A row a set, language and sub-dataset: records of each split, and extractions."""
    cells = Counter((own, record["lang"], record["subset"], split) for own, split, record in release.rows)
    spans = Counter[tuple[str, str, str]]()
    for own, _, record in release.rows:
        spans[own, record["lang"], record["subset"]] += len(record["extractions"])
    return [
        {"set": own, "lang": lang, "subset": name, "extractions": spans[own, lang, name]}
        | {split: cells[own, lang, name, split] for split in SPLITS}
        for own in ("data", "machine_translated")
        for lang in languages_of(release)
        for name in subsets_of(release)
        if (own, lang, name) in spans
    ]


def labels(release: Release) -> list[dict[str, Any]]:
    """A row a label: sub-dataset, task ("" for the text's own), and the label in each language; open ones in one row."""
    rows, languages = list[dict[str, Any]](), languages_of(release)
    for name in subsets_of(release):
        entry = subset(name)
        tables = {"": entry.text_labels, **entry.word_labels}
        for task, table in tables.items():
            if table is None:
                rows.append({"subset": name, "task": task, "words": ["open"] * len(languages)})
                continue
            columns = [table.get(lang, ()) for lang in languages]
            rows += [{"subset": name, "task": task, "words": words} for words in zip(*columns, strict=False)]
    return rows


def origins(release: Release) -> list[dict[str, Any]]:
    """A row a source: its records by how their text came to be."""
    found = Counter((record["source"], record["origin"]) for _, _, record in release.rows)
    words = ("source", "natural", "reference", "translated")
    return [
        {"part": part, "records": sum(found[part.source, word] for word in words)}
        | {word: found[part.source, word] for word in words}
        for part in release.parts
    ]


def fates(release: Release) -> list[dict[str, Any]]:
    """A row a language into which is translated: what became of its source records, and the reasons, most frequent first."""
    own = {part.source for part in release.parts}
    found = []
    for lang in release.languages:
        lines = [line for line in release.ledger if line["lang"] == lang and source_of(line["id"]) in own]
        if lines:
            outcomes = Counter(line["outcome"] for line in lines)
            reasons = Counter(
                reason for line in lines for reason in line["reasons"] if line["outcome"] == "quarantined"
            )
            kept = outcomes["kept"] + outcomes["repaired"]
            found.append(
                {"lang": lang, "source": len(lines), "kept": kept, "repaired": outcomes["repaired"]}
                | {"quarantined": outcomes["quarantined"], "reasons": reasons.most_common(5)}
            )
    return found


def reading(release: Release, prompt: str) -> list[dict[str, Any]]:
    """A row a language: of the translations that a reader marked, how many are adequate, all and those in the release.

    A mark counts where the translation of the last run is the one that was read; what was corrected since is another text.
    """
    path = Path(READING.format(prompt))
    if not path.exists():
        return []
    own = {part.source for part in release.parts}
    marks = [mark for mark in read_checked(path, "reading") if mark["adequate"] is not None]
    marks = [mark for mark in marks if source_of(mark["id"]) in own]
    texts = {
        line["id"]: line["record"]["text"]
        for lang in sorted({mark["id"].rsplit("/", 1)[1] for mark in marks})
        for line in read_checked(TRANSLATED.format(lang), "translation")
        if line["record"] is not None
    }
    released = {record["id"]: record["text"] for name, _, record in release.rows if name == "machine_translated"}
    found = []
    for lang in release.languages:
        read = [m for m in marks if m["id"].endswith(f"/{lang}") and texts.get(m["id"]) == m["text"]]
        if read:
            inside = [mark for mark in read if released.get(mark["id"]) == mark["text"]]
            found.append(
                {"lang": lang, "read": len(read), "adequate": sum(mark["adequate"] for mark in read)}
                | {"released": len(inside), "released_adequate": sum(mark["adequate"] for mark in inside)}
            )
    return found


def examples(release: Release) -> list[Record]:
    """One record with extractions, in as many languages as it is there; its text is safe in a block of code."""
    first = [record for name, _, record in release.rows if name == release.rows[0][0]]
    own = [record for record in first if record["extractions"]] or first
    plain = [record for record in own if not set("`\n\r\\") & set(record["input"] + record["output"])] or own
    stem = min(plain, key=lambda record: (len(record["input"]), record["id"]))["id"].rsplit("/", 1)[0]
    return [record for record in plain if record["id"].rsplit("/", 1)[0] == stem]


def translators(translation: dict[str, Any] | None) -> list[tuple[str, Licence | None]]:
    """The models that translated, each with its terms, None where the table has none."""
    names = {model for row in (translation or {}).values() if "usage" in row for model in row["usage"]["models"]}
    return [(name, model.licence if (model := of_model(name)) else None) for name in sorted(names)]


def obligations(release: Release, by: Iterable[tuple[str, Licence | None]]) -> list[tuple[str, tuple[str, ...]]]:
    """What remains to be done by whoever passes the release on: (licence or translator, duties)."""
    licences = {part.licence.name: part.licence for part in release.parts}
    found = [(name, licence.obliges) for name, licence in sorted(licences.items())]
    unknown = ("its terms are in no table of this repository: read them before you pass its translations on",)
    found += [(f"translations by {name}", licence.output if licence else unknown) for name, licence in by]
    return [(name, duties) for name, duties in found if duties]


def environment() -> Environment:
    """The templates of this room."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def citation() -> dict[str, Any]:
    """CITATION.cff."""
    return dict(parse_yaml(Path(CITATION).read_text(encoding="utf-8"), CITATION))


def card(release: Release) -> str:
    """The whole card."""
    params = config.load()
    made = {"machine_translated"} & {name for name, _, _ in release.rows}
    translation = read_checked_json(TRANSLATION, "translation_metrics") if made and Path(TRANSLATION).exists() else None
    by = translators(translation)
    # Of one source, the corpus, and of all sources together: shown where these are released.
    agreed = Path(AGREEMENT).exists() and any(part.source == "corpus" for part in release.parts)
    cited = citation()
    return (
        environment()
        .get_template("data_card.md.j2")
        .render(
            fields=FIELDS,
            header=header(release, cited["title"].split(":")[0] + " data"),
            release=release,
            cited=cited,
            params=params,
            languages=languages_of(release),
            subsets=[subset(name) for name in subsets_of(release)],
            counts=counts(release),
            labels=labels(release),
            origins=origins(release),
            ledger=fates(release),
            translation=translation,
            complete=not release.without,
            reading=reading(release, params["translate"]["prompt"]) if made else [],
            agreement=read_checked_json(AGREEMENT, "agreement_metrics") if agreed else None,
            calibration=read_json(CALIBRATION) if Path(CALIBRATION).exists() else None,
            translators=by,
            obligations=obligations(release, by),
            examples=examples(release),
            configs=[entry["config_name"] for entry in configs(release)],
        )
        .rstrip("\n")
        + "\n"
    )
