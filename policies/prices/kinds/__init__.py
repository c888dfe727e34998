"""What every type of resource is paid for, a file a group of services."""

from __future__ import annotations

from policies.prices.kinds import containers, data, free, life_cycle, machine_learning, monitoring, movement, network
from policies.prices.pricing import Pricer

COMPONENTS = ("mlops:", "pulumi:")
"""How the types of what is only made of other resources begin: components, providers, the stack."""
GROUPS = (containers, data, free, life_cycle, machine_learning, monitoring, movement, network)
PRICERS: dict[str, Pricer] = {kind: pricer for group in GROUPS for kind, pricer in group.PRICERS.items()}
"""By short type, such as `storage:StorageAccount` and `ml:Rollout`."""


def pricer(short_type: str) -> Pricer | None:
    """What knows a type's price; None for a type that nobody has thought of."""
    return PRICERS.get(short_type)
