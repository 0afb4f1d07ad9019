"""How every command of this project fails: one line that names the place and the remedy, exit code 1."""

from __future__ import annotations


class UserError(Exception):
    """A fault in the input, the options or the surroundings, told in one line with its remedy."""

    def __init__(self, place: str, fault: str, remedy: str = "") -> None:
        self.place, self.fault, self.remedy = place, fault, remedy
        super().__init__(f"{place}: {fault}" + (f" ({remedy})" if remedy else ""))
