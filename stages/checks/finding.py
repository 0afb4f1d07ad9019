"""What a check says: evidence with a place, not a verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stages.text.normal import Normal

Place = tuple[int, int]  # start and end of a stretch of text, in code points


@dataclass(frozen=True)
class Finding:
    """One piece of evidence that a translation is wrong.

    code: the reason code, as the ledger has it.
    strength: above 0, at most 1: how much it says, on the scale of its own code; `risk` weighs codes against each other.
    source, target: where it is seen in either text; None where no stretch of that text is meant.
    what: the words it is about, for people.
    """

    code: str
    strength: float = 1.0
    source: Place | None = None
    target: Place | None = None
    what: str = ""

    def placed(self, source: Normal, target: Normal) -> Finding:
        """The same, with the places that a check saw in normalised texts as places of the texts themselves."""
        return replace(
            self,
            source=self.source and source.place(*self.source),
            target=self.target and target.place(*self.target),
        )


def place_of(part: str, text: str) -> Place | None:
    """Where a part stands first in a text; None if it does not."""
    start = text.find(part) if part else -1
    return None if start < 0 else (start, start + len(part))
