"""Which level a rule has in a stack: that of its profile, unless the stack file says another one."""

from __future__ import annotations

from policies.configuration import Configuration
from policies.rule import Level, Rule


def level(rule: Rule, config: Configuration) -> Level:
    """A rule's level: `mlops:policy: {overrides: {<rule>: <level>}}`, else that of the environment.

    A rule without a remedy cannot mend: told to, it stops the update instead.
    """
    overrides = config.get("policy.overrides") or {}
    found = overrides.get(rule.name) or overrides.get(rule.id) or rule.levels.of(config.profile)
    chosen = Level(str(found))
    return Level.MANDATORY if chosen is Level.REMEDIATE and rule.remedy is None else chosen
