"""Who lives where in the stack's own network: one subnet for each purpose, each at a place that never moves."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from infra.parts import Part
from infra.sizes import Section

if TYPE_CHECKING:
    from infra.settings import Settings

LARGEST, SMALLEST = 16, 21
"""Prefix lengths of an address space: the smallest has 128 addresses for private endpoints, 512 for AKS nodes."""
GROUP_ID = r"/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[\w.()-]{1,90}"


def _address_space(text: str) -> str:
    try:
        space = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no IPv4 range ({error})") from None
    if not space.is_private or not LARGEST <= space.prefixlen <= SMALLEST:
        raise ValueError(f"{text!r} must be a private range of /{LARGEST} to /{SMALLEST}, such as 10.40.0.0/20")
    return text


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is no IPv4 address ({error})") from None


def _host(text: str) -> str:
    if not re.fullmatch(r"(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", text):
        raise ValueError(f"{text!r} is no host name; write it without https:// and path, such as pypi.org")
    return text


class NetworkSettings(Section):
    """The stack's own network. Only the profile private has one."""

    address_space: Annotated[str, AfterValidator(_address_space)] = Field(
        "10.40.0.0/20",
        description="private addresses of the stack's own network; networks that are to be connected must not overlap",
        examples=["10.40.0.0/20"],
    )
    dns_servers: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(
        (),
        max_length=10,
        description="resolvers that know the private DNS zones; none = Azure's own, with the zones linked to the "
        "network",
        examples=[["10.0.0.4"]],
    )
    dns_zones_group_id: str | None = Field(
        None,
        pattern=f"^{GROUP_ID}$",
        description="resource group that has the private DNS zones already, such as that of a hub or of the stack "
        "bootstrap; none = the stack makes its own",
        examples=["/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-dns"],
    )
    hub_network_id: str | None = Field(
        None,
        pattern=f"^{GROUP_ID}/providers/Microsoft.Network/virtualNetworks/[\\w.-]{{2,64}}$",
        description="virtual network to connect the stack's own with, in both directions: where the runner is, such as "
        "that of the stack bootstrap",
        examples=[
            "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-hub/providers/Microsoft.Network/"
            "virtualNetworks/vnet-hub"
        ],
    )
    databricks_sign_in: bool = Field(
        True,
        description="whether browsers sign in to Databricks through this stack's endpoint; of the stacks of a region "
        "that share private DNS zones only one may say so",
        examples=["false"],
    )
    build_agents: int = Field(
        1,
        ge=0,
        le=10,
        description="machines that build images in the profile private; Azure bills them whether they build or not, "
        "and without any no new image is built",
        examples=[1],
    )
    approved_hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = Field(
        ("pypi.org", "*.pythonhosted.org", "*.anaconda.com", "*.anaconda.org"),
        description="hosts of the internet that jobs and image builds of the profile private may reach; none saves the "
        "firewall that Azure ML puts up for them, and then no environment can be built from packages",
        examples=[["pypi.org", "files.pythonhosted.org"]],
    )


class Purpose(StrEnum):
    """What a subnet is for. The value is its name."""

    ENDPOINTS = "endpoints"
    """Private endpoints, and nothing else."""
    CONTAINERS = "containers"
    """Container groups in which new images are tried and models serve."""
    BUILDS = "builds"
    """Agents that build images in the network."""
    RUNNER = "runner"
    """Whatever runs the program: no other machine reaches the data services."""
    KUBERNETES = "kubernetes"
    """AKS nodes; pods have addresses of their own outside the network."""
    DATABRICKS_PUBLIC = "databricks-public"
    """Host addresses of Databricks nodes. The name is Databricks': no node has a public address."""
    DATABRICKS_PRIVATE = "databricks-private"
    """Container addresses of Databricks nodes."""


@dataclass(frozen=True)
class Slot:
    """A place in the address space: number `index` of the parts that `bits` more bits of prefix make.

    `outbound`: its machines call something outside the network, through the NAT gateway.
    """

    bits: int
    index: int
    outbound: bool = True
    delegated_to: str = ""

    def range_in(self, space: str) -> str:
        """The subnet's addresses."""
        network = ipaddress.IPv4Network(space)
        step = 1 << (network.max_prefixlen - network.prefixlen - self.bits)
        first = network.network_address + self.index * step
        return f"{first}/{network.prefixlen + self.bits}"


# Of 16 parts: 0 endpoints, 1 containers, 2 builds and runner, 3 free, 4-7 AKS, 8-11 Databricks, 12-15 free.
PLAN: Mapping[Purpose, Slot] = MappingProxyType(
    {
        Purpose.ENDPOINTS: Slot(4, 0, outbound=False),
        Purpose.CONTAINERS: Slot(4, 1, delegated_to="Microsoft.ContainerInstance/containerGroups"),
        Purpose.BUILDS: Slot(6, 8),
        Purpose.RUNNER: Slot(6, 9),
        Purpose.KUBERNETES: Slot(2, 1),
        Purpose.DATABRICKS_PUBLIC: Slot(3, 4, delegated_to="Microsoft.Databricks/workspaces"),
        Purpose.DATABRICKS_PRIVATE: Slot(3, 5, delegated_to="Microsoft.Databricks/workspaces"),
    }
)
"""A slot is state: a subnet with anything in it cannot move."""

PARTS: Mapping[Purpose, Part] = MappingProxyType(
    {
        Purpose.KUBERNETES: Part.KUBERNETES,
        Purpose.DATABRICKS_PUBLIC: Part.DATABRICKS,
        Purpose.DATABRICKS_PRIVATE: Part.DATABRICKS,
    }
)


def purposes(settings: Settings) -> tuple[Purpose, ...]:
    """The subnets that a stack needs: no machine, no subnet."""
    serving = (Purpose.CONTAINERS, Purpose.BUILDS) if settings.systems else ()
    return (Purpose.ENDPOINTS, *serving, *(one for one, part in PARTS.items() if part in settings.platform))
