"""Everything that a rule may look at while it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from policies.azure.aliases import Aliases
from policies.azure.subject import Facts, Subject
from policies.azure.values import Undecided

Bound = Mapping[tuple[str, ...], int]
"""Which element of a list is the present one, by the steps that lead to the list's elements."""


@dataclass(frozen=True)
class Context:
    """One rule on one request; `bound` and `current` belong to the counts that are being made."""

    subject: Subject
    aliases: Aliases
    facts: Facts
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Values by name in lower case; one without a value is not there."""
    bound: Bound = field(default_factory=dict)
    current: Mapping[str, Any] = field(default_factory=dict)
    """Elements of counted values by their count's name in lower case."""
    innermost: str = ""
    """What `current()` without a name means."""

    def parameter(self, name: str) -> Any:
        """A parameter's value."""
        key = name.lower()
        return self.parameters[key] if key in self.parameters else Undecided(f"parameter {name} has no value")

    def counting_value(self, name: str, element: Any) -> Context:
        """Inside of a count of values."""
        return replace(self, current={**self.current, name.lower(): element}, innermost=name)

    def counting_field(self, name: str, bound: Bound) -> Context:
        """Inside of a count of a field."""
        return replace(self, bound={**self.bound, **bound}, innermost=name)
