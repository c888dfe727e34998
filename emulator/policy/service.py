"""The part of Microsoft.Authorization that is Azure Policy."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.policy.types import PolicyAssignment, PolicyDefinition, PolicyExemption, PolicySetDefinition
from emulator.service import ResourceType, Service


class PolicyService(Service):
    """Keeps what is declared; `emulator.policy.admission` makes it count."""

    name = "policy"

    def resource_types(self) -> Sequence[ResourceType]:
        store = self.emulator.store
        return [PolicyDefinition(), PolicySetDefinition(store), PolicyAssignment(store), PolicyExemption(store)]
