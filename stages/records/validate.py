"""Checks files against the schemas, records also for spans, ids and labels.

    python -m stages.records.validate data/raw/records.jsonl            # the schema is told from the file's place
    python -m stages.records.validate --schema record my/own.jsonl

Prints `FILE:LINE: /json/pointer: what is wrong` for each fault, up to --limit, and exits 1. Sound files are one line that
says how many values they hold. What is no fault and seldom meant (`stages/records/warnings.py`) is printed as a warning,
up to the same limit, and changes no exit code. Files may be gzip.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.graph import ROOT
from stages.core.run import run
from stages.core.schema import Fault, Rule, file_faults, names, no_rule
from stages.records.rules import RULES
from stages.records.warnings import Spellings, Warning, glossary_warnings, record_warnings

WARNINGS: dict[str, Callable[[Any], Iterable[Warning]]] = {"record": record_warnings, "glossary": glossary_warnings}

# The schema of each artifact, by its path from the project's top; the first that fits counts.
ARTIFACTS = {
    "data/raw/*.jsonl": "record",
    "data/tconer/*.jsonl": "record",
    "data/glossary/*.json": "glossary",
    "data/usage*/*.json": "usage",
    "data/usage/prompts/*.json": "usage",
    "data/fidelity/*.jsonl": "record",
    "data/reading/*.jsonl": "reading",
    "data/errors/*.jsonl": "worst",
    "data/translated/*.jsonl": "translation",
    "data/filtered/*.jsonl": "record",
    "data/quarantine/*.jsonl": "translation",
    "data/ledger/*.jsonl": "ledger",
    "data/calibration/*.jsonl": "patch",
    "data/calibration/annotators.json": "annotators",
    "data/blind/*.jsonl": "patch",
    "data/agreement/*.jsonl": "disagreement",
    "data/calibrated/*.report.jsonl": "patch_report",
    "data/calibrated/*.jsonl": "record",
    "data/mix/*.jsonl": "example",
    "data/predictions/*.jsonl": "prediction",
    "data/sample/*.jsonl": "sample",
    "data/sample/references/*.jsonl": "sample",
    "data/corpus/types.json": "corpus_types",
    "data/corpus/*.jsonl": "corpus",
    "data/second/types.json": "corpus_types",
    "data/second/*.jsonl": "corpus",
    "schemas/labels/*.json": "labels",
    "models/*/BASE.json": "base",
    "models/*/ADAPTER.json": "adapter",
    "metrics/translation.json": "translation_metrics",
    "metrics/translation_intervals.json": "translation_intervals",
    "metrics/prompts.json": "prompt_metrics",
    "metrics/checks.json": "check_metrics",
    "metrics/classes.json": "class_metrics",
    "metrics/calibration.json": "calibration_metrics",
    "metrics/calibrated_quality.json": "calibrated_quality",
    "metrics/review_benchmark.json": "review_benchmark",
    "metrics/seeds.json": "seed_metrics",
    "metrics/agreement.json": "agreement_metrics",
    "metrics/mix.json": "mix_metrics",
    "metrics/data_checks.json": "data_checks",
    "metrics/train.json": "train_metrics",
    "metrics/*_defects.json": "defect_metrics",
    "metrics/*_intervals.json": "interval_metrics",
    "metrics/*_labels.json": "label_metrics",
    "metrics/llm_*_format.json": "llm_format_metrics",
    "metrics/evaluation*.json": "evaluation_metrics",
    "metrics/free.json": "evaluation_metrics",
    "metrics/released.json": "evaluation_metrics",
    "metrics/baseline.json": "evaluation_metrics",
    "metrics/second*.json": "evaluation_metrics",
    "metrics/llm_*shot.json": "evaluation_metrics",
    "metrics/compare_*.json": "comparison",
    "metrics/external_scorers.json": "external_scorer_metrics",
    "metrics/errors.json": "error_metrics",
    "metrics/alarms.json": "alarms",
    "metrics/headline/*.json": "headline",
    "metrics/formats.json": "format_metrics",
    "metrics/wild.json": "wild_metrics",
}


class Watch:
    """The rule of a schema, which also counts the values that pass it by and collects what is doubtful of them."""

    def __init__(self, name: str) -> None:
        self.values, self.warnings = 0, list[tuple[str, str]]()  # (pointer or id and pointer, what is doubtful)
        self._rule: Rule = RULES.get(name, no_rule)
        self._warn = WARNINGS.get(name)
        self._spellings = Spellings() if name == "record" else None

    def __call__(self, value: Any) -> Sequence[Fault]:
        self.values += 1
        found = self._rule(value)
        if self._warn is not None and not found:
            for _, pointer, said in self._warn(value):
                self.warnings.append((f"{value['id']}: {pointer}" if "id" in value else pointer, said))
            if self._spellings is not None:
                self._spellings.add(value)
        return found

    def end(self) -> None:
        """Adds what is doubtful of the file as a whole."""
        if self._spellings is not None:
            self.warnings += [(pointer, said) for _, pointer, said in self._spellings.warnings()]


def schema_of(path: str | Path) -> str:
    """The schema of a file by its place; a file elsewhere is taken for unified records."""
    for top in (ROOT, Path.cwd()):  # the second: a project of one's own
        if Path(path).resolve().is_relative_to(top):
            place = Path(path).resolve().relative_to(top).as_posix()
            for pattern, schema in ARTIFACTS.items():
                if fnmatch(place.removesuffix(".gz"), pattern):
                    return schema
    return "record"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m stages.records.validate", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--schema", choices=names(), help="the schema, instead of the one told from the file's place")
    parser.add_argument("--limit", type=int, default=100, help="faults to print at most (default 100)")
    options = parser.parse_args(arguments)
    if options.limit < 1:
        parser.error("--limit takes a number from 1")
    printed, warned = 0, list[UserError]()
    values = Counter[str]()
    for file in options.files:
        name = options.schema or schema_of(file)
        watch = Watch(name)
        try:
            for place, pointer, message in islice(file_faults(file, name, watch), options.limit + 1 - printed):
                if printed == options.limit:
                    print(f"… and more: only {options.limit} shown (--limit)")
                    return 1
                printed += 1
                print(UserError(f"{place}: {pointer}", message))
        except UserError as error:
            printed += 1
            print(error, file=sys.stderr)
            continue
        watch.end()
        values[name] += watch.values
        warned += [UserError(f"warning: {file}: {place}", said) for place, said in watch.warnings]
    for warning in warned[: options.limit]:
        print(warning)
    if len(warned) > options.limit:
        print(f"… and {len(warned) - options.limit} warnings more (--limit)")
    if not printed:
        told = ", ".join(f"{count} {name}" for name, count in values.items())
        print(f"no fault in {len(options.files)} {'file' if len(options.files) == 1 else 'files'}: {told}")
    return 1 if printed else 0


if __name__ == "__main__":
    run(main)
