"""The initiative of Azure's own definitions, and its assignment to the group."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import azure_policy
from tests.program.azure.declared import Declared
from tests.program.azure.stacks import AZURE, declared, main
from tests.program.recorder import run
from tools.azure_verdict import read

TYPES = ("authorization:PolicySetDefinition", "authorization:PolicyAssignment")


@pytest.fixture(name="stack", scope="module")
def stack_fixture() -> Declared:
    config = {**AZURE, "policy": {"assign": True}}
    return Declared(run(main, config, stack="small"), config)


def test_nothing_is_assigned_unless_the_stack_says_so() -> None:
    assert declared("small").of(*TYPES) == []


def test_the_initiative_is_assigned_to_the_group(stack: Declared) -> None:
    assert stack.unasked == []
    initiative, assignment = (stack.of(kind)[0] for kind in TYPES)
    (group,) = stack.of("resources:ResourceGroup")
    assert initiative.id.startswith(f"/subscriptions/{stack.subscription}/providers/Microsoft.Authorization/")
    assert assignment.id.startswith(f"{group.id}/providers/Microsoft.Authorization/policyAssignments/")
    assert initiative.registered.urn in stack.recording.before(assignment.registered)
    properties = initiative.properties
    said = azure_policy.initiative()
    assert properties["policyDefinitions"] == said["policyDefinitions"]
    assert [one["name"] for one in properties["policyDefinitionGroups"]] == [
        one["name"] for one in said["policyDefinitionGroups"]
    ]
    assert len(properties["policyDefinitions"]) > 50


def test_it_only_lists_and_needs_no_value(data_directory: Path) -> None:
    """So nothing is refused or changed, and no identity is needed."""
    known = {one.definition.id: one.definition for one in read(data_directory / "azure-policy").assigned}
    named = [one["policyDefinitionId"] for one in azure_policy.initiative()["policyDefinitions"]]
    found = [known[one] for one in named if one in known]
    assert len(found) > 50
    assert {one.title: one.defaults.get("effect") for one in found if one.defaults.get("effect") != "Audit"} == {}
    assert [one.title for one in found if one.parameters - one.defaults.keys()] == []
