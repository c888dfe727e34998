"""Who may do what: one question (principal, action, scope), asked wherever a signed-in client is let through.

Role assignments are recorded, and enforced for the actions in `GRANTED_BY`: pulling images and sending telemetry. Every
other action is asked about too and granted to whoever has signed in; enforcing another one is a row in that table. Keys
and shared access signatures carry their own permission and are not asked about, as on Azure.
"""

from __future__ import annotations

from collections.abc import Iterator

from emulator.entra.principal import Principal
from emulator.entra.tokens import DEVELOPER
from emulator.errors import ServiceError
from emulator.store import Store

ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"

PULL_IMAGE = "Microsoft.ContainerRegistry/registries/pull/read"
SEND_TELEMETRY = "Microsoft.Insights/Telemetry/Write"
QUERY_LOGS = "Microsoft.OperationalInsights/workspaces/query/read"
SCORE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action"
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
SECRETS = "Microsoft.KeyVault/vaults/secrets"

# Built-in roles by their ids: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles.
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
ACR_PUSH = "8311e382-0749-4cb8-b61a-304f252e45ec"
REPOSITORY_READER = "b93aa761-3e63-49ed-ac28-beffa264f7ac"
MONITORING_METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
"""In spite of its name the role for all telemetry:
https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication.
"""
GRANTED_BY = {
    PULL_IMAGE: frozenset({ACR_PULL, ACR_PUSH, REPOSITORY_READER, CONTRIBUTOR, OWNER}),
    SEND_TELEMETRY: frozenset({MONITORING_METRICS_PUBLISHER}),
}
ARM_ACTIONS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


class Access:
    """Answers from the recorded role assignments. The developer of this machine may do everything."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allows(self, principal_id: str, action: str, scope: str) -> bool:
        """Whether a principal (by its object id) may do something to a resource (by its ARM id)."""
        roles = GRANTED_BY.get(action)
        if roles is None or principal_id == DEVELOPER.object_id:
            return True
        return principal_id.lower() in self._holders(roles, scope)

    def require(self, principal: Principal, action: str, scope: str) -> None:
        """Lets a request pass.

        Raises:
            ServiceError: 403 as ARM words it; services with words of their own ask `allows`.
        """
        if not self.allows(principal.object_id, action, scope):
            message = (
                f"The client '{principal.client_id}' with object id '{principal.object_id}' does not have "
                f"authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access "
                "was recently granted, please refresh your credentials."
            )
            raise ServiceError(403, "AuthorizationFailed", message)

    def _holders(self, roles: frozenset[str], scope: str) -> Iterator[str]:
        """Principals with one of the roles on a resource or above it."""
        key = scope.lower().rstrip("/")
        for assignment in self._store.of_type(ROLE_ASSIGNMENT):
            given = (assignment.resource.scope or "").lower().rstrip("/")
            role = assignment.properties["roleDefinitionId"].lower().rpartition("/")[2]
            if role in roles and (key == given or key.startswith(given + "/")):
                yield assignment.properties["principalId"].lower()


def arm_action(method: str, resource_type: str, name: str) -> str:
    """The action of a request to Resource Manager; `name` is that of a POST."""
    return f"{resource_type}/{ARM_ACTIONS.get(method) or f'{name}/action'}"
