"""The service: clusters, hubs, registries, topics and data services as documents that hold what Azure would say."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.declared.clusters import ManagedCluster
from emulator.declared.data_services import DATA_SERVICES
from emulator.declared.types import (
    BatchEndpoint,
    BuiltIn,
    Declared,
    DeviceProvisioning,
    IotHub,
    LogicApp,
    ModelRegistry,
    SystemTopic,
)
from emulator.service import ResourceType, Service

BUILT_IN = (
    ("Microsoft.Devices/IotHubs/eventHubEndpoints", "events"),
    ("Microsoft.Storage/storageAccounts/queueServices", "default"),
)
"""Type and name of what comes with the resource that it is part of."""


class DeclaredService(Service):
    """Nothing runs: a cluster has no nodes, a hub no devices."""

    name = "declared"

    def resource_types(self) -> Sequence[ResourceType]:
        kinds: tuple[type[Declared], ...] = (
            IotHub,
            DeviceProvisioning,
            ModelRegistry,
            BatchEndpoint,
            SystemTopic,
            LogicApp,
            *DATA_SERVICES,
        )
        store = self.emulator.store
        clusters = ManagedCluster(store, self.emulator.access)
        return [clusters, *(kind(store) for kind in kinds), *(BuiltIn(store, *one) for one in BUILT_IN)]
