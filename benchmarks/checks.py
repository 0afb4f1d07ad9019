"""How fast translations are checked: all checks together, on texts they have not seen, in one process on one core.

    python -m benchmarks.checks

The dictionaries are loaded, and every cache is used once, on the references of data/fidelity/genres (`start_s`); then each true
reference of data/fidelity/{tuning,heldout}_* is checked once, and once more (`again`: what a corpus of many views of one text,
or many wrong versions of it, has of the caches). Beside it, in the same run, the analysers alone: SudachiPy's and jieba's cut of
the same texts, and py3langid's opinion of the English ones. Times are processor time. Writes `benchmarks/results/checks.json`, from
which `metrics/checks.json` has its `records_per_second`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from glob import glob

from benchmarks.common import print_table, write_results
from stages.checks import CHECKS, findings
from stages.checks.unsupported_names import chinese_words
from stages.core.errors import UserError
from stages.fidelity.edits import Pair
from stages.fidelity.fit import files, read_pairs
from stages.text.language import likelihood
from stages.text.readings import analysed, word_ends

GENRES, TEXTS = "data/fidelity/genres", "data/fidelity/*_*.jsonl"


def check(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        findings(pair.source, pair.reference, list(CHECKS))


def analyse(pairs: Sequence[Pair]) -> None:
    """What any check that knows words has to do."""
    for pair in pairs:
        for record in (pair.source, pair.reference):
            if record["lang"] == "ja":
                word_ends(record["text"])
            elif record["lang"] == "zh":
                list(chinese_words().tokenize(record["text"]))
            else:
                likelihood(record["text"], "en")


def forget() -> None:
    for known in (analysed, word_ends, likelihood):
        known.cache_clear()


def spent(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checks", description=__doc__.split("\n")[0])
    parser.add_argument("--limit", type=int, help="only so many of the references, evenly drawn")
    options = parser.parse_args(arguments)
    pairs = read_pairs(None, None, sorted(glob(TEXTS)))
    if not pairs:
        raise UserError(TEXTS, "no texts", "run from the project's top folder")
    pairs = pairs[:: max(1, len(pairs) // options.limit)] if options.limit else pairs
    genres = read_pairs(None, None, files(GENRES))
    start = spent(lambda: (check(genres), analyse(genres))[0])
    forget()
    alone = spent(lambda: analyse(pairs))
    forget()
    langs = sorted({pair.reference["lang"] for pair in pairs})
    by_lang = {lang: [pair for pair in pairs if pair.reference["lang"] == lang] for lang in langs}
    first = {lang: spent(lambda own=own: check(own)) for lang, own in by_lang.items()}  # type: ignore[misc]
    again = spent(lambda: check(pairs))
    whole = sum(first.values())
    print_table(
        ["checked", "records", "records/s", "of the first look"],
        [
            *([f"into {lang}", len(own), f"{len(own) / first[lang]:,.0f}", ""] for lang, own in by_lang.items()),
            ["all, first look", len(pairs), f"{len(pairs) / whole:,.0f}", "1.00"],
            ["all, once more", len(pairs), f"{len(pairs) / again:,.0f}", f"{whole / again:.2f}"],
            ["the analysers alone", len(pairs), f"{len(pairs) / alone:,.0f}", f"{whole / alone:.2f}"],
        ],
    )
    write_results(
        "checks",
        {
            "records_per_second": round(len(pairs) / whole),
            "vs_analysers": round(alone / whole, 3),
            "again_records_per_second": round(len(pairs) / again),
            "analysers_records_per_second": round(len(pairs) / alone),
            "by_language": {lang: round(len(own) / first[lang]) for lang, own in by_lang.items()},
            "records": len(pairs),
            "start_s": round(start, 1),
        },
    )


if __name__ == "__main__":
    main(sys.argv[1:])
