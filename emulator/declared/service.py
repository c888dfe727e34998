"""The service: clusters, hubs and registries as documents that hold what Azure would say of them."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.declared.types import (
    BatchEndpoint,
    BuiltInEndpoint,
    DeviceProvisioning,
    IotHub,
    ManagedCluster,
    ModelRegistry,
)
from emulator.service import ResourceType, Service


class DeclaredService(Service):
    """Nothing runs: a cluster has no nodes, a hub no devices."""

    name = "declared"

    def resource_types(self) -> Sequence[ResourceType]:
        kinds = (ManagedCluster, IotHub, DeviceProvisioning, ModelRegistry, BatchEndpoint)
        store = self.emulator.store
        return [*(kind(store) for kind in kinds), BuiltInEndpoint(store)]
