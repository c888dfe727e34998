"""The service: clusters, hubs, registries and data services as documents that hold what Azure would say of them."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.declared.clusters import ManagedCluster
from emulator.declared.data_services import DATA_SERVICES
from emulator.declared.types import (
    BatchEndpoint,
    BuiltInEndpoint,
    Declared,
    DeviceProvisioning,
    IotHub,
    ModelRegistry,
)
from emulator.service import ResourceType, Service


class DeclaredService(Service):
    """Nothing runs: a cluster has no nodes, a hub no devices."""

    name = "declared"

    def resource_types(self) -> Sequence[ResourceType]:
        kinds: tuple[type[Declared], ...] = (
            IotHub,
            DeviceProvisioning,
            ModelRegistry,
            BatchEndpoint,
            *DATA_SERVICES,
        )
        store = self.emulator.store
        clusters = ManagedCluster(store, self.emulator.access)
        return [clusters, *(kind(store) for kind in kinds), BuiltInEndpoint(store)]
