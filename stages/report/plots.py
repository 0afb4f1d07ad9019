"""Writes the page template with which DVC's plots open offline: DVC's own takes Vega from a server, and is blank without one.

python -m stages.report.plots --out dvc_plots/template.html
dvc plots show --html-template dvc_plots/template.html          # both by `make plots`
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from stages.core.files import write_bytes
from stages.core.run import run
from stages.report.page import library

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>DVC plots</title>
<style>body{{font:15px system-ui,sans-serif;margin:1.5rem}}table{{border-spacing:1rem}}</style>
<script>{library}</script>
</head>
<body>
{{plot_divs}}
</body>
</html>
"""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.report.plots", description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    write_bytes(options.out, PAGE.format(library=library()).encode())


if __name__ == "__main__":
    run(main)
