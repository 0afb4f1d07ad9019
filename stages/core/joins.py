"""The guard of every stage that joins one file a language: none missing, none unexpected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stages.core.errors import UserError


def by_language(paths: Sequence[str], languages: Sequence[str]) -> dict[str, Path]:
    """Path by language, in the order of `languages`; `paths` are `<folder>/<lang>.<suffix>`.

    Raises:
        UserError: a language has no file, a file has no language, or one of a removed language is left in the folder.
    """
    found = {Path(path).name.split(".")[0]: Path(path) for path in paths}
    for lang in languages:
        if lang not in found:
            raise UserError(lang, "is in languages of params.yaml, but no file of it is joined", "add it to dvc.yaml")
    for lang, path in found.items():
        if lang not in languages:
            raise UserError(str(path), "is of no language of params.yaml", "take it out of dvc.yaml")
    for folder in sorted({path.parent for path in found.values()}):
        suffix = next(iter(found.values())).suffix
        for path in sorted(folder.glob(f"*{suffix}")):
            if path.name.split(".")[0] not in languages and not path.name.startswith("."):
                raise UserError(str(path), "is left from a language that was removed", "delete it")
    return {lang: found[lang] for lang in languages}
