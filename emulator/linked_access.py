"""Linked access checks: a write that makes one resource use another one asks for a right on that other one too.

Azure's services declare them, each by the action of the request, the property of its body that holds the other
resource's id, and the action needed there. Resource Manager asks on every write whose body names it, also when nothing
about it changes (https://github.com/Azure/azure-cli/issues/23447), and refuses with `LinkedAuthorizationFailed`.

The actions are those of https://learn.microsoft.com/azure/role-based-access-control/permissions/networking and of
https://learn.microsoft.com/azure/private-link/rbac-permissions; the right to hand out an identity is that of
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-assign-managed-identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.errors import ServiceError
from emulator.resource_id import ResourceId
from emulator.roles import matches

if TYPE_CHECKING:
    from emulator.access import Access
    from emulator.entra.principal import Principal

ASSIGN_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
NETWORK = "Microsoft.Network"
JOIN_NETWORK = f"{NETWORK}/virtualNetworks/join/action"
JOIN_SUBNET = f"{NETWORK}/virtualNetworks/subnets/join/action"
APPROVE_CONNECTION = "{type}/privateEndpointConnectionsApproval/action"
"""Of the service that a private endpoint leads to: its owner's consent, given in the same request."""
VM_SUBNET = (
    "properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations[*]"
    ".properties.ipConfigurations[*].properties.subnet.id"
)


@dataclass(frozen=True)
class LinkedAccessCheck:
    """`action`: what the request does, `*` for any text. `linked_property`: where its body names the other resource;
    `[*]` stands for every member of a list or object, `[*]~` for the names of an object's members. `linked_action`:
    what is needed there, `{type}` for the other resource's type.
    """

    action: str
    linked_property: str
    linked_action: str


CHECKS = (
    LinkedAccessCheck("*/write", "identity.userAssignedIdentities[*]~", ASSIGN_IDENTITY),
    LinkedAccessCheck("Microsoft.Compute/virtualMachineScaleSets/write", VM_SUBNET, JOIN_SUBNET),
    LinkedAccessCheck("Microsoft.ContainerInstance/containerGroups/write", "properties.subnetIds[*].id", JOIN_SUBNET),
    LinkedAccessCheck(
        "Microsoft.ContainerRegistry/registries/agentPools/write",
        "properties.virtualNetworkSubnetResourceId",
        JOIN_SUBNET,
    ),
    LinkedAccessCheck(
        "Microsoft.ContainerService/managedClusters/write",
        "properties.agentPoolProfiles[*].vnetSubnetID",
        JOIN_SUBNET,
    ),
    LinkedAccessCheck(
        "Microsoft.ContainerService/managedClusters/agentPools/write", "properties.vnetSubnetID", JOIN_SUBNET
    ),
    LinkedAccessCheck(
        f"{NETWORK}/natGateways/write",
        "properties.publicIpAddresses[*].id",
        f"{NETWORK}/publicIPAddresses/join/action",
    ),
    LinkedAccessCheck(
        f"{NETWORK}/virtualNetworks/subnets/write",
        "properties.networkSecurityGroup.id",
        f"{NETWORK}/networkSecurityGroups/join/action",
    ),
    LinkedAccessCheck(
        f"{NETWORK}/virtualNetworks/subnets/write",
        "properties.natGateway.id",
        f"{NETWORK}/natGateways/join/action",
    ),
    LinkedAccessCheck(
        f"{NETWORK}/virtualNetworks/virtualNetworkPeerings/write",
        "properties.remoteVirtualNetwork.id",
        f"{NETWORK}/virtualNetworks/peer/action",
    ),
    LinkedAccessCheck(
        f"{NETWORK}/privateDnsZones/virtualNetworkLinks/write", "properties.virtualNetwork.id", JOIN_NETWORK
    ),
    LinkedAccessCheck(f"{NETWORK}/privateEndpoints/write", "properties.subnet.id", JOIN_SUBNET),
    LinkedAccessCheck(
        f"{NETWORK}/privateEndpoints/write",
        "properties.privateLinkServiceConnections[*].properties.privateLinkServiceId",
        APPROVE_CONNECTION,
    ),
    LinkedAccessCheck(
        f"{NETWORK}/privateEndpoints/privateDnsZoneGroups/write",
        "properties.privateDnsZoneConfigs[*].properties.privateDnsZoneId",
        f"{NETWORK}/privateDnsZones/join/action",
    ),
)
"""Those of the types that the emulator keeps."""


def require_linked(
    access: Access,
    principal: Principal,
    action: str,
    scope: str,
    body: Mapping[str, Any],
    checks: Iterable[LinkedAccessCheck] = CHECKS,
) -> None:
    """Lets a write pass when its client may use what its body names.

    Raises:
        ServiceError: 403 as ARM words it, for the first right that is missing; 400 for what is no resource's id.
    """
    for check in checks:
        if matches((check.action,), action):
            for linked in linked_ids(body, check.linked_property):
                needed = check.linked_action.format(type=_type_of(linked, check.linked_property))
                access.require_linked(principal, action, scope, needed, linked)


def _type_of(linked: str, path: str) -> str:
    try:
        return ResourceId.parse(linked).type
    except ValueError:
        message = f"Property id '{linked}' at path '{path}' is invalid. Expect a fully qualified resource id."
        raise ServiceError(400, "LinkedInvalidPropertyId", message) from None


def linked_ids(body: Any, path: str) -> Iterator[str]:
    """The ids of resources that a body names at a path of `LinkedAccessCheck`; what is no id is left out."""
    yield from (one for one in _values(body, path.split(".")) if one.startswith("/subscriptions/"))


def _values(value: Any, parts: list[str]) -> Iterator[str]:
    if not parts:
        if isinstance(value, str):
            yield value
        return
    if not isinstance(value, Mapping):
        return
    name, star, tilde = parts[0].partition("[*]")
    # Azure reads the names of properties without regard to case.
    inner = next((one for key, one in value.items() if key.lower() == name.lower()), None)
    if not star:
        yield from _values(inner, parts[1:])
    elif tilde:
        yield from (key for key, one in inner.items() if one is not None) if isinstance(inner, Mapping) else ()
    else:
        members = inner.values() if isinstance(inner, Mapping) else inner if isinstance(inner, list) else ()
        for member in members:
            yield from _values(member, parts[1:])
