"""What every stack says about itself, whatever it is made of."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self
from uuid import UUID

import pulumi
from pydantic import AfterValidator, Field, model_validator

from infra.address_plan import NetworkSettings
from infra.configuration import check_placeholders, read
from infra.cost_settings import CostSettings
from infra.day import Day
from infra.policy_settings import PolicySettings
from infra.sizes import Section
from infra.soft_delete import SoftDeleteSettings


def _public_range(text: str) -> str:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no IPv4 address or range ({error})") from None
    if network.is_private or 30 < network.prefixlen < 32:
        raise ValueError(
            f"{text!r} is refused by Azure Storage: use a public address, or a public range of /30 or larger"
        )
    return text.removesuffix("/32")


AzureId = Annotated[UUID, Field(examples=["11111111-2222-3333-4444-555555555555"])]
AddressRange = Annotated[str, AfterValidator(_public_range)]


class StorageSettings(Section):
    """The storage account of the workspace and the data lake."""

    redundancy: Literal["Standard_LRS", "Standard_ZRS", "Standard_GRS", "Standard_GZRS"] = Field(
        "Standard_LRS", description="how many copies Azure keeps, and where", examples=["Standard_LRS"]
    )
    soft_delete_days: int = Field(
        7,
        ge=1,
        le=365,
        description="days that deleted blobs, containers and old versions can be brought back",
        examples=[7],
    )


class StackSettings(Section):
    """Where a stack is, whose it is, and who reaches it."""

    cloud: Literal["emulator", "azure"] = Field(
        description="which cloud answers; only shown, never a reason to build something else", examples=["azure"]
    )
    subscription_id: AzureId = Field(description="the Azure subscription everything is made in")
    tenant_id: AzureId = Field(description="the Microsoft Entra tenant of the subscription")
    deployers_group_id: AzureId = Field(
        description="object id of the Entra group of the people and pipelines that run this program"
    )
    location: str = Field(pattern=r"^[a-z][a-z0-9]+$", description="Azure region", examples=["westeurope"])
    environment: Literal["local", "dev", "test", "prod"] = Field(
        description="the kind of stack; prod keeps deleted secrets for 90 days and cannot be purged", examples=["dev"]
    )
    owner: str = Field(
        min_length=1, max_length=256, description="who answers for the stack", examples=["ml-platform@example.com"]
    )
    cost_center: str = Field(
        min_length=1, max_length=256, description="who pays for the stack", examples=["data-science"]
    )
    allowed_addresses: tuple[AddressRange, ...] = Field(
        (),
        max_length=100,
        description="public IPv4 addresses or ranges let in by the profile hybrid",
        examples=[["203.0.113.0/24"]],
    )
    cost: CostSettings = Field(
        default_factory=CostSettings, description="what the stack is assumed to use, and what it may cost"
    )
    expires_on: Day | None = Field(
        None,
        description="last day of a personal stack, which everything in it carries as a tag; `make expired` then takes "
        "it down; none = it stays",
        examples=["2027-01-31"],
    )
    name_salt: str = Field(
        "",
        pattern=r"^[a-z0-9]{0,16}$",
        description="changes every name, for a stack whose deleted vault or workspace still holds the old ones",
        examples=["second"],
    )
    network: NetworkSettings = Field(
        default_factory=NetworkSettings, description="the stack's own network, in the profile private"
    )
    policy: PolicySettings = Field(
        default_factory=PolicySettings, description="levels of rules and exemptions from them (`make policy`)"
    )
    soft_delete: SoftDeleteSettings = Field(
        default_factory=SoftDeleteSettings, description="what becomes of a deleted vault or workspace"
    )
    storage: StorageSettings = Field(default_factory=StorageSettings, description="storage accounts")

    @model_validator(mode="after")
    def _one_subscription(self) -> Self:
        """The program changes one subscription and no other."""
        here, network = f"/subscriptions/{self.subscription_id}/", self.network
        if network.hub_network_id and not network.hub_network_id.lower().startswith(here):
            raise ValueError(
                "network.hubNetworkId is in another subscription: have the two networks connected by whoever owns that "
                "one, and remove the key"
            )
        zones = network.dns_zones_group_id
        if network.hub_network_id and not zones:
            raise ValueError(
                "network.hubNetworkId without network.dnsZonesGroupId: the machines there would not find this stack's "
                "private endpoints; name the resource group with the zones that the hub uses"
            )
        if zones and not zones.lower().startswith(here) and not network.dns_servers:
            raise ValueError(
                "network.dnsZonesGroupId is in another subscription, where this program links nothing: name the "
                "resolvers that know its zones in network.dnsServers"
            )
        return self

    @classmethod
    def load(cls) -> Self:
        """Reads the configuration of the running stack.

        Raises:
            pulumi.RunError: all that is wrong, each with key, value and what to write; nothing has been declared then.
        """
        settings = read(cls)
        if not pulumi.runtime.is_dry_run():
            check_placeholders(settings)
        return settings
