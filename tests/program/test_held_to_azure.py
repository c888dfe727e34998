"""Every stack and network profile against Azure's published models and rules."""

from __future__ import annotations

import pytest

from tests.program.azure.checks import CHECKS
from tests.program.azure.declared import TABLE
from tests.program.azure.stacks import CONFIGURATIONS, declared
from tests.program.test_bootstrap import stack as bootstrap
from tests.unit.resource_type_examples import INPUTS

AHEAD = {
    "datafactory:ManagedPrivateEndpoint": "a factory's way to a service whose endpoint is shut",
    "eventgrid:SystemTopic": "the file trigger",
    "eventgrid:SystemTopicEventSubscription": "the file trigger",
    "eventgrid:Topic": "the file trigger",
    "logic:Workflow": "the file trigger",
    "storage:Queue": "the file trigger",
    "machinelearningservices:BatchDeployment": "a model's batch scoring",
    "machinelearningservices:ManagedNetworkSettingsRule": "rules of a managed network apart from the workspace",
    "machinelearningservices:Schedule": "jobs at fixed times",
    "managedidentity:FederatedIdentityCredential": "pipelines that sign in without a secret",
    "network:VirtualNetworkPeering": "a network beside a hub's, which `test_network.py` declares",
}
"""Types that the table knows and no stack here declares, and what will."""


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


def test_every_type_of_the_table_is_declared_by_a_stack_or_has_an_example() -> None:
    """What no request has ever been made of may be wrong in the table without anybody noticing."""
    stacks = [*(declared(name) for name in CONFIGURATIONS), bootstrap("runner")]
    tried = {one.entry.token for stack in stacks for one in stack.resources}
    tried |= {f"azure-native:{name}" for name in INPUTS}
    untried = {token.removeprefix("azure-native:") for token in set(TABLE.tokens) - tried}
    assert untried <= AHEAD.keys()
    assert tried <= set(TABLE.tokens)
