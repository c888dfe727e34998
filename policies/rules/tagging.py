"""Tags, names, places, and versions of Azure's API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rule import MEND, Level, Levels, Rule, Severity, Sources, listed
from policies.view import View

FROM_CONFIGURATION = {
    "owner": "owner",
    "environment": "environment",
    "cost-center": "costCenter",
}
"""By tag, the key of the stack file that holds its value."""
FIXED = {"application": "mlops", "managed-by": "pulumi"}
REQUIRED = (*FROM_CONFIGURATION, *FIXED)


def _missing(one: View) -> list[str]:
    tags: Mapping[str, Any] = one.get("tags") or {}
    return [name for name in REQUIRED if name not in tags]


def _tags(one: View) -> Iterator[str]:
    if found := _missing(one):
        yield f"has no tag {listed(found)}"


def _supplied(one: View) -> Mapping[str, Any]:
    """The missing tags that the stack knows the value of."""
    known = {name: one.config.get(key) for name, key in FROM_CONFIGURATION.items()} | FIXED
    found = {name: known[name] for name in _missing(one) if known[name]}
    return {"tags": found} if found else {}


REQUIRED_TAGS = Rule(
    id="T-01",
    name="required-tags",
    title="Whatever takes tags says whose it is, who pays, and what made it",
    severity=Severity.MEDIUM,
    levels=Levels(dev=MEND, prod=Level.MANDATORY),
    types=("storage:StorageAccount",),
    fix="Pass tags=required_tags(…) of infra/naming.py; they say mlops:owner, mlops:environment and mlops:costCenter",
    sources=Sources(
        azure_policy=("871b6d14-10aa-478d-b590-94f262ecfa99",), benchmark=("AM-1",), psrule=("AZR-000166", "AZR-000477")
    ),
    check=_tags,
    remedy=_supplied,
)
