"""How far the LLM's classes can be trusted: its answers for source texts whose class people gave, against theirs.

    python -m stages.translation.class_agreement --records data/raw/records.jsonl --prompt stages/prompts/tconer/v1.yaml \\
        --responses data/responses.jsonl.gz --metrics metrics/classes.json --usage data/usage/classes.json

The question is that of `stages.translation.text_classes`, which asks it for texts without a class; here it goes out once for each distinct
text of TCONER. Accuracy counts an answer that names no class as wrong; kappa is Cohen's (Educational and Psychological
Measurement 20(1), 1960), with no class as one more category. Both are null where there is nothing to compare, kappa also
where both sides know one class only.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

from sklearn.metrics import cohen_kappa_score

from stages.core.run import run
from stages.core.schema import write_checked_json
from stages.llm.session import LlmSession
from stages.records.record import Record
from stages.records.rules import read_records
from stages.translation.text_classes import build_request, read_class

SUBSET = "TCONER"


def known_texts(records: Sequence[Record]) -> list[Record]:
    """A record of each distinct TCONER text whose class people gave."""
    known = [
        record
        for record in records
        if record["subset"] == SUBSET and record["text_label_origin"] in ("source", "human")
    ]
    return list({(record["lang"], record["text"]): record for record in known}.values())


def agreement(gold: Sequence[str], answers: Sequence[str | None]) -> dict[str, Any]:
    """Accuracy in percent and Cohen's kappa, overall, and (right, given, answered) by gold class."""
    right = [label == answer for label, answer in zip(gold, answers, strict=True)]
    said = [answer or "" for answer in answers]
    several = len({*gold, *said}) > 1
    kappa = float(cohen_kappa_score(list(gold), said)) if several else math.nan
    classes = {
        label: {
            "right": sum(ok for own, ok in zip(gold, right, strict=True) if own == label),
            "gold": gold.count(label),
            "answered": said.count(label),
        }
        for label in sorted({*gold, *said} - {""})
    }
    return {
        "texts": len(gold),
        "no_class": said.count(""),
        "accuracy": round(100 * sum(right) / len(right), 2) if right else None,
        "kappa": None if math.isnan(kappa) else round(kappa, 4),
        "classes": classes,
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.translation.class_agreement", description=__doc__.split("\n")[0]
    )
    for option in ("records", "metrics"):
        parser.add_argument(f"--{option}", required=True)
    LlmSession.add_arguments(parser)
    options = parser.parse_args(arguments)
    session = LlmSession.of(options)
    texts = known_texts(read_records(options.records))
    requests = [build_request(record, session.spec, session.llm) for record in texts]
    answers = session.ask(requests)
    said = [read_class(record, answer) for record, answer in zip(texts, answers, strict=True)]
    result = agreement([record["text_label"] for record in texts], said)
    write_checked_json(options.metrics, result, "class_metrics")
    session.write(options.usage)
    told = session.told({request.key: record["id"] for request, record in zip(requests, texts, strict=True)})
    print(
        f"{result['texts']} texts, accuracy {result['accuracy']}, kappa {result['kappa']} by {session.llm.model}{told}"
    )


if __name__ == "__main__":
    run(main)
