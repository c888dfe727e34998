"""Who may send telemetry to a component that takes Entra tokens only."""

from __future__ import annotations

from emulator.entra.principal import Principal
from emulator.entra.tokens import DEVELOPER
from emulator.monitor.components import Component
from emulator.store import Store

ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
"""Monitoring Metrics Publisher, in spite of its name the role for all telemetry:
https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication.
"""


def may_publish(store: Store, component: Component, principal: Principal) -> bool:
    """Whether a principal has the role on the component or above it; the developer of this machine may everything."""
    if principal.object_id == DEVELOPER.object_id:
        return True
    for assignment in store.of_type(ROLE_ASSIGNMENT):
        scope = (assignment.resource.scope or "").lower().rstrip("/")
        role = assignment.properties["roleDefinitionId"].lower().rpartition("/")[2]
        covers = component.key == scope or component.key.startswith(scope + "/")
        if covers and role == PUBLISHER and assignment.properties["principalId"].lower() == principal.object_id.lower():
            return True
    return False
