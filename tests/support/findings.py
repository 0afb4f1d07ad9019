"""What a check found, as its reason codes."""

from __future__ import annotations

from collections.abc import Iterable

from stages.checks.finding import Finding


def codes_of(found: Iterable[Finding], least: float = 0.5) -> list[str]:
    """Each code once, in the order in which it was found, of the findings that are clear."""
    return list(dict.fromkeys(item.code for item in found if item.strength >= least))
