"""Azure Machine Learning registry: what several workspaces share, so that production gets the very model dev proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import machinelearningservices as ml
from pydantic import Field

from infra.naming import Kind
from infra.role_assignments import Scope
from infra.sizes import Section

if TYPE_CHECKING:
    from infra.placement import Placement
    from infra.platform import Platform


class ModelRegistrySettings(Section):
    """The registry for promotion."""

    regions: tuple[str, ...] = Field(
        (),
        max_length=10,
        description="regions that have a copy besides the stack's own, each with a registry and a storage account",
        examples=[["northeurope"]],
    )


@dataclass(frozen=True, kw_only=True)
class ModelRegistryArgs:
    """`redundancy`: how many copies the storage accounts keep."""

    placement: Placement
    settings: ModelRegistrySettings
    redundancy: str


class ModelRegistry(pulumi.ComponentResource):
    """A registry of models, environments and components. Its storage accounts and container registries are Azure's own,
    in a group that Azure manages: nobody has a key to them, and access is by roles on the registry alone.

    Costs a Premium container registry in each region, some 50 USD a month, and what is stored. Protected in production:
    it holds every model that was ever promoted.
    """

    def __init__(self, name: str, args: ModelRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:machinelearning:ModelRegistry", name, None, opts)
        here = args.placement
        self.registry_name = here.naming.name(Kind.ML_REGISTRY)
        self.registry_id = here.resource_id(Kind.ML_REGISTRY, self.registry_name)
        regions = dict.fromkeys((here.location, *args.settings.regions))
        self.registry = ml.Registry(
            name,
            registry_name=self.registry_name,
            resource_group_name=here.resource_group_name,
            location=here.location,
            tags=here.tags,
            # Azure ML takes no other kind of identity for a registry.
            identity=ml.ManagedServiceIdentityArgs(type="SystemAssigned"),
            public_network_access=here.network.public_access,
            region_details=[self._region(region, args.redundancy) for region in regions],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[here.group], protect=here.is_production),
        )
        self.register_outputs({"registryName": self.registry_name, "registryId": self.registry_id})

    @property
    def scope(self) -> Scope:
        """The registry, for role assignments."""
        return Scope("model-registry", self.registry_id, self.registry)

    @staticmethod
    def _region(location: str, redundancy: str) -> ml.RegistryRegionArmDetailsArgs:
        storage = ml.SystemCreatedStorageAccountArgs(
            storage_account_type=redundancy, storage_account_hns_enabled=False, allow_blob_public_access=False
        )
        images = ml.SystemCreatedAcrAccountArgs(acr_account_sku="Premium")
        return ml.RegistryRegionArmDetailsArgs(
            location=location,
            storage_account_details=[ml.StorageAccountDetailsArgs(system_created_storage_account=storage)],
            acr_details=[ml.AcrDetailsArgs(system_created_acr_account=images)],
        )


def declare(platform: Platform) -> None:
    """Declares the registry and who may use it."""
    settings = platform.settings
    args = ModelRegistryArgs(
        placement=platform.placement, settings=settings.model_registry, redundancy=settings.storage.redundancy
    )
    platform.access.add(ModelRegistry("model-registry", args, platform.child).scope)
