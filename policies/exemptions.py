"""Exemptions: a rule that a resource may break for a while, with a reason. They stand in the stack's file below
`mlops:policy`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from policies.configuration import Configuration
from policies.rule import Rule

SOON = dt.timedelta(days=14)
"""How long before its end an exemption is announced."""


@dataclass(frozen=True)
class Exemption:
    """That a rule does not hold for a resource until the end of a day."""

    rule: str
    """Id or name of the rule."""
    resource: str
    """Logical name of the resource; `*` stands for any characters. A stack's own finding has the name `stack`."""
    reason: str
    expires: dt.date

    def covers(self, rule: Rule, name: str) -> bool:
        """Whether it is about this rule and this resource, expired or not."""
        return self.rule in (rule.id, rule.name) and fnmatchcase(name, self.resource)

    def expired(self, today: dt.date) -> bool:
        """Whether it does not hold any more."""
        return today > self.expires

    def ends_soon(self, today: dt.date) -> bool:
        """Whether it still holds, and ends within 14 days."""
        return today <= self.expires <= today + SOON

    def __str__(self) -> str:
        return f"{self.rule} for {self.resource} until {self.expires} ({self.reason})"


def exemptions(config: Configuration) -> tuple[Exemption, ...]:
    """Those of a stack."""
    return tuple(
        Exemption(
            str(entry["rule"]),
            str(entry["resource"]),
            str(entry["reason"]),
            entry["expires"] if isinstance(entry["expires"], dt.date) else dt.date.fromisoformat(str(entry["expires"])),
        )
        for entry in config.get("policy.exemptions") or ()
    )


def holding(found: Iterable[Exemption], rule: Rule, name: str, today: dt.date) -> Exemption | None:
    """The exemption under which a finding is let through."""
    return next((one for one in found if one.covers(rule, name) and not one.expired(today)), None)
