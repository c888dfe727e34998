"""What Azure ML needs of other services, and by whose identity: the workspace's, a cluster's, an endpoint's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.access import BLOBS, PULL_IMAGE, PUSH_IMAGE, SECRETS
from emulator.containers.identity import Identity, identity_of
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.machine_learning.locations import Location
from emulator.resource_id import ResourceId
from emulator.storage.accounts import ACCOUNT_TYPE
from emulator.store import Document, Store

if TYPE_CHECKING:
    from emulator.access import Access

FILES = "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/write"
SETS_SECRET = f"{SECRETS}/setSecret/action"


class IdentityAccess:
    """Asks for the rights of managed identities."""

    def __init__(self, store: Store, access: Access) -> None:
        self._store = store
        self._access = access

    def identities(self, document: Document) -> list[str]:
        """Ids of a resource's user-assigned identities."""
        return list((document.body.get("identity") or {}).get("userAssignedIdentities") or ())

    def principals(self, document: Document) -> list[Principal]:
        """Its user-assigned identities; none for a system-assigned one, which Azure gives its rights itself."""
        documents = (self._store.get(one) for one in self.identities(document))
        found: list[Identity | None] = [identity_of(one) for one in documents if one]
        return [one.principal for one in found if one]

    def require_workspace(self, workspace: Document) -> None:
        """Whether a workspace's user-assigned identity has what Azure ML asks of it; Azure refuses the workspace else.

        https://learn.microsoft.com/azure/machine-learning/how-to-identity-based-service-authentication

        Raises:
            ServiceError: 403, with the first right that is missing.
        """
        principals = self.principals(workspace)
        if not principals:
            return
        for action, scope, data in self._needed(workspace.properties):
            allows = self._access.allows_data if data else self._access.allows
            if not any(allows(one.object_id, action, scope) for one in principals):
                raise refused(principals[0], action, scope)

    def _needed(self, properties: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
        storage, vault = properties["storageAccount"], properties["keyVault"]
        yield f"{ACCOUNT_TYPE}/write", storage, False
        yield f"{BLOBS}/write", storage, True
        if properties["systemDatastoresAuthMode"].lower() == "identity":
            yield FILES, storage, True
        yield "Microsoft.KeyVault/vaults/write", vault, False
        found = self._store.get(vault)
        if found and found.properties.get("enableRbacAuthorization"):
            yield SETS_SECRET, vault, True
        yield "Microsoft.Insights/components/write", properties["applicationInsights"], False
        if registry := properties.get("containerRegistry"):
            yield PUSH_IMAGE, registry, False
        rules = (properties.get("managedNetwork") or {}).get("outboundRules") or {}
        for rule in rules.values():
            if rule.get("type") == "PrivateEndpoint":
                target = rule["destination"]["serviceResourceId"]
                yield f"{ResourceId.parse(target).type}/privateEndpointConnectionsApproval/action", target, False

    def may(self, who: Document, verb: str, location: Location) -> bool:
        """Whether a resource may `read` or `write` blobs by one of its user-assigned identities; without any the
        question does not arise.
        """
        principals = self.principals(who)
        accounts = self._store.of_type(ACCOUNT_TYPE)
        account = next((one for one in accounts if one.name.lower() == location.account.lower()), None)
        if not principals or account is None:
            return True
        scope = f"{account.id}/blobServices/default/containers/{location.container}"
        return any(self._access.allows_data(one.object_id, f"{BLOBS}/{verb}", scope) for one in principals)

    def may_pull(self, who: Document, registry: str) -> bool:
        """Whether a resource may pull images, likewise."""
        principals = self.principals(who)
        return not principals or any(self._access.allows(one.object_id, PULL_IMAGE, registry) for one in principals)


def refused(who: Principal, action: str, scope: str) -> ServiceError:
    """403 for a workspace whose identity lacks a right."""
    message = (
        f"The managed identity with client id '{who.client_id}' and object id '{who.object_id}' does not have "
        f"authorization to perform action '{action}' over scope '{scope}'. Give it the role on that resource before "
        "the workspace is made; a new assignment may take some minutes."
    )
    return ServiceError(403, "AuthorizationFailed", message, target="identity")
