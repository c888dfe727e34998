"""What a stack's plan asks of a subscription: resource types, rights, machines and names, read from the plan itself.

Nobody keeps a list of them beside the program: a part that is declared is looked after from then on.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from emulator.resource_id import ResourceId
from emulator.resource_types import ResourceTable
from emulator.resource_types.conversion import request
from emulator.resource_types.entry import ID_OF_TYPE
from ml.clients import soft_delete
from policies.resource import UNKNOWN
from policies.resource import Resource as Planned
from tools.plan import OURS

ML, AKS = "Microsoft.MachineLearningServices", "Microsoft.ContainerService"
OUR_ACTIONS = {
    "ContainerImage": (
        "Microsoft.ContainerRegistry/registries/listBuildSourceUploadUrl/action",
        "Microsoft.ContainerRegistry/registries/scheduleRun/action",
    ),
    "ImportedImage": ("Microsoft.ContainerRegistry/registries/importImage/action",),
    "DataVersion": (f"{ML}/workspaces/data/versions/write",),
    "ModelVersion": (f"{ML}/workspaces/models/versions/write",),
    "Rollout": (
        "Microsoft.ContainerInstance/containerGroups/write",
        f"{ML}/workspaces/onlineEndpoints/deployments/write",
    ),
    "QualityGate": (f"{ML}/workspaces/jobs/write",),
    "TrainingJob": (f"{ML}/workspaces/jobs/write",),
}
"""What the project's own resources ask ARM for, by kind."""
GUARD = "SoftDeleteGuard"
DELETED_VAULTS = "Microsoft.KeyVault/locations/deletedVaults"
"""A deleted vault belongs to the subscription: a role on its former resource group says nothing of it."""
JOIN = re.compile(r"/providers/Microsoft\.Network/virtualNetworks/[^/]+/subnets/[^/]+$", re.IGNORECASE)
ASSIGN = re.compile(r"/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[^/]+$", re.IGNORECASE)
LINKED = (
    (JOIN, "Microsoft.Network/virtualNetworks/subnets/join/action"),
    (ASSIGN, "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"),
)
"""Whoever writes a resource that names one of these needs a right on what it names as well."""
UPGRADE = 1.2
"""Azure ML keeps a fifth more cores for the upgrades of a deployment, and a rollout has two of them for a while:
https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#virtual-machine-quota-allocation-for-deployment
"""


@dataclass(frozen=True)
class Resource:
    """One resource of the plan; `location` is "" where it has none of its own."""

    id: str
    type: str
    version: str
    location: str = ""

    @property
    def name(self) -> str:
        """The last segment of its id."""
        return self.id.rpartition("/")[2]

    @property
    def namespace(self) -> str:
        """`Microsoft.Storage`."""
        return self.type.partition("/")[0]


@dataclass(frozen=True)
class Machines:
    """Virtual machines that a resource has at most, of the cores that Azure ML or Azure's compute counts."""

    owner: Resource
    counted_by: str
    size: str
    count: float


@dataclass(frozen=True)
class Needs:
    """Everything asked of one subscription."""

    stack: str
    subscription: str
    tenant: str
    location: str
    resources: tuple[Resource, ...]
    actions: tuple[str, ...]
    machines: tuple[Machines, ...]
    if_held: Mapping[str, str] = field(default_factory=dict)
    """By ARM id in small letters, what `up` does when something deleted holds the name: see `mlops:softDelete`."""

    @classmethod
    def of(cls, stack: str, tenant: str, location: str, subscription: str, plan: Iterable[Planned]) -> Needs:
        """What a plan needs."""
        table, resources, actions, machines = ResourceTable.load(), list[Resource](), set[str](), list[Machines]()
        everything, if_held = list(plan), dict[str, str]()
        for one in everything:
            if not one.type.startswith(ID_OF_TYPE):
                continue
            entry = table.entry_for_token(one.type)
            sent = request(entry, one.inputs, subscription)
            place = str(sent.body.get("location") or "")
            resource = Resource(sent.path, ResourceId.parse(sent.path).type, entry.api_version, place)
            resources.append(resource)
            actions.update((write_action(resource), *linked(sent.body)))
            machines.extend(machines_of(resource, sent.body))
        by_id = {one.id.lower(): one for one in resources}
        for one in everything:
            kind = one.type.removeprefix(OURS) if one.type.startswith(OURS) else ""
            actions.update(OUR_ACTIONS.get(kind, ()))
            if kind == GUARD:
                actions.update(guard_actions(one.inputs))
                if_held[str(one.inputs["resourceId"]).lower()] = str(one.inputs["ifHeld"])
            if kind == "Rollout" and (endpoint := by_id.get(str(one.inputs.get("endpointId")).lower())):
                size, instances = str(one.inputs["instanceType"]), one.inputs["instances"]
                machines.append(Machines(endpoint, ML, size, 2 * UPGRADE * float(instances)))
        return cls(
            stack,
            subscription,
            tenant,
            location,
            tuple(sorted(resources, key=lambda found: found.id.lower())),
            tuple(sorted(actions, key=str.lower)),
            tuple(machines),
            if_held,
        )

    @property
    def subscription_actions(self) -> list[str]:
        """Those that have to be allowed on the subscription itself, whatever a resource group allows."""
        return [one for one in self.actions if one.startswith(DELETED_VAULTS)]

    @property
    def namespaces(self) -> list[str]:
        """The resource providers behind it, those of machines and of what is done to others' resources among them."""
        acted_on = {one.partition("/")[0] for one in self.actions}
        return sorted(acted_on | {one.counted_by for one in self.machines}, key=str.lower)

    @property
    def group(self) -> str:
        """The id of the resource group that it makes; "" when it makes none."""
        return next((one.id for one in self.resources if one.type == "Microsoft.Resources/resourceGroups"), "")

    def text(self) -> str:
        """For another process."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Needs:
        """What `text` has written."""
        found = json.loads(text)
        resources = tuple(Resource(**one) for one in found.pop("resources"))
        machines = tuple(Machines(**{**one, "owner": Resource(**one["owner"])}) for one in found.pop("machines"))
        return cls(**{**found, "actions": tuple(found["actions"]), "resources": resources, "machines": machines})


def write_action(resource: Resource) -> str:
    """The right to make it; that of a resource group is named as a part of the subscription."""
    kind = resource.type.replace(
        "Microsoft.Resources/resourceGroups", "Microsoft.Resources/subscriptions/resourceGroups"
    )
    return f"{kind}/write"


def guard_actions(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """The rights to look for something deleted that holds a name, and to purge it where that may come to pass."""
    purges = "purge" in (inputs["ifHeld"], inputs["onDestroy"])
    if not soft_delete.is_vault(inputs["resourceId"]):
        return (f"{ML}/workspaces/delete",) if purges else ()
    return (f"{DELETED_VAULTS}/read", *((f"{DELETED_VAULTS}/purge/action",) if purges else ()))


def linked(body: Any) -> set[str]:
    """Rights on other resources that a body names: subnets it joins, identities it is given."""
    if isinstance(body, Mapping):
        return {right for key, value in body.items() for right in (*linked(str(key)), *linked(value))}
    if isinstance(body, list):
        return {right for value in body for right in linked(value)}
    return {right for pattern, right in LINKED if isinstance(body, str) and pattern.search(body)}


def machines_of(resource: Resource, body: Mapping[str, Any]) -> Iterator[Machines]:
    """The machines of a cluster, a compute instance, AKS pools, a scale set."""
    properties = body.get("properties") or {}
    if resource.type == f"{ML}/workspaces/computes":
        inner = properties.get("properties") or {}
        yield from _pool(resource, ML, inner.get("vmSize"), (inner.get("scaleSettings") or {}).get("maxNodeCount", 1))
    elif resource.type == f"{AKS}/managedClusters":
        for pool in properties.get("agentPoolProfiles") or []:
            yield from _pool(resource, "Microsoft.Compute", pool.get("vmSize"), most(pool))
    elif resource.type == f"{AKS}/managedClusters/agentPools":
        yield from _pool(resource, "Microsoft.Compute", properties.get("vmSize"), most(properties))
    elif resource.type == "Microsoft.Compute/virtualMachineScaleSets":
        sku = body.get("sku") or {}
        yield from _pool(resource, "Microsoft.Compute", sku.get("name"), sku.get("capacity", 1))


def most(pool: Mapping[str, Any]) -> float:
    """The most nodes of an AKS pool, and those that an upgrade adds: `33%`, or a number."""
    nodes = float(pool.get("maxCount") or pool.get("count") or 1)
    surge = str((pool.get("upgradeSettings") or {}).get("maxSurge", "10%"))
    return nodes + math.ceil(nodes * float(surge[:-1]) / 100 if surge.endswith("%") else float(surge))


def _pool(
    owner: Resource,
    counted_by: str,
    size: Any,
    count: Any,
) -> Iterator[Machines]:
    if size and UNKNOWN not in (size, count) and float(count):
        yield Machines(owner, counted_by, str(size), float(count))
