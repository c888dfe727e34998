"""One thing that was looked at, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`fix` says what to do when it is not well; what need not be done now is `later`."""

    name: str
    said: str
    fix: str = ""
    later: bool = False

    @property
    def well(self) -> bool:
        """Whether nothing has to be done."""
        return not self.fix or self.later
