"""An environment of a test's own that sees this one's packages, so that a test can install more without touching it."""

from __future__ import annotations

import shutil
import sys
import sysconfig
import venv
from pathlib import Path

PIP = '#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n'


def layered(folder: Path) -> Path:
    """Makes the environment, unless it is there and of the same packages beneath; returns the folder.

    `pip` installs into it, finds what is beneath, and never takes that away; the other commands are those beneath.
    """
    beneath = Path(sys.prefix).resolve()
    packages = Path(sysconfig.get_path("purelib"))
    told = "\n".join([str(beneath), *sorted(path.name for path in packages.glob("*.dist-info"))])
    stamp = folder / "beneath"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == told:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, symlinks=True, with_pip=False)
    (own,) = folder.glob("lib/python*/site-packages")
    (own / "beneath.pth").write_text(f"{packages}\n", encoding="utf-8")
    for path in sorted((beneath / "bin").iterdir()):
        if not path.name.startswith(("pip", "python")) and not (folder / "bin" / path.name).exists():
            (folder / "bin" / path.name).symlink_to(path)
    (folder / "bin/pip").write_text(PIP, encoding="utf-8")
    (folder / "bin/pip").chmod(0o755)
    stamp.write_text(told, encoding="utf-8")
    return folder
