"""Checks of what resources say of each other: ids and names that exist, in an order that works."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from infra.role_assignments import Role
from tests.program.azure.declared import TABLE, Declared

MADE_BY_AZURE: Mapping[str, str] = MappingProxyType(
    {
        r".*/storageaccounts/[^/]+/blobservices/default": "every account has it",
        r".*/storageaccounts/[^/]+/queueservices/default": "every account has it",
        r".*/providers/microsoft\.sql/servers/[^/]+/databases/master": "every server has it",
        r"/subscriptions/[^/]+/resourcegroups/rg-[^/]+-databricks-[^/]+": "Databricks makes and owns it",
        r"/subscriptions/[^/]+/providers/microsoft\.authorization/roledefinitions/("
        + "|".join(role.value for role in Role)
        + ")": "a built-in role",
    }
)
"""Ids, as patterns in lower case, of what is there without being declared, and why."""


def every_id_is_declared(stack: Declared) -> Iterator[str]:
    """An id in any input is that of a declared resource, of a part of one that is no resource of its own, or stands in
    the configuration.
    """
    for one in stack.resources:
        for arm_id in stack.ids_in(one):
            if not _is_known(stack, arm_id.lower()):
                yield f"{one}: nothing declares {arm_id}"
        for parent in _ids_above(one.id.lower()):
            if not _is_known(stack, parent):
                yield f"{one}: nothing declares {parent}, which it is part of"


def _is_known(stack: Declared, arm_id: str) -> bool:
    if arm_id == f"/subscriptions/{stack.subscription}".lower() or arm_id in stack.by_id:
        return True
    if any(re.fullmatch(pattern, arm_id) for pattern in MADE_BY_AZURE):
        return True
    if any(f"{arm_id}/".startswith(f"{external}/") for external in stack.external):
        return True
    return TABLE.entry_for_path("PUT", arm_id) is None and _is_part_of_declared(stack, arm_id)


def _is_part_of_declared(stack: Declared, arm_id: str) -> bool:
    """Whether it is something inside a declared resource, such as a front end of a load balancer."""
    nearest = next(stack.above(arm_id), None)
    return (
        nearest is not None
        and "/providers/" in nearest.id
        and nearest.id.count("/providers/") == arm_id.count("/providers/")
    )


def _ids_above(arm_id: str) -> Iterator[str]:
    scope, found, rest = arm_id.rpartition("/providers/")
    if not found:
        return
    words = rest.split("/")
    for length in range(len(words) - 2, 1, -2):
        yield f"{scope}/providers/{'/'.join(words[:length])}"
    if scope:
        yield scope
        yield from _ids_above(scope)


def no_dependency_is_missing(stack: Declared) -> Iterator[str]:
    """Ids and names are plain text, so nothing tells the engine the order but `depends_on`."""
    for one in stack.resources:
        before = stack.recording.before(one.registered)
        for other in {id(found): found for found in stack.mentioned(one)}.values():
            if other is not one and other.registered.urn not in before:
                yield f"{one} uses {other} without waiting for it"


def everything_is_in_one_subscription(stack: Declared) -> Iterator[str]:
    """One explicit provider serves the configured subscription: a shell that points elsewhere redirects nothing."""
    if stack.subscription != stack.config["subscriptionId"]:
        yield f"the provider is for {stack.subscription}"
    providers = {one.registered.provider.rpartition("::")[0] for one in stack.resources}
    (explicit,) = stack.recording.of_type("pulumi:providers:azure-native")
    yield from (f"{other} is not the platform's provider" for other in providers - {explicit.urn})
