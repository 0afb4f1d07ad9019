"""What a translation prompt changes: yield, quality and cost of each, under the same filters, on the same records.

    python -m stages.report.compare_prompts --records data/tconer/records.jsonl --glossaries data/glossary \\
        --prompts stages/prompts/translate/v1.yaml stages/prompts/translate/v2.yaml --references data/raw/references.jsonl \\
        --responses data/responses.jsonl.gz --metrics metrics/prompts.json --usage data/usage/prompts

An arm is a prompt under the paper's two rules alone (`v1`), or with the checks against the source too (`v1_checked`). By
language, and for `all`:

- source: records to translate. kept: with the unrecoverable spans dropped. kept_with_all_spans: without, so that a record
  with a dropped span counts as lost, as it does in the pipeline by default; all that follows is of these.
- chrf, span_f1: beside the references, on the kept (`stages/report/translation_quality.py`). chrf_all, span_f1_all: on all, a lost one is 0.
- usd_per_1000_kept: the tokens of all calls of the arm at the price of `translate.priced_as`.

An arm that is not recorded is asked for only where `prompts.ask` of the params says so; else there is no such arm.

`paired` is the second prompt minus the first on the records that both keep with all spans, `paired_checked` the same under
the checks; intervals are bootstrapped over groups.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from stages.checks import Checks
from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.joins import by_language
from stages.core.run import run
from stages.core.schema import read_checked_json, write_checked_json
from stages.llm import prompt
from stages.llm.archive import Archive
from stages.llm.client import NotRecorded
from stages.llm.cost import cost_usd
from stages.llm.request import Llm
from stages.llm.session import LlmSession, budget_of
from stages.records.record import Record
from stages.records.rules import read_records
from stages.report.translation_quality import Measured, differences, measure, summary
from stages.scoring.bootstrap import Evaluate
from stages.scoring.tables import MISSING, fixed, markdown, plain
from stages.translation.filter import Filter, filter_records
from stages.translation.translate import Translate, Translation, translate


@dataclass(frozen=True)
class Prompts:
    """Section `prompts`: whether the arms of the comparison that are not recorded are asked for."""

    ask: bool


Kept = dict[str, dict[str, Record]]  # by language and id
NOT_COMPARED = "Not compared: the answers to a prompt are not recorded, and `prompts.ask` is false."
NAMES = ("chrf", "span_f1")


def outcome(
    records: Sequence[Record], lines: Mapping[str, list[Translation]], unaligned: str, switches: Checks | None
) -> Kept:
    """The records that the filter keeps, by language."""
    rules = Filter(untranslated=True, unaligned=unaligned)  # type: ignore[arg-type]
    return {
        lang: {record["id"]: record for record in filter_records(records, own, lang, rules, switches)[0]}
        for lang, own in lines.items()
    }


def beside(kept: Mapping[str, Record], references: Mapping[str, Record], ids: Sequence[str]) -> list[Measured]:
    """The measured references of some ids."""
    return [measure(kept.get(identifier), references[identifier]) for identifier in ids if identifier in references]


def arm(
    lines: Mapping[str, list[Translation]],
    kept: Kept,
    whole: Kept,
    references: Mapping[str, Record],
    usd: Mapping[str, float | None],
) -> dict[str, Any]:
    """The figures of one arm, by language and for all; quality and cost are those of the records kept with all spans, as
    `quality` has them under the default `filter.unaligned`."""
    result = {}
    for name, langs in [*((lang, [lang]) for lang in lines), ("all", list(lines))]:
        measured = [
            item for lang in langs for item in beside(whole[lang], references, [line["id"] for line in lines[lang]])
        ]
        n, spent = sum(len(whole[lang]) for lang in langs), [usd[lang] for lang in langs]
        held = summary([item for item in measured if item.kept])
        over_all = summary(measured)
        result[name] = {
            "source": sum(len(lines[lang]) for lang in langs),
            "kept": sum(len(kept[lang]) for lang in langs),
            "kept_with_all_spans": n,
            **{figure: held[figure] for figure in NAMES if held},
            **{f"{figure}_all": over_all[figure] for figure in NAMES if over_all},
            "usd_per_1000_kept": round(1000 * sum(spent) / n, 4) if n and None not in spent else None,  # type: ignore[arg-type]
        }
    return result


def paired(left: Kept, right: Kept, references: Mapping[str, Record], resamples: int, seed: int) -> dict[str, Any]:
    """right minus left, on what both keep."""
    ids = {lang: sorted(left[lang].keys() & right[lang].keys() & references.keys()) for lang in left}
    ours, theirs = (
        [item for lang in ids for item in beside(side[lang], references, ids[lang])] for side in (left, right)
    )
    found = differences(ours, theirs, resamples, seed, NAMES)
    result = {lang: {"records": len(own), **found.get(lang, {}).get("all", {})} for lang, own in ids.items()}
    return {**result, "all": {"records": len(ours), **found.get("all", {})}}


def table(metrics: Mapping[str, Any]) -> str:
    """The Markdown tables of docs/prompts.md: every arm by language, and what the second prompt changes."""
    arms = {name: cells for name, cells in metrics.items() if name not in ("paired", "paired_checked")}
    rows = [
        {
            "arm": name,
            "into": lang,
            "source": cell["source"],
            "kept, spans dropped": cell["kept"],
            "kept with all spans": cell["kept_with_all_spans"],
            "lost": _lost(cell),
            "chrF kept / all": f"{fixed(cell.get('chrf'))} / {fixed(cell.get('chrf_all'))}",
            "span F1 kept / all": f"{fixed(cell.get('span_f1'))} / {fixed(cell.get('span_f1_all'))}",
            "USD per 1,000 kept": fixed(cell["usd_per_1000_kept"], 4),
        }
        for name, cells in arms.items()
        for lang, cell in cells.items()
    ]
    parts = [markdown(pd.DataFrame(rows))]
    for group, suffix in (("paired", ""), ("paired_checked", "_checked")):
        if not metrics[group]:
            parts.append(NOT_COMPARED)
            break
        old, new = (name for name in arms if name.endswith("_checked") == bool(suffix))
        changes = [
            {
                f"{new} minus {old}": lang,
                f"lost by {old}": _lost(arms[old][lang]),
                f"lost by {new}": _lost(arms[new][lang]),
                "kept by both": cell["records"],
                "chrF": _change(cell.get("chrf")),
                "span F1": _change(cell.get("span_f1")),
            }
            for lang, cell in metrics[group].items()
        ]
        parts.append(markdown(pd.DataFrame(changes)))
    return "\n\n".join(parts)


def readable(metrics: Mapping[str, Any], old: str, new: str) -> str:
    """Two prompts side by side for the terminal: retention, quality and cost under the pipeline's filters and checks.

    `change` of quality is on the records that both keep, with its interval of 95 % over texts, and * where that leaves out 0.
    """
    if not metrics["paired_checked"]:
        return NOT_COMPARED
    left, right, both = metrics[f"{old}_checked"], metrics[f"{new}_checked"], metrics["paired_checked"]
    rows: list[tuple[Any, ...]] = []
    for lang, a in left.items():
        b, change = right[lang], both[lang]
        rows.append((lang, f"kept of {a['source']}", *map(_kept, (a, b)), ""))
        for figure, title in (("chrf", "chrF"), ("span_f1", "span F1")):
            told = change.get(figure)
            sure = "*" if told and not told["low"] <= 0 <= told["high"] else ""
            rows.append((lang, f"{title} of the kept", a.get(figure), b.get(figure), _change(told) + sure))
            rows.append((lang, f"{title} of all", a.get(f"{figure}_all"), b.get(f"{figure}_all"), ""))
        rows.append((lang, "kept by both", "", "", str(change["records"])))
        cost = [fixed(cell["usd_per_1000_kept"], 4) for cell in (a, b)]
        rows.append((lang, "USD per 1,000 kept", *cost, ""))
    return plain(rows, ["into", "figure", old, new, "change"])


def _kept(cell: Mapping[str, Any]) -> str:
    kept, source = cell["kept_with_all_spans"], cell["source"]
    return f"{kept} ({100 * kept / source:.1f} %)" if source else MISSING


def _lost(cell: Mapping[str, Any]) -> int:
    return int(cell["source"] - cell["kept_with_all_spans"])


def _change(found: Mapping[str, float] | None) -> str:
    return f"{found['difference']:+.2f} ({found['low']:+.2f} to {found['high']:+.2f})" if found else MISSING


def translations(
    path: str,
    records: Sequence[Record],
    glossaries: Mapping[str, Mapping[str, str]],
    knobs: Translate,
    session_of: Callable[[prompt.Prompt], LlmSession],
    usage: Path,
) -> tuple[dict[str, list[Translation]], dict[str, float | None]] | None:
    """(translations, USD) by language under a prompt, with a usage file a language; None, and a line on stderr, where an answer
    is not recorded and is not to be asked for.

    Raises:
        NotRecorded: the same under LLM_MODE=replay, where nothing can be asked at all.
    """
    spec, lines, usd = prompt.load(path), dict[str, list[Translation]](), dict[str, float | None]()
    for lang, glossary in glossaries.items():
        session = session_of(spec)
        try:
            lines[lang] = translate(records, lang, session, glossary, knobs.projection)
        except NotRecorded as error:
            if os.environ.get("LLM_MODE", "replay") == "replay":
                raise
            print(f"{path}, {lang}: not compared: {error.fault}, and prompts.ask is false", file=sys.stderr)
            return None
        account = session.account()
        priced_as = knobs.priced_as or session.llm.model
        spent = cost_usd(priced_as, account["prompt_tokens"], account["completion_tokens"])
        usd[lang] = None if spent is None else float(spent)
        session.write(usage / f"{Path(path).stem}-{lang}.json")
    return lines, usd


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.report.compare_prompts", description=__doc__.split("\n")[0])
    parser.add_argument("--glossaries", required=True, help="folder of one file a language")
    parser.add_argument("--prompts", nargs=2, required=True, help="the prompt to compare with, and the one to compare")
    for option in ("records", "references", "responses", "metrics", "usage"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    languages, llm, knobs = (
        config.read("languages", Languages),
        config.read("llm", Llm),
        config.read("translate", Translate),
    )
    switches, drawing = config.read("checks", Checks), config.read("evaluate", Evaluate)
    records, archive = read_records(options.records), Archive(options.responses)
    references = {record["id"]: record for record in read_records(options.references)}
    glossaries = {
        lang: {label: entry["label"] for label, entry in read_checked_json(path, "glossary")["labels"].items()}
        for lang, path in by_language(options.glossaries, languages, ".json").items()
    }
    usage, wanted = Path(options.usage), config.read("prompts", Prompts).ask
    session_of = partial(LlmSession, llm, archive=archive, budget=budget_of(llm, archive, usage), replay=not wanted)
    arms: dict[str, Any] = {}
    wholes: dict[str, list[Kept]] = {"paired": [], "paired_checked": []}
    if len({Path(path).stem for path in options.prompts}) != len(options.prompts):
        raise UserError("--prompts", "are the same twice", "name two different prompts")
    usage.mkdir(parents=True, exist_ok=True)
    for path in options.prompts:
        if (found := translations(path, records, glossaries, knobs, session_of, usage)) is None:
            continue
        (lines, usd), name = found, Path(path).stem
        for suffix, checks, group in (("", None, "paired"), ("_checked", switches, "paired_checked")):
            whole = outcome(records, lines, "record", checks)
            wholes[group].append(whole)
            arms[name + suffix] = arm(lines, outcome(records, lines, "span", checks), whole, references, usd)
    metrics = dict(arms)
    for group, held in wholes.items():
        both = len(held) == len(options.prompts)
        metrics[group] = paired(held[0], held[1], references, drawing.resamples, drawing.seed) if both else {}
    write_checked_json(options.metrics, metrics, "prompt_metrics")
    first, second = (Path(path).stem for path in options.prompts)
    on = ", ".join(name for name, value in vars(switches).items() if value)
    print(
        f"model {llm.model}, priced as {knobs.priced_as or llm.model}, temperature {llm.temperature}; checks: {on or 'none'}"
    )
    print(readable(metrics, first, second))
    print(
        "Scores: the model is the same under both while mix.translations is reference; else train under each,\n"
        f"dvc exp run -n {second} -S translate.prompt={second}, and python -m stages.scoring.compare HEAD {second}"
    )


if __name__ == "__main__":
    run(main)
