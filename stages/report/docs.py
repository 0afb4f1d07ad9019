"""Writes the generated parts of README.md, docs/ and the data statement from committed files.

    python -m stages.report.docs            # writes
    python -m stages.report.docs --check    # exit code 1 if something would change

A part stands between `<!-- generated: x -->` and `<!-- end -->`, or `<!-- x -->` and `<!-- /x -->`. No figure is typed by
hand: they come from `metrics/`, `benchmarks/results/`, `dvc.yaml` and the texts of `data/corpus` and `data/second`.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import yaml

from stages.core import config
from stages.core.errors import UserError
from stages.core.files import read_bytes, read_json, write_bytes
from stages.core.run import run
from stages.fidelity import measure
from stages.records.tasks import LEVELS
from stages.report import check_aims, compare_prompts, corpus_tables
from stages.report.score_tables import interval, pivot, verdict
from stages.report.systems import systems_table
from stages.scoring import external_scorers
from stages.scoring.tables import MISSING
from stages.scoring.tables import markdown as table

REASONS = Path(__file__).with_name("reasons.yaml")
BLOCK = re.compile(r"(<!-- (?:generated: )?(\w+) -->\n).*?(<!-- (?:end|/\2) -->)", re.S)


def pipeline() -> str:
    """One row a stage, from the descriptions in dvc.yaml."""
    stages = yaml.safe_load(read_bytes("dvc.yaml"))["stages"]
    rows = []
    for name, entry in stages.items():
        several = {"lang": " (a language each)", "shots": " (0 and k examples)"}
        runs = next((several[key] for key in entry.get("matrix", {})), " (a system each)" if "foreach" in entry else "")
        stage = entry.get("do", entry)
        rows.append(
            {
                "stage": f"`{name}`{runs}",
                "what it does": stage["desc"],
                "knobs": ", ".join(f"`{section}`" for section in stage.get("params", [])),
            }
        )
    return table(pd.DataFrame(rows))


def modules() -> str:
    """One row a module: the first sentence of its docstring."""
    rows = []
    for path in sorted(Path("stages").glob("*/*.py")):
        if path.name != "__init__.py":
            said = " ".join((ast.get_docstring(ast.parse(path.read_bytes())) or "").split("\n\n")[0].split())
            first = re.split(r"(?<=[.?!]) (?=[A-Z`])", said)[0]
            rows.append({"module": f"`{path.parent.name}/{path.name}`", "what it does": first.replace("|", "\\|")})
    return table(pd.DataFrame(rows))


def results() -> str:
    """The verdict, and a table a level with sub-datasets down and languages across."""
    evaluation, baseline = read_json("metrics/evaluation.json"), read_json("metrics/baseline.json")
    parts = [verdict(evaluation, baseline, read_json("metrics/evaluation_intervals.json")["intervals"])]
    for level in LEVELS:
        both = pivot(evaluation, level).merge(pivot(baseline, level), on="sub-dataset", suffixes=("", " (baseline)"))
        parts.append(f"{level}:\n\n{table(both)}")
    return "\n\n".join(parts)


def second() -> str:
    """A row a system and level: its score with interval on the first and on the second frozen test set."""
    systems = {
        "released model": ("released", "second_released"),
        "default run": ("evaluation", "second"),
        "cheap baseline": ("baseline", "second_baseline"),
    }
    rows = []
    for name, files in systems.items():
        if not all(Path(f"metrics/{file}_intervals.json").exists() for file in files):
            return "The second set was not measured yet: `dvc repro`."
        own = [(read_json(f"metrics/{file}.json"), read_json(f"metrics/{file}_intervals.json")) for file in files]
        if not all(found for found, _ in own):
            return "There is no second set (`raw.second`)."
        for level in LEVELS:
            told = [f"{found['all'][level]} {interval(spread['intervals']['all'][level])}" for found, spread in own]
            rows.append({"system": name, "level": level, "frozen test set": told[0], "second": told[1]})
    return table(pd.DataFrame(rows))


def detectable() -> str:
    """A row a pair of systems: the difference over all records, and the least that the test set shows with 80 % power."""
    pairs = {
        "free": "free and constrained decoding of one model",
        "released": "released model and default run",
        "baseline": "cheap baseline and default run",
        "second": "released model and default run, second set",
    }
    rows = []
    for key, name in pairs.items():
        path = Path(f"metrics/compare_{key}.json")
        if path.exists() and (found := read_json(path)):
            own = found["comparison"]["all"]
            row: dict[str, Any] = {"systems": name, "records": own["n"], "texts": own["groups"]}
            row |= {f"{level}, difference": own[level]["difference"] for level in LEVELS}
            row |= {f"{level}, detectable": own[level].get("detectable", MISSING) for level in LEVELS}
            rows.append(row)
    return table(pd.DataFrame(rows))


def bases() -> str:
    """The default run and the released adapter as they are committed: a row a way of decoding, with what the run trained on."""
    train, rows = read_json("metrics/train.json"), []
    trained = {"records": train["examples"], "tokens a record": round(train["tokens"] / train["examples"])}
    for name, file, own in (
        ("default run, decoded freely", "free", trained),
        ("default run, constrained", "evaluation", trained),
        ("released adapter, constrained", "released", dict.fromkeys(trained, "")),
    ):
        scores = read_json(f"metrics/{file}.json")["all"]
        rows.append({"model": name, **own, **{level: scores[level] for level in LEVELS}})
    return table(pd.DataFrame(rows))


def seeds() -> str:
    """A row a level: the default run's score over all records under each seed, their mean and standard deviation."""
    found = read_json("metrics/seeds.json")
    rows = [
        {
            "level": level,
            **{f"seed {seed}": scores["all"][level] for seed, scores in found["each"].items()},
            "mean": found["mean"]["all"][level],
            "standard deviation": found["sd"]["all"][level],
        }
        for level in LEVELS
    ]
    return table(pd.DataFrame(rows))


def headline() -> str:
    """The verdict on the default run, and TL / WL / ALL by language: the released model, the default run, the cheap baseline."""
    systems = {"released model": "released", "default run": "evaluation", "cheap baseline": "baseline"}
    scores = {name: read_json(f"metrics/{file}.json") for name, file in systems.items()}
    bounds = read_json("metrics/released_intervals.json")["intervals"]["all"]
    overall = ", ".join(
        f"{level} {scores['released model']['all'][level]} {interval(bounds[level])}" for level in LEVELS
    )
    own = read_json("metrics/evaluation_intervals.json")["intervals"]
    default = verdict(scores["default run"], scores["cheap baseline"], own).replace("The model", "The default run", 1)
    return f"The released model reaches {overall}. {default}\n\nTL / WL / ALL:\n\n{table(systems_table(scores))}"


def retention() -> str:
    """What is kept of the source records, beside what a reader found of a sample of it before the checks."""
    read = pd.DataFrame(map(orjson.loads, read_bytes("data/reading/v2.jsonl").splitlines()))
    read["into"] = read["id"].str.rsplit("/", n=1).str[-1]
    found = read.groupby("into")["adequate"].agg(["sum", "count"])
    rows = []
    for lang, row in read_json("metrics/translation.json").items():
        if "all" in row:
            cell = row["all"]
            adequate = f"{found['sum'][lang]} of {found['count'][lang]}" if lang in found.index else "not read"
            kept = f"{cell['kept']} of {cell['source']}"
            rows.append({"into": lang, "kept": kept, "adequate": adequate, "chrF of the kept": cell["chrf"]})
    return table(pd.DataFrame(rows))


def translation() -> str:
    """Yield and quality, a row a language."""
    rows = []
    for lang, row in read_json("metrics/translation.json").items():
        if "all" in row:
            cell = row["all"]
            rows.append(
                {
                    "into": lang,
                    "source records": cell["source"],
                    "kept": cell["kept"],
                    "retention": cell["retention"],
                    "chrF kept / all": f"{cell['chrf']} / {cell['chrf_all']}",
                    "span F1 kept / all": f"{cell['span_f1']} / {cell['span_f1_all']}",
                    "by": ", ".join(row["usage"]["models"]),
                }
            )
    return table(pd.DataFrame(rows))


def benchmarks() -> str:
    """One row a figure of benchmarks/results/."""
    rows = [
        {"benchmark": f"`benchmarks/{path.stem}.py`", "figure": name, "value": value}
        for path in sorted(Path("benchmarks/results").glob("*.json"))
        for name, value in read_json(path).items()
        if not isinstance(value, dict | list)
    ]
    return table(pd.DataFrame(rows))


def baselines() -> str:
    """The systems on the frozen test set, a column each, and below them what the LLM's answers lacked."""
    systems = {
        "model": "evaluation",
        "cheap baseline": "baseline",
        "LLM, 0 examples": "llm_0shot",
        "LLM, k examples": "llm_kshot",
    }
    scores = systems_table({name: read_json(f"metrics/{file}.json") for name, file in systems.items()})
    answers = {name: read_json(f"metrics/{file}_format.json") for name, file in systems.items() if "llm" in file}
    grounding = {name: read_json(f"metrics/{systems[name]}_defects.json")["all"]["grounding"] for name in answers}
    flaws = [
        {
            "": name,
            **{key.replace("_", " "): value for key, value in row.items()},
            "spans": grounding[name]["spans"],
            "spans not in the text": grounding[name]["not_in_text"],
        }
        for name, row in answers.items()
    ]
    return f"{table(scores)}\n\n{table(pd.DataFrame(flaws).set_index('').T.reset_index(names='answers'))}"


def reasons() -> str:
    """A table for each group of reason codes: what each means and what to do."""
    parts = []
    for group, codes in config.parse_yaml(REASONS.read_text(encoding="utf-8"), str(REASONS)).items():
        rows = [{"code": f"`{code}`", "what it means": means, "what to do": do} for code, (means, do) in codes.items()]
        parts.append(f"**{group[0].upper()}{group[1:]}**\n\n{table(pd.DataFrame(rows))}")
    return "\n\n".join(parts)


GENERATORS: dict[str, Callable[[], str]] = {
    "pipeline": pipeline,
    "modules": modules,
    "results": results,
    "headline": headline,
    "second": second,
    "detectable": detectable,
    "bases": bases,
    "seeds": seeds,
    "retention": retention,
    "translation": translation,
    "benchmarks": benchmarks,
    "checks": lambda: measure.table(read_json("metrics/checks.json")),
    "check_aims": lambda: table(check_aims.aims(read_json("metrics/checks.json"))),
    "likelihood": lambda: table(check_aims.likelihood()),
    "prompts": lambda: compare_prompts.table(read_json("metrics/prompts.json")),
    "baselines": baselines,
    "corpus_cells": lambda: table(corpus_tables.cells()),
    "corpus_lengths": lambda: table(corpus_tables.lengths()),
    "corpus_labels": lambda: table(corpus_tables.labels()),
    "corpus_word_labels": lambda: table(corpus_tables.word_labels()),
    "corpus_types": corpus_tables.types,
    "corpus_genres": lambda: table(corpus_tables.genres()),
    "corpus_agreement": lambda: table(corpus_tables.agreement()),
    "corpus_lint": corpus_tables.linted,
    "second_labels": lambda: table(corpus_tables.labels(corpus_tables.SECOND)),
    "second_lint": lambda: corpus_tables.linted(corpus_tables.SECOND),
    "reasons": reasons,
    "external_scorers": lambda: external_scorers.table(read_json("metrics/external_scorers.json")),
}


def render(text: str, place: str) -> str:
    """The text with every generated block written anew; UserError on an unknown block."""

    def block(match: re.Match[str]) -> str:
        if match[2] not in GENERATORS:
            raise UserError(place, f"unknown generated block {match[2]!r}", f"one of {', '.join(GENERATORS)}")
        return f"{match[1]}\n{GENERATORS[match[2]]()}\n\n{match[3]}"

    return BLOCK.sub(block, text)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.report.docs", description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    statements = sorted(Path("data").glob("*/DATA_STATEMENT.md"))
    for path in [Path("README.md"), *sorted(Path("docs").glob("*.md")), *statements]:
        old = path.read_text(encoding="utf-8")
        new = render(old, str(path))
        if old != new and options.check:
            raise UserError(str(path), "its generated parts are not those of the committed files", "run `make docs`")
        if old != new:
            write_bytes(path, new.encode())
            print(f"wrote {path}")


if __name__ == "__main__":
    run(main)
