"""What the report is made from: metrics by name, each None where its file is not there or holds nothing, so that a project without a model,
or without references, has a report of what it has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.core.schema import read_checked_json

Metrics = dict[str, Any]
# By name, the file and its schema. Those of this project are deps of the stage `report` (a test compares the two).
METRICS = {
    "translation": ("metrics/translation.json", "translation_metrics"),
    "mix": ("metrics/mix.json", "mix_metrics"),
    "train": ("metrics/train.json", "train_metrics"),
    "evaluation": ("metrics/evaluation.json", "evaluation_metrics"),
    "translated": ("metrics/evaluation_translated.json", "evaluation_metrics"),
    "baseline": ("metrics/baseline.json", "evaluation_metrics"),
    "evaluation_intervals": ("metrics/evaluation_intervals.json", "interval_metrics"),
    "defects": ("metrics/evaluation_defects.json", "defect_metrics"),
    "labels": ("metrics/evaluation_labels.json", "label_metrics"),
    "errors": ("metrics/errors.json", "error_metrics"),
    "free": ("metrics/free.json", "evaluation_metrics"),
    "free_defects": ("metrics/free_defects.json", "defect_metrics"),
    "free_compared": ("metrics/compare_free.json", "comparison"),
    "free_intervals": ("metrics/free_intervals.json", "interval_metrics"),
    "baseline_intervals": ("metrics/baseline_intervals.json", "interval_metrics"),
    "llm_0shot_intervals": ("metrics/llm_0shot_intervals.json", "interval_metrics"),
    "llm_kshot_intervals": ("metrics/llm_kshot_intervals.json", "interval_metrics"),
    "released": ("metrics/released.json", "evaluation_metrics"),
    "released_intervals": ("metrics/released_intervals.json", "interval_metrics"),
    "second": ("metrics/second.json", "evaluation_metrics"),
    "second_released": ("metrics/second_released.json", "evaluation_metrics"),
    "second_baseline": ("metrics/second_baseline.json", "evaluation_metrics"),
    "llm_0shot": ("metrics/llm_0shot.json", "evaluation_metrics"),
    "llm_kshot": ("metrics/llm_kshot.json", "evaluation_metrics"),
    "data_checks": ("metrics/data_checks.json", "data_checks"),
    "external_scorers": ("metrics/external_scorers.json", "external_scorer_metrics"),
    "prompts": ("metrics/prompts.json", "prompt_metrics"),
    "checks": ("metrics/checks.json", "check_metrics"),
    "classes": ("metrics/classes.json", "class_metrics"),
    "calibration": ("metrics/calibration.json", "calibration_metrics"),
    "calibrated": ("metrics/calibrated_quality.json", "calibrated_quality"),
}
WORST = "data/errors/worst.jsonl"
PUBLISHED = Path(__file__).with_name("published.yaml")


def read_metrics() -> dict[str, Metrics | None]:
    """Every metric that there is, checked against its schema."""
    return {
        name: (read_checked_json(path, schema) or None) if Path(path).exists() else None
        for name, (path, schema) in METRICS.items()
    }
