"""The band of the network: its subnets and its ways in and out, or how services are reached without one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tools.diagram.boxes import ADDRESSES, PRIVATE_ENDPOINT, PUBLIC, Box
from tools.diagram.items import Item, Items

SUBNET = "Microsoft.Network/virtualNetworks/subnets"


@dataclass(frozen=True)
class Subnet:
    """A part of the network, and who has it for himself."""

    name: str
    addresses: str
    word: str


@dataclass(frozen=True)
class Network:
    """`title` and `words` go before the subnets; `way_out` is "" where there is none."""

    title: str
    words: tuple[str, ...]
    subnets: tuple[Subnet, ...] = ()
    way_out: str = ""


def network_of(items: Items, boxes: Sequence[Box]) -> Network:
    """The network of a stack."""
    networks = items.of_type("Microsoft.Network/virtualNetworks")
    if not networks:
        return _without(boxes)
    space = ", ".join(networks[0].properties["addressSpace"]["addressPrefixes"])
    zones = len(items.of_type("Microsoft.Network/privateDnsZones"))
    rules = len(items.of_type("Microsoft.Network/networkSecurityGroups"))
    peered = items.of_type("Microsoft.Network/virtualNetworks/virtualNetworkPeerings")
    nat = items.of_type("Microsoft.Network/natGateways")
    words = [f"{rules} network security groups"]
    words.append(f"{zones} private DNS zones" if zones else "private DNS zones of another group")
    words += ["connected with a hub"] if peered else []
    subnets = tuple(_subnet(item, items) for item in sorted(items.of_type(SUBNET), key=_first_address))
    return Network("Virtual network " + space, tuple(words), subnets, "NAT gateway" if nat else "")


def _first_address(item: Item) -> tuple[int, ...]:
    return tuple(int(part) for part in item.properties["addressPrefix"].partition("/")[0].split("."))


def _subnet(item: Item, items: Items) -> Subnet:
    properties = item.properties
    endpoints = sum(1 for one in items.of_type(PRIVATE_ENDPOINT) if f'"{item.id}"' in one.text)
    given = [str(one["properties"]["serviceName"]).partition("/")[0] for one in properties.get("delegations") or []]
    words = [f"for {_spaced(name.removeprefix('Microsoft.'))}" for name in given]
    words += [f"{endpoints} private endpoint{'s' if endpoints > 1 else ''}"] if endpoints else []
    return Subnet(item.own_name, str(properties["addressPrefix"]), ", ".join(words))


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def _without(boxes: Sequence[Box]) -> Network:
    """Of services that answer at Azure's public addresses."""
    count = {reach: sum(1 for box in boxes if box.reach == reach) for reach in (PUBLIC, ADDRESSES)}
    words = []
    if count[PUBLIC]:
        words.append(f"{count[PUBLIC]} services answer from anywhere, and ask who it is")
    if count[ADDRESSES]:
        words.append(f"{count[ADDRESSES]} answer only some addresses, and trusted services of Azure")
    return Network("No network of its own", tuple(words))
