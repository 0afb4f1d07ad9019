"""Secrets of the environment, kept out of whatever an endpoint says.

An endpoint or a gateway may echo a key in its error, or in an answer. Its words go to the cache, the ledger, the archive and the
terminal, so the value of every variable that holds a secret is taken out of them first.
"""

from __future__ import annotations

import os
import re

SECRET = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|AUTH|CREDENTIALS?)S?$", re.I)
SHORTEST = 8  # characters; "any" and "none", for a local server, are no secrets and stand in texts


def hidden(text: str) -> str:
    """The text with `[NAME]` in place of the value of each variable that is named as a secret is."""
    for name, value in os.environ.items():
        if len(value) >= SHORTEST and value in text and SECRET.search(name):
            text = text.replace(value, f"[{name}]")
    return text
