"""How long a newcomer waits: a fresh clone with an empty HOME, `make pull`, and `make repro` with nothing to do.

    python -m benchmarks.cold_start            # benchmarks/results/cold_start.json
    python -m benchmarks.cold_start --repro    # also a first `make repro`, training included, and a second one

Each step is a command of its own, timed by the wall; nothing else should run. The clone is of HEAD and is deleted afterwards.
Package indexes are as this machine's pip has them, and the clone shares no cache with this folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import print_table, write_results

ROOT = Path(__file__).resolve().parents[1]
WARM = (
    "VIRTUAL_ENV",
    "OPENAI_",
    "LLM_",
    "XDG_",
    "HF_",
    "DVC_",
    "PIP_CACHE_DIR",
    "MAKE",
)  # what may lead to a cache or to this folder
PULL = {"install": ["make", "install", "PART=model"], "pull": ["make", "pull"]}  # the second finds the first done
REPRO = {"install_rest": ["make", "install"], "repro": ["make", "repro"], "second_repro": ["make", "repro"]}


def timed(commands: dict[str, list[str]], folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Seconds of each command, in their order; CalledProcessError if one fails."""
    found = {}
    for name, command in commands.items():
        begun = time.monotonic()
        subprocess.run(command, cwd=folder, env=environment, check=True)
        found[name] = round(time.monotonic() - begun, 1)
        print(f"{name}: {found[name]} s", file=sys.stderr)  # a later step may fail
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__.split("\n")[0])
    parser.add_argument("--repro", action="store_true", help="also the first and the second `make repro`")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        (top / "home").mkdir()
        kept = {key: value for key, value in os.environ.items() if not key.startswith(WARM)}
        path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if ".venv" not in part)
        environment = {**kept, "HOME": str(top / "home"), "LLM_CACHE": str(top / "cache"), "PATH": path}
        clone = {"clone": ["git", "clone", "--quiet", str(ROOT), "clone"]}
        found = timed(clone, top, environment)
        found |= timed({**PULL, **(REPRO if options.repro else {})}, top / "clone", environment)
    found["to_first_answer"] = round(found["clone"] + found["install"] + found["pull"], 1)
    print_table(["step", "seconds"], [[step, took] for step, took in found.items()])
    write_results("cold_start", {f"{step}_s": took for step, took in found.items()})


if __name__ == "__main__":
    main(sys.argv[1:])
