"""Exemptions of a stack's file from definitions that were only read from a folder. What is assigned in a subscription
has exemptions of its own there, and no file lifts it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from policies.azure.verdict import Verdict
from policies.exemptions import Exemption

PREFIX = "azure:"
"""Before a definition's name where an exemption names one: `azure:7aa1c9d5-3d7e-4579-8117-d85e99211757`."""


def waived(verdicts: Iterable[Verdict], exemptions: Sequence[Exemption], today: dt.date) -> list[Verdict]:
    """The verdicts, those that are let through as not enforced, with the exemption as their reason."""
    return [_waived(one, exemptions, today) for one in verdicts]


def _waived(verdict: Verdict, exemptions: Sequence[Exemption], today: dt.date) -> Verdict:
    if verdict.assignment:
        return verdict
    for one in exemptions:
        if _covers(one, verdict) and not one.expired(today):
            return replace(verdict, enforced=False, reason=f"exempt until {one.expires}: {one.reason}")
    return verdict


def _covers(exemption: Exemption, verdict: Verdict) -> bool:
    rule = exemption.rule.lower()
    return rule == f"{PREFIX}{verdict.definition}".lower() and fnmatchcase(verdict.name, exemption.resource)
