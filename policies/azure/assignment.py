"""Definitions as they are assigned: where, with which values, and with what left out
(https://learn.microsoft.com/azure/governance/policy/concepts/assignment-structure).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from policies.azure.definition import Definition
from policies.azure.subject import Subject


@dataclass(frozen=True)
class Exemption:
    """A scope that an assignment leaves out; of an initiative, for some of its definitions only."""

    scope: str
    expires: datetime | None = None
    references: frozenset[str] = frozenset()
    """Names of the initiative's definitions, in lower case; none means all of them."""

    def holds(self, subject: Subject, reference: str, now: datetime) -> bool:
        """Whether it covers a resource now."""
        if self.expires and self.expires <= now:
            return False
        return within(subject.id, self.scope) and (not self.references or reference.lower() in self.references)


@dataclass(frozen=True)
class Assigned:
    """One definition as it is in force."""

    definition: Definition
    values: Mapping[str, Any] = field(default_factory=dict)
    """What the assignment gives its parameters, by name in lower case."""
    title: str = ""
    """The assignment's display name."""
    id: str = ""
    """The assignment's id."""
    enforced: bool = True
    scope: str = ""
    """Where it holds: this id and everything below; "" is everywhere."""
    not_scopes: tuple[str, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    reference: str = ""
    """Its name in an initiative."""
    set_id: str = ""
    """The initiative's id."""
    effect: str = ""
    """The effect that the assignment puts in place of the definition's own."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of all parameters that have one."""
        return {**self.definition.defaults, **self.values}

    def covers(self, subject: Subject, now: datetime) -> bool:
        """Whether it holds for a resource."""
        if not within(subject.id, self.scope) or any(within(subject.id, one) for one in self.not_scopes):
            return False
        return not any(one.holds(subject, self.reference, now) for one in self.exemptions)


def within(arm_id: str, scope: str) -> bool:
    """Whether an id is a scope or lies below it. What a management group holds was looked up before."""
    wanted = scope.rstrip("/").lower()
    if not wanted or wanted.startswith("/providers/microsoft.management/managementgroups/"):
        return True
    return f"{arm_id.lower()}/".startswith(f"{wanted}/")
