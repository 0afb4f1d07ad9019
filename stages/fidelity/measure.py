"""Measures the checks: what they catch of wrong translations, and how many true ones they refuse.

    python -m stages.fidelity.measure --records data/raw/records.jsonl --references data/raw/references.jsonl \\
        --texts data/fidelity/{tuning,heldout}_{en,ja}.jsonl \\
        --metrics metrics/checks.json --curve metrics/checks_curve.csv [--reading data/reading/v2.jsonl]

Wrong translations come from `stages.fidelity.corruptions`, which the checks do not know. The sample's texts and those of `tuning` are for
tuning the checks; the figures are those of the texts of `heldout`, which nobody looked at before they were measured. Caught: the enabled checks refuse or warn; `caught_new`: with a code that the true
reference does not get. With `--genres`, the same on each genre under a risk that was fitted without it. With `--reading`, what they find of the machine translations that people read and marked. With `--speed`, the records a second that
`benchmarks/checks.py` measured: a time taken here would make other metrics of every run.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from stages import checks
from stages.checks import Checks, clause, names, spans
from stages.checks.finding import Finding
from stages.checks.risk import assess, model
from stages.core import config
from stages.core.errors import UserError
from stages.core.files import read_json, write_bytes
from stages.core.run import run
from stages.core.schema import read_checked, write_checked_json
from stages.fidelity import fit
from stages.fidelity.corruptions import KINDS, Corruption, corruptions, half
from stages.fidelity.edits import Pair
from stages.fidelity.fit import Fidelity, read_pairs
from stages.fidelity.genres import left_out, unseen
from stages.records.record import Record, canonical, with_lang
from stages.records.rules import read_records
from stages.records.tasks import subset

Score = Callable[[Record, Record], float]
SCORES: dict[str, Score] = {
    "clause": clause.clause_score,
    "label": spans.swap_score,
}
POINTS = 40  # of a curve
HELPS = 0.05  # the share of some kind that a check must find beyond the share of true references that it refuses
CLEAR = 0.5  # the strength above which a finding is counted for its check
Found = dict[str, list[Finding]]  # by check, of every check, enabled or not


def findings(source: Record, target: Record) -> Found:
    """What every check finds, enabled or not."""
    return checks.findings(source, target, list(checks.CHECKS))


def clear(found: Found, name: str) -> set[str]:
    """The codes of one check that are clear."""
    return {item.code for item in found[name] if item.strength > CLEAR}


def share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def new(found: Found, before: Found, name: str) -> bool:
    """Whether a check gives a clear code that it did not give the true reference."""
    return bool(clear(found, name) - clear(before, name))


class Results:
    """The findings on every reference and corruption, each looked up once."""

    def __init__(self, joined: Sequence[Pair], wrong: Sequence[Corruption], switches: Checks) -> None:
        self.joined, self.wrong, self.switches = joined, wrong, switches
        self.enabled = [name for name in checks.CHECKS if getattr(switches, name)]
        self.before = {pair.reference["id"]: findings(pair.source, pair.reference) for pair in joined}
        self.found = [findings(item.source, item.record) for item in wrong]

    def verdict(self, found: Found) -> checks.Verdict:
        """That of `checks.verdict`, without asking each check twice."""
        every = [item for name in self.enabled for item in found[name]]
        return checks.of_risk(assess(every, model()), self.switches)

    def codes(self, found: Found) -> set[str]:
        """Why the enabled checks refuse or warn."""
        judged = self.verdict(found)
        return {*judged.refused, *judged.warned}

    def cell(self, numbers: Iterable[int]) -> dict[str, int]:
        """How many corruptions there are, and how many of them are caught."""
        pairs_of_codes = [
            (self.codes(self.found[n]), self.codes(self.before[self.wrong[n].reference["id"]])) for n in numbers
        ]
        return {
            "n": len(pairs_of_codes),
            "caught": sum(bool(after) for after, _ in pairs_of_codes),
            "caught_new": sum(bool(after - before) for after, before in pairs_of_codes),
        }

    def of(self, kind: str, part: int, lang: str | None = None) -> list[int]:
        """The numbers of the corruptions of a kind in one half."""
        return [
            n
            for n, item in enumerate(self.wrong)
            if item.kind == kind and half(item.record) == part and lang in (None, item.record["lang"])
        ]

    def references(self, part: int, lang: str) -> list[str]:
        """The ids of the true references of a half and language."""
        found = (pair.reference for pair in self.joined)
        return [record["id"] for record in found if half(record) == part and record["lang"] == lang]


def corruption_table(results: Results, languages: Sequence[str]) -> dict[str, Any]:
    """Kind -> caught on the held-out half, by language, and the same on the half that the checks were tuned on."""

    def cells(kind: str, part: int) -> dict[str, Any]:
        by_lang = {lang: results.cell(results.of(kind, part, lang)) for lang in languages}
        return {**results.cell(results.of(kind, part)), "by_lang": by_lang}

    return {kind: {**cells(kind, 1), "tuned": cells(kind, 0)} for kind in KINDS}


def reference_table(results: Results, languages: Sequence[str]) -> dict[str, Any]:
    """Language -> true references of the held-out half that the enabled checks refuse, and of the other."""

    def cell(part: int, lang: str) -> dict[str, int]:
        ids = results.references(part, lang)
        judged = [results.verdict(results.before[name]) for name in ids]
        return {
            "n": len(ids),
            "refused": sum(bool(item.refused) for item in judged),
            "warned": sum(bool(item.warned) for item in judged),
        }

    return {lang: {**cell(1, lang), "tuned": cell(0, lang)} for lang in languages}


def check_table(results: Results, languages: Sequence[str], switches: Checks) -> dict[str, Any]:
    """Check -> what it alone finds on the held-out half, and the kinds for which it is shown to help.

    It helps against a kind if the share that it newly finds is more than `HELPS` above the share of true references that
    it refuses.
    """
    table = {}
    for name in checks.CHECKS:
        refused = {
            lang: sum(bool(clear(results.before[item], name)) for item in results.references(1, lang))
            for lang in languages
        }
        base = share(sum(refused.values()), sum(len(results.references(1, lang)) for lang in languages))
        caught, helps = {}, []
        for kind in KINDS:
            numbers = results.of(kind, 1)
            caught[kind] = sum(
                new(results.found[n], results.before[results.wrong[n].reference["id"]], name) for n in numbers
            )
            if share(caught[kind], len(numbers)) - base > HELPS:
                helps.append(kind)
        table[name] = {
            "enabled": bool(getattr(switches, name)),
            "caught_new": caught,
            "refused": refused,
            "helps": helps,
        }
    return table


def name_table(joined: Sequence[Pair], languages: Sequence[str]) -> dict[str, Any]:
    """Language -> how many names of the held-out true references are the same, different or unknown to the name check."""
    table = {lang: {"same": 0, "different": 0, "unknown": 0} for lang in languages}
    for pair in joined:
        if half(pair.reference) == 1:
            for _, verdict in names.verdicts(pair.source, pair.reference):
                table[pair.reference["lang"]][verdict] += 1
    return table


def curve(results: Results, languages: Sequence[str]) -> list[dict[str, Any]]:
    """On the held-out half, for the score of clause and label, and for the risk over all kinds: at each threshold, the
    share of corruptions and of true references whose score is at least that."""
    rows = []
    for kind, score in SCORES.items():
        true = {pair.reference["id"]: score(pair.source, pair.reference) for pair in results.joined}
        for lang in languages:
            wrong = [score(item.source, item.record) for item in (results.wrong[n] for n in results.of(kind, 1, lang))]
            rows += _points(kind, lang, wrong, [true[item] for item in results.references(1, lang)])
    for lang in languages:
        numbers = [n for kind in KINDS for n in results.of(kind, 1, lang)]
        risks = [results.verdict(results.found[n]).risk for n in numbers]
        rows += _points(
            "risk", lang, risks, [results.verdict(results.before[item]).risk for item in results.references(1, lang)]
        )
    return rows


def _points(kind: str, lang: str, wrong: Sequence[float], right: Sequence[float]) -> list[dict[str, Any]]:
    values = sorted({round(value, 4) for value in (*wrong, *right)})
    points = []
    for threshold in values[:: max(1, -(-len(values) // POINTS))]:
        caught, refused = (share(sum(round(v, 4) >= threshold for v in side), len(side)) for side in (wrong, right))
        points.append({"kind": kind, "lang": lang, "threshold": threshold, "caught": caught, "refused": refused})
    return points


def reading_table(marks: Sequence[dict[str, Any]], sources: Sequence[Record], switches: Checks) -> dict[str, Any]:
    """By language and for all: how many of the inadequate, and of the adequate, translations each check finds.

    Raises:
        UserError: a mark is missing, or its source is.
    """
    by_id = {record["id"]: record for record in sources}
    read = []
    for mark in sorted(marks, key=lambda item: str(item["id"])):
        lang, name = mark["id"].rpartition("/")[2], mark["id"].partition("/")[0]
        source = by_id.get(with_lang(mark["id"], subset(name).source_lang))
        if source is None or source["text"] != mark["source_text"]:
            raise UserError(mark["id"], "its source text is not in the records", "draw a new sample for reading")
        if mark["adequate"] is None:
            raise UserError(mark["id"], "not marked", "set adequate to true or false, with the reason")
        label = source["text_label"] and subset(name).text_label(source["text_label"], source["lang"], lang)
        target = canonical(
            {**source, "id": mark["id"], "lang": lang, "text": mark["text"], "text_label": label,
             "extractions": mark["extractions"]}
        )  # fmt: skip
        judged, found = checks.verdict(source, target, switches), findings(source, target)
        outcome = "found" if judged.refused else "warned" if judged.warned else ""
        seen = {name for name in checks.CHECKS if clear(found, name)}
        read.append((lang, "adequate" if mark["adequate"] else "inadequate", outcome, seen))

    def cell(lang: str | None, verdict: str) -> dict[str, Any]:
        chosen = [row for row in read if lang in (None, row[0]) and row[1] == verdict]
        by_check = {name: sum(name in row[3] for row in chosen) for name in checks.CHECKS}
        outcomes = {name: sum(row[2] == name for row in chosen) for name in ("found", "warned")}
        return {"n": len(chosen), **outcomes, "by_check": by_check}

    cells = {lang: lang for lang in sorted({row[0] for row in read})}
    return {
        name: {verdict: cell(lang, verdict) for verdict in ("inadequate", "adequate")}
        for name, lang in {"all": None, **cells}.items()
    }


def table(metrics: dict[str, Any]) -> str:
    """The Markdown table of docs/fidelity.md: a row a kind and one of true references, a column a language."""
    languages = list(metrics["references"])
    rows = [["", *languages, "all", "all, tuned half"], ["---"] + ["---:"] * (len(languages) + 2)]
    for kind, cell in metrics["corruptions"].items():
        cells = [*(cell["by_lang"][lang] for lang in languages), cell, cell["tuned"]]
        rows.append([f"{kind}: caught", *(_rate(item["caught"], item["n"]) for item in cells)])
    cells = list(metrics["references"].values())
    for rest in (cells, [cell["tuned"] for cell in cells]):
        cells = [*cells, {key: sum(cell[key] for cell in rest) for key in ("n", "refused", "warned")}]
    for name in ("refused", "warned"):
        rows.append([f"true references: {name}", *(_rate(cell[name], cell["n"]) for cell in cells)])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines += ["", "| check | on | helps against | true references refused |", "| --- | --- | --- | ---: |"]
    total = sum(cell["n"] for cell in metrics["references"].values())
    for name, row in metrics["by_check"].items():
        on, helps = "yes" if row["enabled"] else "no", ", ".join(row["helps"]) or "none of these"
        lines.append(f"| {name} | {on} | {helps} | {_rate(sum(row['refused'].values()), total)} |")
    lines += unseen_table(metrics["unseen_genres"]) if metrics["unseen_genres"] else []
    lines += ["", "| names of true references | same | different | unknown |", "| --- | ---: | ---: | ---: |"]
    for lang, row in metrics["names"].items():
        lines.append(f"| {lang} | " + " | ".join(_rate(count, sum(row.values())) for count in row.values()) + " |")
    if metrics["reading"]:
        lines += ["", "| read translations | n | refused | warned |", "| --- | ---: | ---: | ---: |"]
        for lang, cell in metrics["reading"].items():
            lines += [
                f"| {verdict}, {lang} | {part['n']} | {_rate(part['found'], part['n'])} | {_rate(part['warned'], part['n'])} |"
                for verdict, part in cell.items()
            ]
        lines += warned_table(metrics) if metrics["unseen_genres"] else []
    return "\n".join(lines)


def warned_table(metrics: dict[str, Any]) -> list[str]:
    """The lines of the table of `checks.warned`: what is kept of what, if what is warned of is kept or is not."""
    genres, read = metrics["unseen_genres"], metrics["reading"]["all"]
    lines = ["", "| `checks.warned` | true references kept, unseen genres | adequate kept | inadequate kept |"]
    lines.append("| --- | ---: | ---: | ---: |")
    for name, lost in (("keep", ("found",)), ("quarantine", ("found", "warned"))):
        refused = sum(genres["refused" if key == "found" else key]["count"] for key in lost)
        cells = [_rate(genres["refused"]["n"] - refused, genres["refused"]["n"])]
        for verdict in ("adequate", "inadequate"):
            own = read[verdict]
            cells.append(_rate(own["n"] - sum(own[key] for key in lost), own["n"]))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def unseen_table(cell: dict[str, Any]) -> list[str]:
    """The lines of the table of genres left out."""
    lines = [
        "",
        "| genres left out in turn | all | those whose refusals nobody read |",
        "| --- | ---: | ---: |",
    ]
    both = (cell, cell["unread"])
    for name in ("refused", "warned"):
        lines.append(f"| true references: {name} | " + " | ".join(_interval(part[name]) for part in both) + " |")
    for kind in cell["caught"]:
        lines.append(f"| {kind}: caught | " + " | ".join(_interval(part["caught"][kind]) for part in both) + " |")
    return lines


def _interval(cell: dict[str, Any]) -> str:
    if not cell["n"]:
        return "–"
    return f"{_rate(cell['count'], cell['n'])}, {cell['low']:.1%} to {cell['high']:.1%}"


def _rate(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.1%})" if whole else "–"


def csv_bytes(rows: Sequence[dict[str, Any]]) -> bytes:
    """The curve as CSV."""
    file = io.StringIO()
    writer = csv.DictWriter(file, ["kind", "lang", "threshold", "caught", "refused"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def measure(joined: Sequence[Pair], switches: Checks, options: Fidelity) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(metrics/checks.json without the reading, the genres and the speed; the rows of the curve)."""
    languages = [lang for lang, _ in groupby(sorted(pair.reference["lang"] for pair in joined))]
    results = Results(joined, corruptions(joined, options.seed, options.limit), switches)
    metrics = {
        "corruptions": corruption_table(results, languages),
        "references": reference_table(results, languages),
        "by_check": check_table(results, languages, switches),
        "names": name_table(joined, languages),
        "reading": None,
        "unseen_genres": None,
        "records_per_second": None,
    }
    return metrics, curve(results, languages)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.fidelity.measure", description=__doc__.split("\n")[0])
    for option in ("records", "references", "metrics", "curve"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument(
        "--texts", nargs="+", default=[], help="texts and references beside the sample's, data/fidelity/"
    )
    parser.add_argument("--reading", help="marked translations, data/reading/*.jsonl")
    parser.add_argument("--genres", help="a folder of texts, a file a genre, each to be left out in turn")
    parser.add_argument("--speed", help="benchmarks/results/checks.json, for the records checked a second")
    options = parser.parse_args(arguments)
    sources, switches = read_records(options.records), config.read("checks", Checks)
    joined, knobs = read_pairs(options.records, options.references, options.texts), config.read("fidelity", Fidelity)
    metrics, rows = measure(joined, switches, knobs)
    if options.genres:
        names = [name for name in checks.CHECKS if getattr(switches, name)]
        own = fit.rows(read_pairs(None, None, fit.files(options.genres)), knobs.seed, knobs.limit, names)
        metrics["unseen_genres"] = unseen(left_out(own, switches))
    if options.reading:
        metrics["reading"] = reading_table(read_checked(options.reading, "reading"), sources, switches)
    if options.speed:
        metrics["records_per_second"] = read_json(options.speed)["records_per_second"]
    write_checked_json(options.metrics, metrics, "check_metrics")
    write_bytes(options.curve, csv_bytes(rows))
    print(table(metrics))


if __name__ == "__main__":
    run(main)
