"""Notices what was deleted behind a stack's back, so that the next `up` makes it again without a refresh typed by hand.

Pulumi compares a program with its state, and the state does not know. So every Azure resource in the state is asked
for once, all at the same time; only when one is gone a refresh follows, of it, of what depends on it, and of the guard
before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tools import plan
from tools.pulumi_cli import Pulumi
from tools.recover import short_name

AT_A_TIME = 16
GUARD = "SoftDeleteGuard"
Resource = Mapping[str, Any]


def notice_vanished(pulumi: Pulumi, say: Callable[[str], None]) -> None:
    """Takes what is gone from the cloud out of the state, with whatever was in it."""
    resources = pulumi.resources()
    gone = [one for one, there in zip(resources, are_there(resources), strict=True) if not there]
    if not gone:
        return
    for one in gone:
        say(f"Deleted by another hand: {short_name(str(one['urn']))}. It is made again.")
    asked = [*with_dependents(resources, gone), *guards(resources, gone)]
    targets = [word for urn in asked for word in ("--target", urn)]
    pulumi.read("refresh", "--yes", "--skip-preview", *targets)


def are_there(resources: Sequence[Resource]) -> list[bool]:
    """Whether each resource is there; one that cannot be asked for counts as there."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(is_there, resources))


def is_there(resource: Resource) -> bool:
    """Whether the cloud has a resource that Azure Resource Manager knows by its id."""
    from azure.core.exceptions import AzureError

    from emulator.resource_types import ResourceTable, UnknownResourceTypeError
    from ml.clients.arm import arm
    from ml.clients.errors import CloudError

    if not str(resource.get("id", "")).startswith("/") or not str(resource["type"]).startswith("azure-native:"):
        return True
    try:
        version = ResourceTable.load().entry_for_token(resource["type"]).api_version
        return arm().peek(resource["id"], version) is not None
    except (UnknownResourceTypeError, CloudError, AzureError):
        return True


def with_dependents(resources: Iterable[Resource], gone: Iterable[Resource]) -> list[str]:
    """URNs of resources and of all that depends on them; a state lists everything after what it depends on."""
    found = dict.fromkeys(str(one["urn"]) for one in gone)
    for one in resources:
        if any(urn in found for urn in (*(one.get("dependencies") or []), one.get("parent"))):
            found[str(one["urn"])] = None
    return list(found)


def guards(resources: Iterable[Resource], gone: Iterable[Resource]) -> list[str]:
    """URNs of the guards before what is gone: they make its name free before it is made again."""
    ids = {str(one.get("id")).lower() for one in gone}
    return [str(one["urn"]) for one in resources if plan.kind(one) == GUARD and str(one.get("id")).lower() in ids]
