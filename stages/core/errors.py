"""How every command of this project fails: one line that names the place and the remedy, exit code 1."""

from __future__ import annotations

LIMIT = 300  # code points of a whole message: what a terminal shows in a few lines


def short(text: str, limit: int) -> str:
    """`text` on one line, its middle left out where it is longer than `limit` (at least 3) code points."""
    text = " ".join(text.split()) if "\n" in text or "\r" in text else text
    if len(text) <= limit:
        return text
    head = (limit - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"


class UserError(Exception):
    """A fault in the input, the options or the surroundings, told in one line with its remedy.

    The message is never longer than `LIMIT`: the fault is cut first, since it may quote any input, then the remedy, then
    the place. The attributes keep what was said in full.
    """

    def __init__(self, place: str, fault: str, remedy: str = "") -> None:
        self.place, self.fault, self.remedy = place, fault, remedy
        super().__init__(place, fault, remedy)

    def __str__(self) -> str:
        place = short(self.place, 160)
        fault = short(self.fault, max(LIMIT - len(place) - len(self.remedy) - 5, 110))
        remedy = short(self.remedy, LIMIT - len(place) - len(fault) - 5) if self.remedy else ""
        shown = f" ({remedy})" if remedy else ""
        return f"{place}: {fault}{shown}"
