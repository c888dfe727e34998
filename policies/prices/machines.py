"""The sizes of virtual machines that may be used: their cores, and what Azure's price list calls them."""

from __future__ import annotations

from dataclasses import dataclass

from policies.prices.meters import Meter


@dataclass(frozen=True)
class Machine:
    """One size. `gpu`: whether it has a graphics processor, which takes an exemption to use."""

    size: str
    cores: int
    meter: Meter
    gpu: bool = False


_SERIES = {
    "Virtual Machines DSv2 Series": {"DS2 v2": 2, "DS3 v2": 4, "DS11 v2": 2, "DS12 v2": 4},
    "Virtual Machines Dasv5 Series": {"D2as v5": 2, "D4as v5": 4},
    "Virtual Machines Dsv5 Series": {"D2s v5": 2, "D4s v5": 4, "D8s v5": 8, "D16s v5": 16},
    "Virtual Machines Ddsv5 Series": {"D2ds v5": 2, "D4ds v5": 4, "D8ds v5": 8},
    "Virtual Machines Dsv6 Series": {"D2s v6": 2, "D4s v6": 4, "D8s v6": 8, "D16s v6": 16},
    "Virtual Machines Edsv5 Series": {"E4ds v5": 4},
    "Virtual Machines Esv5 Series": {"E4s v5": 4, "E8s v5": 8},
    "Virtual Machines FSv2 Series": {"F4s v2": 4, "F8s v2": 8},
    "Virtual Machines NCasT4 v3 Series": {"NC4as T4 v3": 4, "NC8as T4 v3": 8},
    "NCads A100 v4 Series Linux": {"NC24ads_A100_v4": 24},
    "Virtual Machines NCadsH100v5 Series": {"NC40adsH100v5": 40},
}
"""Cores by meter, by product. Windows has products of its own; `Low Priority` and `Spot` are other meters."""
_SPELLED = {"NC40adsH100v5": "Standard_NC40ads_H100_v5"}
"""Sizes that are not the meter's name with underscores."""


def _machine(product: str, meter: str, cores: int) -> Machine:
    size = _SPELLED.get(meter, f"Standard_{meter.replace(' ', '_')}")
    return Machine(size, cores, Meter("Virtual Machines", product, size, meter, "1 Hour"), gpu=has_gpu(size))


def has_gpu(size: str) -> bool:
    """Whether a size is of one of Azure's families with graphics processors, whether it is in the table or not."""
    return size.lower().startswith("standard_n")


MACHINES = {
    machine.size.lower(): machine
    for product, sizes in _SERIES.items()
    for meter, cores in sizes.items()
    for machine in [_machine(product, meter, cores)]
}
"""By size in lower case: Azure takes any."""


def machine(size: str) -> Machine | None:
    """A size of the table."""
    return MACHINES.get(size.lower())
