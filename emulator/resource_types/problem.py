"""What is wrong with a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Code = Literal[
    "UnknownProperty", "ReadOnlyProperty", "MissingProperty", "WrongType", "InvalidValue", "UnknownType", "OutOfLimits"
]
Step = str | int


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: where it is, its kind, and a sentence that names the value and what would be right."""

    path: tuple[Step, ...]
    code: Code
    message: str

    @property
    def where(self) -> str:
        """`properties.rules[0].name`; the empty string for the body itself."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return text.removeprefix(".")

    def __str__(self) -> str:
        return f"{self.where or 'body'}: {self.message}"
