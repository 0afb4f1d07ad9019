"""How long the real command takes over as many records as the published test sets have: linear text in JSONL to scores.

    python -m benchmarks.score

`python -m stages.scoring.evaluate PRED GOLD` in a process of its own, on one core, reading, schema checks and start included; then
the same with `--defects --labels`, and with `--intervals`. The records are the sample's, in all
languages, repeated under new ids; the predictions are a third right, a third with another text label and one extraction
missing, a third cut in the middle. `seconds` is the best of the rounds, `peak_mb` the greatest resident memory.
Writes `benchmarks/results/score.json`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from benchmarks.common import print_table, write_results
from stages.core.errors import UserError
from stages.core.files import write_jsonl
from stages.records.linear import encode
from stages.records.record import record_id
from stages.sources import sample
from stages.sources.common import Source

ROOT = Path(__file__).resolve().parent.parent
RECORDS = 659_000  # of the published test sets together


def make_files(folder: Path, count: int) -> tuple[Path, Path]:
    """(predictions, gold) of `count` records."""
    source = Source("sample", "sample", str(ROOT / "data" / "sample"), None, None)
    once = []
    for record in sample.records(source) + sample.references(source):
        kept = {key: record[key] for key in ("group", "subset", "task", "lang")}
        other = {**record, "text_label": "？", "extractions": record["extractions"][1:]}
        once.append((record["id"], kept, encode(record), encode(other)[1]))

    def pairs() -> Iterator[tuple[dict[str, object], dict[str, object]]]:
        for turn in range(-(-count // len(once))):
            for n, (identifier, kept, (given, output), other) in enumerate(once):
                native = f"{identifier.split('/')[3]}-{turn}"
                new = record_id(kept["subset"], kept["task"], "sample", native, kept["lang"])
                said = (output, other, output[: -(len(output) // 3) or None])[(n + turn) % 3]
                yield (
                    {"id": new, "output": said, "finished": (n + turn) % 3 != 2},
                    {"id": new, **kept, "input": given, "output": output},
                )

    predictions, gold = folder / "predictions.jsonl", folder / "gold.jsonl"
    write_jsonl(predictions, (left for left, _ in islice(pairs(), count)))
    write_jsonl(gold, (right for _, right in islice(pairs(), count)))
    return predictions, gold


def run(arguments: Sequence[str | Path]) -> tuple[float, float]:
    """(wall-clock seconds, peak resident MB) of one `stages.scoring.evaluate`, held to one core."""
    core = min(os.sched_getaffinity(0))
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.scoring.evaluate", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    _, status, usage = os.wait4(process.pid, 0)
    taken = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise UserError("benchmark", "stages.scoring.evaluate failed", "its message stands above")
    return taken, usage.ru_maxrss / 1024


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.score", description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, default=RECORDS, help=f"default {RECORDS}")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many counts (default 3)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        files = make_files(place, options.records)
        apart = [part for name in ("defects", "labels") for part in (f"--{name}", place / f"{name}.json")]
        work = {
            "point scores": files,
            "with defects and labels": (*files, *apart),
            "with intervals": (*files, "--intervals", place / "intervals.json"),
        }
        runs = {name: [run(line) for _ in range(options.rounds)] for name, line in work.items()}
        size = sum(path.stat().st_size for path in files)
    best = {name: (min(taken for taken, _ in own), max(peak for _, peak in own)) for name, own in runs.items()}
    rows = [[name, f"{taken:.2f}", f"{peak:.0f}"] for name, (taken, peak) in best.items()]
    print_table([f"{options.records:,} records", "seconds", "peak MB"], rows)
    taken, peak = best["point scores"]
    write_results(
        "score",
        {
            "records": options.records,
            "seconds": round(taken, 2),
            "peak_mb": round(peak),
            "bytes_per_record": round(size / options.records),
            "rounds": options.rounds,
            "seconds_with_defects_and_labels": round(best["with defects and labels"][0], 2),
            "seconds_with_intervals": round(best["with intervals"][0], 2),
        },
    )


if __name__ == "__main__":
    main(sys.argv[1:])
