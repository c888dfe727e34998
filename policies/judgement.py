"""Holds resources to rules. The pack does it for the engine; whoever has a plan can do the same without one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from policies.configuration import Configuration
from policies.exemptions import Exemption, exemptions, holding
from policies.levels import level
from policies.resource import Resource
from policies.rule import Level, Rule, Stack, Violation
from policies.view import NotKnownYet, View

DEFERRED = "checked at update: "
"""How the message of a rule begins that could not be decided yet."""
STACK = "stack"
"""What the stack is called in exemptions from rules about it as a whole."""


@dataclass(frozen=True)
class Finding:
    """That a resource breaks a rule, or may: then it is `deferred`."""

    rule: Rule
    level: Level
    urn: str
    message: str
    deferred: bool = False
    exemption: Exemption | None = None
    """Under which it is let through."""

    @property
    def resource(self) -> str:
        """The logical name of the resource."""
        return name_of(self.urn)

    @property
    def blocks(self) -> bool:
        """Whether it stops an update."""
        return not self.deferred and self.exemption is None and self.level is not Level.ADVISORY


def name_of(urn: str) -> str:
    """The logical name in a URN; `stack` for none."""
    return urn.rsplit("::", 1)[1] if urn and "pulumi:pulumi:Stack" not in urn else STACK


def of_resource(rule: Rule, one: View) -> Iterator[Violation]:
    """What a rule finds on a resource.

    Raises:
        NotKnownYet: it asked for what is known only at the update; what it had found until then counts.
    """
    if rule.check is not None and rule.applies_to(one.short_type):
        for message in rule.check(one):
            yield Violation(one.urn, message)


def _findings(rule: Rule, found: Iterable[Violation], urn: str, config: Configuration) -> Iterator[Finding]:
    here, given = level(rule, config), exemptions(config)
    try:
        for one in found:
            exemption = holding(given, rule, name_of(one.urn), config.today)
            yield Finding(rule, here, one.urn, one.message, exemption=exemption)
    except NotKnownYet as error:
        yield Finding(rule, here, urn, f"{DEFERRED}{error.path} is known only then", deferred=True)


def judge(rules: Iterable[Rule], resources: Sequence[Resource], config: Configuration) -> Iterator[Finding]:
    """Everything that the rules find in a plan; disabled rules are left out."""
    views = [View(one, config) for one in resources]
    stack = Stack(views, config)
    for rule in rules:
        if level(rule, config) is Level.DISABLED:
            continue
        if rule.stack_check is not None:
            yield from _findings(rule, rule.stack_check(stack), "", config)
            continue
        for one in views:
            yield from _findings(rule, of_resource(rule, one), one.urn, config)
