"""Compares two systems on one test set: differences with intervals, p, Holm correction, and what could have been seen.

    python -m stages.scoring.compare data/predictions/baseline.jsonl data/predictions/test.jsonl --gold data/mix/test.jsonl
    python -m stages.scoring.compare HEAD~1 . --metrics FILE    # a revision and a folder, each with its own gold

A and B are each a file of predictions (`schemas/records/prediction.schema.json`, scored against --gold), a folder or a DVC or git
revision; the latter two hold data/predictions/test.jsonl and data/mix/test.jsonl, which a revision takes from DVC's cache
or remote. Both must have been predicted on the same gold. What the columns mean is written in docs/compare.md; resamples
and seed come from the params section `evaluate`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped]

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import sha256_file, write_bytes
from stages.core.run import run
from stages.core.schema import write_checked_json
from stages.records.tasks import LEVELS
from stages.scoring.bootstrap import LEVEL, Array, Evaluate, Z, asked, collect, draws, figures, span, widening
from stages.scoring.predictions import by_id, checked, nothing_asked, tell_missing
from stages.scoring.score import Cell, Counts, Prediction, counts_by_id, nest, scopes
from stages.scoring.tables import fixed, plain

PREDICTIONS, GOLD = "data/predictions/test.jsonl", "data/mix/test.jsonl"  # of a folder or revision
POWER = 0.8
# How many standard deviations a true difference must measure to be found so often: two-sided at 5 %, so 2.80.
DETECTABLE = Z + float(ndtri(POWER))
TIE = 1e-9  # differences are quotients of whole numbers: what is nearer is equal
WIDTH = len(Counts._fields)
COLUMNS = {"TL": (0, 1), "WL": (3, 4), "ALL": (6,)}  # of Counts, what the predictions say of a level
Compared = tuple[str, Cell, Counts, Counts]  # group, cell, counts of A, counts of B


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, in the order given (Holm, Scand. J. Statist. 6(2), 1979)."""
    corrected, least = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda n: values[n])):
        least = max(least, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = least
    return corrected


def p_value(difference: float, drawn: Array, groups: int, unequal: int) -> float:
    """Two-sided, of the drawn differences centred on the observed one: (c + 1) / (n + 1), c as far off as observed.

    The paired bootstrap test as sacrebleu has it (Koehn, EMNLP 2004; the centring: Riezler & Maxwell, 2005), the deviations
    widened as the intervals are. Not below 2^(1-unequal), of as many groups as the systems differ on: the least that a test
    can give which swaps the systems on some texts, and without which five texts to none of 13 would be significant.
    """
    off = np.abs(drawn[~np.isnan(drawn)] - difference) * widening(groups)
    value = (int(np.count_nonzero(off >= abs(difference) - TIE)) + 1) / (len(off) + 1)
    return max(value, min(1.0, 2.0 ** (1 - unequal)))


def compare(rows: Iterable[Compared], resamples: int, seed: int) -> dict[str, Any]:
    """Every cell, language and all: {n, groups, TL, WL, ALL}, each level {a, b, difference, low, high, p, detectable}.

    Nested like the scores; the cells have `holm` too, each level's p corrected over the cells. `difference` is B minus A in
    points, `detectable` the true difference that a test set like this one shows with a power of 80 % at 5 %: 2.80 standard
    deviations, widened; it is absent where the drawn differences do not vary, which says nothing of a true one.

    Raises:
        UserError: no record, or fewer than one resample.
    """
    table = collect((group, cell, (*left, *right)) for group, cell, left, right in rows)
    levels, observed, drawn = asked(table), table.observed(), draws(table, resamples, seed)

    def sides(sums: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        return figures(sums[..., [*range(WIDTH), -1]]), figures(sums[..., WIDTH:])

    def summary(own: list[int]) -> dict[str, Any]:
        a, b = sides(observed[own].sum(axis=0))
        drawn_a, drawn_b = sides(drawn[:, own].sum(axis=1))
        sums = table.by_group(own)
        result: dict[str, Any] = {"n": int(sums[:, -1].sum()), "groups": (groups := len(sums))}
        for level in levels:
            difference, others = float(b[level] - a[level]), drawn_b[level] - drawn_a[level]
            unequal = np.any([sums[:, column] != sums[:, WIDTH + column] for column in COLUMNS[level]], axis=0)
            result[level] = {
                "a": round(float(a[level]), 2),
                "b": round(float(b[level]), 2),
                "difference": round(difference, 2),
                **span(others, groups),
                "p": round(p_value(difference, others, groups, int(unequal.sum())), 5),
            }
            if (deviation := float(np.nanstd(others))) > TIE:
                result[level]["detectable"] = round(DETECTABLE * widening(groups) * deviation, 2)
        return result

    nested = nest({cell: n for n, cell in enumerate(table.cells)}, summary)
    for level in levels:
        own = [nested[lang][name][level] for lang, name in table.cells]
        for entry, value in zip(own, holm([entry["p"] for entry in own]), strict=True):
            entry["holm"] = round(value, 5)
    return nested


def side(name: str, gold: str, folder: Path) -> tuple[Path, Path]:
    """(predictions, gold) of a file, a folder or a revision; what a revision holds is written into `folder`."""
    path = Path(name)
    if path.is_file():
        return path, Path(gold)
    if path.is_dir():
        return path / PREDICTIONS, path / GOLD
    for file in (PREDICTIONS, GOLD):
        write_bytes(folder / file, read_at(name, file))
    return folder / PREDICTIONS, folder / GOLD


def read_at(revision: str, path: str) -> bytes:
    """A file of this repository at a git or DVC revision (a commit, tag, branch or experiment), from cache or remote.

    Raises:
        UserError: no such revision, no such file in it, or neither cache nor remote has its content.
    """
    import dvc.api  # type: ignore[import-untyped]  # here, since files and folders do without
    from dvc.exceptions import DvcException  # type: ignore[import-untyped]
    from scmrepo.exceptions import SCMError

    try:
        data: bytes = dvc.api.read(path, repo=".", rev=revision, mode="rb")
    except (DvcException, SCMError, OSError) as error:
        fault = f"neither a file nor a folder, and no revision with {path}: {' '.join(str(error).split())}"
        raise UserError(revision, fault, "name a revision of this repository; fetch with `dvc pull`") from error
    return data


def same_gold(a: Path, b: Path, names: tuple[str, str]) -> str:
    """The SHA-256 of A's gold; UserError names the ids that B's has otherwise. Another order of lines is no difference."""
    digest = sha256_file(a)
    if digest == sha256_file(b):
        return digest
    left, right = ({value["id"]: value for _, value in checked(path, "example")} for path in (a, b))
    found = sorted(id_ for id_ in left.keys() | right.keys() if left.get(id_) != right.get(id_))
    if found:
        some = ", ".join(found[:5]) + (" …" if len(found) > 5 else "")
        fault = f"not predicted on the same gold, {len(found)} of {len(left.keys() | right.keys())} ids differ: {some}"
        raise UserError(" and ".join(names), fault, "predict with both on one test set")
    return digest


def counts(predictions: Path, gold: Path) -> dict[str, tuple[str, Cell, Counts]]:
    """(group, cell, counts) by id of a file of predictions."""
    said: Mapping[str, Prediction] = by_id(checked(predictions, "prediction"))
    scored = counts_by_id(checked(gold, "example"), said)
    found = {id_: (group, cell, own) for id_, group, cell, own in scored}
    tell_missing(predictions, len(found) - len(said), len(found))
    return found


def compare_sides(a: str, b: str, gold: str, resamples: int, seed: int) -> dict[str, Any]:
    """The whole comparison of two files, folders or revisions, as `schemas/scoring/comparison.schema.json` has it."""
    with tempfile.TemporaryDirectory() as folder:
        left, right = (side(name, gold, Path(folder, key)) for name, key in ((a, "a"), (b, "b")))
        digest = same_gold(left[1], right[1], (a, b))
        ours, theirs = counts(*left), counts(right[0], left[1])
    rows = ((group, cell, own, theirs[id_][2]) for id_, (group, cell, own) in ours.items())
    result = compare(rows, resamples, seed)
    head = {"a": a, "b": b, "gold_sha256": digest, "resamples": resamples, "seed": seed, "level": LEVEL}
    return {**head, "power": POWER, "comparison": result}


def table(result: dict[str, Any]) -> str:
    """A table a level: one line a cell, language and all."""
    nested = result["comparison"]
    parts = [f"A: {result['a']}\nB: {result['b']}"]
    for level in (level for level in LEVELS if level in nested["all"]):
        rows = []
        for name, row in scopes(nested).items():
            own = row[level]
            bounds, tests = f"{own['low']:.2f} to {own['high']:.2f}", (fixed(own.get(key), 4) for key in ("p", "holm"))
            rows.append(
                (name, own["a"], own["b"], own["difference"], bounds, *tests, own.get("detectable"), row["groups"])
            )
        columns = [level, "A", "B", "B-A", "95 % interval", "p", "Holm", "detectable", "texts"]
        parts.append(plain(rows, columns))
    return "\n\n".join(parts)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.scoring.compare", description=__doc__.split("\n")[0])
    parser.add_argument("a", metavar="A", help="predictions, a folder or a revision")
    parser.add_argument("b", metavar="B", help="the same")
    parser.add_argument("--gold", default=GOLD, help=f"the examples of files of predictions (default {GOLD})")
    parser.add_argument("--metrics", metavar="FILE", help="write the comparison here")
    options = parser.parse_args(arguments)
    knobs = config.read("evaluate", Evaluate)
    sides = [Path(name) for name in (options.a, options.b)]
    if options.metrics and all(path.is_file() for path in sides) and nothing_asked(options.gold, *sides):
        result, said = dict[str, Any](), f"{options.gold} holds no example: nothing is compared"
    else:
        result = compare_sides(options.a, options.b, options.gold, knobs.resamples, knobs.seed)
        said = table(result)
    if options.metrics:
        write_checked_json(options.metrics, result, "comparison")
    print(said)


if __name__ == "__main__":
    run(main)
