"""Does the review page help? Planted faults among true references, reviewed with the checks' findings shown and hidden.

    python -m benchmarks.review_faults make --out /tmp/faults
    python -m stages.calibration.page --all --data /tmp/faults/shown --annotator kei
    python -m stages.calibration.page --all --data /tmp/faults/hidden --annotator kei --blind
    python -m benchmarks.review_faults score --tasks /tmp/faults --reviewer "a person" --metrics metrics/review_benchmark.json

`make --near` is a harder round: faults as near to right as they can be (`benchmarks/near_faults.py`), in the longest quarter of the corpus' texts, and as many
as the seed says, so that the reviewer knows neither their number nor their share.

`make` draws texts of the sample's references, one view each, and makes some of them wrong by the kinds of
`stages.fidelity.corruptions`, each kind as often as any other. The tasks are two disjoint halves, alike in kinds and languages, so that nothing
that was seen in one helps in the other: `shown` is for the page as it is, `hidden` for its blind mode. `key.jsonl` says which are wrong: the
reviewer does not open it. Accept a record that is right; reject or edit one that is wrong. `score` reads the patches and the key. Answers and key of the
published figures are in `benchmarks/results/review_faults/`, those of the harder round in its `near/`.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import near_faults
from stages import checks
from stages.calibration.patches import Line, read
from stages.calibration.queue import rank
from stages.checks import Checks
from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.files import iter_jsonl, read_json, write_jsonl
from stages.core.run import run
from stages.core.schema import write_checked_json
from stages.fidelity.corruptions import KINDS, Corruption, corruptions, pairs
from stages.fidelity.edits import Pair
from stages.records.record import Record
from stages.records.rules import read_records, record_faults, write_records
from stages.records.tasks import subset
from stages.report.page import wilson

ARMS = {"shown": "calibration", "hidden": "blind"}  # and the folder that the page writes patches to
SAYS_WRONG = frozenset(["text", "text_label", "add", "remove", "change", "extractions", "edit", "reject"])


def drawn(joined: Iterable[Pair], count: int, seed: int) -> list[Pair]:
    """So many texts of a language, each by one of its views, drawn by the seed."""
    texts: dict[tuple[str, str], Pair] = {}
    for pair in sorted(joined, key=lambda pair: rank(seed, pair.reference["id"])):
        texts.setdefault((pair.reference["group"], pair.reference["lang"]), pair)
    return list(texts.values())[:count]


def longest(joined: Sequence[Pair], share: float = 0.25) -> list[Pair]:
    """The longest texts of each language."""
    result = list[Pair]()
    for lang in sorted({pair.reference["lang"] for pair in joined}):
        own = sorted(
            (pair for pair in joined if pair.reference["lang"] == lang), key=lambda pair: len(pair.reference["text"])
        )
        result += own[-round(share * len(own)) :]
    return result


def far(chosen: Sequence[Pair], seed: int) -> dict[str, list[Corruption]]:
    """What can be planted, by kind: the corruptions that the checks are measured by."""
    made: dict[str, list[Corruption]] = {kind: [] for kind in KINDS}
    for item in corruptions(chosen, seed, len(chosen) * len(KINDS)):
        made[item.kind].append(item)
    return made


def near(chosen: Sequence[Pair], seed: int) -> dict[str, list[Corruption]]:
    """What can be planted, by kind: the faults of `near_faults`."""
    return {
        kind: [
            Corruption(kind, what, pair.source, pair.reference, record)
            for pair in chosen
            for what, record in change(pair, random.Random(f"{seed}:{kind}:{pair.reference['id']}"))
        ]
        for kind, change in near_faults.KINDS.items()
    }


def planted(made: Mapping[str, Sequence[Corruption]], count: int, seed: int) -> dict[str, Corruption]:
    """By id of the reference, so many that are wrong: of each kind in turn, and valid as records."""
    ordered = [
        sorted(
            (item for item in own if not record_faults(item.record)),
            key=lambda item: rank(seed, item.kind + item.reference["id"] + item.what),
        )
        for own in made.values()
    ]
    result = dict[str, Corruption]()
    while len(result) < count:
        before = len(result)
        for own in ordered:
            free = next((item for item in own if item.reference["id"] not in result), None)
            if free and len(result) < count:
                result[free.reference["id"]] = free
        if len(result) == before:
            raise UserError("--faults", f"only {before} can be planted in these texts", "take fewer, or more --records")
    return result


def halves(items: Sequence[tuple[str, str, str]], seed: int) -> dict[str, str]:
    """The arm of each (id, kind or nothing, language): those alike go to the arms in turn, which begins being drawn by the seed."""
    names, result = list(ARMS), dict[str, str]()
    ordered = sorted(items, key=lambda item: (item[1], item[2], rank(seed, item[0])))
    for part in ([item for item in ordered if item[1]], [item for item in ordered if not item[1]]):
        result |= {name: names[n % 2] for n, (name, _, _) in enumerate(part)}
    return result


def make(records: Sequence[Record], references: Sequence[Record], options: argparse.Namespace) -> None:
    """Writes both halves in the form of the page's data, and the key."""
    seed, languages = options.seed, config.read("languages", Languages)
    joined = pairs(references, records)
    chosen = drawn(longest(joined) if options.near else joined, options.records, seed)
    if len(chosen) < options.records:
        raise UserError("--records", f"the references have {len(chosen)} texts only", "ask for fewer")
    share = random.Random(f"{seed}:share").uniform(0.1, 0.5)
    wrong = (
        planted(near(chosen, seed), round(share * len(chosen)), seed)
        if options.near
        else planted(far(chosen, seed), options.faults, seed)
    )
    arms = halves(
        [
            (name, wrong[name].kind if name in wrong else "", pair.reference["lang"])
            for pair in chosen
            if (name := pair.reference["id"])
        ],
        seed,
    )
    for arm in ARMS:
        own = [pair for pair in chosen if arms[pair.reference["id"]] == arm]
        shown = [wrong[name].record if (name := pair.reference["id"]) in wrong else pair.reference for pair in own]
        folder = options.out / arm
        write_records(folder / "tconer/records.jsonl", {pair.source["id"]: pair.source for pair in own}.values())
        for lang in languages:
            write_records(folder / f"filtered/{lang}.jsonl", [record for record in shown if record["lang"] == lang])
            write_jsonl(folder / f"quarantine/{lang}.jsonl", [])
    key = [
        {"id": name, "arm": arms[name], "kind": found and found.kind, "what": found and found.what}
        for name in sorted(arms)
        for found in [wrong.get(name)]
    ]
    write_jsonl(options.out / "key.jsonl", key)
    said = "some" if options.near else len(wrong)
    print(f"{len(chosen)} records, {said} of them wrong, in {options.out}/shown and {options.out}/hidden")


def verdicts(lines: Iterable[Line]) -> dict[str, tuple[bool, float]]:
    """By record id: is it said to be wrong, and the seconds spent on it. Its last decision counts."""
    result = dict[str, tuple[bool, float]]()
    for line in lines:
        if line.patch is None:
            raise UserError(line.place, line.fault, "score only what the page wrote")
        name, op = line.patch["record_id"], line.patch["op"]
        if op == "withdraw":
            raise UserError(line.place, "a decision was taken back", "take that record out, or decide it again")
        said, spent = result.get(name, (False, 0.0))
        edited = op == "accept" and said and line.patch["seconds"] is None  # the second half of "edit and accept"
        result[name] = (op in SAYS_WRONG or edited, spent + (line.patch["seconds"] or 0.0))
    return result


def percent(part: int, whole: int) -> dict[str, float]:
    """A share with its 95 % interval (Wilson), in percent."""
    low, high = wilson(part, whole)
    return {"value": round(100 * part / whole, 1), "low": max(0.0, round(low, 1)), "high": round(high, 1)}


def counted(key: Sequence[dict[str, Any]], said: dict[str, bool]) -> dict[str, Any]:
    """Found and missed of the faults, false alarms among the right ones; their shares."""
    faults = [row for row in key if row["kind"]]
    found = sum(said[row["id"]] for row in faults)
    alarms = sum(said[row["id"]] for row in key if not row["kind"])
    kinds = Counter(row["kind"] for row in faults)
    return {
        "records": len(key),
        "faults": len(faults),
        "found": found,
        "missed": len(faults) - found,
        "false_alarms": alarms,
        "percent_found": percent(found, len(faults)),
        "percent_false": percent(alarms, len(key) - len(faults)),
        "by_kind": {
            kind: {"faults": n, "found": sum(said[row["id"]] for row in faults if row["kind"] == kind)}
            for kind, n in sorted(kinds.items())
        },
    }


def of_checks(folder: Path, languages: Sequence[str]) -> dict[str, bool]:
    """By record id: whether the checks of the pipeline, with nobody reading, refuse it or warn."""
    switches = config.read("checks", Checks)
    sources = {record["id"].rsplit("/", 1)[0]: record for record in read_records(folder / "tconer/records.jsonl")}
    judged = {
        record["id"]: checks.verdict(sources[record["id"].rsplit("/", 1)[0]], record, switches)
        for record in chain.from_iterable(read_records(folder / f"filtered/{lang}.jsonl") for lang in languages)
    }
    return {name: bool(verdict.refused or verdict.warned) for name, verdict in judged.items()}


def score(options: argparse.Namespace) -> None:
    """Writes what the reviewer found in each half, beside what the checks say alone."""
    key, languages = list(iter_jsonl(options.tasks / "key.jsonl")), config.read("languages", Languages)
    metrics: dict[str, Any] = {"reviewer": options.reviewer, "arms": {}}
    for arm, patches in ARMS.items():
        own = [row for row in key if row["arm"] == arm]
        answers = verdicts(read(options.tasks / arm / patches))
        if missing := [row["id"] for row in own if row["id"] not in answers]:
            raise UserError(missing[0], f"and {len(missing) - 1} more are not decided", "accept or reject each record")
        metrics["arms"][arm] = {
            **counted(own, {name: wrong for name, (wrong, _) in answers.items()}),
            "median_seconds": round(median(answers[row["id"]][1] for row in own), 1),
            "checks_alone": counted(own, of_checks(options.tasks / arm, languages)),
        }
    both = read_json(options.metrics) if Path(options.metrics).exists() else {}
    # Each round leaves the other's figures as they are.
    metrics = (
        {**both, "near": metrics} if options.near else {**metrics, **{key: both[key] for key in both if key == "near"}}
    )
    write_checked_json(options.metrics, metrics, "review_benchmark")
    for arm, row in (metrics["near"] if options.near else metrics)["arms"].items():
        print(
            f"findings {arm}: {row['found']} of {row['faults']} found, {row['false_alarms']} false alarms, {row['median_seconds']} s a record"
        )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.review_faults", description=(__doc__ or "").split("\n")[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="draw the tasks")
    making.add_argument("--out", type=Path, required=True)
    making.add_argument("--records", type=int, default=200)
    making.add_argument("--faults", type=int, default=60)
    making.add_argument("--seed", type=int, default=0)
    making.add_argument("--near", action="store_true", help="the harder round: near faults in long texts of the corpus")
    scoring = commands.add_parser("score", help="compare the patches with the key")
    scoring.add_argument("--tasks", type=Path, required=True)
    scoring.add_argument("--reviewer", required=True, help="who reviewed, in words: a person, a model")
    scoring.add_argument("--metrics", type=Path, required=True)
    scoring.add_argument("--near", action="store_true", help="of the harder round")
    options = parser.parse_args(arguments)
    if options.command == "score":
        score(options)
    elif options.near:
        natural = read_records("data/raw/natural.jsonl")
        sources = [record for record in natural if record["lang"] == subset(record["subset"]).source_lang]
        make(sources, [record for record in natural if record["lang"] != subset(record["subset"]).source_lang], options)
    else:
        make(read_records("data/raw/records.jsonl"), read_records("data/raw/references.jsonl"), options)


if __name__ == "__main__":
    run(main)
