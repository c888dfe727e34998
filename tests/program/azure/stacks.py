"""The stacks that are held to Azure: each committed configuration, and the whole platform in every network profile."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from tests.program.azure.declared import Declared
from tests.program.recorder import ROOT, run, stack_config

ID = "11111111-2222-3333-4444-555555555555"
IDS = {"subscriptionId": ID, "tenantId": ID, "deployersGroupId": ID, "notebooks": {"userObjectId": ID}}
FEDERATION = {"github": {"repository": "example/mlops", "pullRequests": True}}
FULL = stack_config("dev") | IDS | {"federation": FEDERATION}
OF_PARTS = ("platform", "dataFactory", "operations", "notebooks", "federation")
AZURE = {key: value for key, value in FULL.items() if key not in OF_PARTS}
"""A small team's stack: one system, the open network, no parts."""
PROFILES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "open": {"networkProfile": "open"},
        "hybrid": {"networkProfile": "hybrid", "allowedAddresses": ["8.8.8.0/24", "1.2.3.4"]},
        "private": {"networkProfile": "private"},
    }
)
PRODUCTION = stack_config("prod") | IDS
CLOSED = {
    "operations": {**FULL["operations"], "monthlyBudget": 2500},
    "cost": {"firewallAcknowledged": True},
}
"""What a stack for development says besides when its network closes: that costs more."""
CONFIGURATIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "local": stack_config("local"),
        "small": AZURE,
        **{
            f"dev-{name}": FULL | dict(profile) | (CLOSED if name != "open" else {})
            for name, profile in PROFILES.items()
        },
        **{f"prod-{name}": PRODUCTION | dict(profile) for name, profile in PROFILES.items()},
    }
)
"""By name: the stack of this machine, that of a small team, and all parts on Azure."""


def main() -> None:
    """The whole program."""
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


@cache
def declared(name: str) -> Declared:
    """One run for all tests that only look at it."""
    config = CONFIGURATIONS[name]
    return Declared(run(main, config, stack=name), config)
