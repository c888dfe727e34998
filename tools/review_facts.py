"""What prices, retirements and Azure Policy say of a plan, in the form in which a review takes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from policies.azure.judging import Policies
from policies.azure.verdict import Verdict
from policies.configuration import Configuration
from policies.prices.estimate import Estimate
from policies.prices.estimator import estimate
from policies.prices.machines import machine
from policies.prices.sheet import Sheet, SheetError
from policies.prices.usage import UsageError
from policies.resource import AZURE, Resource
from policies.rules import retirement
from policies.view import NotKnownYet, View
from review.report import Ending
from tools import azure_verdict
from tools.progress import SetupError

PROVIDER = "pulumi:providers:azure-native"
CLUSTER = "azure-native:machinelearningservices:Compute"
MINUTES = 60


def costs(resources: Sequence[Resource], config: Configuration) -> tuple[Estimate | None, str]:
    """What a stack costs a month; None, and why, where that cannot be said."""
    try:
        return estimate(resources, config=config), ""
    except (UsageError, SheetError) as error:
        return None, f"cost: {error}"


def job_price(resources: Iterable[Resource], config: Configuration) -> Callable[[str, float], str]:
    """By a compute's name and minutes, what a node costs: ` (Standard_DS3_v2), at most $0.27`; "" if unknown."""
    sizes = {
        str(one.inputs.get("computeName")): str(_below(one.inputs, "properties", "properties").get("vmSize") or "")
        for one in resources
        if one.type == CLUSTER
    }
    region = str(config.get("location", ""))

    def said(compute: str, minutes: float) -> str:
        size = sizes.get(compute, "")
        known = machine(size)
        price = Sheet.read().price(known.meter, region) if known is not None else None
        if price is None:
            return f" ({size})" if size else ""
        return f" ({size}), at most ${price.amount * minutes / MINUTES:.2f}"

    return said


def endings(resources: Iterable[Resource], config: Configuration) -> list[Ending]:
    """What is in use and ends within a year, or has ended: features, sizes, releases, API versions."""
    found: dict[tuple[str, str, str], list[str]] = {}
    limit = config.today + retirement.AHEAD
    for one in (View(resource, config) for resource in resources if resource.type.startswith(AZURE)):
        for date, what, source in _ends(one):
            if date <= str(limit):
                found.setdefault((date, what, source), []).append(one.name)
    return [
        Ending(date=date, what=what, resources=tuple(sorted(names)), link=source)
        for (date, what, source), names in sorted(found.items())
    ]


def _ends(one: View) -> list[tuple[str, str, str]]:
    try:
        found = [
            (str(end.date), f"{end.what}{f' (instead: {end.instead})' if end.instead else ''}", end.source)
            for end in retirement.ends(one)
        ]
    except NotKnownYet:
        found = []
    version, name_sent = retirement.api_version(one), retirement.sent_as(one)
    for row in retirement.life_cycles()["retirements"]:
        if version and version < row["before"] and any(fnmatchcase(name_sent, name) for name in row["names"]):
            found.append((str(row["date"]), f"API versions of {name_sent} before {row['before']}", row["source"]))
    return found


def definitions(environment: Mapping[str, str] = os.environ) -> tuple[Policies | None, str]:
    """The definitions of Azure Policy that are named, or why there are none: for a comment that others read, so without
    the place of the folder.
    """
    folder = ""
    try:
        found = azure_verdict.definitions_folder("", environment)
        folder = str(found)
        return azure_verdict.read(found), ""
    except SetupError as error:
        said = str(error).replace(folder, f"${azure_verdict.VARIABLE}") if folder else str(error)
        return None, f"Azure Policy was not asked: {said}"


def verdicts(resources: Sequence[Resource], source: Policies | None, config: Configuration) -> list[Verdict]:
    """What Azure Policy says, with the exemptions of the stack's file; nothing without definitions."""
    provider = next((one for one in resources if one.type == PROVIDER), None)
    if source is None or provider is None:
        return []
    return azure_verdict.verdicts(resources, str(provider.inputs["subscriptionId"]), source, config)


def _below(value: Any, *path: str) -> Mapping[str, Any]:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
