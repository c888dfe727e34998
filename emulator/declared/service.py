"""The service: clusters, hubs, registries and data services as documents that hold what Azure would say of them."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.declared.data_services import DATA_SERVICES
from emulator.declared.types import (
    BatchEndpoint,
    BuiltInEndpoint,
    Declared,
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
        kinds: tuple[type[Declared], ...] = (
            ManagedCluster,
            IotHub,
            DeviceProvisioning,
            ModelRegistry,
            BatchEndpoint,
            *DATA_SERVICES,
        )
        store = self.emulator.store
        return [*(kind(store) for kind in kinds), BuiltInEndpoint(store)]
