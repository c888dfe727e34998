"""Looks at a subscription for what an `up` of a stack would only find out on the way; each finding has its fix."""

from __future__ import annotations

import math
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from emulator.roles import Permission
from ml.clients import soft_delete
from ml.clients.arm import Arm
from ml.clients.errors import CloudError
from ml.clients.soft_delete import Holder
from tools.finding import Finding
from tools.needs import DELETED_VAULTS, ML, Machines, Needs, Resource

SUBSCRIPTION_VERSION, PROVIDERS_VERSION, PERMISSIONS_VERSION = "2022-12-01", "2021-04-01", "2022-04-01"
ML_VERSION, USAGES_VERSION, SKUS_VERSION = "2024-10-01", "2024-07-01", "2021-07-01"
VAULTS, WORKSPACES = "Microsoft.KeyVault/vaults", f"{ML}/workspaces"
PERMISSIONS = "providers/Microsoft.Authorization/permissions"
NAME_CHECKS = {
    "Microsoft.ContainerRegistry/registries": "checkNameAvailability",
    "Microsoft.Devices/IotHubs": "checkNameAvailability",
    "Microsoft.Devices/provisioningServices": "checkProvisioningServiceNameAvailability",
    VAULTS: "checkNameAvailability",
    "Microsoft.Sql/servers": "checkNameAvailability",
    "Microsoft.Storage/storageAccounts": "checkNameAvailability",
}
"""Types whose names are the whole world's, and the action that says whether one is free."""
NEW_NAMES = "pulumi config set mlops:nameSalt <a word> --stack {stack}   # gives the stack other names"
MOST_LISTED = 12
FORBIDDEN, UNREGISTERED = 403, "MissingSubscriptionRegistration"
TOTALS = {
    "cores": "cores",
    "totalclusterdedicatedregional": "TotalDedicatedCores",
    "totaldedicatedcores": "TotalDedicatedCores",
}
"""Cores of all families together, as `_family` has what Azure's compute and Azure ML call them, and their counter."""


@dataclass
class Subscription:
    """A subscription that answers, and what a stack needs of it. What was read is kept."""

    arm: Arm
    needs: Needs
    _there: dict[str, bool] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its ARM id."""
        return f"/subscriptions/{self.needs.subscription}"

    @cached_property
    def providers(self) -> dict[str, dict[str, Any]]:
        """Its resource providers by namespace, in small letters."""
        return {str(one["namespace"]).lower(): one for one in self.arm.list(f"{self.id}/providers", PROVIDERS_VERSION)}

    def has(self, resource: Resource) -> bool:
        """Whether a planned resource is there already: then its name, cores and place are the stack's own."""
        if resource.id not in self._there:
            try:
                self._there[resource.id] = self.arm.peek(resource.id, resource.version) is not None
            except CloudError as error:
                if error.code != UNREGISTERED:
                    raise
                self._there[resource.id] = False
        return self._there[resource.id]


def subscription(azure: Subscription) -> Iterator[Finding]:
    """It is there, enabled, and in the tenant that the stack file names."""
    needs, name = azure.needs, _name(azure, "subscription")
    found = azure.arm.peek(azure.id, SUBSCRIPTION_VERSION)
    if found is None:
        known = "`az account list --output table` lists those of this login: write one as mlops:subscriptionId, or "
        yield Finding(name, f"{needs.subscription} is not there", f"{known}az login --tenant {needs.tenant}")
        return
    state, tenant = str(found.get("state")), str(found.get("tenantId", needs.tenant))
    if state != "Enabled":
        fix = f"az rest --method post --url '{azure.id}/providers/Microsoft.Subscription/enable?api-version=2021-10-01'"
        yield Finding(name, f"{found.get('displayName')} is {state}, and nothing can be made in it", fix)
    elif tenant.lower() != needs.tenant.lower():
        fix = f"pulumi config set mlops:tenantId {tenant} --stack {needs.stack}"
        yield Finding(name, f"is in tenant {tenant}, the stack file says {needs.tenant}", fix)
    else:
        yield Finding(name, f"{found.get('displayName')}, enabled")


def providers(azure: Subscription) -> Iterator[Finding]:
    """Every namespace of the plan is registered."""
    states = {key: one.get("registrationState") for key, one in azure.providers.items()}
    missing = [one for one in azure.needs.namespaces if states.get(one.lower()) != "Registered"]
    given = azure.needs.subscription
    fixes = " && ".join(f"az provider register --namespace {one} --subscription {given} --wait" for one in missing)
    said = f"not registered in the subscription: {', '.join(missing)}" if missing else "registered"
    yield Finding(_name(azure, "providers"), said, fixes)


def regions(azure: Subscription) -> Iterator[Finding]:
    """Every type of the plan is offered where it is to be."""
    missing: dict[str, list[str]] = defaultdict(list)
    for kind, place in sorted({(one.type, one.location) for one in azure.needs.resources if one.location}):
        offered = _offered(azure, kind)
        if offered and _plain(place) not in {"global", *offered}:
            missing[place].append(kind)
    name = _name(azure, "regions")
    for place, kinds in missing.items():
        everywhere = set.intersection(*(_offered(azure, kind) for kind in kinds))
        first = sorted(everywhere)[:MOST_LISTED]
        there = f"one of {', '.join(first)}" if first else "another region"
        fix = f"pulumi config set mlops:location <{there}> --stack {azure.needs.stack}"
        yield Finding(name, f"{place} does not offer {', '.join(kinds)}", fix)
    if not missing:
        yield Finding(name, f"{azure.needs.location} offers every type of the plan")


def _offered(azure: Subscription, kind: str) -> set[str]:
    """Regions of a type; empty where Azure names none, as of types that belong to another."""
    namespace, _, short = kind.partition("/")
    types = azure.providers.get(namespace.lower(), {}).get("resourceTypes") or []
    found: Iterable[str] = next(
        (one.get("locations") or () for one in types if str(one["resourceType"]).lower() == short.lower()), ()
    )
    return {_plain(place) for place in found}


def permissions(azure: Subscription) -> Iterator[Finding]:
    """Whoever is signed in may do what `up` does: on the resource group where it is there, else on the subscription."""
    needs, name = azure.needs, _name(azure, "permissions")
    group = next((one for one in needs.resources if one.id == needs.group), None)
    scope = group.id if group and azure.has(group) else azure.id
    granted = [Permission.of(one) for one in azure.arm.list(f"{scope}/{PERMISSIONS}", PERMISSIONS_VERSION)]
    missing = [action for action in needs.actions if not _granted(action, granted)]
    if scope != azure.id and needs.subscription_actions:
        above = [Permission.of(one) for one in azure.arm.list(f"{azure.id}/{PERMISSIONS}", PERMISSIONS_VERSION)]
        missing = sorted({*missing, *(one for one in needs.subscription_actions if not _granted(one, above))})
    if not missing:
        yield Finding(name, f"all {len(needs.actions)} actions of `up` on {scope}")
        return
    scope = azure.id if {*missing} <= {*needs.subscription_actions} else scope
    roles = sorted({role_for(action) for action in missing})
    fix = " && ".join(
        f'az role assignment create --assignee {_who()} --role "{role}" --scope {azure.id}' for role in roles
    )
    rest = len(missing) - MOST_LISTED
    listed = ", ".join(missing[:MOST_LISTED]) + (f" and {rest} more" if rest > 0 else "")
    yield Finding(name, f"{len(missing)} of {len(needs.actions)} actions are not allowed on {scope}: {listed}", fix)


def _granted(action: str, permissions: Iterable[Permission]) -> bool:
    return any(one.grants(action, data=False) for one in permissions)


def role_for(action: str) -> str:
    """The built-in role that has an action and the least beside it, of those that a deployer is given."""
    if action.startswith(DELETED_VAULTS):
        return "Key Vault Purge Operator"
    if not action.lower().startswith("microsoft.authorization/"):
        return "Contributor"
    if action.lower().startswith("microsoft.authorization/roleassignments/"):
        return "Role Based Access Control Administrator"
    return "User Access Administrator"


def _who() -> str:
    return os.environ.get("ARM_CLIENT_ID") or '"$(az ad signed-in-user show --query id --output tsv)"'


def quota(azure: Subscription) -> Iterator[Finding]:
    """The cores of every machine family suffice for what is not there yet."""
    wanted: dict[tuple[str, str], list[Machines]] = defaultdict(list)
    for one in azure.needs.machines:
        if not azure.has(one.owner):
            wanted[(one.counted_by, one.owner.location or azure.needs.location)].append(one)
    well = True
    for (counted_by, place), machines in wanted.items():
        found = list(_quotas(azure, counted_by, place, machines))
        well = well and not found
        yield from found
    if well:
        sizes = sorted({one.size for found in wanted.values() for one in found})
        yield Finding(_name(azure, "quota"), f"enough for {', '.join(sizes) or 'what is still to be made'}")


def _quotas(azure: Subscription, counted_by: str, place: str, machines: list[Machines]) -> Iterator[Finding]:
    sizes = ml_sizes(azure, place) if counted_by == ML else compute_sizes(azure, place)
    base, name = f"{azure.id}/providers/{counted_by}/locations/{_plain(place)}", _name(azure, "quota")
    version = ML_VERSION if counted_by == ML else USAGES_VERSION
    free = {_family(str(one["name"]["value"])): one for one in azure.arm.list(f"{base}/usages", version)}
    cores: dict[str, int] = defaultdict(int)
    for one in machines:
        if one.size.lower() not in sizes:
            fix = f"az vm list-skus --location {place} --resource-type virtualMachines --output table   # write another"
            yield Finding(name, f"{place} has no {one.size}, of which {one.owner.name} is to be", fix)
            continue
        family, each = sizes[one.size.lower()]
        cores[family] += math.ceil(one.count * each)
    everything = sum(cores.values())
    for family, needed in [*cores.items(), *((total, everything) for total in TOTALS if total in free)]:
        usage = free.get(_family(family), {"currentValue": 0, "limit": 0})
        used, limit = int(usage["currentValue"]), int(usage["limit"])
        if 0 <= limit < used + needed:  # -1: as many as the subscription has
            counter = TOTALS.get(family, family)
            fix = (
                f"az quota update --resource-name {counter} --scope {base} --limit-object value={used + needed} "
                "--resource-type dedicated   # or smaller sizes and counts in the stack file"
            )
            said = f"{counted_by} gives {limit} of {counter} in {place}, {used} in use; the stack needs {needed}"
            yield Finding(name, said, fix)


def ml_sizes(azure: Subscription, place: str) -> dict[str, tuple[str, float]]:
    """Family and cores of every size that Azure ML has in a region."""
    path = f"{azure.id}/providers/{ML}/locations/{_plain(place)}/vmSizes"
    found = azure.arm.list(path, ML_VERSION)
    return {str(one["name"]).lower(): (str(one["family"]), float(one["vCPUs"])) for one in found}


def compute_sizes(azure: Subscription, place: str) -> dict[str, tuple[str, float]]:
    """Family and cores of every size that the subscription may use in a region."""
    query = {"$filter": f"location eq '{_plain(place)}'"}
    sizes = {}
    for one in azure.arm.list(f"{azure.id}/providers/Microsoft.Compute/skus", SKUS_VERSION, **query):
        closed = any(limit.get("type") == "Location" for limit in one.get("restrictions") or [])
        if one.get("resourceType") == "virtualMachines" and not closed:
            cores = next(float(had["value"]) for had in one["capabilities"] if had["name"] == "vCPUs")
            sizes[str(one["name"]).lower()] = (str(one["family"]), cores)
    return sizes


def _family(name: str) -> str:
    """`standardDSv2Family`, and `Standard DSv2 Family Cluster Dedicated vCPUs`, as one."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).removesuffix("clusterdedicatedvcpus").removesuffix("vcpus")


def deleted(azure: Subscription) -> Iterator[Finding]:
    """No vault and no workspace that was deleted holds a name, or `up` knows what to do about it."""
    held = []
    for one in azure.needs.resources:
        if one.type in (VAULTS, WORKSPACES) and not azure.has(one) and (there := _holder(azure, one)):
            held.append(_held(azure, one, there))
    yield from held or [Finding(_name(azure, "deleted"), "no deleted vault or workspace holds a name")]


def _holder(azure: Subscription, one: Resource) -> Holder | None:
    return soft_delete.holder(azure.arm, one.id, one.location or azure.needs.location)


def _held(azure: Subscription, one: Resource, there: Holder) -> Finding:
    """What holds a name, and what `up` does about it: `mlops:softDelete` in the stack's file says that."""
    kind = "vault" if one.type == VAULTS else "workspace"
    key, wanted = f"mlops:softDelete.{kind}", azure.needs.if_held.get(one.id.lower(), "refuse")
    name, said = _name(azure, "deleted"), f"a deleted {kind} holds the name {one.name}"
    said += f" until {there.until}" if there.until else ""
    others = there.id.lower() != one.id.lower()
    protected = " and is protected from purging" if there.protected else ""
    if wanted == "recover" and not others:
        return Finding(name, f"{said}: `up` recovers it, because {key} is recover")
    if wanted == "purge" and not others and not protected:
        return Finding(name, f"{said}: `up` purges it, because {key} is purge")
    said += f"{protected}, and was another stack's: {there.id}" if others else f"{protected}, and {key} is {wanted}"
    salt = NEW_NAMES.format(stack=azure.needs.stack)
    words = [] if others else ["recover"] * (kind == "vault") + ["purge"] * (not protected)
    ways = [f"pulumi config set --path {key} {word} --stack {azure.needs.stack}" for word in words]
    return Finding(name, said, "; or ".join([*ways, salt]))


def names(azure: Subscription) -> Iterator[Finding]:
    """Names that are the whole world's are free, or are the stack's own already."""
    taken = 0
    for one in azure.needs.resources:
        action = NAME_CHECKS.get(one.type)
        if action is None or azure.has(one) or (one.type == VAULTS and _holder(azure, one)):
            continue
        answer = azure.arm.post(
            f"{azure.id}/providers/{one.namespace}/{action}", one.version, {"name": one.name, "type": one.type}
        )
        if answer.get("nameAvailable", answer.get("available")) is False:
            taken += 1
            reason = str(answer.get("message") or answer.get("reason") or "somebody has it").rstrip(".")
            fix = NEW_NAMES.format(stack=azure.needs.stack)
            yield Finding(_name(azure, "names"), f"{one.type} {one.name} cannot be had: {reason}", fix)
    if not taken:
        yield Finding(_name(azure, "names"), "free, or the stack's own")


CHECKS: tuple[Callable[[Subscription], Iterator[Finding]], ...] = (
    providers,
    regions,
    permissions,
    quota,
    deleted,
    names,
)


def findings(azure: Subscription) -> Iterator[Finding]:
    """Everything looked at. Without an answer about the subscription itself, nothing else is asked."""
    first = list(subscription(azure))
    yield from first
    if any(one.fix for one in first):
        return
    for check in CHECKS:
        try:
            yield from list(check(azure))
        except CloudError as error:
            reader = f"az role assignment create --assignee {_who()} --role Reader --scope {azure.id}"
            again = f"run `make doctor STACK={azure.needs.stack}` again in some minutes"
            fix = "register the providers first, as said above" if error.code == UNREGISTERED else again
            fix = reader if error.status == FORBIDDEN else fix
            yield Finding(_name(azure, check.__name__), f"cannot be read: {error}", fix)


def _plain(place: str) -> str:
    """`West Europe` as `westeurope`."""
    return place.lower().replace(" ", "")


def _name(azure: Subscription, what: str) -> str:
    return f"stack {azure.needs.stack}, {what}"
