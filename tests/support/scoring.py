"""What the tests of the scorer share: examples over one text, and the sample's test set in any view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.records.linear import View, encode
from stages.records.tasks import task_of
from stages.scoring.score import Cells, judge_all
from stages.sources import sample
from stages.sources.common import Source

ROOT = Path(__file__).resolve().parents[2]
TEXT = "東京で太郎は東京タワーを見た：a:b；Tokyo"
RIGHT = "社会/NER/:人名;太郎:地名;東京"
Example = dict[str, Any]


def example(
    output: str, *, text: str = TEXT, subset: str = "SCNM", task: str = "NER", lang: str = "ja", number: int = 1
) -> Example:
    return {
        "id": f"{subset}/{task}/own/{number:04d}/{lang}",
        "group": f"{number:016x}",
        "subset": subset,
        "task": task,
        "lang": lang,
        "input": f"{text}/{task_of(subset, task).word}",
        "output": output,
    }


def cells(pairs: list[tuple[Example, str | None]]) -> Cells:
    predictions = {gold["id"]: (output, True) for gold, output in pairs if output is not None}
    return judge_all([("gold", gold) for gold, _ in pairs], predictions)


def examples(view: View) -> list[Example]:
    source, result = Source("sample", "sample", str(ROOT / "data" / "sample"), None, None), []
    for record in sample.records(source) + sample.references(source):
        if record["split"] == "test":
            given, output = encode(record, view)
            kept = {key: record[key] for key in ("id", "group", "subset", "task", "lang")}
            result.append({**kept, "input": given, "output": output})
    return sorted(result, key=lambda item: str(item["id"]))
