"""Kubernetes clusters: what Azure says of one, and what its own identity must be allowed before there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.access import Access
from emulator.containers.identity import identity_of
from emulator.declared.types import Declared, location_of, own_id
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.linked_access import ASSIGN_IDENTITY, JOIN_SUBNET, LinkedAccessCheck, linked_ids, require_linked
from emulator.settings import TENANT_ID
from emulator.store import Document, Store

KUBELET = "properties.identityProfile.kubeletidentity.resourceId"


class ManagedCluster(Declared):
    """An AKS cluster without a node. Its issuer answers nobody."""

    type = "Microsoft.ContainerService/managedClusters"

    def __init__(self, store: Store, access: Access) -> None:
        super().__init__(store)
        self._access = access

    def prepare(self, document: Document, old: Document | None) -> None:
        super().prepare(document, old)
        for principal in self._identities(document):
            self._require_rights(principal, document)

    def answers(self, document: Document) -> dict[str, Any]:
        given, location = document.properties, location_of(document)
        own, group = own_id(document, "cluster"), document.id.split("/")[4]
        server = given.get("apiServerAccessProfile") or {}
        host = f"{given.get('dnsPrefix') or document.name}-{own[:8]}"
        address = {"fqdn": f"{host}.hcp.{location}.azmk8s.io"}
        if server.get("enablePrivateCluster"):
            address = {"privateFQDN": f"{host}.{own}.privatelink.{location}.azmk8s.io"}
        issuer = given.get("oidcIssuerProfile") or {}
        if issuer.get("enabled"):
            issuer = {**issuer, "issuerURL": f"https://{location}.oic.prod-aks.azure.com/{TENANT_ID}/{own}/"}
        return {
            **address,
            "oidcIssuerProfile": issuer,
            "powerState": {"code": "Running"},
            "resourceUID": own.replace("-", "")[:24],
            "currentKubernetesVersion": f"{given.get('kubernetesVersion', '1.36')}.0",
            "nodeResourceGroup": given.get("nodeResourceGroup") or f"MC_{group}_{document.name}_{location}"[:80],
            "maxAgentPools": 100,
        }

    def _identities(self, document: Document) -> Iterator[Principal]:
        """Its user-assigned identities; a system-assigned one has its rights from who makes the cluster."""
        for name in (document.body.get("identity") or {}).get("userAssignedIdentities") or ():
            found = self.store.get(name)
            if found and (identity := identity_of(found)):
                yield identity.principal

    def _require_rights(self, principal: Principal, document: Document) -> None:
        """The cluster gives its nodes their identity and puts them into the subnet, in its own name.

        https://learn.microsoft.com/azure/aks/use-managed-identity#add-role-assignment and
        https://learn.microsoft.com/azure/aks/concepts-identity#aks-cluster-identity-permissions

        Raises:
            ServiceError: 400 for the nodes' identity, as AKS says it; 403 for the subnet, as the network tells AKS.
        """
        for kubelet in linked_ids(document.body, KUBELET):
            if not self._access.allows(principal.object_id, ASSIGN_IDENTITY, kubelet):
                message = (
                    "The cluster using user-assigned managed identity must be granted 'Managed Identity Operator' role "
                    f"to assign kubelet identity: '{principal.object_id}' may not assign '{kubelet}'."
                )
                raise ServiceError(400, "CustomKubeletIdentityMissingPermissionError", message)
        nodes = "Microsoft.Compute/virtualMachineScaleSets/write"
        join = LinkedAccessCheck(nodes, "properties.agentPoolProfiles[*].vnetSubnetID", JOIN_SUBNET)
        group = document.properties["nodeResourceGroup"]
        scope = f"{document.id.partition('/resourceGroups/')[0]}/resourceGroups/{group}"
        require_linked(self._access, principal, nodes, scope, document.body, (join,))
