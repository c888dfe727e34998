"""What a stack file says below `mlops:policy`: exemptions that end, levels and rules that there are."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from policies.azure.waivers import PREFIX
from policies.exemptions import Exemption, exemptions
from policies.rule import ADVICE, ALWAYS, Rule, Severity, Stack, Violation
from policies.view import NotKnownYet, View

BELOW = "mlops:policy"


def _expired(stack: Stack) -> Iterator[Violation]:
    for one in exemptions(stack.config):
        if one.expired(stack.config.today):
            yield Violation("", f"the exemption from {one} has ended")


def _ending(stack: Stack) -> Iterator[Violation]:
    for one in exemptions(stack.config):
        if one.ends_soon(stack.config.today):
            yield Violation("", f"the exemption from {one} ends soon")


def _finds(rule: Rule, stack: Stack, exemption: Exemption) -> bool:
    """Whether a rule finds something that an exemption lets through, or may find it at the update."""
    try:
        if rule.stack_check is not None:
            return any(
                exemption.covers(rule, one.urn.rsplit("::", 1)[-1] or "stack") for one in rule.stack_check(stack)
            )
        return any(_on(rule, one) for one in stack.resources if exemption.covers(rule, one.name))
    except NotKnownYet:
        return True


def _on(rule: Rule, one: View) -> bool:
    try:
        return rule.check is not None and rule.applies_to(one.short_type) and any(True for _ in rule.check(one))
    except NotKnownYet:
        return True


def _catalogue() -> tuple[Rule, ...]:
    from policies.catalogue import rules  # it imports this module

    return rules()


def _unused(stack: Stack) -> Iterator[Violation]:
    for one in exemptions(stack.config):
        named = [rule for rule in _catalogue() if one.rule in (rule.id, rule.name)]
        if named and not one.expired(stack.config.today) and not any(_finds(rule, stack, one) for rule in named):
            yield Violation("", f"nothing needs the exemption from {one}")


def _unknown(stack: Stack) -> Iterator[Violation]:
    known = [word for rule in _catalogue() for word in (rule.name, rule.id)]
    named = [("overrides", name) for name in stack.config.get("policy.overrides") or {}]
    named += [("exemptions", one.rule) for one in exemptions(stack.config) if not one.rule.startswith(PREFIX)]
    for where, name in named:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            yield Violation("", f"{BELOW}.{where} names {name}{f', did you mean {near[0]}?' if near else ''}")


EXPIRED = Rule(
    id="P-01",
    name="exemption-ended",
    title="No exemption has outlived its day",
    severity=Severity.HIGH,
    levels=ALWAYS,
    fix=f"Put right what it was for and take it out of {BELOW}, or say in a review why it needs a later day",
    stack_check=_expired,
)
ENDING = Rule(
    id="P-02",
    name="exemption-ends-soon",
    title="No exemption ends within 14 days",
    severity=Severity.LOW,
    levels=ADVICE,
    fix=f"Put right what it was for and take it out of {BELOW}",
    stack_check=_ending,
)
UNUSED = Rule(
    id="P-03",
    name="exemption-unused",
    title="Every exemption is for something",
    severity=Severity.LOW,
    levels=ADVICE,
    fix=f"Take it out of {BELOW}",
    stack_check=_unused,
)
UNKNOWN = Rule(
    id="P-04",
    name="policy-names-rules",
    title="Exemptions and overrides name rules that there are",
    severity=Severity.HIGH,
    levels=ALWAYS,
    fix="docs/policies.md lists all rules",
    stack_check=_unknown,
)
