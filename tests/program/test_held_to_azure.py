"""Every stack and network profile against Azure's published models and rules."""

from __future__ import annotations

import pytest

from tests.program.azure.checks import CHECKS
from tests.program.azure.declared import TABLE, Declared
from tests.program.azure.stacks import CONFIGURATIONS, FULL, ID, declared, main
from tests.program.recorder import run
from tests.program.test_bootstrap import stack as bootstrap
from tests.unit.resource_type_examples import INPUTS

HUB = f"/subscriptions/{ID}/resourceGroups/rg-hub"
BESIDE_A_HUB = FULL | {
    "networkProfile": "private",
    "network": {
        "hubNetworkId": f"{HUB}/providers/Microsoft.Network/virtualNetworks/vnet-hub",
        "dnsZonesGroupId": HUB,
    },
}
"""What no other stack has: a network beside another one."""


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("check", CHECKS)
def test_stack_is_as_azure_wants_it(check: str, name: str) -> None:
    assert list(CHECKS[check](declared(name))) == []


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_there_is_something_to_check(name: str) -> None:
    """A check over nothing finds nothing: ids and names that mean other resources have to be seen."""
    stack = declared(name)
    uses = {(one.name, other.name) for one in stack.resources for other in stack.mentioned(one) if one is not other}
    assert len(stack.resources) >= 38
    assert len(uses) >= 80


@pytest.fixture(scope="module")
def beside_a_hub() -> Declared:
    return Declared(run(main, BESIDE_A_HUB, stack="hub"), BESIDE_A_HUB)


def test_every_type_of_the_table_is_declared_by_a_stack_or_has_an_example(beside_a_hub: Declared) -> None:
    """What no request has ever been made of may be wrong in the table without anybody noticing."""
    stacks = [*(declared(name) for name in CONFIGURATIONS), bootstrap("runner"), beside_a_hub]
    tried = {one.entry.token for stack in stacks for one in stack.resources}
    assert tried | {f"azure-native:{name}" for name in INPUTS} == set(TABLE.tokens)


@pytest.mark.parametrize("check", CHECKS)
def test_stack_beside_a_hub_is_as_azure_wants_it(check: str, beside_a_hub: Declared) -> None:
    assert list(CHECKS[check](beside_a_hub)) == []
