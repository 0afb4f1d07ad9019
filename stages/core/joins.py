"""The guard of every stage that joins one file a language: none missing, none unexpected.

Such a stage names the folder, in its command and among its deps, so that a language is one word in `params.yaml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stages.core.errors import UserError


def by_language(folder: str | Path, languages: Sequence[str], suffix: str = ".jsonl") -> dict[str, Path]:
    """Path by language, `<folder>/<lang><suffix>`, in the order of `languages`.

    Raises:
        UserError: a language has no file, or the folder holds one of a language that is not in the list.
    """
    found = {lang: Path(folder) / f"{lang}{suffix}" for lang in languages}
    for lang, path in found.items():
        if not path.is_file():
            raise UserError(str(path), f"is missing, and {lang!r} is in languages of params.yaml", "run dvc repro")
    for path in sorted(Path(folder).glob("[!.]*.*")):
        lang = path.name.split(".")[0]
        if lang not in languages:
            fault = f"is left from {lang!r}, which is not in languages of params.yaml"
            raise UserError(str(path), fault, f"delete it: find data -name '{lang}.*' -delete")
    return found
