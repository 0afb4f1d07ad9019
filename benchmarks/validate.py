"""How fast records are validated: parsing, schema, spans, labels, ids and warnings, as `stages.records.validate` does it.

    python -m benchmarks.validate

Beside it a bare loop of the same compiled schema (orjson and `is_valid`, nothing else), and plain `jsonschema` on the
first records. The records are the sample's, in all languages, repeated under new ids. Writes
`benchmarks/results/validate.json`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import jsonschema
import orjson
from referencing import Registry, Resource

from benchmarks.common import print_table, seconds, write_results
from stages.core.errors import UserError
from stages.core.files import iter_lines, write_jsonl
from stages.core.schema import compiled, contents, file_faults, names
from stages.records.record import Record, record_id
from stages.records.validate import Watch
from stages.sources import sample
from stages.sources.common import Source

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"


def make_file(path: Path, count: int) -> None:
    """Writes `count` sound records or some more: whole repetitions of the sample."""
    source = Source("sample", "sample", str(SAMPLE), None, None)
    once = sample.records(source) + sample.references(source)

    def renamed(record: Record, turn: int) -> Record:
        native = f"{record['id'].split('/')[3]}-{turn}"
        return {**record, "id": record_id(record["subset"], record["task"], record["source"], native, record["lang"])}

    write_jsonl(path, (renamed(record, turn) for turn in range(-(-count // len(once))) for record in once))


def whole_path(path: Path) -> None:
    watch = Watch("record")
    for place, pointer, message in file_faults(path, "record", watch):
        raise UserError(f"{place}: {pointer}", message, "the benchmark's records are to be sound")
    watch.end()


def bare_loop(path: Path) -> bool:
    is_valid = compiled("record")
    with open(path, "rb") as file:
        return all(is_valid(orjson.loads(line)) for line in file)


def plain_jsonschema(path: Path, count: int) -> bool:
    pairs = [(f"{name}.schema.json", Resource.from_contents(contents(name))) for name in names()]
    validator = jsonschema.Draft202012Validator(contents("record"), registry=Registry().with_resources(pairs))
    return all(validator.is_valid(orjson.loads(line)) for _, line in islice(iter_lines(path), count))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validate", description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, default=100_000, help="at least so many (default 100000)")
    parser.add_argument("--subset", type=int, default=2_000, help="records for plain jsonschema (default 2000)")
    parser.add_argument("--rounds", type=int, default=5, help="the best of so many counts (default 5)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.jsonl"
        make_file(path, options.records)
        records, size = sum(1 for _ in iter_lines(path)), path.stat().st_size
        least = seconds({"whole": lambda: whole_path(path), "bare": lambda: bare_loop(path)}, options.rounds)
        subset = min(options.subset, records)
        least |= seconds({"plain": lambda: plain_jsonschema(path, subset)}, 1)
    whole, bare, plain = records / least["whole"], records / least["bare"], subset / least["plain"]
    print_table(
        ["validator", "records", "records/s", "of whole path"],
        [
            ["whole path: parsing, schema, spans, labels, ids, warnings", f"{records:,}", f"{whole:,.0f}", "1.00"],
            ["bare loop: orjson, compiled schema", f"{records:,}", f"{bare:,.0f}", f"{bare / whole:.2f}"],
            ["plain jsonschema", f"{subset:,}", f"{plain:,.0f}", f"{plain / whole:.3f}"],
        ],
    )
    write_results(
        "validate",
        {
            "records_per_second": round(whole),
            "vs_jsonschema": round(whole / plain, 1),
            "vs_bare_loop": round(whole / bare, 3),
            "records": records,
            "bytes_per_record": round(size / records),
            "rounds": options.rounds,
            "jsonschema_records": subset,
            "jsonschema_records_per_second": round(plain),
            "bare_loop_records_per_second": round(bare),
        },
    )


if __name__ == "__main__":
    main(sys.argv[1:])
