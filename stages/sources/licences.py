"""What a release may hold: the licence of each source and model, from `licences.yaml` beside this module, and the gate.

A source's licence is what `raw.sources` says under `licence`, else that of the data set which its adapter's form is known from.
A source without one is refused by name, and so is one whose terms forbid what a release does with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from stages.core.config import parse_yaml
from stages.core.errors import UserError
from stages.core.schema import faults
from stages.sources.common import Source

TABLE = Path(__file__).with_name("licences.yaml")
WHERE = "stages/sources/licences.yaml"
# What a release does with its sources, by the key of the table that allows it, and how that is said.
USES = {
    "passing_on": "passing it on",
    "derivatives": "passing on what is made of it",
    "commerce": "commercial use",
}


@dataclass(frozen=True)
class Licence:
    """One licence of the table; `allows` are of `USES`, `hub` is Hugging Face's word for it.

    `terms`: whether their text has to lie beside the material. `obliges` is what whoever passes the material on has to do, `output` what a model's terms ask of its users' texts.
    """

    name: str
    url: str | None
    hub: str
    allows: frozenset[str]
    terms: bool
    obliges: tuple[str, ...]
    output: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """The part of a release that comes from one source, with where its licence was `read`."""

    source: str
    licence: Licence
    of: str
    credit: str | None
    read: str


@dataclass(frozen=True)
class Model:
    """A base model or translator of the table; `notice` is a file whose text passes on with it."""

    licence: Licence
    hub: str | None
    notice: str | None


@dataclass(frozen=True)
class Table:
    """The whole table; `sources` are its rows by adapter, `models` (pattern, model) in its order."""

    licences: dict[str, Licence]
    sources: dict[str, dict[str, Any]]
    models: list[tuple[str, Model]]


def _licence(name: str, row: dict[str, Any]) -> Licence:
    allows = frozenset(use for use in USES if row[use])
    duties = (tuple(row["obliges"]), tuple(row.get("output", ())))
    return Licence(name, row["url"], row["hub"], allows, row.get("terms", False), *duties)


def read_table(path: Path = TABLE) -> Table:
    """The table of a file; UserError names what is wrong with it."""
    raw = parse_yaml(path.read_text(encoding="utf-8"), str(path))
    for pointer, message in faults(raw, "licences"):
        raise UserError(f"{path}: {pointer}", message, "its head says what a row holds")
    named = [row["licence"] for row in [*raw["sources"].values(), *raw["models"]] if row["licence"]]
    for name in named:
        if name not in raw["licences"]:
            raise UserError(str(path), f"no licence {name!r}", "give it a row under licences")
    licences = {name: _licence(name, row) for name, row in raw["licences"].items()}
    models = [(row["match"], Model(licences[row["licence"]], row["hub"], row["notice"])) for row in raw["models"]]
    return Table(licences, raw["sources"], models)


@cache
def table() -> Table:
    """The project's table."""
    return read_table()


def of_source(source: Source, known: Table | None = None) -> Part:
    """A source's licence; UserError where none is known."""
    known = known or table()
    row = known.sources.get(source.adapter)
    place = f"raw.sources: {source.name}"
    if source.licence is not None:
        if source.licence not in known.licences:
            remedy = f"one of {', '.join(known.licences)}, or give it a row in {WHERE}"
            raise UserError(place, f"unknown licence {source.licence!r}", remedy)
        of = f"{source.path}, by the adapter {source.adapter}"
        return Part(source.name, known.licences[source.licence], of, source.credit, "params.yaml")
    if row is None or row["licence"] is None:
        why = f": {row['from']}" if row else ""
        remedy = f"write `licence:` there (those of {WHERE}), or leave it out with --without {source.name}"
        raise UserError(place, f"its licence is not known{why}", remedy)
    return Part(source.name, known.licences[row["licence"]], row["of"], source.credit or row["credit"], row["from"])


def of_model(name: str, known: Table | None = None) -> Model | None:
    """A base or translator by what the params say of it, None where the table has none."""
    found = (model for match, model in (known or table()).models if fnmatchcase(name.lower(), match.lower()))
    return next(found, None)


def gate(sources: Sequence[Source], uses: Sequence[str] = tuple(USES), known: Table | None = None) -> list[Part]:
    """The parts of a release made of these sources, each under its licence.

    Raises:
        UserError: names a source whose licence is not known, or every one whose terms forbid one of the `uses`.
    """
    parts = [of_source(source, known) for source in sources]
    barred = {
        part.source: [USES[use] for use in uses if use not in part.licence.allows]
        for part in parts
        if not part.licence.allows.issuperset(uses)
    }
    if barred:
        told = "; ".join(
            f"{part.source} ({part.licence.name}) forbids {' and '.join(barred[part.source])}"
            for part in parts
            if part.source in barred
        )
        only = (
            " or, if nobody sells it, --non-commercial" if all(v == [USES["commerce"]] for v in barred.values()) else ""
        )
        remedy = "leave out: " + " ".join(f"--without {name}" for name in barred) + only
        raise UserError("licences", told, remedy)
    return parts
