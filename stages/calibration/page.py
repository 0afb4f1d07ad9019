"""The review page: people correct translations in a browser, and each decision is a patch on the disk before the page says so.

    python -m stages.calibration.page --annotator kei                  # make review
    python -m stages.calibration.page --annotator kei --all            # every translation, not the quarantine and a sample alone
    python -m stages.calibration.page --annotator kei --blind          # to measure agreement: data/blind, no checks shown
    python -m stages.calibration.page --annotator lee --adjudicate     # a third name decides what two see differently

It listens on 127.0.0.1 alone, and answers only who has the token of the printed address, under that address' own Host and
Origin, and again after a restart (`address.py`). Nothing is asked of any other machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import uvicorn

from stages.calibration.address import listen_again
from stages.calibration.annotations import distinct, of_patches
from stages.calibration.desk import open_desk
from stages.calibration.patches import FIELDS, read
from stages.calibration.queue import Review
from stages.calibration.server import application
from stages.calibration.session import Session
from stages.core import config
from stages.core.config import Languages
from stages.core.errors import UserError
from stages.core.run import run


def versions_of(data: str, languages: Sequence[str], blind: str, who: str) -> dict[str, dict[str, dict[str, object]]]:
    """What each blind annotator has for the records on which they differ, by id.

    Raises:
        UserError: fewer than two annotated, or the third is one of them.
    """
    people = of_patches(open_desk(data, languages, blind), read(blind))
    distinct([*people, who] if len(people) > 1 else list(people))
    result: dict[str, dict[str, dict[str, object]]] = {}
    for name in sorted({name for own in people.values() for name in own}):
        have = {one: own[name] for one, own in people.items() if name in own}
        shown = {one: {key: getattr(have[one], key) for key in (*FIELDS, "rejected")} for one in have}
        if any(other != next(iter(shown.values())) for other in shown.values()):
            result[name] = shown
    return result


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.calibration.page", description=__doc__.split("\n")[0])
    parser.add_argument("--annotator", default="", help="your name; the page asks for it if it is not given")
    parser.add_argument("--data", default="data", help="the folder of artifacts (default data)")
    parser.add_argument("--port", type=int, default=0, help="of the loopback; any free one by default")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--blind", action="store_true", help="patches to data/blind; neither others' nor the checks' findings are shown"
    )
    modes.add_argument("--adjudicate", action="store_true", help="decide where the blind annotators differ")
    parser.add_argument("--all", action="store_true", help="every translation, not the quarantine and a sample alone")
    options = parser.parse_args(arguments)
    languages, knobs = config.read("languages", Languages), config.read("review", Review)
    knobs = replace(knobs, sample=sys.maxsize) if options.all else knobs
    data, blind = Path(options.data), Path(options.data) / "blind"
    versions = None
    if options.adjudicate:
        if not options.annotator:
            parser.error("--adjudicate needs --annotator: the name of a third person")
        if not blind.is_dir():
            raise UserError(str(blind), "no such folder", "let two people annotate with --blind first")
        versions = versions_of(options.data, languages, str(blind), options.annotator)
    session = Session(data, languages, blind if options.blind else data / "calibration", knobs, options.blind, versions)
    mode = "blind" if options.blind else "adjudicate" if options.adjudicate else "review"
    server, token = listen_again(data, options.annotator, mode, options.port)
    port = server.getsockname()[1]
    name = f"&annotator={quote(options.annotator)}" if options.annotator else ""
    print(f"{len(session.names)} records to review; open http://127.0.0.1:{port}/?token={token}{name}", flush=True)
    print(
        "End it with Ctrl-C; every decision that the page has confirmed is saved. Started again, it goes on in the same tab.",
        flush=True,
    )
    Thread(target=session.warm, daemon=True).start()
    settings = uvicorn.Config(
        application(session, token, port), log_level="warning", access_log=False, server_header=False
    )
    uvicorn.Server(settings).run(sockets=[server])


if __name__ == "__main__":
    run(main)
