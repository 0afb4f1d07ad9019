"""Sets up a whole study in a folder of its own: sources, translation, checks, mix, training, evaluation, report.

    python -m stages.project.new projects/NAME --languages ja en zh --model gpt-…     # make new NAME=…
    python -m stages.project.new --link projects/NAME      # link a folder again that was cloned, or whose code moved

The folder is as `stages/project/folder.py` says, without sources: name them in `raw.sources` of its params.yaml, then
`python -m stages.project.run` there, as after `stages.project.translate`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.run import run
from stages.project import compose
from stages.project.folder import linked, make
from stages.project.run import UNSET

SMALL = {
    "mix.translations": "calibrated",
    "mix.train_size": None,
    "translate.priced_as": None,
    "llm.structured": "json_schema",
}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.project.new", description=__doc__.split("\n")[0])
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--languages", nargs="+", default=["ja", "en", "zh"], metavar="LANG", help="default ja en zh")
    parser.add_argument("--model", default=UNSET, help="who translates; llm.model of params.yaml")
    parser.add_argument("--link", action="store_true", help="only link a project that is there to this code")
    options = parser.parse_args(arguments)
    folder = Path(options.folder)
    if options.link:
        if not (folder / "dvc.yaml").exists():
            raise UserError(str(folder), "is no project", "name the folder of one")
        linked(folder)
        print(f"{folder}: linked")
        return
    languages = config.build(options.languages, Languages, "--languages")
    values = {**SMALL, "languages": languages, "raw.sources": [], "llm.model": options.model}
    make(folder, compose.STUDY, values, command="new")
    print(
        f"{folder}: a study of its own. Put files into data/external/, name them in raw.sources of params.yaml, set llm.model;"
    )
    print("then python -m stages.project.run there")


if __name__ == "__main__":
    run(main)
